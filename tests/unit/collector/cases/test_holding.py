"""What opens nothing yet, why, and what becomes of it: joining, observe, window, backlog, warning, history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.settings import DeskSettings, JoiningEnd
from hardcase_collector.domain.asset import Asset, AssetMode
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import Window

from tests.unit.collector.cases.bench import DAY, DISK, LI, MINUTE, NOON, Bench, cleared, raised, worsened


def joining(bench: Bench) -> Asset:
    return bench.asset(mode=AssetMode.JOINING, live_from_ms=NOON + DAY)


def open_window(bench: Bench, asset: Asset, from_ms: int, until_ms: int) -> None:
    with bench.store.write() as tx:
        tx.assets.open_window(
            Window(id=b"w", asset=asset.id, from_ms=from_ms, until_ms=until_ms, reason="fans", by="li")
        )


def settle(bench: Bench, asset: Asset, *, open_cases: bool) -> int:
    with bench.store.write() as tx:
        return bench.actions.settle_joining(tx, asset.id, open_cases=open_cases, by=LI, reason="known", now_ms=NOON + 5)


def test_a_warning_is_shown_and_opens_nothing(bench: Bench) -> None:
    asset = bench.asset()
    watch = raised(asset, severity=Severity.WARNING, opens=False)
    bench.apply(watch)
    assert bench.cases() == []
    assert (bench.finding(watch).firing, bench.finding(watch).held) == (True, "warning")
    assert bench.whys(asset)[-1].reason == "warning_only"
    bench.apply(worsened(watch, Severity.MAJOR, NOON + 1, opens=True))
    assert bench.only_case().severity is Severity.MAJOR


def test_joining_lists_what_it_finds_and_opens_it_at_its_end(bench: Bench) -> None:
    asset = joining(bench)
    first = raised(asset)
    bench.apply(first)
    bench.tick(NOON + DAY - 1)
    assert bench.cases() == []
    assert bench.finding(first).held == "joining"
    bench.tick(NOON + DAY)
    assert bench.only_case().opened_ms == NOON + DAY
    assert bench.only_case().since_ms == NOON
    assert [why.reason for why in bench.whys(asset)] == ["joining", "opened"]
    with bench.store.read() as tx:
        assert tx.assets.by_number(asset.id).mode is AssetMode.LIVE


def test_what_cleared_while_joining_opens_nothing(bench: Bench) -> None:
    first = raised(joining(bench))
    bench.apply(first, cleared(first, NOON + 1))
    bench.tick(NOON + DAY)
    assert bench.cases() == []


def test_a_critical_state_that_the_device_asserts_opens_while_joining(bench: Bench) -> None:
    asset = joining(bench)
    bench.apply(raised(asset, severity=Severity.CRITICAL))
    assert bench.cases() == []
    bench.apply(raised(asset, "psu.failed", severity=Severity.CRITICAL, device_asserted=True))
    assert bench.only_case().fault_classes == ("psu.failed",)


def test_a_drill_does_not_wait_for_joining(bench: Bench) -> None:
    bench.apply(raised(bench.asset("rehearsal|1", AssetMode.JOINING, NOON + DAY)))
    assert bench.only_case().rehearsal


def test_a_site_may_have_the_list_wait_for_a_person(bench: Bench) -> None:
    waiting = Bench(bench.store, DeskSettings(joining_end=JoiningEnd.WAIT))
    first = raised(joining(waiting))
    waiting.apply(first)
    waiting.tick(NOON + 2 * DAY)
    assert waiting.cases() == []
    assert waiting.finding(first).held == "joining"


def test_all_of_the_list_is_opened_at_once(bench: Bench) -> None:
    asset = joining(bench)
    bench.apply(raised(asset), raised(asset, group="link"), raised(asset, "psu.failed"))
    assert settle(bench, asset, open_cases=True) == 3
    assert len(bench.cases()) == 2


def test_all_of_the_list_is_accepted_and_opens_only_when_it_gets_worse_or_returns(bench: Bench) -> None:
    asset = joining(bench)
    one, two = raised(asset), raised(asset, group="link")
    bench.apply(one, two)
    assert settle(bench, asset, open_cases=False) == 2
    bench.tick(NOON + 2 * DAY)
    assert bench.cases() == []
    bench.apply(worsened(one, Severity.CRITICAL, NOON + 6))
    assert [case.repair_group for case in bench.cases()] == ["psu"]
    bench.apply(cleared(two, NOON + 7), raised(asset, group="link", at=NOON + 8))
    assert [case.repair_group for case in bench.cases()] == ["psu", "link"]


def accepted_at_joining(bench: Bench) -> Asset:
    asset = joining(bench)
    bench.apply(raised(asset))
    settle(bench, asset, open_cases=False)
    return asset


def test_the_logs_word_for_what_was_accepted_opens_nothing_where_it_is_read_late(bench: Bench) -> None:
    asset = accepted_at_joining(bench)
    line = raised(asset, "psu.limit_event", at=NOON + MINUTE, sensor="s2", evidence={"log": "sel", "record_id": 3})
    bench.apply(line)
    assert bench.cases() == []
    assert bench.finding(line).held == "accepted"
    why = bench.whys(asset)[-1]
    assert (why.reason, why.opened, why.facts["with"]) == ("accepted", False, "psu.input_lost")

    bench.apply(worsened(line, Severity.CRITICAL, NOON + MINUTE + 1))
    assert bench.only_case().fault_classes == ("psu.limit_event",)


@pytest.mark.parametrize(
    "other",
    [
        {"evidence": {"sensor": "s2"}},
        {"severity": Severity.CRITICAL},
        {"part": DISK},
        {"group": "cable"},
        {"at": NOON + 6 * MINUTE},
    ],
    ids=["no log", "worse", "another part", "another repair", "later"],
)
def test_what_is_more_than_the_logs_word_for_what_was_accepted_opens(bench: Bench, other: dict[str, Any]) -> None:
    asset = accepted_at_joining(bench)
    line = {"at": NOON + MINUTE, "sensor": "s2", "evidence": {"log": "sel", "record_id": 3}}
    bench.apply(raised(asset, "psu.limit_event", **line | other))
    assert len(bench.cases()) == 1


def test_accepting_a_number_makes_it_the_baseline(bench: Bench) -> None:
    asset = joining(bench)
    counted = raised(asset)
    counted = replace(counted, key=replace(counted.key, feed=7), evidence={"value": 8})
    bench.apply(counted)
    told: list[int] = []
    placing = Placing(bench.announcements, reopen_ms=0, flap_raises=3)
    bench.actions = CaseActions(bench.announcements, placing, baselines_changed=told.append)
    settle(bench, asset, open_cases=False)
    assert told == [7]
    with bench.store.read() as tx:
        (baseline,) = tx.feeds.baselines([7])
    assert (baseline.value, baseline.by, baseline.reason, baseline.sensor) == (8.0, "li", "known", "s1")


def test_one_line_of_the_list_is_decided_once(bench: Bench) -> None:
    asset = joining(bench)
    one, two = raised(asset), raised(asset, group="link")
    bench.apply(one, two)
    finding = bench.finding(one).id
    with bench.store.write() as tx:
        bench.actions.settle_finding(tx, finding, open_case=True, by=LI, reason="", now_ms=NOON)
    assert bench.only_case().repair_group == "psu"
    with pytest.raises(IllegalAction), bench.store.write() as tx:
        bench.actions.settle_finding(tx, finding, open_case=True, by=LI, reason="", now_ms=NOON)


def test_observing_shows_what_would_have_opened_without_end(bench: Bench) -> None:
    asset = bench.asset(mode=AssetMode.OBSERVE)
    bench.apply(raised(asset, severity=Severity.CRITICAL, device_asserted=True))
    bench.tick(NOON + 100 * DAY)
    assert bench.cases() == []
    assert bench.whys(asset)[-1].reason == "observe"


def test_a_window_holds_back_and_what_still_fires_at_its_end_opens(bench: Bench) -> None:
    asset = bench.asset()
    open_window(bench, asset, NOON - 1, NOON + MINUTE)
    one, two = raised(asset), raised(asset, group="link")
    bench.apply(one, two)
    bench.apply(cleared(two, NOON + 2))
    bench.tick(NOON + MINUTE - 1)
    assert bench.cases() == []
    bench.tick(NOON + MINUTE)
    assert [case.repair_group for case in bench.cases()] == ["psu"]
    assert [why.reason for why in bench.whys(asset)] == ["window", "window", "opened"]


def test_a_window_that_is_prolonged_holds_on_and_one_that_is_shortened_lets_go(bench: Bench) -> None:
    asset = bench.asset()
    open_window(bench, asset, NOON - 1, NOON + MINUTE)
    bench.apply(raised(asset))
    open_window(bench, asset, NOON - 1, NOON + 3 * MINUTE)
    bench.tick(NOON + MINUTE)
    assert bench.cases() == []
    open_window(bench, asset, NOON - 1, NOON + 2 * MINUTE)
    bench.tick(NOON + 2 * MINUTE)
    assert len(bench.cases()) == 1


def test_an_old_reading_is_held_by_the_window_of_its_time(bench: Bench) -> None:
    asset = bench.asset()
    open_window(bench, asset, NOON, NOON + MINUTE)
    late = raised(asset, at=NOON + 1)
    bench.apply(late, at=NOON + DAY)
    assert bench.finding(late).held == "window"
    bench.tick(NOON + DAY + 1)
    assert len(bench.cases()) == 1


def test_what_came_and_went_in_a_window_that_the_backlog_tells_of_pages_nobody(bench: Bench) -> None:
    asset = bench.asset()
    open_window(bench, asset, NOON - DAY, NOON - DAY + 2 * MINUTE)
    pulled = raised(asset, at=NOON - DAY + 1, backlog=True)
    bench.apply(pulled)
    bench.tick(NOON + 1)
    worse = worsened(pulled, Severity.CRITICAL, NOON - DAY + MINUTE)
    bench.apply(worse, at=NOON + 2)
    bench.tick(NOON + 3)
    assert (bench.cases(), bench.finding(pulled).held) == ([], "backlog")
    assert [why.reason for why in bench.whys(asset)] == ["window"]
    bench.apply(replace(cleared(pulled, NOON - DAY + 2 * MINUTE), backlog=True), at=NOON + 4)
    bench.tick(NOON + 2 * MINUTE)
    assert (bench.cases(), bench.announcements.news) == ([], [])


def test_what_still_fires_after_a_window_that_the_backlog_tells_of_opens_at_its_end(bench: Bench) -> None:
    asset = bench.asset()
    open_window(bench, asset, NOON - DAY, NOON - DAY + 2 * MINUTE)
    bench.apply(raised(asset, at=NOON - DAY + 1, backlog=True))
    bench.tick(NOON + 1)
    with bench.store.write() as tx:
        bench.desk.caught_up(tx, assets=[asset.id], now_ms=NOON + 5)
    assert bench.only_case().opened_ms == NOON + 5


def test_a_window_that_is_ended_early_lets_go_at_once(bench: Bench) -> None:
    asset = bench.asset()
    open_window(bench, asset, NOON - 1, NOON + DAY)
    bench.apply(raised(asset))
    open_window(bench, asset, NOON - 1, NOON + 1)
    bench.tick(NOON + 2)
    assert len(bench.cases()) == 1


def test_what_fired_and_cleared_in_the_backlog_is_recorded_and_pages_nobody(bench: Bench) -> None:
    asset = bench.asset()
    old = raised(asset, at=NOON - DAY, backlog=True)
    bench.apply(old, replace(cleared(old, NOON - DAY + 5), backlog=True))
    bench.tick(NOON + 2 * MINUTE)
    assert bench.cases() == []
    assert bench.announcements.news == []
    assert [why.reason for why in bench.whys(asset)] == ["backlog", "backlog_cleared"]


def test_what_still_fires_at_the_end_of_the_backlog_opens(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, at=NOON - DAY, backlog=True))
    assert bench.cases() == []
    with bench.store.write() as tx:
        bench.desk.caught_up(tx, assets=[asset.id], now_ms=NOON + 5)
    case = bench.only_case()
    assert (case.since_ms, case.opened_ms) == (NOON - DAY, NOON + 5)


def test_a_backlog_that_does_not_end_is_waited_for_a_minute(bench: Bench) -> None:
    asset = bench.asset()
    old = raised(asset, at=NOON - DAY, backlog=True, severity=Severity.MINOR)
    bench.apply(old)
    bench.apply(worsened(old, Severity.MAJOR, NOON - DAY + 1), at=NOON + MINUTE - 1)
    bench.tick(NOON + MINUTE - 1)
    assert bench.cases() == []
    bench.tick(NOON + MINUTE)
    assert bench.only_case().severity is Severity.MAJOR


def test_a_critical_finding_of_the_backlog_opens_at_once(bench: Bench) -> None:
    bench.apply(raised(bench.asset(), at=NOON - DAY, backlog=True, severity=Severity.CRITICAL))
    assert len(bench.cases()) == 1
    assert bench.announcements.news[0].not_before_ms == 0


def test_news_of_an_open_case_wait_for_the_end_of_the_backlog(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset))
    bench.apply(raised(asset, "psu.failed", at=NOON - DAY, backlog=True))
    assert bench.announcements.codes() == ["opened", "joined"]
    assert bench.announcements.news[1].not_before_ms == NOON + MINUTE


def test_a_log_line_older_than_the_join_is_history(bench: Bench) -> None:
    asset = bench.asset()
    old = raised(asset, at=asset.joined_ms - 1, evidence={"log": "sel"})
    bench.apply(old)
    bench.tick(NOON + 100 * DAY)
    assert bench.cases() == []
    assert bench.whys(asset)[-1].reason == "history"
