"""Notifications: channels from the configuration, one lane each that empties the outbox, the announcer that fills it.

Built by `app.py` from `notify/` and `channels/`, which know nothing of each other. A new kind of channel is one more
line in `prepare`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.case_file import COLLECTOR
from hardcase_collector.channels.signature import signing_key
from hardcase_collector.channels.webhook import WebhookChannel, WebhookSettings
from hardcase_collector.config import Channels, Webhook
from hardcase_collector.domain.errors import CollectorError, ConfigError
from hardcase_collector.domain.finding import Fact, Severity
from hardcase_collector.domain.ports import Channel, OutboxRow, StateStore, Transaction
from hardcase_collector.notify.announcer import OutboxAnnouncer
from hardcase_collector.notify.delivery import GaveUp, Lane, give_up_orphans
from hardcase_collector.notify.events import Sender
from hardcase_collector.notify.routing import Drills, Route
from hardcase_collector.secret_files import read_secret

log = structlog.stdlib.get_logger("hardcase_collector.delivering")

STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """Channels that were read and checked, not yet in use."""

    channels: Sequence[Channel]
    routes: Sequence[Route]


@dataclass(frozen=True, slots=True)
class _Running:
    channel: Channel
    lane: Lane
    task: asyncio.Task[None]


def prepare(settings: Channels) -> Prepared:
    """Reads every secret. Raises ConfigError with all mistakes; nothing is open then."""
    mistakes: list[str] = []
    ready: list[WebhookSettings] = []
    for hook in settings.webhook:
        try:
            key = signing_key(read_secret(hook.secret))
            ready.append(WebhookSettings(name=hook.name, url=hook.url, key=key))
        except ConfigError as error:
            mistakes += [f"channel.webhook {hook.name}: {line}" for line in error.mistakes]
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return Prepared([WebhookChannel(one) for one in ready], [_route(hook) for hook in settings.webhook])


def _route(hook: Webhook) -> Route:
    return Route(
        channel=hook.name,
        min_severity=Severity[hook.min_severity.value.upper()],
        drills=Drills(hook.rehearsal.value),
    )


def given_up(actions: CaseActions) -> GaveUp:
    """Where people read that a channel did not take something: on its case; of what has none, in the audit log."""

    def gave_up(tx: Transaction, row: OutboxRow, error: str, now_ms: int) -> None:
        if row.case is not None:
            actions.give_up_delivery(
                tx, row.case, channel=row.channel, error=error, attempts=row.attempts, now_ms=now_ms
            )
            return
        told: dict[str, Fact] = {"channel": row.channel, "error": error, "attempts": row.attempts}
        tx.access.audit(at_ms=now_ms, actor=COLLECTOR, action="delivery.given_up", subject=row.subject, facts=told)

    return gave_up


class Delivering:
    """One for the process."""

    def __init__(self, prepared: Prepared, store: StateStore, sender: Sender, *, clock_ms: Callable[[], int]) -> None:
        self._first = prepared
        self._store = store
        self._clock_ms = clock_ms
        # The data directory's lock keeps a second process of this collector from running.
        self._owner = sender.source
        self._running: list[_Running] = []
        self._delivered_before = 0
        self.announcer = OutboxAnnouncer(sender, prepared.routes, owed=self._poke)

    @property
    def delivered(self) -> int:
        """Notifications delivered since start."""
        return self._delivered_before + sum(running.lane.delivered for running in self._running)

    async def run(self, gave_up: GaveUp) -> None:
        """Starts the first channels and waits until cancelled; a lane that ends by itself ends this, too."""
        self._gave_up = gave_up
        await self.use(self._first)
        while True:
            await asyncio.sleep(1.0)
            for running in self._running:
                if running.task.done():
                    running.task.result()

    async def use(self, prepared: Prepared) -> None:
        """Replaces the channels. What was owed to one that is gone becomes a dead letter, loudly."""
        await self._stop_lanes()
        self.announcer.routes = tuple(prepared.routes)
        names = [channel.name for channel in prepared.channels]
        await self._give_up_orphans(names)
        for channel in prepared.channels:
            lane = Lane(
                self._store,
                channel,
                owner=self._owner,
                clock_ms=self._clock_ms,
                jitter=random.random,
                gave_up=self._gave_up,
            )
            self._running.append(_Running(channel, lane, asyncio.create_task(lane.run(), name=channel.name)))

    async def _give_up_orphans(self, names: Sequence[str]) -> None:
        try:
            orphans = await asyncio.to_thread(
                give_up_orphans, self._store, names, owner=self._owner, clock_ms=self._clock_ms, gave_up=self._gave_up
            )
        except CollectorError as error:
            # The channels that are there must run all the same; the next reload or start comes back to it.
            log.error("what is owed to channels that are gone could not be given up", error=str(error))
            return
        if orphans:
            log.warning("notifications owed to channels that are gone were given up", letters=orphans)

    async def close(self) -> None:
        """Lets deliveries in flight end, within ten seconds."""
        await self._stop_lanes()

    async def _stop_lanes(self) -> None:
        stopping, self._running = self._running, []
        await asyncio.gather(*(running.lane.stop(deadline_s=STOP_S) for running in stopping))
        for running in stopping:
            self._delivered_before += running.lane.delivered
            await running.task
            await running.channel.close()

    def _poke(self) -> None:
        for running in self._running:
            running.lane.poke()
