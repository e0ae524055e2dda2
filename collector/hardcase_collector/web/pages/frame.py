"""What every page needs: the person behind a request, rendering in his language, refusing with a page that says why."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from hardcase_collector.domain.said import Said
from hardcase_collector.web.access import Person, same
from hardcase_collector.web.ports import Shop
from hardcase_collector.web.refusals import in_words
from hardcase_collector.web.rendering import environment, render
from hardcase_collector.web.sign_in import Desk as SignIn
from hardcase_collector.web.sign_in import PasswordNeeded
from hardcase_collector.web.texts import Reader

MAX_TEXT = 2000


def _signed_in(request: Request) -> Person:
    """Raises LoginNeeded. On the module's level, because the framework resolves annotations there."""
    sign_in: SignIn = request.app.state.sign_in
    return sign_in.person(request)


def _visitor(request: Request) -> Person:
    """Raises LoginNeeded, PasswordNeeded."""
    person = _signed_in(request)
    if person.user.must_change:
        raise PasswordNeeded
    return person


Visitor = Annotated[Person, Depends(_visitor)]
SignedIn = Annotated[Person, Depends(_signed_in)]
"""Also somebody who must change his password before anything else."""


class Refused(Exception):
    """A request that is answered with a page saying why."""

    def __init__(self, status: int, key: str, **parameters: object) -> None:
        super().__init__(key)
        self.status, self.key, self.parameters = status, key, parameters


class Frame:
    """Renders templates within the frame of every page."""

    def __init__(self, shop: Shop, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._templates = environment(shop.title, shop.group)

    def reader(self, request: Request, person: Person | None, *, wish: str = "") -> Reader:
        """`wish`: the language of somebody who is not signed in, where it is known."""
        return self._sign_in.reader(request, person, wish=wish)

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        person: Person | None,
        reader: Reader | None = None,
        **context: object,
    ) -> HTMLResponse:
        """`reader`: somebody who is not signed in and whose language and zone are known all the same."""
        always = {
            "r": reader or self.reader(request, person),
            "person": person,
            "path": request.url.path,
            "zone_name": person.user.time_zone if person else str(reader.zone) if reader else "UTC",
            "here": "",
            "sought": "",
        }
        text = render(self._templates, template, {**always, **context})
        return HTMLResponse(text, status, headers={"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"})

    def mistake(self, request: Request, refused: Refused, person: Person | None) -> HTMLResponse:
        reader = self.reader(request, person)
        told = {
            name: in_words(value, reader.language) if isinstance(value, Said) else value
            for name, value in refused.parameters.items()
        }
        message = reader.say(refused.key, **told)
        return self.page(
            request, "mistake.html", status=refused.status, person=person, message=message, back=request.url.path
        )


def check_form(person: Person, token: str) -> None:
    """Raises Refused for a form that this person's session did not get."""
    if not same(token, person.form_token):
        raise Refused(403, "error.form_token")


def check_text(text: str, limit: int = MAX_TEXT) -> str:
    """Without the blanks around it. Raises Refused where it is too long."""
    if len(text) > limit:
        raise Refused(400, "error.too_long", limit=limit)
    return text.strip()
