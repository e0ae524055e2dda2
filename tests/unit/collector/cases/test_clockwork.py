"""What the clocks of stored cases tell, when, and that they tell it once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.domain.actor import local
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import CaseAction
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import CaseFilter
from hardcase_collector.domain.priority import Importance, Priority, ServiceState
from hardcase_collector.domain.service_terms import QueueFilter, Standing, Swap
from hardcase_collector.plans.frozen import load

from tests.fakes.empty_store import empty_store, quick_store
from tests.unit.collector.cases.bench import DAY, HOUR, MINUTE, NOON, Bench, cleared, raised, worsened
from tests.unit.collector.cases.books import covered, happen, row, staffed, terms, told

GOLD_ACKNOWLEDGE = 30 * MINUTE


def said(bench: Bench, *codes: str) -> list[tuple[str, object, object]]:
    """Code, clock and percent or reason of each entry."""
    return [
        (entry.code, entry.parameters["clock"], entry.parameters.get("percent", entry.parameters.get("because")))
        for entry in told(bench, *codes)
    ]


def test_a_case_is_opened_under_the_plan_of_its_part_with_everything_that_its_clocks_need(bench: Bench) -> None:
    asset = covered(bench, "bronze", importance=Importance.HIGH)
    covered(bench, "gold-7x24x4", asset=asset, part="psu", starts=date(2026, 11, 1))
    bench.apply(raised(asset))
    case, kept = bench.only_case(), terms(bench)
    assert kept is not None
    assert (kept.plan, kept.vendor, kept.site, kept.entitled_from) == ("gold-7x24x4", "Dell", "sh1", date(2026, 11, 1))
    frozen = load(kept.frozen)
    assert (frozen.zone, frozen.calendar.country, sorted(frozen.calendar.years)) == (
        "Asia/Shanghai",
        "CN",
        [2026, 2027],
    )
    assert case.service is ServiceState.REDUNDANCY_HOLDS
    # Major with redundancy is P3; the asset is important.
    assert case.priority is kept.priority is Priority.P2
    (opened,) = told(bench, "opened")
    assert opened.parameters["plan"] == "gold-7x24x4"
    assert opened.parameters["covered"] is True
    assert opened.parameters["priority"] == "P2"


def test_a_case_whose_terms_cannot_be_read_stands_still_alone(bench: Bench) -> None:
    asset = covered(bench, "gold-7x24x4")
    bench.apply(raised(asset, "fan.failed", part=Part(component="fan", slot="1"), sensor="fan1", group="fan"))
    broken = bench.only_case()
    bench.apply(raised(asset))
    with bench.store.write() as tx:
        kept = tx.clocks.terms(broken.id)
        assert kept is not None
        tx.clocks.freeze(replace(kept, frozen='{"version": 99}'))
        (sound,) = (one for one in tx.cases.list(CaseFilter(customer=None, open_only=True)) if one.id != broken.id)

    bench.tick(NOON + 2 * HOUR)

    assert list(bench.desk.unreadable) == [broken.number]
    assert "version 99" in bench.desk.unreadable[broken.number]
    with bench.store.read() as tx:
        codes = {one.id: {entry.code for entry in tx.cases.timeline(one.id)} for one in (sound, broken)}
        waits = tx.clocks.clock(broken.id)
    assert "clock_breached" in codes[sound.id]
    assert "clock_breached" not in codes[broken.id]
    assert waits is not None
    assert waits.look_ms > NOON + 2 * HOUR

    with bench.store.write() as tx:
        CaseFile(tx, bench.announcements).change(broken, "note", Occasion(now_ms=NOON + 2 * HOUR), {"text": "go on"})
        tx.clocks.freeze(kept)
    bench.tick(waits.look_ms)
    assert bench.desk.unreadable == {}
    with bench.store.read() as tx:
        assert "clock_breached" in {entry.code for entry in tx.cases.timeline(broken.id)}


def test_what_nothing_covers_is_out_of_warranty_and_runs_no_clock(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    kept = terms(bench)
    assert kept is not None
    assert (kept.plan, kept.entitlement) == ("out-of-warranty", None)
    assert row(bench) is None
    (opened,) = told(bench, "opened")
    assert opened.parameters["covered"] is False


def test_an_entitlement_that_is_over_covers_nothing(bench: Bench) -> None:
    asset = covered(bench, ends=date(2026, 11, 23))
    bench.apply(raised(asset))
    kept = terms(bench)
    assert kept is not None
    assert kept.entitlement is None


def test_a_plan_that_no_sheet_has_promises_nothing_and_says_so(bench: Bench) -> None:
    asset = covered(bench, "platinum")
    bench.apply(raised(asset))
    (opened,) = told(bench, "opened")
    assert (opened.parameters["plan"], opened.parameters["plan_unknown"]) == ("platinum", True)
    assert row(bench) is None


def test_a_drill_has_no_plan(bench: Bench) -> None:
    staffed(bench)
    bench.apply(raised(bench.asset("rehearsal|1")))
    assert terms(bench) is None
    assert row(bench) is None
    assert bench.only_case().team == ""


def test_the_books_may_change_and_the_case_keeps_its_terms_also_opened_again(bench: Bench) -> None:
    asset = covered(bench)
    finding = raised(asset)
    bench.apply(finding)
    before = terms(bench)
    with bench.store.write() as tx:
        for one in tx.registry.entitlements(asset.id):
            tx.registry.remove_entitlement(one.id)
    bench.apply(cleared(finding, NOON + HOUR), at=NOON + HOUR)
    bench.tick(NOON + 2 * HOUR)
    assert bench.only_case().closed_ms
    bench.apply(raised(asset, at=NOON + DAY), at=NOON + DAY)
    assert bench.only_case().reopened == 1
    assert terms(bench) == before
    again = row(bench)
    assert again is not None
    assert (again.kind, again.round, again.due_ms) == ("acknowledge", 2, NOON + DAY + GOLD_ACKNOWLEDGE)


def test_steps_forecast_and_breach_come_in_their_order_and_each_once(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    for minute in range(0, 60, 2):
        bench.tick(NOON + minute * MINUTE)
        bench.tick(NOON + minute * MINUTE)
    acknowledge = [
        line for line in said(bench, "clock_step", "breach_forecast", "clock_breached") if line[1] == "acknowledge"
    ]
    assert acknowledge == [
        ("clock_step", "acknowledge", 50),
        ("clock_step", "acknowledge", 80),
        ("breach_forecast", "acknowledge", "used"),
        ("clock_breached", "acknowledge", None),
    ]
    entries = told(bench, "breach_forecast", "clock_breached")
    at = {entry.code: entry.at_ms for entry in entries if entry.parameters["clock"] == "acknowledge"}
    assert at["breach_forecast"] == NOON + 24 * MINUTE
    assert at["clock_breached"] == NOON + 32 * MINUTE


def test_each_step_is_one_notification(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    for minute in range(0, 300, 5):
        bench.tick(NOON + minute * MINUTE)
    entries = told(bench, "clock_step", "breach_forecast", "clock_breached")
    announced = [news.entry.version for news in bench.announcements.news]
    assert len(entries) > 10
    assert {entry.version for entry in entries} <= set(announced)
    assert max(Counter(announced).values()) == 1


def test_a_restart_after_any_step_tells_nothing_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    bench = Bench(empty_store(tmp_path / "state.db"))
    bench.apply(raised(covered(bench)))
    for minute in range(0, 90, 3):
        bench.store.close()
        bench = Bench(quick_store(url))
        bench.tick(NOON + minute * MINUTE)
    lines = Counter(
        (entry.code, *(entry.parameters.get(name) for name in ("clock", "round", "percent", "because")))
        for entry in told(bench, "clock_step", "breach_forecast", "clock_breached", "escalated")
    )
    assert max(lines.values()) == 1
    assert lines["clock_breached", "remote_response", 1, None, None] == 1
    bench.store.close()


def test_after_a_long_stop_everything_missed_is_told_in_its_order_before_what_people_do(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    happen(bench, "acknowledged", NOON + 40 * MINUTE)
    codes = bench.codes()
    assert codes.index("breach_forecast") < codes.index("clock_breached") < codes.index("acknowledged")
    with bench.store.read() as tx:
        versions = [entry.version for entry in tx.cases.timeline(bench.only_case().id)]
    assert versions == list(range(1, len(codes) + 1))


def test_what_is_done_in_time_is_never_told_of(bench: Bench) -> None:
    bench.apply(raised(covered(bench, "standard-3y")))
    happen(bench, "acknowledged", NOON + HOUR)
    happen(bench, "contacted", NOON + HOUR)
    bench.tick(NOON + 5 * DAY)
    clocks_told = {line[1] for line in said(bench, "clock_step", "clock_breached")}
    assert clocks_told == {"on_site"}


def test_who_expects_to_be_late_is_told_of_at_once_and_not_again_at_80_percent(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    happen(bench, "acknowledged", NOON + MINUTE)
    happen(bench, "expected", NOON + 2 * MINUTE, moment="arrived", time_ms=NOON + 6 * HOUR)
    bench.tick(NOON + 3 * MINUTE)
    (forecast,) = [one for one in told(bench, "breach_forecast") if one.parameters["clock"] == "on_site"]
    assert forecast.parameters["because"] == "expected"
    assert forecast.at_ms == NOON + 3 * MINUTE
    bench.tick(NOON + 5 * HOUR)
    assert [one.parameters["clock"] for one in told(bench, "breach_forecast")].count("on_site") == 1


def test_a_pause_stops_the_steps_and_the_row_says_so(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    happen(bench, "acknowledged", NOON)
    happen(bench, "contacted", NOON)
    happen(bench, "dispatched", NOON)
    happen(bench, "paused", NOON + HOUR, reason="no_site_access")
    waiting = row(bench)
    assert waiting is not None
    assert (waiting.kind, waiting.state, waiting.left_ms, waiting.look_ms) == ("on_site", Standing.PAUSED, 3 * HOUR, 0)
    bench.tick(NOON + DAY)
    assert told(bench, "clock_step") == []
    happen(bench, "resumed", NOON + DAY, reason="no_site_access")
    going = row(bench)
    assert going is not None
    assert (going.state, going.due_ms) == (Standing.RUNNING, NOON + DAY + 3 * HOUR)


def test_a_closed_case_owes_its_follow_up_and_then_nothing(bench: Bench) -> None:
    finding = raised(covered(bench))
    bench.apply(finding)
    bench.act(CaseAction.CONFIRM, NOON + MINUTE)
    bench.act(CaseAction.CLOSE, NOON + 2 * MINUTE)
    owed = row(bench)
    assert owed is not None
    assert owed.kind == "follow_up"
    happen(bench, "followed_up", NOON + HOUR)
    assert row(bench) is None


def test_a_cancelled_case_owes_nothing(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    bench.act(CaseAction.CANCEL, NOON + MINUTE)
    assert row(bench) is None


def test_a_case_that_joins_a_storm_runs_no_clock_until_it_breaks_through(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    for parent, runs in ((99, False), (None, True)):
        with bench.store.write() as tx:
            file = CaseFile(tx, bench.announcements)
            file.change(bench.only_case(), "storm", Occasion(now_ms=NOON + MINUTE), {}, parent=parent)
        assert (row(bench) is not None) is runs


def test_a_higher_severity_raises_the_priority_with_an_entry(bench: Bench) -> None:
    asset = covered(bench)
    finding = raised(asset, "psu.redundancy_lost", severity=Severity.MINOR)
    bench.apply(finding)
    assert bench.only_case().priority is Priority.P3
    bench.apply(worsened(finding, Severity.CRITICAL, NOON + MINUTE), at=NOON + MINUTE)
    assert bench.only_case().priority is Priority.P1
    (changed,) = told(bench, "priority_changed")
    assert (changed.parameters["from"], changed.parameters["priority"]) == ("P3", "P1")
    assert changed.parameters["reason"] == "severity_raised"


def test_a_priority_that_a_person_chose_stays(bench: Bench) -> None:
    asset = covered(bench)
    finding = raised(asset, "psu.redundancy_lost", severity=Severity.MINOR)
    bench.apply(finding)
    with bench.store.write() as tx:
        CaseFile(tx, bench.announcements).change(
            bench.only_case(),
            "priority_changed",
            Occasion(now_ms=NOON, actor="li"),
            {"priority": "P4", "reason": "a laboratory"},
            priority=Priority.P4,
        )
    bench.apply(worsened(finding, Severity.CRITICAL, NOON + MINUTE), at=NOON + MINUTE)
    assert bench.only_case().priority is Priority.P4


def test_a_second_supply_that_fails_is_a_standstill(bench: Bench) -> None:
    asset = covered(bench)
    bench.apply(raised(asset))
    other = raised(asset, part=Part(component="psu", slot="PSU1"), sensor="s2")
    bench.apply(other, at=NOON + MINUTE)
    first, second = bench.cases()
    assert (first.service, second.service) == (ServiceState.REDUNDANCY_HOLDS, ServiceState.DOWN)
    assert second.priority is Priority.P1


def test_nobody_answers_and_the_next_on_duty_are_called_and_then_the_manager(bench: Bench) -> None:
    staffed(bench)
    bench.apply(raised(covered(bench)))
    assert bench.only_case().team == "field"
    for minute in range(40):
        bench.tick(NOON + minute * MINUTE)
    calls = [
        (entry.parameters["because"], entry.parameters["to"], (entry.at_ms - NOON) // MINUTE)
        for entry in told(bench, "escalated")
    ]
    # 2026-11-24 is in the first person's week; half of 30 minutes, 80 %, and one millisecond after the end.
    assert calls == [("unacknowledged", "zhao", 15), ("used", "sun", 24), ("breached", "chen", 31)]


def test_a_team_may_be_less_patient_than_its_clocks(bench: Bench) -> None:
    staffed(bench, unacknowledged_s=300)
    bench.apply(raised(covered(bench, "standard-3y")))
    bench.tick(NOON + 4 * MINUTE)
    assert told(bench, "escalated") == []
    bench.tick(NOON + 5 * MINUTE)
    (call,) = told(bench, "escalated")
    assert (call.parameters["because"], call.parameters["to"]) == ("unacknowledged", "zhao")


def test_who_is_swapped_in_is_called(bench: Bench) -> None:
    staffed(bench)
    with bench.store.write() as tx:
        tx.clocks.add_swap(
            Swap(id=0, team="field", from_ms=NOON - DAY, until_ms=NOON + DAY, out="zhao", into="ma", by="chen")
        )
    bench.apply(raised(covered(bench)))
    bench.tick(NOON + 15 * MINUTE)
    (call,) = told(bench, "escalated")
    assert call.parameters["to"] == "ma"


def test_a_case_without_a_team_calls_nobody(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    bench.tick(NOON + DAY)
    assert told(bench, "escalated") == []
    assert told(bench, "clock_breached") != []


@pytest.mark.parametrize(
    ("conditions", "mine"),
    [
        ({"customers": ("north",)}, True),
        ({"sites": ("sh1",), "components": ("psu",)}, True),
        ({"components": ("disk",)}, False),
        ({"customers": ("south",), "components": ("psu",)}, False),
    ],
)
def test_the_team_whose_conditions_hold_takes_the_case(
    bench: Bench, conditions: dict[str, tuple[str, ...]], mine: bool
) -> None:
    staffed(bench)
    staffed(bench, name="special", default=False, **conditions)
    bench.apply(raised(covered(bench)))
    assert bench.only_case().team == ("special" if mine else "field")


@pytest.mark.parametrize(("own_s", "hours"), [(0, 4.0), (1800, 0.5)])
def test_where_the_plan_promises_no_acknowledgement_the_rota_is_called_all_the_same(
    bench: Bench, own_s: int, hours: float
) -> None:
    staffed(bench, unacknowledged_s=own_s)
    bench.apply(raised(bench.asset()))
    case, due_ms = bench.only_case(), NOON + round(hours * HOUR)
    with bench.store.read() as tx:
        (line,) = tx.clocks.queue(QueueFilter(customer=None))
    assert line.clock is None

    bench.tick(due_ms - 1)
    assert told(bench, "escalated") == []
    for at in (due_ms, due_ms + 1, due_ms + DAY):
        bench.tick(at)

    (call,) = told(bench, "escalated")
    assert (call.parameters["because"], call.parameters["level"], call.at_ms) == ("unacknowledged", 1, due_ms)
    assert row(bench) is None
    assert bench.only_case().number == case.number


def test_who_acknowledges_in_time_is_not_called(bench: Bench) -> None:
    staffed(bench)
    bench.apply(raised(bench.asset()))
    with bench.store.write() as tx:
        bench.actions.acknowledge(tx, bench.only_case(), by=local("li"), now_ms=NOON + HOUR)
    assert row(bench) is None

    bench.tick(NOON + 5 * HOUR)

    assert told(bench, "escalated") == []


def test_a_list_that_is_filled_after_a_step_was_due_is_called_for_it(bench: Bench) -> None:
    staffed(bench, people=(), manager="")
    bench.apply(raised(covered(bench, "gold-7x24x4")))
    bench.tick(NOON + GOLD_ACKNOWLEDGE // 2)
    assert told(bench, "escalated") == []

    staffed(bench)
    bench.tick(NOON + GOLD_ACKNOWLEDGE // 2 + 15 * MINUTE)

    assert "unacknowledged" in [entry.parameters["because"] for entry in told(bench, "escalated")]
