"""DuckDB behind the telemetry port: the contract, sealing, a stop at every step of it, late frames, retention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.observation import Frame, GapReason
from hardcase_collector.domain.ports import EpochKey, Mark
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore

from tests.contracts.telemetry_store import DAY, KEY, NOON, TelemetryStoreContract, mark
from tests.fakes.frames import catalogue, frame

LATER = NOON + 2 * DAY
STEPS = ("written", "renamed", "folder synced", "listing", "listed")


class Stopped(BaseException):
    """What a kill looks like from inside: nothing catches it."""


class StopAt:
    def __init__(self, step: str) -> None:
        self.step = step

    def __call__(self, name: str) -> None:
        if name == self.step:
            raise Stopped(name)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckTelemetryStore]:
    opened = DuckTelemetryStore(tmp_path)
    yield opened
    opened.close()


class TestOpenTables(TelemetryStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DuckTelemetryStore]:
        opened = DuckTelemetryStore(tmp_path)
        yield opened
        opened.close()


class SealsAfterEveryAppend(DuckTelemetryStore):
    """Every frame is in a file by the time it is read."""

    def append(self, frames, marks):  # type: ignore[no-untyped-def]
        super().append(frames, marks)
        settle(self)


class TestSealedFiles(TelemetryStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DuckTelemetryStore]:
        opened = SealsAfterEveryAppend(tmp_path)
        yield opened
        opened.close()


def settle(store: DuckTelemetryStore, now_ms: int = LATER, calls: int = 30) -> None:
    for _ in range(calls):
        store.maintain(now_ms)


def day_of_frames(count: int = 50, first: int = 1, start_ms: int = NOON) -> list[Frame]:
    of = catalogue()
    gap = {1: GapReason.BUSY}
    return [
        frame(of, first + at, start_ms + at * 1000, [20.0 + at % 7, 1.0, 2.0], gaps=gap if at % 5 == 0 else None)
        for at in range(count)
    ]


def picture(store: DuckTelemetryStore) -> dict[int, list[tuple[int, float | None, int | None, int]]]:
    return {
        number: [
            (one.time_ms, one.value, one.states, one.gap)
            for one in store.series(number, from_ms=0, until_ms=2 * NOON, limit=10_000)
        ]
        for number in catalogue().sensor_numbers
    }


def tables(folder: Path) -> list[str]:
    with duckdb.connect(str(folder / "telemetry.duckdb")) as db:
        return [name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()]


def test_sealing_changes_nothing_that_is_read(tmp_path: Path, store: DuckTelemetryStore) -> None:
    store.append(day_of_frames(), mark(50))
    before, counted = picture(store), store.recount()
    store.maintain(LATER)
    assert picture(store) == before
    assert store.recount() == counted
    assert sorted(path.suffixes for path in (tmp_path / "sealed").iterdir()) == [
        [".frames", ".parquet"],
        [".samples", ".parquet"],
    ]
    store.close()
    assert not [name for name in tables(tmp_path) if name.startswith("frames_")]


def test_the_present_day_stays_open(tmp_path: Path, store: DuckTelemetryStore) -> None:
    store.append(day_of_frames(), mark(50))
    settle(store, NOON + 3_600_000)
    assert not list((tmp_path / "sealed").iterdir())


def test_a_day_that_is_being_caught_up_on_stays_open(tmp_path: Path, store: DuckTelemetryStore) -> None:
    late = day_of_frames()
    for one in late:
        one.received_ms = LATER - 60_000
    store.append(late, mark(50))
    settle(store, LATER)
    assert not list((tmp_path / "sealed").iterdir())
    settle(store, LATER + 3_600_000)
    assert list((tmp_path / "sealed").iterdir())


@pytest.mark.parametrize("step", STEPS)
def test_a_stop_at_any_step_of_sealing_loses_and_doubles_nothing(tmp_path: Path, step: str) -> None:
    store = DuckTelemetryStore(tmp_path, step=StopAt(step))
    store.append(day_of_frames(), mark(50))
    before, counted = picture(store), store.recount()
    with pytest.raises(Stopped):
        store.maintain(LATER)
    store.close()
    again = DuckTelemetryStore(tmp_path)
    assert picture(again) == before
    assert again.recount() == counted
    # Seven-day-old frames come after it, and the day is sealed all the same.
    again.append(day_of_frames(first=51, start_ms=NOON - 7 * DAY), mark(100))
    settle(again)
    again.append(day_of_frames(first=101, start_ms=NOON + 100_000), mark(150))
    settle(again)
    counted = again.recount()
    assert (counted.frames, counted.samples, counted.doubled) == (150, 600, 0)
    listed = {path.name for path in (tmp_path / "sealed").iterdir()}
    assert len(listed) == 6
    assert not [name for name in listed if name.endswith(".tmp")]
    again.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_stop_at_any_step_of_compacting_loses_and_doubles_nothing(tmp_path: Path, step: str) -> None:
    store = DuckTelemetryStore(tmp_path)
    for part in range(5):
        store.append(day_of_frames(first=1 + 50 * part, start_ms=NOON + part), mark(50 * part + 50))
        store.maintain(LATER)
    before, counted = picture(store), store.recount()
    store.close()
    stopping = DuckTelemetryStore(tmp_path, step=StopAt(step))
    with pytest.raises(Stopped):
        stopping.maintain(LATER)
    stopping.close()
    again = DuckTelemetryStore(tmp_path)
    assert picture(again) == before
    assert again.recount() == counted
    settle(again)
    assert picture(again) == before
    assert again.recount() == counted
    assert len(list((tmp_path / "sealed").iterdir())) == 2
    again.close()


def test_late_frames_of_a_sealed_day_become_a_further_part(tmp_path: Path, store: DuckTelemetryStore) -> None:
    store.append(day_of_frames(), mark(50))
    settle(store)
    store.append(day_of_frames(first=51, start_ms=NOON + 500), mark(100))
    assert store.recount().frames == 100
    settle(store)
    assert store.recount().frames == 100
    assert len(list((tmp_path / "sealed").glob("*.samples.parquet"))) == 2


def test_frames_that_arrive_while_their_day_is_sealed_go_to_a_further_part(tmp_path: Path) -> None:
    def late(name: str) -> None:
        if name == "renamed" and store.marks(1)[KEY.epoch].through == 50:
            store.append(day_of_frames(first=51, start_ms=NOON + 500), mark(100))

    store = DuckTelemetryStore(tmp_path, step=late)
    store.append(day_of_frames(), mark(50))
    settle(store)
    counted = store.recount()
    assert (counted.frames, counted.doubled) == (100, 0)
    store.close()


def test_five_parts_of_a_day_become_one(tmp_path: Path, store: DuckTelemetryStore) -> None:
    for part in range(5):
        store.append(day_of_frames(first=1 + 50 * part, start_ms=NOON + part), mark(50 * part + 50))
        store.maintain(LATER)
    before = picture(store)
    settle(store)
    assert picture(store) == before
    assert [path.name for path in sorted((tmp_path / "sealed").iterdir())] == [
        "20241004-6-sensors.frames.parquet",
        "20241004-6-sensors.samples.parquet",
    ]
    store.append(day_of_frames(first=251, start_ms=NOON + 9), mark(300))
    settle(store)
    assert store.recount().frames == 300


def test_retention_drops_sensors_long_before_counters(tmp_path: Path, store: DuckTelemetryStore) -> None:
    smart = catalogue(2, width=8, source="smart.ata", feed=2)
    store.append(
        [*day_of_frames(), *(frame(smart, 51 + at, NOON + at) for at in range(3))],
        mark(53),
    )
    settle(store)
    assert store.recount().frames == 53
    settle(store, NOON + 91 * DAY)
    assert store.recount().frames == 3
    settle(store, NOON + 1900 * DAY)
    assert store.recount().frames == 0
    assert not list((tmp_path / "sealed").iterdir())
    # What was dropped is not taken again: the mark stands.
    store.append(day_of_frames(), mark(53))
    assert store.recount().frames == 0


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    store = DuckTelemetryStore(tmp_path)
    store.append(day_of_frames(), mark(50))
    before = picture(store)
    store.close()
    again = DuckTelemetryStore(tmp_path)
    assert picture(again) == before
    assert again.marks(1)[KEY.epoch] == Mark(through=50, last_time_ms=NOON)
    again.append(day_of_frames(first=41, start_ms=NOON), mark(90))
    assert again.recount().frames == 90
    again.close()


def test_a_failed_append_keeps_nothing_and_the_store_goes_on(store: DuckTelemetryStore) -> None:
    store.append(day_of_frames(), mark(50))
    broken = day_of_frames(first=51)
    broken[-1].agent = 2**40
    with pytest.raises(StoreFailed):
        store.append(broken, mark(100))
    assert store.healthy() == ""
    assert store.recount().frames == 50
    assert store.marks(1)[KEY.epoch].through == 50
    store.append(day_of_frames(first=51), mark(100))
    assert store.recount().frames == 100


def test_many_epochs_do_not_make_the_marks_grow_without_end(
    tmp_path: Path, store: DuckTelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hardcase_collector.storage.telemetry.store.MARKS_KEPT", 10)
    monkeypatch.setattr("hardcase_collector.storage.telemetry.engine.CHECKPOINT_BYTES", 1)
    for at in range(1, 40):
        store.append([], {EpochKey(1, bytes([at % 3]) * 16): Mark(through=at, last_time_ms=at)})
    store.close()
    with duckdb.connect(str(tmp_path / "telemetry.duckdb")) as db:
        rows = db.execute("SELECT count(*) FROM marks").fetchone()
    assert rows is not None
    assert rows[0] <= 14


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    DuckTelemetryStore(tmp_path).close()
    with duckdb.connect(str(tmp_path / "telemetry.duckdb")) as db:
        db.execute("UPDATE about SET version = 99")
    with pytest.raises(StoreFailed, match="99"):
        DuckTelemetryStore(tmp_path)
