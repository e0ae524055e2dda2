"""One case: everything about it, and what this person may do with it now. The steps are `case_steps.py` and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from hardcase_collector.cases.workflow import OPEN_STATES, Deed, may
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.asset import IdentityBasis
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.link import NewLink
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.service.engineers import suggestions
from hardcase_collector.web import picture
from hardcase_collector.web.access import Person
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.around import around
from hardcase_collector.web.pages import (
    aftercare_steps,
    case_steps,
    diagnostics,
    handling_steps,
    part_steps,
    repair_steps,
    visit_steps,
)
from hardcase_collector.web.pages.forms import Answers, filled_in
from hardcase_collector.web.pages.frame import Frame, Visitor, check_form
from hardcase_collector.web.pages.steps import Choices, Doing, Scene, offers
from hardcase_collector.web.ports import Shop

STEPS = (
    *case_steps.STEPS,
    *repair_steps.STEPS,
    *visit_steps.STEPS,
    *part_steps.STEPS,
    *aftercare_steps.STEPS,
    *handling_steps.STEPS,
)
_BY_NAME = {step.name: step for step in STEPS}
_QUIET = frozenset({"clock_step", "breach_forecast", "escalated", "notified"})
"""Shown small: there are many of them, and clocks and ledger say it better."""

Form = Annotated[Mapping[str, str], Depends(filled_in)]


class CasePages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    def case(self, request: Request, person: Person, number: str) -> HTMLResponse:
        now_ms, internal = self._shop.clock_ms(), may(person.role, Deed.SEE_INTERNAL)
        with self._shop.store.read() as tx:
            shown = picture.case(
                tx,
                number,
                customer=person.customer,
                legal=lambda found: self._shop.actions.legal(found, by=person.actor),
                counsel=self._shop.counsel,
                now_ms=now_ms,
            )
            near = around(tx, shown.case, shown.asset, internal=internal, now_ms=now_ms)
            scene = Scene(
                shop=self._shop,
                case=shown.case,
                around=near,
                by=person.actor,
                legal=shown.actions,
                now_ms=now_ms,
                unknown_machine=shown.asset.basis == IdentityBasis.UNKNOWN,
                choices=self._choices(tx, shown.case, person, now_ms),
            )
            asked = diagnostics.panel_of(tx, self._shop, shown.asset, case=shown.case, by=person.actor)
        return self._frame.page(
            request,
            "case.html",
            person=person,
            picture=shown,
            around=near,
            steps=offers(STEPS, scene),
            timeline=[entry for entry in reversed(shown.timeline) if internal or picture.is_outside(entry)],
            internal=internal,
            confidence=self._shop.confidence({why.rule for why in shown.whys if why.opened}) if internal else (),
            quiet_codes=_QUIET,
            panel=asked,
            ask_offers=diagnostics.offers(asked) if asked else (),
            files=self._shop.attachments is not None and may(person.role, Deed.ATTACH),
            here="cases",
        )

    def _choices(self, tx: Transaction, case: Case, person: Person, now_ms: int) -> Choices:
        """What the forms of this person offer to choose from."""
        role, shop = person.role, self._shop
        if case.state not in OPEN_STATES or not may(role, Deed.ASSIGN):
            return Choices()
        sends = shop.service is not None and may(role, Deed.DISPATCH)
        orders = shop.orders if may(role, Deed.RESERVE_PART) else None
        return Choices(
            people=_people(tx, case),
            teams=tuple(team.name for team in tx.clocks.teams()),
            engineers=tuple(suggestions(tx, case, now_ms=now_ms)) if sends else (),
            part_numbers=tuple(orders.wanted(tx, case)) if orders else (),
            paused=tuple(sorted(shop.handling.paused(tx, case))) if shop.handling else (),
        )

    def act(self, person: Person, number: str, given: Mapping[str, str]) -> Sequence[NewLink]:
        """The links that it made. Raises Refused, NotFound, NotAllowed, IllegalAction, StoreFailed."""
        step = _BY_NAME.get(given.get("action", ""))
        if step is None:
            raise IllegalAction("there is no such action")
        now_ms = self._shop.clock_ms()
        with self._shop.store.write() as tx:
            case = tx.cases.by_number(number, customer=person.customer)
            answers = Answers(given=given, time_zone=person.user.time_zone)
            links = step.do(Doing(shop=self._shop, tx=tx, case=case, by=person.actor, now_ms=now_ms, answers=answers))
            tx.access.audit(
                at_ms=now_ms, actor=person.user.name, action=f"case.{step.name}", subject=case.number, facts={}
            )
        return links or ()

    def made(self, request: Request, person: Person, number: str, links: Sequence[NewLink]) -> HTMLResponse:
        """Addresses that are known to this moment alone; they were sent out as well."""
        assert self._shop.service is not None
        address = self._shop.service.maker.address
        shown = [(one.link, address(one.token)) for one in links]
        return self._frame.page(request, "links_made.html", person=person, number=number, links=shown, here="cases")


def _people(tx: Transaction, case: Case) -> tuple[str, ...]:
    """Who may work on it: those who sign in and are no customer's or this one's, and engineers of the books."""
    whose = tx.assets.by_number(case.asset).customer
    users = [
        user.name
        for user in tx.access.users(customer=None)
        if may(Role(user.role), Deed.ACKNOWLEDGE) and user.customer in (None, whose)
    ]
    engineers = [engineer.name for engineer in tx.repairs.engineers(active_only=True)]
    return tuple(dict.fromkeys([*users, *engineers]))


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = CasePages(shop, frame)

    @made.get("/cases/{number}")
    def case(request: Request, person: Visitor, number: str) -> HTMLResponse:
        return pages.case(request, person, number)

    @made.post("/cases/{number}")
    def act(request: Request, person: Visitor, number: str, given: Form) -> Response:
        check_form(person, given.get("form_token", ""))
        if links := pages.act(person, number, given):
            return pages.made(request, person, number, links)
        return RedirectResponse(f"/cases/{quote(number, safe='')}", 303)

    return made
