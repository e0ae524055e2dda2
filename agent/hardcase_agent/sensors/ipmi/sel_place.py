"""Which part an event's words speak of: from the sensor's name and what stands behind the state in parentheses.

Pure; for `sel_text.py`, which has no sensor records to ask. Slots are the words of the live path ("PSU1", "CPU2").
"""

from __future__ import annotations

import re

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.cell_names import names_battery
from hardcase_agent.sensors.ipmi import sel_dimm

_ANALOGUE = (Component.THERMAL, Component.VOLTAGE, Component.POWER, Component.FAN, Component.BOARD, Component.NONE)
"""What such an event speaks of where its sensor's name says no better: a temperature of a supply is the supply's."""

_SUPPLY = re.compile(r"(?<![A-Za-z])(?:PSU?|PWS|PWR SUPPLY|POWER SUPPLY)[ _\-#]*(\d{1,2})(?![\dx])", re.IGNORECASE)
_PROCESSOR = re.compile(r"(?<![A-Za-z])(?:CPU|PROC(?:ESSOR)?)[ _\-#]*(\d{1,2})(?![\dx])", re.IGNORECASE)
_FAN = re.compile(r"(?<![A-Za-z])FAN[ _\-#]*(?:BLOCK[ _]*)?(\d{1,2}[A-F]?|[A-F])(?![A-Za-z\d])", re.IGNORECASE)
_DISK = re.compile(r"(?<![A-Za-z])(?:DRIVE|DISK|HDD|SSD|NVME|BAY|SLOT)[ _\-#]*(\d{1,3})(?![\dx])", re.IGNORECASE)
_CARD = re.compile(r"(?<![A-Za-z])SLOT[ _#]*(\d{1,2})(?![\dx])", re.IGNORECASE)
_BUS = re.compile(r"\bBus (\d{1,3}),? Device (\d{1,2}),? Function (\d)\b", re.IGNORECASE)
"""Decimal, as Dell's firmware and the tools for it count."""
_NUMBER = re.compile(r"#\s*(?:0x)?([0-9a-fA-F]{1,2})\b")

_BY_COMPONENT: tuple[tuple[Component, re.Pattern[str], str], ...] = (
    (Component.PSU, _SUPPLY, "PSU"),
    (Component.CPU, _PROCESSOR, "CPU"),
    (Component.FAN, _FAN, "FAN"),
    (Component.DISK, _DISK, ""),
)
"""Whose part, by which pattern, with which word before its number."""
NAME_CHARACTERS = 64


def part_of(component: Component, sensor: str, name: str, detail: str) -> tuple[Part, str]:
    """The part, and a note for people where its slot is not certain.

    `component`: what the sensor type speaks of; `sensor`: as the tool has it; `name`: without its type; `detail`: what
    stands behind the state.
    """
    if component is Component.MEMORY:
        dimm = sel_dimm.from_words(detail)
        if not dimm.slot and not dimm.note:
            dimm = sel_dimm.from_words(sensor)
        # "Mem ECC Warning" speaks of all modules, "CPU0_C0D0" of one.
        own = name[:NAME_CHARACTERS].strip() if any(char.isdigit() for char in name) else ""
        slot = dimm.slot or ("" if dimm.note else _number(name) or own)
        return Part(component=component, slot=slot), dimm.note
    if component is Component.VOLTAGE and names_battery(sensor):
        return Part(component=Component.BATTERY, slot=name[:NAME_CHARACTERS].strip()), ""
    if component is Component.PCIE and (address := _BUS.search(f"{detail} {sensor}")) is not None:
        bus, device, function = (int(number) for number in address.groups())
        return Part(component=component, slot=f"{bus:02x}:{device:02x}.{function}"), ""
    if component is Component.PCIE and (slotted := _CARD.search(f"{detail} {sensor}")) is not None:
        return Part(component=component, slot=slotted[1]), ""
    for owner, pattern, word in _BY_COMPONENT:
        if owner is not component and component not in _ANALOGUE:
            continue
        found = pattern.search(sensor) or (pattern.search(detail) if owner is component else None)
        if found is not None:
            return Part(component=owner, slot=word + found[1].upper()), ""
    return Part(component=component, slot=_number(name) or name[:NAME_CHARACTERS].strip()), ""


def _number(name: str) -> str:
    """ "#0x3b": all that a tool without sensor records knows of the part."""
    found = _NUMBER.search(name)
    return f"#0x{int(found[1], 16):02x}" if found is not None else ""
