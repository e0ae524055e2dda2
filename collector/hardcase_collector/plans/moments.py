"""A case's timeline as clocks see it: rounds of what happened, pauses, changes of priority. Pure; for `clocks.py`.

A round goes from a report to its end; a case that is opened again after it was closed is reported anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.domain.case import CaseAction, CaseState, TimelineEntry
from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans.plan import Moment, PauseReason


class Code(StrEnum):
    """Codes of the timeline that mean something to clocks; all others do not."""

    OPENED = "opened"
    REOPENED = "reopened"
    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    MOVED = "moved"
    AGREED = "agreed"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    HANDED_TO_VENDOR = "handed_to_vendor"
    VENDOR_DONE = "vendor_done"
    PAUSED = "paused"
    RESUMED = "resumed"
    PRIORITY_CHANGED = "priority_changed"
    SELF_REPAIR = "self_repair_accepted"
    EXPECTED = "expected"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    FOLLOWED_UP = "followed_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A moment; times are ms of Unix time."""

    moment: Moment
    at_ms: int
    promised_ms: int = 0
    """What the vendor promised when the case was handed to him; 0 = nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    reason: PauseReason
    actor: str
    from_ms: int
    to_ms: int | None = None
    """None: it lasts."""


@dataclass(slots=True)
class Round:
    """From a report to its end."""

    number: int
    priority: Priority
    """When it began."""
    happened: list[Happening] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    priorities: list[tuple[int, Priority]] = field(default_factory=list)
    """Changes, each with its time."""
    self_repair_ms: int | None = None
    ended_ms: int | None = None
    ended_by: Code | None = None
    followed_ms: int | None = None
    """When the next round began."""
    expected: dict[Moment, int] = field(default_factory=dict)
    """Somebody's newest word on when something will happen."""


_PLAIN = {
    Code.ACKNOWLEDGED: Moment.ACKNOWLEDGED,
    Code.CONTACTED: Moment.CONTACTED,
    Code.DISPATCHED: Moment.DISPATCHED,
    Code.ARRIVED: Moment.ARRIVED,
    Code.HANDED_TO_VENDOR: Moment.HANDED_TO_VENDOR,
    Code.VENDOR_DONE: Moment.VENDOR_DONE,
    Code.FOLLOWED_UP: Moment.FOLLOWED_UP,
}
_BY_STATE = {
    CaseState.CONFIRMED: Moment.CONFIRMED,
    CaseState.CONSENTED: Moment.CONSENTED,
    CaseState.REPAIRED: Moment.REPAIRED,
    CaseState.VERIFYING: Moment.VERIFIED,
}
_STATE_PAUSES = {
    CaseState.PROPOSED: PauseReason.WAITING_FOR_CUSTOMER,
    CaseState.DEFERRED: PauseReason.CUSTOMER_DEFERRAL,
}
_BACK_AT_WORK = frozenset(
    {CaseState.NEW, CaseState.CONFIRMED, CaseState.PROPOSED, CaseState.CONSENTED, CaseState.REPAIRING}
)
# A repair that did not hold has stopped no clock.
_UNDONE = frozenset({Moment.REPAIRED, Moment.VERIFIED})


def rounds_of(events: Sequence[TimelineEntry], priority: Priority, now_ms: int) -> tuple[Round, ...]:
    """What of the timeline had happened at `now`. `priority`: of the case when it was opened."""
    reader = _Reader(priority)
    for event in sorted(events, key=lambda event: (event.at_ms, event.version)):
        if event.at_ms <= now_ms:
            reader.take(event)
    return tuple(reader.rounds)


