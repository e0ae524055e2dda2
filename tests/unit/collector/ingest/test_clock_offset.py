"""Corrected time: examples, and the promise that no frame is refused for its time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hardcase_collector.domain.observation import TimeFlag
from hardcase_collector.ingest.clock_offset import OLDEST_MS, TOLERANCE_MS, ClockOffset
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000_000
BOOT = b"b" * 16
UINT64 = st.integers(0, 2**64 - 1)


def clock(*, skew_ms: int = 0, uptime_ms: int = 1_000_000) -> ClockOffset:
    known = ClockOffset()
    known.heard(boot_id=BOOT, wall_ms=NOW + skew_ms, boot_ms=uptime_ms, received_ms=NOW)
    return known


def correct(known: ClockOffset, *, age_ms: int, skew_ms: int = 0, boot_id: bytes = b"", last_ms: int = 0):
    return known.correct(
        wall_ms=NOW + skew_ms - age_ms,
        boot_ms=1_000_000 - age_ms,
        boot_id=boot_id,
        received_ms=NOW,
        last_ms=last_ms,
    )


def test_a_good_clock_is_believed() -> None:
    assert correct(clock(), age_ms=60_000) == (NOW - 60_000, TimeFlag.EXACT)


@pytest.mark.parametrize("skew_ms", [-TOLERANCE_MS, TOLERANCE_MS])
def test_two_seconds_off_are_still_the_agents_own_time(skew_ms: int) -> None:
    assert correct(clock(), age_ms=60_000, skew_ms=skew_ms) == (NOW - 60_000 + skew_ms, TimeFlag.EXACT)


@pytest.mark.parametrize("skew_ms", [-86_400_000 * 365, -TOLERANCE_MS - 1, TOLERANCE_MS + 1, 86_400_000 * 365])
def test_a_wrong_clock_is_corrected_and_flagged(skew_ms: int) -> None:
    known = clock(skew_ms=skew_ms)
    assert correct(known, age_ms=60_000, skew_ms=skew_ms) == (NOW - 60_000, TimeFlag.CORRECTED)


def test_a_step_of_the_wall_clock_between_reading_and_sending_does_not_matter() -> None:
    known = clock()
    time_ms, flag = known.correct(
        wall_ms=NOW - 3_600_000, boot_ms=1_000_000 - 1_000, boot_id=b"", received_ms=NOW, last_ms=0
    )
    assert (time_ms, flag) == (NOW - 1_000, TimeFlag.CORRECTED)


def test_an_earlier_boot_lies_between_the_last_acknowledged_time_and_now() -> None:
    known = clock()
    other = b"o" * 16
    assert correct(known, age_ms=5_000, boot_id=other) == (NOW - 5_000, TimeFlag.UNCERTAIN)
    assert correct(known, age_ms=5_000, boot_id=other, last_ms=NOW - 1_000) == (NOW - 1_000, TimeFlag.UNCERTAIN)
    assert correct(known, age_ms=-9_000, boot_id=other) == (NOW, TimeFlag.UNCERTAIN)
    assert correct(known, age_ms=5_000, boot_id=BOOT) == (NOW - 5_000, TimeFlag.EXACT)


def test_the_quickest_of_the_last_greetings_counts() -> None:
    known = ClockOffset()
    known.heard(boot_id=BOOT, wall_ms=0, boot_ms=1_000, received_ms=NOW + 900)
    known.heard(boot_id=BOOT, wall_ms=0, boot_ms=2_000, received_ms=NOW + 1_010)
    known.heard(boot_id=BOOT, wall_ms=0, boot_ms=3_000, received_ms=NOW + 2_500)
    time_ms, _ = known.correct(wall_ms=0, boot_ms=2_500, boot_id=b"", received_ms=NOW + 3_000, last_ms=0)
    assert time_ms == NOW + 1_510


def test_a_new_boot_forgets_the_old_offset() -> None:
    known = clock()
    known.heard(boot_id=b"n" * 16, wall_ms=NOW, boot_ms=5_000, received_ms=NOW)
    time_ms, flag = known.correct(wall_ms=0, boot_ms=4_000, boot_id=b"", received_ms=NOW, last_ms=0)
    assert (time_ms, flag) == (NOW - 1_000, TimeFlag.CORRECTED)


@pytest.mark.parametrize(("skew_ms", "off"), [(0, False), (60_000, False), (60_001, True), (-60_001, True)])
def test_over_a_minute_is_a_finding(skew_ms: int, off: bool) -> None:
    assert clock(skew_ms=skew_ms).off is off


@given(
    hello=st.tuples(UINT64, UINT64),
    record=st.tuples(UINT64, UINT64),
    boot_id=st.sampled_from([b"", BOOT, b"x" * 16]),
    last_ms=st.integers(0, NOW + 10**9),
    heard=st.booleans(),
)
def test_no_frame_is_refused_for_its_time(
    hello: tuple[int, int], record: tuple[int, int], boot_id: bytes, last_ms: int, heard: bool
) -> None:
    known = ClockOffset()
    if heard:
        known.heard(boot_id=BOOT, wall_ms=hello[0], boot_ms=hello[1], received_ms=NOW)
    time_ms, flag = known.correct(
        wall_ms=record[0], boot_ms=record[1], boot_id=boot_id, received_ms=NOW, last_ms=last_ms
    )
    assert NOW - OLDEST_MS <= time_ms <= NOW + TOLERANCE_MS
    if flag is TimeFlag.EXACT:
        assert time_ms == record[0]
    elif abs(time_ms - record[0]) > TOLERANCE_MS:
        assert flag & (TimeFlag.CORRECTED | TimeFlag.UNCERTAIN)


@given(ages=st.lists(st.integers(0, 10**9), min_size=2, max_size=20), skew_ms=st.integers(-(10**12), 10**12))
def test_order_within_a_boot_is_kept_within_the_tolerance(ages: list[int], skew_ms: int) -> None:
    known = clock(skew_ms=skew_ms, uptime_ms=10**9)
    times = [
        known.correct(
            wall_ms=max(0, NOW + skew_ms - age), boot_ms=10**9 - age, boot_id=b"", received_ms=NOW, last_ms=0
        )[0]
        for age in sorted(ages, reverse=True)
    ]
    assert all(later >= earlier - TOLERANCE_MS for earlier, later in pairwise(times))
