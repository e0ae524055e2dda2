"""How often an address may be wrong about tokens. Bounded, in memory."""

from __future__ import annotations

from hardcase_collector.domain.pace import Pace, group_of

WRONG_PER_MINUTE = 30
"""Requests without a good token, of one address."""


class Guesses:
    """Wrong tokens of each address."""

    def __init__(self) -> None:
        self._pace = Pace(WRONG_PER_MINUTE)

    def too_many(self, address: str, *, now_ms: int) -> bool:
        return self._pace.empty(group_of(address), now_ms=now_ms)

    def wrong(self, address: str, *, now_ms: int) -> None:
        self._pace.wait_s(group_of(address), now_ms=now_ms)
