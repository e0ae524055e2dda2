"""Entities and sensor types as parts of the asset (IPMI 2.0, table 43-13), and what loses its supply with the host.

Pure. `plan.py` gives each sensor its part by it, `inventory.py` each FRU device.
"""

from __future__ import annotations

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.ipmi.records import Entity, SensorRecord
from hardcase_agent.sensors.ipmi.states import meaning

FAN_TYPE, TEMPERATURE_TYPE, VOLTAGE_TYPE, CURRENT_TYPE = 0x04, 0x01, 0x02, 0x03

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

_HOST_POWERED_TEMPERATURES = (Component.CPU, Component.MEMORY, Component.DISK, Component.PCIE, Component.BACKPLANE)
_HOST_POWERED_STATES = ("cpu.status", "memory.status", "disk.bay", "fan.redundancy", "memory.redundancy")
_STANDBY_NAMES = ("STBY", "STANDBY", "STB", "AUX", "VBAT", "BAT", "_SB", "VSB", "RTC")
"""Rails that stay on while the host is off, as vendors call them."""


def component_of(entity: Entity) -> Component:
    return _SPECIFIC.get(entity.id) or _GENERAL.get(entity.id, Component.BOARD)


def slot_of(entity: Entity) -> str:
    """ "CPU1", "PSU2": the words that chassis and the host's own drivers use; a bare instance where there is none."""
    return _WORDS.get(component_of(entity), "") + str(entity.instance & 0x7F)


def part_of(record: SensorRecord, crowded: bool) -> Part:
    """The part a sensor speaks of.

    `crowded`: several fans share the entity (Quanta: eight of them are 29.1), so that the name tells them apart.
    """
    named = record.type in _SPEAKS_OF_A_PART
    specific = _SPECIFIC.get(record.entity.id)
    if specific is not None and not (record.type == FAN_TYPE and specific is Component.FAN and crowded):
        return Part(component=specific, slot=slot_of(record.entity))
    if named:
        return Part(component=meaning(record.type, record.code).component, slot=record.name)
    return Part(component=component_of(record.entity), slot=slot_of(record.entity))


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
