"""The pump: order per case, retries, dead letters, leases, stopping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.ports import DeliveryResult, OutboxRow, StateStore, Transaction
from hardcase_collector.notify.delivery import Lane, LaneSettings, give_up_orphans
from hardcase_collector.notify.retry import TIMETABLE_S
from hardcase_collector.storage.state import SqlStateStore

from tests.contracts.state_store import NOON, a_case, an_asset, owe
from tests.fakes.channel import FakeChannel
from tests.fakes.empty_store import empty_store

REFUSED = DeliveryResult(delivered=False, detail="HTTP 503")
GONE = DeliveryResult(delivered=False, permanent=True, detail="HTTP 410")
QUICK = LaneSettings(idle_s=0.01, pause_s=0.01, concurrency=4)


class Given:
    """Remembers what was given up."""

    def __init__(self) -> None:
        self.up: list[tuple[int, str]] = []

    def __call__(self, tx: Transaction, row: OutboxRow, error: str, now_ms: int) -> None:
        self.up.append((row.version, error))


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOON

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    opened = empty_store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def cases(store: StateStore, count: int) -> list[Case]:
    with store.write() as tx:
        return [tx.cases.add(a_case(an_asset(tx, f"k{number}"))) for number in range(count)]


def owed(store: StateStore, case: Case, *versions: int, channel: str = "hook") -> None:
    with store.write() as tx:
        for version in versions:
            owe(tx, case, version, channel=channel)


@asynccontextmanager
async def running(
    store: StateStore,
    channel: FakeChannel,
    clock: Clock,
    given: Given | None = None,
    settings: LaneSettings = QUICK,
) -> AsyncIterator[Lane]:
    lane = Lane(
        store,
        channel,
        owner="test",
        clock_ms=clock,
        jitter=lambda: 0.5,
        gave_up=given or Given(),
        settings=settings,
    )
    task = asyncio.create_task(lane.run())
    try:
        yield lane
    finally:
        await lane.stop(deadline_s=0.2)
        await task


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not done():  # noqa: ASYNC110  # what is waited for is in the store
            await asyncio.sleep(0.005)


def counts(store: StateStore) -> dict[str, int]:
    with store.read() as tx:
        return dict(tx.outbox.counts())


async def test_a_collector_that_was_killed_goes_on_at_once_where_it_was(store: StateStore, clock: Clock) -> None:
    """One process has the data directory: what its owner leased before this start was leased by a dead one."""
    (case,) = cases(store, 1)
    owed(store, case, 1)
    with store.write() as tx:
        tx.outbox.claim(owner="test/hook", now_ms=NOON, lease_ms=120_000, limit=8)
    channel = FakeChannel()
    async with running(store, channel, clock):
        await until(lambda: counts(store)["delivered"] == 1)


async def test_the_events_of_a_case_arrive_in_order(store: StateStore, clock: Clock) -> None:
    one, two = cases(store, 2)
    owed(store, one, 1, 2, 3)
    owed(store, two, 1, 2)
    channel = FakeChannel()
    async with running(store, channel, clock):
        await until(lambda: counts(store)["delivered"] == 5)
    assert [row.version for row in channel.taken if row.case == one.id] == [1, 2, 3]
    assert [row.version for row in channel.taken if row.case == two.id] == [1, 2]


async def test_a_poke_starts_at_once_what_was_just_committed(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    channel = FakeChannel()
    async with running(store, channel, clock, settings=LaneSettings(idle_s=3600)) as lane:
        owed(store, case, 1)
        lane.poke()
        await until(lambda: counts(store)["delivered"] == 1)


async def test_a_refused_event_waits_for_its_time_and_keeps_its_id(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1, 2)
    channel = FakeChannel(script=[REFUSED])
    async with running(store, channel, clock):
        await until(lambda: first(store, case).attempts == 1)
        clock.now_ms = NOON + 4_999
        await asyncio.sleep(0.05)
        assert len(channel.attempts) == 1
        clock.now_ms = NOON + 5_000
        await until(lambda: counts(store)["delivered"] == 2)
    assert [row.version for row in channel.attempts] == [1, 1, 2]
    assert channel.attempts[0].event_id == channel.attempts[1].event_id


async def test_a_case_that_fails_blocks_no_other(store: StateStore, clock: Clock) -> None:
    one, two = cases(store, 2)
    owed(store, one, 1, 2)
    channel = FakeChannel(script=[REFUSED])
    async with running(store, channel, clock):
        await until(lambda: len(channel.attempts) == 1)
        owed(store, two, 1, 2, 3)
        await until(lambda: counts(store)["delivered"] == 3)
    assert {row.case for row in channel.taken} == {two.id}


async def test_an_event_refused_for_good_is_dead_at_once_and_said_loudly(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1, 2)
    given = Given()
    async with running(store, FakeChannel(script=[GONE]), clock, given):
        await until(lambda: counts(store) == {"owed": 0, "delivered": 1, "dead": 1})
    assert given.up == [(1, "HTTP 410")]


async def test_after_the_last_try_an_event_is_dead_and_said_loudly(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1)
    given = Given()
    tries = len(TIMETABLE_S) + 1
    channel = FakeChannel(script=[REFUSED] * tries)
    async with running(store, channel, clock, given):
        for attempt in range(1, tries + 1):
            await until(lambda wanted=attempt: first(store, case).attempts == wanted)
            clock.now_ms += 2 * 86_400_000
        await until(lambda: counts(store)["dead"] == 1)
    assert given.up == [(1, "HTTP 503")]


async def test_a_dead_letter_is_delivered_when_it_is_resent(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1)
    channel = FakeChannel(script=[GONE])
    async with running(store, channel, clock) as lane:
        await until(lambda: counts(store)["dead"] == 1)
        with store.write() as tx:
            tx.outbox.resend(tx.outbox.dead_letters(customer=None, limit=1)[0].id, now_ms=clock())
        lane.poke()
        await until(lambda: counts(store)["delivered"] == 1)
    assert [row.event_id for row in channel.attempts] == [channel.taken[0].event_id] * 2


async def test_a_channel_that_breaks_is_a_refusal_that_tells_no_secret(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1)
    channel = FakeChannel(script=[ValueError("https://token@host/")])
    async with running(store, channel, clock):
        await until(lambda: first(store, case).attempts == 1)
        clock.now_ms += 10_000
        await until(lambda: counts(store)["delivered"] == 1)
    assert channel.attempts[1].last_error == "the channel failed: ValueError"


async def test_a_delivery_that_hangs_is_given_up_for_this_time(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1)
    channel = FakeChannel()
    channel.gate.clear()
    async with running(store, channel, clock, settings=LaneSettings(idle_s=0.01, attempt_s=0.05)):
        await until(lambda: len(channel.attempts) == 1)
        await until(lambda: first(store, case).last_error == "no answer within 0.05 s")


async def test_so_many_at_a_time_and_no_more(store: StateStore, clock: Clock) -> None:
    for case in cases(store, 12):
        owed(store, case, 1)
    channel = FakeChannel()
    channel.gate.clear()
    async with running(store, channel, clock):
        await until(lambda: len(channel.attempts) == 4)
        await asyncio.sleep(0.05)
        assert len(channel.attempts) == 4
        channel.gate.set()
        await until(lambda: counts(store)["delivered"] == 12)
    assert channel.most_at_once == 4


async def test_stopping_gives_up_what_hangs_and_hands_it_back(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1)
    channel = FakeChannel()
    channel.gate.clear()
    async with running(store, channel, clock):
        await until(lambda: len(channel.attempts) == 1)
    with store.write() as tx:
        free = tx.outbox.claim(owner="another", now_ms=clock(), lease_ms=1, limit=1)
    assert [row.attempts for row in free] == [0]


async def test_what_a_dead_process_had_in_hand_is_sent_again_under_its_id(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1)
    with store.write() as tx:
        lost = tx.outbox.claim(owner="dead", now_ms=clock(), lease_ms=60_000, limit=1)
    channel = FakeChannel()
    async with running(store, channel, clock):
        clock.now_ms = NOON + 60_000
        await until(lambda: counts(store)["delivered"] == 1)
    assert channel.taken[0].event_id == lost[0].event_id


async def test_a_store_that_refuses_is_told_and_tried_again(store: SqlStateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1)
    channel = FakeChannel()
    refusing = Refusing(store)
    async with running(refusing, channel, clock) as lane:
        await until(lambda: lane.trouble != "")
        refusing.refuses = False
        await until(lambda: counts(store)["delivered"] == 1)
        await until(lambda: lane.trouble == "")


class Refusing:
    """A store whose disk is full for a while."""

    def __init__(self, store: SqlStateStore) -> None:
        self._store = store
        self.refuses = True
        self.read, self.run, self.healthy, self.close = store.read, store.run, store.healthy, store.close

    def write(self):  # type: ignore[no-untyped-def]  # as StateStore.write
        if self.refuses:
            raise StoreFailed("the disk is full")
        return self._store.write()


def test_what_is_owed_to_a_channel_that_is_gone_becomes_a_dead_letter(store: StateStore, clock: Clock) -> None:
    (case,) = cases(store, 1)
    owed(store, case, 1, 2, channel="old")
    owed(store, case, 1, channel="hook")
    given = Given()
    assert give_up_orphans(store, ["hook"], owner="test", clock_ms=clock, gave_up=given) == 2
    assert counts(store) == {"owed": 1, "delivered": 0, "dead": 2}
    assert given.up == [(1, "channel old is no longer configured"), (2, "channel old is no longer configured")]


def first(store: StateStore, case: Case) -> OutboxRow:
    with store.read() as tx:
        return tx.outbox.of_case(case.id)[0]
