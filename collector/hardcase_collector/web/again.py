"""Routes that are taken again where the database gave way to another session. Used by every router of pages and socket.

An endpoint does all its writing in one transaction, so that nothing of a failed try was kept; those that take a flowing
body are coroutines, and are told to the caller as they are: what has flowed by cannot be read again.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute

from hardcase_collector.domain.errors import TryAgain

TRIES = 5


class AgainRoute(APIRoute):
    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint if inspect.iscoroutinefunction(endpoint) else again(endpoint), **settings)


def again(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Calls it up to `TRIES` times. Raises TryAgain of the last."""

    @functools.wraps(endpoint)
    def tried(*args: Any, **named: Any) -> Any:
        for _ in range(TRIES - 1):
            try:
                return endpoint(*args, **named)
            except TryAgain:
                continue
        return endpoint(*args, **named)

    return tried
