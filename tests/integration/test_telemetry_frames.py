"""Whole frames come back from open tables and from sealed files as they went in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.domain.observation import Catalogue, Frame, GapReason
from hardcase_collector.domain.stored_frame import StoredFrame
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore

from tests.contracts.telemetry_store import DAY, NOON, mark
from tests.fakes.frames import catalogue, frame
from tests.integration.test_telemetry_store import settle


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckTelemetryStore]:
    opened = DuckTelemetryStore(tmp_path)
    yield opened
    opened.close()


def read(store: DuckTelemetryStore, from_ms: int = NOON - DAY, until_ms: int = NOON + DAY) -> list[StoredFrame]:
    return list(store.frames(1, from_ms=from_ms, until_ms=until_ms))


def told(one: Frame | StoredFrame) -> tuple[object, ...]:
    """All but the ages of gaps, which a sealed day does not keep, and what a state says where it is a gap."""
    number = one.catalogue.number if isinstance(one.catalogue, Catalogue) else one.catalogue
    offsets = one.offsets_ms if any(one.offsets_ms) else b""
    return (
        number, one.agent, one.epoch, one.sequence, one.time_ms, one.wall_ms, one.flag, one.values, one.states,
        one.gap_index, one.gap_reason, offsets,
    )  # fmt: skip


def some_frames(of: Catalogue, count: int = 200) -> list[Frame]:
    rng = random.Random(7)
    return [
        frame(
            of,
            at + 1,
            NOON + at * 60_000,
            [rng.uniform(-50, 90) for _ in range(of.numbers)],
            states=[rng.randrange(1 << 32)],
            gaps={index: GapReason.BUSY for index in range(4) if rng.random() < 0.2},
            offsets=[0, 300, 900, 40_000] if at % 3 == 0 else (),
        )
        for at in range(count)
    ]


@pytest.mark.parametrize("width", [4, 8])
def test_sealing_changes_no_frame(store: DuckTelemetryStore, width: int) -> None:
    sent = some_frames(catalogue(width=width))
    store.append(sent, mark(200))
    before = read(store)
    assert [told(one) for one in before] == [told(one) for one in sent]
    assert before[0].gap_age_s == sent[0].gap_age_s
    settle(store)
    assert [told(one) for one in read(store)] == [told(one) for one in sent]


def test_only_what_began_in_the_span_and_of_the_feed_is_read(store: DuckTelemetryStore) -> None:
    sent = some_frames(catalogue())
    store.append([*sent, frame(catalogue(2, feed=2), 201, NOON)], mark(201))
    for _ in range(2):
        found = read(store, NOON + 60_000, NOON + 5 * 60_000)
        assert [one.sequence for one in found] == [2, 3, 4, 5]
        settle(store)


def test_a_catalogue_that_changed_on_the_way_keeps_its_own_frames(store: DuckTelemetryStore) -> None:
    old = catalogue(1, first_sensor=100)
    new = catalogue(2, numbers=2, first_sensor=101)
    sent = [frame(old, at, NOON + at * 1000, [at, at + 0.5, -at]) for at in range(1, 6)]
    sent += [frame(new, at, NOON + at * 1000, [at, at * 2]) for at in range(6, 12)]
    sent += [frame(old, at, NOON + at * 1000, [at, at + 0.5, -at]) for at in range(12, 15)]
    store.append(sent, mark(14))
    settle(store)
    assert [told(one) for one in read(store)] == [told(one) for one in sent]


def test_late_frames_are_put_where_they_belong(store: DuckTelemetryStore) -> None:
    of = catalogue()
    on_time = [frame(of, at, NOON + at * 60_000) for at in range(1, 20)]
    store.append(on_time, mark(19))
    settle(store)
    late = [frame(of, at, NOON + at * 60_000 - 20 * 60_000 + 30_000) for at in range(20, 30)]
    store.append(late, mark(29))
    expected = sorted([*on_time, *late], key=lambda one: (one.time_ms, one.sequence))
    for _ in range(2):
        assert [told(one) for one in read(store)] == [told(one) for one in expected]
        settle(store)


def test_a_feed_that_never_sent_has_no_frames(store: DuckTelemetryStore) -> None:
    assert read(store) == []
