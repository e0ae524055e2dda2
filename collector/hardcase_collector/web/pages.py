"""The pages: fleet, asset, case list, case, and the actions on them. Server-rendered, no script.

Made by `app.py` through `make_pages`. Signing in is `sign_in.py`, what is shown is `picture.py`, words are `texts.py`.
Endpoints are plain functions, which the framework runs on threads: the stores block.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import resources
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Form, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from hardcase_collector.domain.case import CaseAction
from hardcase_collector.domain.errors import CollectorError, IllegalAction, NotAllowed, NotFound, TemporaryError
from hardcase_collector.domain.ports import CaseFilter
from hardcase_collector.web import picture
from hardcase_collector.web.access import Person, Sessions, same
from hardcase_collector.web.health import add_health
from hardcase_collector.web.joining import settle
from hardcase_collector.web.ports import Health, Shop
from hardcase_collector.web.rendering import SECURITY_HEADERS, environment, render
from hardcase_collector.web.sign_in import Desk as SignIn
from hardcase_collector.web.sign_in import LoginNeeded
from hardcase_collector.web.texts import Reader

MAX_TEXT = 2000
CASES_SHOWN = 500
MAX_BODY = 65_536
STATIC = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}


def _visitor(request: Request) -> Person:
    """Raises LoginNeeded. On the module's level, because the framework resolves annotations there."""
    sign_in: SignIn = request.app.state.sign_in
    return sign_in.person(request)


Visitor = Annotated[Person, Depends(_visitor)]


class Refused(Exception):
    """A request that is answered with a page saying why."""

    def __init__(self, status: int, key: str, **parameters: object) -> None:
        super().__init__(key)
        self.status, self.key, self.parameters = status, key, parameters


class Pages:
    """The endpoints, with what they need."""

    def __init__(self, shop: Shop, sign_in: SignIn) -> None:
        self._shop = shop
        self._sign_in = sign_in
        self._templates = environment(shop.title, shop.group)

    def page(
        self, request: Request, template: str, *, status: int = 200, person: Person | None, **context: object
    ) -> HTMLResponse:
        reader = self._sign_in.reader(request, person)
        always = {
            "r": reader,
            "person": person,
            "path": request.url.path,
            "zone_name": person.user.time_zone if person else "UTC",
            "here": "",
        }
        text = render(self._templates, template, {**always, **context})
        return HTMLResponse(text, status, headers={"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"})

    def mistake(self, request: Request, refused: Refused, person: Person | None) -> HTMLResponse:
        reader: Reader = self._sign_in.reader(request, person)
        message = reader.say(refused.key, **refused.parameters)
        return self.page(
            request, "mistake.html", status=refused.status, person=person, message=message, back=request.url.path
        )

    def fleet(self, request: Request, person: Person, *, search: str, number: int) -> HTMLResponse:
        with self._shop.store.read() as tx:
            shown = picture.fleet(
                tx, customer=person.customer, now_ms=self._shop.clock_ms(), search=search, page=number
            )
        return self.page(request, "fleet.html", person=person, fleet=shown, search=search, here="fleet")

    def asset(self, request: Request, person: Person, number: int) -> HTMLResponse:
        with self._shop.store.read() as tx:
            shown = picture.asset(
                tx,
                number,
                customer=person.customer,
                now_ms=self._shop.clock_ms(),
                readings=self._shop.readings,
            )
        return self.page(
            request,
            "asset.html",
            person=person,
            picture=shown,
            here="fleet",
            gaps=sum(1 for reading in shown.readings if reading.gap),
            numbers={case.id: case.number for case in shown.cases},
        )

    def cases(self, request: Request, person: Person, *, everything: bool) -> HTMLResponse:
        with self._shop.store.read() as tx:
            found = tx.cases.list(CaseFilter(customer=person.customer, open_only=not everything, limit=CASES_SHOWN + 1))
            more, found = len(found) > CASES_SHOWN, found[:CASES_SHOWN]
            assets = {number: tx.assets.by_number(number).facts for number in {case.asset for case in found}}
        names = {
            number: facts.hostname or facts.address or facts.serial or str(number) for number, facts in assets.items()
        }
        cases = sorted(found, key=lambda case: (not picture.is_open(case), -case.severity, case.opened_ms))
        return self.page(
            request,
            "cases.html",
            person=person,
            cases=cases,
            names=names,
            everything=everything,
            more=CASES_SHOWN if more else 0,
            here="cases",
        )

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
        return self.page(request, "case.html", person=person, picture=shown, here="cases")

    def act(self, person: Person, number: str, *, action: str, text: str) -> None:
        """Raises Refused, NotFound, IllegalAction, StoreFailed."""
        _may_act(person, text)
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

    def settle_joining(
        self, person: Person, number: int, findings: Sequence[int], *, decision: str, reason: str
    ) -> None:
        _may_act(person, reason)
        if not reason:
            raise Refused(400, "error.reason_needed")
        with self._shop.store.write() as tx:
            settle(
                tx,
                self._shop.actions,
                picture.asset_in_scope(tx, number, person.customer),
                findings,
                open_cases=decision == "open",
                actor=person.user.name,
                reason=reason,
                now_ms=self._shop.clock_ms(),
            )


