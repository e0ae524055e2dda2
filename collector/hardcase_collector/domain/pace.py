"""How often somebody may do something: buckets that fill steadily, and whose addresses count as one. No clock inside.

Used by the doors: `rpc/` for greetings and enrolment, `web/` for signing in and tokens.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address

REMEMBERED = 4096


def group_of(address: str) -> str:
    """Who counts as one: an IPv6 customer has 2^64 addresses of his own and more (RFC 6177)."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(known.ipv4_mapped or IPv6Address(int(known) >> 64 << 64))


class Pace:
    """A bucket for each key that fills at `per_minute`, and holds that many. Safe from several threads."""

    def __init__(self, per_minute: int, *, remembered: int = REMEMBERED) -> None:
        self._per_minute = per_minute
        self._remembered = remembered
        self._buckets: dict[Hashable, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def wait_s(self, key: Hashable, *, now_ms: int) -> int:
        """0: go on; else how many seconds until it may ask again. Going on is counted."""
        with self._lock:
            left, at_ms = self._buckets.pop(key, (float(self._per_minute), now_ms))
            left = min(float(self._per_minute), left + max(0, now_ms - at_ms) * self._per_minute / 60_000)
            wait = 0 if left >= 1 else max(1, math.ceil((1 - left) * 60 / self._per_minute))
            while len(self._buckets) >= self._remembered:
                del self._buckets[next(iter(self._buckets))]
            self._buckets[key] = (left if wait else left - 1, now_ms)
            return wait

    def empty(self, key: Hashable, *, now_ms: int) -> bool:
        """Whether it would have to wait; nothing is counted."""
        left, at_ms = self._buckets.get(key, (float(self._per_minute), now_ms))
        return left + max(0, now_ms - at_ms) * self._per_minute / 60_000 < 1
