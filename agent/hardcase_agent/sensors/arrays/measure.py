"""From what the tools told to parts, sensors and readings. Pure; called by `decoding.py` and `source.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, Sensor, States, Unit
from hardcase_agent.sensors.arrays.model import (
    LOST,
    Battery,
    BatteryState,
    Controller,
    Disk,
    Element,
    Health,
    MemberState,
    Report,
    Volume,
    VolumeState,
)

MEMBER_STATES = tuple(state.value for state in MemberState)
VOLUME_STATES = tuple(state.value for state in VolumeState)
BATTERY_STATES = tuple(state.value for state in BatteryState)
HEALTH_STATES = tuple(state.value for state in Health)

_UNSOUND = frozenset({VolumeState.DEGRADED, VolumeState.PARTIALLY_DEGRADED})
_DOWN = frozenset({VolumeState.FAILED, VolumeState.OFFLINE})
_MASKED_FROM = 3
"""A serial number this often is what somebody put in place of the real ones; twice is one disk by two paths."""

Pair = tuple[Sensor, Reading]


@dataclass(frozen=True, slots=True)
class Measured:
    pairs: tuple[Pair, ...]
    """Numbers before states."""
    parts: tuple[Part, ...]


def measure(report: Report) -> Measured:
    _unmask(report)
    _explain(report)
    pairs: list[Pair] = []
    parts: list[Part] = []
    many = len({controller for controller, _ in report.disks}) > 1
    for part, found in _things(report, many):
        parts.append(part)
        pairs += found
    pairs.sort(key=lambda pair: bool(pair[0].states))
    return Measured(tuple(pairs), tuple(dict.fromkeys(parts)))


def _things(report: Report, many: bool) -> Iterator[tuple[Part, list[Pair]]]:
    for controller in report.controllers.values():
        part = controller_part(controller)
        yield part, list(_controller(controller, part))
    for battery in report.batteries.values():
        part = _battery_part(report, battery)
        yield part, list(_battery(battery, part))
    for element in report.elements.values():
        part = _element_part(element)
        yield part, list(_element(element, part))
    for volume in report.volumes.values():
        part = volume_part(volume)
        yield part, list(_volume(volume, part))
    for disk in report.disks.values():
        part = disk_part(disk, many)
        yield part, list(_disk(disk, part))


# What belongs together


def _unmask(report: Report) -> None:
    told = Counter(disk.serial for disk in report.disks.values() if disk.serial)
    for disk in report.disks.values():
        if disk.serial and told[disk.serial] >= _MASKED_FROM and not disk.key.partition("/")[2]:
            disk.serial = ""


def _explain(report: Report) -> None:
    """Tells of each lost disk which arrays it takes redundancy from: one repair cures both."""
    for volume in report.volumes.values():
        state = volume.state or frozenset()
        if not state & (_UNSOUND | _DOWN):
            continue
        lost = [disk for disk in _members(report, volume) if disk.state and disk.state & LOST]
        mark = MemberState.IN_FAILED_ARRAY if state & _DOWN else MemberState.IN_DEGRADED_ARRAY
        for disk in lost:
            disk.state = (disk.state or frozenset()) | {mark}


def _members(report: Report, volume: Volume) -> Iterable[Disk]:
    """Its disks. Where none of those told as its own is lost, also lost disks of the controller that no array is told
    to own: a failed member often falls out of its group."""
    here = [disk for disk in report.disks.values() if disk.controller == volume.controller]
    if volume.members:
        keys = frozenset(volume.members)
        own = [disk for disk in here if disk.key in keys]
    else:
        own = [disk for disk in here if volume.group and disk.group == volume.group]
    if any(disk.state and disk.state & LOST for disk in own):
        return own
    return own + [disk for disk in here if not disk.group and disk not in own and disk.state and disk.state & LOST]


# Parts


def disk_part(disk: Disk, many: bool) -> Part:
    """`many`: disks of several controllers, whose slots may have one name."""
    slot = disk.slot if disk.controller in ("md", "zpool", "ses") or not many else f"{disk.controller} {disk.slot}"
    return Part(
        component=Component.DISK,
        slot=slot if disk.slot else "",
        model=disk.model,
        serial=disk.serial,
        part_number=disk.part_number,
        firmware=disk.firmware,
        paths=disk.paths,
        wwn=disk.wwn,
    )


def volume_part(volume: Volume) -> Part:
    where = volume.key if volume.controller in ("md", "zpool", "c0") else f"{volume.controller} {volume.key}"
    label = f"{where} ({volume.name})" if volume.name and volume.name not in where else where
    level = f"md {volume.level}".strip() if volume.software else volume.level
    return Part(component=Component.RAID, slot=label, model=level, serial=volume.serial, paths=volume.paths)


def controller_part(controller: Controller) -> Part:
    number = controller.key.removeprefix("c")
    slot = controller.slot or (f"controller {number}" if number.isdecimal() else controller.key)
    firmware = controller.firmware
    return Part(
        component=Component.RAID, slot=slot, model=controller.model, serial=controller.serial, firmware=firmware
    )


def _battery_part(report: Report, battery: Battery) -> Part:
    owner = report.controllers.get(battery.controller)
    where = controller_part(owner).slot if owner else battery.controller
    slot = f"cache battery of {where}"
    return Part(component=Component.BATTERY, slot=slot, model=battery.model, serial=battery.serial)


def _element_part(element: Element) -> Part:
    return Part(component=element.component, slot=element.name, model=element.model, serial=element.serial)


# Sensors


def _controller(controller: Controller, part: Part) -> Iterator[Pair]:
    base, name = f"controller/{controller.key}", f"Controller {controller.model or controller.key}"
    for place, value in controller.temperatures.items():
        yield _number(f"{base}/temperature/{place}", f"{name} {place}", "raid.temperature", value, part)
    if controller.corrected is not None:
        what = "memory corrected errors"
        yield _number(f"{base}/corrected", f"{name} {what}", "raid.memory_corrected", controller.corrected, part)
    if controller.uncorrected is not None:
        what = "memory uncorrected errors"
        yield _number(f"{base}/uncorrected", f"{name} {what}", "raid.memory_uncorrected", controller.uncorrected, part)
    yield from _health(f"{base}/health", name, "raid.controller", controller.health, part)
    if controller.cache is not None:
        yield from _health(f"{base}/cache", f"{name} cache", "raid.cache", controller.cache, part)


def _battery(battery: Battery, part: Part) -> Iterator[Pair]:
    base, name = f"battery/{battery.controller}", f"Cache battery {battery.model}".strip()
    if battery.charge is not None:
        yield _number(f"{base}/charge", f"{name} charge", "raid.battery_charge", battery.charge, part)
    if battery.temperature is not None:
        yield _number(f"{base}/temperature", name, "raid.temperature", battery.temperature, part)
    state = battery.state
    if state is not None:
        working = state & {BatteryState.LEARNING, BatteryState.CHARGING}
        if working:
            # A learn cycle empties the battery on purpose: low is what it then has to be.
            state -= {BatteryState.LOW}
        if state - {BatteryState.OK} - working:
            state -= {BatteryState.OK}
    yield from _state(f"{base}/state", name, "raid.battery", BATTERY_STATES, state, battery.word, part)


def _element(element: Element, part: Part) -> Iterator[Pair]:
    base = f"{element.component.value}/{element.controller}/{element.key}"
    if element.temperature is not None:
        yield _number(f"{base}/temperature", element.name, "raid.temperature", element.temperature, part)
    yield from _health(f"{base}/health", element.name, f"{element.component.value}.health", element.health, part)


def _volume(volume: Volume, part: Part) -> Iterator[Pair]:
    base = f"volume/{volume.controller}/{volume.key}"
    name = f"{part.slot} {volume.level}".strip()
    if volume.progress is not None:
        yield _number(f"{base}/progress", f"{name} progress", "raid.progress", volume.progress, part)
    if volume.used is not None:
        yield _number(f"{base}/used", f"{name} used", "filesystem.used", volume.used, part)
    quantity = "raid.md" if volume.software else "raid.volume"
    yield from _state(f"{base}/state", name, quantity, VOLUME_STATES, volume.state, volume.word, part)


def disk_identity(disk: Disk) -> str:
    if disk.serial:
        return f"{disk.model}/{disk.serial}".replace(" ", "_")
    return f"{disk.controller}/{disk.key}"


def _disk(disk: Disk, part: Part) -> Iterator[Pair]:
    # One disk may be a member of several arrays: each array tells its own state of it.
    software = disk.controller in ("md", "zpool")
    base = f"disk/{disk.controller}/{disk.key}" if software else f"disk/{disk_identity(disk)}"
    label = disk.key if software else part.slot or disk.key
    name = f"Disk {label}"
    for quantity, value in disk.counts.items():
        said = f"{name} {quantity.partition('.')[2].replace('_', ' ')}"
        yield _number(f"{base}/{quantity}", said, quantity, value, part)
    if disk.temperature is not None:
        yield _number(f"{base}/disk.temperature", f"{name} temperature", "disk.temperature", disk.temperature, part)
    if disk.progress is not None:
        yield _number(f"{base}/progress", f"{name} rebuild", "raid.progress", disk.progress, part)
    state = disk.state
    predicted = disk.counts.get("disk.predictive_failures")
    if disk.alert or (isinstance(predicted, float) and predicted > 0):
        state = (state or frozenset()) | {MemberState.PREDICTED}
    if state is not None and state & LOST:
        state -= {MemberState.ONLINE}
    yield from _state(f"{base}/state", name, "disk.member", MEMBER_STATES, state, disk.word, part)


def _number(key: str, name: str, quantity: str, value: float | str, part: Part) -> Pair:
    kind, unit = _KINDS.get(quantity, (Kind.COUNT, Unit.ONE))
    reading: Reading = Gap(GapReason.UNSUPPORTED, value) if isinstance(value, str) else Number(value)
    return Sensor(id=key, name=name, kind=kind, unit=unit, part=part, quantity=quantity), reading


_KINDS = {
    "raid.temperature": (Kind.TEMPERATURE, Unit.CELSIUS),
    "disk.temperature": (Kind.TEMPERATURE, Unit.CELSIUS),
    "raid.progress": (Kind.PERCENTAGE, Unit.PERCENT),
    "raid.battery_charge": (Kind.PERCENTAGE, Unit.PERCENT),
    "filesystem.used": (Kind.PERCENTAGE, Unit.PERCENT),
    "disk.used": (Kind.PERCENTAGE, Unit.PERCENT),
}


def _health(key: str, name: str, quantity: str, health: Health | None, part: Part) -> Iterator[Pair]:
    if health is not None:
        yield from _state(key, name, quantity, HEALTH_STATES, frozenset({health}), "", part)


def _state(
    key: str,
    name: str,
    quantity: str,
    names: tuple[str, ...],
    state: Iterable[StrEnum] | None,
    word: str,
    part: Part,
) -> Iterator[Pair]:
    """Nothing where nothing is told; a gap where the tool's word has no meaning here."""
    if state is None and not word:
        return
    sensor = Sensor(id=key, name=name, kind=Kind.STATE, part=part, states=names, quantity=quantity)
    if state is None:
        yield sensor, Gap(GapReason.ERROR, f"{word[:60]!r} is not a word known here")
        return
    yield sensor, States(sum(1 << names.index(one.value) for one in set(state)))
