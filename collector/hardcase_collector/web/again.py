"""Routes that are taken again where the database gave way to another session. Used by every router of pages and socket.

An endpoint does all its writing in one transaction, so that nothing of a failed try was kept; those that take a flowing
body are coroutines, and are told to the caller as they are: what has flowed by cannot be read again. Before either is
called, numbers that no store holds and values nested without end are refused as malformed: a client's nonsense is no
fault of the store's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from hardcase_collector.domain.errors import TryAgain

TRIES = 5
LARGEST = (1 << 63) - 1
"""Of a number in the stores."""
DEEPEST = 64
"""Levels of one value. What this tool writes has under ten; the language gives up at some hundreds."""


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
    """Raises RequestValidationError, naming what is too large or too deep."""
    told = [
        {"type": "value_range", "loc": ("request", name), "msg": wrong}
        for name, value in named.items()
        if (wrong := _wrong(value))
    ]
    if told:
        raise RequestValidationError(told)


def _wrong(value: object) -> str:
    """Level by level and not by recursion, which the value's depth would end; empty where nothing is wrong."""
    level = [value]
    for _ in range(DEEPEST):
        if any(isinstance(one, int | float) and not -LARGEST <= one <= LARGEST for one in level):
            return "does not fit in 64 bits"
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return ""
    return f"is nested more than {DEEPEST} levels deep"


def _within(value: object) -> Iterable[object]:
    if isinstance(value, BaseModel):
        return vars(value).values()
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
