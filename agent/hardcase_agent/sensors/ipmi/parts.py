"""Entities and sensor types as parts of the asset (IPMI 2.0, table 43-13), and what loses its supply with the host.

Pure. `plan.py` gives each sensor its part by it, `inventory.py` each FRU device.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.cell_names import names_battery
from hardcase_agent.sensors.ipmi.records import Entity, SensorRecord
from hardcase_agent.sensors.ipmi.states import REDUNDANCY, SENSOR_SPECIFIC, meaning

FAN_TYPE, TEMPERATURE_TYPE, VOLTAGE_TYPE, CURRENT_TYPE = 0x04, 0x01, 0x02, 0x03
INTRUSION_TYPE = 0x05

_SPECIFIC: dict[int, Component] = {
    3: Component.CPU, 4: Component.DISK, 8: Component.MEMORY, 9: Component.CPU, 10: Component.PSU,
    11: Component.PCIE, 15: Component.BACKPLANE, 16: Component.PCIE, 26: Component.DISK, 29: Component.FAN,
    31: Component.CABLE, 32: Component.MEMORY, 40: Component.BATTERY, 49: Component.PCIE, 65: Component.CPU,
}  # fmt: skip
"""Entities that are one replaceable unit: the entity's instance is its slot."""

_GENERAL: dict[int, Component] = {
    5: Component.BACKPLANE, 6: Component.BMC, 7: Component.BOARD, 12: Component.CHASSIS, 13: Component.CHASSIS,
    14: Component.BOARD, 17: Component.BOARD, 18: Component.BOARD, 19: Component.POWER, 20: Component.POWER,
    21: Component.POWER, 22: Component.CHASSIS, 23: Component.CHASSIS, 24: Component.CHASSIS, 25: Component.CHASSIS,
    30: Component.FAN, 34: Component.FIRMWARE, 35: Component.HOST, 46: Component.BMC, 47: Component.BMC,
    55: Component.THERMAL, 64: Component.THERMAL, 66: Component.BOARD,
}  # fmt: skip

_WORDS = {Component.CPU: "CPU", Component.PSU: "PSU", Component.FAN: "FAN"}

_SPEAKS_OF_A_PART = (0x04, 0x07, 0x08, 0x0C, 0x0D, 0x21, 0x29)
"""Sensor types that name their part even where the entity says "system board" (Dell's fans, Quanta's DIMMs)."""
_SILKSCREENED = (0x0C, 0x0D)
"""Memory and drive slots: their sensors' names are what is printed beside the slot, entity instances are not."""

_HOST_POWERED_TEMPERATURES = (Component.CPU, Component.MEMORY, Component.DISK, Component.PCIE, Component.BACKPLANE)
_HOST_POWERED_STATES = ("cpu.status", "memory.status", "disk.bay", "fan.redundancy", "memory.redundancy")
_STANDBY_NAMES = ("STBY", "STANDBY", "STB", "AUX", "VBAT", "BAT", "_SB", "VSB", "RTC")
"""Rails that stay on while the host is off, as vendors call them."""


RELATIVE = 0x60
"""Instances from here to 7Fh count from 0 within their own controller (39.1): 96 is its first fan."""

_MEASURED_WORD = re.compile(
    r"[ _-]+(?:status|stat|state|sts|presence|present|pres|prsnt|rpm|tach|speed|fault|fail|duty|health|temp)$",
    re.IGNORECASE,
)
_NUMBERED: dict[Component, re.Pattern[str]] = {
    Component.PSU: re.compile(
        r"(?:\bPSU|\bPS|\bPWS|power[ _]?supply|pwr[ _]?supply)[ _#-]*(\d{1,2})(?!\d)", re.IGNORECASE
    ),
    Component.CPU: re.compile(r"(?:\bCPU|\bproc(?:essor)?|\bP)[ _#-]*(\d{1,2})(?!\d)", re.IGNORECASE),
}


_LEADING: dict[Component, re.Pattern[str]] = {
    Component.PSU: re.compile(r"(?:PSU|PS|PWS|Power[ _]Supply|Pwr[ _]Supply)[ _#-]*(\d{1,2})(?![\dV.])", re.IGNORECASE),
    Component.CPU: re.compile(r"(?:\d\d-)?(?:CPU|Proc(?:essor)?|P)[ _#-]*(\d)(?![\dV.])", re.IGNORECASE),
}
"""Names that begin with the part's number; "P1V8" is a rail."""


def component_of(entity: Entity) -> Component:
    return _SPECIFIC.get(entity.id) or _GENERAL.get(entity.id, Component.BOARD)


def is_place(entity: Entity) -> bool:
    """Whether the entity is one replaceable unit, or the bay of one."""
    return entity.id in _SPECIFIC


def number_of(entity: Entity) -> int:
    """The instance as people count it."""
    instance = entity.instance & 0x7F
    return instance - RELATIVE + 1 if instance >= RELATIVE else instance


def slot_of(entity: Entity) -> str:
    """ "CPU1", "PSU2": the words that chassis and the host's own drivers use; a bare instance where there is none."""
    return _WORDS.get(component_of(entity), "") + str(number_of(entity))


def slot_called(entity: Entity, name: str) -> str:
    """A supply's or a processor's slot by the number that its name begins with, else by its entity.

    Fujitsu counts instances from 0 ("PSU2" is 10.1), Quanta prints processors from 0 ("CPU_0" is 3.1): the name is what
    stands on the part.
    """
    return _called(entity, name) or slot_of(entity)


