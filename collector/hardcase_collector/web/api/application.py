"""Puts the API together: the control socket's routes that have a permit, behind the door. Made by `app.py`.

Mounted by the pages' application at /api, which bounds bodies and puts the security headers on every answer.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import replace

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.web.addresses import Addresses
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.api.document import document
from hardcase_collector.web.api.door import ADMITTED, Admitted, Door, Doorway
from hardcase_collector.web.api.kept import CallStore, Keys
from hardcase_collector.web.api.once import Once
from hardcase_collector.web.api.permits import DOCUMENT, PERMITS
from hardcase_collector.web.api.problems import Problem, problem_of
from hardcase_collector.web.control.application import make_control
from hardcase_collector.web.control.ports import Control
from hardcase_collector.web.control.scope import held_to_scope


def make_api(control: Control, *, addresses: Addresses, per_minute: int) -> ASGIApp:
    """`per_minute`: requests of one token."""
    shop = control.shop
    store = CallStore(shop.store, clock_ms=shop.clock_ms)
    files = None if shop.attachments is None else shop.attachments.over(store)
    asking = None if shop.diagnostics is None else shop.diagnostics.over(store)
    called = replace(control, shop=replace(shop, store=store, attachments=files, diagnostics=asking))
    routes = list(permitted(make_control(called).routes))
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(_admitted), Depends(held_to_scope(called))],
        redirect_slashes=False,
    )
    offered = APIRouter(route_class=AgainRoute)
    offered.routes.extend(routes)
    app.include_router(offered)
    _add_document(app, routes, str(control.about.get("version", "")))
    _add_answers(app)
    door = Door(shop.store, routes, clock_ms=shop.clock_ms, addresses=addresses, per_minute=per_minute)
    return Doorway(Once(app, Keys(shop.store), clock_ms=shop.clock_ms), door.admit)


def permitted(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """Those that are offered, in the order of the socket's application, whose routers are kept as they were given."""
    for route in routes:
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from permitted(router.routes)
        elif isinstance(route, APIRoute) and any((method, route.path) in PERMITS for method in route.methods or ()):
            yield route


def _admitted(request: Request) -> None:
    """The route that was looked at is the one that is called. Raises Problem."""
    admitted: Admitted | None = request.scope.get(ADMITTED)
    route = request.scope.get("route")
    if admitted is None or getattr(route, "path", None) != admitted.path:
        raise Problem("not-found", "there is no such path; see /api/v1/openapi.json")


def _add_document(app: FastAPI, routes: list[APIRoute], version: str) -> None:
    @functools.cache
    def made() -> bytes:
        return bytes(JSONResponse(document(routes, version)).body)

    # Made when it is first asked for: it would be a good part of a start, and few collectors are ever asked.
    @app.get(DOCUMENT, response_model=None)
    def openapi() -> Response:
        return Response(made(), media_type="application/json")


def _add_answers(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    def problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    @app.exception_handler(CollectorError)
    def named(_: Request, error: Exception) -> Response:
        assert isinstance(error, CollectorError)
        return problem_of(error).response()

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        lines = [f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors()]
        return Problem("bad-request", "; ".join(lines)).response()

    @app.exception_handler(HTTPException)
    def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return Problem("bad-request" if error.status_code == 400 else "not-found", str(error.detail)).response()
