"""The people of the year: who takes up a case, and every step to its end, each as a generator of waits between deeds.

Some are slow, some customers refuse at first, some parts are dead: drawn from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import Case, CaseAction, CaseState, Outcome
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.repair import ConsentChannel, LineKind, Manner
from hardcase_collector.domain.report import ReportChannel
from hardcase_collector.domain.spares import OrderState, OrderStep, PartOrder
from hardcase_collector.domain.visit import DispatchAction
from hardcase_collector.parts.order_steps import Details
from hardcase_collector.service.follow_ups import Rating
from hardcase_collector.service.proposals import Answer, Offer
from hardcase_collector.service.quotes import Item, QuoteDraft
from hardcase_collector.service.vendors import VendorWord
from hardcase_collector.service.visits import Errand, Word, visit_of

if TYPE_CHECKING:
    from tests.acceptance.year.office import Office

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MANAGER = Actor(name="gao", role=Role.MANAGER, customer=None)
ENGINEER = Actor(name="li", role=Role.ENGINEER, customer=None)
Waits = Iterator[int]
"""Each value: so many ms until the next deed."""


@dataclass
class Stage:
    """What the people act upon; `office` may be another one after a restart."""

    office: Office
    now_ms: int
    rng: random.Random
    cure: Callable[[Case, str], None]
    """The fault behind the case goes away; the serial of the new part, or ""."""
    counts: dict[str, int]

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


class People:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    # Short names for what every step needs.
    def _tx(self, work: Callable[[Transaction, Case], object], case: Case) -> None:
        office = self.stage.office
        office.do(lambda tx: work(tx, tx.cases.get(case.id)))

    def _case(self, case: Case) -> Case:
        return self.stage.office.do(lambda tx: tx.cases.get(case.id))

    def work(self, case: Case) -> Waits:
        """From the first look to the satisfied customer. A case that goes its own way is left alone."""
        try:
            yield from self._take_up(case)
            fresh = self._case(case)
            if fresh.state not in (CaseState.NEW, CaseState.CONFIRMED):
                return
            if fresh.part.component == "psu" and "psu.input_lost" in fresh.fault_classes:
                return  # it comes back by itself
            yield from self._repair(case)
        except (IllegalAction, NotFound) as refused:
            self.stage.count(f"gone its own way: {type(refused).__name__}")

    def _take_up(self, case: Case) -> Waits:
        stage, office = self.stage, self.stage.office
        yield stage.rng.choice((3, 8, 12, 25, 25, 90)) * MINUTE
        self._tx(lambda tx, now: office.actions.acknowledge(tx, now, by=ENGINEER, now_ms=stage.now_ms), case)
        yield stage.rng.choice((5, 10, 20, 50)) * MINUTE
        self._tx(
            lambda tx, now: office.handling.contacted(
                tx, now, by=ENGINEER, now_ms=stage.now_ms, channel=ReportChannel.PHONE
            ),
            case,
        )
        yield stage.rng.choice((10, 30, 90)) * MINUTE
        if self._case(case).state is CaseState.NEW:
            self._act(case, CaseAction.CONFIRM)

    def _act(self, case: Case, action: CaseAction, outcome: Outcome = Outcome.UNKNOWN) -> None:
        stage, office = self.stage, self.stage.office
        self._tx(
            lambda tx, now: office.actions.act(
                tx, now, action, by=MANAGER, reason="as agreed", now_ms=stage.now_ms, outcome=outcome
            ),
            case,
        )

    def _repair(self, case: Case) -> Waits:
        stage = self.stage
        draw = stage.rng.random()
        if draw < 0.04:
            stage.count("false alarms")
            stage.cure(case, "")
            self._act(case, CaseAction.CLOSE, Outcome.FALSE_ALARM)
            return
        if draw < 0.10:
            yield from self._defer(case)
        if draw > 0.93:
            yield from self._vendor(case)
        yield from self._agree(case)
        if case.part.component == "thermal":
            yield from self._visit(case, None)
        else:
            yield from self._replace(case)
        yield from self._follow_up(case)

    def _defer(self, case: Case) -> Waits:
        self.stage.count("deferred")
        self._act(case, CaseAction.DEFER)
        yield 2 * DAY
        self._act(case, CaseAction.RESUME)

    def _vendor(self, case: Case) -> Waits:
        stage, office = self.stage, self.stage.office
        stage.count("handed to vendors")
        word = VendorWord(vendor="Dell", vendor_case="SR1", rma="RMA1", promised_ms=stage.now_ms + DAY)
        self._tx(lambda tx, now: office.service.vendors.hand_over(tx, now, word, by=MANAGER, now_ms=stage.now_ms), case)
        yield stage.rng.choice((8, 30)) * HOUR
        self._tx(
            lambda tx, now: office.service.vendors.done(
                tx, now, "a part is on its way", by=MANAGER, now_ms=stage.now_ms
            ),
            case,
        )

    def _agree(self, case: Case) -> Waits:
        """Proposal, quote where something is to be paid, and the customer's word: sometimes no at first."""
        stage, office = self.stage, self.stage.office
        manner = Manner.ON_SITE if case.part.component == "thermal" else Manner.PART
        refusals = 1 if stage.rng.random() < 0.08 else 0
        for attempt in range(refusals + 1):
            offer = Offer(solution=f"replace {case.part.component}", manner=manner, duration_s=3600)
            proposal = office.do(
                lambda tx, offer=offer: office.service.proposals.propose(
                    tx, tx.cases.get(case.id), offer, by=MANAGER, now_ms=stage.now_ms
                )
            )
            if self._case(case).state is CaseState.CONSENTED:
                stage.count("consented by the plan")
                return
            revision = self._quote(case, proposal.uncovered) if proposal.uncovered else None
            yield stage.rng.choice((1, 3, 20)) * HOUR
            answer = Answer(who="ops", channel=ConsentChannel.PHONE, reason="too soon", quote=revision)
            if attempt < refusals:
                stage.count("refused at first")
                self._tx(
                    lambda tx, now, answer=answer: office.service.proposals.refuse(
                        tx, now, answer, by=MANAGER, now_ms=stage.now_ms
                    ),
                    case,
                )
                yield HOUR
        self._tx(
            lambda tx, now: office.service.proposals.consent(tx, now, answer, by=MANAGER, now_ms=stage.now_ms), case
        )

    def _quote(self, case: Case, kinds: tuple[str, ...]) -> int:
        stage, office = self.stage, self.stage.office
        stage.count("quotes")
        items = tuple(Item(kind=LineKind(kind), text=kind, unit_price=Decimal("120.50")) for kind in kinds)
        draft = QuoteDraft(items=items, currency="CNY", valid_until_ms=stage.now_ms + 30 * DAY)
        quote = office.do(
            lambda tx: office.service.quotes.quote(tx, tx.cases.get(case.id), draft, by=MANAGER, now_ms=stage.now_ms)
        )
        return quote.revision

    def _replace(self, case: Case) -> Waits:
        stage, office = self.stage, self.stage.office
        order = office.do(lambda tx: office.orders.request(tx, tx.cases.get(case.id), by=MANAGER, now_ms=stage.now_ms))
        if order.state is OrderState.REQUESTED:
            stage.count("waited for a part")
        while self._order(order.id).state is OrderState.REQUESTED:
            yield 6 * HOUR
        self._step(order.id, OrderStep.SHIP)
        yield 2 * HOUR
        self._step(order.id, OrderStep.RECEIVE)
        if stage.rng.random() < 0.05:
            stage.count("dead on arrival")
            self._step(order.id, OrderStep.DECLARE_DEAD, reason="no light")
            order = office.do(lambda tx: tx.spares.orders_of(case.id))[-1]
            while self._order(order.id).state is OrderState.REQUESTED:
                yield 6 * HOUR
            self._step(order.id, OrderStep.RECEIVE)
        yield from self._visit(case, order.id)
        yield 3 * DAY
        if self._order(order.id).state is OrderState.INSTALLED:
            step = OrderStep.KEEP if stage.rng.random() < 0.1 else OrderStep.SEND_BACK
            self._step(order.id, step, reason="data on it")

    def _order(self, number: int) -> PartOrder:
        return self.stage.office.do(lambda tx: tx.spares.order(number, customer=None))

    def _step(self, number: int, step: OrderStep, serial: str = "", reason: str = "") -> None:
        stage, office = self.stage, self.stage.office
        details = Details(serial=serial, reason=reason)
        office.do(lambda tx: office.orders.step(tx, number, step, by=MANAGER, now_ms=stage.now_ms, details=details))

    def _visit(self, case: Case, order: int | None) -> Waits:
        stage, office = self.stage, self.stage.office
        self._tx(
            lambda tx, now: office.service.visits.dispatch(tx, now, Errand(), by=MANAGER, now_ms=stage.now_ms), case
        )
        # Every tenth does not answer in time and is passed over.
        yield stage.rng.choice((5,) * 9 + (45,)) * MINUTE
        for action, wait in (
            (DispatchAction.ACCEPT, stage.rng.choice((10, 30, 300)) * MINUTE),
            (DispatchAction.DEPART, stage.rng.choice((30, 60, 120)) * MINUTE),
            (DispatchAction.ARRIVE, 40 * MINUTE),
        ):
            self._visit_step(case, action)
            yield wait
        serial = ""
        if order is not None:
            serial = self._order(order).new_serial
            self._step(order, OrderStep.INSTALL, serial=serial)
        stage.cure(case, serial)
        yield 20 * MINUTE
        self._visit_step(case, DispatchAction.FINISH)

    def _visit_step(self, case: Case, action: DispatchAction) -> None:
        stage, office = self.stage, self.stage.office
        word = Word(text="done")
        self._tx(
            lambda tx, now: office.service.visits.step(
                tx, now, visit_of(tx, now, None), action, word, by=MANAGER, now_ms=stage.now_ms
            ),
            case,
        )

    def _follow_up(self, case: Case) -> Waits:
        stage, office = self.stage, self.stage.office
        for _ in range(60):
            if self._case(case).state is CaseState.CLOSED:
                break
            yield 6 * HOUR
        else:
            stage.count("closed by hand")
            self._act(case, CaseAction.CLOSE, Outcome.REPAIRED)
        yield stage.rng.choice((4, 20, 30)) * HOUR
        rating = Rating(who="ops", channel=ConsentChannel.PHONE, score=stage.rng.choice((3, 4, 5, 5)))
        self._tx(lambda tx, now: office.service.follow_ups.rate(tx, now, rating, by=MANAGER, now_ms=stage.now_ms), case)
        stage.count("followed up")