def _called(entity: Entity, name: str) -> str:
    component = component_of(entity)
    pattern = _LEADING.get(component) if entity.id in _SPECIFIC else None
    found = pattern.match(name) if pattern is not None else None
    return _WORDS[component] + str(int(found[1])) if found is not None else ""


def slot_named(component: Component, name: str) -> str:
    """The place in a sensor's name: "PS1 Status" is "PSU1", "Fan1A RPM" and "Fan1A Status" are "Fan1A"."""
    numbered = _NUMBERED.get(component)
    found = numbered.search(name) if numbered is not None else None
    if found is not None:
        return _WORDS[component] + str(int(found[1]))
    while (shorter := _MEASURED_WORD.sub("", name)) not in (name, ""):
        name = shorter
    return name


def crowd_key(record: SensorRecord) -> tuple[Entity, int] | None:
    """Sensors with one key are parts side by side that share an entity (Quanta: eight fans are 29.1; Dell: all DIMMs
    are 32.1); None for a sensor that is never a part of its own."""
    if record.type == FAN_TYPE:
        return (record.entity, FAN_TYPE) if record.conversion is not None else None
    own = record.type in (0x07, 0x08, *_SILKSCREENED) and record.code == SENSOR_SPECIFIC
    return (record.entity, record.type) if own else None


class Places:
    """Where the sensors of one BMC are. An entity whose DIMM or bay sensor has a name, or whose supply's or processor's
    sensors name one number, is at that name for its other sensors too."""

    def __init__(self, records: Iterable[SensorRecord]) -> None:
        records = tuple(records)
        self._crowds = Counter(crowd_key(record) for record in records)
        self._named = {
            record.entity: slot_named(_SPECIFIC[record.entity.id], record.name)
            for record in records
            if record.type in _SILKSCREENED and record.entity.id in _SPECIFIC and not self._crowded(record)
        }
        self._named.update(_numbered_entities(records))

    def part_of(self, record: SensorRecord) -> Part:
        return part_of(record, self._crowded(record), self._named.get(record.entity, ""))

    def _crowded(self, record: SensorRecord) -> bool:
        key = crowd_key(record)
        return key is not None and self._crowds[key] > 1


def _numbered_entities(records: tuple[SensorRecord, ...]) -> dict[Entity, str]:
    """Slots by entity, where all names on the entity agree and no other entity is called the same."""
    called: dict[Entity, set[str]] = {}
    for record in records:
        slot = _called(record.entity, record.name)
        if slot:
            called.setdefault(record.entity, set()).add(slot)
    agreed = {entity: next(iter(slots)) for entity, slots in called.items() if len(slots) == 1}
    taken = Counter(agreed.values())
    return {entity: slot for entity, slot in agreed.items() if taken[slot] == 1}


def part_of(record: SensorRecord, crowded: bool, named: str = "") -> Part:
    """The part a sensor speaks of. `crowded`: several like it share the entity, so that the name tells them apart.
    `named`: what its entity is called, where a sensor's name tells."""
    told = meaning(record.type, record.code).component
    if record.code == REDUNDANCY:
        return Part(component=Component.POWER if told is Component.PSU else told, slot=record.name)
    specific = _SPECIFIC.get(record.entity.id)
    if specific is not None and not _about_another(record, specific, told):
        if record.type == FAN_TYPE and specific is Component.FAN:
            return Part(component=specific, slot=_fan_slot(record, crowded))
        if not crowded or record.type == FAN_TYPE:
            return Part(component=specific, slot=named or slot_of(record.entity))
    if record.type in _SPEAKS_OF_A_PART:
        return Part(component=told, slot=slot_named(told, record.name))
    component = component_of(record.entity)
    if record.type == VOLTAGE_TYPE and specific is None and names_battery(record.name):
        return Part(component=Component.BATTERY, slot=record.name)
    if record.type == INTRUSION_TYPE and component is not Component.CHASSIS:
        return Part(component=Component.CHASSIS, slot="1")
    return Part(component=component, slot=slot_of(record.entity))


def _fan_slot(record: SensorRecord, crowded: bool) -> str:
    """ "FAN3" for entity 29.3 named "FAN 3" or without a number; "Sys Fan 1B" though its entity is 29.2."""
    name = slot_named(Component.FAN, record.name)
    told = re.search(r"(\d+\w*)$", name)
    if not crowded and (told is None or told[1].lstrip("0") == str(number_of(record.entity))):
        return slot_of(record.entity)
    return name


def _about_another(record: SensorRecord, specific: Component, told: Component) -> bool:
    """A battery on a controller card, the DIMMs or the fan of a processor: their own parts. The fan of a supply is the
    supply."""
    if record.type == FAN_TYPE:
        return specific not in (Component.FAN, Component.PSU)
    return record.type in (0x07, 0x0C, 0x0D, 0x29) and told is not specific


def host_powered(record: SensorRecord, part: Part) -> bool:
    """Whether its value means nothing while the chassis is off. Supplies, inlet air and standby rails go on."""
    if record.type == FAN_TYPE:
        return True
    if record.type == TEMPERATURE_TYPE and record.conversion is not None:
        return part.component in _HOST_POWERED_TEMPERATURES
    if record.type in (VOLTAGE_TYPE, CURRENT_TYPE):
        standby = any(mark in record.name.upper() for mark in _STANDBY_NAMES)
        return part.component not in (Component.PSU, Component.BATTERY) and not standby
    return meaning(record.type, record.code).quantity in _HOST_POWERED_STATES
