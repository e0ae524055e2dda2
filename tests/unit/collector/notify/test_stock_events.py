"""Low stock on its way to the channels: what is told, to whom, and where it is said that a channel did not take it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_collector import desks
from hardcase_collector.delivering import given_up
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import StateStore, StockNews
from hardcase_collector.domain.spares import Depot, Spare, StockLevel, StockLine
from hardcase_collector.notify.announcer import OutboxAnnouncer
from hardcase_collector.notify.events import Sender
from hardcase_collector.notify.routing import Drills, Route
from hardcase_collector.notify.stock_events import stock_event_id

from tests.contracts.state_store import NOON
from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import Bench

SENDER = Sender(source="urn:hardcase:test", page_url="", title=lambda fault, language: fault)
NEWS = StockNews(
    line=StockLine(
        depot="shanghai",
        part_number="02.JG",
        free=1,
        minimum=2,
        reorder_point=4,
        level=StockLevel.LOW,
        told=7,
    ),
    was=StockLevel.REORDER,
    spare=Spare(part_number="02.JG", component="disk", title="4 TB"),
    depot=Depot(name="shanghai", title="Pudong", customer="north"),
    actor="li",
    at_ms=NOON,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    opened = empty_store(tmp_path / "state.db")
    yield opened
    opened.close()


def announced(store: StateStore, *routes: Route) -> list[str]:
    """Channels that are owed it."""
    with store.write() as tx:
        OutboxAnnouncer(SENDER, routes, owed=lambda: None).announce_stock(tx, NEWS)
        return list(tx.outbox.channels_owed())


def test_low_stock_is_owed_with_part_depot_level_and_marks(store: StateStore) -> None:
    assert announced(store, Route(channel="hook")) == ["hook"]
    with store.write() as tx:
        (row,) = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=9)
    event = json.loads(row.body)
    assert (row.case, row.subject, row.version) == (None, "shanghai/02.JG", 7)
    assert (event["id"], event["type"]) == (row.event_id, "io.hardcase.stock.low.v1")
    stock = event["data"]["stock"]
    assert (stock["depot"], stock["part_number"], stock["level"], stock["was"]) == (
        "shanghai",
        "02.JG",
        "low",
        "reorder",
    )
    assert (stock["free"], stock["minimum"], stock["reorder_level"], stock["customer"]) == (1, 2, 4, "north")


def test_the_end_of_it_is_an_event_of_its_own_under_another_id(store: StateStore) -> None:
    over = replace(NEWS, line=replace(NEWS.line, level=StockLevel.ENOUGH, told=8), was=StockLevel.LOW)
    with store.write() as tx:
        OutboxAnnouncer(SENDER, [Route(channel="hook")], owed=lambda: None).announce_stock(tx, over)
        (row,) = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=9)
    assert json.loads(row.body)["type"] == "io.hardcase.stock.enough.v1"
    assert stock_event_id(over, SENDER) != stock_event_id(NEWS, SENDER)
    assert "." not in stock_event_id(NEWS, SENDER)


def test_channels_for_drills_and_for_what_is_graver_hear_nothing_of_stock(store: StateStore) -> None:
    graver = Route(channel="graver", min_severity=Severity.MAJOR)
    assert announced(store, graver, Route(channel="drills", drills=Drills.ONLY)) == []


def test_a_channel_that_does_not_take_it_is_told_of_in_the_audit_log(store: StateStore) -> None:
    announced(store, Route(channel="hook"))
    bench = Bench(store)
    with store.write() as tx:
        (row,) = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=9)
        given_up(bench.actions)(tx, row, "HTTP 410", NOON)
        (entry,) = [one for one in tx.access.audits(customer=None, limit=9) if one.action == "delivery.given_up"]
    assert (entry.subject, dict(entry.facts)["error"]) == ("shanghai/02.JG", "HTTP 410")


def test_the_collector_tells_its_channels_of_low_stock(store: StateStore) -> None:
    announcer = OutboxAnnouncer(SENDER, [Route(channel="hook")], owed=lambda: None)
    house = desks.spares(announcer, lambda: pytest.fail("stock asks no sheet"))
    by = Actor(name="li", role=Role.MANAGER, customer=None)
    with store.write() as tx:
        tx.spares.save_depot(Depot(name="shanghai"))
        tx.spares.save_spare(NEWS.spare)
        house.stock.mark(tx, "shanghai", "02.JG", minimum=1, reorder_point=0, by=by, now_ms=NOON)
        (row,) = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=9)
    assert row.subject == "shanghai/02.JG"
