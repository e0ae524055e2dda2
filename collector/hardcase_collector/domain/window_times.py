"""When a planned window holds: its times from week to week, and what it is after its end was moved. Pure.

A weekly window keeps its local hours: over a change to daylight saving it may be an hour longer or shorter.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.noise import NEVER_MS, PlannedWindow

WEEK_MS = 7 * 86_400_000
_MOVES_KEPT = 60
"""Times of a weekly window that ended otherwise than planned: over a year of them."""


def time_of(window: PlannedWindow, at_ms: int) -> tuple[int, int] | None:
    """Start and end of the time that holds then; None: it does not hold."""
    found = last_begun(window, at_ms)
    return found if found is not None and at_ms < found[1] else None


def next_time(window: PlannedWindow, at_ms: int) -> tuple[int, int] | None:
    """The time that holds then, or else the next one; None: it is over for good."""
    found = time_of(window, at_ms)
    if found is not None:
        return found
    coming = window.from_ms if at_ms < window.from_ms else _start(window, _weeks(window, at_ms) + 1)
    if not window.weekly and at_ms >= window.from_ms:
        return None
    return (coming, _end(window, coming)) if coming < window.last_ms else None


def last_begun(window: PlannedWindow, at_ms: int) -> tuple[int, int] | None:
    """The newest time that had begun then; its end may be past."""
    if at_ms < window.from_ms or window.from_ms >= window.last_ms:
        return None
    start = _start(window, _weeks(window, at_ms)) if window.weekly else window.from_ms
    return (start, _end(window, start)) if start < window.last_ms else None


def moved(window: PlannedWindow, *, at_ms: int, until_ms: int) -> PlannedWindow:
    """The time that holds at `at_ms` ends at `until_ms`; later times of a weekly window stay as they are.

    Raises IllegalAction where none holds, or a weekly one would run into its next time.
    """
    running = time_of(window, at_ms)
    if running is None:
        raise IllegalAction("the window does not hold now")
    start, _ = running
    if not window.weekly:
        return replace(window, until_ms=until_ms, last_ms=until_ms)
    if until_ms - start >= WEEK_MS:
        raise IllegalAction("a weekly window ends before its next time begins")
    kept = sorted({**window.moved, start: until_ms}.items())[-_MOVES_KEPT:]
    last_ms = window.last_ms if window.last_ms == NEVER_MS else max(window.last_ms, until_ms)
    return replace(window, moved=dict(kept), last_ms=last_ms)


def over(window: PlannedWindow, *, at_ms: int) -> PlannedWindow:
    """Ended for good: what it held before stays known, for readings that come late."""
    if not window.weekly:
        return replace(window, until_ms=min(window.until_ms, max(at_ms, window.from_ms)), last_ms=at_ms)
    return replace(window, last_ms=min(window.last_ms, at_ms))


def _end(window: PlannedWindow, start_ms: int) -> int:
    if not window.weekly:
        return min(window.until_ms, window.last_ms)
    zone = ZoneInfo(window.time_zone)
    lasts = _wall(window.until_ms, zone) - _wall(window.from_ms, zone)
    planned = _instant(_wall(start_ms, zone) + lasts, zone)
    return min(window.moved.get(start_ms, planned), window.last_ms)


def _weeks(window: PlannedWindow, at_ms: int) -> int:
    """How many weeks after its first time the newest begun one began."""
    zone = ZoneInfo(window.time_zone)
    passed = _wall(at_ms, zone).date() - _wall(window.from_ms, zone).date()
    weeks = passed.days // 7
    return weeks if _start(window, weeks) <= at_ms else weeks - 1


def _start(window: PlannedWindow, weeks: int) -> int:
    zone = ZoneInfo(window.time_zone)
    return window.from_ms if weeks == 0 else _instant(_wall(window.from_ms, zone) + timedelta(weeks=weeks), zone)


def _wall(at_ms: int, zone: ZoneInfo) -> datetime:
    whole = datetime.fromtimestamp(at_ms // 1000, zone).replace(tzinfo=None, fold=0)
    return whole + timedelta(milliseconds=at_ms % 1000)


def _instant(wall: datetime, zone: ZoneInfo) -> int:
    return round(wall.replace(tzinfo=zone).timestamp() * 1000)
