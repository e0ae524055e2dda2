"""FreeIPMI's `ipmi-sensors -v`: one record of fields per sensor, as the rows of `text_rows.py`.

Pure. `text_decoding.py` calls it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from hardcase_agent.sensors.ipmi.records import THRESHOLD, Entity
from hardcase_agent.sensors.ipmi.text_freeipmi import freeipmi_said
from hardcase_agent.sensors.ipmi.text_rows import LIMIT_COLUMNS, NOTHING, Row, measured

_EVENT = "Sensor Event"
_BEGIN = re.compile(r"^Record ID: \d+\s*$")
_FIELD = re.compile(r"^([A-Z][A-Za-z/. -]*?): (.*)$")
_QUOTED = re.compile(r"'([^']*)'")
_LAST_NUMBER = re.compile(r"\((\d+)\)\s*$")
_LAST_HEX = re.compile(r"\(([0-9A-Fa-f]{1,2})h\)\s*$")
_LIMIT_FIELDS = {f"{name.replace('_', ' ').title().replace('Non ', 'Non-')} Threshold": name for name in LIMIT_COLUMNS}


def begins(line: str) -> bool:
    return bool(_BEGIN.match(line))


def records(lines: Sequence[tuple[int, str]]) -> tuple[list[Row], list[tuple[int, str]]]:
    """Rows of the records among these numbered lines, and the other lines."""
    rows: list[Row] = []
    rest: list[tuple[int, str]] = []
    fields: dict[str, str] = {}
    began = 0
    for place, line in lines:
        if begins(line):
            rows += _row(fields, began)
            fields, began = {"Record ID": line}, place
            continue
        found = _FIELD.match(line) if fields else None
        if found is not None:
            # Each state has a line of its own.
            again = f"{fields.get(_EVENT, '')} {found[2]}"[:1000] if found[1] == _EVENT else ""
            fields[found[1]] = again.strip() or fields.get(found[1], found[2].strip())
        elif line.strip() and not fields:
            rest.append((place, line))
    rows += _row(fields, began)
    return rows, rest


def _row(fields: Mapping[str, str], began: int) -> Iterator[Row]:
    name = fields.get("ID String", "")
    if not name or "Sensor Type" not in fields:
        # A locator: FreeIPMI lists those, too.
        return
    row = Row(name=name, at=f"line {began}")
    row.number = _found(re.compile(r"^(\d+)$"), fields.get("Sensor Number", ""), 10)
    row.type = _found(_LAST_HEX, fields["Sensor Type"], 16)
    entity = _found(_LAST_NUMBER, fields.get("Entity ID", ""), 10)
    instance = _found(re.compile(r"^(\d+)$"), fields.get("Entity Instance", ""), 10)
    if entity is not None and instance is not None and entity < 256 and instance < 256:
        row.entity = Entity(entity, instance)
    code = _found(re.compile(r"^([0-9A-Fa-f]{1,2})h"), fields.get("Event/Reading Type Code", ""), 16)
    limits = {own: measured(fields.get(field, "")) for field, own in _LIMIT_FIELDS.items()}
    row.limits = {own: value[0] for own, value in limits.items() if value is not None}
    said = measured(fields.get("Sensor Reading", ""))
    if said is not None:
        row.value, row.unit = said
    bands = [measured(fields.get(f"{side} Hysteresis", "")) for side in ("Positive", "Negative")]
    row.hysteresis = (bands[0][0] if bands[0] else None, bands[1][0] if bands[1] else None)
    event = fields.get(_EVENT, "")
    phrases = tuple(word for word in _QUOTED.findall(event) if word.lower() not in NOTHING)
    yield freeipmi_said(row, phrases, threshold=code == THRESHOLD if code is not None else None)


def _found(pattern: re.Pattern[str], text: str, base: int) -> int | None:
    found = pattern.search(text)
    value = int(found[1], base) if found is not None and len(found[1]) < 9 else None
    return value if value is not None and value < 65536 else None
