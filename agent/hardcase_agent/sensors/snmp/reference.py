"""Where a value that describes a row stands: `Reference`, as profiles write it, and the texts and numbers of objects.

"OID" is a column with the row's index; "OID[0:2]" one with a part of the index; "OID!" a single instance; "A > B" the
column B at the row whose index stands in A. Used by `profile.py` and `layout.py`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from hardcase_agent.sensors.snmp.values import Missing, Oid, Value, dotted, parse_oid

_STEP = re.compile(r"\.?(?P<oid>\d+(\.\d+)*)(?P<single>!)?(\[(?P<start>-?\d*)(?P<colon>:)?(?P<stop>-?\d*)\])?")
_OWN = re.compile(r"\[(-?\d+)\]")
_FIGURE = re.compile(r"[+-]?(\d{1,18}(\.\d{1,18})?|\.\d{1,18})")


@dataclass(frozen=True, slots=True)
class Step:
    oid: Oid
    part: slice | None = None
    """Of the row's index; None: all of it."""
    single: bool = False

    def instance(self, index: Oid) -> Oid:
        if self.single:
            return self.oid
        return self.oid + (index if self.part is None else index[self.part])


@dataclass(frozen=True, slots=True)
class Reference:
    """The steps before the last give the index for the next one."""

    steps: tuple[Step, ...]
    arc: int | None = None
    """Not None: a number of the row's index itself."""

    def instance(self, index: Oid, objects: Mapping[Oid, Value]) -> Oid | None:
        """None where a step before the last leads nowhere."""
        if not self.steps:
            return None
        for step in self.steps[:-1]:
            value = objects.get(step.instance(index))
            if isinstance(value, bytes):
                value = whole(value)
            if isinstance(value, int) and value >= 0:
                index = (value,)
            elif isinstance(value, tuple):
                index = value
            else:
                return None
        return self.steps[-1].instance(index)

    def value(self, index: Oid, objects: Mapping[Oid, Value]) -> Value | None:
        """None where there is nothing."""
        if self.arc is not None:
            return index[self.arc] if -len(index) <= self.arc < len(index) else None
        oid = self.instance(index, objects)
        value = None if oid is None else objects.get(oid)
        return None if isinstance(value, Missing) else value

    def asked(self, index: Oid, objects: Mapping[Oid, Value]) -> tuple[Oid, ...]:
        """What must be asked for next to follow it."""
        if not self.steps:
            return ()
        first = self.steps[0].instance(index)
        if len(self.steps) == 1 or first not in objects:
            return (first,)
        oid = self.instance(index, objects)
        return (first,) if oid is None else (first, oid)


def parse_reference(text: str) -> Reference:
    """Raises ValueError."""
    if own := _OWN.fullmatch(text):
        return Reference((), int(own[1]))
    return Reference(tuple(_step(part.strip()) for part in text.split(">")))


def _step(text: str) -> Step:
    read = _STEP.fullmatch(text)
    if read is None:
        raise ValueError(f"{text!r} is no OID with an optional [part of the index] or !")
    part = None
    if read["start"] is not None:
        start, stop = (int(read[name]) if read[name] else None for name in ("start", "stop"))
        if not read["colon"]:
            if start is None:
                raise ValueError(f"{text!r}: an empty part of the index")
            stop = start + 1 or None
        part = slice(start, stop)
    return Step(parse_oid(read["oid"]), part, bool(read["single"]))


def whole(value: Value | None) -> int | None:
    """A whole number; some agents give numbers as text."""
    if isinstance(value, int):
        return value
    if isinstance(value, bytes) and len(value) <= 40:
        try:
            return int(value)
        except ValueError:
            return None
    return None


def figure(text: str) -> float | None:
    """A decimal number and nothing else."""
    return float(text) if _FIGURE.fullmatch(text) else None


def number_in(value: Value | None, pattern: re.Pattern[str] | None) -> float | None:
    """The number of an object; some agents put it into words, where `pattern` finds it."""
    if isinstance(value, int | float):
        # A float in an Opaque may be any bit pattern.
        return float(value) if isfinite(value) else None
    if not isinstance(value, bytes):
        return None
    text = printable(value)
    if pattern is not None:
        found = pattern.search(text)
        text = found[1] if found else ""
    return figure(text)


def printable(value: Value | None) -> str:
    """Text of an object for people: trimmed, control characters and undecodable bytes out, at most 120 characters."""
    if isinstance(value, bytes):
        text = value[:4096].decode("utf-8", "ignore")
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:120]
    if isinstance(value, tuple):
        return dotted(value)
    return "" if value is None or isinstance(value, Missing) else str(value)
