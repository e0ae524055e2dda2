"""Blocks of `ipmitool sdr -v` and `sdr get`, also parsed into JSON by others, as the rows of `text_rows.py`.

Pure. `text_decoding.py` calls it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hardcase_agent.domain.reading import Gap, GapReason
from hardcase_agent.sensors.ipmi import sel_words
from hardcase_agent.sensors.ipmi.text_rows import NOTHING, Row, entity_of, gap_of, measured, number

_FIELD = re.compile(r"^ ?([A-Z][A-Za-z][A-Za-z /()-]*?)\s*: ?(.*)$")
_SENSOR_ID = re.compile(r"^(.*?)\s*\((0x[0-9A-Fa-f]+)\)\s*$")
_TYPE_CODE = re.compile(r"\((0x[0-9A-Fa-f]{1,2})\)\s*$")
_STATE = re.compile(r"^\s*\[(.*)\]\s*$")
_LIMITS = {
    "lower non-recoverable": "lower_non_recoverable",
    "lower critical": "lower_critical",
    "lower non-critical": "lower_non_critical",
    "upper non-critical": "upper_non_critical",
    "upper critical": "upper_critical",
    "upper non-recoverable": "upper_non_recoverable",
}
"""`sdr -v` writes "Upper critical", `sensor get` "Upper Critical"."""
_READABLE = {
    "lnr": "lower_non_recoverable", "lcr": "lower_critical", "lnc": "lower_non_critical",
    "unc": "upper_non_critical", "ucr": "upper_critical", "unr": "upper_non_recoverable",
}  # fmt: skip
NO_STATES = Gap(GapReason.UNSUPPORTED, "this form of the tool's output tells no states of it")


def is_block(line: str) -> bool:
    """Whether a block begins here."""
    return line.startswith("Sensor ID")


def blocks(lines: Sequence[tuple[int, str]]) -> Iterator[Row]:
    """Every block among these numbered lines."""
    block: list[tuple[int, str]] = []
    for place, line in lines:
        if is_block(line) and block:
            yield from _one(block)
            block = []
        if block or is_block(line):
            block.append((place, line))
    if block:
        yield from _one(block)


def in_block(lines: Sequence[tuple[int, str]]) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Lines of blocks, and the others."""
    inside: list[tuple[int, str]] = []
    outside: list[tuple[int, str]] = []
    within = False
    for entry in lines:
        line = entry[1]
        within = is_block(line) or (within and bool(line.strip()) and (line[:1].isspace() or bool(_FIELD.match(line))))
        (inside if within else outside).append(entry)
    return inside, outside


def _one(block: Sequence[tuple[int, str]]) -> Iterator[Row]:
    fields: dict[str, str] = {}
    states: list[str] = []
    heading = ""
    for _, line in block:
        state = _STATE.match(line)
        if state is not None:
            if heading == "States Asserted":
                states.append(state[1])
            continue
        found = _FIELD.match(line)
        if found is not None:
            heading = found[1].strip()
            fields.setdefault(heading, found[2].strip())
    row = _row(fields, states, f"line {block[0][0]}")
    if row is not None:
        yield row


def _row(fields: Mapping[str, str], states: Sequence[str], at: str) -> Row | None:
    named = _SENSOR_ID.match(fields.get("Sensor ID", ""))
    name = named[1] if named else fields.get("Sensor ID", "")
    if not name:
        return None
    row = Row(name=name, at=at, number=int(named[2], 16) & 0xFF if named else None)
    row.entity = entity_of(fields.get("Entity ID", ""))
    kind = next((key for key in fields if key.startswith("Sensor Type")), "")
    row.type = _type(fields.get(kind, ""))
    row.status = fields.get("Status", "").lower()
    if "Discrete" in kind:
        return _discrete(row, fields, states)
    return _threshold(row, fields)


def _type(words: str) -> int | None:
    code = _TYPE_CODE.search(words)
    if code is not None:
        return int(code[1], 16)
    unknown = re.search(r"0x([0-9A-Fa-f]{2})", words)
    if unknown is not None:
        return int(unknown[1], 16)
    found = sel_words.sensor_type(words)
    return found[0] if found else None


def _discrete(row: Row, fields: Mapping[str, str], states: Sequence[str]) -> Row:
    row.discrete = True
    row.phrases = tuple(states)
    reading = fields.get("Sensor Reading", "")
    value = measured(reading)
    if value is not None and not re.match(r"^[0-9A-Fa-f]+h$", reading):
        row.value, row.unit = value
    if not states:
        gap = gap_of(reading) if reading else NO_STATES
        # "0h" without "States Asserted": read, and nothing is asserted.
        row.gap, row.bits, row.silent = gap, None if gap is not None else 0, True
    return row


def _threshold(row: Row, fields: Mapping[str, str]) -> Row:
    readable = {_READABLE[word] for word in fields.get("Readable Thresholds", "").split() if word in _READABLE}
    stated = {name: number(value) for key, value in fields.items() if (name := _LIMITS.get(key.lower()))}
    row.limits = {
        name: value for name, value in stated.items() if value is not None and (not readable or name in readable)
    }
    row.hysteresis = (number(fields.get("Positive Hysteresis", "")), number(fields.get("Negative Hysteresis", "")))
    said = fields.get("Sensor Reading", "")
    value = measured(said)
    if value is not None:
        row.value, row.unit = value
        return row
    row.gap = gap_of(said) or (gap_of(row.status) if row.status not in ("ok", *NOTHING) else None)
    row.gap = row.gap or Gap(GapReason.BUSY, said or "no reading")
    return row


# ---- parsed into JSON by others (Ironic, Ceilometer) -------------------------------------------------------------


def from_json(text: str) -> list[Row] | None:
    """Objects with the fields of such blocks, wherever they stand in the document; None where there are none."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = [row for fields in _objects(content) if (row := _of_object(fields)) is not None]
    return found or None


def _objects(content: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    waiting: list[tuple[str, Any]] = [("$", content)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("Sensor ID"), str):
                yield at, value
                continue
            waiting += reversed([(f"{at}.{key}", inner) for key, inner in value.items()])
        elif isinstance(value, list):
            waiting += reversed([(f"{at}[{place}]", inner) for place, inner in enumerate(value)])


def _of_object(entry: tuple[str, Mapping[str, Any]]) -> Row | None:
    at, content = entry
    fields = {str(key): value for key, value in content.items() if isinstance(value, str)}
    asserted: Any = content.get("States Asserted", ())
    words: Iterable[Any] = [asserted] if isinstance(asserted, str) else asserted if isinstance(asserted, list) else ()
    states = [found for word in words for found in re.findall(r"\[([^\]]+)\]", str(word))]
    return _row(fields, states, at[:120])
