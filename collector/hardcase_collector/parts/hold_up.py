"""A case that waits for a part, and goes on when one is there: what it waits for, and the pause of its clocks.

Used by `orders.py`. The pause is an entry of the timeline, which clocks read; it is written only where the plan of the
case allows this reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.workflow import OPEN_STATES
from hardcase_collector.domain.case import Case, Waiting
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import PartOrder
from hardcase_collector.parts.order_table import HOLDS_UP
from hardcase_collector.plans.moments import Code
from hardcase_collector.plans.plan import PauseReason

Pausable = Callable[[Transaction, Case], bool]
"""Whether the plan of the case lets a clock stand still for want of a part."""


def wait_for_part(
    tx: Transaction, file: CaseFile, case: Case, order: PartOrder, occasion: Occasion, *, pausable: Pausable
) -> Case:
    """No depot has one. A case that waits for something else already goes on waiting for that, too."""
    told: dict[str, Fact] = {"order": order.id, "wanted": ", ".join(order.wanted)}
    waiting = Waiting.PART if case.waiting is Waiting.NOTHING else case.waiting
    if pausable(tx, case):
        told["reason"] = str(PauseReason.WAITING_FOR_PART)
        return file.change(case, str(Code.PAUSED), occasion, told, waiting=waiting)
    return file.change(case, "part_short", occasion, told, waiting=waiting)


def go_on(tx: Transaction, file: CaseFile, case: Case, occasion: Occasion, *, pausable: Pausable) -> Case:
    """An order that waited waits no longer: the case goes on once none of its orders does."""
    orders: Sequence[PartOrder] = tx.spares.orders_of(case.id)
    if any(order.state in HOLDS_UP for order in orders) or case.state not in OPEN_STATES:
        return case
    waiting = Waiting.NOTHING if case.waiting is Waiting.PART else case.waiting
    if pausable(tx, case):
        told: dict[str, Fact] = {"reason": str(PauseReason.WAITING_FOR_PART)}
        return file.change(case, str(Code.RESUMED), occasion, told, waiting=waiting)
    return file.change(case, "part_there", occasion, {}, waiting=waiting)
