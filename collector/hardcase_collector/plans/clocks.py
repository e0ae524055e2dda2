"""The clocks of a case: what its plan promises, held against its timeline, the site's calendar and `now`. Pure.

Nothing is stored: whoever wants to know asks again with the present timeline. Times are ms of Unix time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import zip_longest
from zoneinfo import ZoneInfo

from hardcase_collector.domain.case import TimelineEntry
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
from hardcase_collector.plans.ledger import Because, Interval
from hardcase_collector.plans.moments import Code, Happening, Pause, Round, rounds_of
from hardcase_collector.plans.plan import ClockKind, Moment, PauseReason, Plan, Promise

STEPS = (50, 80, 100)
"""Percent of the promise used at which people are told."""
_DAY_MS = 86_400_000


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    WAIVED = "waived"


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


class Forecast(StrEnum):
    """What is to come of a clock that is neither over nor breached."""

    OPEN = "open"
    """Nobody said when: it is breached when due, unless something happens."""
    IN_TIME = "in_time"
    LATE = "late"
    """Who works on it expects to be late: it will be breached."""
    OVER = "over"


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
class Step:
    percent: int
    at_ms: int
    """When it was or, if nothing pauses from now on, will be reached."""
    reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One promise on one round of a case."""

    kind: ClockKind
    round: int
    promise: Promise
    state: ClockState
    started_ms: int
    stopped_ms: int | None
    """When it was met, waived, or done although late."""
    budget_ms: int
    used_ms: int
    due_ms: int
    """If nothing pauses from now on; an open pause is taken to end now."""
    reason: Because | PauseReason | Waiver | None
    """Why it is paused or waived."""
    actor: str
    """Who paused it."""
    forecast: Forecast
    steps: tuple[Step, ...]
    provisional: bool
    """Its due time hangs on a year whose official calendar is not known."""
    held: bool
    """A pause lasts, also where its window is shut now: when it is due shows when it goes on."""
    ledger: tuple[Interval, ...]
    """Every instant from its start to its end or now, without a hole."""

    @property
    def owed(self) -> bool:
        """Neither done nor waived; also what is overdue."""
        return self.stopped_ms is None and self.state is not ClockState.WAIVED

    @property
    def left_ms(self) -> int:
        """Counted time that is left; below 0 = overdue by so much."""
        return self.budget_ms - self.used_ms

    @property
    def used_percent(self) -> int:
        return 100 * self.used_ms // self.budget_ms if self.budget_ms else 100


def clocks(events: Sequence[TimelineEntry], terms: Terms, now_ms: int) -> tuple[Clock, ...]:
    """Every clock that has started by `now`, round by round, in the order of `ClockKind`."""
    found: list[Clock] = []
    for round_ in rounds_of(events, terms.priority, now_ms):
        for kind in terms.plan.clocks():
            found.extend(_of_round(kind, round_, terms, now_ms))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Leg:
    """A promise from a start on. More than one where the priority was raised: the earlier promise is still owed."""

    promise: Promise
    start: Happening
    counts_from_ms: int
    budget_ms: int
    stretches: Replay

    def walk(self, pauses: Sequence[Pause]) -> Iterator[Interval]:
        return ledger.intervals(self.stretches(), self.counts_from_ms, pauses)

    def due_ms(self, round_: Round, horizon_ms: int) -> int:
        return ledger.reached_ms(self.walk(_pauses(round_, self.promise, horizon_ms)), (self.budget_ms,))[0]


@dataclass(frozen=True, slots=True)
class _End:
    at_ms: int
    waiver: Waiver | None = None


def _of_round(kind: ClockKind, round_: Round, terms: Terms, now_ms: int) -> Iterator[Clock]:
    for promise, start, until_ms in _runs(kind, round_, terms.plan, now_ms):
        legs, end = _legs(kind, (round_, terms, now_ms), _leg(promise, start, terms, now_ms), until_ms)
        horizon_ms = min(now_ms, end.at_ms) if end else now_ms
        binding = min(legs, key=lambda leg: leg.due_ms(round_, horizon_ms))
        pauses = _pauses(round_, binding.promise, horizon_ms)
        yield _clock(kind, round_, (start, binding, pauses), _with_set_up(end, binding, terms), now_ms)


def _runs(kind: ClockKind, round_: Round, plan: Plan, now_ms: int) -> Iterator[tuple[Promise, Happening, int | None]]:
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


def _ending(promise: Promise, round_: Round, start: Happening, until_ms: int | None) -> _End | None:
    stops = [one.at_ms for one in round_.happened if one.moment in promise.stop]
    if promise.clock is ClockKind.VENDOR:
        stops = [at_ms for at_ms in stops if at_ms >= start.at_ms]
    ends: list[_End] = []
    if stops:
        # What was done before the clock even started was done in time.
        ends.append(_End(max(min(stops), start.at_ms)))
    if promise.self_repair_waives and round_.self_repair_ms is not None:
        ends.append(_End(max(round_.self_repair_ms, start.at_ms), Waiver.SELF_REPAIR))
    if until_ms is not None:
        ends.append(_End(until_ms, Waiver.HANDED_ON))
    if promise.start is Moment.CLOSED:
        if round_.followed_ms is not None:
            ends.append(_End(round_.followed_ms, Waiver.REOPENED))
    elif round_.ended_ms is not None:
        waiver = Waiver.CANCELLED if round_.ended_by is Code.CANCELLED else Waiver.CLOSED
        ends.append(_End(max(round_.ended_ms, start.at_ms), waiver))
    return min(ends, key=lambda end: end.at_ms, default=None)


