"""Prints probe and doctor as text tables or JSON. Called by `cli.py`; needs no library."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.probing import Examined, Probed, reading_at, say


def probe_json(found: Iterable[Probed]) -> str:
    return json.dumps([_probe_entry(one) for one in found], indent=2, ensure_ascii=False)


def _probe_entry(one: Probed) -> dict[str, Any]:
    sweep = one.sweep
    if sweep is None:
        return {"source": one.source, "error": one.error}
    sensors = [
        {
            "id": sensor.id,
            "name": sensor.name,
            "kind": sensor.kind.value,
            "quantity": sensor.quantity,
            "part": {"component": sensor.part.component.value, "slot": sensor.part.slot, "serial": sensor.part.serial},
            **say(sensor, reading_at(sweep, index)),
        }
        for index, sensor in enumerate(sweep.sensors)
    ]
    asset = {"vendor": sweep.asset.vendor, "model": sweep.asset.model, "serial": sweep.asset.serial}
    asset["address"] = sweep.asset.address
    return {"source": one.source, "asset": asset, "sensors": sensors, "events": len(sweep.events)}


def probe_table(found: Iterable[Probed]) -> str:
    rows = [("SOURCE", "PART", "SENSOR", "READING")]
    for one in found:
        if one.sweep is None:
            rows.append((one.source, "", "", f"cannot be read: {one.error}"))
            continue
        for index, sensor in enumerate(one.sweep.sensors):
            place = " ".join(word for word in (sensor.part.component.value, sensor.part.slot) if word)
            rows.append((one.source, place, sensor.name, _words(say(sensor, reading_at(one.sweep, index)))))
        if not one.sweep.sensors:
            rows.append((one.source, "", "", "nothing to read"))
    return columns(rows)


def _words(said: Any) -> str:
    if "gap" in said:
        return f"({said['gap'].replace('_', ' ')}{': ' + said['detail'] if said['detail'] else ''})"
    if "states" in said:
        return ", ".join(said["states"]) or "-"
    return f"{said['value']:g} {said['unit'] if said['unit'] != '1' else ''}".strip()


def doctor_json(found: Iterable[Examined]) -> str:
    entries = [
        {
            "source": one.source,
            "lines": [
                {
                    "component": line.component.value,
                    "status": line.status.value,
                    "reason": line.reason,
                    "cure": line.cure,
                }
                for line in one.lines
            ],
        }
        for one in found
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


def doctor_table(found: Iterable[Examined]) -> str:
    rows = [("SOURCE", "COMPONENT", "STATUS", "WHY", "WHAT TO DO")]
    for one in found:
        for line in one.lines:
            status = line.status.value.replace("_", " ")
            rows.append((one.source, line.component.value, status, line.reason, line.cure))
    return columns(rows)


def healthy(found: Iterable[Examined]) -> bool:
    """Nothing is unreadable."""
    return all(line.status is not CoverageStatus.UNREADABLE for one in found for line in one.lines)


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Left-aligned, two blanks between; the last column is as long as it is."""
    widths = [max(_width(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
