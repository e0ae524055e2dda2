"""What the clocks of one stored case have to tell, and when to look at it again. Called by `case_file.py` alone.

A step, a forecast, a breach or an escalation is told once: its entry on the timeline is what remembers that it was, so
that neither a restart nor a second look tells it again. The clocks themselves are `plans/clocks.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hardcase_collector.cases.duty import called, duty_of
from hardcase_collector.domain.case import Case, CaseState, TimelineEntry
from hardcase_collector.domain.errors import TermsUnreadable
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.service_terms import CaseClock, Standing, Team
from hardcase_collector.plans.clocks import Clock, ClockState, Forecast, Step, clocks
from hardcase_collector.plans.frozen import terms_of
from hardcase_collector.plans.legs import Terms
from hardcase_collector.plans.moments import Code, rounds_of
from hardcase_collector.plans.plan import ClockKind, Moment

STEP, FORECAST, BREACHED, ESCALATED = "clock_step", "breach_forecast", "clock_breached", "escalated"
TELLING = frozenset({STEP, FORECAST, BREACHED, ESCALATED})
CALENDAR_KNOWN = "calendar_known"
MOVING = frozenset(Code) | {CALENDAR_KNOWN}
"""Codes after which clocks stand otherwise than before."""
_WARN_AT = 80
"""Percent at which a breach is forecast at the latest, and the next person called."""
_UNANSWERED_AT = 50
UNANSWERED_MS = 4 * 3_600_000
"""After this somebody is called for a case under a plan that promises no acknowledgement, unless the team says when."""
_ANSWERED = frozenset({Moment.ACKNOWLEDGED, Moment.CONTACTED})
_NOBODY_MS = 900_000
"""So much later a team is asked again that had nobody to call."""
_AGAIN_MS = 3_600_000
"""So much later terms that could not be read are tried again."""


@dataclass(frozen=True, slots=True)
class Telling:
    """An entry that is due: its code and parameters."""

    code: str
    parameters: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Sight:
    """A case's clocks at a moment."""

    tellings: tuple[Telling, ...] = ()
    """In the order in which they belong on the timeline."""
    row: CaseClock | None = None
    """To be kept once all of that is told; None: nothing is owed."""
    unreadable: str = ""
    """Why its terms cannot be read: nothing is told of it, and it is looked at again later."""


def history_of(tx: Transaction, case: int) -> Sequence[TimelineEntry]:
    """The entries that clocks understand, and those that tell of them."""
    return tx.clocks.history(case, MOVING | TELLING)


def clocks_of(tx: Transaction, case: Case, now_ms: int) -> tuple[Clock, ...]:
    """Every clock that has started, also those that are over; none without terms (a drill) or within a storm.

    Raises TermsUnreadable.
    """
    kept = None if case.parent is not None else tx.clocks.terms(case.id)
    if kept is None:
        return ()
    history, now_ms = _steady(tx.clocks.history(case.id, MOVING), now_ms)
    return clocks(history, terms_of(kept), now_ms)


def look(tx: Transaction, case: Case, now_ms: int) -> Sight:
    """What is to be told by `now`, and the row to be kept afterwards."""
    kept = None if case.parent is not None else tx.clocks.terms(case.id)
    if kept is None:
        return Sight()
    try:
        terms = terms_of(kept)
    except TermsUnreadable as error:
        # People go on with the case; a program that reads it may come back.
        row = tx.clocks.clock(case.id)
        again = None if row is None else replace(row, look_ms=now_ms + _AGAIN_MS)
        return Sight(row=again, unreadable=str(error))
    history, now_ms = _steady(history_of(tx, case.id), now_ms)
    found = clocks(history, terms, now_ms)
    owed = [one for one in found if one.owed]
    coming = to_come(history, terms, now_ms)
    unasked = _unasked(case, found, history, terms, now_ms)
    if not owed and not coming and unasked is None:
        return Sight()
    teller = _Teller(tx, case, history, now_ms)
    for clock in owed:
        teller.take(clock)
    for clock in coming:
        teller.wait_for(clock.started_ms)
    if unasked is not None:
        due_ms = teller.watch(unasked)
        if not owed and not coming:
            row = _watched(case, unasked, (due_ms, teller.next_ms, now_ms)) if teller.next_ms else None
            return Sight(tuple(teller.found), row)
    return Sight(tuple(teller.found), _row(case, [*owed, *coming], teller.next_ms, now_ms))


