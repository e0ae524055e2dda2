"""What time alone tells about parts: returns that are overdue, orders of cases that are over, bad parts in use again.

Called by the collector's tick, in its write transaction; looks only at what is due.
"""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.cases.case_file import COLLECTOR, CaseFile, Occasion
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.spares import TurnedUp
from hardcase_collector.parts.orders import PartOrders

_AT_ONCE = 200
ITSELF = Actor(name=COLLECTOR, role=Role.AUTOMATION, customer=None)


class PartsWatch:
    def __init__(self, announcer: Announcer, orders: PartOrders) -> None:
        self._announcer = announcer
        self._orders = orders
        self._looked_through = 0
        """The replaced parts of years are looked up in the fleet's inventories by turns, some at every tick."""

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        self._overdue(tx, now_ms)
        for order in tx.spares.left_over(limit=_AT_ONCE):
            self._orders.release(tx, order, by=ITSELF, now_ms=now_ms, reason="case_over")
        turned_up, self._looked_through = tx.spares.turned_up(after=self._looked_through, limit=_AT_ONCE)
        for found in turned_up:
            self._tell_back(tx, found, now_ms)

    def _overdue(self, tx: Transaction, now_ms: int) -> None:
        for order in tx.spares.overdue(now_ms, limit=_AT_ONCE):
            tx.spares.save_order(replace(order, overdue_told_ms=now_ms), was=order.state)
            told: dict[str, Fact] = {
                "order": order.id,
                "part_number": order.part_number,
                "freight": str(order.freight),
                "old_serial": order.old_serial,
                "due_back_ms": order.due_back_ms,
            }
            self._enter(tx, order.case, "part_overdue", told, now_ms)

    def _tell_back(self, tx: Transaction, found: TurnedUp, now_ms: int) -> None:
        """The part was judged bad once. Another customer's machine is not named on this customer's case."""
        order = found.order
        tx.spares.save_order(replace(order, back_told_ms=now_ms), was=order.state)
        there, mine = tx.assets.by_number(found.asset), tx.assets.by_number(order.asset)
        told: dict[str, Fact] = {
            "order": order.id,
            "serial": found.part.serial,
            "model": found.part.model,
            "seen_ms": found.seen_ms,
            "same_asset": there.id == mine.id,
        }
        place: dict[str, Fact] = {"asset": there.facts.hostname or there.key, "slot": found.part.slot}
        elsewhere = there.customer != mine.customer
        self._enter(tx, order.case, "part_turned_up", told if elsewhere else {**told, **place}, now_ms)
        number = tx.cases.get(order.case).number
        tx.access.audit(at_ms=now_ms, actor=COLLECTOR, action="part.turned_up", subject=number, facts={**told, **place})

    def _enter(self, tx: Transaction, case: int, code: str, told: dict[str, Fact], now_ms: int) -> None:
        CaseFile(tx, self._announcer).change(tx.cases.get(case), code, Occasion(now_ms=now_ms), told)
