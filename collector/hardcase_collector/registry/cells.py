"""One value of a row, of its type, from a CSV cell (always text) or a TOML value. Mistakes go to the row's table.

Every reader gives None where the row leaves the value out or has it wrong. Used by `reading.py` alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from hardcase_collector.sheets.table import Table

SEPARATOR = ";"
"""Between the words of one CSV cell. No word may hold it."""
MAX_NAME = 64
MAX_TEXT = 500
MAX_KEY = 1000
_YES = frozenset({"true", "yes", "1"})
_NO = frozenset({"false", "no", "0"})
_MONEY = re.compile(r"\d{1,12}(\.\d{1,4})?")
E = TypeVar("E", bound=StrEnum)


def text(table: Table, key: str, *, most: int = MAX_TEXT, lines: bool = False) -> str | None:
    """Without blanks around it and, unless `lines`, on one line. Control characters are mistakes."""
    if key not in table.values:
        return None
    value = table.take(key)
    if not isinstance(value, str):
        table.wrong(key, "must be a text")
        return None
    said = value.replace("\r\n", "\n").strip()
    plain = said.replace("\n", "") if lines else said
    if not all(one.isprintable() for one in plain):
        table.wrong(key, "holds characters that cannot be shown, or a line break")
        return None
    if len(said) > most:
        table.wrong(key, f"is longer than {most} characters")
        return None
    return said


def name(table: Table, key: str) -> str | None:
    """A text that others refer to: not empty."""
    said = text(table, key, most=MAX_NAME)
    if said == "" or (said is None and key not in table.values):
        table.wrong(key, "is missing")
        return None
    return said


def asset(table: Table, key: str) -> str:
    """Key, serial or name of an asset as it is: its hardware may say anything."""
    if key not in table.values:
        return ""
    value = table.take(key)
    if isinstance(value, str) and len(value) <= MAX_KEY:
        return value.strip()
    table.wrong(key, f"must be a text of at most {MAX_KEY} characters")
    return ""


def choice(table: Table, key: str, kind: type[E]) -> E | None:
    said = text(table, key)
    if not said:
        return None
    if said in tuple(kind):
        return kind(said)
    table.wrong(key, f"must be one of {', '.join(kind)}")
    return None


def flag(table: Table, key: str) -> bool | None:
    value = table.values.get(key)
    if isinstance(value, bool):
        table.take(key)
        return value
    said = text(table, key)
    if not said:
        return None
    if said.lower() in _YES | _NO:
        return said.lower() in _YES
    table.wrong(key, "must be true or false")
    return None


def number(table: Table, key: str, *, high: int) -> int | None:
    """From 0; an empty cell is 0."""
    value = table.values.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        table.take(key)
        said: str | None = str(value)
    else:
        said = text(table, key)
    if said is None:
        return None
    if said == "" or (said.isascii() and said.isdecimal() and int(said) <= high):
        return int(said or "0")
    table.wrong(key, f"must be a whole number from 0 to {high}")
    return None


def day(table: Table, key: str) -> date | None:
    """An ISO date. An empty cell gives None as well: ask `emptied` where that matters."""
    value = table.values.get(key)
    if isinstance(value, date) and not isinstance(value, datetime):
        table.take(key)
        return value
    said = text(table, key)
    if not said:
        return None
    try:
        return date.fromisoformat(said) if len(said) == len("2026-01-31") else _no_date()
    except ValueError:
        table.wrong(key, "must be a date such as 2026-01-31")
        return None


def _no_date() -> date:
    raise ValueError("no date")


def money(table: Table, key: str) -> Decimal | None:
    value = table.values.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        table.take(key)
        said: str | None = str(value)
    else:
        said = text(table, key)
    if not said:
        return None
    try:
        if _MONEY.fullmatch(said):
            return Decimal(said)
    except InvalidOperation:
        pass
    table.wrong(key, 'must be an amount such as "1400.50"')
    return None


def words(table: Table, key: str) -> tuple[str, ...] | None:
    """Sorted, each once. CSV: separated by semicolons."""
    if key not in table.values:
        return None
    value = table.take(key)
    listed: Sequence[object] = value.split(SEPARATOR) if isinstance(value, str) else _listed(value)
    said = [one.strip() if isinstance(one, str) else None for one in listed]
    if any(one is None or SEPARATOR in one or not one.isprintable() or len(one) > MAX_NAME for one in said):
        table.wrong(key, f"must be words of at most {MAX_NAME} characters, without semicolons in them")
        return None
    return tuple(sorted({one for one in said if one}))


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [None]


def emptied(table: Table, key: str) -> bool:
    """The row says that there is none."""
    value = table.values.get(key)
    return isinstance(value, str) and not value.strip()
