"""The sweep: each installed RAID tool is asked in its turn; what one cannot tell costs the others nothing.

Built by `family.py`. What is asked is `asking.py`'s matter, what it means `measure.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hardcase_agent.domain.diagnostic import KnownDisk
from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    DeviceBusy,
    DeviceHung,
    ToolMissing,
)
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.ports import Clock, CommandRunner
from hardcase_agent.domain.reading import Gap, GapReason, Reading, Sensor
from hardcase_agent.sensors.arrays.asking import ask, ask_all_views
from hardcase_agent.sensors.arrays.blockdisk import identify
from hardcase_agent.sensors.arrays.coverage import coverage_of, elimination, unseen_controllers
from hardcase_agent.sensors.arrays.measure import Measured, measure
from hardcase_agent.sensors.arrays.model import Report
from hardcase_agent.sensors.arrays.remembered import Members

TOOLS = ("storcli", "perccli", "megacli", "ssacli", "arcconf", "sas2ircu", "sas3ircu", "zpool")
MEGARAID = ("storcli", "perccli", "megacli")
"""Three tools for the same controllers: the first that finds one is believed, the others are not asked."""
CALLS = 5
"""A sweep may take this many times one call's deadline."""
DOCTOR_S = 25.0

_REASONS: tuple[tuple[type[AgentError], GapReason], ...] = (
    (DeviceHung, GapReason.HUNG),
    (DeviceBusy, GapReason.BUSY),
    (AccessDenied, GapReason.DENIED),
    (ToolMissing, GapReason.ABSENT),
)


@dataclass(slots=True)
class _Told:
    """What one tool told last. Sensors once seen stay until the tool tells of its things without them."""

    members: Members = field(default_factory=Members)
    sensors: tuple[Sensor, ...] = ()
    readings: tuple[Reading, ...] = ()
    parts: tuple[Part, ...] = ()
    report: Report = field(default_factory=Report)
    error: AgentError | None = None

    def take(self, report: Report, measured: Measured, tool: str) -> None:
        self.report, self.error = report, None
        self.sensors = tuple(replace(sensor, id=f"{tool}/{sensor.id}") for sensor, _ in measured.pairs)
        self.readings = tuple(reading for _, reading in measured.pairs)
        self.parts = measured.parts

    def fail(self, error: AgentError) -> None:
        self.error = error
        reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), GapReason.ERROR)
        self.readings = (Gap(reason, str(error)),) * len(self.sensors)


