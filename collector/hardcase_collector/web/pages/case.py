"""One case: everything about it, and what this person may do with it now."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from hardcase_collector.domain.case import CaseAction
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.web import picture
from hardcase_collector.web.access import Person
from hardcase_collector.web.pages.frame import Frame, Refused, Visitor, check_form, check_text, may_act
from hardcase_collector.web.ports import Shop


class CasePages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    def case(self, request: Request, person: Person, number: str) -> HTMLResponse:
        with self._shop.store.read() as tx:
            shown = picture.case(
                tx,
                number,
                customer=person.customer,
                legal=self._shop.actions.legal,
                counsel=self._shop.counsel,
                now_ms=self._shop.clock_ms(),
            )
        return self._frame.page(request, "case.html", person=person, picture=shown, here="cases")

    def act(self, person: Person, number: str, *, action: str, text: str) -> None:
        """Raises Refused, NotFound, IllegalAction, StoreFailed."""
        may_act(person)
        actions, now_ms = self._shop.actions, self._shop.clock_ms()
        with self._shop.store.write() as tx:
            case = tx.cases.by_number(number, customer=person.customer)
            if action == "acknowledge":
                actions.acknowledge(tx, case, actor=person.user.name, now_ms=now_ms)
            elif action == "note":
                if not text:
                    raise Refused(400, "error.reason_needed")
                actions.note(tx, case, actor=person.user.name, text=text, now_ms=now_ms)
            else:
                chosen = _action(action)
                if chosen in (CaseAction.CANCEL, CaseAction.DEFER) and not text:
                    raise Refused(400, "error.reason_needed")
                actions.act(tx, case, chosen, actor=person.user.name, reason=text, now_ms=now_ms)
            tx.access.audit(
                at_ms=now_ms, actor=person.user.name, action=f"case.{action}", subject=case.number, facts={}
            )


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter()
    pages = CasePages(shop, frame)

    @made.get("/cases/{number}")
    def case(request: Request, person: Visitor, number: str) -> HTMLResponse:
        return pages.case(request, person, number)

    @made.post("/cases/{number}")
    def act(
        person: Visitor,
        number: str,
        action: Annotated[str, Form(max_length=40)],
        form_token: Annotated[str, Form(max_length=200)] = "",
        text: Annotated[str, Form()] = "",
    ) -> RedirectResponse:
        check_form(person, form_token)
        pages.act(person, number, action=action, text=check_text(text))
        return RedirectResponse(f"/cases/{quote(number, safe='')}", 303)

    return made


def _action(word: str) -> CaseAction:
    try:
        return CaseAction(word)
    except ValueError:
        raise IllegalAction("there is no such action") from None
