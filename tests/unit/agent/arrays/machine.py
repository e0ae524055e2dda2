"""A machine with RAID tools, made for the tests: a `CommandRunner` that answers for each tool and view."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hardcase_agent.domain.errors import AgentError, ToolMissing
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.ports import CommandResult
from hardcase_agent.domain.reading import Gap, States
from hardcase_agent.sensors.arrays.source import TOOLS, ArraysSource

from tests.fakes.clock import FakeClock

HOST = Asset(vendor="Maker", serial="HOST1")


class Machine:
    """`answers[tool, view]` is a text or an error; a tool without any is not installed."""

    def __init__(self, sysfs: Path) -> None:
        self.answers: dict[tuple[str, str], str | AgentError] = {}
        self.asked: list[tuple[str, ...]] = []
        self.clock = FakeClock()
        self.takes_ms = 0
        self.sysfs = sysfs

    def source(self, *, tools: Sequence[str] = TOOLS) -> ArraysSource:
        return ArraysSource(host=HOST, commands=self, sysfs=self.sysfs, clock=self.clock, tools=tools)

    async def sweep(self, source: ArraysSource) -> Swept:
        return Swept(await source.sweep(self.clock.now()))

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        if not any(tool == known for known, _ in self.answers):
            raise ToolMissing(f"{tool} is not installed")
        self.asked.append((tool, *arguments))
        self.clock.advance(self.takes_ms)
        answer = self.answers.get((tool, arguments[0]), "")
        if isinstance(answer, AgentError):
            raise answer
        return CommandResult(0, answer.encode(), b"")


class Swept:
    """A sweep, asked by quantity and slot or serial."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep

    def states(self, quantity: str, place: str) -> set[str] | Gap:
        for sensor, reading in zip(self.sweep.sensors, self.sweep.readings, strict=True):
            if sensor.quantity == quantity and place in (sensor.part.slot, sensor.part.serial):
                if isinstance(reading, Gap):
                    return reading
                assert isinstance(reading, States)
                return {name for bit, name in enumerate(sensor.states) if reading.bits >> bit & 1}
        raise AssertionError(f"no {quantity} at {place}")

    def disk(self, serial: str) -> Part:
        assert self.sweep.parts is not None
        (part,) = [part for part in self.sweep.parts if part.serial == serial]
        return part
