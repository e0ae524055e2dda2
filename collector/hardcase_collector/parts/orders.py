"""Part orders: a part is requested for a case, reserved, shipped, installed, and the replaced one comes back.

Called by the control socket and the pages within the caller's transaction. What may follow what is `order_table.py`,
from where a part comes `choosing.py`, what each step writes down `order_steps.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hardcase_collector.cases.actions import allowed
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.workflow import OPEN_STATES, Deed, may, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.places import place_name
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.said import Coded, Said
from hardcase_collector.domain.spares import Bucket, Depot, OrderState, OrderStep, PartOrder, Service
from hardcase_collector.parts import hold_up
from hardcase_collector.parts.choosing import in_order
from hardcase_collector.parts.fitting import candidates
from hardcase_collector.parts.levels import Levels
from hardcase_collector.parts.order_steps import DEED, Details, after, entry_of
from hardcase_collector.parts.order_table import OVER, bucket_of, freight_after, legal_steps, next_state
from hardcase_collector.parts.promised import due_on_site, may_pause

MAX_OPEN = 20
"""Open orders of one case: a repair that needs more parts than this is a new machine."""
_SERVED_AT_ONCE = 500
"""Waiting orders looked at when parts come in; one delivery frees at most so many."""

DueOf = Callable[[Transaction, Case, int], int | None]
"""When the part has to be on site by the case's clocks; None: none asks for it."""


