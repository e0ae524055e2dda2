"""From the desk to a real receiver: every event at least once, under one id, in order, soon, and across restarts."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.channels.signature import signing_key
from hardcase_collector.channels.webhook import WebhookChannel, WebhookSettings
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import OutboxRow, StateStore, Transaction
from hardcase_collector.notify.announcer import OutboxAnnouncer
from hardcase_collector.notify.delivery import Lane, LaneSettings
from hardcase_collector.notify.events import Sender
from hardcase_collector.notify.routing import Route

from tests.contracts.state_store import an_asset
from tests.fakes.empty_store import emptied_store, empty_store
from tests.peers.webhook_sink import SECRET, Answer, Sink
from tests.unit.collector.cases.bench import NOON, cleared, raised

_NUMBERS = itertools.count(1)
QUICK = LaneSettings(idle_s=0.02)


class Plant:
    """Desk, announcer and lane on one store; the clock is the test's."""

    def __init__(self, store: StateStore, sink: Sink) -> None:
        self.now_ms = NOON
        self.store = store
        sender = Sender(source="urn:hardcase:test", page_url="", title=lambda fault_class, language: fault_class)
        self.announcer = OutboxAnnouncer(sender, [Route(channel="hook")], owed=self.poke)
        settings = DeskSettings()
        self.desk = CaseDesk(self.announcer, settings)
        placing = Placing(self.announcer, reopen_ms=settings.reopen_ms, flap_raises=settings.flap_raises)
        self.actions = CaseActions(self.announcer, placing)
        self.sink = sink
        self.lane: Lane | None = None

    def poke(self) -> None:
        if self.lane is not None:
            self.lane.poke()

    def gave_up(self, tx: Transaction, row: OutboxRow, error: str, now_ms: int) -> None:
        self.actions.give_up_delivery(
            tx, row.case, channel=row.channel, error=error, attempts=row.attempts + 1, now_ms=now_ms
        )

    async def run_until(self, done: Callable[[], bool], *, settings: LaneSettings = QUICK) -> None:
        channel = WebhookChannel(WebhookSettings(name="hook", url=self.sink.url, key=signing_key(SECRET)))
        self.lane = Lane(
            self.store,
            channel,
            owner=f"run{next(_NUMBERS)}",
            clock_ms=lambda: self.now_ms,
            jitter=lambda: 0.5,
            gave_up=self.gave_up,
            settings=settings,
        )
        task = asyncio.create_task(self.lane.run())
        try:
            async with asyncio.timeout(120):
                while not done():  # noqa: ASYNC110  # what is waited for is in the store and at the receiver
                    await asyncio.sleep(0.01)
        finally:
            await self.lane.stop(deadline_s=60)
            await task
            await channel.close()

    def counts(self) -> dict[str, int]:
        with self.store.read() as tx:
            return dict(tx.outbox.counts())

    def asset(self) -> Asset:
        with self.store.write() as tx:
            return an_asset(tx)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(SECRET, clock_s=lambda: NOON / 1000) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def plant(request: pytest.FixtureRequest, tmp_path: Path, sink: Sink) -> Iterator[Plant]:
    if request.param == "postgresql":
        store = emptied_store(request.getfixturevalue("server"))
    else:
        store = empty_store(tmp_path / "state.db")
    yield Plant(store, sink)
    store.close()


def slots(count: int) -> list[Part]:
    return [Part(component="psu", slot=f"PSU{number}") for number in range(count)]


async def test_every_event_arrives_in_order_under_its_own_id(plant: Plant, sink: Sink) -> None:
    asset = plant.asset()
    with plant.store.write() as tx:
        for part in slots(20):
            first = raised(asset, part=part)
            second = raised(asset, "psu.failed", part=part, severity=Severity.CRITICAL)
            plant.desk.apply(tx, [first, second, cleared(first, NOON + 1)], now_ms=NOON)
    await plant.run_until(lambda: plant.counts()["owed"] == 0)
    assert len(sink.ids()) == len(set(sink.ids())) == 20 * 4
    versions = defaultdict(list)
    for one in sink.received:
        versions[one.body["subject"]].append(one.body["data"]["case"]["version"])
    assert all(seen == [1, 2, 3, 4] for seen in versions.values())


