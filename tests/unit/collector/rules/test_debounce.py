"""Debounce, clearing and flapping of one finding."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.finding import Change
from hardcase_collector.rules.debounce import Damping, Track, advance, wakes_at
from hardcase_collector.rules.sheet import Count
from hypothesis import given
from hypothesis import strategies as st

HOUR_MS = 3_600_000


TWO_OF_THREE, THREE_OF_THREE = Count(2, 3), Count(3, 3)


def damping(raises: Count = TWO_OF_THREE, clear: Count = THREE_OF_THREE, flap_raises: int = 3) -> Damping:
    return Damping(
        raises=tuple((severity, raises) for severity in (4, 3, 2, 1)),
        clear=clear,
        flap_raises=flap_raises,
        flap_window_ms=HOUR_MS,
    )


def fed(levels: list[int], by: Damping, step_ms: int = 60_000) -> tuple[list[tuple[int, Change, int]], Track]:
    track = Track()
    told = []
    for index, level in enumerate(levels):
        change = advance(track, by, level, (index + 1) * step_ms)
        if change is not None:
            told.append((index, change, track.raised))
    return told, track


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([3], []),
        ([3, 0, 3], [(2, Change.RAISED, 3)]),
        ([3, 0, 0, 3], []),
        ([1, 3], [(1, Change.RAISED, 1)]),
        ([1, 3, 3], [(1, Change.RAISED, 1), (2, Change.WORSENED, 3)]),
        ([3, 3, 1, 1, 1], [(1, Change.RAISED, 3), (4, Change.EASED, 1)]),
        ([3, 3, 0, 0, 3, 0, 0, 0], [(1, Change.RAISED, 3), (7, Change.CLEARED, 0)]),
    ],
)
def test_two_of_three_raise_and_three_of_three_clear(levels: list[int], expected: list[object]) -> None:
    assert fed(levels, damping())[0] == expected


def test_one_of_one_is_told_at_once() -> None:
    assert fed([0, 4], damping(Count(1, 1)))[0] == [(1, Change.RAISED, 4)]


def test_the_third_raise_within_the_hour_is_one_unstable_finding_until_it_was_calm_for_an_hour() -> None:
    by = damping(Count(1, 1), Count(1, 1))
    told, track = fed([3, 0, 3, 0, 3, 0, 3, 0, 3], by)

    assert [change for _, change, _ in told] == [Change.RAISED, Change.CLEARED] * 2 + [Change.RAISED]
    assert track.unstable
    at_ms = 10 * 60_000
    assert advance(track, by, 0, at_ms) is None
    assert wakes_at(track, by) == at_ms + HOUR_MS
    assert advance(track, by, 0, at_ms + HOUR_MS - 1) is None
    assert advance(track, by, 0, at_ms + HOUR_MS) is Change.CLEARED
    assert track.trivial


def test_an_unstable_finding_still_tells_that_it_got_worse() -> None:
    by = damping(Count(1, 1), Count(1, 1))
    _, track = fed([2, 0, 2, 0, 2, 0], by)

    assert advance(track, by, 4, 7 * 60_000) is Change.WORSENED
    assert advance(track, by, 2, 8 * 60_000) is None
    assert track.raised == 4


def test_raises_an_hour_apart_do_not_flap() -> None:
    told, track = fed([3, 0, 3, 0, 3, 0, 3, 0], damping(Count(1, 1), Count(1, 1)), step_ms=HOUR_MS)

    assert len(told) == 8
    assert not track.unstable


LEVELS = st.lists(st.integers(0, 4), max_size=40)
COUNTS = st.sampled_from([Count(1, 1), Count(2, 2), Count(2, 3), Count(3, 5)])


@given(levels=LEVELS, raises=COUNTS, clear=st.sampled_from([Count(3, 3), Count(5, 5)]))
def test_sweeps_that_repeat_a_settled_level_change_nothing(levels: list[int], raises: Count, clear: Count) -> None:
    by = damping(raises, clear)
    every, skipping = Track(), Track()
    for index, level in enumerate(levels):
        at_ms = index * 60_000
        change = advance(every, by, level, at_ms)
        wake = wakes_at(skipping, by)
        if skipping.settled and skipping.level == level and (wake is None or at_ms < wake):
            assert change is None
        else:
            assert advance(skipping, by, level, at_ms) is change
    assert every.raised == skipping.raised


@given(levels=LEVELS, last=st.integers(0, 3), raises=COUNTS)
def test_a_worse_last_level_never_yields_a_milder_severity(levels: list[int], last: int, raises: Count) -> None:
    by = damping(raises, flap_raises=99)
    milder = fed([*levels, last], by)[1].raised
    worse = fed([*levels, last + 1], by)[1].raised

    assert worse >= milder


@given(levels=LEVELS, raises=COUNTS)
def test_raised_and_cleared_take_turns(levels: list[int], raises: Count) -> None:
    told, _ = fed(levels, damping(raises))
    turns = [change for _, change, _ in told if change in (Change.RAISED, Change.CLEARED)]

    assert turns == [Change.RAISED, Change.CLEARED] * (len(turns) // 2) + [Change.RAISED] * (len(turns) % 2)
