"""The OpenAPI document of the API: what FastAPI knows of the routes, with tokens, scopes, keys and refusals added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from hardcase_collector.domain.people import ApiScope
from hardcase_collector.web.api.kept import MAX_KEY
from hardcase_collector.web.api.permits import PERMITS, Permit
from hardcase_collector.web.api.problems import MEDIA, TITLES

_ABOUT = """Every request carries `Authorization: Bearer TOKEN`; `hardcase-collector api-tokens make` makes one.
A POST with an `Idempotency-Key` is done once within 24 hours, however often it is sent; its answer is given again with
`Idempotent-Replayed: true`. Refusals are problem details (RFC 9457) with a `name` that does not change. Times are
milliseconds of Unix time. Long lists answer `more`, and go on by `page`, `before` or `after`."""
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "name", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "name": {"type": "string", "enum": sorted(TITLES)},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def document(routes: Sequence[APIRoute], version: str) -> dict[str, Any]:
    made: dict[str, Any] = get_openapi(
        title="Hardcase", version=version or "0", description=_ABOUT, routes=list(routes), servers=[{"url": "/api"}]
    )
    parts = made.setdefault("components", {})
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "hck_"}}
    parts.setdefault("schemas", {})["Problem"] = _PROBLEM
    made["security"] = [{"token": []}]
    made["x-scopes"] = [str(scope) for scope in ApiScope]
    for path, turns in made["paths"].items():
        for method, turn in turns.items():
            _complete(turn, PERMITS[method.upper(), path])
    return made


def _complete(turn: dict[str, Any], permit: Permit) -> None:
    turn["x-scope"] = str(permit.scope)
    turn["x-deed"] = str(permit.deed)
    answers = turn.setdefault("responses", {})
    answers.pop("422", None)
    answers["default"] = {
        "description": "Refused",
        "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if permit.method == "POST":
        turn.setdefault("parameters", []).append(_KEY)