def _legs(
    kind: ClockKind, case: tuple[Round, Terms, int], first: _Leg, until_ms: int | None
) -> tuple[list[_Leg], _End | None]:
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
            return legs, _End(at_ms, Waiver.PRIORITY)
        if changed < priority:
            legs.append(_leg(row, replace(start, at_ms=at_ms), terms, now_ms))
        else:
            legs = [_leg(row, start, terms, now_ms)]
        end = _ending(row, round_, start, until_ms)
        priority = changed
    return legs, end


def _priority_at(round_: Round, at_ms: int) -> Priority:
    return next((changed for when, changed in reversed(round_.priorities) if when <= at_ms), round_.priority)


def _leg(promise: Promise, start: Happening, terms: Terms, now_ms: int) -> _Leg:
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
    return _Leg(promise, start, from_ms, budget_ms, within)


def _pauses(round_: Round, promise: Promise, horizon_ms: int) -> tuple[Pause, ...]:
    """Those that the promise allows, as far as they had come at the horizon."""
    return tuple(
        replace(one, to_ms=horizon_ms if one.to_ms is None else min(one.to_ms, horizon_ms))
        for one in round_.pauses
        if one.reason in promise.pauses and one.from_ms < horizon_ms
    )


def _lasting(promise: Promise, round_: Round) -> bool:
    return any(one.to_ms is None and one.reason in promise.pauses for one in round_.pauses)


def _with_set_up(end: _End | None, leg: _Leg, terms: Terms) -> _End | None:
    if not leg.promise.set_up_days or terms.entitled_from is None:
        return end
    holds_ms = local_ms(terms.zone, terms.entitled_from, 0) + leg.promise.set_up_days * _DAY_MS
    return _End(leg.start.at_ms, Waiver.SET_UP) if leg.start.at_ms < holds_ms else end


def _clock(
    kind: ClockKind,
    round_: Round,
    run: tuple[Happening, _Leg, tuple[Pause, ...]],
    end: _End | None,
    now_ms: int,
) -> Clock:
    start, leg, pauses = run
    until_ms = end.at_ms if end and end.at_ms <= now_ms else now_ms
    over = end is not None and end.at_ms <= now_ms
    times = ledger.reached_ms(leg.walk(pauses), [leg.budget_ms * percent // 100 for percent in STEPS])
    due_ms = times[-1]
    standing = _standing(leg, round_, until_ms)
    state, reason = _state(end if over else None, due_ms, now_ms, standing)
    return Clock(
        kind=kind,
        round=round_.number,
        promise=leg.promise,
        state=state,
        started_ms=start.at_ms,
        stopped_ms=until_ms if over else None,
        budget_ms=leg.budget_ms,
        used_ms=ledger.counted_ms(leg.walk(pauses), until_ms),
        due_ms=due_ms,
        reason=reason,
        actor=standing.actor if state is ClockState.PAUSED else "",
        forecast=_forecast(state, leg.promise, round_, due_ms),
        steps=tuple(Step(percent, at_ms, at_ms <= until_ms) for percent, at_ms in zip(STEPS, times, strict=True)),
        provisional=any(one.provisional for one in _before(leg.walk(pauses), max(due_ms, until_ms))),
        held=not over and due_ms >= now_ms and _lasting(leg.promise, round_),
        ledger=_told(leg, start, pauses, until_ms, due_ms),
    )


def _told(leg: _Leg, start: Happening, pauses: Sequence[Pause], until_ms: int, due_ms: int) -> tuple[Interval, ...]:
    lines = ledger.told(leg.walk(pauses), until_ms, due_ms)
    if leg.start.at_ms > start.at_ms:
        return (Interval(start.at_ms, leg.start.at_ms, Because.EARLIER_PRIORITY), *lines)
    return lines


def _standing(leg: _Leg, round_: Round, now_ms: int) -> Interval:
    """The interval that `now` lies in, with pauses as they are now."""
    allowed = tuple(one for one in round_.pauses if one.reason in leg.promise.pauses)
    return next(one for one in leg.walk(allowed) if one.to_ms > now_ms)


def _state(
    end: _End | None, due_ms: int, now_ms: int, standing: Interval
) -> tuple[ClockState, Because | PauseReason | Waiver | None]:
    if end is not None and end.waiver is Waiver.SET_UP:
        return ClockState.WAIVED, Waiver.SET_UP
    if due_ms < (end.at_ms if end else now_ms):
        return ClockState.BREACHED, None
    if end is not None:
        return (ClockState.WAIVED, end.waiver) if end.waiver else (ClockState.MET, None)
    return (ClockState.RUNNING, None) if standing.counts else (ClockState.PAUSED, standing.reason)


def _forecast(state: ClockState, promise: Promise, round_: Round, due_ms: int) -> Forecast:
    if state not in (ClockState.RUNNING, ClockState.PAUSED):
        return Forecast.OVER
    told = [at_ms for moment, at_ms in round_.expected.items() if moment in promise.stop]
    if not told:
        return Forecast.OPEN
    return Forecast.LATE if min(told) > due_ms else Forecast.IN_TIME


def _before(walk: Iterator[Interval], until_ms: int) -> Iterator[Interval]:
    for interval in walk:
        if interval.from_ms >= until_ms:
            return
        yield interval
