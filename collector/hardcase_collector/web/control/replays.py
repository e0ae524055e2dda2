"""Replays on the control socket: started, looked at, cancelled. They run in `replay/`, one at a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request

from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.replay import ReplayOrder, ReplayReport
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, scope_of, who

_DAY_MS = 86_400_000
MOST_SHEETS = 100
LONGEST_SHEETS = 4 << 20


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    shop, replays = control.shop, control.replays
    if replays is None:
        return made

    @made.post("/replays", response_model=None)
    def start(
        request: Request,
        sheets: Annotated[dict[str, str], Body(embed=True, max_length=MOST_SHEETS)],
        from_ms: Annotated[int | None, Body(embed=True, ge=0)] = None,
        until_ms: Annotated[int | None, Body(embed=True, ge=0)] = None,
        customer: Annotated[str | None, Body(embed=True, max_length=200)] = None,
        asset: Annotated[str, Body(embed=True, max_length=200)] = "",
    ) -> Json:
        """Without times: the last seven days."""
        if sum(map(len, sheets.values())) > LONGEST_SHEETS:
            raise IllegalAction("the sheets are over {most} MiB together", most=LONGEST_SHEETS >> 20)
        now_ms = shop.clock_ms()
        ends_ms = now_ms if until_ms is None else min(until_ms, now_ms)
        begins_ms = ends_ms - 7 * _DAY_MS if from_ms is None else from_ms
        require(who(request), Deed.RULES_REPLAY)
        customer = scope_of(request) or customer
        with shop.store.read() as tx:
            if customer and not (tx.registry.customer(customer) or customer in tx.registry.customers_not_in_books()):
                raise NotFound("there is no customer {customer}", customer=customer)
            number = find_asset(tx, asset, customer=customer).id if asset else None
        report = replays.start(
            ReplayOrder(texts=sheets, from_ms=begins_ms, until_ms=ends_ms, customer=customer, asset=number)
        )
        with shop.store.write() as tx:
            tx.access.audit(
                at_ms=now_ms,
                actor=asker(request),
                action="rules.replayed",
                subject=report.id,
                facts={"from_ms": begins_ms, "until_ms": ends_ms, "sheets": len(sheets)},
            )
        return plain(report)

    @made.get("/replays/{id}", response_model=None)
    def report(request: Request, id: str) -> Json:
        return _named(control, _seen(replays.report(id), request))

    @made.post("/replays/{id}/cancel", response_model=None)
    def cancel(request: Request, id: str) -> Json:
        _seen(replays.report(id), request)
        return plain(replays.cancel(id))

    return made


def _seen(report: ReplayReport, request: Request) -> ReplayReport:
    """Raises NotFound for a replay of more than the request may see."""
    if scope_of(request) not in (None, report.customer):
        raise NotFound("there is no replay {report}", report=report.id)
    return report


def _named(control: Control, report: ReplayReport) -> Json:
    """With names of assets and titles of faults beside the numbers and codes."""
    told = plain(report)
    assert isinstance(told, dict)
    lines: list[Json] = []
    with control.shop.store.read() as tx:
        for case in report.cases:
            line = plain(case)
            assert isinstance(line, dict)
            facts = tx.assets.by_number(case.asset).facts
            line["asset_name"] = facts.hostname or facts.address or facts.serial or str(case.asset)
            line["title"] = {
                language: ", ".join(control.shop.title(name, language) for name in case.fault_classes)
                for language in ("en", "zh")
            }
            lines.append(line)
    told["cases"] = lines
    return told