@dataclass(slots=True)
class _Reader:
    priority: Priority
    rounds: list[Round] = field(default_factory=list)
    open: dict[object, Pause] = field(default_factory=dict)
    """Pauses that last: told ones by reason, those of the case's state by "state", the vendor's by "vendor"."""

    def take(self, event: TimelineEntry) -> None:
        code = Code(event.code) if event.code in _CODES else None
        again = code is Code.REOPENED or event.parameters.get("action") == CaseAction.REOPEN
        if code is None and not again:
            return
        if not self.rounds or (again and self.rounds[-1].ended_ms is not None):
            self._begin(event.at_ms)
        round_ = self.rounds[-1]
        if code in _PLAIN and (round_.ended_ms is None or code is Code.FOLLOWED_UP):
            promised = _time(event.parameters, "promised_ms")
            round_.happened.append(Happening(moment=_PLAIN[code], at_ms=event.at_ms, promised_ms=promised))
        if round_.ended_ms is None and code is not None:
            self._in_round(round_, code, event)

    def _begin(self, at_ms: int) -> None:
        if self.rounds:
            self.rounds[-1].followed_ms = at_ms
        round_ = Round(len(self.rounds) + 1, self.priority)
        round_.happened.append(Happening(moment=Moment.REPORTED, at_ms=at_ms))
        self.rounds.append(round_)

    def _in_round(self, round_: Round, code: Code, event: TimelineEntry) -> None:
        match code:
            case Code.MOVED | Code.REOPENED:
                self._moved(round_, event)
            case Code.CLOSED | Code.CANCELLED:
                self._end(round_, code, event.at_ms)
            case Code.PAUSED | Code.RESUMED | Code.HANDED_TO_VENDOR | Code.VENDOR_DONE:
                self._pause(round_, code, event)
            case Code.PRIORITY_CHANGED:
                self._change_priority(round_, event)
            case Code.SELF_REPAIR:
                round_.self_repair_ms = round_.self_repair_ms or event.at_ms
            case Code.AGREED | Code.EXPECTED:
                _announced(round_, code, event)

    def _moved(self, round_: Round, event: TimelineEntry) -> None:
        told = event.parameters.get("to", CaseState.NEW)
        state = CaseState(str(told)) if told in tuple(CaseState) else None
        self._finish(round_, "state", event.at_ms)
        if state in _BACK_AT_WORK:
            round_.happened = [one for one in round_.happened if one.moment not in _UNDONE]
        if state in _BY_STATE:
            round_.happened.append(Happening(moment=_BY_STATE[state], at_ms=event.at_ms))
        if state in _STATE_PAUSES:
            self._start(round_, "state", _STATE_PAUSES[state], event)

    def _pause(self, round_: Round, code: Code, event: TimelineEntry) -> None:
        if code is Code.HANDED_TO_VENDOR:
            self._start(round_, "vendor", PauseReason.WAITING_FOR_VENDOR, event)
        elif code is Code.VENDOR_DONE:
            self._finish(round_, "vendor", event.at_ms)
        else:
            told = event.parameters.get("reason")
            if told in tuple(PauseReason):
                reason = PauseReason(str(told))
                if code is Code.PAUSED:
                    self._start(round_, reason, reason, event)
                else:
                    self._finish(round_, reason, event.at_ms)

    def _start(self, round_: Round, key: object, reason: PauseReason, event: TimelineEntry) -> None:
        if key not in self.open:
            self.open[key] = Pause(reason=reason, actor=event.actor, from_ms=event.at_ms)
            round_.pauses.append(self.open[key])

    def _finish(self, round_: Round, key: object, at_ms: int) -> None:
        pause = self.open.pop(key, None)
        if pause is not None:
            ended = Pause(reason=pause.reason, actor=pause.actor, from_ms=pause.from_ms, to_ms=at_ms)
            round_.pauses[round_.pauses.index(pause)] = ended

    def _end(self, round_: Round, code: Code, at_ms: int) -> None:
        for key in tuple(self.open):
            self._finish(round_, key, at_ms)
        round_.ended_ms, round_.ended_by = at_ms, code
        if code is Code.CLOSED:
            round_.happened.append(Happening(moment=Moment.CLOSED, at_ms=at_ms))

    def _change_priority(self, round_: Round, event: TimelineEntry) -> None:
        told = event.parameters.get("priority")
        if told in tuple(Priority):
            self.priority = Priority(str(told))
            round_.priorities.append((event.at_ms, self.priority))


def _announced(round_: Round, code: Code, event: TimelineEntry) -> None:
    time_ms = _time(event.parameters, "time_ms")
    if not time_ms:
        return
    if code is Code.AGREED:
        round_.happened = [one for one in round_.happened if one.moment is not Moment.AGREED]
        round_.happened.append(Happening(moment=Moment.AGREED, at_ms=max(time_ms, event.at_ms)))
    elif event.parameters.get("moment") in tuple(Moment):
        round_.expected[Moment(str(event.parameters["moment"]))] = time_ms


def _time(parameters: Mapping[str, object], key: str) -> int:
    told = parameters.get(key, 0)
    return told if isinstance(told, int) and not isinstance(told, bool) else 0


_CODES = frozenset(Code)