def make_pages(shop: Shop, sessions: Sessions, health: Health, *, language: str) -> FastAPI:
    """The application of the HTTPS port."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    sign_in = SignIn(sessions, clock_ms=shop.clock_ms, language=language)
    app.state.sign_in = sign_in
    pages = Pages(shop, sign_in)
    app.include_router(sign_in.router(pages.page))
    app.include_router(_reading(pages))
    app.include_router(_acting(pages))
    app.include_router(_static())
    add_health(app, health)
    _add_answers(app, pages, sign_in)
    app.middleware("http")(_guard)
    return app


def _reading(pages: Pages) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def fleet(
        request: Request,
        person: Visitor,
        q: Annotated[str, Query(max_length=200)] = "",
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    ) -> HTMLResponse:
        return pages.fleet(request, person, search=q.strip(), number=page)

    @router.get("/assets/{number}")
    def asset(request: Request, person: Visitor, number: int) -> HTMLResponse:
        return pages.asset(request, person, number)

    @router.get("/cases")
    def cases(request: Request, person: Visitor, all: Annotated[str, Query(max_length=1)] = "") -> HTMLResponse:
        return pages.cases(request, person, everything=all == "1")

    @router.get("/cases/{number}")
    def case(request: Request, person: Visitor, number: str) -> HTMLResponse:
        return pages.case(request, person, number)

    return router


def _acting(pages: Pages) -> APIRouter:
    router = APIRouter()

    @router.post("/cases/{number}")
    def act(
        person: Visitor,
        number: str,
        action: Annotated[str, Form(max_length=40)],
        form_token: Annotated[str, Form(max_length=200)] = "",
        text: Annotated[str, Form()] = "",
    ) -> RedirectResponse:
        _check_form(person, form_token)
        pages.act(person, number, action=action, text=text.strip())
        return RedirectResponse(f"/cases/{quote(number, safe='')}", 303)

    @router.post("/assets/{number}/joining")
    def joining(
        person: Visitor,
        number: int,
        decision: Annotated[str, Form(pattern="^(accept|open)$")],
        form_token: Annotated[str, Form(max_length=200)] = "",
        reason: Annotated[str, Form()] = "",
        finding: Annotated[list[int] | None, Form(max_length=500)] = None,
    ) -> RedirectResponse:
        _check_form(person, form_token)
        pages.settle_joining(person, number, finding or (), decision=decision, reason=reason.strip())
        return RedirectResponse(f"/assets/{number}", 303)

    return router


def _static() -> APIRouter:
    router = APIRouter()
    folder = resources.files("hardcase_collector.web").joinpath("static")
    files = {name: folder.joinpath(name).read_bytes() for name in STATIC}

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], media_type=STATIC[name], headers={"Cache-Control": "public, max-age=3600"})

    return router


def _add_answers(app: FastAPI, pages: Pages, sign_in: SignIn) -> None:
    """Errors become pages that say what to do."""

    def answer(request: Request, refused: Refused) -> Response:
        return pages.mistake(request, refused, sign_in.maybe_person(request))

    @app.exception_handler(LoginNeeded)
    def login(request: Request, _: Exception) -> Response:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(wanted, safe='')}" if request.method == "GET" else "/login", 303)

    @app.exception_handler(Refused)
    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return answer(request, error)

    @app.exception_handler(CollectorError)
    def named(request: Request, error: Exception) -> Response:
        return answer(request, _as_refused(error))

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, _: Exception) -> Response:
        return answer(request, Refused(404 if request.method == "GET" else 400, "error.not_found"))

    @app.exception_handler(HTTPException)
    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(request, Refused(error.status_code, "error.not_found"))


def _as_refused(error: Exception) -> Refused:
    match error:
        case NotFound():
            return Refused(404, "error.not_found")
        case NotAllowed():
            return Refused(403, "error.not_allowed", why=str(error))
        case IllegalAction():
            return Refused(409, "error.illegal", why=str(error))
        case TemporaryError():
            return Refused(503, "error.unavailable", why=str(error))
        case _:
            return Refused(400, "error.illegal", why=str(error))


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Bounds the body before anything reads it, and puts the security headers on every answer."""
    length = request.headers.get("content-length", "0")
    if request.method not in ("GET", "HEAD") and (not length.isdigit() or int(length) > MAX_BODY):
        return Response("too large\n", 413, headers=SECURITY_HEADERS)
    if "transfer-encoding" in request.headers:
        return Response("send a Content-Length\n", 411, headers=SECURITY_HEADERS)
    response = await call_next(request)
    headers: Mapping[str, str] = SECURITY_HEADERS
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    return response


def _check_form(person: Person, token: str) -> None:
    if not same(token, person.form_token):
        raise Refused(403, "error.form_token")


def _may_act(person: Person, text: str) -> None:
    if not person.role.may_act:
        raise NotAllowed(f"the role {person.role} only looks")
    if len(text) > MAX_TEXT:
        raise Refused(400, "error.too_long", limit=MAX_TEXT)


def _action(word: str) -> CaseAction:
    try:
        return CaseAction(word)
    except ValueError:
        raise IllegalAction("there is no such action") from None
