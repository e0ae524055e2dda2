"""Clocks of cases, the queue, how cases are handled, and what plans would have meant, on the control socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Query, Request

from hardcase_collector.cases.clockwork import clocks_of
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.reviewing import Review, Scope
from hardcase_collector.cases.time_left import as_of_now
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, Waiting
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.report import ReportChannel
from hardcase_collector.domain.service_terms import QueueFilter, QueueLine
from hardcase_collector.plans.frozen import frozen_of
from hardcase_collector.plans.plan import Moment, PauseReason
from hardcase_collector.plans.told import clock_facts, iso
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.cases import titled
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, held_to, who
from hardcase_collector.web.ports import Shop
from hardcase_collector.web.texts import LANGUAGES

MAX_LIST = 5000
_NOTE = 4000
Told = Mapping[str, Any]


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _read(made, control)
    _handle(made, control)
    _compare(made, control)
    return made


def _read(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/cases/{number}/clocks", response_model=None)
    def clocks(number: str) -> Json:
        now_ms = shop.clock_ms()
        with shop.store.read() as tx:
            return _of_case(tx, tx.cases.by_number(number, customer=None), now_ms)

    @made.get("/queue", response_model=None)
    def queue(
        customer: str | None = None,
        assignee: str | None = None,
        visiting: str | None = None,
        unassigned: bool = False,
        waiting: Waiting | None = None,
        team: str | None = None,
        site: str | None = None,
        priority: Priority | None = None,
        follow_ups: bool = False,
        limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 200,
    ) -> Json:
        which = QueueFilter(
            customer=customer,
            assignee=assignee,
            visiting=visiting,
            unassigned=unassigned,
            waiting=waiting,
            team=team,
            site=site,
            priority=priority,
            follow_ups=follow_ups,
            limit=limit + 1,
        )
        now_ms = shop.clock_ms()
        with shop.store.read() as tx:
            found = tx.clocks.queue(which)
            lines = as_of_now(tx, found[:limit], now_ms)
        return {
            "now_ms": now_ms,
            "queue": [_line(shop, line) for line in lines],
            "more": len(found) > limit,
        }


def _of_case(tx: Transaction, case: Case, now_ms: int) -> dict[str, Json]:
    kept = tx.clocks.terms(case.id)
    if kept is None:
        return {"case": case.number, "priority": str(case.priority), "plan": None, "clocks": []}
    frozen = frozen_of(kept)
    zone = ZoneInfo(frozen.zone)
    return {
        "case": case.number,
        "priority": str(case.priority),
        "service": str(case.service),
        "plan": kept.plan,
        "title": dict(frozen.plan.title),
        "vendor": kept.vendor,
        "contract": kept.contract,
        "covered": kept.entitlement is not None,
        "entitled_from": str(kept.entitled_from or ""),
        "entitled_until": str(kept.entitled_until or ""),
        "site": kept.site,
        "time_zone": frozen.zone,
        "now": iso(now_ms, zone),
        "clocks": [clock_facts(clock, zone) for clock in clocks_of(tx, case, now_ms)],
    }


def _line(shop: Shop, line: QueueLine) -> dict[str, Json]:
    return {
        "case": plain(line.case),
        "titles": {tongue: titled(shop, line.case, tongue) for tongue in LANGUAGES},
        "customer": line.customer,
        "asset_name": line.asset_name,
        "clock": plain(line.clock),
    }


def _handle(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/cases/{number}/handle/{verb}", response_model=None)
    def handle(request: Request, number: str, verb: str, told: Annotated[Told, Body()]) -> Json:
        by, now_ms = who(request), shop.clock_ms()
        if verb not in _VERBS:
            raise IllegalAction("there is no {verb}: there are {verbs}", verb=verb, verbs=tuple(_VERBS))
        assert shop.handling is not None
        with shop.store.write() as tx:
            case = tx.cases.by_number(number, customer=None)
            after = _VERBS[verb](_Handled(shop.handling, tx, case, by, now_ms), told)
            tx.access.audit(at_ms=now_ms, actor=by.name, action=f"case.{verb}", subject=number, facts={})
            return plain(after)


class _Handled:
    """One case, one actor, one moment."""

    def __init__(self, handling: Handling, tx: Transaction, case: Case, by: Actor, now_ms: int) -> None:
        self._handling = handling
        self._tx = tx
        self._case = case
        self._how = {"by": by, "now_ms": now_ms}

    def __call__(self, deed: Callable[..., Case], *told: object, **more: object) -> Case:
        return deed(self._handling, self._tx, self._case, *told, **self._how, **more)


_VERBS: Mapping[str, Callable[[_Handled, Told], Case]] = {
    "assign": lambda do, told: do(
        Handling.assign, assignee=_text(told, "assignee"), team=_text(told, "team") if told.get("team") else None
    ),
    "priority": lambda do, told: do(
        Handling.change_priority, _word(told, "priority", Priority), reason=_text(told, "reason")
    ),
    "contacted": lambda do, told: do(
        Handling.contacted, channel=_word(told, "channel", ReportChannel), text=_text(told, "text")
    ),
    "agree": lambda do, told: do(Handling.agree, time_ms=_time(told)),
    "expect": lambda do, told: do(Handling.expect, _word(told, "moment", Moment), time_ms=_time(told)),
    "self_repair": lambda do, told: do(Handling.self_repair, text=_text(told, "text")),
    "pause": lambda do, told: do(Handling.pause, _word(told, "reason", PauseReason), text=_text(told, "text")),
    "resume": lambda do, told: do(Handling.unpause, _word(told, "reason", PauseReason)),
}


def _text(told: Told, key: str) -> str:
    value = told.get(key, "")
    if not isinstance(value, str) or len(value) > _NOTE:
        raise IllegalAction("{key} must be a text of {most} characters at most", key=key, most=_NOTE)
    return value


def _word(told: Told, key: str, kind: Any) -> Any:
    value = told.get(key)
    if value not in list(kind):
        raise IllegalAction("{key} must be one of {known}", key=key, known=[one.value for one in kind])
    return kind(value)


def _time(told: Told) -> int:
    value = told.get("time_ms")
    if not isinstance(value, int) or isinstance(value, bool):
        raise IllegalAction("time_ms must be ms of Unix time")
    return value


def _compare(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/plans/compare", response_model=None)
    def compare(
        request: Request,
        plans: Annotated[list[str], Body(embed=True)],
        asset: Annotated[str, Body(embed=True)] = "",
        customer: Annotated[str, Body(embed=True)] = "",
        days: Annotated[int, Body(embed=True, ge=1, le=3660)] = 365,
    ) -> Json:
        """What these plans would have meant for the cases of an asset, a customer or, with neither, the fleet."""
        now_ms, held = shop.clock_ms(), held_to(request, customer)
        with shop.store.read() as tx:
            number = find_asset(tx, asset, customer=held).id if asset else None
            scope = Scope(customer=held, asset=number, days=days)
            review = Review(shop.terms()).compare(tx, plans, scope, by=who(request), now_ms=now_ms)
        return plain(review)
