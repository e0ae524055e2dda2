"""Dates and times as SEL tools print them, in every order and script seen, as milliseconds of Unix time.

Pure; used by `sel_text.py`. A time without a zone is taken as it stands: a BMC's clock has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise

_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
)}  # fmt: skip

_ZONES_MINUTES = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "MET": 60, "MEST": 120, "EET": 120,
    "EEST": 180, "MSK": 180, "JST": 540, "KST": 540, "HKT": 480, "SGT": 480, "AWST": 480, "AEST": 600, "AEDT": 660,
    "ACST": 570, "NZST": 720, "NZDT": 780, "EST": -300, "EDT": -240, "CDT": -300, "MST": -420, "MDT": -360,
    "PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600, "SAST": 120, "PKT": 300, "WIB": 420,
}  # fmt: skip
"""Zone names with one meaning. CST (China, Chicago), IST (India, Israel, Ireland) and BST have several: not taken."""
_CHINA_MINUTES = 480

_NUMERIC = re.compile(r"(\d{1,4})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{1,4})")
_NAMED = re.compile(r"(?:(\d{1,2})[ \-./]*)?\b([A-Za-z]{3})[a-z]*\.?[ \-/,]+(?:(\d{1,2})[ \-/,]+)?(\d{4}|\d{2})\b")
_EAST_ASIAN = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]")
_CLOCK = re.compile(r"(\d{1,2})\s*[:.時时시点]\s*(\d{1,2})(?:\s*[:.分분]\s*(\d{1,2})(?:[.,]\d+)?\s*[秒초]?)?")
_NOON = re.compile(r"\b([ap])\.?m\.?\b|(上午|下午|午前|午後|오전|오후)", re.IGNORECASE)
_ZONE = re.compile(r"(?:^|[\s\d秒초])([A-Z]{1,5}|[+\-]\d{2}:?\d{2})\s*$")
_UNSET = re.compile(r"\W*(?:(?:pre|post)\W?init|unspecified|S\+)", re.IGNORECASE)
_AFTERNOON = ("p", "下午", "午後", "오후")
PRE_INIT_YEAR = 1990
"""No BMC's clock that was set says an earlier year: FreeIPMI and web pages print 1970 for "not set"."""


class Order(StrEnum):
    """Which of the first two numbers of a date is the month."""

    MONTH_FIRST = "month first"
    DAY_FIRST = "day first"


@dataclass(frozen=True, slots=True)
class Moment:
    """What the columns say."""

    ms: int
    """Unix ms; 0 = none, or before the clock was set."""
    note: str = ""
    """What a reader must know: that the clock was not set, or which zone was not taken."""


UNSET = Moment(0, "before the BMC's clock was set")
NONE = Moment(0)


def order_of(dates: Iterable[str]) -> Order:
    """Decided over a whole capture: by a number above 12, else by which order makes the log run forwards.

    Month first, as ipmitool prints, where nothing speaks against it.
    """
    pairs = []
    for date in dates:
        match = _NUMERIC.search(date)
        if match is not None and len(match[1]) <= 2:
            pairs.append((int(match[3]), int(match[1]), int(match[2])))
    if any(first > 12 for _, first, _ in pairs):
        return Order.DAY_FIRST
    if any(second > 12 for _, _, second in pairs):
        return Order.MONTH_FIRST
    month_first = [(year, first, second) for year, first, second in pairs]
    day_first = [(year, second, first) for year, first, second in pairs]
    return Order.DAY_FIRST if _backward(day_first) < _backward(month_first) else Order.MONTH_FIRST


def _backward(days: list[tuple[int, int, int]]) -> int:
    return min(
        sum(later < earlier for earlier, later in pairwise(days)),
        sum(later > earlier for earlier, later in pairwise(days)),
    )


def is_date(words: str) -> bool:
    """Whether a column holds a date, or one of the words for none."""
    return _date(words, Order.MONTH_FIRST) is not None or is_unset(words)


def is_unset(words: str) -> bool:
    """ "Pre-Init", "PostInit", ipmitool's "S+ 70/001": seconds since the BMC started."""
    return _UNSET.match(words) is not None


def moment(words: str, order: Order) -> Moment:
    """A date with its time, in one text."""
    if is_unset(words):
        return UNSET
    date = _date(words, order)
    if date is None:
        return NONE
    year, month, day, end = date
    if year < PRE_INIT_YEAR:
        return UNSET
    hour, minute, second, rest = _clock(words[end:] or words)
    try:
        stamp = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    except ValueError:
        return NONE
    east, note = _zone(rest, words)
    return Moment(int(stamp - east * 60) * 1000, note)


def _date(words: str, order: Order) -> tuple[int, int, int, int] | None:
    """Year, month, day, and where the date ends."""
    found = _EAST_ASIAN.search(words)
    if found is not None:
        return int(found[1]), int(found[2]), int(found[3]), found.end()
    found = _NUMERIC.search(words)
    if found is not None:
        return (*_numbers(found[1], found[2], found[3], order), found.end())
    found = _NAMED.search(words)
    if found is not None and found[2].lower() in _MONTHS and (found[1] or found[3]):
        return _year(found[4]), _MONTHS[found[2].lower()], int(found[3] or found[1]), found.end()
    return None


def _numbers(first: str, second: str, third: str, order: Order) -> tuple[int, int, int]:
    if len(first) > 2:
        return int(first), int(second), int(third)
    one, two = int(first), int(second)
    # A lone date that only one order makes sense of is read by it, whatever the others say.
    month_first = two > 12 or (one <= 12 and order is Order.MONTH_FIRST)
    return (_year(third), one, two) if month_first else (_year(third), two, one)


def _year(digits: str) -> int:
    number = int(digits)
    if len(digits) > 2:
        return number
    # ipmitool's %x prints two digits; 70 stands for a clock that was never set.
    return 1900 + number if number >= 70 else 2000 + number


def _clock(words: str) -> tuple[int, int, int, str]:
    found = _CLOCK.search(words)
    if found is None:
        return 0, 0, 0, ""
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    noon = _NOON.search(words)
    if noon is not None and hour <= 12:
        hour = hour % 12 + (12 if (noon[1] or noon[2]).lower() in _AFTERNOON else 0)
    return hour, minute, second, _NOON.sub(" ", words[found.end() :])


def _zone(rest: str, words: str) -> tuple[int, str]:
    """Minutes east of UTC, and what could not be taken."""
    found = _ZONE.search(f" {rest.strip()}")
    if found is None or not rest.strip():
        return 0, ""
    name = found[1]
    if name[0] in "+-":
        minutes = int(name[1:3]) * 60 + int(name[-2:])
        return (minutes if name[0] == "+" else -minutes), ""
    if name == "CST" and "年" in words:
        return _CHINA_MINUTES, ""
    if name in _ZONES_MINUTES:
        return _ZONES_MINUTES[name], ""
    return 0, f"zone {name} not taken"
