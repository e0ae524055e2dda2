"""The clocks of a case: what its plan promises, held against its timeline, the site's calendar and `now`. Pure.

Nothing is stored: whoever wants to know asks again with the present timeline. Times are ms of Unix time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hardcase_collector.domain.case import TimelineEntry
from hardcase_collector.plans import ledger
from hardcase_collector.plans.ledger import Because, Interval
from hardcase_collector.plans.legs import (
    End,
    Leg,
    Terms,
    Waiver,
    lasting,
    leg_of,
    legs_of,
    pauses_of,
    runs_of,
    with_set_up,
)
from hardcase_collector.plans.moments import Happening, Pause, Round, rounds_of
from hardcase_collector.plans.plan import ClockKind, PauseReason, Promise

STEPS = (50, 80, 100)
"""Percent of the promise used at which people are told."""


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    WAIVED = "waived"


class Forecast(StrEnum):
    """What is to come of a clock that is neither over nor breached."""

    OPEN = "open"
    """Nobody said when: it is breached when due, unless something happens."""
    IN_TIME = "in_time"
    LATE = "late"
    """Who works on it expects to be late: it will be breached."""
    OVER = "over"


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


def _of_round(kind: ClockKind, round_: Round, terms: Terms, now_ms: int) -> Iterator[Clock]:
    for promise, start, until_ms in runs_of(kind, round_, terms.plan, now_ms):
        legs, end = legs_of(kind, (round_, terms, now_ms), leg_of(promise, start, terms, now_ms), until_ms)
        horizon_ms = min(now_ms, end.at_ms) if end else now_ms
        binding = min(legs, key=lambda leg: leg.due_ms(round_, horizon_ms))
        pauses = pauses_of(round_, binding.promise, horizon_ms)
        yield _clock(kind, round_, (start, binding, pauses), with_set_up(end, binding, terms), now_ms)


def _clock(
    kind: ClockKind,
    round_: Round,
    run: tuple[Happening, Leg, tuple[Pause, ...]],
    end: End | None,
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
        held=not over and due_ms >= now_ms and lasting(leg.promise, round_),
        ledger=_told(leg, start, pauses, until_ms, due_ms),
    )


def _told(leg: Leg, start: Happening, pauses: Sequence[Pause], until_ms: int, due_ms: int) -> tuple[Interval, ...]:
    lines = ledger.told(leg.walk(pauses), until_ms, due_ms)
    if leg.start.at_ms > start.at_ms:
        return (Interval(start.at_ms, leg.start.at_ms, Because.EARLIER_PRIORITY), *lines)
    return lines


def _standing(leg: Leg, round_: Round, now_ms: int) -> Interval:
    """The interval that `now` lies in, with pauses as they are now."""
    allowed = tuple(one for one in round_.pauses if one.reason in leg.promise.pauses)
    return next(one for one in leg.walk(allowed) if one.to_ms > now_ms)


def _state(
    end: End | None, due_ms: int, now_ms: int, standing: Interval
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
