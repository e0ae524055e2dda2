"""Terms as a text that never changes with a sheet, the books or a library: what a case is served under. Pure.

`cases/opening.py` freezes when a case is opened; whoever asks for its clocks thaws. The same terms are the same text,
so that a store keeps it once for all cases that share it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from hardcase_collector.domain.errors import TermsUnreadable
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.service_terms import CaseTerms
from hardcase_collector.plans.almanac import calendar_of
from hardcase_collector.plans.calendar import Calendar, Year
from hardcase_collector.plans.legs import Terms
from hardcase_collector.plans.plan import (
    CalendarSheet,
    ClockKind,
    Coverage,
    DayRule,
    Moment,
    PauseReason,
    Plan,
    Price,
    Promise,
    Window,
)

_VERSION = 1
_COVERAGE_LISTS = ("quoted", "pre_consent")
_COVERAGE = ("parts_years", "labour_years", "on_site_years", "provider", "carry_in", "same_engineer", "phone_for_life")


@dataclass(frozen=True, slots=True)
class FrozenCalendar:
    """A place's days as they were known then. Years that are not here are asked of the almanac when they come."""

    country: str
    subdivision: str
    weekend: tuple[int, ...]
    years: Mapping[int, Year] = field(default_factory=dict)

    def calendar(self) -> Calendar:
        sheet = CalendarSheet(country=self.country, subdivision=self.subdivision, weekend=frozenset(self.weekend))
        return replace(calendar_of(sheet), imported=self.years)

    def provisional(self) -> frozenset[int]:
        return frozenset(number for number, year in self.years.items() if year.provisional)

    def with_years(self, country: str, subdivision: str, known: Mapping[int, Year]) -> FrozenCalendar:
        """What was provisional becomes what is known; what was official stays as the case was opened under."""
        if (self.country, self.subdivision) != (country, subdivision):
            return self
        learned = {number: known[number] for number in self.provisional() & set(known)}
        return replace(self, years={**self.years, **learned}) if learned else self


@dataclass(frozen=True, slots=True)
class FrozenTerms:
    plan: Plan
    zone: str
    """IANA name."""
    calendar: FrozenCalendar
    """The site's."""
    calendars: Mapping[str, FrozenCalendar] = field(default_factory=dict)
    """Those that the plan's promises name."""

    @property
    def provisional(self) -> bool:
        return any(one.provisional() for one in (self.calendar, *self.calendars.values()))

    def with_years(self, country: str, subdivision: str, known: Mapping[int, Year]) -> FrozenTerms:
        return replace(
            self,
            calendar=self.calendar.with_years(country, subdivision, known),
            calendars={name: one.with_years(country, subdivision, known) for name, one in self.calendars.items()},
        )


def freeze_calendar(sheet: CalendarSheet, imported: Mapping[int, Year], years: Collection[int]) -> FrozenCalendar:
    """`imported`: official years of the place beyond those of the sheet; `years`: those to be frozen, with every later
    one that was imported.

    Raises ValueError for a country or subdivision that is not known.
    """
    known = calendar_of(sheet)
    first = min(years)
    wanted = {*years, *(number for number in (*imported, *known.imported) if number > first)}
    kept = {number: imported[number] if number in imported else known.year(number) for number in sorted(wanted)}
    return FrozenCalendar(sheet.country, sheet.subdivision, tuple(sorted(known.weekend)), kept)


def terms_of(kept: CaseTerms) -> Terms:
    """What `clocks` asks for. Raises TermsUnreadable for a text that is none of ours."""
    with _named(kept):
        plan, zone, calendar, calendars = _thawed(kept.frozen)
    return Terms(
        plan=plan,
        priority=kept.priority,
        zone=zone,
        calendar=calendar,
        calendars=calendars,
        entitled_from=kept.entitled_from,
    )


def frozen_of(kept: CaseTerms) -> FrozenTerms:
    """As `load`. Raises TermsUnreadable."""
    with _named(kept):
        return load(kept.frozen)


@contextmanager
def _named(kept: CaseTerms) -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # The text itself is as long as a plan; what is wrong with it is enough.
        told = {"plan": kept.plan, "why": f"{type(error).__name__}: {error}"[:200]}
        raise TermsUnreadable("the frozen terms of plan {plan} cannot be read: {why}", **told) from error


# A fleet has a handful of plans times sites; each text is thousands of characters.
@lru_cache(maxsize=256)
def _thawed(text: str) -> tuple[Plan, ZoneInfo, Calendar, Mapping[str, Calendar]]:
    frozen = load(text)
    named = {name: one.calendar() for name, one in frozen.calendars.items()}
    return frozen.plan, ZoneInfo(frozen.zone), frozen.calendar.calendar(), named


