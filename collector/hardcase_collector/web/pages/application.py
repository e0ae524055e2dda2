"""The application of the pages' port: joins the pages, bounds what comes in, answers errors. Made by `app.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from hardcase_collector.domain.errors import (
    CollectorError,
    IllegalAction,
    LinkRefused,
    NotAllowed,
    NotFound,
    TemporaryError,
    TooLarge,
)
from hardcase_collector.web.access import Sessions
from hardcase_collector.web.addresses import Addresses
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.api.problems import Problem
from hardcase_collector.web.health import add_health
from hardcase_collector.web.pages import (
    account,
    assets,
    case,
    diagnostics,
    files,
    ledger,
    links,
    queue,
    reports,
    search,
)
from hardcase_collector.web.pages.frame import Frame, Refused
from hardcase_collector.web.ports import Health, Shop
from hardcase_collector.web.rendering import SECURITY_HEADERS
from hardcase_collector.web.sign_in import Desk as SignIn
from hardcase_collector.web.sign_in import LoginNeeded, PasswordNeeded

MAX_BODY = 65_536
API_PATH = "/api"
MAX_API_BODY = 4 << 20
"""The books of a large customer; who asks is looked at before any of it is read."""
STATIC = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
PAGES = (account, assets, queue, ledger, case, diagnostics, search, links, reports, files)


def make_pages(
    shop: Shop,
    sessions: Sessions,
    health: Health,
    *,
    language: str,
    addresses: Addresses | None = None,
    api: ASGIApp | None = None,
) -> FastAPI:
    """The application of the HTTPS port. `api`: what answers below /api (`web/api/`)."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.addresses = addresses or Addresses()
    sign_in = SignIn(sessions, clock_ms=shop.clock_ms, language=language)
    app.state.sign_in = sign_in
    frame = Frame(shop, sign_in)
    for router in (sign_in.router(frame.page), *(page.router(shop, frame) for page in PAGES), _static()):
        # Not by include_router(): without prefix and dependencies that would put every route together a second time.
        app.router.routes.extend(router.routes)
    add_health(app, health)
    _add_answers(app, frame, sign_in)
    if api is not None:
        app.mount(API_PATH, api)
    app.middleware("http")(_guard(files.room(shop)))
    return app


def _static() -> APIRouter:
    router = APIRouter(route_class=AgainRoute)
    folder = resources.files("hardcase_collector.web").joinpath("static")
    files = {name: folder.joinpath(name).read_bytes() for name in STATIC}

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], media_type=STATIC[name], headers={"Cache-Control": "public, max-age=3600"})

    return router


def _add_answers(app: FastAPI, frame: Frame, sign_in: SignIn) -> None:
    """Errors become pages that say what to do."""

    def answer(request: Request, refused: Refused) -> Response:
        return frame.mistake(request, refused, sign_in.maybe_person(request))

    @app.exception_handler(LoginNeeded)
    def login(request: Request, _: Exception) -> Response:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(wanted, safe='')}" if request.method == "GET" else "/login", 303)

    @app.exception_handler(PasswordNeeded)
    def password(request: Request, _: Exception) -> Response:
        return RedirectResponse(account.PATH, 303)

    @app.exception_handler(Refused)
    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return answer(request, error)

    @app.exception_handler(CollectorError)
    def named(request: Request, error: Exception) -> Response:
        assert isinstance(error, CollectorError)
        return answer(request, _as_refused(error))

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, _: Exception) -> Response:
        return answer(request, Refused(404 if request.method == "GET" else 400, "error.not_found"))

    @app.exception_handler(HTTPException)
    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(request, Refused(error.status_code, "error.not_found"))


def _as_refused(error: CollectorError) -> Refused:
    match error:
        case NotFound():
            return Refused(404, "error.not_found")
        case LinkRefused():
            return Refused(404, "link.refused")
        case NotAllowed():
            return Refused(403, "error.not_allowed", why=error.said)
        case TooLarge():
            return Refused(413, "error.illegal", why=error.said)
        case IllegalAction():
            return Refused(409, "error.illegal", why=error.said)
        case TemporaryError():
            return Refused(503, "error.unavailable", why=error.said)
        case _:
            return Refused(400, "error.illegal", why=error.said)


Passing = Callable[[Request], Awaitable[Response]]


def _guard(file_room: int) -> Callable[[Request, Passing], Awaitable[Response]]:
    """Bounds the body before anything reads it, and puts the security headers on every answer.

    `file_room`: how large a form with a file may be.
    """

    async def guard(request: Request, call_next: Passing) -> Response:
        response = _turned_away(request, file_room) or await call_next(request)
        headers: Mapping[str, str] = SECURITY_HEADERS
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return guard


def _turned_away(request: Request, file_room: int) -> Response | None:
    """What is refused without looking at who asks."""
    path, length = request.url.path, request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers:
        return _short(path, 411, "length-missing", "send a Content-Length")
    if request.method in ("GET", "HEAD"):
        return None
    if not length.isascii() or not length.isdigit() or int(length) > _room(path, file_room):
        return _short(path, 413, "too-large", "too large")
    # Beside the form's token: browsers say so themselves (Fetch Metadata), whatever a page made them send.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return _short(path, 403, "not-allowed", "forms of other sites are not taken")
    return None


def _short(path: str, status: int, name: str, why: str) -> Response:
    """Before any page or route was asked."""
    return Problem(name, why).response() if path.startswith(f"{API_PATH}/") else PlainTextResponse(f"{why}\n", status)


def _room(path: str, file_room: int) -> int:
    if path.startswith((files.PATH, f"{API_PATH}/v1/attachments/")):
        return file_room
    return MAX_API_BODY if path.startswith(f"{API_PATH}/") else MAX_BODY
