"""One's own account: another password, where one is signed in, tokens of the API that act as oneself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.web.access import Person, Sessions, TooManyAttempts
from hardcase_collector.web.addresses import address_of
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.api_tokens import revoke_token
from hardcase_collector.web.pages.forms import Answers, filled_in
from hardcase_collector.web.pages.frame import Frame, Refused, SignedIn, Visitor, check_form
from hardcase_collector.web.passwords import MAX_PASSWORD, MIN_PASSWORD
from hardcase_collector.web.ports import Shop

PATH = "/account"
_TROUBLES = {
    "the present password is another one": "account.wrong",
    "the new password is the present one": "account.unchanged",
}

Form = Annotated[Mapping[str, str], Depends(filled_in)]


class AccountPages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    def show(self, request: Request, person: Person, *, message: str = "", status: int = 200) -> HTMLResponse:
        now_ms = self._shop.clock_ms()
        with self._shop.store.read() as tx:
            tokens = tx.access.api_tokens(customer=None, user=person.user.name)
        return self._frame.page(
            request,
            "account.html",
            person=person,
            status=status,
            message=message,
            shortest=MIN_PASSWORD,
            longest=MAX_PASSWORD,
            sessions=self._sessions(request).open_sessions(person, now_ms=now_ms),
            tokens=[one for one in tokens if not one.revoked_ms and one.expires_ms > now_ms],
            here="account",
        )

    def password(self, request: Request, person: Person, given: Mapping[str, str]) -> HTMLResponse | RedirectResponse:
        check_form(person, given.get("form_token", ""))
        old, new, again = (given.get(name, "") for name in ("old", "new", "again"))
        if new != again:
            return self.show(request, person, message="account.differ", status=400)
        try:
            self._sessions(request).change_password(
                person, old, new, address=address_of(request), now_ms=self._shop.clock_ms()
            )
        except TooManyAttempts:
            return self.show(request, person, message="login.blocked", status=429)
        except NotAllowed as error:
            return self.show(request, person, message=_TROUBLES.get(str(error), "account.weak"), status=400)
        return RedirectResponse("/" if person.user.must_change else f"{PATH}?changed=1", 303)

    def end_sessions(self, request: Request, person: Person, given: Mapping[str, str]) -> RedirectResponse:
        """That of the id, or all others."""
        check_form(person, given.get("form_token", ""))
        self._sessions(request).end_session(person, given.get("session", ""), now_ms=self._shop.clock_ms())
        return RedirectResponse(PATH, 303)

    def revoke(self, person: Person, given: Mapping[str, str]) -> RedirectResponse:
        check_form(person, given.get("form_token", ""))
        number = Answers(given=given, time_zone="UTC").count("token")
        if not number:
            raise Refused(400, "error.field_needed", field="token")
        name = person.user.name
        with self._shop.store.write() as tx:
            revoke_token(tx, number, customer=None, user=name, by=name, now_ms=self._shop.clock_ms())
        return RedirectResponse(PATH, 303)

    def _sessions(self, request: Request) -> Sessions:
        sessions: Sessions = request.app.state.sign_in.sessions
        return sessions


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = AccountPages(shop, frame)

    @made.get(PATH, response_model=None)
    def account(request: Request, person: SignedIn, changed: str = "") -> HTMLResponse:
        return pages.show(request, person, message="account.changed" if changed == "1" else "")

    @made.post(f"{PATH}/password", response_model=None)
    def password(request: Request, person: SignedIn, given: Form) -> HTMLResponse | RedirectResponse:
        return pages.password(request, person, given)

    @made.post(f"{PATH}/sessions", response_model=None)
    def end_sessions(request: Request, person: Visitor, given: Form) -> RedirectResponse:
        return pages.end_sessions(request, person, given)

    @made.post(f"{PATH}/tokens", response_model=None)
    def revoke(person: Visitor, given: Form) -> RedirectResponse:
        return pages.revoke(person, given)

    return made
