"""The kernel family: `[kernel]` in agent.toml. What the kernel's log and the firmware's tables tell of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.ports import Doors, Source
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.sensors.ipmi.cache import StateFile
from hardcase_agent.sensors.kernel.dmi_source import DmiSource
from hardcase_agent.sensors.kernel.dmi_tables import DmiTables
from hardcase_agent.sensors.kernel.log_source import KernelLogSource


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSettings:
    log_period_s: float = 30.0
    """The kernel's log: machine checks, memory, bus, disk and network errors. Default 30."""
    inventory_period_s: float = 86_400.0
    """Board, processors, memory modules and firmware versions by SMBIOS. Default a day."""

    def __post_init__(self) -> None:
        if min(self.log_period_s, self.inventory_period_s) < 1:
            raise ValueError("periods must be 1 s or more")


def parse(table: Mapping[str, object], mistakes: list[str]) -> KernelSettings:
    return read_settings(KernelSettings, table, path="kernel", mistakes=mistakes)


def build(settings: KernelSettings, doors: Doors) -> Sequence[Source]:
    tables = DmiTables(doors.sysfs, doors.commands, doors.clock)
    state = StateFile(doors.state_dir / "kernel-log.json")
    return (
        KernelLogSource(
            doors.host, doors.commands, tables, sysfs=doors.sysfs, state=state, period_s=settings.log_period_s
        ),
        DmiSource(doors.host, tables, period_s=settings.inventory_period_s),
    )
