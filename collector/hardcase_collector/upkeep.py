"""What a running collector does from time to time: forgetting what is old, renewing the server's certificate.

Made by `app.py`, which runs the endless ones as tasks. What is old, and how it goes, is the stores' own matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog

from hardcase_collector.composition import Stores
from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.rollover import Rollover
from hardcase_collector.roots import Roots

log = structlog.stdlib.get_logger("hardcase_collector")

MAINTAIN_EVERY_S = 60.0
FORGET_AT_ONCE = 2000
"""Rows of each table, once a minute: the writer is not held up, and 2.9 million a day keep up with any fleet."""
ANSWERS_KEPT_MS = 86_400_000
"""Of requests with an idempotency key."""
CERTIFICATE_EVERY_S = 30.0
STANDING_EVERY_S = 15.0
"""A revocation by another process that shares the store ends a stream within twice that."""


class Upkeep:
    """Blocking work, on threads of its own; a failure is told and tried again the next time."""

    def __init__(
        self,
        stores: Stores,
        roots: Roots,
        rollover: Rollover,
        *,
        clock_ms: Callable[[], int],
        expire: Callable[[int], object] = lambda now_ms: None,
    ) -> None:
        """`expire`: lets go of attachments that are past their time."""
        self._expire = expire
        self._stores = stores
        self._roots = roots
        self._rollover = rollover
        self._shown: object = None
        self._clock_ms = clock_ms

    async def maintain_stores(self) -> None:
        """Forever."""
        await _every(MAINTAIN_EVERY_S, "maintain", self._maintain)

    async def look_after_certificate(self, renewed: Callable[[], None]) -> None:
        """Forever; `renewed` is called, on a thread, when what is shown is another, whoever changed it."""

        def look() -> None:
            self.renew_certificate()
            self._rollover.go_on(now_ms=self._clock_ms())
            shown = self._roots.stamp()
            if shown != self._shown:
                renewed()
            self._shown = shown

        await _every(CERTIFICATE_EVERY_S, "look_after_certificate", look)

    def renew_certificate(self) -> bool:
        """Renews the server's certificate if it is due: whether it was. Raises CollectorError."""
        renewed = self._roots.renew_server(now=datetime.now(UTC))
        if renewed:
            log.info("server certificate renewed", file=str(self._roots.shown().chain))
        return renewed

    async def look_after_standing(self, hold_to: Callable[[Mapping[int, tuple[int, bool]]], None]) -> None:
        """Forever; `hold_to` ends the streams of those who were revoked, on the event loop."""
        loop = asyncio.get_running_loop()

        def look() -> None:
            with self._stores.state.read() as tx:
                standing = tx.agents.standing()
            loop.call_soon_threadsafe(hold_to, standing)

        await _every(STANDING_EVERY_S, "look_after_standing", look)

    def _maintain(self) -> None:
        now_ms = self._clock_ms()
        self._stores.telemetry.maintain(now_ms)
        with self._stores.state.write() as tx:
            tx.access.end_sessions_before(now_ms)
            tx.access.drop_answers_before(now_ms - ANSWERS_KEPT_MS)
            tx.access.forget_joining(now_ms=now_ms)
            tx.forget(now_ms=now_ms, limit=FORGET_AT_ONCE)
        self._expire(now_ms)


async def _every(seconds: float, name: str, work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(work)
        except (CollectorError, OSError) as error:
            log.error("upkeep failed; it is tried again", work=name, error=str(error))
