"""The application of the pages' port: joins the pages, bounds what comes in, answers errors. Made by `app.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from hardcase_collector.domain.errors import (
    CollectorError,
    IllegalAction,
    LinkRefused,
    NotAllowed,
    NotFound,
    TemporaryError,
)
from hardcase_collector.web.access import Sessions
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.health import add_health
from hardcase_collector.web.pages import assets, case, files, ledger, links, queue, reports, search
from hardcase_collector.web.pages.frame import Frame, Refused
from hardcase_collector.web.ports import Health, Shop
from hardcase_collector.web.rendering import SECURITY_HEADERS
from hardcase_collector.web.sign_in import Desk as SignIn
from hardcase_collector.web.sign_in import LoginNeeded

MAX_BODY = 65_536
STATIC = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
PAGES = (assets, queue, ledger, case, search, links, reports, files)


def make_pages(shop: Shop, sessions: Sessions, health: Health, *, language: str) -> FastAPI:
    """The application of the HTTPS port."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    sign_in = SignIn(sessions, clock_ms=shop.clock_ms, language=language)
    app.state.sign_in = sign_in
    frame = Frame(shop, sign_in)
    app.include_router(sign_in.router(frame.page))
    for page in PAGES:
        app.include_router(page.router(shop, frame))
    app.include_router(_static())
    add_health(app, health)
    _add_answers(app, frame, sign_in)
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
        case LinkRefused():
            return Refused(404, "link.refused")
        case NotAllowed():
            return Refused(403, "error.not_allowed", why=str(error))
        case IllegalAction():
            return Refused(409, "error.illegal", why=str(error))
        case TemporaryError():
            return Refused(503, "error.unavailable", why=str(error))
        case _:
            return Refused(400, "error.illegal", why=str(error))


Passing = Callable[[Request], Awaitable[Response]]


def _guard(file_room: int) -> Callable[[Request, Passing], Awaitable[Response]]:
    """Bounds the body before anything reads it, and puts the security headers on every answer.

    `file_room`: how large a form with a file may be.
    """

    async def guard(request: Request, call_next: Passing) -> Response:
        length = request.headers.get("content-length", "0")
        most = file_room if request.url.path.startswith(files.PATH) else MAX_BODY
        if request.method not in ("GET", "HEAD") and (not length.isdigit() or int(length) > most):
            return Response("too large\n", 413, headers=SECURITY_HEADERS)
        if "transfer-encoding" in request.headers:
            return Response("send a Content-Length\n", 411, headers=SECURITY_HEADERS)
        response = await call_next(request)
        headers: Mapping[str, str] = SECURITY_HEADERS
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return guard
