"""Diagnostics on the control socket: asked, seen, withdrawn, consented to; files are streamed out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from hardcase_collector.diagnostics.asking import Diagnostics, Question
from hardcase_collector.diagnostics.choosing import watchers
from hardcase_collector.domain.diagnostic import DiagnosticKind, DiagnosticRequest
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.web import diagnostics as shown
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.answer_tables import loaded
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, who
from hardcase_collector.web.files import download
from hardcase_collector.web.ports import Shop

MAX_LIST = 5000
MEDIA = "application/octet-stream"
"""Whatever an agent calls it, it is given out as bytes."""

Said = Annotated[str, Body(embed=True, max_length=500)]


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    if control.shop.diagnostics is not None:
        _see(made, control.shop, control.shop.diagnostics)
        _see_beside(made, control.shop, control.shop.diagnostics)
        _act(made, control.shop, control.shop.diagnostics)
    return made


def _see(made: APIRouter, shop: Shop, desk: Diagnostics) -> None:
    @made.get("/diagnostics", response_model=None)
    def listed(
        request: Request,
        customer: str | None = None,
        asset: Annotated[str, Query(max_length=200)] = "",
        case: Annotated[str, Query(max_length=40)] = "",
        open: bool = False,
        limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 200,
    ) -> Json:
        by = who(request)
        with shop.store.read() as tx:
            found = desk.listed(
                tx,
                by=by,
                asset=find_asset(tx, asset, customer=by.customer).id if asset else None,
                case=tx.cases.by_number(case, customer=by.customer).id if case else None,
                open_only=open,
                limit=limit,
            )
            return {"diagnostics": [_line(tx, one) for one in found]}

    @made.get("/diagnostics/{id}", response_model=None)
    def one(request: Request, id: str) -> Json:
        by = who(request)
        with shop.store.read() as tx:
            whole = shown.whole(tx, desk, id, by=by)
            line = _line(tx, whole.request)
        line["answer"] = _loaded(whole.raw)
        line["files"] = plain(whole.files)
        return line


def _see_beside(made: APIRouter, shop: Shop, desk: Diagnostics) -> None:
    """What an asset's agents allow, and the files of an answer."""

    @made.get("/assets/{name}/diagnostics", response_model=None)
    def allowed(request: Request, name: str) -> Json:
        """What the agents of an asset allow, by their own configuration."""
        by = who(request)
        with shop.store.read() as tx:
            asset = find_asset(tx, name, customer=by.customer)
            return {
                "agents": [
                    {
                        "agent": one.agent.id,
                        "hostname": one.agent.hostname,
                        "revoked": one.agent.revoked,
                        "told": one.told,
                        "kinds": plain(one.kinds),
                    }
                    for one in watchers(tx, asset)
                ]
            }

    @made.get("/diagnostics/{id}/files/{file}", response_model=None)
    def content(request: Request, id: str, file: int) -> Response:
        by = who(request)
        with shop.store.read() as tx:
            desk.find(tx, id, by=by)
        found, chunks = desk.open_file(file, of=id, by=by, now_ms=shop.clock_ms())
        return download(found.name, MEDIA, found.size, chunks)


def _act(made: APIRouter, shop: Shop, desk: Diagnostics) -> None:
    @made.post("/diagnostics", response_model=None)
    def ask(
        request: Request,
        asset: Annotated[str, Body(max_length=200)],
        kind: Annotated[DiagnosticKind, Body()],
        arguments: Annotated[dict[str, str] | None, Body()] = None,
        reason: Annotated[str, Body(max_length=2000)] = "",
        case: Annotated[str, Body(max_length=40)] = "",
        agent: Annotated[str, Body(max_length=200)] = "",
        expires_s: Annotated[int, Body(ge=0, le=604_800)] = 0,
    ) -> Json:
        by = who(request)
        with shop.store.read() as tx:
            number = find_asset(tx, asset, customer=by.customer).id
        question = Question(
            asset=number,
            kind=kind,
            arguments=arguments or {},
            reason=reason,
            case=case,
            agent=agent,
            expiry_ms=expires_s * 1000,
        )
        return _told(desk.ask(question, by=by, now_ms=shop.clock_ms()))

    @made.post("/diagnostics/{id}/withdraw", response_model=None)
    def withdraw(request: Request, id: str, reason: Said = "") -> Json:
        return _told(desk.withdraw(id, by=who(request), reason=reason, now_ms=shop.clock_ms()))

    @made.post("/diagnostics/{id}/consent", response_model=None)
    def consent(request: Request, id: str, by: Said = "") -> Json:
        """`by`: who of the customer's people agreed."""
        return _told(desk.consent(id, by=who(request), who=by, now_ms=shop.clock_ms()))

    @made.post("/diagnostics/{id}/refuse", response_model=None)
    def refuse(request: Request, id: str, reason: Said = "") -> Json:
        return _told(desk.refuse(id, by=who(request), reason=reason, now_ms=shop.clock_ms()))

    def _told(request: DiagnosticRequest) -> Json:
        with shop.store.read() as tx:
            return _line(tx, request)


def _line(tx: Transaction, request: DiagnosticRequest) -> dict[str, Json]:
    line = plain(request)
    assert isinstance(line, dict)
    facts, agent = tx.assets.by_number(request.asset).facts, tx.agents.by_number(request.agent)
    line["asset_name"] = facts.hostname or facts.address or facts.serial or str(request.asset)
    line["agent_name"] = agent.hostname or agent.id
    line["case_number"] = tx.cases.get(request.case).number if request.case is not None else ""
    return line


def _loaded(raw: bytes) -> Json:
    """JSON as it came; what is none, as text."""
    if not raw:
        return None
    try:
        found: Json = loaded(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
    return found
