"""Is labour, travel or a part free on this day, and why (not)? One pure decision, asked when something is quoted."""

from __future__ import annotations

from datetime import date

from hardcase_collector.domain.repair import FREE, LineKind, LineReason, Manner
from hardcase_collector.plans.plan import Coverage
from hardcase_collector.service.served import Served

_QUOTED_AS = {LineKind.LABOUR: "labour", LineKind.TRAVEL: "travel", LineKind.PART: "parts"}


def kinds(manner: Manner, *, self_repair: bool) -> tuple[LineKind, ...]:
    """What a repair of this manner takes."""
    if manner is Manner.REMOTE:
        return (LineKind.LABOUR,)
    if manner is Manner.ON_SITE:
        return (LineKind.LABOUR, LineKind.TRAVEL)
    return (LineKind.PART,) if self_repair else (LineKind.LABOUR, LineKind.TRAVEL, LineKind.PART)


def covered(kind: LineKind, manner: Manner, served: Served, *, on: date) -> LineReason:
    """`on`: the day at the site."""
    coverage = served.coverage
    if coverage is None:
        return LineReason.NO_PLAN
    # Free for life also means after everything else is over.
    if kind is LineKind.LABOUR and manner is Manner.REMOTE and coverage.phone_for_life:
        return LineReason.PHONE_FOR_LIFE
    if not served.entitled:
        return LineReason.NO_PLAN
    if (served.starts and on < served.starts) or (served.ends and on > served.ends):
        return LineReason.ENDED
    if _QUOTED_AS[kind] in coverage.quoted:
        return LineReason.QUOTED
    if kind is LineKind.TRAVEL and coverage.carry_in:
        return LineReason.CARRY_IN
    years = _years(kind, coverage)
    if not years:
        return LineReason.NOT_INCLUDED
    if served.purchased and on >= anniversary(served.purchased, years):
        return LineReason.YEARS_OVER
    return LineReason.COVERED


def uncovered(manner: Manner, served: Served, *, self_repair: bool, on: date) -> tuple[LineKind, ...]:
    """What has to be quoted."""
    needed = kinds(manner, self_repair=self_repair)
    return tuple(kind for kind in needed if covered(kind, manner, served, on=on) not in FREE)


def anniversary(day: date, years: int) -> date:
    """The same day so many years later; 29 February is followed by 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def _years(kind: LineKind, coverage: Coverage) -> int:
    match kind:
        case LineKind.LABOUR:
            return coverage.labour_years
        case LineKind.TRAVEL:
            return coverage.on_site_years
        case LineKind.PART:
            return coverage.parts_years
