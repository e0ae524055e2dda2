"""The state machine of a case, as a table: which action leads where, and who takes it.

Asked by `desk.py` (what happens by itself) and `actions.py` (what people do). A cell that is not here is illegal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hardcase_collector.domain.case import CaseAction as A
from hardcase_collector.domain.case import CaseState as S
from hardcase_collector.domain.errors import IllegalAction

OPEN_STATES = frozenset(S) - {S.CLOSED, S.CANCELLED}
CLEARS_FROM = frozenset({S.NEW, S.CONFIRMED, S.REPAIRED})
"""Where nothing fires any more these move to verifying by themselves; in between people are at work."""

TABLE: Mapping[S, Mapping[A, S]] = {
    S.NEW: {
        A.CONFIRM: S.CONFIRMED,
        A.VERIFY: S.VERIFYING,
        A.CLOSE: S.CLOSED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.CONFIRMED: {
        A.PROPOSE: S.PROPOSED,
        A.VERIFY: S.VERIFYING,
        A.CLOSE: S.CLOSED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.PROPOSED: {
        A.CONSENT: S.CONSENTED,
        # The customer says no: back to thinking.
        A.CONFIRM: S.CONFIRMED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.CONSENTED: {
        A.START_REPAIR: S.REPAIRING,
        # Consent is for one proposal; a new one asks again.
        A.PROPOSE: S.PROPOSED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.REPAIRING: {
        A.FINISH_REPAIR: S.REPAIRED,
        A.PROPOSE: S.PROPOSED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.REPAIRED: {
        A.VERIFY: S.VERIFYING,
        A.START_REPAIR: S.REPAIRING,
        A.CLOSE: S.CLOSED,
        A.CANCEL: S.CANCELLED,
    },
    S.VERIFYING: {
        A.CLOSE: S.CLOSED,
        # It fires again: whatever was confirmed or repaired before has to be looked at anew.
        A.REOPEN: S.NEW,
        A.CANCEL: S.CANCELLED,
    },
    S.DEFERRED: {
        A.RESUME: S.CONFIRMED,
        A.CANCEL: S.CANCELLED,
    },
    S.CLOSED: {A.REOPEN: S.NEW},
    S.CANCELLED: {A.REOPEN: S.NEW},
}


def next_state(state: S, action: A) -> S:
    """Raises IllegalAction, naming what would be legal."""
    try:
        return TABLE[state][action]
    except KeyError:
        legal = ", ".join(TABLE[state])
        raise IllegalAction(f"a case that is {state} cannot {action}: it can {legal}") from None


def legal_actions(state: S) -> Sequence[A]:
    return tuple(TABLE[state])
