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
