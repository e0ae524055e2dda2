"""How often somebody may try links that do not exist. In memory: it starts anew with the collector. Used by `links.py`.

A token has 256 random bits and is not to be guessed; this keeps the trying from costing us anything.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from hardcase_collector.domain.errors import LinkRefused

WRONG_ALLOWED = 10
"""In one window; who pastes a link cut short tries three times."""
WINDOW_MS = 10 * 60_000
_CLIENTS = 10_000
"""That are remembered; the one unheard of for longest goes first."""


class Guesses:
    """Called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self.refused = 0
        """Tries since start that were not even looked up."""

    def check(self, client: str, now_ms: int) -> None:
        """Raises LinkRefused."""
        with self._lock:
            since_ms, count = self._wrong.get(client, (0, 0))
            if count >= WRONG_ALLOWED and now_ms - since_ms < WINDOW_MS:
                self.refused += 1
                raise LinkRefused("too many wrong links came from here: wait ten minutes")

    def wrong(self, client: str, now_ms: int) -> None:
        with self._lock:
            since_ms, count = self._wrong.pop(client, (now_ms, 0))
            if now_ms - since_ms >= WINDOW_MS:
                since_ms, count = now_ms, 0
            self._wrong[client] = (since_ms, count + 1)
            while len(self._wrong) > _CLIENTS:
                self._wrong.popitem(last=False)
