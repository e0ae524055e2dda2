"""Out of turn: sources asked at once, devices lent; never two calls on one device."""

from __future__ import annotations

import asyncio

import pytest
from hardcase_agent.domain.errors import CredentialsRefused, DeviceBusy, DeviceFailed
from hardcase_agent.domain.frame import Sweep

from tests.fakes.sources import FakeSource, Stuck
from tests.unit.agent.app.test_sweeps import running


async def test_a_source_with_a_long_period_is_asked_at_once_and_its_frame_is_kept() -> None:
    slow = FakeSource("slow", period_s=3600)
    async with running(slow) as (sweeps, kept):
        await kept.until(lambda: kept.frames() >= 1)
        (asked,) = await sweeps.ask_now(["slow"], 60)
        assert asked.sweep is not None
        assert slow.asked == 2
        await kept.until(lambda: kept.frames() >= 2)


async def test_sources_of_one_device_are_asked_one_after_the_other() -> None:
    a, b = FakeSource("a", device="bmc", period_s=3600), FakeSource("b", device="bmc", period_s=3600)
    together = 0

    async def act() -> Sweep:
        nonlocal together
        together = max(together, a.running + b.running)
        await asyncio.sleep(0.01)
        return await a.answer()

    a.act = b.act = act
    async with running(a, b) as (sweeps, _):
        found = await sweeps.ask_now(["a", "b", "nobody"], 60)
    assert [one.sweep is not None for one in found] == [True, True, False]
    assert together == 1


async def test_a_failure_is_the_answer_and_an_open_breaker_holds() -> None:
    bad = FakeSource("bad", period_s=3600)

    async def fail() -> Sweep:
        raise DeviceFailed("no")

    bad.act = fail
    async with running(bad) as (sweeps, _):
        for _ in range(3):
            (asked,) = await sweeps.ask_now(["bad"], 60)
            assert asked.error == "no"
        before = bad.asked
        (asked,) = await sweeps.ask_now(["bad"], 60)
        assert "again and again" in asked.error
        assert bad.asked == before


async def test_a_refused_password_is_not_tried_for_anybody() -> None:
    source = FakeSource("bmc", period_s=3600)

    async def refuse() -> Sweep:
        raise CredentialsRefused("wrong password")

    source.act = refuse
    async with running(source) as (sweeps, _):
        await sweeps.ask_now(["bmc"], 60)
        (asked,) = await sweeps.ask_now(["bmc"], 60)
        assert "wrong password" in asked.error
        assert source.asked == 1


async def test_what_does_not_answer_in_time_is_said_and_leaves_nothing_behind() -> None:
    source, stuck = FakeSource("hung", period_s=3600), Stuck()
    source.act = stuck
    async with running(source) as (sweeps, _):
        (asked,) = await sweeps.ask_now(["hung"], 0.05)
        assert asked.sweep is None
        assert "0.05 s" in asked.error
        stuck.free.set()


async def test_a_reload_answers_who_waits() -> None:
    source, stuck = FakeSource("gone", period_s=3600), Stuck()
    source.act = stuck
    async with running(source) as (sweeps, _):
        waiting = asyncio.create_task(sweeps.ask_now(["gone"], 60))
        await stuck.asked.wait()
        sweeps.replace([])
        ((asked,),) = [await waiting]
        assert "configuration" in asked.error
        stuck.free.set()


async def test_a_lent_device_is_asked_by_nobody_else() -> None:
    source = FakeSource("a", device="bmc", period_s=0.01)
    async with running(source) as (sweeps, kept):
        await kept.until(lambda: kept.frames() >= 1)
        async with sweeps.lend("bmc", 60):
            before = source.asked
            assert source.running == 0
            await asyncio.sleep(0.1)
            assert source.asked == before
        await kept.until(lambda: source.asked > before)


async def test_a_device_that_does_not_come_free_is_busy() -> None:
    source, stuck = FakeSource("a", device="bmc", period_s=0.01), Stuck()
    source.act = stuck
    async with running(source) as (sweeps, _):
        await stuck.asked.wait()
        with pytest.raises(DeviceBusy):
            async with sweeps.lend("bmc", 0.1):
                pass
        stuck.free.set()


async def test_who_waits_for_a_lent_device_gets_it_next() -> None:
    order: list[int] = []
    async with running() as (sweeps, _):

        async def borrow(number: int) -> None:
            async with sweeps.lend("bmc", 60):
                order.append(number)
                await asyncio.sleep(0)
                order.append(number)

        await asyncio.gather(*(borrow(number) for number in range(4)))
    assert order[::2] == order[1::2]
