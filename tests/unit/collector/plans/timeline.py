"""Timelines for tests, and the slow reference that holds a promise against them minute by minute."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hardcase_collector.domain.case import TimelineEntry
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans.calendar import Calendar, Year
from hardcase_collector.plans.plan import ClockKind, Coverage, DayRule, Moment, PauseReason, Plan, Promise, Window

MINUTE = 60_000
HOUR = 60 * MINUTE
EVERYONE = tuple(Priority)
ALWAYS = Window(name="7x24", days=DayRule.EVERY_DAY, opens_minute=0, closes_minute=1440)
OFFICE = Window(name="5x9", days=DayRule.WORKDAYS, opens_minute=8 * 60, closes_minute=17 * 60)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def iso(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).isoformat(timespec="minutes")


def events(*rows: tuple[str | int, str] | tuple[str | int, str, dict[str, Fact]]) -> tuple[TimelineEntry, ...]:
    """Rows of time (ISO text or ms), code and, where it has any, parameters; the actor is "wang"."""
    return tuple(
        TimelineEntry(
            case=1,
            version=version,
            code=row[1],
            at_ms=ms(row[0]) if isinstance(row[0], str) else row[0],
            actor="wang",
            parameters=row[2] if len(row) == 3 else {},
        )
        for version, row in enumerate(rows, 1)
    )


def promise(**changes: object) -> Promise:
    """On site within four hours of the report, round the clock; what is given differs."""
    given: dict[str, object] = {
        "clock": ClockKind.ON_SITE,
        "priorities": EVERYONE,
        "start": Moment.REPORTED,
        "stop": (Moment.ARRIVED,),
        "within_s": 4 * 3600,
        "coverage_days": 0,
        "window": ALWAYS,
        "pauses": frozenset(PauseReason),
    }
    return Promise(**{**given, **changes})


def plan(*promises: Promise) -> Plan:
    return Plan(name="tested", title={"en": "", "zh": ""}, source="", coverage=Coverage(), promises=promises)


def no_holidays(number: int) -> Year:
    return Year(frozenset())


PLAIN = Calendar(frozenset({5, 6}), no_holidays)


@dataclass(frozen=True)
class Minutes:
    """What the reference found."""

    used: int
    due: int
    """Minute of Unix time."""


@dataclass(frozen=True)
class Walls:
    """The wall clock of each minute against one promise's window."""

    one: Promise
    zone: ZoneInfo
    calendar: Calendar

    def at(self, minute: int) -> datetime:
        return datetime.fromtimestamp(minute * 60, UTC).astimezone(self.zone)

    def covers(self, minute: int) -> bool:
        return self.one.window.days is DayRule.EVERY_DAY or self.calendar.works(self.at(minute).date())

    def opens(self, minute: int) -> bool:
        wall = self.at(minute)
        of_day = wall.hour * 60 + wall.minute
        return self.one.window.opens_minute <= of_day < self.one.window.closes_minute and self.covers(minute)

    def made(self, start: int) -> int:
        """When a start counts as made."""
        wall = self.at(start)
        of_day = wall.hour * 60 + wall.minute
        cut = 1440 if self.one.cut_off_minute is None else self.one.cut_off_minute
        if self.opens(start) and of_day < cut:
            return start
        today = self.covers(start) and of_day < self.one.window.opens_minute
        minute = start
        while not self.opens(minute) or (self.at(minute).date() == wall.date() and not today):
            minute += 1
        return minute

    def days(self, made: int, count: int) -> int:
        """Open minutes up to the close of the `count`th coverage day after the one of `made`."""
        minute, opened, seen = made, 0, {self.at(made).date()}
        while True:
            if self.opens(minute):
                seen.add(self.at(minute).date())
                if len(seen) > count + 1:
                    return opened
                opened += 1
            elif len(seen) > count:
                return opened
            minute += 1


def slow(
    one: Promise, zone: ZoneInfo, calendar: Calendar, start: int, pauses: Sequence[tuple[int, int]], until: int
) -> Minutes:
    """Minute by minute with the wall clock of each; times are minutes of Unix time, pauses half open."""
    walls = Walls(one, zone, calendar)
    minute = made = walls.made(start)
    budget = walls.days(made, one.coverage_days) if one.coverage_days else one.within_s // 60
    counted = before = due = 0
    while counted < budget or minute < until:
        if not any(begins <= minute < ends for begins, ends in pauses) and walls.opens(minute):
            counted += 1
            before += minute < until
            due = minute + 1 if counted == budget else due
        minute += 1
    return Minutes(before, due)


def paused(spans: Iterable[tuple[int, int]]) -> list[tuple[int, str, dict[str, Fact]]]:
    """Pause and resume events of these minutes."""
    rows: list[tuple[int, str, dict[str, Fact]]] = []
    for begins, ends in spans:
        told: dict[str, Fact] = {"reason": "no_site_access"}
        rows += [(begins * MINUTE, "paused", told), (ends * MINUTE, "resumed", told)]
    return rows


def minutes(text: str) -> int:
    return ms(text) // MINUTE
