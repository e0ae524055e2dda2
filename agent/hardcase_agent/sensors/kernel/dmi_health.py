"""What SMBIOS says of how the supplies and the chassis were when the firmware filled its table: at the last boot. Pure.

Called by `dmi_inventory.py`. What the firmware does not tell ("Unknown", "Other") is no reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Kind, Sensor, States
from hardcase_agent.sensors.kernel.dmi_structure import Structure, Type

HEALTH = ("ok", "warning", "degraded", "failed", "critical", "predicted", "absent", "unknown")
"""Bit of each word of a verdict (protos/README.md)."""
_OF_SUPPLIES = {"Present, OK": "ok", "Present, Non-critical": "warning", "Present, Critical": "failed"}
"""Power Supply Characteristics, bits 9 to 7 (SMBIOS 3.7, 7.40.1), in dmidecode's words."""
_OF_CHASSIS = {"Safe": "ok", "Warning": "warning", "Critical": "failed", "Non-recoverable": "critical"}
"""System Enclosure States (7.4.2)."""
_STATES = (
    ("Power Supply State", Component.POWER, "Power supplies at boot"),
    ("Thermal State", Component.THERMAL, "Temperature at boot"),
)

Verdict = tuple[Sensor, States]


def of_supply(structure: Structure, part: Part) -> Iterator[Verdict]:
    word = _OF_SUPPLIES.get(structure.fields.get("Status", ""))
    if word is not None:
        name = f"{part.slot or part.model} at boot"
        yield _verdict(f"dmi/psu/{part.serial or part.slot or part.model}", name, part, word)


def of_chassis(structures: Iterable[Structure]) -> Iterator[Verdict]:
    """Of the first chassis, the one that the machine is in; others are what is built into it."""
    chassis = next((one for one in structures if one.kind == Type.CHASSIS), None)
    for field, component, name in _STATES if chassis is not None else ():
        word = _OF_CHASSIS.get(chassis.fields.get(field, "")) if chassis is not None else None
        if word is not None:
            yield _verdict(f"dmi/{component}", name, Part(component=component, slot="chassis"), word)


def _verdict(sensor_id: str, name: str, part: Part, word: str) -> Verdict:
    sensor = Sensor(
        id=sensor_id,
        name=name,
        kind=Kind.STATE,
        part=part,
        states=HEALTH,
        quantity=f"{part.component}.health",
    )
    return sensor, States(1 << HEALTH.index(word))
