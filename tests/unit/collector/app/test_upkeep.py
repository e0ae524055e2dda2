"""What is done from time to time goes on after a failure."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import cast

import pytest
from hardcase_collector import upkeep
from hardcase_collector.composition import Stores
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.rollover import Rollover
from hardcase_collector.roots import Roots
from hardcase_collector.upkeep import Upkeep

WAIT_S = 60.0


class FullDisk:
    """Of the CAs, what looking after the certificate asks for: twice nothing can be written."""

    def __init__(self) -> None:
        self.troubles: list[Exception] = [OSError(28, "No space left on device"), StoreFailed("the disk is full")]

    def renew_server(self, *, now: datetime) -> bool:
        if self.troubles:
            raise self.troubles.pop()
        return False

    def go_on(self, *, now_ms: int) -> bool:
        return False

    def stamp(self) -> object:
        return "shown"


async def test_a_full_disk_when_the_certificate_is_due_does_not_end_its_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "CERTIFICATE_EVERY_S", 0.001)
    disk, shown, loop = FullDisk(), asyncio.Event(), asyncio.get_running_loop()
    kept = Upkeep(cast(Stores, None), roots=cast(Roots, disk), rollover=cast(Rollover, disk), clock_ms=lambda: 0)

    def renewed() -> None:
        loop.call_soon_threadsafe(shown.set)

    task = asyncio.create_task(kept.look_after_certificate(renewed))
    async with asyncio.timeout(WAIT_S):
        await asyncio.wait({task, waiting := asyncio.create_task(shown.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert waiting.done()
    assert not disk.troubles
    task.cancel()
