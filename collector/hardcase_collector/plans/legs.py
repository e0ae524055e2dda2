"""Which promise binds a clock: its runs, the legs that changes of priority add, what ends it, which pauses hold it.

Pure; worked out for `clocks.py` of one round at a time. What a case is served under (`Terms`) is here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import zip_longest
from zoneinfo import ZoneInfo

from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans import ledger
from hardcase_collector.plans.calendar import (
    HORIZON_MS,
    Calendar,
    Replay,
    counts_from,
    coverage_day_after,
    local_ms,
    stretches,
)
from hardcase_collector.plans.ledger import Interval
from hardcase_collector.plans.moments import Code, Happening, Pause, Round
from hardcase_collector.plans.plan import ClockKind, Moment, Plan, Promise

_DAY_MS = 86_400_000


class Waiver(StrEnum):
    """Why a clock no longer applies."""

    SELF_REPAIR = "self_repair"
    SET_UP = "set_up"
    """Reported in the first days of the entitlement."""
    PRIORITY = "priority"
    """The plan promises nothing of the kind for the priority it was lowered to."""
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REOPENED = "reopened"
    HANDED_ON = "handed_on"
    """The case was handed to a vendor anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a case is served under."""

    plan: Plan
    priority: Priority
    """When the case was opened."""
    zone: ZoneInfo
    calendar: Calendar
    """The site's."""
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    """Those that promises name."""
    entitled_from: date | None = None
    """First day of the entitlement, for promises that do not hold while a contract is set up."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A promise from a start on. More than one where the priority was raised: the earlier promise is still owed."""

    promise: Promise
    start: Happening
    counts_from_ms: int
    budget_ms: int
    stretches: Replay

    def walk(self, pauses: Sequence[Pause]) -> Iterator[Interval]:
        return ledger.intervals(self.stretches(), self.counts_from_ms, pauses)

    def due_ms(self, round_: Round, horizon_ms: int) -> int:
        return ledger.reached_ms(self.walk(pauses_of(round_, self.promise, horizon_ms)), (self.budget_ms,))[0]


@dataclass(frozen=True, slots=True)
class End:
    at_ms: int
    waiver: Waiver | None = None


def runs_of(kind: ClockKind, round_: Round, plan: Plan, now_ms: int) -> Iterator[tuple[Promise, Happening, int | None]]:
    """Each run of this clock in the round: the promise it started under, its start, when the next run started.

    Only waiting for a vendor runs more than once: each time that the case is handed to one.
    """
    happened = [one for one in round_.happened if one.at_ms <= now_ms]
    if kind is ClockKind.VENDOR:
        starts = [one for one in happened if one.moment is Moment.HANDED_TO_VENDOR]
        for start, following in zip_longest(starts, starts[1:]):
            promise = plan.promise(kind, _priority_at(round_, start.at_ms))
            if promise is not None:
                yield promise, start, following.at_ms if following else None
        return
    periods = [(0, round_.priority), *round_.priorities]
    ends = [since_ms for since_ms, _ in periods[1:]]
    for (since_ms, priority), until_ms in zip(periods, [*ends, None], strict=True):
        promise = plan.promise(kind, priority)
        for start in happened:
            if promise and start.moment is promise.start and (until_ms is None or start.at_ms < until_ms):
                # A promise that came with a later priority counts from that change, not from before it was made.
                yield promise, replace(start, at_ms=max(start.at_ms, since_ms)), None
                return


