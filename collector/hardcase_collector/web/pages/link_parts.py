"""Parts that an engineer brings, by his link: that they are at the site, that they are in the machine.

Called by `links.py` in its transaction. Each part takes the steps of its order as it does for a person signed in, as
the engineer for whom the link was made; only orders of the link's own case are offered and taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.link import LinkAct, LinkPurpose, LinkView
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import Freight, OrderState, OrderStep, PartOrder
from hardcase_collector.parts.order_steps import Details
from hardcase_collector.parts.orders import PartOrders
from hardcase_collector.web.pages.forms import Answers

_ON_THE_WAY = frozenset({OrderState.RESERVED, OrderState.SHIPPED})
"""A reserved one he takes along himself."""
_TO_INSTALL = _ON_THE_WAY | {OrderState.RECEIVED}
_BY_ACT = {LinkAct.ARRIVED: _ON_THE_WAY, LinkAct.DONE: _TO_INSTALL}


def parts_of(tx: Transaction, view: LinkView) -> dict[LinkAct, Sequence[PartOrder]]:
    """What can be told of with each act that is possible now."""
    if view.link.purpose is not LinkPurpose.ENGINEER:
        return {}
    orders = [one for one in tx.spares.orders_of(view.case.id) if one.freight is Freight.NEW]
    return {act: [one for one in orders if one.state in states] for act, states in _BY_ACT.items() if act in view.acts}


def take_along(
    tx: Transaction, orders: PartOrders, view: LinkView, act: LinkAct, answers: Answers, *, now_ms: int
) -> tuple[int, ...]:
    """Numbers of the orders that were moved: those that are ticked. Raises IllegalAction, as their steps do."""
    by = Actor(name=view.whom, role=Role.ENGINEER, customer=None)
    ticked = [one for one in parts_of(tx, view).get(act, ()) if answers.yes(f"part_{one.id}")]
    for one in ticked:
        if one.state in _ON_THE_WAY:
            orders.step(tx, one.id, OrderStep.RECEIVE, by=by, now_ms=now_ms)
        if act is LinkAct.DONE:
            details = Details(serial=answers.line(f"serial_{one.id}"), old_serial=answers.line(f"old_serial_{one.id}"))
            orders.step(tx, one.id, OrderStep.INSTALL, by=by, now_ms=now_ms, details=details)
    return tuple(one.id for one in ticked)
