"""An agent's answer as tables: whatever JSON it is, bounded, and nothing of it taken for more than text.

Used by the page of a request. Files are never looked into; they are downloads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 2_000
MOST_COLUMNS = 20
MOST_TABLES = 60
LONGEST_CELL = 500
DEEPEST = 6

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A list of things of one kind."""

    path: tuple[str, ...]
    """Where in the answer it stands."""
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0
    """Rows that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Values that stand by themselves."""

    path: tuple[str, ...]
    values: Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    parts: tuple[Table | Facts, ...] = ()
    text: str = ""
    """What is no JSON, as it came."""
    left_out: int = 0
    """Tables that are not shown."""


def answer_of(raw: bytes) -> Answer:
    """Whatever an agent sent."""
    if not raw:
        return Answer()
    try:
        found = loaded(raw)
    except ValueError:
        return Answer(text=raw.decode("utf-8", "replace"))
    parts = list(_parts(found, ()))
    return Answer(parts=tuple(parts[:MOST_TABLES]), left_out=max(0, len(parts) - MOST_TABLES))


def loaded(raw: bytes) -> Any:
    """The JSON it is, of what can be shown and sent on: no NaN, no half of a surrogate pair. Raises ValueError."""
    try:
        found = json.loads(raw, parse_constant=lambda _: None)
        return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def _parts(value: object, path: tuple[str, ...]) -> Iterator[Table | Facts]:
    if isinstance(value, list):
        yield from _list(value, path)
    elif isinstance(value, dict):
        facts = {str(key)[:100]: _cell(one) for key, one in value.items() if not isinstance(one, dict | list)}
        if facts:
            yield Facts(path=path, values=facts)
        for key, one in value.items():
            if isinstance(one, dict | list) and one:
                if len(path) >= DEEPEST:
                    yield Facts(path=path, values={str(key)[:100]: _cell(one)})
                else:
                    yield from _parts(one, (*path, str(key)[:100]))
    else:
        yield Facts(path=path, values={"": _cell(value)})


def _list(values: Sequence[object], path: tuple[str, ...]) -> Iterator[Table | Facts]:
    """Things with tables of their own within come one by one."""
    if any(_holds_tables(one) for one in values) and len(path) < DEEPEST:
        for number, one in enumerate(values[:MOST_TABLES], 1):
            yield from _parts(one, (*path, str(number)))
        return
    things = [one if isinstance(one, dict) else {"": one} for one in values[:MOST_ROWS]]
    columns = tuple(dict.fromkeys(str(key)[:100] for thing in things for key in thing))[:MOST_COLUMNS]
    rows = tuple(tuple(_cell(_named(thing, column)) for column in columns) for thing in things)
    yield Table(path=path, columns=columns, rows=rows, left_out=len(values) - len(things))


def _holds_tables(value: object) -> bool:
    return isinstance(value, dict) and any(
        isinstance(one, list) and any(isinstance(inner, dict) for inner in one) for one in value.values()
    )


def _named(thing: Mapping[str, object], column: str) -> object:
    return next((value for key, value in thing.items() if str(key)[:100] == column), None)


def _line(value: object) -> str:
    """What holds nothing but plain values reads as a list; JSON is left to what is deeper."""
    if isinstance(value, dict) and not any(isinstance(one, dict | list) for one in value.values()):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else _line(value)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"
