"""Maintenance windows: for whom they hold, when, and what becomes of what fires at their end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hardcase_collector.cases.windows import Hours, Target, Windows, listed
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound
from hardcase_collector.domain.noise import NEVER_MS, Breadth, PlannedWindow
from hardcase_collector.domain.ports import Window
from hardcase_collector.domain.window_times import moved, next_time, over, time_of
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.collector.cases.bench import DAY, HOUR, MINUTE, NOON, Bench, cleared, raised
from tests.unit.collector.cases.noisy import LI, Noisy, noisy

WEEK = 7 * DAY


@pytest.fixture
def desk(bench: Bench) -> Noisy:
    return noisy(bench.store, ())


def weekly(zone: str, begins: str, ends: str) -> PlannedWindow:
    first, until = (
        int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000) for text in (begins, ends)
    )
    return PlannedWindow(
        id=b"w", breadth=Breadth.SITE, scope="site:x", customer="x", subject="x", from_ms=first, until_ms=until,
        weekly=True, time_zone=zone, last_ms=NEVER_MS,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("breadth", "name"),
    [(Breadth.SITE, "gz"), (Breadth.RACK, "gz/R1"), (Breadth.TAG, "db"), (Breadth.CUSTOMER, "")],
)
def test_a_window_holds_for_its_own_and_for_nobody_else(desk: Noisy, breadth: Breadth, name: str) -> None:
    inside = desk.machine("gz", "R1", tags=("db", "red"))
    outside = desk.machine("sh" if breadth is not Breadth.CUSTOMER else "gz", "R2", tags=("red",))
    stranger = desk.machine("gz", "R1", customer="south", tags=("db",))
    desk.open_now(breadth, name)
    desk.apply(raised(inside), raised(outside), raised(stranger))
    held = {asset.id: desk.finding(raised(asset)).held for asset in (inside, outside, stranger)}
    expected_outside = "window" if breadth is Breadth.CUSTOMER else ""
    assert held == {inside.id: "window", outside.id: expected_outside, stranger.id: ""}
    assert desk.whys(inside)[-1].facts["window"] == (NOON.to_bytes(8, "big") * 2).hex()


def test_an_asset_that_joins_the_site_while_the_window_runs_is_inside(desk: Noisy) -> None:
    desk.machine("gz")
    desk.open_now(Breadth.SITE, "gz")
    late = desk.machine("gz")
    desk.apply(raised(late))
    assert desk.finding(raised(late)).held == "window"


def test_what_still_fires_at_the_end_is_opened_then_and_what_cleared_is_not(desk: Noisy) -> None:
    machines = [desk.machine("gz") for _ in range(3)]
    desk.open_now(Breadth.SITE, "gz")
    desk.apply(*(raised(one) for one in machines))
    desk.apply(cleared(raised(machines[0]), NOON + MINUTE), at=NOON + MINUTE)
    desk.tick(NOON + 2 * HOUR - 1)
    assert desk.cases() == []
    desk.tick(NOON + 2 * HOUR)
    assert sorted(case.asset for case in desk.cases()) == [one.id for one in machines[1:]]
    assert {case.opened_ms for case in desk.cases()} == {NOON + 2 * HOUR}


def test_a_window_ended_early_lets_go_at_once_but_not_what_another_still_holds(desk: Noisy) -> None:
    first, both = desk.machine("gz"), desk.machine("gz", tags=("db",))
    site = desk.open_now(Breadth.SITE, "gz")
    tag = desk.open_now(Breadth.TAG, "db", at=NOON + 1)
    desk.apply(raised(first, at=NOON + 2), raised(both, at=NOON + 2), at=NOON + 2)
    desk.end(site, at=NOON + MINUTE)
    desk.tick(NOON + MINUTE)
    assert [case.asset for case in desk.cases()] == [first.id]
    desk.end(tag, at=NOON + 2 * MINUTE)
    desk.tick(NOON + 2 * MINUTE)
    assert [case.asset for case in desk.cases()] == [first.id, both.id]


def test_a_prolonged_window_holds_on(desk: Noisy) -> None:
    machine = desk.machine("gz")
    window = desk.open_now(Breadth.SITE, "gz")
    desk.apply(raised(machine))
    with desk.store.write() as tx:
        shown = desk.windows.extend(tx, window.id.hex(), until_ms=NOON + DAY, by=LI, now_ms=NOON + HOUR)
    assert (shown.until_ms, shown.running) == (NOON + DAY, True)
    desk.tick(NOON + 3 * HOUR)
    assert desk.cases() == []
    desk.tick(NOON + DAY)
    assert len(desk.cases()) == 1


def test_a_case_that_is_open_stays_open_and_runs_on(desk: Noisy) -> None:
    machine = desk.machine("gz")
    desk.apply(raised(machine))
    before = desk.only_case()
    desk.open_now(Breadth.SITE, "gz", at=NOON + 1)
    desk.tick(NOON + MINUTE)
    assert desk.only_case() == before


def test_a_late_reading_is_held_by_the_window_of_its_time(desk: Noisy) -> None:
    machine = desk.machine("gz")
    window = desk.open_now(Breadth.SITE, "gz")
    desk.end(window, at=NOON + HOUR)
    desk.apply(raised(machine, at=NOON + MINUTE, backlog=True), at=NOON + DAY)
    assert desk.finding(raised(machine)).held == "backlog"
    desk.apply(raised(machine, at=NOON + HOUR + 1, sensor="other"), at=NOON + DAY)
    assert desk.finding(raised(machine, sensor="other")).held == ""


def test_a_drill_is_seen_whatever_window_its_customer_has(desk: Noisy) -> None:
    drill = desk.asset("rehearsal|1")
    desk.open_now(Breadth.CUSTOMER, "")
    desk.apply(raised(drill))
    assert desk.only_case().rehearsal


def test_who_may_not_may_not_and_another_customers_is_not_found(desk: Noisy) -> None:
    machine = desk.machine("gz")
    viewer = Actor(name="v", role=Role.VIEWER, customer=None)
    with pytest.raises(NotAllowed):
        desk.open_now(Breadth.SITE, "gz", by=viewer)
    south = Actor(name="s", role=Role.ENGINEER, customer="south")
    for breadth, name in ((Breadth.ASSET, str(machine.id)), (Breadth.SITE, "gz"), (Breadth.TAG, "db")):
        with pytest.raises(NotFound):
            desk.open_now(breadth, name, by=south)
    window = desk.open_now(Breadth.SITE, "gz")
    with desk.store.write() as tx:
        with pytest.raises(NotFound):
            desk.windows.end(tx, window.id.hex(), by=south, now_ms=NOON)
        assert desk.windows.list(tx, customer="south", now_ms=NOON, over_since_ms=0) == []
        assert len(desk.windows.list(tx, customer="north", now_ms=NOON, over_since_ms=0)) == 1


@pytest.mark.parametrize(("breadth", "name"), [(Breadth.SITE, "gzz"), (Breadth.RACK, "gz/R9"), (Breadth.TAG, "bd")])
def test_a_window_for_nothing_in_the_books_is_a_slip_of_the_pen(desk: Noisy, breadth: Breadth, name: str) -> None:
    desk.machine("gz", "R1", tags=("db",))
    with pytest.raises(NotFound):
        desk.open_now(breadth, name)


def test_a_plan_is_in_the_sites_own_hours(desk: Noisy) -> None:
    machine = desk.machine("gz")
    hours = Hours(begins="2026-12-24T22:00", ends="2026-12-25T02:00")
    with desk.store.write() as tx:
        target = Target(breadth=Breadth.ASSET, customer="", name=str(machine.id))
        window = desk.windows.plan(tx, target, hours, id=b"p" * 16, reason="", by=LI, now_ms=NOON)
    assert datetime.fromtimestamp(window.from_ms / 1000, ZoneInfo("UTC")).hour == 14
    begins = window.from_ms
    desk.apply(raised(machine, at=begins - 1), at=begins - 1)
    desk.apply(raised(machine, group="link", at=begins), at=begins)
    assert [case.repair_group for case in desk.cases()] == ["psu"]


@pytest.mark.parametrize(
    "hours",
    [
        Hours(begins="2026-12-24T22:00", ends="2026-12-24T22:00"),
        Hours(begins="2020-12-24T22:00", ends="2020-12-25T02:00"),
        Hours(begins="tomorrow", ends="2026-12-25T02:00"),
        Hours(begins="2026-12-24T22:00", ends="2026-12-31T22:00", weekly=True),
        Hours(begins="2026-12-24T22:00", ends="2026-12-25T02:00", time_zone="Mars/Olympus"),
    ],
)
def test_hours_that_mean_nothing_are_refused(desk: Noisy, hours: Hours) -> None:
    machine = desk.machine("gz")
    target = Target(breadth=Breadth.ASSET, customer="", name=str(machine.id))
    with pytest.raises(IllegalAction), desk.store.write() as tx:
        desk.windows.plan(tx, target, hours, id=b"p" * 16, reason="", by=LI, now_ms=NOON)


def test_a_weekly_window_keeps_its_local_hours_over_daylight_saving() -> None:
    window = weekly("Europe/Berlin", "2026-03-22T01:00", "2026-03-22T05:00")
    second = next_time(window, window.until_ms)
    assert second is not None
    assert second[0] - window.from_ms == WEEK
    assert second[1] - second[0] == 3 * HOUR
    third = next_time(window, second[1])
    assert third is not None
    assert third[0] - second[0] == WEEK - HOUR


@given(at=st.integers(0, 60 * DAY), zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]))
def test_a_weekly_window_holds_exactly_in_its_hours(at: int, zone: str) -> None:
    window = weekly(zone, "2026-03-05T22:30", "2026-03-06T03:30")
    now = window.from_ms + at
    local = datetime.fromtimestamp(now / 1000, ZoneInfo(zone)).replace(tzinfo=None, microsecond=0)
    minutes = (local.weekday() * 24 + local.hour) * 60 + local.minute
    assert (time_of(window, now) is not None) == ((3 * 24 + 22) * 60 + 30 <= minutes < (4 * 24 + 3) * 60 + 30)


@given(at=st.integers(-DAY, 40 * DAY), cut=st.integers(1, 5 * HOUR))
def test_ending_one_time_of_a_weekly_window_changes_no_other(at: int, cut: int) -> None:
    window = weekly("Asia/Shanghai", "2026-03-05T22:00", "2026-03-06T04:00")
    inside = window.from_ms + WEEK + cut
    shorter = moved(window, at_ms=inside, until_ms=inside)
    now = window.from_ms + at
    cut_off = inside <= now < window.from_ms + WEEK + 6 * HOUR
    assert (
        time_of(shorter, now) is None if cut_off else (time_of(shorter, now) is None) == (time_of(window, now) is None)
    )
    gone = over(window, at_ms=inside)
    assert (time_of(gone, now) is not None) == (time_of(window, now) is not None and now < inside)


def test_a_weekly_window_goes_on_next_week_unless_it_is_ended_for_good(desk: Noisy) -> None:
    machine = desk.machine("gz")
    with desk.store.write() as tx:
        target = Target(breadth=Breadth.SITE, customer="north", name="gz")
        hours = Hours(begins="2026-11-25T20:00", ends="2026-11-25T23:00", weekly=True)
        window = desk.windows.plan(tx, target, hours, id=b"p" * 16, reason="", by=LI, now_ms=NOON)
    begins = window.from_ms
    desk.apply(raised(machine, at=begins + 1), at=begins + 1)
    desk.end(window, at=begins + MINUTE)
    desk.tick(begins + MINUTE)
    assert len(desk.cases()) == 1
    desk.apply(raised(machine, group="link", at=begins + WEEK), at=begins + WEEK)
    assert desk.finding(raised(machine, group="link")).held == "window"
    desk.end(window, at=begins + WEEK + 1, for_good=True)
    desk.apply(raised(machine, group="raid", at=begins + 2 * WEEK), at=begins + 2 * WEEK)
    assert desk.finding(raised(machine, group="raid")).held == ""
    with pytest.raises(IllegalAction):
        desk.end(window, at=begins + 2 * WEEK)


def test_a_planned_window_that_is_called_off_never_holds(desk: Noisy) -> None:
    machine = desk.machine("gz")
    with desk.store.write() as tx:
        target = Target(breadth=Breadth.SITE, customer="north", name="gz")
        hours = Hours(begins="2026-11-25T20:00", ends="2026-11-25T23:00")
        window = desk.windows.plan(tx, target, hours, id=b"p" * 16, reason="", by=LI, now_ms=NOON)
    desk.end(window, at=NOON + 1)
    desk.apply(raised(machine, at=window.from_ms + 1), at=window.from_ms + 1)
    assert len(desk.cases()) == 1


def test_the_list_has_windows_of_hosts_too_and_ends_them(desk: Noisy) -> None:
    machine = desk.machine("gz")
    own = Window(id=b"agents", asset=machine.id, from_ms=NOON, until_ms=NOON + DAY, reason="dimm", by="root")
    with desk.store.write() as tx:
        tx.assets.open_window(own)
    desk.open_now(Breadth.SITE, "gz", at=NOON + 1)
    with desk.store.write() as tx:
        shown = desk.windows.list(tx, customer=None, now_ms=NOON + 2, over_since_ms=NOON)
    assert [(one.breadth, one.host, one.running) for one in shown] == [
        (Breadth.ASSET, True, True), (Breadth.SITE, False, True),
    ]  # fmt: skip
    desk.apply(raised(machine, at=NOON + 3), at=NOON + 3)
    with desk.store.write() as tx:
        assert not desk.windows.end(tx, b"agents".hex(), by=LI, now_ms=NOON + HOUR).running
        assert tx.assets.windows(machine.id, NOON + HOUR) == []


def test_a_list_shows_the_next_time_of_what_does_not_run_now() -> None:
    window = replace(weekly("UTC", "2026-03-05T22:00", "2026-03-06T04:00"), last_ms=NEVER_MS)
    shown = listed(window, window.from_ms + 2 * DAY)
    assert (shown.running, shown.from_ms, shown.last_ms) == (False, window.from_ms + WEEK, 0)


def test_every_deed_is_in_the_audit_log(desk: Noisy) -> None:
    desk.machine("gz")
    window = desk.open_now(Breadth.SITE, "gz")
    desk.end(window, at=NOON + 1)
    with desk.store.read() as tx:
        told = [(one.actor, one.action, one.subject) for one in tx.access.audits(customer=None, limit=5)]
    assert told == [("li", "window.ended", "site gz"), ("li", "window.opened", "site gz")]


def test_windows_is_without_state() -> None:
    assert vars(Windows()) == {}
