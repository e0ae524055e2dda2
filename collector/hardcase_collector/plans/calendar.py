"""Which days are worked at a site, and which stretches of time lie inside a window. Pure values of local dates.

`almanac.py` fills years from what is official; `ledger.py` walks the stretches. Instants are ms of Unix time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import count
from zoneinfo import ZoneInfo

from hardcase_collector.plans.plan import DayRule, Window

HORIZON_MS = 10 * 366 * 86_400_000
"""Nothing is looked for further than ten years on: longer than any plan is sold for."""
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Year:
    """Public holidays of a year, and the days of rest that are worked to make up for them."""

    days_off: frozenset[date]
    workdays: frozenset[date] = frozenset()
    provisional: bool = False
    """The official calendar is not known yet: by the general rules for holidays."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of one place. `imported` years are the site's word and go before what `almanac` says."""

    weekend: frozenset[int]
    almanac: Callable[[int], Year]
    imported: Mapping[int, Year] = field(default_factory=dict)

    def year(self, number: int) -> Year:
        return self.imported.get(number) or self.almanac(number)

    def works(self, day: date) -> bool:
        year = self.year(day.year)
        return day in year.workdays or (day.weekday() not in self.weekend and day not in year.days_off)

    def provisional(self, day: date) -> bool:
        return self.year(day.year).provisional


class Kind(StrEnum):
    """What a stretch of time is to a window."""

    OPEN = "open"
    OUTSIDE_HOURS = "outside_hours"
    DAY_OFF = "day_off"


@dataclass(frozen=True, slots=True)
class Stretch:
    """From (included) to (excluded), ms of Unix time."""

    from_ms: int
    to_ms: int
    kind: Kind
    provisional: bool = False


def ms_of(moment: datetime) -> int:
    """Raises TypeError for a time without zone."""
    return (moment - _EPOCH) // _MS


def datetime_of(at_ms: int) -> datetime:
    return _EPOCH + at_ms * _MS


def local_ms(zone: ZoneInfo, day: date, minute: int, *, fold: int = 0) -> int:
    """The instant at which the site's clock shows this minute of this day; 1440 is the next midnight."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - wall time, the zone follows
    return ms_of((midnight + timedelta(minutes=minute)).replace(tzinfo=zone, fold=fold))


def covered(window: Window, calendar: Calendar, day: date) -> bool:
    """True: the window opens on this day."""
    return window.days is DayRule.EVERY_DAY or calendar.works(day)


def stretches(window: Window, calendar: Calendar, zone: ZoneInfo, from_ms: int, horizon_ms: int) -> Iterator[Stretch]:
    """Without a hole from `from_ms` up to the horizon, each stretch of one kind and, but for 7x24, within one day."""
    if window.always:
        yield Stretch(from_ms, horizon_ms, Kind.OPEN)
        return
    day = datetime_of(from_ms).astimezone(zone).date()
    at = from_ms
    while at < horizon_ms:
        for stretch in _of_day(window, calendar, zone, day):
            if stretch.to_ms > at:
                yield Stretch(at, stretch.to_ms, stretch.kind, stretch.provisional)
                at = stretch.to_ms
        day += _DAY


class Replay:
    """Stretches that are worked out once and walked often: a clock asks for its due time, its use and its ledger."""

    def __init__(self, source: Iterator[Stretch]) -> None:
        self._source = source
        self._seen: list[Stretch] = []

    def __call__(self) -> Iterator[Stretch]:
        for index in count():
            if index == len(self._seen):
                following = next(self._source, None)
                if following is None:
                    return
                self._seen.append(following)
            yield self._seen[index]


def _of_day(window: Window, calendar: Calendar, zone: ZoneInfo, day: date) -> Iterator[Stretch]:
    begins, ends = local_ms(zone, day, 0), local_ms(zone, day, 1440)
    # Holidays do not matter to a window that opens every day, so their being provisional does not either.
    provisional = window.days is DayRule.WORKDAYS and calendar.provisional(day)
    if not covered(window, calendar, day):
        yield Stretch(begins, ends, Kind.DAY_OFF, provisional)
        return
    opens = local_ms(zone, day, window.opens_minute)
    closes = local_ms(zone, day, window.closes_minute)
    yield Stretch(begins, opens, Kind.OUTSIDE_HOURS, provisional)
    yield Stretch(opens, closes, Kind.OPEN, provisional)
    yield Stretch(closes, ends, Kind.OUTSIDE_HOURS, provisional)


def counts_from(
    window: Window, calendar: Calendar, zone: ZoneInfo, start_ms: int, cut_off_minute: int | None
) -> tuple[int, date]:
    """When a start counts as made, and on which coverage day.

    Inside the window it counts at once. Before it opens, on a day off, after it closed or after the cut-off it counts
    from the next opening.
    """
    local = datetime_of(start_ms).astimezone(zone)
    day = local.date()
    last = window.closes_minute if cut_off_minute is None else min(cut_off_minute, window.closes_minute)
    if covered(window, calendar, day) and start_ms < local_ms(zone, day, last):
        return max(start_ms, local_ms(zone, day, window.opens_minute)), day
    day = coverage_day_after(window, calendar, day, 1)
    return local_ms(zone, day, window.opens_minute), day


def coverage_day_after(window: Window, calendar: Calendar, day: date, days: int) -> date:
    """The `days`th day after this one on which the window opens. At most ten years on."""
    last = day + timedelta(milliseconds=HORIZON_MS)
    while days and day < last:
        day += _DAY
        days -= covered(window, calendar, day)
    return day
