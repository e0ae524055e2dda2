"""What comes and goes, in minutes or in hours, is one unstable case that wakes nobody."""

from __future__ import annotations

from hardcase_collector.domain.case import CaseState

from tests.unit.collector.cases.bench import HOUR, MINUTE, NOON, Bench, cleared, raised


def flap(bench: Bench, period: int, times: int) -> int:
    """Fires for a minute in each period; gives the time of the last end."""
    asset = bench.asset()
    at = NOON
    for _ in range(times):
        bench.apply(raised(asset, at=at), at=at)
        bench.apply(cleared(raised(asset), at + MINUTE), at=at + MINUTE)
        for step in range(MINUTE, period, 5 * MINUTE):
            bench.tick(at + step)
        at += period
    return at - period + MINUTE


def told(bench: Bench) -> list[str]:
    return bench.announcements.codes()


def test_three_times_an_hour_is_unstable_and_calm_after_an_hour(bench: Bench) -> None:
    last = flap(bench, 8 * MINUTE, 4)
    assert bench.only_case().unstable
    bench.tick(last + HOUR)
    assert bench.only_case().unstable is False
    bench.tick(last + 2 * HOUR)
    assert bench.only_case().state is CaseState.CLOSED


def test_what_comes_back_every_two_hours_is_unstable_too_and_told_no_more(bench: Bench) -> None:
    flap(bench, 2 * HOUR, 6)
    case = bench.only_case()
    assert case.unstable
    before = len(told(bench))
    asset_news = bench.announcements.news[-1].asset
    for number in range(6, 12):
        at = NOON + number * 2 * HOUR
        bench.apply(raised(asset_news, at=at), at=at)
        bench.apply(cleared(raised(asset_news), at + MINUTE), at=at + MINUTE)
        bench.tick(at + HOUR)
    assert len(told(bench)) == before
    assert bench.only_case().unstable


def test_a_slow_flapper_is_stable_after_half_a_day_of_calm(bench: Bench) -> None:
    last = flap(bench, 2 * HOUR, 7)
    bench.tick(last + 11 * HOUR)
    assert bench.only_case().unstable
    bench.tick(last + 12 * HOUR)
    assert not bench.only_case().unstable


def test_twice_a_day_is_news(bench: Bench) -> None:
    flap(bench, 12 * HOUR, 6)
    assert not bench.only_case().unstable
