"""Fleet, one asset, and deciding about what was found while it joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.registry.resolution import site_of
from hardcase_collector.web import picture
from hardcase_collector.web.access import Person
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.joining import settle
from hardcase_collector.web.pages import diagnostics
from hardcase_collector.web.pages.frame import Frame, Refused, Visitor, check_form, check_text
from hardcase_collector.web.ports import Shop


class AssetPages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    def fleet(self, request: Request, person: Person, *, search: str, number: int) -> HTMLResponse:
        with self._shop.store.read() as tx:
            shown = picture.fleet(
                tx, customer=person.customer, now_ms=self._shop.clock_ms(), search=search, page=number
            )
        return self._frame.page(request, "fleet.html", person=person, fleet=shown, search=search, here="fleet")

    def asset(self, request: Request, person: Person, number: int) -> HTMLResponse:
        with self._shop.store.read() as tx:
            shown = picture.asset(
                tx,
                number,
                customer=person.customer,
                now_ms=self._shop.clock_ms(),
                readings=self._shop.readings,
            )
            site, custody = site_of(tx, shown.line.asset), tx.registry.custody(number)
            asked = diagnostics.panel_of(tx, self._shop, shown.line.asset, by=person.actor)
        return self._frame.page(
            request,
            "asset.html",
            person=person,
            picture=shown,
            site=site,
            custody=custody,
            panel=asked,
            ask_offers=diagnostics.offers(asked) if asked else (),
            here="fleet",
            gaps=sum(1 for reading in shown.readings if reading.gap),
            numbers={case.id: case.number for case in shown.cases},
        )

    def settle_joining(
        self, person: Person, number: int, findings: Sequence[int], *, decision: str, reason: str
    ) -> None:
        require(person.actor, Deed.SETTLE_JOINING)
        if not reason:
            raise Refused(400, "error.reason_needed")
        with self._shop.store.write() as tx:
            settle(
                tx,
                self._shop.actions,
                picture.asset_in_scope(tx, number, person.customer),
                findings,
                open_cases=decision == "open",
                by=person.actor,
                reason=reason,
                now_ms=self._shop.clock_ms(),
            )


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = AssetPages(shop, frame)

    @made.get("/")
    def fleet(
        request: Request,
        person: Visitor,
        q: Annotated[str, Query(max_length=200)] = "",
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    ) -> HTMLResponse:
        return pages.fleet(request, person, search=q.strip(), number=page)

    @made.get("/assets/{number}")
    def asset(request: Request, person: Visitor, number: int) -> HTMLResponse:
        return pages.asset(request, person, number)

    @made.post("/assets/{number}/joining")
    def joining(
        person: Visitor,
        number: int,
        decision: Annotated[str, Form(pattern="^(accept|open)$")],
        form_token: Annotated[str, Form(max_length=200)] = "",
        reason: Annotated[str, Form()] = "",
        finding: Annotated[list[int] | None, Form(max_length=500)] = None,
    ) -> RedirectResponse:
        check_form(person, form_token)
        pages.settle_joining(person, number, finding or (), decision=decision, reason=check_text(reason))
        return RedirectResponse(f"/assets/{number}", 303)

    return made
