"""Batteries and mains of the kernel's power_supply class: small servers, gateways and UPS on USB. For captured trees.

Documentation/ABI/testing/sysfs-class-power: micro units. Servers' supplies are the BMC's and are not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, Sensor, States, Unit
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import Folder, entries, read_integer, read_text

_QUANTITIES = (
    ("capacity", Kind.PERCENTAGE, Unit.PERCENT, 1.0),
    ("voltage_now", Kind.VOLTAGE, Unit.VOLT, 1e-6),
    ("current_now", Kind.CURRENT, Unit.AMPERE, 1e-6),
    ("power_now", Kind.POWER, Unit.WATT, 1e-6),
    # Microwatt-hours.
    ("energy_now", Kind.ENERGY, Unit.JOULE, 3.6e-3),
    ("energy_full", Kind.ENERGY, Unit.JOULE, 3.6e-3),
    ("energy_full_design", Kind.ENERGY, Unit.JOULE, 3.6e-3),
    ("cycle_count", Kind.COUNT, Unit.ONE, 1.0),
)


def scan(sysfs: Folder) -> Scan:
    supplies = entries(sysfs / "class" / "power_supply", "*")
    probes = tuple(probe for supply in supplies for probe in _supply(supply))
    return Scan(probes, (), tuple(dict.fromkeys(probe.sensor.part for probe in probes)))


def _supply(supply: Folder) -> Iterator[Probe]:
    battery = read_text(supply / "type") == "Battery"
    part = Part(
        component=Component.BATTERY if battery else Component.POWER,
        slot=supply.name,
        model=" ".join(f"{read_text(supply / 'manufacturer')} {read_text(supply / 'model_name')}".split()),
        serial=read_text(supply / "serial_number"),
    )
    for name, kind, unit, scale in _QUANTITIES:
        if (supply / name).exists():
            words = f"{supply.name} {name.replace('_', ' ').removesuffix(' now')}"
            sensor = Sensor(id=f"{supply.name}/{name}", name=words, kind=kind, unit=unit, part=part)
            yield Probe(sensor, partial(_read, supply, name, scale))
    if (supply / "online").exists():
        sensor = Sensor(
            id=f"{supply.name}/online",
            name=f"{supply.name} online",
            kind=Kind.STATE,
            part=part,
            states=("online",),
            quantity="",
        )
        yield Probe(sensor, partial(_online, supply))


def _read(supply: Folder, name: str, scale: float) -> Reading:
    if read_text(supply / "present") == "0":
        return Gap(GapReason.ABSENT, "not in its place")
    value = read_integer(supply / name)
    return Number(value * scale) if isinstance(value, int) else value


def _online(supply: Folder) -> Reading:
    value = read_integer(supply / "online")
    return States(1 if value else 0) if isinstance(value, int) else value
