"""A list of a thousand assets costs as many queries as one of ten, and shows one page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hardcase_collector.domain.asset import Agent, AssetFacts, AssetMode
from hardcase_collector.domain.observation import Coverage, CoverageLine, Stamp
from hardcase_collector.domain.ports import FeedRow, Transaction
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web import picture
from sqlalchemy import Engine, event

from tests.fakes.empty_store import empty_store

NOW = 1_800_000_000_000


def add(tx: Transaction, number: int) -> None:
    agent = tx.agents.add(
        Agent(
            id=f"agent-{number}",
            number=0,
            customer="north",
            hostname=f"host-{number:04d}",
            machine_id=f"machine-{number}",
            dmi_uuid="",
            fingerprint="",
            enrolled_ms=NOW,
            last_seen_ms=NOW,
        )
    )
    asset = tx.assets.add(
        key=f"dell|{number}",
        basis="serial",
        facts=AssetFacts(vendor="Dell", model="R750", serial=str(number), hostname=f"host-{number:04d}"),
        customer="north",
        mode=AssetMode.LIVE,
        joined_ms=NOW,
        live_from_ms=NOW,
    )
    tx.assets.bind(asset.id, agent.number)
    stamp = Stamp(
        agent=agent.number,
        asset=asset.id,
        source="bmc",
        epoch=bytes(16),
        sequence=1,
        time_ms=NOW,
        received_ms=NOW,
        flag=0,
        backlog=False,
    )
    tx.assets.save_coverage(Coverage(stamp=stamp, lines=(CoverageLine(component="fan", status="watched"),)))
    feed = tx.feeds.feed(agent=agent.number, asset=asset.id, source="bmc")
    tx.feeds.save_rows([FeedRow(feed=feed.number, catalogue=0, state=b"", time_ms=NOW, received_ms=NOW)])


@contextmanager
def counted() -> Iterator[list[str]]:
    said: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = empty_store(tmp_path / "state.db")
    yield opened
    opened.close()


def test_a_thousand_assets_cost_the_queries_of_ten(store: SqlStateStore) -> None:
    asked = []
    for numbers in (range(10), range(10, 1000)):
        with store.write() as tx:
            for number in numbers:
                add(tx, number)
        with counted() as said, store.read() as tx:
            fleet = picture.fleet(tx, customer="north", now_ms=NOW)
        asked.append(len(said))

    assert asked[0] == asked[1] <= 10
    assert (fleet.total, fleet.found, len(fleet.lines), fleet.pages) == (1000, 1000, 100, 10)
    assert fleet.counts[picture.Condition.GOOD] == 1000
    assert fleet.lines[0].agents == ("host-0000",)


def test_a_page_beyond_the_last_is_the_last(store: SqlStateStore) -> None:
    with store.write() as tx:
        for number in range(11):
            add(tx, number)
        fleet = picture.fleet(tx, customer="north", now_ms=NOW, page=99, page_size=10)

    assert (fleet.page, [line.asset.facts.serial for line in fleet.lines]) == (2, ["10"])
