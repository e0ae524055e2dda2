"""Who is on duty (值班) at a moment, in which order: a team's weekly turns, its shifts, swaps and absences. Pure.

Escalation (`cases/clockwork.py`) walks the order; `rota who` shows it. Hand-over is by the team's local clock, so that
daylight saving moves no turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hardcase_collector.domain.service_terms import Shift, ShiftDays, Swap, Team
from hardcase_collector.plans.almanac import calendar_of
from hardcase_collector.plans.calendar import Calendar, Year, datetime_of, ms_of
from hardcase_collector.plans.plan import CalendarSheet

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duty:
    """Of one moment."""

    people: tuple[str, ...]
    """The one on duty, then who is next; empty: the team has nobody."""
    shift: str
    """ "" = outside all shifts."""
    hands_over_ms: int
    """When the next turn of the week begins."""


def on_duty(team: Team, swaps: Sequence[Swap], now_ms: int, imported: Mapping[int, Year] | None = None) -> Duty:
    """`imported`: official years of the team's country. A swap counts in the order in which it was made."""
    zone = ZoneInfo(team.zone)
    local = datetime_of(now_ms).astimezone(zone).replace(tzinfo=None)
    calendar = _calendar(team.country)
    if imported:
        calendar = Calendar(calendar.weekend, calendar.almanac, imported)
    shift = next((one for one in team.shifts if _covers(one, calendar, local)), None)
    turn, next_turn = _turn(team, local)
    people = (shift.people if shift else ()) or team.people
    order = list(people[turn % len(people) :] + people[: turn % len(people)]) if people else []
    for swap in swaps:
        if swap.from_ms <= now_ms < swap.until_ms:
            order = _swapped(order, swap)
    hands_over = ms_of(next_turn.replace(tzinfo=zone))
    return Duty(tuple(order), shift.name if shift else "", hands_over)


def _turn(team: Team, local: datetime) -> tuple[int, datetime]:
    """How many hand-overs since the first, and the wall time of the next."""
    monday = datetime.combine(team.since - team.since.weekday() * _DAY, datetime.min.time())
    first = monday + team.hand_over_weekday * _DAY + timedelta(minutes=team.hand_over_minute)
    turn = (local - first) // _WEEK
    return turn, first + (turn + 1) * _WEEK


def _covers(shift: Shift, calendar: Calendar, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    if shift.opens_minute < shift.closes_minute:
        return shift.opens_minute <= minute < shift.closes_minute and _on(shift, calendar, local)
    # Past midnight it is still the shift of the day on which it began.
    if minute >= shift.opens_minute:
        return _on(shift, calendar, local)
    return minute < shift.closes_minute and _on(shift, calendar, local - _DAY)


def _on(shift: Shift, calendar: Calendar, local: datetime) -> bool:
    works = calendar.works(local.date())
    return shift.days is ShiftDays.EVERY_DAY or works == (shift.days is ShiftDays.WORKDAYS)


def _swapped(order: list[str], swap: Swap) -> list[str]:
    if swap.out not in order:
        return order
    changed = [swap.into if one == swap.out else one for one in order]
    # Who comes in stands where the other stood, and no longer where he would have stood himself.
    place = order.index(swap.out)
    return [one for index, one in enumerate(changed) if one and (one != swap.into or index == place)]


@lru_cache(maxsize=64)
def _calendar(country: str) -> Calendar:
    return calendar_of(CalendarSheet(country=country))
