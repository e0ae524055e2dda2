"""The spool on its own thread, so that a slow disk never stops the loop. This is the `Backlog` the uplink is given.

One thread serves every call in order. A call abandoned by its caller still runs to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hardcase_agent.domain.event import LossCause
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.stream import Held, RecordKind, Sealed, SpoolState, Stored
from hardcase_agent.spool.spool import Spool, SpoolLimits

T = TypeVar("T")


class SpoolWorker:
    """Implements `domain.stream.Backlog`."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")

    async def append(self, records: Sequence[Sealed]) -> bool:
        """As `Spool.append`."""
        return await self._call(lambda: self._spool.append(records, self._clock.now()))

    async def flush(self) -> bool:
        """As `Spool.flush`; called now and then so that a disk that takes writes again is noticed."""
        return await self._call(lambda: self._spool.flush(self._clock.now()))

    async def held(self) -> tuple[Held, ...]:
        def held() -> tuple[Held, ...]:
            self._spool.state_losses(self._clock.now())
            return self._spool.held()

        return await self._call(held)

    async def read(self, epoch: bytes, first: int, *, max_records: int, max_bytes: int) -> Sequence[Stored]:
        def read() -> Sequence[Stored]:
            self._spool.state_losses(self._clock.now())
            return self._spool.read(epoch, first, max_records=max_records, max_bytes=max_bytes)

        return await self._call(read)

    async def acknowledge(self, epoch: bytes, through: int) -> None:
        await self._call(lambda: self._spool.acknowledge(epoch, through))

    async def catalogue(self, catalogue_id: bytes) -> bytes | None:
        return await self._call(lambda: self._spool.catalogue(catalogue_id))

    async def give_up(self, epoch: bytes, sequence: int, cause: LossCause) -> None:
        await self._call(lambda: self._spool.give_up(epoch, sequence, cause, self._clock.now()))

    async def forget(self, epoch: bytes, through: int) -> int:
        """As `Spool.forget`."""
        return await self._call(lambda: self._spool.forget(epoch, through, self._clock.now()))

    async def withhold(self, record: Stored) -> None:
        await self._call(lambda: self._spool.withhold(record))

    async def release(self, kinds: frozenset[RecordKind]) -> int:
        return await self._call(lambda: self._spool.release(kinds, self._clock.now()))

    async def state(self) -> SpoolState:
        return await self._call(self._spool.state)

    async def limit(self, limits: SpoolLimits) -> None:
        """New bounds; they hold from the next write."""

        def apply() -> None:
            self._spool.limits = limits

        await self._call(apply)

    async def close(self, *, deadline_s: float) -> None:
        """Last write, then let the thread go; a disk that hangs is not waited for beyond the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._call(lambda: self._spool.close(self._clock.now()))
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _call(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
