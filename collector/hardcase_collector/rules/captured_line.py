"""One line of `hardcase-agent decode`: read strictly, so that nothing odd gets further. Pure; `captured.py` calls it.

What is told as null is not told. Every function raises KeyError, TypeError, ValueError or OverflowError.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.observation import GapReason, Limits, Sensor

Line = Mapping[str, Any]

MOST_STATES = 32
_YEARS_MS = (-62_135_596_800_000, 253_402_300_799_999)
"""Years 1 to 9999, which is what can be printed."""
_RECORD_IDS = 1 << 63


def check_said(line: Line, sensor: Sensor) -> None:
    if "gap" in line:
        gap_of(line)
    elif "states" in line:
        if not isinstance(line["states"], list):
            raise TypeError("states must be a list")
        for state in line["states"]:
            if state not in sensor.states:
                raise ValueError(f"state {state!r} is asserted that sensor.states does not name")
    elif sensor.states:
        raise ValueError("a sensor with states has neither states nor a gap")
    elif isinstance(line["value"], bool) or not math.isfinite(float(line["value"])):
        raise ValueError("a value must be a finite number")


def check_event(line: Line) -> None:
    part_of(line["part"])
    time_of(line)
    if line.get("code") is None:
        raise KeyError("code")
    for key in ("log", "code", "sensor", "text", "raw"):
        text(line, key)
    bytes.fromhex(text(line, "raw"))
    if not isinstance(line["asserted"], bool):
        raise TypeError("asserted must be true or false")
    if not 0 <= int(line.get("record_id", 0)) < _RECORD_IDS:
        raise ValueError("record_id is out of bounds")


def gap_of(line: Line) -> GapReason:
    return GapReason[str(line["gap"]["reason"]).upper()]


def text(told: Line, key: str) -> str:
    """ "" where it is not told. Raises TypeError where it is no text."""
    value = told.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{key} must be a text")
    return value


def sensor_of(line: Line) -> Sensor:
    """Raises KeyError, TypeError, ValueError or OverflowError."""
    told = line["sensor"]
    limits = dict(line.get("limits") or {})
    states = tuple(str(state) for state in told.get("states") or ())
    if len(states) > MOST_STATES:
        raise ValueError(f"more than {MOST_STATES} states")
    if "states" in line and not states:
        raise ValueError("states are asserted that sensor.states does not name")
    if not (text(told, "id") and text(told, "kind")):
        raise ValueError("sensor.id or sensor.kind is missing")
    comparison = told.get("comparison")
    if comparison is not None and not (isinstance(comparison, int) and 0 <= comparison <= 0xFF):
        raise ValueError("sensor.comparison must be the eight bits that the device gave")
    source = text(limits, "source")
    return Sensor(
        id=told["id"],
        name=text(told, "name"),
        kind=told["kind"],
        unit=text(told, "unit"),
        quantity=text(told, "quantity"),
        part=part_of(line["part"]),
        states=states,
        comparison=comparison,
        limits=Limits(source=source, **{name: float(value) for name, value in limits.items() if name != "source"}),
    )


def part_of(told: Line) -> Part:
    return Part(
        component=text(told, "class"),
        slot=text(told, "slot"),
        model=text(told, "model"),
        serial=text(told, "serial"),
        part_number=text(told, "part_number"),
        firmware=text(told, "firmware"),
        paths=tuple(str(path) for path in told.get("paths") or ()),
        wwn=text(told, "wwn"),
    )


def time_of(line: Line) -> int | None:
    """Unix ms of the line's time; None where it tells none. Raises ValueError."""
    told = line.get("time")
    if not told:
        return None
    moment = datetime.fromisoformat(str(told))
    if moment.tzinfo is None:
        raise ValueError(f"time {told!r} has no zone")
    time_ms = round(moment.timestamp() * 1000)
    if not _YEARS_MS[0] <= time_ms <= _YEARS_MS[1]:
        raise ValueError(f"time {told!r} is of no year from 1 to 9999 in UTC")
    return time_ms
