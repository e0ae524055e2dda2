"""Routes that are taken again where the database gave way to another session. Used by every router of pages and socket.

An endpoint does all its writing in one transaction, so that nothing of a failed try was kept; those that take a flowing
body are coroutines, and are told to the caller as they are: what has flowed by cannot be read again. Before either is
called, numbers that no store holds are refused as malformed: a client's nonsense is no fault of the store's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from hardcase_collector.domain.errors import TryAgain

TRIES = 5
LARGEST = (1 << 63) - 1
"""Of a number in the stores."""


class AgainRoute(APIRoute):
    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        made = _flowing(endpoint) if inspect.iscoroutinefunction(endpoint) else again(endpoint)
        super().__init__(path, made, **settings)


def again(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Calls it up to `TRIES` times. Raises TryAgain of the last, RequestValidationError."""

    @functools.wraps(endpoint)
    def tried(*args: Any, **named: Any) -> Any:
        _check(named)
        for _ in range(TRIES - 1):
            try:
                return endpoint(*args, **named)
            except TryAgain:
                continue
        return endpoint(*args, **named)

    return tried


def _flowing(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    async def checked(*args: Any, **named: Any) -> Any:
        _check(named)
        return await endpoint(*args, **named)

    return checked


def _check(named: Mapping[str, object]) -> None:
    """Raises RequestValidationError, naming what is too large."""
    wrong = [name for name, value in named.items() if not _fits(value)]
    if wrong:
        told = [{"type": "number_range", "loc": ("request", name), "msg": "does not fit in 64 bits"} for name in wrong]
        raise RequestValidationError(told)


def _fits(value: object) -> bool:
    if isinstance(value, int | float):
        return -LARGEST <= value <= LARGEST
    if isinstance(value, BaseModel):
        return all(map(_fits, vars(value).values()))
    if isinstance(value, Mapping):
        return all(map(_fits, value.values()))
    return all(map(_fits, value)) if isinstance(value, list | tuple) else True
