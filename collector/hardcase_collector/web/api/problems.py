"""Refusals of the API as problem details (RFC 9457): a name that does not change, and a sentence that says why."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse

from hardcase_collector.domain.errors import (
    ChangedMeanwhile,
    CollectorError,
    IllegalAction,
    NotAllowed,
    NotFound,
    SheetError,
    TemporaryError,
    TooLarge,
)

MEDIA = "application/problem+json"
TITLES: Mapping[str, tuple[int, str]] = {
    "token-missing": (401, "No API token"),
    "token-refused": (401, "The API token is refused"),
    "scope-missing": (403, "The API token has not this scope"),
    "not-allowed": (403, "Not allowed"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "Not with this method"),
    "illegal-action": (409, "Not possible now"),
    "changed-meanwhile": (409, "Somebody else changed it meanwhile"),
    "still-running": (409, "The same request is still running"),
    "answer-not-kept": (409, "Already done; its answer is not kept"),
    "length-missing": (411, "No Content-Length"),
    "too-large": (413, "Too large"),
    "key-used-otherwise": (422, "The idempotency key was used for another request"),
    "bad-request": (400, "Not understood"),
    "bad-key": (400, "Not an idempotency key"),
    "too-many-requests": (429, "Too many requests"),
    "unavailable": (503, "Not possible for now"),
}
"""Name -> HTTP status and title. The type is urn:hardcase:problem:NAME."""


class Problem(Exception):
    """A request that is refused."""

    def __init__(self, name: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.name, self.detail = name, detail
        self.headers = {key.replace("_", "-"): value for key, value in headers.items()}

    def response(self) -> JSONResponse:
        status, title = TITLES[self.name]
        told = {
            "type": f"urn:hardcase:problem:{self.name}",
            "name": self.name,
            "title": title,
            "status": status,
            "detail": self.detail,
        }
        return JSONResponse(told, status, headers=self.headers, media_type=MEDIA)


def problem_of(error: CollectorError) -> Problem:
    match error:
        case NotFound():
            return Problem("not-found", str(error))
        case NotAllowed():
            return Problem("not-allowed", str(error))
        case TooLarge():
            return Problem("too-large", str(error))
        case ChangedMeanwhile():
            return Problem("changed-meanwhile", str(error))
        case IllegalAction() | SheetError():
            return Problem("illegal-action", str(error))
        case TemporaryError():
            return Problem("unavailable", str(error), Retry_After="5")
        case _:
            return Problem("illegal-action", str(error))
