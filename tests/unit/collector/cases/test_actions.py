"""What people do with a case."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import CaseAction, CaseState, Outcome
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound

from tests.unit.collector.cases.bench import DAY, DISK, LI, NOON, Bench, cleared, raised


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


def test_an_internal_note_is_on_the_timeline_and_told_to_nobody(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    contact = Actor(name="chen", role=Role.CUSTOMER_CONTACT, customer="north")
    with bench.store.write() as tx:
        bench.actions.note(tx, tx.cases.get(1), by=LI, text="he is angry", internal=True, now_ms=NOON)
        bench.actions.note(tx, tx.cases.get(1), by=contact, text="still down", now_ms=NOON)
    with bench.store.read() as tx:
        inside, told = tx.cases.timeline(1)[-2:]
    assert inside.parameters == {"text": "he is angry", "internal": True}
    assert told.parameters == {"text": "still down"}
    assert bench.announcements.codes() == ["opened", "note"]
    with bench.store.write() as tx, pytest.raises(NotAllowed):
        bench.actions.note(tx, tx.cases.get(1), by=contact, text="x", internal=True, now_ms=NOON)


def test_closing_says_how_it_ended_and_opening_again_takes_that_back(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    with bench.store.write() as tx, pytest.raises(IllegalAction, match=r"say how case .* ended: repaired, false_alarm"):
        bench.actions.act(tx, tx.cases.get(1), CaseAction.CLOSE, by=LI, reason="x", now_ms=NOON)
    bench.act(CaseAction.CLOSE, outcome=Outcome.FALSE_ALARM)
    assert bench.only_case().outcome is Outcome.FALSE_ALARM
    assert bench.announcements.news[-1].entry.parameters["outcome"] == "false_alarm"
    bench.act(CaseAction.REOPEN)
    assert bench.only_case().outcome is Outcome.UNKNOWN


def test_a_fault_that_comes_back_is_no_false_alarm_any_more(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    bench.apply(first)
    bench.act(CaseAction.CLOSE, outcome=Outcome.NO_FAULT_FOUND)
    bench.apply(cleared(first, NOON + 1), raised(asset, at=NOON + 2), at=NOON + 2)
    assert (bench.only_case().state, bench.only_case().outcome) == (CaseState.NEW, Outcome.UNKNOWN)


def test_a_duplicate_names_the_other_case(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset), raised(asset, "disk.failed", part=DISK, group="disk"))
    one, other = bench.cases()

    def close(duplicate_of: str) -> None:
        with bench.store.write() as tx:
            bench.actions.act(
                tx,
                tx.cases.get(one.id),
                CaseAction.CLOSE,
                by=LI,
                reason="",
                now_ms=NOON,
                outcome=Outcome.DUPLICATE,
                duplicate_of=duplicate_of,
            )

    with pytest.raises(IllegalAction, match="of which case"):
        close("")
    with pytest.raises(NotFound):
        close("HC-20200101-0001")
    with pytest.raises(IllegalAction, match="of itself"):
        close(one.number)
    close(other.number)
    with bench.store.read() as tx:
        assert tx.cases.timeline(one.id)[-1].parameters["duplicate_of"] == other.number
        assert tx.cases.get(one.id).outcome is Outcome.DUPLICATE


def test_a_case_that_closes_by_itself_says_nothing_of_its_rule(bench: Bench) -> None:
    first = raised(bench.asset())
    bench.apply(first)
    bench.apply(cleared(first, NOON + 1), at=NOON + 1)
    bench.tick(NOON + DAY)
    assert (bench.only_case().state, bench.only_case().outcome) == (CaseState.CLOSED, Outcome.UNKNOWN)
