"""Numbers as smartctl prints them for people, in any locale. Used by the readers of its text."""

from __future__ import annotations

import re

_GROUPED = re.compile(r"\d{1,3}(?:[,.' \u00a0\u2019\u2009\u202f\ufffd]{1,3}\d{3})+(?!\d)")
"""Thousands set apart as the locale has it; what was no UTF-8 (a no-break space of Windows) is U+FFFD."""
_INTEGER = re.compile(r"\d{1,40}")
_LONGEST = 40


def tidy(text: str) -> str:
    """Without doubled or outer spaces."""
    return " ".join(text.split())


def whole(text: str) -> int | None:
    """The whole number that the text begins with, whatever sets its thousands apart."""
    text = text.lstrip()[:_LONGEST]
    grouped = _GROUPED.match(text)
    if grouped:
        return int(re.sub(r"\D", "", grouped[0]))
    return integer(text)


def integer(text: str) -> int | None:
    """The digits that the text begins with; -5 is -5, "-" and "N/A" are none."""
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    found = _INTEGER.match(text.lstrip("-") if sign < 0 else text)
    return sign * int(found[0]) if found else None


def hexadecimal(text: str) -> int | None:
    """A number like 0x1f, or None."""
    found = re.match(r"0x([0-9a-fA-F]{1,16})\b", text.strip())
    return int(found[1], 16) if found else None


def decimal(text: str) -> str:
    """A number with exactly three decimals, the mark being the locale's, as C would print it; or ""."""
    found = re.fullmatch(r"(\d{1,20})[.,](\d{3})", text.strip())
    return f"{found[1]}.{found[2]}" if found else ""
