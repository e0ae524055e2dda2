"""What people do with a case."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.case import CaseAction, CaseState
from hardcase_collector.domain.errors import IllegalAction

from tests.unit.collector.cases.bench import LI, NOON, Bench, cleared, raised


def test_a_case_is_acknowledged_once(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    for at in (NOON + 1, NOON + 2):
        with bench.store.write() as tx:
            bench.actions.acknowledge(tx, tx.cases.get(1), by=LI, now_ms=at)
    case = bench.only_case()
    assert (case.acknowledged_ms, case.acknowledged_by, case.version) == (NOON + 1, "li", 2)
    assert bench.codes() == ["opened", "acknowledged"]


def test_a_case_that_is_over_is_not_acknowledged(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    bench.act(CaseAction.CANCEL)
    with pytest.raises(IllegalAction), bench.store.write() as tx:
        bench.actions.acknowledge(tx, tx.cases.get(1), by=LI, now_ms=NOON)


def test_a_note_is_kept_with_its_author_and_told(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    with bench.store.write() as tx:
        bench.actions.note(tx, tx.cases.get(1), by=LI, text=" spare ordered ", now_ms=NOON)
    with bench.store.read() as tx:
        entry = tx.cases.timeline(1)[-1]
    assert (entry.code, entry.actor, entry.parameters) == ("note", "li", {"text": "spare ordered"})
    assert bench.announcements.codes() == ["opened", "note"]
    with pytest.raises(IllegalAction), bench.store.write() as tx:
        bench.actions.note(tx, tx.cases.get(1), by=LI, text="  ", now_ms=NOON)


def test_an_action_is_told_with_its_reason_and_where_it_led(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    bench.act(CaseAction.DEFER, reason="next window")
    entry = bench.announcements.news[-1].entry
    assert (entry.code, entry.actor) == ("moved", "li")
    assert entry.parameters == {"action": "defer", "from": "new", "to": "deferred", "reason": "next window"}


def test_a_person_reopens_a_closed_case(bench: Bench) -> None:
    first = raised(bench.asset())
    bench.apply(first)
    bench.act(CaseAction.CLOSE)
    bench.act(CaseAction.REOPEN)
    case = bench.only_case()
    assert (case.state, case.reopened, case.closed_ms) == (CaseState.NEW, 1, 0)
    assert bench.finding(first).held == ""
    bench.apply(cleared(first, NOON + 1), at=NOON + 1)
    assert bench.only_case().state is CaseState.VERIFYING


def test_a_cancelled_case_is_not_reopened_beside_another_open_one(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    bench.apply(first)
    bench.act(CaseAction.CANCEL)
    bench.apply(cleared(first, NOON + 1), raised(asset, at=NOON + 2))
    with bench.store.write() as tx, pytest.raises(IllegalAction, match="is open for the same part"):
        bench.actions.act(tx, tx.cases.get(1), CaseAction.REOPEN, by=LI, reason="", now_ms=NOON)


def test_a_delivery_that_was_given_up_is_on_the_timeline_and_is_not_sent(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    with bench.store.write() as tx:
        bench.actions.give_up_delivery(tx, 1, channel="hook", error="410", attempts=3, now_ms=NOON)
    assert bench.codes() == ["opened", "delivery_given_up"]
    assert bench.announcements.codes() == ["opened"]


def test_what_is_legal_follows_the_state(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    assert CaseAction.CONFIRM in bench.actions.legal(bench.only_case(), by=LI)
    bench.act(CaseAction.CLOSE)
    assert list(bench.actions.legal(bench.only_case(), by=LI)) == [CaseAction.REOPEN]
