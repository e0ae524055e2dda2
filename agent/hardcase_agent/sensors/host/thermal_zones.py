"""The kernel's thermal zones, for machines whose processors have no hwmon chip, and for captured trees.

Documentation/driver-api/thermal/sysfs-api.rst. On a PC they repeat the processor's own chip, or a constant of the ACPI
tables, so the live path asks them only where hwmon shows no temperature.
"""

from __future__ import annotations

from functools import partial

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Limits, Number, Reading, Sensor, Unit
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import Folder, entries, read_integer, read_text

_LOWEST, _HIGHEST = -40_000, 150_000
"""Millidegrees. Outside is no measurement: -273200 and 0x7fffffff are zones without a sensor."""


def scan(sysfs: Folder) -> Scan:
    zones = entries(sysfs / "class" / "thermal", "thermal_zone[0-9]*")
    return Scan(tuple(_probe(zone) for zone in zones), ())


def _probe(zone: Folder) -> Probe:
    kind = read_text(zone / "type") or zone.name
    sensor = Sensor(
        id=f"{kind}@{zone.name}",
        name=kind,
        kind=Kind.TEMPERATURE,
        unit=Unit.CELSIUS,
        part=Part(component=Component.THERMAL, slot=f"{kind} {zone.name}"),
        limits=_limits(zone),
    )
    return Probe(sensor, partial(_read, zone))


def _read(zone: Folder) -> Reading:
    if read_text(zone / "mode") == "disabled":
        return Gap(GapReason.DISABLED, "the zone is switched off")
    value = read_integer(zone / "temp")
    if not isinstance(value, int):
        return value
    if not _LOWEST <= value <= _HIGHEST:
        return Gap(GapReason.ERROR, f"{value / 1000:g} Cel cannot be")
    return Number(value / 1000)


def _limits(zone: Folder) -> Limits:
    found: dict[str, float] = {}
    for kind in entries(zone, "trip_point_[0-9]*_type"):
        value = read_integer(kind.with_name(kind.name.replace("_type", "_temp")))
        if isinstance(value, int) and 0 < value <= _HIGHEST:
            found.setdefault(read_text(kind), value / 1000)
    hot, critical = found.get("hot"), found.get("critical")
    if hot is None and critical is None:
        return Limits()
    if hot is not None and critical is not None and hot >= critical:
        hot = None
    return Limits(upper_non_critical=hot, upper_critical=critical, source="thermal")
