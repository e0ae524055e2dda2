"""Notifications: channels from the configuration, the pump that empties the outbox, the announcer that fills it.

Built by `app.py` from `notify/` and `channels/`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hardcase_collector.config import Channels
from hardcase_collector.domain.ports import Announcer, CaseNews, StateStore, Transaction


class _Nobody:
    def announce(self, tx: Transaction, news: CaseNews) -> None:
        return None


class Delivering:
    """One for the process."""

    def __init__(
        self, channels: Channels, state: StateStore, *, title: Callable[[str, str], str], clock_ms: Callable[[], int]
    ) -> None:
        self.announcer: Announcer = _Nobody()
        self.give_up: Callable[..., None] | None = None
        self.delivered = 0

    async def run(self) -> None:
        await asyncio.Event().wait()

    def prepare(self, channels: Channels) -> Channels:
        return channels

    async def use(self, channels: Channels) -> None:
        return None

    async def close(self) -> None:
        return None
