"""When a disk is worn out: said only where its own counters say it."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.observation import GapReason, Sensor
from hardcase_collector.rules.current import CurrentReading
from hardcase_collector.rules.forecast import worn_out, worn_out_ms
from hypothesis import given
from hypothesis import strategies as st

DAY_S = 86_400.0
NOW = 1_800_000_000_000


def reading(name: str, value: float | None, quantity: str) -> CurrentReading:
    sensor = Sensor(id=name, name=name, kind="percentage", unit="%", quantity=quantity, part=Part(component="disk"))
    gap = GapReason.ASLEEP if value is None else None
    return CurrentReading(sensor=sensor, value=value, gap=gap, time_ms=NOW)


def test_half_used_in_two_years_is_used_up_in_two_more() -> None:
    assert worn_out_ms(50, 730 * DAY_S, now_ms=NOW) == NOW + round(730 * DAY_S * 1000)


@pytest.mark.parametrize(
    ("used", "days"),
    [(0, 700), (1, 700), (50, 7), (100, 700), (255, 700), (2, 4000)],
    ids=["new", "not yet a sure per cent", "first weeks", "used up", "far beyond", "outlasts the machine"],
)
def test_no_date_is_invented(used: float, days: float) -> None:
    assert worn_out_ms(used, days * DAY_S, now_ms=NOW) is None


@given(st.floats(2, 98), st.floats(0.1, 1.9), st.floats(30, 7000))
def test_the_more_is_used_the_sooner_it_ends(used: float, more: float, days: float) -> None:
    sooner, later = (worn_out_ms(value, days * DAY_S, now_ms=NOW) for value in (used + more, used))
    assert later is None or (sooner is not None and NOW <= sooner <= later)


def before(days: float, value: float) -> tuple[int, float]:
    return NOW - round(days * DAY_S * 1000), value


def days_left(used: float, life_days: float, earlier: tuple[int, float] | None) -> float | None:
    at_ms = worn_out_ms(used, life_days * DAY_S, now_ms=NOW, earlier=earlier)
    return None if at_ms is None else (at_ms - NOW) / 1000 / DAY_S


def test_what_was_kept_of_its_past_counts_more_than_the_average_of_its_life() -> None:
    assert days_left(50, 730, before(200, 40)) == pytest.approx(1000)
    assert days_left(50, 730, None) == pytest.approx(730)


@pytest.mark.parametrize(
    "earlier",
    [before(20, 40), before(100, 49), before(300, 60)],
    ids=["too short", "less than two of its whole per cent", "another count"],
)
def test_a_past_that_says_too_little_leaves_it_at_the_average(earlier: tuple[int, float]) -> None:
    assert days_left(50, 730, earlier) == days_left(50, 730, None)


def test_a_disk_that_rests_is_given_no_nearer_date_than_one_per_cent_in_that_time() -> None:
    assert days_left(50, 730, before(200, 50)) is None  # 50 x 200 days
    assert days_left(90, 730, before(200, 90)) == pytest.approx(2000)


@given(st.floats(2, 90), st.floats(2.01, 9), st.floats(31, 360), st.floats(0, 7000))
def test_the_faster_of_late_the_sooner_it_ends(used: float, grown: float, days: float, life: float) -> None:
    now = used + grown
    slower = days_left(now, life, before(days * 1.5, used))
    faster = days_left(now, life, before(days, used))
    assert slower is None or (faster is not None and faster <= slower)
    assert faster is None or faster == pytest.approx((100 - now) * days / grown, rel=1e-6, abs=1e-3)


def test_each_disk_is_reckoned_with_its_own_hours() -> None:
    told = worn_out(
        [
            reading("A/1/used", 50, "disk.used"),
            reading("B/2/used", 20, "disk.used"),
            reading("C/3/used", 50, "disk.used"),
            reading("D/4/used", None, "disk.used"),
            reading("A/1/hours", 100 * DAY_S, "disk.hours"),
            reading("B/2/hours", 100 * DAY_S, "disk.hours"),
            reading("D/4/hours", 100 * DAY_S, "disk.hours"),
        ]
    )
    assert {name: round((at - NOW) / 1000 / DAY_S) for name, at in told.items()} == {"A/1/used": 100, "B/2/used": 400}
