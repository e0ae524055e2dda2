"""Who asks to join too often: refusals per address, and over the whole port. Pure; used by `enrolment.py`."""

from __future__ import annotations

from collections import deque

from hardcase_collector.domain.pace import group_of

REFUSALS_PER_MINUTE = 10  # A person who mistypes stays below; guessing 192 bits does not begin to work.
REFUSALS_OF_ALL = 120
"""In a minute, over all addresses: above it an address is turned away after its first refusal."""
REMEMBERED_PEERS = 4096
MINUTE_MS = 60_000


class Throttle:
    """A peer over the limit is turned away before anything is looked at."""

    def __init__(self) -> None:
        self._refusals: dict[str, list[int]] = {}
        self._all: deque[int] = deque(maxlen=REFUSALS_OF_ALL)

    def blocked(self, address: str, *, now_ms: int) -> bool:
        most = 1 if self.busy(now_ms=now_ms) else REFUSALS_PER_MINUTE
        return len(self._recent(group_of(address), now_ms)) >= most

    def busy(self, *, now_ms: int) -> bool:
        """More refusals over all addresses than any fleet makes."""
        return len(self._all) == REFUSALS_OF_ALL and now_ms - self._all[0] < MINUTE_MS

    def refused(self, address: str, *, now_ms: int) -> None:
        """Counts one."""
        peer = group_of(address)
        recent = self._recent(peer, now_ms)
        self._refusals.pop(peer, None)
        if len(self._refusals) >= REMEMBERED_PEERS:
            del self._refusals[next(iter(self._refusals))]
        self._refusals[peer] = [*recent, now_ms]
        self._all.append(now_ms)

    def _recent(self, peer: str, now_ms: int) -> list[int]:
        return [at_ms for at_ms in self._refusals.get(peer, ()) if now_ms - at_ms < MINUTE_MS]
