"""How fast one token may ask, and how often an address may be wrong about tokens. Bounded, in memory."""

from __future__ import annotations

import math
import threading

from hardcase_collector.web.throttle import group_of

REMEMBERED = 4096
WRONG_PER_MINUTE = 30
"""Requests without a good token, of one address."""


class Pace:
    """A bucket for each key that fills at `per_minute`, and holds that many. Safe from several threads."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def wait_s(self, key: str, *, now_ms: int) -> int:
        """0: go on; else how many seconds until it may ask again. Going on is counted."""
        with self._lock:
            left, at_ms = self._buckets.pop(key, (float(self._per_minute), now_ms))
            left = min(float(self._per_minute), left + max(0, now_ms - at_ms) * self._per_minute / 60_000)
            wait = 0 if left >= 1 else max(1, math.ceil((1 - left) * 60 / self._per_minute))
            self._remember(key, left if wait else left - 1, now_ms)
            return wait

    def empty(self, key: str, *, now_ms: int) -> bool:
        """Whether it would have to wait; nothing is counted."""
        left, at_ms = self._buckets.get(key, (float(self._per_minute), now_ms))
        return left + max(0, now_ms - at_ms) * self._per_minute / 60_000 < 1

    def _remember(self, key: str, left: float, now_ms: int) -> None:
        while len(self._buckets) >= REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = (left, now_ms)


class Guesses:
    """Wrong tokens of each address."""

    def __init__(self) -> None:
        self._pace = Pace(WRONG_PER_MINUTE)

    def too_many(self, address: str, *, now_ms: int) -> bool:
        return self._pace.empty(group_of(address), now_ms=now_ms)

    def wrong(self, address: str, *, now_ms: int) -> None:
        self._pace.wait_s(group_of(address), now_ms=now_ms)
