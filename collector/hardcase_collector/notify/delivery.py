"""Empties the outbox: one lane per channel, so that a channel that hangs delays no other. Started by app.py.

A lane claims by lease, delivers with no transaction open, and settles what came of it together with the next claim.
Only the oldest event of a case is ever claimed: order holds per case, and a case that fails blocks no other case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.ports import Channel, DeliveryResult, OutboxRow, StateStore, Transaction
from hardcase_collector.notify.retry import next_try_ms

Clock = Callable[[], int]
"""Unix time in milliseconds."""
GaveUp = Callable[[Transaction, OutboxRow, str, int], None]
"""Says on the case's timeline that a delivery was given up: (transaction, row, error, now_ms)."""


_WHENEVER_DUE = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    concurrency: int = 8
    """Deliveries of one channel at a time; receivers are often one small process."""
    attempt_s: float = 30.0
    """A delivery that takes longer is given up for this time, whatever the channel does."""
    lease_ms: int = 120_000
    """Four attempts long: a lease never ends under a delivery, and a dead process of another owner delays its rows by
    no more."""
    idle_s: float = 1.0
    """Retries fall due without a poke."""
    pause_s: float = 2.0
    """After the store refused."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    row: OutboxRow
    result: DeliveryResult


class Lane:
    """Delivers what is owed to one channel. One task runs `run`; `poke` may be called from any thread.

    `owner`: a name that outlives the process and that no other living process has. What it leased before this start
    was leased by a process that was killed, and is sent at once.
    """

    def __init__(
        self,
        store: StateStore,
        channel: Channel,
        *,
        owner: str,
        clock_ms: Clock,
        jitter: Callable[[], float],
        gave_up: GaveUp,
        settings: LaneSettings = LaneSettings(),
    ) -> None:
        self.delivered = 0
        self.failed = 0
        self.trouble = ""
        """ "" or why nothing moves: the last refusal of the store."""
        self._store = store
        self._channel = channel
        self._owner = f"{owner}/{channel.name}"
        self._clock_ms = clock_ms
        self._jitter = jitter
        self._gave_up = gave_up
        self._settings = settings
        self._wake = asyncio.Event()
        self._stopping = False
        self._ended = asyncio.Event()
        self._ended.set()
        self._running: set[asyncio.Task[None]] = set()
        self._outcomes: list[_Outcome] = []
        self._begun = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def poke(self) -> None:
        """Something may be owed now."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._ended.clear()
        try:
            while not self._stopping:
                self._wake.clear()
                if await self._turn():
                    # There may be more; but those just claimed start first.
                    await asyncio.sleep(0)
                    continue
                await self._wait(self._settings.pause_s if self.trouble else self._settings.idle_s)
        finally:
            self._ended.set()

    async def _turn(self) -> bool:
        """Settles what is done and starts what is due. False: wait before the next turn."""
        free = self._settings.concurrency - len(self._running) - len(self._outcomes)
        outcomes, self._outcomes = self._outcomes, []
        free += len(outcomes)
        if not outcomes and free <= 0:
            return False
        try:
            rows = await asyncio.to_thread(self._settle_and_claim, outcomes, free)
        except StoreFailed as error:
            # Not settled is not lost: it is settled later, or sent again under the same id when the lease is over.
            self._outcomes = outcomes + self._outcomes
            self.trouble = str(error)
            return False
        self.trouble = ""
        for row in () if self._stopping else rows:
            task = asyncio.create_task(self._deliver(row))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return bool(rows)

    def _settle_and_claim(self, outcomes: Sequence[_Outcome], free: int) -> Sequence[OutboxRow]:
        with self._store.write() as tx:
            now_ms = self._clock_ms()
            for outcome in outcomes:
                self._settle(tx, outcome, now_ms)
            if free <= 0 or self._stopping:
                return ()
            if not self._begun:
                tx.outbox.release(owner=self._owner)
            claimed = tx.outbox.claim(
                owner=self._owner,
                now_ms=now_ms,
                lease_ms=self._settings.lease_ms,
                limit=free,
                channel=self._channel.name,
            )
        self._begun = True
        return claimed

    def _settle(self, tx: Transaction, outcome: _Outcome, now_ms: int) -> None:
        row, result = outcome.row, outcome.result
        if result.delivered:
            tx.outbox.delivered(row.id, owner=self._owner, at_ms=now_ms)
            return
        again_ms = None
        if not result.permanent:
            again_ms = next_try_ms(
                row.attempts + 1, now_ms=now_ms, jitter=self._jitter(), retry_after_s=result.retry_after_s
            )
        dead = again_ms is None
        still_mine = tx.outbox.failed(
            row.id,
            owner=self._owner,
            error=result.detail,
            next_try_ms=now_ms if again_ms is None else again_ms,
            dead=dead,
        )
        if dead and still_mine:
            self._gave_up(tx, row, result.detail, now_ms)

    async def _deliver(self, row: OutboxRow) -> None:
        try:
            async with asyncio.timeout(self._settings.attempt_s):
                result = await self._channel.deliver(row, now_ms=self._clock_ms())
        except TimeoutError:
            result = DeliveryResult(delivered=False, detail=f"no answer within {self._settings.attempt_s:g} s")
        except Exception as error:
            # A channel's own fault must not end the lane. Told by name alone: its text may hold a URL.
            result = DeliveryResult(delivered=False, detail=f"the channel failed: {type(error).__name__}")
        if result.delivered:
            self.delivered += 1
        else:
            self.failed += 1
        self._outcomes.append(_Outcome(row, result))
        self._wake.set()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def stop(self, *, deadline_s: float) -> None:
        """Lets deliveries in flight end within the deadline, settles them, and gives every other lease back."""
        self._stopping = True
        self._wake.set()
        # Never long: at most one turn, which waits for the writer.
        await self._ended.wait()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=deadline_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await asyncio.to_thread(self._hand_back)
        except StoreFailed as error:
            # Their leases run out by themselves.
            self.trouble = str(error)

    def _hand_back(self) -> None:
        with self._store.write() as tx:
            for outcome in self._outcomes:
                self._settle(tx, outcome, self._clock_ms())
            tx.outbox.release(owner=self._owner)
        self._outcomes = []


def give_up_orphans(store: StateStore, known: Sequence[str], *, owner: str, clock_ms: Clock, gave_up: GaveUp) -> int:
    """Dead-letters what is owed to channels that are no longer configured. At start and reload; how many it were."""
    count = 0
    with store.write() as tx:
        now_ms = clock_ms()
        for channel in tx.outbox.channels_owed():
            if channel in known:
                continue
            error = f"channel {channel} is no longer configured"
            while rows := tx.outbox.claim(owner=owner, now_ms=_WHENEVER_DUE, lease_ms=1, limit=500, channel=channel):
                for row in rows:
                    tx.outbox.failed(row.id, owner=owner, error=error, next_try_ms=now_ms, dead=True)
                    gave_up(tx, row, error, now_ms)
                count += len(rows)
    return count
