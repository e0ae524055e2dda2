"""A channel that does as it is told: the `Channel` port, held to the same contract as the real ones."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from hardcase_collector.domain.ports import DeliveryResult, OutboxRow

OK = DeliveryResult(delivered=True)


class FakeChannel:
    """`script`: results of the next attempts, or errors to raise; afterwards everything is delivered."""

    def __init__(self, name: str = "hook", script: Iterable[DeliveryResult | Exception] = ()) -> None:
        self.script = deque(script)
        self.attempts: list[OutboxRow] = []
        self.taken: list[OutboxRow] = []
        self.gate = asyncio.Event()
        """Cleared, every delivery hangs."""
        self.gate.set()
        self.most_at_once = 0
        self._now = 0
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def deliver(self, row: OutboxRow, *, now_ms: int) -> DeliveryResult:
        self.attempts.append(row)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await self.gate.wait()
        finally:
            self._now -= 1
        result = self.script.popleft() if self.script else OK
        if isinstance(result, Exception):
            raise result
        if result.delivered:
            self.taken.append(row)
        return result

    async def close(self) -> None:
        self.gate.set()
