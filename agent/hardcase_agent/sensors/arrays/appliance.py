"""Storage appliances' REST answers in JSON: lists of parts that tell their state in one word. Pure.

Sources: Dell PowerStore REST API (resource `hardware`), Dell ME4/ME5 "CLI Reference Guide" (health and status values),
which netdata and Centreon collect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.model import Health, Report

_MOST = 5_000
_COMPONENTS: Mapping[str, Component] = {
    "fan": Component.FAN,
    "power_supply": Component.PSU,
    "psu": Component.PSU,
    "battery": Component.BATTERY,
    "drive": Component.DISK,
    "disk": Component.DISK,
    "node": Component.BOARD,
    "dimm": Component.MEMORY,
    "sfp": Component.NIC,
    "io_module": Component.PCIE,
    "iomodule": Component.PCIE,
    "m2_drive": Component.DISK,
    "m.2_drive": Component.DISK,
    "base_enclosure": Component.CHASSIS,
    "expansion_enclosure": Component.BACKPLANE,
    "controller": Component.RAID,
    "enclosure": Component.BACKPLANE,
}
_WORDS: Mapping[str, Health] = {
    "healthy": Health.OK,
    "ok": Health.OK,
    "initializing": Health.OK,
    "degraded": Health.DEGRADED,
    "failed": Health.FAILED,
    "fault": Health.FAILED,
    "prepare_failed": Health.FAILED,
    "disconnected": Health.WARNING,
    "empty": Health.ABSENT,
    "not present": Health.ABSENT,
    "unknown": Health.UNKNOWN,
    "n/a": Health.UNKNOWN,
}


def read_document(document: object, report: Report, at: str = "") -> bool:
    """Adds the parts of a list, or of the lists in an object. False: none of them tells a state."""
    found = False
    for name, row in _rows(document):
        word = row.get("lifecycle_state") or row.get("health")
        component = next(filter(None, (_component(row.get("type")), _component(row.get("object-name")), name)), None)
        if component is None or not isinstance(word, str):
            continue
        found = True
        _add(component, row, word, report, at)
    return found


def _rows(document: object) -> list[tuple[Component | None, Mapping[str, Any]]]:
    """Each row with what its list is called: "drives", "power-supplies"."""
    lists: list[tuple[Component | None, list[Any]]] = [(None, document)] if isinstance(document, list) else []
    if isinstance(document, dict):
        named = [(key, value) for key, value in document.items() if isinstance(value, list)][:100]
        lists += [(_component(key), value) for key, value in named]
    return [(name, row) for name, rows in lists for row in rows[:_MOST] if isinstance(row, dict)]


def _component(said: object) -> Component | None:
    if not isinstance(said, str):
        return None
    kind = re.sub(r"[ -]", "_", said.strip().lower())
    singular = kind.removesuffix("s") if not kind.endswith("ies") else kind.removesuffix("ies") + "y"
    return _COMPONENTS.get(kind) or _COMPONENTS.get(singular) or _COMPONENTS.get(kind.removesuffix("_details"))


def _add(component: Component, row: Mapping[str, Any], word: str, report: Report, at: str) -> None:
    key = str(row.get("id") or row.get("durable-id") or row.get("name") or "")
    element = report.element("appliance", component, key)
    element.name = words.told(row.get("name")) or words.told(row.get("durable-id")) or key
    element.model = words.told(row.get("model"))
    element.serial = words.serial(row.get("serial_number") or row.get("serial-number"))
    element.health = _WORDS.get(word.strip().lower())
    if element.health is None:
        report.unknown(f"state of {element.name}", word, at)
