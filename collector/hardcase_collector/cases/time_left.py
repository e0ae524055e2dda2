"""What is left of a queued case's nearest clock now: counted time, as the case's own page and its ledger tell it.

The store keeps a clock as it was looked at last, which may be long ago. Asked for the lines of a queue, by its page and
by the control socket; works from the kept row, so that a line costs a part of what all clocks of its case would.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hardcase_collector.cases.clockwork import clocks_of
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.errors import TermsUnreadable
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.service_terms import CaseClock, QueueLine, Standing
from hardcase_collector.plans import ledger
from hardcase_collector.plans.calendar import HORIZON_MS, stretches
from hardcase_collector.plans.frozen import terms_of
from hardcase_collector.plans.legs import Terms
from hardcase_collector.plans.plan import ClockKind, Promise


def as_of_now(tx: Transaction, lines: Iterable[QueueLine], now_ms: int) -> Sequence[QueueLine]:
    """The same lines, with what is left of their clocks at this moment."""
    return [line if line.clock is None else replace(line, clock=_now(tx, line, line.clock, now_ms)) for line in lines]


def _now(tx: Transaction, line: QueueLine, clock: CaseClock, now_ms: int) -> CaseClock:
    kept = tx.clocks.terms(line.case.id)
    if clock.state is Standing.PAUSED or kept is None:
        return clock
    try:
        terms, case = terms_of(kept), line.case
    except TermsUnreadable:
        return clock
    promise = terms.plan.promise(ClockKind(clock.kind), case.priority)
    if case.priority is not kept.priority or promise is None:
        # Of several promises the binding one is known by all that happened alone.
        left_ms = _by_history(tx, case, clock, now_ms)
    else:
        left_ms = _counted_left(clock, promise, terms, now_ms)
    return replace(clock, left_ms=left_ms, looked_ms=now_ms)


def _by_history(tx: Transaction, case: Case, clock: CaseClock, now_ms: int) -> int:
    found = (one for one in clocks_of(tx, case, now_ms) if (str(one.kind), one.round) == (clock.kind, clock.round))
    return next((one.left_ms for one in found if one.owed), clock.due_ms - now_ms)


def _counted_left(clock: CaseClock, promise: Promise, terms: Terms, now_ms: int) -> int:
    """Below 0 = overdue by so much."""
    calendar = terms.calendar if promise.calendar == "site" else terms.calendars[promise.calendar]
    from_ms, to_ms = sorted((now_ms, clock.due_ms))
    counting = stretches(promise.window, calendar, terms.zone, from_ms, to_ms + HORIZON_MS)
    counted_ms = ledger.counted_ms(ledger.intervals(counting, from_ms, ()), to_ms)
    if clock.due_ms < now_ms:
        return -counted_ms
    # After a cut-off nothing counts until the next day, however long the window is still open: never more than before.
    return min(counted_ms, clock.left_ms) if now_ms >= clock.looked_ms else counted_ms
