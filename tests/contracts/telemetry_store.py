"""What every TelemetryStore does; run against the fake and against DuckDB."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.observation import GapReason
from hardcase_collector.domain.ports import EpochKey, Mark, TelemetryStore

from tests.fakes.frames import EPOCH, catalogue, frame

DAY = 86_400_000
NOON = 20_000 * DAY + DAY // 2
KEY = EpochKey(1, EPOCH)


def mark(through: int, last_ms: int = NOON) -> dict[EpochKey, Mark]:
    return {KEY: Mark(through=through, last_time_ms=last_ms)}


class TelemetryStoreContract:
    """Subclass it with a `store` fixture."""

    @pytest.fixture
    def store(self) -> TelemetryStore:
        raise NotImplementedError

    def test_a_frame_comes_back_as_samples(self, store: TelemetryStore) -> None:
        of = catalogue()
        store.append([frame(of, 1, NOON, [1.5, 2.5, -40.0], states=[2])], mark(1))
        samples = store.series(of.sensor_numbers[2], from_ms=NOON, until_ms=NOON + 1, limit=10)
        assert [(one.time_ms, one.value, one.states, one.gap) for one in samples] == [(NOON, -40.0, None, 0)]
        samples = store.series(of.sensor_numbers[3], from_ms=NOON, until_ms=NOON + 1, limit=10)
        assert [(one.value, one.states, one.gap) for one in samples] == [(None, 2, 0)]

    def test_a_gap_is_a_gap_and_never_zero(self, store: TelemetryStore) -> None:
        of = catalogue()
        store.append([frame(of, 1, NOON, gaps={1: GapReason.ASLEEP, 3: GapReason.HUNG})], mark(1))
        for index, reason in ((1, GapReason.ASLEEP), (3, GapReason.HUNG)):
            samples = store.series(of.sensor_numbers[index], from_ms=0, until_ms=2 * NOON, limit=10)
            assert [(one.value, one.states, one.gap) for one in samples] == [(None, None, reason)]

    def test_doubles_keep_their_precision(self, store: TelemetryStore) -> None:
        of = catalogue(width=8, source="smart.ata")
        store.append([frame(of, 1, NOON, [2.0**40 + 1, 0.1, 3.0])], mark(1))
        samples = store.series(of.sensor_numbers[0], from_ms=0, until_ms=2 * NOON, limit=1)
        assert samples[0].value == 2.0**40 + 1

    def test_an_offset_moves_its_sensor_alone(self, store: TelemetryStore) -> None:
        of = catalogue()
        store.append([frame(of, 1, NOON, offsets=[0, 700, 1400, 2100])], mark(1))
        for index, offset in enumerate((0, 700, 1400, 2100)):
            samples = store.series(of.sensor_numbers[index], from_ms=0, until_ms=2 * NOON, limit=1)
            assert samples[0].time_ms == NOON + offset

    def test_frames_at_or_below_the_mark_are_passed_over(self, store: TelemetryStore) -> None:
        of = catalogue()
        store.append([frame(of, at, NOON + at) for at in (1, 2)], mark(2))
        store.append([frame(of, at, NOON + at) for at in (1, 2, 3)], mark(3))
        counted = store.recount()
        assert (counted.frames, counted.samples, counted.doubled) == (3, 12, 0)
        assert counted.by_epoch == {KEY: 3}

    def test_a_mark_never_goes_back(self, store: TelemetryStore) -> None:
        store.append([], mark(9))
        store.append([], mark(4))
        assert store.marks(1)[EPOCH].through == 9
        assert store.marks(2) == {}

    def test_a_new_epoch_starts_at_one_again(self, store: TelemetryStore) -> None:
        of, other = catalogue(), b"f" * 16
        store.append([frame(of, 1, NOON)], mark(1))
        store.append(
            [frame(of, 1, NOON + 1, epoch=other)], {EpochKey(1, other): Mark(through=1, last_time_ms=NOON + 1)}
        )
        assert store.recount().frames == 2
        assert store.recount().doubled == 0

    def test_series_is_in_order_of_time_across_days_and_bounded(self, store: TelemetryStore) -> None:
        of = catalogue()
        times = [NOON - 2 * DAY, NOON, NOON - DAY, NOON + 5, NOON - 3 * DAY]
        store.append([frame(of, at + 1, time) for at, time in enumerate(times)], mark(5))
        samples = store.series(of.sensor_numbers[0], from_ms=NOON - 2 * DAY, until_ms=NOON + 5, limit=10)
        assert [one.time_ms for one in samples] == [NOON - 2 * DAY, NOON - DAY, NOON]
        newest = store.series(of.sensor_numbers[0], from_ms=0, until_ms=2 * NOON, limit=2)
        assert [one.time_ms for one in newest] == [NOON, NOON + 5]

    def test_a_sensor_keeps_its_series_across_catalogues(self, store: TelemetryStore) -> None:
        old, new = catalogue(1), catalogue(2, numbers=5, first_sensor=100)
        store.append([frame(old, 1, NOON), frame(new, 2, NOON + 1)], mark(2))
        samples = store.series(100, from_ms=0, until_ms=2 * NOON, limit=10)
        assert [one.value for one in samples] == [1.0, 2.0]
        # Number 3 was a state sensor of the old catalogue and is a number of the new one.
        samples = store.series(103, from_ms=0, until_ms=2 * NOON, limit=10)
        assert [(one.value, one.states) for one in samples] == [(None, 1), (2.0, None)]

    def test_an_unknown_sensor_has_no_samples(self, store: TelemetryStore) -> None:
        assert store.series(4711, from_ms=0, until_ms=2 * NOON, limit=10) == []

    def test_it_says_that_it_is_well(self, store: TelemetryStore) -> None:
        assert store.healthy() == ""
