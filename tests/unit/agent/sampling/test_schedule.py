"""What is due, and when."""

from __future__ import annotations

import itertools

from hardcase_agent.sampling.schedule import FIRST_SWEEPS_MS, LONGEST_STRETCH, Planned, Schedule, spread
from hypothesis import given
from hypothesis import strategies as st


def plan(name: str, period_ms: int = 60_000, device: str = "") -> Planned:
    return Planned(name=name, device=device or name, period_ms=period_ms)


def one(period_ms: int = 60_000) -> Schedule:
    return Schedule([plan("a", period_ms)], seed="host", now_ms=0)


def run(schedule: Schedule, until_ms: int, took_ms: int = 0) -> list[tuple[int, str]]:
    """Plays the loop with sweeps of this length; returns what was started when."""
    now, started = 0, []
    while now <= until_ms:
        for name in schedule.due(now):
            schedule.started(name, now)
            schedule.measured(name, now, took_ms)
            schedule.returned(name)
            started.append((now, name))
        due = schedule.next_due_ms()
        assert due is not None
        now = max(now + 1, due)
    return started


def test_every_source_is_asked_soon_after_the_start() -> None:
    names = [f"s{number}" for number in range(50)]
    schedule = Schedule([plan(name, 3_600_000) for name in names], seed="host", now_ms=0)
    assert {name for _, name in run(schedule, FIRST_SWEEPS_MS)} == set(names)


def test_phases_are_spread_and_stay_the_same_for_the_same_host() -> None:
    shares = [spread("host", f"s{number}") for number in range(400)]
    assert all(0 <= share < 1 for share in shares)
    assert all(60 < sum(1 for share in shares if quarter <= share * 4 < quarter + 1) < 140 for quarter in range(4))
    assert spread("host", "a") == spread("host", "a") != spread("other host", "a")


@given(period_ms=st.integers(1_000, 100_000_000), seed=st.text(max_size=5))
def test_a_source_keeps_its_period(period_ms: int, seed: str) -> None:
    schedule = Schedule([plan("a", period_ms)], seed=seed, now_ms=0)
    times = [at for at, _ in run(schedule, FIRST_SWEEPS_MS + 6 * period_ms)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert period_ms // 2 <= gaps[0] <= period_ms * 3 // 2
    assert all(gap == period_ms for gap in gaps[1:])


def test_a_missed_instant_is_skipped_not_made_up() -> None:
    schedule = one(1_000)
    late = 1_000_000
    assert list(schedule.due(late)) == ["a"]
    schedule.started("a", late)
    schedule.returned("a")
    assert list(schedule.due(late + 499)) == []


def test_two_sources_of_one_device_never_run_at_the_same_time() -> None:
    schedule = Schedule([plan("a", device="bmc"), plan("b", device="bmc"), plan("c")], seed="", now_ms=0)
    late = 100_000
    first = list(schedule.due(late))
    assert len(first) == 2
    assert "c" in first
    for name in first:
        schedule.started(name, late)
    assert list(schedule.due(late)) == []
    (bmc,) = (name for name in first if name != "c")
    schedule.returned(bmc)
    assert list(schedule.due(late)) == [({"a", "b"} - {bmc}).pop()]


def test_a_hung_device_gets_no_second_call_until_the_abandoned_one_returns() -> None:
    schedule = one()
    schedule.started("a", 0)
    assert list(schedule.due(10_000_000)) == []
    assert schedule.next_due_ms() is None
    schedule.returned("a")
    assert list(schedule.due(10_000_000)) == ["a"]


def test_other_devices_keep_their_periods_beside_a_hung_one() -> None:
    schedule = Schedule([plan("hung"), plan("well", 1_000)], seed="", now_ms=0)
    schedule.started("hung", 0)
    started = run(schedule, 60_000)
    assert len([name for _, name in started if name == "well"]) >= 50
    assert all(name == "well" for _, name in started)


def test_a_sweep_longer_than_a_fifth_of_its_period_stretches_it() -> None:
    schedule = one(10_000)
    assert not schedule.measured("a", 0, 2_000)
    assert schedule.measured("a", 0, 2_001)
    assert schedule.period_ms("a") == 20_000
    assert schedule.stretched("a")


def test_a_stretched_period_shrinks_when_sweeps_are_quick_again_and_does_not_swing() -> None:
    schedule = one(10_000)
    schedule.measured("a", 0, 5_000)
    assert schedule.period_ms("a") == 30_000
    assert not schedule.measured("a", 0, 4_000)
    assert schedule.measured("a", 0, 100)
    assert not schedule.stretched("a")


@given(took_ms=st.lists(st.integers(0, 10_000_000), max_size=20), period_ms=st.integers(1_000, 1_000_000))
def test_a_period_is_a_whole_multiple_of_its_own_and_bounded(took_ms: list[int], period_ms: int) -> None:
    schedule = one(period_ms)
    for took in took_ms:
        schedule.measured("a", 0, took)
        now = schedule.period_ms("a")
        assert now % period_ms == 0
        assert period_ms <= now <= period_ms * LONGEST_STRETCH


def test_an_open_breaker_postpones_and_an_unfinished_sweep_goes_on_soon() -> None:
    schedule = one(1_000)
    schedule.started("a", 0)
    schedule.returned("a")
    schedule.postpone("a", 500_000)
    assert list(schedule.due(499_999)) == []
    assert list(schedule.due(500_000)) == ["a"]
    schedule.hasten("a", 7)
    assert list(schedule.due(7)) == ["a"]


def test_a_new_plan_keeps_what_is_kept_and_forgets_the_rest() -> None:
    schedule = Schedule([plan("a"), plan("b"), plan("gone")], seed="", now_ms=0)
    schedule.started("a", 50_000)
    schedule.started("gone", 50_000)
    schedule.replan([plan("a"), plan("b"), plan("new")], kept={"a", "b"}, now_ms=50_000)
    assert set(schedule.due(1_000_000)) == {"b", "new"}
    schedule.returned("a")
    assert "a" in schedule.due(1_000_000)
