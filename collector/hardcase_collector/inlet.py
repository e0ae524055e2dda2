"""The way in, as the rest of the process uses it: calls from any thread, brought to the thread they belong to.

Built by `composition.py` around `rpc/service.py` and `ingest/intake.py`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from hardcase_collector.domain.ports import Judge
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.rpc.service import TelemetryService


class Inlet:
    """One for the process."""

    def __init__(self, intake: Intake, service: TelemetryService) -> None:
        self.intake = intake
        self.service = service
        self.writer = service.writer
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    def start(self) -> None:
        """On the event loop."""
        self._loop = asyncio.get_running_loop()
        self.service.start()

    async def stop(self) -> None:
        """Tells the agents, finishes what was begun. A second call does nothing. On the event loop."""
        if not self._stopped:
            self._stopped = True
            await self.service.stop()

    def use_judge(self, judge: Judge) -> Future[None]:
        """Takes effect between two groups."""
        return self.writer.submit(lambda: self.intake.use_judge(judge))

    def reread_feed(self, feed: int) -> None:
        """Its baselines changed."""
        self.writer.submit(lambda: self.intake.reread_feed(feed))

    def revoke(self, agent: int) -> None:
        """Ends its stream; nobody waits to hear from it any more."""
        self.writer.submit(lambda: self.intake.liveness.drop(agent))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.service.revoke, agent)

    def ask(self, agent: int) -> None:
        """There is something that it is to be told, if it is connected. From any thread."""
        if self._loop is not None and not self._stopped:
            self.service.ask(agent)

    def tell_trust(self, retired: str) -> None:
        """CAs have changed; `retired`: the one that is trusted no longer, "" = none."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: self.service.tell_trust(retired=retired))

    def greet_again(self, agent: int) -> None:
        """Ends its stream; it comes back at once, and is greeted as what it is now."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.service.greet_again, agent)