class PartOrders:
    """Everything that is done with orders."""

    def __init__(
        self,
        announcer: Announcer,
        *,
        due_of: DueOf = due_on_site,
        pausable: hold_up.Pausable = may_pause,
        levels: Levels | None = None,
    ) -> None:
        self._announcer = announcer
        self._due_of = due_of
        self._pausable = pausable
        self._levels = levels or Levels()

    def legal(self, order: PartOrder, *, by: Actor) -> Sequence[OrderStep]:
        """What he may do with it now."""
        return tuple(step for step in legal_steps(order.state, order.freight) if may(by.role, DEED[step]))

    def wanted(self, tx: Transaction, case: Case) -> tuple[str, ...]:
        """Part numbers of the catalogue that would do for the case's part, the best first."""
        return candidates(
            case.part,
            tx.assets.by_number(case.asset).facts,
            tx.spares.fits(component=case.part.component),
            in_catalogue=lambda number: tx.spares.spare(number) is not None,
            interchangeable=tx.spares.interchangeable,
        )

    def request(
        self, tx: Transaction, case: Case, *, by: Actor, now_ms: int, part_number: str = "", depot: str = ""
    ) -> PartOrder:
        """Wants a part for the case and reserves it where a depot has one; else the case waits for it.

        `part_number` "" = what fits; `depot` "" = the nearest that meets the clock. Raises IllegalAction for a drill, a
        case that is over and a part that nothing fits; NotFound, NotAllowed.
        """
        allowed(tx, case, by, Deed.RESERVE_PART)
        self._check(tx, case)
        wanted = self._named(tx, part_number) if part_number else self.wanted(tx, case)
        if not wanted:
            raise IllegalAction(
                "no spare of the catalogue fits {what}: name a part number, or import what fits",
                what=case.part.model or case.part.component or Said("this"),
            )
        return self._open(tx, case, wanted, by=by, now_ms=now_ms, depot=depot, replaces=None)

    def _check(self, tx: Transaction, case: Case) -> None:
        if case.rehearsal:
            raise IllegalAction("case {case} is a drill: no part is ordered for it", case=case.number)
        if case.state not in OPEN_STATES:
            raise IllegalAction("case {case} is {state}: it needs no part", case=case.number, state=case.state)
        if case.asset == 0:
            raise IllegalAction("case {case} names no asset yet", case=case.number)
        if sum(order.state not in OVER for order in tx.spares.orders_of(case.id)) >= MAX_OPEN:
            raise IllegalAction("case {case} has {most} open part orders already", case=case.number, most=MAX_OPEN)

    def _named(self, tx: Transaction, part_number: str) -> tuple[str, ...]:
        if tx.spares.spare(part_number) is None:
            raise NotFound("there is no spare {part_number} in the catalogue", part_number=part_number)
        twins = [one for one in tx.spares.interchangeable(part_number) if tx.spares.spare(one) is not None]
        return (part_number, *twins)

    def _open(
        self,
        tx: Transaction,
        case: Case,
        wanted: tuple[str, ...],
        *,
        by: Actor,
        now_ms: int,
        depot: str,
        replaces: int | None,
    ) -> PartOrder:
        order = tx.spares.add_order(
            PartOrder(
                id=0,
                case=case.id,
                asset=case.asset,
                component=case.part.component,
                slot=place_name(case.part.component, case.part.slot),
                wanted=wanted,
                state=OrderState.REQUESTED,
                requested_ms=now_ms,
                requested_by=by.name,
                old=case.part,
                old_serial=case.part.serial,
                replaces=replaces,
            )
        )
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        told: dict[str, Fact] = {"order": order.id, "wanted": ", ".join(wanted)}
        if replaces is not None:
            told["replaces"] = replaces
        case = self._file(tx).change(case, "part_requested", occasion, told)
        taken = self._take(tx, order, case, depot=depot, occasion=occasion)
        if taken is None:
            hold_up.wait_for_part(tx, self._file(tx), case, order, occasion, pausable=self._pausable)
            return order
        return taken

    def reserve(self, tx: Transaction, order: int, *, by: Actor, now_ms: int, depot: str = "") -> PartOrder:
        """Tries again for an order that waits. Raises IllegalAction where still no depot has one."""
        found, case = self._find(tx, order, by, Deed.RESERVE_PART)
        next_state(found, OrderStep.RESERVE)
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        taken = self._take(tx, found, case, depot=depot, occasion=occasion)
        if taken is None:
            if depot:
                raise IllegalAction("{depot} has none of {wanted} free", depot=depot, wanted=found.wanted)
            raise IllegalAction("no depot that serves the site has none of {wanted} free", wanted=found.wanted)
        hold_up.go_on(tx, self._file(tx), tx.cases.get(case.id), occasion, pausable=self._pausable)
        return taken

    def _take(
        self, tx: Transaction, order: PartOrder, case: Case, *, depot: str, occasion: Occasion
    ) -> PartOrder | None:
        """Reserves the best that is free. The count moves by a conditional update, so one part is given once."""
        services = [service for _, service in self.services(tx, case) if depot in ("", service.depot)]
        free = {
            (line.depot, line.part_number): line.free
            for number in order.wanted
            for line in tx.spares.stock(customer=None, part_number=number)
        }
        due_ms = self._due_of(tx, case, occasion.now_ms)
        choices = in_order(
            services,
            order.wanted,
            lambda where, number: free.get((where, number), 0),
            now_ms=occasion.now_ms,
            due_ms=due_ms,
        )
        for choice in choices:
            if not tx.spares.shift(choice.depot, choice.part_number, Bucket.FREE, Bucket.RESERVED):
                continue
            unit = tx.spares.hold_unit(choice.depot, choice.part_number, order=order.id)
            taken = replace(
                order,
                state=OrderState.RESERVED,
                depot=choice.depot,
                part_number=choice.part_number,
                new_serial=unit.serial if unit else "",
                reserved_ms=occasion.now_ms,
            )
            tx.spares.save_order(taken, was=order.state)
            self._levels.settle(tx, choice.depot, choice.part_number, actor=occasion.actor, now_ms=occasion.now_ms)
            told: dict[str, Fact] = {
                "order": order.id,
                "part_number": choice.part_number,
                "depot": choice.depot,
                "serial": taken.new_serial,
                "travel_minutes": choice.travel_minutes,
                "meets_clock": choice.meets_clock,
            }
            self._file(tx).change(tx.cases.get(case.id), "part_reserved", occasion, told)
            return taken
        return None

    def services(self, tx: Transaction, case: Case) -> Sequence[tuple[Depot, Service]]:
        """The depots that may give a part to the place where the case's asset stands."""
        asset = tx.assets.by_number(case.asset)
        custody = tx.registry.custody(asset.id)
        return tx.spares.serving(customer=asset.customer, site=custody.site if custody else "")

    def serve(self, tx: Transaction, depot: str, part_number: str, now_ms: int) -> int:
        """Parts became free: orders that wait get them by priority, then age. How many did."""
        served = 0
        for order in tx.spares.waiting_for(part_number, limit=_SERVED_AT_ONCE):
            line = tx.spares.stock_line(depot, part_number)
            if line is None or not line.free:
                break
            case = tx.cases.get(order.case)
            occasion = Occasion(now_ms=now_ms)
            taken = self._take(tx, order, case, depot=depot, occasion=occasion)
            if taken is not None:
                served += 1
                hold_up.go_on(tx, self._file(tx), tx.cases.get(case.id), occasion, pausable=self._pausable)
        return served

    def step(
        self, tx: Transaction, order: int, step: OrderStep, *, by: Actor, now_ms: int, details: Details | None = None
    ) -> PartOrder:
        """Takes a step of the table. Raises IllegalAction, NotAllowed, NotFound (also for another customer's order)."""
        if step is OrderStep.RESERVE:
            return self.reserve(tx, order, by=by, now_ms=now_ms, depot=details.depot if details else "")
        found, case = self._find(tx, order, by, DEED[step])
        return self._do(tx, found, case, step, details or Details(), by=by, now_ms=now_ms)

    def _do(
        self, tx: Transaction, was: PartOrder, case: Case, step: OrderStep, details: Details, *, by: Actor, now_ms: int
    ) -> PartOrder:
        state, freight = next_state(was, step), freight_after(was, step)
        spare = tx.spares.spare(was.part_number)
        done = after(was, step, details, state=state, freight=freight, spare=spare, by=by.name, now_ms=now_ms)
        if done.new_serial and done.part_number and done.new_serial != was.new_serial:
            tx.spares.name_unit(done.depot, done.part_number, done.new_serial, order=done.id)
        tx.spares.save_order(done, was=was.state)
        freed = self._move(tx, was, done, actor=by.name, now_ms=now_ms)
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        told = entry_of(was, done, step, details)
        case = self._file(tx).change(tx.cases.get(case.id), told.code, occasion, told.parameters)
        if was.state is OrderState.REQUESTED:
            case = hold_up.go_on(tx, self._file(tx), case, occasion, pausable=self._pausable)
        if freed:
            self.serve(tx, done.depot, done.part_number, now_ms)
        if told.needs_another and case.state in OPEN_STATES:
            case = tx.cases.get(case.id)
            self._open(tx, case, was.wanted, by=by, now_ms=now_ms, depot="", replaces=was.id)
        return done

    def _move(self, tx: Transaction, was: PartOrder, done: PartOrder, *, actor: str, now_ms: int) -> bool:
        """Counts the part where it is now. True: it is free again."""
        come_from, go_to = bucket_of(was.state, was.freight), bucket_of(done.state, done.freight)
        if come_from is go_to or not done.part_number:
            return False
        if not tx.spares.shift(done.depot, done.part_number, come_from, go_to):
            raise IllegalAction(
                "the books of {depot} have no {part_number} that is {bucket}",
                depot=done.depot,
                part_number=done.part_number,
                bucket=Coded(come_from),
            )
        if go_to is Bucket.FREE:
            tx.spares.free_unit(done.id, depot=done.depot)
            self._levels.settle(tx, done.depot, done.part_number, actor=actor, now_ms=now_ms)
        return go_to is Bucket.FREE

    def correct(
        self,
        tx: Transaction,
        order: int,
        *,
        by: Actor,
        now_ms: int,
        new_serial: str = "",
        old_serial: str = "",
    ) -> PartOrder:
        """Puts serials right that were entered wrong; they are looked for anew. "" = as it is."""
        was, case = self._find(tx, order, by, Deed.INSTALL_PART)
        if not was.installed_ms:
            raise IllegalAction("part order {order} is {state}: nothing was installed", order=order, state=was.state)
        done = after(was, None, Details(serial=new_serial, old_serial=old_serial), by=by.name, now_ms=now_ms)
        if done.new_serial != was.new_serial:
            tx.spares.name_unit(done.depot, done.part_number, done.new_serial, order=done.id)
        tx.spares.save_order(done, was=was.state)
        told: dict[str, Fact] = {"order": order, "new_serial": done.new_serial, "old_serial": done.old_serial}
        self._file(tx).change(tx.cases.get(case.id), "part_corrected", Occasion(now_ms=now_ms, actor=by.name), told)
        return done

    def release(self, tx: Transaction, order: PartOrder, *, by: Actor, now_ms: int, reason: str) -> PartOrder:
        """What a case that is over had asked for, and has not been sent: free for others."""
        case = tx.cases.get(order.case)
        return self._do(tx, order, case, OrderStep.CANCEL, Details(reason=reason), by=by, now_ms=now_ms)

    def _find(self, tx: Transaction, order: int, by: Actor, deed: Deed) -> tuple[PartOrder, Case]:
        require(by, deed)
        found = tx.spares.order(order, customer=by.customer)
        return found, tx.cases.get(found.case)

    def _file(self, tx: Transaction) -> CaseFile:
        return CaseFile(tx, self._announcer)
