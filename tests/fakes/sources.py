"""A source that does what a test tells it: answers, raises, hangs, ignores its cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hardcase_agent.domain.event import CoverageLine
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.reading import Kind, Number, Sensor

ASSET = Asset(serial="FAKE", hostname="fake")
SENSORS = (Sensor(id="a", name="a", kind=Kind.COUNT),)


class FakeSource:
    """`act` is called at each sweep; by default it answers with how often it was asked."""

    def __init__(
        self, name: str, *, device: str = "", period_s: float = 0.02, deadline_s: float = 5.0, asset: Asset = ASSET
    ) -> None:
        self.name = name
        self.device = device or name
        self.period_s = period_s
        self.deadline_s = deadline_s
        self.asset = asset
        self.asked = 0
        self.running = 0
        self.most_running = 0
        self.closed = False
        self.act: Callable[[], Awaitable[Sweep]] = self.answer

    async def sweep(self, now: Moment) -> Sweep:
        self.asked += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self.act()
        finally:
            self.running -= 1

    async def answer(self) -> Sweep:
        return Sweep(asset=self.asset, sensors=SENSORS, readings=(Number(float(self.asked)),))

    async def doctor(self) -> Sequence[CoverageLine]:
        return ()

    async def close(self) -> None:
        self.closed = True


class Stuck:
    """An `act` that no cancellation ends, as a thread in an uninterruptible wait; `free` lets it return."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.free = asyncio.Event()

    async def __call__(self) -> Sweep:
        self.asked.set()
        while not self.free.is_set():
            try:
                await self.free.wait()
            except asyncio.CancelledError:
                continue
        return Sweep(asset=ASSET)