def _ending(promise: Promise, round_: Round, start: Happening, until_ms: int | None) -> End | None:
    stops = [one.at_ms for one in round_.happened if one.moment in promise.stop]
    if promise.clock is ClockKind.VENDOR:
        stops = [at_ms for at_ms in stops if at_ms >= start.at_ms]
    ends: list[End] = []
    if stops:
        # What was done before the clock even started was done in time.
        ends.append(End(max(min(stops), start.at_ms)))
    if promise.self_repair_waives and round_.self_repair_ms is not None:
        ends.append(End(max(round_.self_repair_ms, start.at_ms), Waiver.SELF_REPAIR))
    if until_ms is not None:
        ends.append(End(until_ms, Waiver.HANDED_ON))
    if promise.start is Moment.CLOSED:
        if round_.followed_ms is not None:
            ends.append(End(round_.followed_ms, Waiver.REOPENED))
    elif round_.ended_ms is not None:
        waiver = Waiver.CANCELLED if round_.ended_by is Code.CANCELLED else Waiver.CLOSED
        ends.append(End(max(round_.ended_ms, start.at_ms), waiver))
    return min(ends, key=lambda end: end.at_ms, default=None)


def legs_of(
    kind: ClockKind, case: tuple[Round, Terms, int], first: Leg, until_ms: int | None
) -> tuple[list[Leg], End | None]:
    """Raised: what the higher priority promises counts from the change, and the earlier promise is still owed.
    Lowered: what the lower one promises counts from the start. What is over or breached stays so."""
    round_, terms, now_ms = case
    legs, start = [first], first.start
    end = _ending(first.promise, round_, start, until_ms)
    priority = _priority_at(round_, start.at_ms)
    for at_ms, changed in round_.priorities:
        if at_ms <= start.at_ms or changed is priority:
            continue
        if (end and end.at_ms <= at_ms) or min(leg.due_ms(round_, at_ms) for leg in legs) < at_ms:
            break
        row = terms.plan.promise(kind, changed)
        if row is None:
            return legs, End(at_ms, Waiver.PRIORITY)
        if changed < priority:
            legs.append(leg_of(row, replace(start, at_ms=at_ms), terms, now_ms))
        else:
            legs = [leg_of(row, start, terms, now_ms)]
        end = _ending(row, round_, start, until_ms)
        priority = changed
    return legs, end


def _priority_at(round_: Round, at_ms: int) -> Priority:
    return next((changed for when, changed in reversed(round_.priorities) if when <= at_ms), round_.priority)


def leg_of(promise: Promise, start: Happening, terms: Terms, now_ms: int) -> Leg:
    calendar = terms.calendar if promise.calendar == "site" else terms.calendars[promise.calendar]
    horizon_ms = max(start.at_ms, now_ms) + HORIZON_MS
    within = Replay(stretches(promise.window, calendar, terms.zone, start.at_ms, horizon_ms))
    from_ms, day = counts_from(promise.window, calendar, terms.zone, start.at_ms, promise.cut_off_minute)
    budget_ms = promise.within_s * 1000
    due_ms = start.promised_ms
    if promise.coverage_days and not due_ms:
        last = coverage_day_after(promise.window, calendar, day, promise.coverage_days)
        due_ms = local_ms(terms.zone, last, promise.window.closes_minute)
    if due_ms:
        budget_ms = ledger.counted_ms(ledger.intervals(within(), from_ms, ()), due_ms)
    return Leg(promise, start, from_ms, budget_ms, within)


def pauses_of(round_: Round, promise: Promise, horizon_ms: int) -> tuple[Pause, ...]:
    """Those that the promise allows, as far as they had come at the horizon."""
    return tuple(
        replace(one, to_ms=horizon_ms if one.to_ms is None else min(one.to_ms, horizon_ms))
        for one in round_.pauses
        if one.reason in promise.pauses and one.from_ms < horizon_ms
    )


def lasting(promise: Promise, round_: Round) -> bool:
    return any(one.to_ms is None and one.reason in promise.pauses for one in round_.pauses)


def with_set_up(end: End | None, leg: Leg, terms: Terms) -> End | None:
    if not leg.promise.set_up_days or terms.entitled_from is None:
        return end
    holds_ms = local_ms(terms.zone, terms.entitled_from, 0) + leg.promise.set_up_days * _DAY_MS
    return End(leg.start.at_ms, Waiver.SET_UP) if leg.start.at_ms < holds_ms else end