def _steady(history: Sequence[TimelineEntry], now_ms: int) -> tuple[Sequence[TimelineEntry], int]:
    """As if the collector's clock had never been set back: what was written later did not happen earlier."""
    steady, last_ms = [], 0
    for entry in history:
        last_ms = max(last_ms, entry.at_ms)
        steady.append(entry if entry.at_ms == last_ms else replace(entry, at_ms=last_ms))
    return steady, max(now_ms, last_ms)


def to_come(history: Sequence[TimelineEntry], terms: Terms, now_ms: int) -> tuple[Clock, ...]:
    """Clocks that start by themselves, at an agreed time that is still ahead; as they will stand then."""
    agreed = [entry for entry in history if entry.code == Code.AGREED][-1:]
    starts = [told for told in (entry.parameters.get("time_ms") for entry in agreed) if isinstance(told, int)]
    if not starts or starts[0] <= now_ms:
        return ()
    return tuple(one for one in clocks(history, terms, starts[0]) if one.owed and one.started_ms > now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unasked:
    """A round that nobody has answered, under a plan that promises no acknowledgement."""

    round: int
    started_ms: int
    due_ms: int = 0
    kind: ClockKind = ClockKind.ACKNOWLEDGE


def _unasked(
    case: Case, found: Sequence[Clock], history: Sequence[TimelineEntry], terms: Terms, now_ms: int
) -> _Unasked | None:
    """None where somebody answered, has begun, or is called by the clock of the plan."""
    if case.state is not CaseState.NEW or case.acknowledged_ms:
        return None
    rounds = rounds_of(history, terms.priority, now_ms)
    if not rounds:
        return None
    round_ = rounds[-1]
    if any(one.moment in _ANSWERED for one in round_.happened):
        return None
    if any((one.kind, one.round) == (ClockKind.ACKNOWLEDGE, round_.number) for one in found):
        return None
    began = [one.at_ms for one in round_.happened if one.moment is Moment.REPORTED]
    return _Unasked(round=round_.number, started_ms=began[0]) if began else None


def _watched(case: Case, unasked: _Unasked, times: tuple[int, int, int]) -> CaseClock:
    due_ms, look_ms, now_ms = times
    return CaseClock(
        case=case.id,
        kind=str(unasked.kind),
        round=unasked.round,
        state=Standing.WATCHED,
        due_ms=due_ms,
        left_ms=due_ms - now_ms,
        looked_ms=now_ms,
        look_ms=look_ms,
    )


def nearest(owed: Iterable[Clock]) -> Clock:
    """Of clocks that are owed: the one due first; where all are held by a pause, the one with the least left."""
    found = list(owed)
    moving = [one for one in found if not one.held]
    return min(moving, key=lambda one: one.due_ms) if moving else min(found, key=lambda one: one.left_ms)


def _row(case: Case, owed: Sequence[Clock], look_ms: int, now_ms: int) -> CaseClock:
    clock = nearest(owed)
    return CaseClock(
        case=case.id,
        kind=str(clock.kind),
        round=clock.round,
        state=Standing.PAUSED if clock.held else Standing.RUNNING,
        due_ms=clock.due_ms,
        left_ms=clock.left_ms,
        looked_ms=now_ms,
        look_ms=look_ms,
    )


@dataclass(slots=True)
class _Teller:
    """Goes over the owed clocks of one case, collecting what is due and the next moment at which something will be."""

    tx: Transaction
    case: Case
    history: Sequence[TimelineEntry]
    now_ms: int
    found: list[Telling] = field(default_factory=list)
    next_ms: int = 0
    """0 = never by itself."""
    _told: set[tuple[Fact, ...]] = field(default_factory=set)
    _team: Team | None = None

    def __post_init__(self) -> None:
        self._told = {_mark(entry.code, entry.parameters) for entry in self.history if entry.code in TELLING}
        self._team = self.tx.clocks.team(self.case.team) if self.case.team else None

    def take(self, clock: Clock) -> None:
        breached = clock.state is ClockState.BREACHED
        for step in clock.steps[:-1]:
            self._step(clock, step)
        if clock.forecast is Forecast.LATE:
            self._tell(FORECAST, clock, {"because": "expected"})
        if breached:
            # However it came (a clock set back, a lower priority), nobody learns of a breach before its forecast.
            self._tell(FORECAST, clock, {"because": "used"})
            self._tell(BREACHED, clock, {})
            self._escalate(clock, "breached")
        elif not clock.held:
            self.wait_for(clock.due_ms + 1)
        self._unanswered(clock)

    def _step(self, clock: Clock, step: Step) -> None:
        if not step.reached:
            if not clock.held:
                self.wait_for(step.at_ms)
            return
        self._tell(STEP, clock, {"percent": step.percent})
        if step.percent >= _WARN_AT:
            self._tell(FORECAST, clock, {"because": "used"})
            self._escalate(clock, "used")

    def _unanswered(self, clock: Clock) -> None:
        """Nobody acknowledged: at half of that clock, or after the team's own time."""
        if clock.kind is not ClockKind.ACKNOWLEDGE or self._team is None:
            return
        own_ms = self._team.unacknowledged_s * 1000
        half = next(step for step in clock.steps if step.percent == _UNANSWERED_AT)
        at_ms = clock.started_ms + own_ms if own_ms else half.at_ms
        if self.now_ms >= at_ms:
            self._escalate(clock, "unacknowledged")
        elif own_ms or not clock.held:
            self.wait_for(at_ms)

    def watch(self, unasked: _Unasked) -> int:
        """When somebody is called where the plan promises nothing: after the team's own time, or the default's."""
        own_ms = self._team.unacknowledged_s * 1000 if self._team else 0
        due_ms = unasked.started_ms + (own_ms or UNANSWERED_MS)
        if self._team is not None and self.now_ms >= due_ms:
            self._escalate(replace(unasked, due_ms=due_ms), "unacknowledged")
        elif self._team is not None:
            self.wait_for(due_ms)
        return due_ms

    def _escalate(self, clock: Clock | _Unasked, because: str) -> None:
        if self._team is None:
            return
        told: dict[str, Fact] = {"because": because}
        if _mark(ESCALATED, {**_of(clock), **told}) in self._told:
            return
        duty = duty_of(self.tx, self._team, self.now_ms)
        level = len(duty.people) if because == "breached" else self._level(clock.round)
        to = called(duty, self._team.manager, level)
        if to:
            self._tell(ESCALATED, clock, {**told, "to": to, "level": level, "team": self._team.name})
        else:
            # Its list may be filled, or a shift with people begin, before anything else happens on the case.
            self.wait_for(self.now_ms + _NOBODY_MS)

    def _level(self, round_number: int) -> int:
        """One further than the last call of this round that was no breach."""
        calls = [one.parameters for one in self.history if one.code == ESCALATED]
        calls += [one.parameters for one in self.found if one.code == ESCALATED]
        return 1 + sum(one.get("round") == round_number and one.get("because") != "breached" for one in calls)

    def _tell(self, code: str, clock: Clock | _Unasked, told: Mapping[str, Fact]) -> None:
        parameters = {**_of(clock), **told, "due_ms": clock.due_ms}
        mark = _mark(code, parameters)
        if mark not in self._told:
            self._told.add(mark)
            self.found.append(Telling(code, parameters))

    def wait_for(self, at_ms: int) -> None:
        # What is due already was told; a moment that is past is not waited for.
        if at_ms > self.now_ms:
            self.next_ms = min(self.next_ms or at_ms, at_ms)


def _of(clock: Clock | _Unasked) -> dict[str, Fact]:
    return {"clock": str(clock.kind), "round": clock.round, "started_ms": clock.started_ms}


def _mark(code: str, parameters: Mapping[str, Fact]) -> tuple[Fact, ...]:
    """What makes a telling the same one. A clock that starts anew (handed on, agreed anew) is another clock."""
    of = tuple(parameters.get(name) for name in ("clock", "round", "started_ms"))
    if code == STEP:
        return (code, *of, parameters.get("percent"))
    return (code, *of, parameters.get("because")) if code == ESCALATED else (code, *of)