async def test_what_is_committed_is_on_its_way_without_waiting_for_a_turn(plant: Plant, sink: Sink) -> None:
    asset = plant.asset()

    def commit() -> None:
        with plant.store.write() as tx:
            plant.desk.apply(tx, [raised(asset)], now_ms=NOON)

    waiting = asyncio.create_task(plant.run_until(lambda: len(sink.ids()) == 1, settings=LaneSettings(idle_s=3600)))
    await asyncio.sleep(0.2)
    await asyncio.to_thread(commit)
    await waiting


async def test_failures_are_made_good_and_nothing_overtakes(plant: Plant, sink: Sink) -> None:
    asset = plant.asset()
    with plant.store.write() as tx:
        for part in slots(5):
            plant.desk.apply(tx, [raised(asset, part=part), raised(asset, "psu.failed", part=part)], now_ms=NOON)
    sink.script.extend([Answer(503), Answer(429, {"retry-after": "9"}), Answer(500), Answer(503)] * 3)

    def done() -> bool:
        # Time passes while nothing is on its way: what a slow machine takes for a delivery is none of the story's.
        if plant.lane is not None and not plant.lane._running and not plant.lane._outcomes:
            plant.now_ms += 1000
        return plant.counts()["owed"] == 0

    # The receiver's clock stands still; five minutes are its tolerance, and they pass before the last retry.
    sink._clock_s = lambda: plant.now_ms / 1000
    await plant.run_until(done)
    assert sorted(set(sink.ids())) == sorted(sink.ids())
    assert len(sink.ids()) == 10
    taken = [one.body["data"]["case"] for one in sink.received if one.status == 204]
    for number in {case["number"] for case in taken}:
        assert [case["version"] for case in taken if case["number"] == number] == [1, 2]


async def test_a_delivery_given_up_is_on_the_timeline_and_resent_by_hand(plant: Plant, sink: Sink) -> None:
    asset = plant.asset()
    with plant.store.write() as tx:
        plant.desk.apply(tx, [raised(asset)], now_ms=NOON)
    sink.script.append(Answer(404))
    await plant.run_until(lambda: plant.counts()["dead"] == 1)
    with plant.store.write() as tx:
        entries = [entry for entry in tx.cases.timeline(1) if entry.code == "delivery_given_up"]
        assert entries[0].parameters == {"channel": "hook", "error": "HTTP 404", "attempts": 1}
        tx.outbox.resend(tx.outbox.dead_letters(customer=None, limit=1)[0].id, now_ms=plant.now_ms)
    await plant.run_until(lambda: plant.counts()["delivered"] == 1)
    assert sink.ids() == ["test-HC-20261124-0001-v1"]


async def test_a_receiver_that_answers_after_the_process_died_sees_one_id_twice(plant: Plant, sink: Sink) -> None:
    """Delivered, but killed before it could be written down: sent again when the lease is over, under the same id."""
    asset = plant.asset()
    with plant.store.write() as tx:
        plant.desk.apply(tx, [raised(asset)], now_ms=NOON)
        (row,) = tx.outbox.claim(owner="killed", now_ms=NOON, lease_ms=1000, limit=1)
    channel = WebhookChannel(WebhookSettings(name="hook", url=sink.url, key=signing_key(SECRET)))
    assert (await channel.deliver(row, now_ms=NOON)).delivered
    await channel.close()
    plant.now_ms = NOON + 1000
    await plant.run_until(lambda: plant.counts()["delivered"] == 1)
    assert sink.ids() == ["test-HC-20261124-0001-v1"] * 2