class ArraysSource:
    """`Source` over every RAID tool that is installed."""

    name = "arrays"
    device = "arrays"

    def __init__(
        self,
        *,
        host: Asset,
        commands: CommandRunner,
        sysfs: Path,
        clock: Clock,
        tools: Sequence[str] = TOOLS,
        period_s: float = 300.0,
        command_s: float = 30.0,
    ) -> None:
        self._host = host
        self._commands = commands
        self._sysfs = sysfs
        self._clock = clock
        self._tools = tuple(tools)
        self._command_s = command_s
        self.period_s = period_s
        self._told: dict[str, _Told] = {}
        self._next = 0
        self._sensors: tuple[Sensor, ...] = ()
        self._parts: tuple[Part, ...] = ()

    @property
    def deadline_s(self) -> float:
        return CALLS * self._command_s

    async def sweep(self, now: Moment) -> Sweep:
        """Raises nothing of a tool's: its sensors are gaps then, and the others are read."""
        complete = await self._ask_all(self.deadline_s - self._command_s)
        pairs = [pair for told in self._ordered() for pair in zip(told.sensors, told.readings, strict=True)]
        pairs.sort(key=lambda pair: bool(pair[0].states))
        sensors = tuple(sensor for sensor, _ in pairs)
        if sensors != self._sensors:
            self._sensors = sensors
        parts = tuple(dict.fromkeys(part for told in self._ordered() for part in told.parts))
        if parts != self._parts:
            self._parts = parts
        return Sweep(
            asset=self._host,
            sensors=self._sensors,
            readings=tuple(reading for _, reading in pairs),
            parts=self._parts,
            coverage=self._coverage(),
            complete=complete,
            wide=True,
        )

    async def doctor(self) -> Sequence[CoverageLine]:
        try:
            async with asyncio.timeout(DOCTOR_S):
                await self._ask_all(DOCTOR_S)
        except TimeoutError:
            return (
                CoverageLine(
                    component=Component.RAID,
                    status=CoverageStatus.UNREADABLE,
                    reason="a RAID tool did not answer in time",
                    cure="look for a hung controller in the kernel's log",
                ),
            )
        return self._coverage()

    # When a person asks (`ArrayDoor`)

    async def tool_outputs(self) -> Sequence[tuple[str, str, str]]:
        return [
            (tool, view, text)
            for tool in self._tools
            for view, text in await ask_all_views(self._commands, tool, deadline_s=self._command_s)
        ]

    def work_on(self, disk: KnownDisk) -> str:
        from hardcase_agent.sensors.arrays.work import work_on

        reports = {tool: told.report for tool, told in self._told.items() if told.error is None}
        errors = {tool: str(told.error) for tool, told in self._told.items() if told.error is not None}
        return work_on(disk, self._sysfs, reports, errors)

    async def close(self) -> None:
        """Nothing is open between sweeps."""

    def _ordered(self) -> list[_Told]:
        return [self._told[tool] for tool in self._tools if tool in self._told]

    async def _ask_all(self, budget_s: float) -> bool:
        """Every tool once, beginning where the last sweep ran out of time. False: it ran out again."""
        began = self._clock.now().boot_ms
        for step in range(len(self._tools)):
            if (self._clock.now().boot_ms - began) / 1000 > budget_s:
                self._next = (self._next + step) % len(self._tools)
                return False
            tool = self._tools[(self._next + step) % len(self._tools)]
            if not self._is_told_by_another(tool):
                await self._ask_one(tool)
        self._next = 0
        return True

    def _is_told_by_another(self, tool: str) -> bool:
        if tool not in MEGARAID:
            return False
        before = MEGARAID[: MEGARAID.index(tool)]
        return any(one in self._told and not self._told[one].report.empty for one in before)

    async def _ask_one(self, tool: str) -> None:
        try:
            report = await ask(self._commands, tool, deadline_s=self._command_s)
        except ToolMissing as error:
            if tool in self._told:
                self._told[tool].fail(error)
            return
        except AgentError as error:
            self._told.setdefault(tool, _Told()).fail(error)
            return
        told = self._told.setdefault(tool, _Told())
        self._name_disks(report)
        told.members.complete(report)
        told.take(report, measure(report), tool)

    def _name_disks(self, report: Report) -> None:
        """A pool knows its disks by the kernel's names; who they are, the kernel tells."""
        for disk in report.disks.values():
            if disk.controller == "zpool" and disk.paths and not disk.serial:
                found = identify(self._sysfs, disk.paths[0].rpartition("/")[2])
                disk.model, disk.serial = found.model or disk.model, found.serial
                disk.wwn = found.wwn or disk.wwn
                if found.serial:
                    # The kernel's name is a label: it is in `paths`, and no place.
                    disk.slot = found.slot

    def _coverage(self) -> tuple[CoverageLine, ...]:
        lines = [line for tool in self._tools if tool in self._told for line in self._lines_of(tool)]
        answering = [tool for tool, told in self._told.items() if not told.report.empty]
        lines += unseen_controllers(self._sysfs, answering)
        nothing = CoverageLine(
            component=Component.RAID, status=CoverageStatus.NOT_PRESENT, reason="no RAID tool tells of a controller"
        )
        return tuple(lines) or (nothing,)

    def _lines_of(self, tool: str) -> list[CoverageLine]:
        told = self._told[tool]
        return [*coverage_of(tool, told.report, told.error), *elimination(told.parts)]
