"""What clocks do on the occasions that contracts name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hardcase_collector.domain.case import TimelineEntry
from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans.almanac import calendar_of
from hardcase_collector.plans.calendar import Calendar
from hardcase_collector.plans.clocks import Clock, ClockState, Forecast, clocks
from hardcase_collector.plans.ledger import Because
from hardcase_collector.plans.legs import Terms, Waiver
from hardcase_collector.plans.plan import CalendarSheet, ClockKind, Moment, PauseReason, Plan, YearSheet
from hardcase_collector.plans.reader import load_plans

from tests.unit.collector.plans.timeline import (
    HOUR,
    MINUTE,
    OFFICE,
    PLAIN,
    events,
    iso,
    ms,
    plan,
    promise,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = calendar_of(CalendarSheet(country="CN"))
NBD = promise(window=OFFICE, within_s=0, coverage_days=1)
REPAIR = promise(clock=ClockKind.REPAIR, stop=(Moment.REPAIRED, Moment.VERIFIED), within_s=6 * 3600)
DAY = "2026-11-23T"


def at(clock_time: str) -> str:
    return f"{DAY}{clock_time}+08:00"


def held(
    served: Plan,
    timeline: tuple[TimelineEntry, ...],
    now: str,
    *,
    priority: Priority = Priority.P2,
    calendar: Calendar = CHINA,
    entitled_from: date | None = None,
) -> list[Clock]:
    terms = Terms(plan=served, priority=priority, zone=SHANGHAI, calendar=calendar, entitled_from=entitled_from)
    return list(clocks(timeline, terms, ms(now)))


def due(clock: Clock) -> str:
    return iso(clock.due_ms, SHANGHAI)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2026-11-20T18:00+08:00", "2026-11-24T17:00+08:00"),  # Friday evening means Tuesday
        ("2026-11-20T10:00+08:00", "2026-11-23T17:00+08:00"),  # Friday morning means Monday
        ("2026-11-23T06:00+08:00", "2026-11-24T17:00+08:00"),  # before hours counts as made that day
        # The seven days of the National Day of 2026 are off; Saturday 10 October is worked for them.
        ("2026-09-30T18:00+08:00", "2026-10-09T17:00+08:00"),
        ("2026-10-09T10:00+08:00", "2026-10-10T17:00+08:00"),
    ],
)
def test_next_business_day_is_a_date_and_not_24_hours(reported: str, expected: str) -> None:
    (clock,) = held(plan(NBD), events((reported, "opened")), reported)
    assert due(clock) == expected


def test_a_report_after_the_cut_off_counts_as_made_on_the_next_day() -> None:
    cut = replace(NBD, cut_off_minute=15 * 60)
    (before,) = held(plan(cut), events((at("14:59"), "opened")), at("14:59"))
    (after,) = held(plan(cut), events((at("15:00"), "opened")), at("16:00"))
    assert (due(before), due(after)) == ("2026-11-24T17:00+08:00", "2026-11-25T17:00+08:00")
    assert after.reason is Because.AFTER_CUT_OFF
    assert after.used_ms == 0


def test_time_outside_the_window_carries_over() -> None:
    four_hours = replace(NBD, coverage_days=0, within_s=4 * 3600)
    (clock,) = held(plan(four_hours), events(("2026-11-20T15:00+08:00", "opened")), at("09:00"))
    assert due(clock) == at("10:00")
    assert (clock.used_ms, clock.left_ms) == (3 * HOUR, HOUR)
    assert [line.reason for line in clock.ledger] == ["counted", "outside_hours", "day_off", "outside_hours", "counted"]


def test_arrival_in_time_meets_and_late_arrival_does_not_mend_a_breach() -> None:
    timeline = (*events((at("09:00"), "opened"), (at("13:00"), "arrived")),)
    (met,) = held(plan(promise()), timeline, at("20:00"))
    (late,) = held(plan(promise(within_s=3 * 3600)), timeline, at("20:00"))
    assert (met.state, met.left_ms, met.stopped_ms) == (ClockState.MET, 0, ms(at("13:00")))
    assert (late.state, late.left_ms, late.stopped_ms) == (ClockState.BREACHED, -HOUR, ms(at("13:00")))
    assert late.ledger[-1].reason is Because.OVERDUE


def test_a_clock_is_breached_after_its_due_time_and_not_at_it() -> None:
    timeline = events((at("09:00"), "opened"))
    states = [held(plan(promise()), timeline, at(now))[0].state for now in ("12:59", "13:00", "13:01")]
    assert states == [ClockState.RUNNING, ClockState.RUNNING, ClockState.BREACHED]


def test_a_pause_counts_only_where_the_promise_allows_its_reason() -> None:
    timeline = events((at("09:00"), "opened"), (at("10:00"), "paused", {"reason": "waiting_for_part"}))
    strict = promise(pauses=frozenset({PauseReason.NO_SITE_ACCESS}))
    (lenient,), (firm,) = (held(plan(one), timeline, at("15:00")) for one in (promise(), strict))
    assert (lenient.state, lenient.reason, lenient.actor) == (ClockState.PAUSED, "waiting_for_part", "wang")
    assert due(lenient) == at("18:00")
    assert (firm.state, firm.used_ms) == (ClockState.BREACHED, 6 * HOUR)


def test_what_is_proposed_waits_for_the_customer_and_what_is_deferred_for_his_day() -> None:
    timeline = events(
        (at("09:00"), "opened"),
        (at("10:00"), "moved", {"to": "proposed"}),
        (at("11:00"), "moved", {"to": "consented"}),
        (at("11:30"), "moved", {"to": "deferred"}),
        (at("12:30"), "moved", {"to": "confirmed"}),
    )
    (clock,) = held(plan(promise()), timeline, at("13:00"))
    assert clock.used_ms == 2 * HOUR
    assert [line.reason for line in clock.ledger][1::2] == ["waiting_for_customer", "customer_deferral"]


def test_a_part_the_customer_fits_himself_ends_the_promise_to_come() -> None:
    timeline = events((at("09:00"), "opened"), (at("10:00"), "self_repair_accepted"))
    waived, kept = held(plan(promise(self_repair_waives=True), REPAIR), timeline, at("14:00"))
    assert (waived.state, waived.reason) == (ClockState.WAIVED, Waiver.SELF_REPAIR)
    assert kept.state is ClockState.RUNNING


def test_a_breach_cannot_be_waived_away() -> None:
    rows = [(at("09:00"), "opened"), (at("14:00"), "self_repair_accepted"), (at("15:00"), "closed")]
    (clock,) = held(plan(promise(self_repair_waives=True)), events(*rows), at("20:00"))
    assert clock.state is ClockState.BREACHED


@pytest.mark.parametrize(("entitled_from", "state"), [(date(2026, 11, 1), "waived"), (date(2026, 10, 1), "running")])
def test_a_promise_may_not_hold_in_the_first_thirty_days(entitled_from: date, state: str) -> None:
    served = plan(promise(), replace(REPAIR, set_up_days=30))
    response, repair = held(served, events((at("09:00"), "opened")), at("10:00"), entitled_from=entitled_from)
    assert (response.state, repair.state) == (ClockState.RUNNING, state)


def test_closing_ends_what_runs_and_starts_the_follow_up() -> None:
    follow_up = promise(clock=ClockKind.FOLLOW_UP, start=Moment.CLOSED, stop=(Moment.FOLLOWED_UP,), within_s=86_400)
    timeline = events((at("09:00"), "opened"), (at("10:00"), "closed"), (at("12:00"), "followed_up"))
    on_site, asked = held(plan(promise(), follow_up), timeline, at("20:00"))
    assert (on_site.state, on_site.reason) == (ClockState.WAIVED, Waiver.CLOSED)
    assert (asked.state, asked.used_ms) == (ClockState.MET, 2 * HOUR)


def test_a_visit_that_was_not_needed_is_met_where_the_promise_says_so() -> None:
    timeline = events((at("09:00"), "opened"), (at("10:00"), "closed"))
    (clock,) = held(plan(promise(stop=(Moment.ARRIVED, Moment.CLOSED))), timeline, at("20:00"))
    assert clock.state is ClockState.MET


def test_a_case_opened_again_is_reported_anew() -> None:
    timeline = events(
        (at("09:00"), "opened"),
        (at("10:00"), "arrived"),
        (at("11:00"), "closed"),
        (at("15:00"), "reopened", {"to": "new"}),
    )
    first, second = held(plan(promise()), timeline, at("16:00"))
    assert (first.round, first.state) == (1, ClockState.MET)
    assert (second.round, second.state, second.used_ms) == (2, ClockState.RUNNING, HOUR)


def test_a_repair_that_did_not_hold_has_stopped_no_clock() -> None:
    rows = [(at("09:00"), "opened"), (at("11:00"), "moved", {"to": "repaired"})]
    rows.append((at("12:00"), "moved", {"to": "verifying"}))
    again = (at("13:00"), "moved", {"to": "new", "action": "reopen"})
    (proven,) = held(plan(REPAIR), events(*rows), at("20:00"))
    (refuted,) = held(plan(REPAIR), events(*rows, again), at("20:00"))
    assert (proven.state, refuted.state) == (ClockState.MET, ClockState.BREACHED)


def test_a_raised_priority_counts_from_the_change_and_the_earlier_promise_is_still_owed() -> None:
    served = plan(
        promise(priorities=(Priority.P1,), within_s=2 * 3600), promise(priorities=(Priority.P3,), within_s=4 * 3600)
    )
    early, late = (
        held(
            served,
            events((at("09:00"), "opened"), (at(changed), "priority_changed", {"priority": "P1"})),
            at("12:45"),
            priority=Priority.P3,
        )[0]
        for changed in ("10:00", "12:30")
    )
    assert due(early) == at("12:00")
    assert early.ledger[0].reason is Because.EARLIER_PRIORITY
    assert due(late) == at("13:00")


def test_a_lowered_priority_counts_from_the_start_or_promises_nothing() -> None:
    served = plan(
        promise(priorities=(Priority.P1,), within_s=2 * 3600), promise(priorities=(Priority.P2,), within_s=8 * 3600)
    )
    lowered, gone, too_late = (
        held(
            served,
            events((at("09:00"), "opened"), (at(when), "priority_changed", {"priority": to})),
            at("12:00"),
            priority=Priority.P1,
        )[0]
        for when, to in (("10:00", "P2"), ("10:00", "P4"), ("11:30", "P4"))
    )
    assert (due(lowered), lowered.state) == (at("17:00"), ClockState.RUNNING)
    assert (gone.state, gone.reason) == (ClockState.WAIVED, Waiver.PRIORITY)
    assert too_late.state is ClockState.BREACHED


def test_a_promise_that_only_the_higher_priority_has_starts_with_it() -> None:
    served = plan(promise(priorities=(Priority.P1,)))
    timeline = events((at("09:00"), "opened"), (at("11:00"), "priority_changed", {"priority": "P1"}))
    (clock,) = held(served, timeline, at("12:00"), priority=Priority.P4)
    assert (clock.used_ms, due(clock)) == (HOUR, at("15:00"))


def test_each_hand_off_to_a_vendor_is_a_clock_until_the_date_he_promised() -> None:
    vendor = promise(clock=ClockKind.VENDOR, start=Moment.HANDED_TO_VENDOR, stop=(Moment.VENDOR_DONE,), within_s=3600)
    timeline = events(
        (at("09:00"), "opened"),
        (at("09:30"), "handed_to_vendor", {"promised_ms": ms(at("12:00"))}),
        (at("11:00"), "vendor_done"),
        (at("13:00"), "handed_to_vendor"),
    )
    on_site, first, second = held(plan(promise(), replace(vendor, pauses=frozenset())), timeline, at("14:30"))
    assert (first.state, due(first)) == (ClockState.MET, at("12:00"))
    assert (second.state, due(second)) == (ClockState.BREACHED, at("14:00"))
    assert (on_site.state, on_site.reason, on_site.used_ms) == (
        ClockState.PAUSED,
        PauseReason.WAITING_FOR_VENDOR,
        150 * MINUTE,
    )


def test_the_steps_say_when_half_and_most_of_the_promise_are_used() -> None:
    timeline = events((at("09:00"), "opened"), (at("10:00"), "paused", {"reason": "no_site_access"}))
    (clock,) = held(plan(promise()), timeline, at("11:00"))
    assert [(step.percent, iso(step.at_ms, SHANGHAI), step.reached) for step in clock.steps] == [
        (50, at("12:00"), False),
        (80, at("13:12"), False),
        (100, at("14:00"), False),
    ]
    (later,) = held(plan(promise()), events((at("09:00"), "opened")), at("12:30"))
    assert [step.reached for step in later.steps] == [True, True, False]


@pytest.mark.parametrize(("said", "forecast"), [("12:00", Forecast.IN_TIME), ("13:30", Forecast.LATE), ("", "open")])
def test_a_breach_is_forecast_from_what_the_engineer_expects(said: str, forecast: str) -> None:
    rows = [(at("09:00"), "opened")]
    told = [(at("09:30"), "expected", {"moment": "arrived", "time_ms": ms(at(said))})] if said else []
    (clock,) = held(plan(promise()), events(*rows, *told), at("10:00"))
    assert clock.forecast == forecast


def test_the_agreed_time_starts_a_clock_when_it_comes_and_the_last_agreement_holds() -> None:
    agreed = replace(REPAIR, start=Moment.AGREED)
    timeline = events(
        (at("09:00"), "opened"),
        (at("09:30"), "agreed", {"time_ms": ms(at("10:00"))}),
        (at("09:45"), "agreed", {"time_ms": ms(at("14:00"))}),
    )
    assert held(plan(agreed), timeline, at("13:00")) == []
    (clock,) = held(plan(agreed), timeline, at("15:00"))
    assert (clock.used_ms, due(clock)) == (HOUR, at("20:00"))


def test_a_year_nobody_announced_is_provisional_until_it_is_imported() -> None:
    reported = "2027-02-04T10:00+08:00"
    (guessed,) = held(plan(NBD), events((reported, "opened")), reported)
    # As an official notice might have it: the Friday is off, too.
    year = YearSheet(days_off=("2027-02-05", "2027-02-08"), workdays=("2027-02-06",))
    calendar = calendar_of(CalendarSheet(country="CN", years={2027: year}))
    (known,) = held(plan(NBD), events((reported, "opened")), reported, calendar=calendar)
    assert guessed.provisional
    assert not known.provisional
    assert due(known) == "2027-02-06T17:00+08:00" != due(guessed)
    (round_the_clock,) = held(plan(promise()), events((reported, "opened")), reported)
    assert not round_the_clock.provisional


def test_events_to_come_and_codes_of_others_change_nothing() -> None:
    timeline = events((at("09:00"), "opened"), (at("10:00"), "note"), (at("12:00"), "arrived"))
    (clock,) = held(plan(promise()), timeline, at("11:00"))
    assert (clock.state, clock.stopped_ms) == (ClockState.RUNNING, None)


def test_a_case_closed_for_eleven_years_is_still_explained() -> None:
    timeline = events(("2015-03-02T09:00+08:00", "opened"), ("2015-03-03T09:00+08:00", "closed"))
    (clock,) = held(plan(NBD), timeline, at("09:00"), calendar=PLAIN)
    assert clock.state is ClockState.WAIVED


@pytest.mark.parametrize("name", sorted(load_plans().plans))
@pytest.mark.parametrize("priority", list(Priority))
def test_every_shipped_plan_carries_a_case_from_report_to_follow_up(name: str, priority: Priority) -> None:
    served = load_plans().plans[name]
    timeline = events(
        (at("09:00"), "opened"),
        (at("09:10"), "acknowledged"),
        (at("09:15"), "contacted"),
        (at("09:20"), "moved", {"to": "confirmed"}),
        (at("09:30"), "agreed", {"time_ms": ms(at("10:00"))}),
        (at("09:40"), "dispatched"),
        (at("11:00"), "arrived"),
        (at("12:00"), "moved", {"to": "repaired"}),
        (at("12:30"), "moved", {"to": "verifying"}),
        (at("13:00"), "closed"),
        (at("14:00"), "followed_up"),
    )
    found = held(served, timeline, at("23:00"), priority=priority)
    assert {clock.state for clock in found} <= {ClockState.MET}
    expected = {one.clock for one in served.promises if priority in one.priorities} - {ClockKind.VENDOR}
    assert {clock.kind for clock in found} == expected
    untouched = held(served, timeline[:1], "2027-01-23T09:00+08:00", priority=priority)
    assert {clock.state for clock in untouched} <= {ClockState.BREACHED}
