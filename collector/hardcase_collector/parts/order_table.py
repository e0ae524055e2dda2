"""The states of a part order as a table, and where its part is counted in each. Pure; asked by `orders.py`.

A cell that is not here is illegal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.spares import Bucket, Freight, PartOrder
from hardcase_collector.domain.spares import OrderState as S
from hardcase_collector.domain.spares import OrderStep as T

TABLE: Mapping[S, Mapping[T, S]] = {
    S.REQUESTED: {T.RESERVE: S.RESERVED, T.CANCEL: S.CANCELLED},
    S.RESERVED: {
        T.SHIP: S.SHIPPED,
        # The engineer takes it along.
        T.RECEIVE: S.RECEIVED,
        T.CANCEL: S.CANCELLED,
    },
    S.SHIPPED: {T.RECEIVE: S.RECEIVED, T.LOSE: S.MISSING},
    S.RECEIVED: {
        T.INSTALL: S.INSTALLED,
        T.DECLARE_DEAD: S.DEAD_ON_ARRIVAL,
        # Not needed after all.
        T.SEND_BACK: S.RETURNED,
        T.LOSE: S.MISSING,
    },
    S.INSTALLED: {
        T.SEND_BACK: S.RETURNED,
        T.KEEP: S.KEPT_BY_CUSTOMER,
        # It failed its test and is taken out again.
        T.DECLARE_DEAD: S.DEAD_ON_ARRIVAL,
        T.LOSE: S.MISSING,
    },
    S.DEAD_ON_ARRIVAL: {T.SEND_BACK: S.RETURNED, T.LOSE: S.MISSING},
    S.RETURNED: {T.RECEIVE_BACK: S.RETURN_RECEIVED, T.LOSE: S.MISSING},
    # Found again. Which of the two: `_FOUND`.
    S.MISSING: {T.RECEIVE: S.RECEIVED, T.RECEIVE_BACK: S.RETURN_RECEIVED},
    S.RETURN_RECEIVED: {},
    S.KEPT_BY_CUSTOMER: {},
    S.CANCELLED: {},
}
OVER = frozenset({S.RETURN_RECEIVED, S.KEPT_BY_CUSTOMER, S.CANCELLED})
"""Nothing happens to them any more."""
HOLDS_UP = frozenset({S.REQUESTED})
"""Work on a case waits for a part in these."""

_FOUND = {Freight.NEW: T.RECEIVE, Freight.OLD: T.RECEIVE_BACK, Freight.DEAD: T.RECEIVE_BACK}
_PLACE = {
    S.REQUESTED: Bucket.FREE,
    S.RESERVED: Bucket.RESERVED,
    S.SHIPPED: Bucket.IN_TRANSIT,
    S.RECEIVED: Bucket.AT_SITE,
    S.INSTALLED: Bucket.INSTALLED,
    S.DEAD_ON_ARRIVAL: Bucket.RETURNED,
    S.KEPT_BY_CUSTOMER: Bucket.INSTALLED,
    S.CANCELLED: Bucket.FREE,
}
_PLACE_OF_FREIGHT = {
    S.RETURNED: {
        Freight.OLD: Bucket.INSTALLED,
        Freight.DEAD: Bucket.RETURNED,
        Freight.UNUSED: Bucket.IN_TRANSIT,
    },
    S.RETURN_RECEIVED: {
        Freight.OLD: Bucket.INSTALLED,
        Freight.DEAD: Bucket.RETURNED,
        Freight.UNUSED: Bucket.FREE,
    },
    S.MISSING: {
        Freight.NEW: Bucket.LOST,
        # The replaced part is lost; ours is in the machine.
        Freight.OLD: Bucket.INSTALLED,
        Freight.DEAD: Bucket.LOST,
        Freight.UNUSED: Bucket.LOST,
    },
}


def legal_steps(state: S, freight: Freight) -> Sequence[T]:
    """What may be done with an order now."""
    steps = tuple(TABLE[state])
    if state is S.MISSING:
        return tuple(step for step in steps if step is _FOUND.get(freight, T.RECEIVE_BACK))
    return steps


def next_state(order: PartOrder, step: T) -> S:
    """Raises IllegalAction, naming what would be legal."""
    legal = legal_steps(order.state, order.freight)
    if step not in legal:
        if not legal:
            raise IllegalAction(
                "part order {order} is {state} and cannot {step}: it can nothing",
                order=order.id,
                state=order.state,
                step=step,
            )
        raise IllegalAction(
            "part order {order} is {state} and cannot {step}: it can {legal}",
            order=order.id,
            state=order.state,
            step=step,
            legal=legal,
        )
    return TABLE[order.state][step]


def freight_after(order: PartOrder, step: T) -> Freight:
    """Which part the order is about from now on."""
    match step:
        case T.INSTALL:
            return Freight.OLD
        case T.DECLARE_DEAD:
            return Freight.DEAD
        case T.SEND_BACK if order.state is S.RECEIVED:
            return Freight.UNUSED
        case _:
            return order.freight


def bucket_of(state: S, freight: Freight) -> Bucket:
    """Where the depot's part is counted. Before it is given to an order, and after it came back unused: free."""
    return _PLACE[state] if state in _PLACE else _PLACE_OF_FREIGHT[state][freight]
