"""Who is on duty when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hardcase_collector.domain.service_terms import Shift, ShiftDays, Swap, Team
from hardcase_collector.plans.calendar import Year
from hardcase_collector.plans.rota import on_duty
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.collector.plans.timeline import ms

TEAM = Team(name="field", title="Field", zone="Asia/Shanghai", people=("wang", "zhao", "sun"), since=date(2026, 11, 23))
NIGHT = Shift(name="night", days=ShiftDays.EVERY_DAY, opens_minute=22 * 60, closes_minute=6 * 60, people=("ma", "hu"))
REST = Shift(name="rest", days=ShiftDays.REST_DAYS, opens_minute=0, closes_minute=1440, people=("lin",))


def people(team: Team, at: str, *swaps: Swap, years: dict[int, Year] | None = None) -> tuple[str, ...]:
    return on_duty(team, swaps, ms(at), years).people


def swap(out: str, into: str, from_: str, until: str) -> Swap:
    return Swap(id=1, team="field", from_ms=ms(from_), until_ms=ms(until), out=out, into=into)


@pytest.mark.parametrize(
    ("at", "first"),
    [
        ("2026-11-23T08:59+08:00", "sun"),
        ("2026-11-23T09:00+08:00", "wang"),
        ("2026-11-30T08:59+08:00", "wang"),
        ("2026-11-30T09:00+08:00", "zhao"),
        ("2026-12-07T09:00+08:00", "sun"),
        ("2026-12-14T09:00+08:00", "wang"),
        ("2026-11-30T02:00+01:00", "zhao"),
    ],
)
def test_each_week_is_the_next_ones_from_the_hand_over_on(at: str, first: str) -> None:
    assert people(TEAM, at)[0] == first


def test_the_order_goes_on_behind_the_first() -> None:
    assert people(TEAM, "2026-11-30T12:00+08:00") == ("zhao", "sun", "wang")


def test_it_says_when_the_next_takes_over() -> None:
    duty = on_duty(TEAM, (), ms("2026-11-25T12:00+08:00"))
    assert duty.hands_over_ms == ms("2026-11-30T09:00+08:00")


def test_the_week_may_be_handed_over_on_another_day_and_hour() -> None:
    friday = replace(TEAM, hand_over_weekday=4, hand_over_minute=17 * 60)
    assert people(friday, "2026-11-27T16:59+08:00")[0] == "sun"
    assert people(friday, "2026-11-27T17:00+08:00")[0] == "wang"


def test_daylight_saving_does_not_move_the_hand_over() -> None:
    berlin = replace(TEAM, zone="Europe/Berlin", since=date(2026, 10, 19))
    assert people(berlin, "2026-10-26T08:59+01:00")[0] == "wang"
    assert people(berlin, "2026-10-26T09:00+01:00")[0] == "zhao"


def test_a_shift_has_its_own_people_also_past_midnight() -> None:
    team = replace(TEAM, shifts=(NIGHT,))
    assert people(team, "2026-11-24T21:59+08:00")[0] == "wang"
    assert people(team, "2026-11-24T22:00+08:00") == ("ma", "hu")
    assert people(team, "2026-11-25T05:59+08:00") == ("ma", "hu")
    assert people(team, "2026-11-25T06:00+08:00")[0] == "wang"


def test_a_shift_of_working_days_that_began_on_one_lasts_into_the_weekend() -> None:
    team = replace(TEAM, shifts=(replace(NIGHT, days=ShiftDays.WORKDAYS),))
    assert people(team, "2026-11-28T05:00+08:00") == ("ma", "hu")
    assert people(team, "2026-11-28T23:00+08:00")[0] == "wang"


def test_holidays_and_make_up_days_are_those_of_the_country() -> None:
    team = replace(TEAM, country="CN", shifts=(REST,))
    # National Day 2026; the Saturday after it is worked.
    assert people(team, "2026-10-01T12:00+08:00") == ("lin",)
    assert people(team, "2026-10-10T12:00+08:00") != ("lin",)
    assert people(replace(team, country=""), "2026-10-10T12:00+08:00") == ("lin",)


def test_an_imported_year_counts() -> None:
    team = replace(TEAM, country="CN", shifts=(REST,))
    year = Year(frozenset({date(2026, 11, 25)}))
    assert people(team, "2026-11-25T12:00+08:00", years={2026: year}) == ("lin",)


def test_a_swap_puts_one_in_the_others_place_while_it_lasts() -> None:
    one = swap("wang", "ma", "2026-11-24T00:00+08:00", "2026-11-25T00:00+08:00")
    assert people(TEAM, "2026-11-24T12:00+08:00", one) == ("ma", "zhao", "sun")
    assert people(TEAM, "2026-11-25T00:00+08:00", one) == ("wang", "zhao", "sun")


def test_who_steps_in_from_further_down_is_called_once() -> None:
    one = swap("wang", "sun", "2026-11-24T00:00+08:00", "2026-11-25T00:00+08:00")
    assert people(TEAM, "2026-11-24T12:00+08:00", one) == ("sun", "zhao")


def test_who_is_away_is_passed_over() -> None:
    one = swap("wang", "", "2026-11-24T00:00+08:00", "2026-11-25T00:00+08:00")
    assert people(TEAM, "2026-11-24T12:00+08:00", one) == ("zhao", "sun")


def test_a_team_without_people_has_nobody() -> None:
    assert people(replace(TEAM, people=()), "2026-11-24T12:00+08:00") == ()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 3 * 365 * 24), st.integers(1, 6), st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "UTC"]))
def test_everybody_is_first_as_often_as_the_others(hours: int, count: int, zone: str) -> None:
    team = replace(TEAM, people=tuple(f"p{number}" for number in range(count)), zone=zone)
    start = datetime.fromisoformat("2026-01-01T00:00+00:00") + timedelta(hours=hours)
    firsts = [people(team, (start + timedelta(weeks=week)).isoformat())[0] for week in range(count)]
    assert sorted(firsts) == sorted(team.people)
