"""What a case's clocks ask of its part: by when it has to be on site, and whether they stand still for want of it."""

from __future__ import annotations

from hardcase_collector.cases.clockwork import clocks_of
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.plans.clocks import ClockState
from hardcase_collector.plans.frozen import terms_of
from hardcase_collector.plans.plan import ClockKind, PauseReason

NEEDS_PART = frozenset({ClockKind.ON_SITE, ClockKind.REPAIR})
"""Promises that are not kept without the part: whoever arrives without it comes twice."""
_LASTS = frozenset({ClockState.RUNNING, ClockState.PAUSED})


def due_on_site(tx: Transaction, case: Case, now_ms: int) -> int | None:
    """ms of Unix time; None: no clock that runs asks for the part."""
    due = [one.due_ms for one in clocks_of(tx, case, now_ms) if one.kind in NEEDS_PART and one.state in _LASTS]
    return min(due, default=None)


def may_pause(tx: Transaction, case: Case) -> bool:
    """True: a promise of the plan under which the case is served allows to wait for a part."""
    kept = tx.clocks.terms(case.id)
    if kept is None:
        return False
    return any(PauseReason.WAITING_FOR_PART in promise.pauses for promise in terms_of(kept).plan.promises)
