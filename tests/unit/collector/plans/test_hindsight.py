"""What another plan would have meant for cases that were."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans.hindsight import Tally, hindsight
from hardcase_collector.plans.legs import Terms
from hardcase_collector.plans.plan import ClockKind
from hardcase_collector.plans.reader import load_plans

from tests.unit.collector.plans.timeline import HOUR, MINUTE, PLAIN, events, ms

BOOK = load_plans().plans
TERMS = Terms(plan=BOOK["bronze"], priority=Priority.P2, zone=ZoneInfo("UTC"), calendar=PLAIN)
# Tuesday noon: acknowledged after 40 minutes, an engineer six hours after the report.
CASE = events(
    ("2026-11-24T12:00+00:00", "opened"),
    ("2026-11-24T12:40+00:00", "acknowledged"),
    ("2026-11-24T12:40+00:00", "contacted"),
    ("2026-11-24T18:00+00:00", "arrived"),
    ("2026-11-24T19:00+00:00", "closed"),
)
NOW = ms("2026-12-24T12:00+00:00")


def test_each_plan_is_held_against_what_really_happened() -> None:
    found = hindsight([BOOK["gold-7x24x4"], BOOK["bronze"]], [(CASE, TERMS)], NOW)
    assert found["gold-7x24x4"][ClockKind.ON_SITE] == Tally(breached=1, worst_ms=2 * HOUR)
    assert found["gold-7x24x4"][ClockKind.ACKNOWLEDGE] == Tally(breached=1, worst_ms=10 * MINUTE)
    assert found["gold-7x24x4"][ClockKind.REMOTE_RESPONSE] == Tally(met=1)
    assert found["bronze"][ClockKind.ON_SITE] == Tally(met=1)
    assert found["bronze"][ClockKind.ACKNOWLEDGE] == Tally(met=1)


def test_follow_up_that_is_still_owed_is_told_apart() -> None:
    found = hindsight([BOOK["bronze"]], [(CASE, TERMS)], ms("2026-11-24T20:00+00:00"))
    assert found["bronze"][ClockKind.FOLLOW_UP] == Tally(running=1)


def test_cases_add_up_and_a_plan_without_promises_has_nothing_to_tell() -> None:
    found = hindsight([BOOK["bronze"], BOOK["out-of-warranty"]], [(CASE, TERMS)] * 3, NOW)
    assert found["bronze"][ClockKind.ON_SITE].met == 3
    assert found["out-of-warranty"] == {}
