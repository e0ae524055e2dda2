"""Which step of an engineer's visit leads where, as a table. A cell that is not here is illegal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.visit import DispatchAction as A
from hardcase_collector.domain.visit import DispatchState as S

TABLE: Mapping[S, Mapping[A, S]] = {
    S.REQUESTED: {A.ACCEPT: S.ACCEPTED, A.DECLINE: S.DECLINED, A.CANCEL: S.CANCELLED},
    S.ACCEPTED: {
        A.DEPART: S.ON_THE_WAY,
        # Who works at the site is there without a way to go.
        A.ARRIVE: S.ARRIVED,
        # Something came between: the next one is asked.
        A.DECLINE: S.DECLINED,
        A.CANCEL: S.CANCELLED,
    },
    S.ON_THE_WAY: {A.ARRIVE: S.ARRIVED, A.FAIL: S.FAILED, A.CANCEL: S.CANCELLED},
    S.ARRIVED: {A.FINISH: S.DONE, A.FAIL: S.FAILED},
    S.DONE: {},
    S.FAILED: {},
    S.DECLINED: {},
    S.CANCELLED: {},
}

DEEDS: Mapping[A, Deed] = {
    A.ACCEPT: Deed.ACCEPT_DISPATCH,
    A.DECLINE: Deed.ACCEPT_DISPATCH,
    A.DEPART: Deed.DEPART,
    A.ARRIVE: Deed.ARRIVE,
    A.FINISH: Deed.FINISH_DISPATCH,
    A.FAIL: Deed.FINISH_DISPATCH,
    A.CANCEL: Deed.DISPATCH,
}
"""What he must be allowed to do who takes the step."""


def next_state(state: S, action: A) -> S:
    """Raises IllegalAction, naming what would be legal."""
    try:
        return TABLE[state][action]
    except KeyError:
        told: dict[str, object] = {"state": state, "action": action, "legal": legal_actions(state)}
        if not TABLE[state]:
            raise IllegalAction("a visit that is {state} cannot {action}: it is over", **told) from None
        raise IllegalAction("a visit that is {state} cannot {action}: it can {legal}", **told) from None


def legal_actions(state: S) -> Sequence[A]:
    return tuple(TABLE[state])
