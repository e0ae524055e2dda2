"""One case: everything about it, and what this person may do with it now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from hardcase_collector.domain.case import CaseAction, Outcome
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.web import picture
from hardcase_collector.web.access import Person
from hardcase_collector.web.pages.frame import Frame, Refused, Visitor, check_form, check_text
from hardcase_collector.web.ports import Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the form under a case asked for."""

    action: str
    text: str = ""
    outcome: Outcome = Outcome.UNKNOWN
    duplicate_of: str = ""
    internal: bool = False


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
                legal=lambda shown: self._shop.actions.legal(shown, by=person.actor),
                counsel=self._shop.counsel,
                now_ms=self._shop.clock_ms(),
            )
        return self._frame.page(request, "case.html", person=person, picture=shown, here="cases")

    def act(self, person: Person, number: str, wish: Wish) -> None:
        """Raises Refused, NotFound, NotAllowed, IllegalAction, StoreFailed."""
        action, text, by = wish.action, wish.text, person.actor
        actions, now_ms = self._shop.actions, self._shop.clock_ms()
        with self._shop.store.write() as tx:
            case = tx.cases.by_number(number, customer=person.customer)
            if action == "acknowledge":
                actions.acknowledge(tx, case, by=by, now_ms=now_ms)
            elif action == "note":
                if not text:
                    raise Refused(400, "error.reason_needed")
                actions.note(tx, case, by=by, text=text, now_ms=now_ms, internal=wish.internal)
            else:
                chosen = _action(action)
                if chosen in (CaseAction.CANCEL, CaseAction.DEFER) and not text:
                    raise Refused(400, "error.reason_needed")
                actions.act(
                    tx,
                    case,
                    chosen,
                    by=by,
                    reason=text,
                    now_ms=now_ms,
                    outcome=wish.outcome,
                    duplicate_of=wish.duplicate_of,
                )
            tx.access.audit(at_ms=now_ms, actor=by.name, action=f"case.{action}", subject=case.number, facts={})


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
        outcome: Annotated[Outcome, Form()] = Outcome.UNKNOWN,
        duplicate_of: Annotated[str, Form(max_length=40)] = "",
        internal: Annotated[str, Form(max_length=1)] = "",
    ) -> RedirectResponse:
        check_form(person, form_token)
        wish = Wish(
            action=action,
            text=check_text(text),
            outcome=outcome,
            duplicate_of=duplicate_of.strip(),
            internal=internal == "1",
        )
        pages.act(person, number, wish)
        return RedirectResponse(f"/cases/{quote(number, safe='')}", 303)

    return made


def _action(word: str) -> CaseAction:
    try:
        return CaseAction(word)
    except ValueError:
        raise IllegalAction("there is no such action") from None
