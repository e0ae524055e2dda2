"""The loop: deadlines abandon, devices are asked one call at a time, nothing stops the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hardcase_agent.clock import MachineClock
from hardcase_agent.domain.errors import CredentialsRefused, DeviceFailed
from hardcase_agent.domain.event import SourceState, SourceStatus
from hardcase_agent.domain.frame import Body, Catalogue, Frame, Moment, Sweep
from hardcase_agent.domain.reading import Number
from hardcase_agent.sweeps import Sweeps, close_sources

from tests.fakes.sources import ASSET, SENSORS, FakeSource, Stuck


class Kept:
    """What the loop handed on."""

    def __init__(self) -> None:
        self.records: list[tuple[Body, Moment]] = []
        self.changed = asyncio.Condition()

    async def __call__(self, records: Sequence[tuple[Body, Moment]]) -> None:
        async with self.changed:
            self.records += records
            self.changed.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(true)

    def frames(self) -> int:
        return sum(isinstance(body, Frame) for body, _ in self.records)

    def states(self, source: str) -> list[SourceState]:
        return [body.state for body, _ in self.records if isinstance(body, SourceStatus) and body.source == source]


@asynccontextmanager
async def running(*sources: FakeSource) -> AsyncIterator[tuple[Sweeps, Kept]]:
    kept = Kept()
    sweeps = Sweeps(sources, host=ASSET, seed="", clock=MachineClock(), catalogue_id=lambda one: b"c" * 16, keep=kept)
    task = asyncio.create_task(sweeps.run())
    try:
        yield sweeps, kept
    finally:
        sweeps.stop()
        async with asyncio.timeout(60):
            await task


async def test_records_of_every_source_are_handed_on_in_order() -> None:
    async with running(FakeSource("a"), FakeSource("b")) as (_, kept):
        await kept.until(lambda: kept.frames() >= 6)
    kinds = [type(body) for body, _ in kept.records]
    assert kinds[0] is SourceStatus
    assert kinds.index(Catalogue) < kinds.index(Frame)


async def test_a_frame_has_the_moment_its_sweep_started() -> None:
    source = FakeSource("a")
    begun: list[int] = []

    async def slow() -> Sweep:
        begun.append(MachineClock().now().boot_ms)
        await asyncio.sleep(0.05)
        return await source.answer()

    source.act = slow
    async with running(source) as (_, kept):
        await kept.until(lambda: kept.frames() >= 1)
    moment = next(moment for body, moment in kept.records if isinstance(body, Frame))
    assert moment.boot_ms <= begun[0] + 5


async def test_a_hung_source_is_abandoned_and_the_others_keep_their_periods() -> None:
    stuck = Stuck()
    hung, well = FakeSource("hung", deadline_s=0.05), FakeSource("well")
    hung.act = stuck
    async with running(hung, well) as (sweeps, kept):
        await kept.until(lambda: SourceState.HUNG in kept.states("hung"))
        asked = well.asked
        await kept.until(lambda: well.asked > asked + 5)
        assert hung.asked == 1
        assert "hung" in sweeps.failing
        stuck.free.set()
        hung.act = hung.answer
        await kept.until(lambda: kept.states("hung")[-1] is SourceState.OK)
        assert "hung" not in sweeps.failing


async def test_two_sources_of_one_device_take_turns() -> None:
    first, second = FakeSource("a", device="bmc"), FakeSource("b", device="bmc")
    at_once: list[int] = []

    async def note() -> Sweep:
        at_once.append(first.running + second.running)
        await asyncio.sleep(0.005)
        return Sweep(asset=ASSET, sensors=SENSORS, readings=(Number(1.0),))

    first.act = second.act = note
    async with running(first, second) as (_, kept):
        await kept.until(lambda: first.asked > 4 and second.asked > 4)
    assert set(at_once) == {1}


@pytest.mark.parametrize("error", [DeviceFailed("x"), KeyError("defect"), RecursionError()])
async def test_no_error_of_a_source_stops_the_loop(error: Exception) -> None:
    bad, well = FakeSource("bad"), FakeSource("well")

    async def fail() -> Sweep:
        raise error

    bad.act = fail
    async with running(bad, well) as (_, kept):
        await kept.until(lambda: kept.frames() >= 5)
    assert kept.states("bad") == [SourceState.FAILING]


async def test_a_sweep_that_cannot_be_framed_is_that_sources_failure() -> None:
    bad, well = FakeSource("bad"), FakeSource("well")

    async def nonsense() -> Sweep:
        return Sweep(asset=ASSET, sensors=SENSORS, readings=None)  # type: ignore[arg-type]  # a defective family

    bad.act = nonsense
    async with running(bad, well) as (_, kept):
        await kept.until(lambda: kept.frames() >= 5)
    assert kept.states("bad") == [SourceState.FAILING]


async def test_a_refused_password_is_asked_once() -> None:
    source, well = FakeSource("refused"), FakeSource("well")

    async def refuse() -> Sweep:
        raise CredentialsRefused("wrong")

    source.act = refuse
    async with running(source, well) as (_, kept):
        await kept.until(lambda: well.asked > 10)
    assert source.asked == 1


async def test_stopping_waits_for_nothing() -> None:
    stuck = Stuck()
    source = FakeSource("stuck", deadline_s=1000.0)
    source.act = stuck
    async with asyncio.timeout(60):
        async with running(source) as (_, _):
            await stuck.asked.wait()
    stuck.free.set()


async def test_a_new_set_of_sources_takes_over_and_tells_which_are_gone() -> None:
    kept_on, gone, fresh = FakeSource("a"), FakeSource("b"), FakeSource("c")
    async with running(kept_on, gone) as (sweeps, kept):
        await kept.until(lambda: kept_on.asked > 1 and gone.asked > 1)
        assert sweeps.replace([kept_on, fresh]) == [gone]
        asked = gone.asked
        await kept.until(lambda: fresh.asked > 2)
        assert gone.asked <= asked + 1
    assert kept.states("a") == [SourceState.OK]


async def test_closing_is_bounded_and_survives_errors() -> None:
    class Bad(FakeSource):
        async def close(self) -> None:
            raise DeviceFailed("no")

    class Hanging(FakeSource):
        async def close(self) -> None:
            await asyncio.Event().wait()

    good = FakeSource("good")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            await close_sources([Bad("bad"), Hanging("hanging"), good])
    assert good.closed
