"""The way in, as the rest of the process uses it: streams, intake and its thread, with reload, revocation and ticks.

Built by `composition.py` from `rpc/` and `ingest/`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future

from hardcase_collector.domain.ports import Desk, Judge, StateStore
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.ingest.settling import Settler
from hardcase_collector.ingest.ticking import Ticker
from hardcase_collector.rpc.service import Close, Refusal, TelemetryService


class RevokingService(TelemetryService):
    def revoke(self, agent: int) -> None:
        """Ends the agent's stream, if it has one. For the event loop's thread."""
        stream = self._streams.get(agent)
        if stream is not None:
            self.end(stream, Refusal(Close.CAUSE_REVOKED, "this identity was revoked"))


class Inlet:
    """One for the process. Methods may be called from any thread unless they say otherwise."""

    def __init__(
        self,
        intake: Intake,
        *,
        state: StateStore,
        judge: Judge,
        desk: Desk,
        collector_id: str,
        insecure: bool,
        clock_ms: Callable[[], int],
    ) -> None:
        self.intake = intake
        self._state = state
        self._desk = desk
        self._clock_ms = clock_ms
        self._ticker = Ticker(intake, state=state, judge=judge, desk=desk)
        self._ticker.start()
        self.service = RevokingService(
            state, intake, collector_id=collector_id, insecure=insecure, tick=self._tick, wall_ms=clock_ms
        )
        self.writer = self.service.writer
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    def start(self) -> None:
        """On the event loop."""
        self._loop = asyncio.get_running_loop()
        self.service.start()

    async def stop(self) -> None:
        """Tells the agents, finishes what was begun. A second call does nothing."""
        if not self._stopped:
            self._stopped = True
            await self.service.stop()

    def use_judge(self, judge: Judge) -> Future[None]:
        """Between two groups: every feed is opened anew from its stored row, which is what the last commit left."""

        def change() -> None:
            self.intake.settler = Settler(judge, self._desk)
            self._ticker = Ticker(self.intake, state=self._state, judge=judge, desk=self._desk)
            for book in self.intake.books.values():
                book.forget()
            for feed in self.intake.liveness_feeds.values():
                feed.state = None

        return self.writer.submit(change)

    def reread_feed(self, feed: int) -> None:
        """Its baselines changed."""

        def reread() -> None:
            for book in self.intake.books.values():
                for known in book.feeds.values():
                    if known.feed.number == feed:
                        known.state = None

        self.writer.submit(reread)

    def revoke(self, agent: int) -> None:
        """Ends its stream; nobody waits to hear from it any more."""
        self.writer.submit(lambda: self.intake.liveness.drop(agent))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.service.revoke, agent)

    def _tick(self) -> None:
        self._ticker.tick(now_ms=self._clock_ms(), monotonic_ms=time.monotonic_ns() // 1_000_000)
