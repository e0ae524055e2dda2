"""Depots, stock, part orders, spare risk and maintenance records on the control socket.

A list takes `customer` to narrow it to one; whoever may use this socket may see all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request

from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound, SheetError
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import Depot, OrderFilter, OrderState, OrderStep, PartOrder, Service
from hardcase_collector.parts.house import SpareHouse
from hardcase_collector.parts.order_steps import Details
from hardcase_collector.parts.record import record_of
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, scope_of, who
from hardcase_collector.web.ports import Shop

MAX_LIST = 5000
Scope = Annotated[str | None, Query(max_length=64)]
Word = Annotated[str, Body(embed=True, max_length=200)]
Reason = Annotated[str, Body(embed=True, max_length=2000)]
Count = Annotated[int, Body(embed=True, ge=0, le=100_000)]


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _depots(made, control.shop)
    _catalogue(made, control.shop)
    _stock(made, control.shop)
    _orders(made, control.shop)
    _steps(made, control.shop)
    _judged(made, control.shop)
    return made


def _house(shop: Shop) -> SpareHouse:
    if shop.spares is None:
        raise NotFound("this collector keeps no spare parts")
    return shop.spares


def _depots(made: APIRouter, shop: Shop) -> None:
    @made.get("/depots", response_model=None)
    def depots(customer: Scope = None) -> Json:
        with shop.store.read() as tx:
            services: dict[str, list[Service]] = {}
            for one in tx.spares.services(customer=customer):
                services.setdefault(one.depot, []).append(one)
            found = [
                depot
                for depot in tx.spares.depots(customer=None)
                if customer is None or depot.customer == customer or depot.name in services
            ]
        return {"depots": [_with(plain(one), serves=plain(services.get(one.name, []))) for one in found]}

    @made.post("/depots", response_model=None)
    def add(
        request: Request,
        name: Annotated[str, Body(embed=True, min_length=1, max_length=64)],
        title: Word = "",
        country: Annotated[str, Body(embed=True, pattern="^([A-Z]{2})?$")] = "",
        place: Word = "",
        customer: Word = "",
        serves: Annotated[list[str], Body(embed=True, max_length=500)] = [],  # noqa: B006 - FastAPI copies defaults
        travel_minutes: Annotated[int, Body(embed=True, ge=0, le=43_200)] = 60,
        rank: Annotated[int, Body(embed=True, ge=1, le=99)] = 1,
    ) -> Json:
        """A new one, or more of a known one. `serves`: "customer/site", or "customer" for all of his sites."""
        by = who(request)
        require(by, Deed.STOCK)
        told = Depot(name=name, title=title, country=country, place=place, customer=customer)
        with shop.store.write() as tx:
            depot = _saved(tx, told, serves, by)
            for one in serves:
                tx.spares.save_service(_service(tx, name, one, rank, travel_minutes))
            tx.access.audit(
                at_ms=shop.clock_ms(),
                actor=by.name,
                action="depot.saved",
                subject=name,
                facts={"customer": customer, "serves": ", ".join(serves)},
            )
        return plain(depot)


def _saved(tx: Transaction, told: Depot, serves: Sequence[str], by: Actor) -> Depot:
    """What is not told of a known one stays as it is. Raises NotFound, NotAllowed."""
    served = [one.partition("/")[0] for one in serves]
    for owner in filter(None, (told.customer, *served)):
        if tx.registry.customer(owner) is None:
            raise NotFound("no customer {customer} in the books; see hardcase-collector customers list", customer=owner)
    known = tx.spares.depot(told.name) or Depot(name=told.name, customer=told.customer)
    depot = Depot(
        name=told.name,
        title=told.title or known.title,
        country=told.country or known.country,
        place=told.place or known.place,
        customer=told.customer or known.customer,
    )
    if by.customer is not None and ({depot.customer, *served} != {by.customer} or known.customer != by.customer):
        raise NotAllowed("only a dedicated store of {customer}, for his own sites", customer=by.customer)
    tx.spares.save_depot(depot)
    return depot


def _service(tx: Transaction, depot: str, served: str, rank: int, travel_minutes: int) -> Service:
    """`served`: "customer/site", or "customer". Raises NotFound."""
    owner, _, site = served.partition("/")
    if site and tx.registry.site(customer=owner, name=site) is None:
        raise NotFound("customer {customer} has no site {site}", customer=owner, site=site)
    return Service(depot=depot, customer=owner, site=site, rank=rank, travel_minutes=travel_minutes)


def _catalogue(made: APIRouter, shop: Shop) -> None:
    @made.get("/parts", response_model=None)
    def spares(component: str = "", search: str = "", customer: Scope = None) -> Json:
        """What is free: with a customer, in his dedicated stores."""
        wish = search.casefold()
        with shop.store.read() as tx:
            fits: dict[str, list[Json]] = {}
            for fit in tx.spares.fits(component=component or None):
                fits.setdefault(fit.spare, []).append(plain(fit))
            free: dict[str, int] = {}
            for line in tx.spares.stock(customer=customer):
                free[line.part_number] = free.get(line.part_number, 0) + line.free
            found = [
                one
                for one in tx.spares.spares()
                if component in ("", one.component) and wish in f"{one.part_number} {one.title} {one.vendor}".casefold()
            ]
        return {
            "parts": [
                _with(plain(one), fits=fits.get(one.part_number, []), free=free.get(one.part_number, 0))
                for one in found
            ]
        }

    @made.post("/parts/import", response_model=None)
    def import_(
        request: Request,
        files: Annotated[dict[str, str], Body(embed=True)],
        dry_run: Annotated[bool, Body(embed=True)] = False,
    ) -> Json:
        """`files`: name -> text. Nothing changes where anything is wrong in any of them."""
        house, by, now_ms = _house(shop), who(request), shop.clock_ms()
        try:
            if dry_run:
                with shop.store.read() as tx:
                    changes = house.sheets.plan(tx, files, by=by)
            else:
                with shop.store.write() as tx:
                    changes = house.sheets.plan(tx, files, by=by)
                    house.sheets.apply(tx, changes, by=by, now_ms=now_ms)
        except SheetError as error:
            return {"done": False, "mistakes": list(error.mistakes), "changes": []}
        listed: list[Json] = [{"turn": one.turn, "kind": str(one.kind), "key": list(one.key)} for one in changes]
        return {"done": not dry_run, "mistakes": [], "changes": listed}

    @made.get("/parts/export", response_model=None)
    def export(request: Request, form: Annotated[str, Query(pattern="^(csv|toml)$")] = "toml") -> Json:
        with shop.store.read() as tx:
            return {"files": plain(_house(shop).sheets.export(tx, by=who(request), form=form))}


def _stock(made: APIRouter, shop: Shop) -> None:
    @made.get("/stock", response_model=None)
    def stock(customer: Scope = None, depot: str = "", part_number: str = "", low: bool = False) -> Json:
        with shop.store.read() as tx:
            lines = (
                tx.spares.low_stock(customer=customer)
                if low
                else tx.spares.stock(customer=customer, depot=depot, part_number=part_number)
            )
            return {"stock": [_with(plain(line), **_named(tx, line.depot, line.part_number)) for line in lines]}

    @made.post("/stock/receive", response_model=None)
    def receive(
        request: Request,
        depot: Word,
        part_number: Word,
        count: Count = 0,
        serials: Annotated[list[str], Body(embed=True, max_length=5000)] = [],  # noqa: B006 - FastAPI copies defaults
    ) -> Json:
        """`count` 0 = as many as there are serials."""
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            many = count or len(serials)
            line = _house(shop).stock.receive(tx, depot, part_number, count=many, serials=serials, by=by, now_ms=now_ms)
            return _with(plain(line), **_named(tx, depot, part_number))

    _taking_out(made, shop)


def _taking_out(made: APIRouter, shop: Shop) -> None:
    @made.post("/stock/withdraw", response_model=None)
    def withdraw(
        request: Request,
        depot: Word,
        part_number: Word,
        reason: Reason,
        count: Count = 1,
        serials: Annotated[list[str], Body(embed=True, max_length=5000)] = [],  # noqa: B006 - FastAPI copies defaults
    ) -> Json:
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            many = max(count, len(serials))
            return plain(
                _house(shop).stock.withdraw(
                    tx, depot, part_number, count=many, serials=serials, reason=reason, by=by, now_ms=now_ms
                )
            )

    @made.post("/stock/marks", response_model=None)
    def marks(request: Request, depot: Word, part_number: Word, minimum: Count, reorder_point: Count) -> Json:
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            return plain(
                _house(shop).stock.mark(
                    tx, depot, part_number, minimum=minimum, reorder_point=reorder_point, by=by, now_ms=now_ms
                )
            )


def _named(tx: Transaction, depot: str, part_number: str) -> dict[str, Json]:
    spare = tx.spares.spare(part_number)
    units = tx.spares.units(customer=None, depot=depot, part_number=part_number)
    return {
        "title": spare.title if spare else "",
        "component": spare.component if spare else "",
        "serials": [unit.serial for unit in units if unit.order is None],
    }


def _orders(made: APIRouter, shop: Shop) -> None:
    @made.get("/part-orders", response_model=None)
    def orders(
        customer: Scope = None,
        case: str = "",
        state: Annotated[list[OrderState], Query()] = [],  # noqa: B006 - FastAPI copies defaults
        depot: str = "",
        overdue: bool = False,
        limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 500,
    ) -> Json:
        with shop.store.read() as tx:
            number = tx.cases.by_number(case, customer=customer).id if case else None
            which = OrderFilter(
                states=tuple(state),
                case=number,
                depot=depot,
                overdue_at_ms=shop.clock_ms() if overdue else 0,
                limit=limit,
            )
            return {"orders": [_order(tx, one) for one in tx.spares.orders(which, customer=customer)]}

    @made.post("/part-orders", response_model=None)
    def order(request: Request, case: Word, part_number: Word = "", depot: Word = "") -> Json:
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            found = tx.cases.by_number(case, customer=by.customer)
            made = _house(shop).orders.request(tx, found, by=by, now_ms=now_ms, part_number=part_number, depot=depot)
            return _order(tx, made)


def _steps(made: APIRouter, shop: Shop) -> None:
    @made.get("/part-orders/{order}", response_model=None)
    def order(request: Request, order: int) -> Json:
        with shop.store.read() as tx:
            found = tx.spares.order(order, customer=scope_of(request))
            legal = _house(shop).orders.legal(found, by=who(request))
            return _with(_order(tx, found), steps=[str(step) for step in legal])

    @made.post("/part-orders/{order}/correct", response_model=None)
    def correct(request: Request, order: int, serial: Word = "", old_serial: Word = "") -> Json:
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            done = _house(shop).orders.correct(
                tx, order, by=by, now_ms=now_ms, new_serial=serial, old_serial=old_serial
            )
            return _order(tx, done)

    @made.post("/part-orders/{order}/{step}", response_model=None)
    def step(
        request: Request,
        order: int,
        step: str,
        serial: Word = "",
        old_serial: Word = "",
        tracking: Word = "",
        reason: Reason = "",
        depot: Word = "",
    ) -> Json:
        if step not in tuple(OrderStep):
            raise IllegalAction(
                "there is no step {step}: there are {steps}", step=step, steps=[one.value for one in OrderStep]
            )
        by, now_ms = who(request), shop.clock_ms()
        details = Details(serial=serial, old_serial=old_serial, tracking=tracking, reason=reason, depot=depot)
        with shop.store.write() as tx:
            done = _house(shop).orders.step(tx, order, OrderStep(step), by=by, now_ms=now_ms, details=details)
            return _order(tx, done)


def _order(tx: Transaction, order: PartOrder) -> Json:
    case, asset = tx.cases.get(order.case), tx.assets.by_number(order.asset)
    facts = asset.facts
    return _with(
        plain(order),
        case_number=case.number,
        priority=str(case.priority),
        asset_name=facts.hostname or facts.address or facts.serial or str(asset.id),
        customer=asset.customer,
    )


def _judged(made: APIRouter, shop: Shop) -> None:
    @made.get("/spare-risk", response_model=None)
    def risk(customer: Scope = None, within_hours: Annotated[float, Query(gt=0, le=240)] = 8.0) -> Json:
        """Promises of at most this many hours."""
        with shop.store.read() as tx:
            lines = _house(shop).risk(
                tx, customer=customer, now_ms=shop.clock_ms(), within_minutes=int(within_hours * 60)
            )
        return {"risk": [_with(plain(line), left=line.left) for line in lines]}

    @made.get("/assets/{name}/record", response_model=None)
    def record(request: Request, name: str) -> Json:
        with shop.store.read() as tx:
            found = find_asset(tx, name, customer=scope_of(request))
            return _with(plain(record_of(tx, found.id)), asset=plain(found))


def _with(value: Json, **more: Json) -> Json:
    assert isinstance(value, dict)
    return {**value, **more}
