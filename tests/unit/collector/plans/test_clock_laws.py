"""Laws that clocks hold whatever happens; each is tried on many timelines."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans.almanac import calendar_of
from hardcase_collector.plans.calendar import Calendar, datetime_of
from hardcase_collector.plans.clocks import Clock, ClockState, clocks
from hardcase_collector.plans.legs import Terms
from hardcase_collector.plans.plan import CalendarSheet, DayRule, Promise, Window
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.collector.plans.timeline import (
    ALWAYS,
    MINUTE,
    OFFICE,
    PLAIN,
    events,
    minutes,
    paused,
    plan,
    promise,
    slow,
)

LAWS = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Put forward and back at 02:00, at midnight, by half an hour; never; and not by whole hours from Greenwich.
ZONES = ("Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Shanghai", "Asia/Kathmandu")
PLACES = (CalendarSheet(country="CN"), CalendarSheet(country="DE"), CalendarSheet(country="AE"))
WINDOWS = (
    ALWAYS,
    OFFICE,
    Window(name="5x13", days=DayRule.WORKDAYS, opens_minute=420, closes_minute=1200),
    Window(name="5x24", days=DayRule.WORKDAYS, opens_minute=0, closes_minute=1440),
    Window(name="7x9", days=DayRule.EVERY_DAY, opens_minute=540, closes_minute=1080),
)
# All of 2026, so that both changes of clocks and the long holidays come up.
STARTS = st.one_of(
    st.integers(29_453_760, 29_453_760 + 525_600),
    # About the changes of clocks: Berlin 29 March and 25 October, Havana 8 March and 1 November.
    st.builds(
        lambda day, minute: day * 1440 + minute,
        st.sampled_from((20_520, 20_541, 20_751, 20_758)),
        st.integers(-2 * 1440, 2 * 1440),
    ),
)


@st.composite
def promises(draw: st.DrawFn) -> Promise:
    window = draw(st.sampled_from(WINDOWS))
    cut_off = draw(st.none() | st.integers(window.opens_minute + 1, window.closes_minute))
    if draw(st.booleans()):
        return promise(window=window, cut_off_minute=cut_off, within_s=0, coverage_days=draw(st.integers(1, 3)))
    return promise(window=window, cut_off_minute=cut_off, within_s=60 * draw(st.integers(1, 1500)))


@st.composite
def pauses(draw: st.DrawFn, start: int) -> list[tuple[int, int]]:
    """Spans of minutes that do not touch, after the start."""
    edges = sorted(draw(st.lists(st.integers(1, 6000), unique=True, max_size=6)))
    return [(start + one, start + other) for one, other in zip(edges[::2], edges[1::2], strict=False)]


def only(found: tuple[Clock, ...]) -> Clock:
    assert len(found) == 1
    return found[0]


def run(one: Promise, zone: str, place: Calendar, start: int, spans: list[tuple[int, int]], now: int) -> Clock:
    terms = Terms(plan=plan(one), priority=Priority.P2, zone=ZoneInfo(zone), calendar=place)
    return only(clocks(events((start * MINUTE, "opened"), *paused(spans)), terms, now * MINUTE))


@LAWS
@given(st.data(), promises(), STARTS, st.sampled_from(ZONES), st.sampled_from(PLACES), st.integers(0, 12_000))
def test_a_clock_equals_one_that_counts_minute_by_minute(
    data: st.DataObject, one: Promise, start: int, zone: str, place: CalendarSheet, elapsed: int
) -> None:
    spans = data.draw(pauses(start))
    calendar = calendar_of(place)
    now = start + elapsed
    # A pause that lasts, and one that is still to come, are known as far as now.
    seen = [(begins, min(ends, now)) for begins, ends in spans if begins < now]
    expected = slow(one, ZoneInfo(zone), calendar, start, seen, now)
    clock = run(one, zone, calendar, start, spans, now)
    assert clock.due_ms == expected.due * MINUTE
    assert clock.used_ms == expected.used * MINUTE
    assert (clock.state is ClockState.BREACHED) == (expected.due < now)


@LAWS
@given(st.data(), promises(), STARTS, st.sampled_from(ZONES), st.integers(0, 12_000))
def test_a_pause_never_shortens_what_is_left(
    data: st.DataObject, one: Promise, start: int, zone: str, elapsed: int
) -> None:
    calendar = calendar_of(PLACES[0])
    spans = data.draw(pauses(start))
    kept = [span for span in spans if data.draw(st.booleans())]
    fewer, more = (run(one, zone, calendar, start, some, start + elapsed) for some in (kept, spans))
    assert more.left_ms >= fewer.left_ms
    assert more.due_ms >= fewer.due_ms
    assert [step.at_ms for step in more.steps] >= [step.at_ms for step in fewer.steps]


@LAWS
@given(st.data(), promises(), STARTS, st.sampled_from(ZONES), st.integers(0, 12_000))
def test_splitting_a_pause_changes_nothing(
    data: st.DataObject, one: Promise, start: int, zone: str, elapsed: int
) -> None:
    calendar = calendar_of(PLACES[0])
    spans = data.draw(pauses(start))
    split = []
    for begins, ends in spans:
        middle = data.draw(st.integers(begins, ends))
        split += [(begins, middle), (middle, ends)]
    assert run(one, zone, calendar, start, split, start + elapsed) == run(
        one, zone, calendar, start, spans, start + elapsed
    )


@LAWS
@given(st.data(), promises(), STARTS, st.sampled_from(ZONES), st.integers(0, 12_000))
def test_looking_on_the_way_changes_nothing_and_the_ledger_only_grows(
    data: st.DataObject, one: Promise, start: int, zone: str, elapsed: int
) -> None:
    calendar = calendar_of(PLACES[1])
    spans = data.draw(pauses(start))
    early = run(one, zone, calendar, start, spans, start + data.draw(st.integers(0, elapsed)))
    late = run(one, zone, calendar, start, spans, start + elapsed)
    assert late.used_ms >= early.used_ms
    assert late.due_ms >= early.due_ms
    counted = sum(line.length_ms for line in early.ledger if line.counts)
    within = [line for line in late.ledger if line.counts]
    end = early.ledger[-1].to_ms if early.ledger else start * MINUTE
    assert counted == sum(max(0, min(line.to_ms, end) - line.from_ms) for line in within)


@LAWS
@given(st.data(), promises(), STARTS, st.sampled_from(ZONES), st.integers(1, 12_000))
def test_the_ledger_explains_every_minute_once(
    data: st.DataObject, one: Promise, start: int, zone: str, elapsed: int
) -> None:
    clock = run(one, zone, calendar_of(PLACES[0]), start, data.draw(pauses(start)), start + elapsed)
    assert clock.ledger[0].from_ms == start * MINUTE
    assert clock.ledger[-1].to_ms == (start + elapsed) * MINUTE
    assert all(one.to_ms == other.from_ms for one, other in zip(clock.ledger, clock.ledger[1:], strict=False))
    assert all(line.length_ms > 0 for line in clock.ledger)
    assert clock.used_ms == sum(line.length_ms for line in clock.ledger if line.counts)
    assert all(line.actor for line in clock.ledger if line.reason == "no_site_access")


@LAWS
@given(st.data(), STARTS, st.integers(0, 6000), st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_the_zone_of_the_site_does_not_matter_round_the_clock(
    data: st.DataObject, start: int, elapsed: int, one_zone: str, other_zone: str
) -> None:
    calendar = calendar_of(PLACES[0])
    spans = data.draw(pauses(start))
    clock = run(promise(), one_zone, calendar, start, spans, start + elapsed)
    assert clock == run(promise(), other_zone, calendar, start, spans, start + elapsed)


@LAWS
@given(st.data(), promises(), STARTS, st.integers(-12, 12), st.integers(0, 12_000))
def test_the_same_local_times_elsewhere_are_the_same_clock(
    data: st.DataObject, one: Promise, start: int, hours: int, elapsed: int
) -> None:
    """With no daylight saving: all local times equal, all lengths are."""
    calendar = calendar_of(PLACES[0])
    spans = data.draw(pauses(start))
    # POSIX counts offsets westward.
    zone = f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT"
    shift = -hours * 60
    moved = [(begins + shift, ends + shift) for begins, ends in spans]
    here = run(one, "Etc/GMT", calendar, start, spans, start + elapsed)
    there = run(one, zone, calendar, start + shift, moved, start + shift + elapsed)
    assert (there.used_ms, there.left_ms, there.state) == (here.used_ms, here.left_ms, here.state)
    assert there.due_ms - here.due_ms == shift * MINUTE


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("window", WINDOWS[1:], ids=lambda window: window.name)
def test_a_window_is_open_just_when_the_wall_clock_says_so(zone: str, window: Window) -> None:
    """Every half hour of a year, both changes of clocks among them."""
    calendar = calendar_of(PLACES[1])
    one = promise(window=window, within_s=86_400)
    start = 29_453_760
    clock = run(one, zone, calendar, start, [], start + 525_600)
    lines = iter(clock.ledger)
    line = next(lines)
    for minute in range(start, start + 525_600, 30):
        while line.to_ms <= minute * MINUTE:
            line = next(lines)
        wall = datetime_of(minute * MINUTE).astimezone(ZoneInfo(zone))
        covered = window.days is DayRule.EVERY_DAY or calendar.works(wall.date())
        of_day = wall.hour * 60 + wall.minute
        assert line.counts == (covered and window.opens_minute <= of_day < window.closes_minute), wall


def test_the_reference_itself_knows_a_known_answer() -> None:
    one = promise(window=OFFICE, within_s=0, coverage_days=1)
    friday = minutes("2026-11-20T18:00+00:00")
    found = slow(one, ZoneInfo("UTC"), PLAIN, friday, [], friday)
    assert datetime_of(found.due * MINUTE).strftime("%A %H:%M") == "Tuesday 17:00"
