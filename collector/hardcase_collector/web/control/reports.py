"""People's reports and the precision of rules, on the control socket."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from hardcase_collector.cases.precision import precision
from hardcase_collector.cases.reports import Around, Reported, Reports, Telling
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import FindingRow, Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.report import Caller, ReportChannel
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, who
from hardcase_collector.web.ports import Shop

MAX_DESCRIPTION = 4000
_SEVERITIES = {one.word: one for one in (Severity.MINOR, Severity.MAJOR, Severity.CRITICAL)}


class Told(BaseModel):
    """A report as it is sent. `asset`: number, key, serial, host name or address; "" = not known."""

    model_config = ConfigDict(extra="forbid")

    category: str = Field(max_length=64)
    description: str = Field(max_length=MAX_DESCRIPTION)
    channel: ReportChannel = ReportChannel.SYSTEM
    asset: str = Field(default="", max_length=200)
    slot: str = Field(default="", max_length=64)
    serial: str = Field(default="", max_length=64)
    customer: str = Field(default="", max_length=64)
    site: str = Field(default="", max_length=64)
    asset_told: str = Field(default="", max_length=200)
    caller_name: str = Field(default="", max_length=120)
    caller_mail: str = Field(default="", max_length=254)
    caller_phone: str = Field(default="", max_length=64)
    occurred_ms: int = Field(default=0, ge=0)
    title: str = Field(default="", max_length=200)
    severity: str = Field(default="", pattern="^(minor|major|critical|)$")
    priority: Priority | None = None
    key: str = Field(default="", max_length=200)


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    if control.shop.reports is not None:
        _reports(made, control.shop, control.shop.reports)
        _later(made, control.shop, control.shop.reports)
    _precision(made, control.shop)
    return made


def _reports(made: APIRouter, shop: Shop, reports: Reports) -> None:
    @made.get("/reports/categories", response_model=None)
    def categories(language: Annotated[str, Query(pattern="^(en|zh)$")] = "en") -> Json:
        listed: list[Json] = [
            {
                "category": one.fault_class,
                "title": shop.title(one.fault_class, language),
                "severity": one.severity.word,
                "group": one.group,
            }
            for one in reports.categories()
        ]
        return {"categories": listed}

    @made.get("/reports/around/{name}", response_model=None)
    def around(request: Request, name: str) -> Json:
        with shop.store.read() as tx:
            found = find_asset(tx, name, customer=who(request).customer)
            return _around(shop, reports.around(tx, found.id, by=who(request)))

    @made.post("/reports", response_model=None)
    def report(request: Request, told: Told) -> Json:
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            made_of = reports.report(tx, _telling(tx, told, by), by=by, now_ms=now_ms)
            _audit(tx, made_of, asker(request), "case.report", now_ms)
        return _reported(shop, made_of)

    @made.post("/reports/join/{number}", response_model=None)
    def join(request: Request, number: str, told: Told) -> Json:
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            case = tx.cases.by_number(number, customer=by.customer)
            made_of = reports.join(tx, case, _telling(tx, told, by), by=by, now_ms=now_ms)
            _audit(tx, made_of, asker(request), "case.join", now_ms)
        return _reported(shop, made_of)


def _later(made: APIRouter, shop: Shop, reports: Reports) -> None:
    @made.get("/cases/{number}/reports", response_model=None)
    def of_case(request: Request, number: str) -> Json:
        with shop.store.read() as tx:
            case = tx.cases.by_number(number, customer=who(request).customer)
            return {"reports": plain(tuple(tx.reports.of_case(case.id)))}

    @made.post("/reports/identify/{number}", response_model=None)
    def identify(
        request: Request,
        number: str,
        asset: Annotated[str, Body(embed=True, max_length=200)],
        slot: Annotated[str, Body(embed=True, max_length=64)] = "",
        serial: Annotated[str, Body(embed=True, max_length=64)] = "",
    ) -> Json:
        """The asset of a case that was reported without it."""
        by, now_ms = who(request), shop.clock_ms()
        with shop.store.write() as tx:
            case = tx.cases.by_number(number, customer=by.customer)
            found = find_asset(tx, asset, customer=by.customer)
            moved = reports.identify(tx, case, found.id, by=by, now_ms=now_ms, slot=slot, serial=serial)
            tx.access.audit(
                at_ms=now_ms, actor=by.name, action="case.identify", subject=number, facts={"asset": found.key}
            )
        return plain(moved)


def _precision(made: APIRouter, shop: Shop) -> None:
    @made.get("/precision", response_model=None)
    def by_rule(
        from_ms: Annotated[int, Query(ge=0)] = 0,
        until_ms: Annotated[int | None, Query(ge=0)] = None,
        customer: str | None = None,
    ) -> Json:
        """Of cases that ended within [from, until); without `until`, up to now."""
        until = shop.clock_ms() + 1 if until_ms is None else until_ms
        with shop.store.read() as tx:
            found = precision(tx, customer=customer, from_ms=from_ms, until_ms=until)
        listed: list[Json] = []
        for one in found:
            line = plain(one)
            assert isinstance(line, dict)
            listed.append({**line, "cases": one.cases, "judged": one.judged, "share": one.share})
        return {"rules": listed, "from_ms": from_ms, "until_ms": until}


def _telling(tx: Transaction, told: Told, by: Actor) -> Telling:
    asset: Asset | None = find_asset(tx, told.asset, customer=by.customer) if told.asset else None
    return Telling(
        category=told.category,
        description=told.description,
        channel=told.channel,
        asset=None if asset is None else asset.id,
        slot=told.slot,
        serial=told.serial,
        customer=told.customer,
        site=told.site,
        asset_told=told.asset_told,
        caller=Caller(name=told.caller_name, mail=told.caller_mail, phone=told.caller_phone),
        occurred_ms=told.occurred_ms,
        title=told.title,
        severity=_SEVERITIES.get(told.severity),
        priority=told.priority,
        key=told.key,
    )


def _audit(tx: Transaction, reported: Reported, actor: str, action: str, now_ms: int) -> None:
    if reported.fresh:
        facts = {"report": reported.report.id}
        tx.access.audit(at_ms=now_ms, actor=actor, action=action, subject=reported.case.number, facts=facts)


def _reported(shop: Shop, reported: Reported) -> Json:
    return {
        "case": plain(reported.case),
        "report": plain(reported.report),
        "fresh": reported.fresh,
        "around": _around(shop, reported.around),
    }


def _around(shop: Shop, around: Around) -> Json:
    return {
        "findings": [_finding(shop, row) for row in around.findings],
        "cases": [
            {
                "number": case.number,
                "state": str(case.state),
                "severity": case.severity.word,
                "part": plain(case.part),
                "title": case.title or ", ".join(shop.title(name, "en") for name in case.fault_classes),
            }
            for case in around.cases
        ],
    }


def _finding(shop: Shop, row: FindingRow) -> Json:
    return {
        "fault_class": row.fault_class,
        "title": shop.title(row.fault_class, "en"),
        "severity": row.severity.word,
        "part": plain(row.part),
        "since_ms": row.since_ms,
        "held": row.held,
    }
