"""agent.toml's `[arrays]` table, and the one source it asks for. Called through `sensors/catalogue.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.ports import Doors, Source
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.sensors.arrays.source import TOOLS, ArraysSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ArraysSettings:
    """`[arrays]`: RAID controllers and pools through their own tools, where these are installed."""

    period_s: float = 300.0
    """States of disks, arrays, cache batteries; seconds. A controller answers one caller at a time."""
    deadline_s: float = 30.0
    """What one call of a tool may take; a controller with 60 disks takes ten seconds."""
    tools: tuple[str, ...] = TOOLS
    """Tools that are asked if they are installed."""

    def __post_init__(self) -> None:
        if not 1 <= self.deadline_s <= 100:
            raise ValueError("deadline_s must be from 1 to 100")
        if self.period_s < 2 * self.deadline_s:
            raise ValueError("period_s must be at least twice deadline_s")
        unknown = [tool for tool in self.tools if tool not in TOOLS]
        if unknown:
            raise ValueError(f"tools: {', '.join(unknown)} is none of {', '.join(TOOLS)}")


def parse(table: Mapping[str, object], mistakes: list[str]) -> ArraysSettings:
    return read_settings(ArraysSettings, table, path="arrays", mistakes=mistakes)


def build(settings: ArraysSettings, doors: Doors) -> Sequence[Source]:
    return [
        ArraysSource(
            host=doors.host,
            commands=doors.commands,
            sysfs=doors.sysfs,
            clock=doors.clock,
            tools=settings.tools,
            period_s=settings.period_s,
            command_s=settings.deadline_s,
        )
    ]
