"""What plans would have meant for cases that were: each clock of each plan held against what really happened. Pure.

`commands/plans.py` shows it beside promises and prices. What people did they did under the plan there was: a faster
plan that would have been breached says how much faster they would have had to be, no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hardcase_collector.domain.case import TimelineEntry
from hardcase_collector.plans.calendar import Calendar
from hardcase_collector.plans.clocks import ClockState, clocks
from hardcase_collector.plans.legs import Terms
from hardcase_collector.plans.plan import ClockKind, Plan

CaseBefore = tuple[Sequence[TimelineEntry], Terms]
"""A case's timeline and the terms it was served under."""


@dataclass(slots=True)
class Tally:
    """Of one clock of one plan over all cases."""

    met: int = 0
    breached: int = 0
    waived: int = 0
    running: int = 0
    """Neither over nor breached yet."""
    worst_ms: int = 0
    """The longest that one was overdue, in counted time."""

    def take(self, state: ClockState, left_ms: int) -> None:
        match state:
            case ClockState.MET:
                self.met += 1
            case ClockState.BREACHED:
                self.breached += 1
                self.worst_ms = max(self.worst_ms, -left_ms)
            case ClockState.WAIVED:
                self.waived += 1
            case ClockState.RUNNING | ClockState.PAUSED:
                self.running += 1


def hindsight(
    plans: Sequence[Plan], cases: Iterable[CaseBefore], now_ms: int, calendars: Mapping[str, Calendar] | None = None
) -> Mapping[str, Mapping[ClockKind, Tally]]:
    """By plan and clock. `calendars`: those that promises of these plans name, beside what the cases know."""
    found: dict[str, dict[ClockKind, Tally]] = {plan.name: {kind: Tally() for kind in plan.clocks()} for plan in plans}
    for events, terms in cases:
        for plan in plans:
            under = replace(terms, plan=plan, calendars={**(calendars or {}), **terms.calendars})
            for clock in clocks(events, under, now_ms):
                found[plan.name][clock.kind].take(clock.state, clock.left_ms)
    return found
