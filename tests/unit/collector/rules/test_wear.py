"""What is kept of a disk's wear: two samples half a year apart, through restarts, sleep and other catalogues."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.observation import GapReason, Sensor
from hardcase_collector.rules.current import current_readings
from hardcase_collector.rules.feed_row import decode
from hardcase_collector.rules.forecast import worn_out
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.collector.rules import feeds
from tests.unit.collector.rules.test_engine import Bench

DAY_S = 86_400.0


def disk(serial: str) -> tuple[Sensor, Sensor]:
    return (
        feeds.counter("disk.used", f"{serial}/used"),
        feeds.counter("disk.hours", f"{serial}/hours"),
    )


def bench(*serials: str) -> Bench:
    return Bench(*(sensor for serial in serials for sensor in disk(serial)))


def earlier(of: Bench, sensor: str) -> tuple[int, float] | None:
    row = of.row()
    found = {one.sensor.id: one.earlier for one in current_readings(row, of.catalogue)}
    return found[sensor]


def days_ago(of: Bench, sensor: str) -> float:
    told = earlier(of, sensor)
    assert told is not None
    return (feeds.START_MS + of.at_s * 1000 - told[0]) / 1000 / DAY_S


def used(of: Bench, value: object, *, serial: str = "A", after_days: float = 1.0) -> None:
    of.frame(after_s=after_days * DAY_S, **{f"{serial}/used": value, f"{serial}/hours": of.at_s + 1})


def test_the_first_value_is_kept_and_then_one_of_half_a_year_to_a_year_ago() -> None:
    watched = bench("A")
    used(watched, 5.0)
    assert earlier(watched, "A/used") == (feeds.START_MS + round(watched.at_s * 1000), 5.0)
    for day in range(1000):
        used(watched, 5.0 + day / 20)
        assert day < 360 or 180 <= days_ago(watched, "A/used") <= 361
    told = earlier(watched, "A/used")
    assert told is not None
    assert told[1] < 5.0 + 999 / 20 - 8


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.02, 90.0), st.integers(0, 99)), min_size=2, max_size=40), st.data())
def test_a_restart_between_any_two_frames_changes_nothing(steps: list[tuple[float, int]], data: st.DataObject) -> None:
    whole, broken = bench("A"), bench("A")
    for days, value in steps:
        used(whole, float(value), after_days=days)
        if data.draw(st.booleans()):
            broken.restart()
        used(broken, float(value), after_days=days)
        assert earlier(whole, "A/used") == earlier(broken, "A/used")


def test_a_disk_that_sleeps_when_it_is_due_is_kept_with_its_next_value() -> None:
    watched = bench("A")
    used(watched, 5.0)
    used(watched, GapReason.ASLEEP, after_days=200)
    assert days_ago(watched, "A/used") == pytest.approx(200)
    used(watched, 7.0)
    used(watched, 9.0, after_days=181)
    told = earlier(watched, "A/used")
    assert told is not None
    assert told[1] == 7.0


def test_a_disk_that_left_the_catalogue_and_comes_back_has_its_past() -> None:
    watched = bench("A", "B")
    watched.frame(**{"A/used": 3.0, "A/hours": 1.0, "B/used": 4.0, "B/hours": 1.0})
    before = earlier(watched, "B/used")
    watched.use(*disk("A"), number=12)
    used(watched, 3.0)
    watched.restart()
    watched.use(*disk("A"), *disk("B"), number=13)
    watched.frame(**{"A/used": 3.0, "A/hours": 1.0, "B/used": 4.0, "B/hours": 1.0})
    assert earlier(watched, "B/used") == before


def test_a_feed_without_wear_keeps_nothing_and_its_row_has_no_word_of_it() -> None:
    plain = Bench(feeds.temperature("t1", upper_critical=90))
    plain.frame(t1=40.0)
    assert decode(plain.row().state, None, 0, 0).worn == {}


def test_a_disk_that_is_written_faster_of_late_ends_sooner_than_its_life_so_far_says() -> None:
    watched = bench("A")
    for value, hours_days in ((10.0, 2000.0), (20.0, 2100.0), (30.0, 2200.0)):
        watched.frame(after_s=100 * DAY_S, **{"A/used": value, "A/hours": hours_days * DAY_S})
    (ends_ms,) = worn_out(current_readings(watched.row(), watched.catalogue)).values()
    now_ms = feeds.START_MS + watched.at_s * 1000
    # 10 % in 100 days: 70 % are left for 700; its 2,200 days of life would have said 5,133.
    assert (ends_ms - now_ms) / 1000 / DAY_S == pytest.approx(700)
