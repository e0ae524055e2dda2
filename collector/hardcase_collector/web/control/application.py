"""The application behind the control socket, and its errors. Made by `app.py`; peers are checked by `peers.py`.

Routes: `cases.py`, `assets.py`, `running.py`. Everybody let in sees every customer and may do everything: he could read
the stores themselves. Whoever asks for one customer alone is held to that one (`scope.py`).
"""

from __future__ import annotations

import logging

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from hardcase_collector.domain.errors import CollectorError, NotFound, TemporaryError, TooLarge
from hardcase_collector.web.control import (
    aftercare,
    air_gap,
    api_tokens,
    assets,
    attachments,
    backups,
    books,
    cases,
    clocks,
    customers,
    diagnostics,
    duty,
    forgetting,
    joining,
    parts,
    people,
    repairs,
    replays,
    reports,
    running,
    visits,
    why,
    windows,
)
from hardcase_collector.web.control.ports import Control, language_of
from hardcase_collector.web.control.scope import held_to_scope
from hardcase_collector.web.refusals import told

log = logging.getLogger(__name__)


def make_control(control: Control) -> FastAPI:
    held = Depends(held_to_scope(control))
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[held])
    app.include_router(cases.router(control))
    app.include_router(assets.router(control))
    app.include_router(customers.router(control))
    app.include_router(books.router(control))
    app.include_router(forgetting.router(control))
    app.include_router(running.router(control))
    app.include_router(joining.router(control))
    app.include_router(backups.router(control))
    app.include_router(people.router(control))
    app.include_router(api_tokens.router(control))
    app.include_router(reports.router(control))
    app.include_router(attachments.router(control))
    app.include_router(diagnostics.router(control))
    app.include_router(clocks.router(control))
    app.include_router(repairs.router(control))
    app.include_router(visits.router(control))
    app.include_router(aftercare.router(control))
    app.include_router(parts.router(control))
    app.include_router(duty.router(control))
    app.include_router(windows.router(control))
    app.include_router(why.router(control))
    app.include_router(replays.router(control))
    app.include_router(air_gap.router(control))

    @app.exception_handler(CollectorError)
    def named(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, CollectorError)
        detail = told(error, language_of(request))
        return JSONResponse({"error": type(error).__name__, "detail": detail}, _status_of(error))

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        lines = [f"{'.'.join(map(str, entry['loc'][1:]))}: {entry['msg']}" for entry in error.errors()]
        return JSONResponse({"error": "BadRequest", "detail": "; ".join(lines)}, 400)

    return app


def _status_of(error: Exception) -> int:
    match error:
        case NotFound():
            return 404
        case TooLarge():
            return 413
        case TemporaryError():
            return 503
        case _:
            return 409