def dump(terms: FrozenTerms) -> str:
    """JSON; equal terms give equal texts."""
    stored = {
        "version": _VERSION,
        "zone": terms.zone,
        "calendar": _calendar_out(terms.calendar),
        "calendars": {name: _calendar_out(one) for name, one in terms.calendars.items()},
        "plan": _plan_out(terms.plan),
    }
    return json.dumps(stored, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def load(text: str) -> FrozenTerms:
    """Raises ValueError for a version that this program does not know."""
    stored = json.loads(text)
    if stored.get("version") != _VERSION:
        raise ValueError(f"frozen terms of version {stored.get('version')}: a newer program wrote them")
    return FrozenTerms(
        plan=_plan_in(stored["plan"]),
        zone=stored["zone"],
        calendar=_calendar_in(stored["calendar"]),
        calendars={name: _calendar_in(one) for name, one in stored["calendars"].items()},
    )


def _calendar_out(one: FrozenCalendar) -> dict[str, Any]:
    years = {
        str(number): {
            "days_off": sorted(day.isoformat() for day in year.days_off),
            "workdays": sorted(day.isoformat() for day in year.workdays),
            "provisional": year.provisional,
        }
        for number, year in one.years.items()
    }
    return {"country": one.country, "subdivision": one.subdivision, "weekend": list(one.weekend), "years": years}


def _calendar_in(stored: dict[str, Any]) -> FrozenCalendar:
    years = {
        int(number): Year(
            days_off=frozenset(map(date.fromisoformat, year["days_off"])),
            workdays=frozenset(map(date.fromisoformat, year["workdays"])),
            provisional=year["provisional"],
        )
        for number, year in stored["years"].items()
    }
    return FrozenCalendar(stored["country"], stored["subdivision"], tuple(stored["weekend"]), years)


def _plan_out(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "title": dict(plan.title),
        "source": plan.source,
        "coverage": {**{name: getattr(plan.coverage, name) for name in _COVERAGE}, **_lists(plan.coverage)},
        "promises": [_promise_out(one) for one in plan.promises],
        "prices": [_price_out(one) for one in plan.prices],
    }


def _lists(coverage: Coverage) -> dict[str, list[str]]:
    return {name: list(getattr(coverage, name)) for name in _COVERAGE_LISTS}


def _plan_in(stored: dict[str, Any]) -> Plan:
    coverage = stored["coverage"]
    return Plan(
        name=stored["name"],
        title=stored["title"],
        source=stored["source"],
        coverage=Coverage(**{**coverage, **{name: tuple(coverage.get(name, ())) for name in _COVERAGE_LISTS}}),
        promises=tuple(_promise_in(one) for one in stored["promises"]),
        prices=tuple(_price_in(one) for one in stored["prices"]),
    )


def _promise_out(one: Promise) -> dict[str, Any]:
    window = one.window
    return {
        "clock": str(one.clock),
        "priorities": [str(priority) for priority in one.priorities],
        "start": str(one.start),
        "stop": [str(moment) for moment in one.stop],
        "within_s": one.within_s,
        "coverage_days": one.coverage_days,
        "window": [window.name, str(window.days), window.opens_minute, window.closes_minute],
        "cut_off_minute": one.cut_off_minute,
        "calendar": one.calendar,
        "pauses": sorted(one.pauses),
        "self_repair_waives": one.self_repair_waives,
        "set_up_days": one.set_up_days,
    }


def _promise_in(stored: dict[str, Any]) -> Promise:
    name, days, opens, closes = stored["window"]
    return Promise(
        clock=ClockKind(stored["clock"]),
        priorities=tuple(map(Priority, stored["priorities"])),
        start=Moment(stored["start"]),
        stop=tuple(map(Moment, stored["stop"])),
        within_s=stored["within_s"],
        coverage_days=stored["coverage_days"],
        window=Window(name=name, days=DayRule(days), opens_minute=opens, closes_minute=closes),
        cut_off_minute=stored["cut_off_minute"],
        calendar=stored["calendar"],
        pauses=frozenset(map(PauseReason, stored["pauses"])),
        self_repair_waives=stored["self_repair_waives"],
        set_up_days=stored["set_up_days"],
    )


def _price_out(one: Price) -> dict[str, Any]:
    return {
        "machine": dict(one.machine),
        "currency": one.currency,
        "low": str(one.low),
        "high": str(one.high),
        "years": one.years,
    }


def _price_in(stored: dict[str, Any]) -> Price:
    return Price(
        machine=stored["machine"],
        currency=stored["currency"],
        low=Decimal(stored["low"]),
        high=Decimal(stored["high"]),
        years=stored["years"],
    )
