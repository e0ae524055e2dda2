"""The host family: `[host]` in agent.toml. Reads this machine through sysfs and psutil, without any right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hardcase_agent.domain.ports import Doors, Source
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.sensors.host import arrays, edac, enclosures, filesystems, hwmon, nics, thermal_zones, throttling
from hardcase_agent.sensors.host.probe import Scan
from hardcase_agent.sensors.host.processors import scan_processors
from hardcase_agent.sensors.host.source import HostSource
from hardcase_agent.sensors.host.tree import read_text
from hardcase_agent.sensors.kernel.dmi_tables import DmiTables


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    period_s: float = 60.0
    """Temperatures, fans, voltages, memory errors, network ports. Default 60."""
    slow_period_s: float = 300.0
    """md arrays, file systems. Default 300."""
    inventory_period_s: float = 86_400.0
    """Processors. Default a day."""
    hwmon_skip: tuple[str, ...] = hwmon.SKIPPED_CHIPS
    """hwmon chips left out. Default those of disks, which the smart family reads without waking them."""

    def __post_init__(self) -> None:
        if min(self.period_s, self.slow_period_s, self.inventory_period_s) < 1:
            raise ValueError("periods must be 1 s or more")


def parse(table: Mapping[str, object], mistakes: list[str]) -> HostSettings:
    return read_settings(HostSettings, table, path="host", mistakes=mistakes)


def build(settings: HostSettings, doors: Doors) -> Sequence[Source]:
    host, sysfs, clock = doors.host, doors.sysfs, doors.clock
    fast, slow = settings.period_s, settings.slow_period_s
    hwmon_scan = partial(_temperatures, sysfs, settings.hwmon_skip)
    tables = DmiTables(sysfs, doors.commands, clock)
    return (
        HostSource("host.hwmon@local", host, hwmon_scan, clock, period_s=fast),
        HostSource(
            "host.memory@local",
            host,
            partial(_memory, sysfs, tables),
            clock,
            period_s=fast,
            wide=True,
            prepare=tables.refresh,
        ),
        HostSource("host.nics@local", host, partial(nics.scan, sysfs), clock, period_s=fast, wide=True),
        HostSource("host.arrays@local", host, partial(arrays.scan, sysfs), clock, period_s=slow),
        HostSource("host.enclosures@local", host, partial(enclosures.scan, sysfs), clock, period_s=slow),
        HostSource("host.filesystems@local", host, filesystems.scan, clock, period_s=slow),
        HostSource(
            "host.processors@local", host, partial(_processors, sysfs), clock, period_s=settings.inventory_period_s
        ),
    )


def _memory(sysfs: Path, tables: DmiTables) -> Scan:
    return edac.scan(sysfs, tables.inventory.modules if tables.inventory is not None else ())


def _temperatures(sysfs: Path, skip: tuple[str, ...]) -> Scan:
    """hwmon, how often processors throttled, and the thermal zones of a machine without a sensor chip."""
    chips, throttles = hwmon.scan(sysfs, skip=skip), throttling.scan(sysfs)
    zones = thermal_zones.scan(sysfs) if not chips.probes else Scan((), ())
    return Scan((*chips.probes, *throttles.probes, *zones.probes), (*chips.coverage, *throttles.coverage))


def _processors(sysfs: Path) -> Scan:
    return scan_processors(sysfs, read_text(Path("/proc/cpuinfo")))
