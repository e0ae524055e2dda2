"""Vendors, service reports and what comes after the repair."""

from __future__ import annotations

import hashlib

import pytest
from hardcase_collector.domain.case import CaseAction, CaseState, Waiting
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound
from hardcase_collector.domain.link import LinkAct, LinkPurpose, LinkState
from hardcase_collector.domain.repair import (
    ConsentChannel,
    FollowUp,
    FollowUpState,
    LineKind,
    RepairResult,
    ReplacedPart,
    ServiceReport,
)
from hardcase_collector.domain.visit import DispatchAction
from hardcase_collector.service.follow_ups import ASK_AGAIN_MS, Asked, Rating
from hardcase_collector.service.paper import facts_of
from hardcase_collector.service.proposals import Answer
from hardcase_collector.service.service_reports import ReportDraft, Signature, report_of
from hardcase_collector.service.vendor_text import vendor_text
from hardcase_collector.service.vendors import VendorWord

from tests.unit.collector.cases.bench import HOUR, NOON
from tests.unit.collector.service.bench import DAI, DAY, LI, ZHANG, ServiceBench, item
from tests.unit.collector.service.conftest import Benches


def hand_over(bench: ServiceBench, at: int = NOON, **word: object) -> None:
    with bench.store.write() as tx:
        bench.desk.vendors.hand_over(tx, bench.case, VendorWord(**word), by=LI, now_ms=at)  # type: ignore[arg-type]


def test_a_case_is_handed_to_the_vendor_of_its_entitlement(bench: ServiceBench) -> None:
    hand_over(bench, vendor_case="SR-1", promised_ms=NOON + DAY)
    assert bench.case.waiting is Waiting.VENDOR
    (entry,) = bench.timeline("handed_to_vendor")
    assert (entry.parameters["vendor"], entry.parameters["promised_ms"]) == ("Dell", NOON + DAY)
    with bench.store.read() as tx:
        (kept,) = tx.repairs.hand_offs(bench.case.id)
    assert (kept.contract, kept.vendor_case) == ("K-77", "SR-1")
    with pytest.raises(IllegalAction, match="with Dell already"):
        hand_over(bench)


def test_his_news_change_what_is_known_and_a_later_date_is_a_forecast(bench: ServiceBench) -> None:
    hand_over(bench, promised_ms=NOON + DAY)
    with bench.store.write() as tx:
        with pytest.raises(IllegalAction, match="what is new"):
            bench.desk.vendors.update(tx, bench.case, VendorWord(), by=LI, now_ms=NOON)
        word = VendorWord(rma="RMA-9", promised_ms=NOON + 2 * DAY, text="part is late")
        bench.desk.vendors.update(tx, bench.case, word, by=LI, now_ms=NOON + 1)
    told = bench.timeline("vendor_update")[0].parameters
    assert (told["rma"], told["promised_ms"], told["text"]) == ("RMA-9", NOON + 2 * DAY, "part is late")
    expected = bench.timeline("expected")[0].parameters
    assert (expected["moment"], expected["time_ms"]) == ("vendor_done", NOON + 2 * DAY)


def test_when_he_is_done_the_case_waits_for_him_no_more(bench: ServiceBench) -> None:
    hand_over(bench)
    with bench.store.write() as tx:
        with pytest.raises(IllegalAction):
            bench.desk.vendors.done(tx, bench.case, " ", by=LI, now_ms=NOON)
        bench.desk.vendors.done(tx, bench.case, "board replaced", by=LI, now_ms=NOON + 9)
        with pytest.raises(NotFound):
            bench.desk.vendors.done(tx, bench.case, "again", by=LI, now_ms=NOON)
    assert (bench.codes()[-1], bench.case.waiting) == ("vendor_done", Waiting.NOTHING)
    hand_over(bench, at=NOON + 10)
    assert bench.case.waiting is Waiting.VENDOR


@pytest.mark.parametrize(("action", "state"), [(CaseAction.CLOSE, "closed"), (CaseAction.CANCEL, "cancelled")])
def test_a_case_that_ends_is_with_no_vendor_any_more_and_says_so(
    bench: ServiceBench, action: CaseAction, state: str
) -> None:
    hand_over(bench, vendor_case="SR-1", rma="RMA-9", promised_ms=NOON + DAY)
    bench.act(action, NOON + HOUR)
    with bench.store.read() as tx:
        (kept,) = tx.repairs.hand_offs(bench.case.id)
    assert (kept.done_ms, kept.result) == (NOON + HOUR, "")
    assert bench.codes()[-2:] == ["vendor_ended", state]
    ended, over = bench.timeline("vendor_ended", state)
    assert dict(ended.parameters) == {"vendor": "Dell", "vendor_case": "SR-1", "rma": "RMA-9", "cause": state}
    assert over.parameters["with_vendor"] == "Dell"
    bench.act(CaseAction.REOPEN, NOON + 2 * HOUR)
    hand_over(bench, at=NOON + 2 * HOUR)
    assert bench.case.waiting is Waiting.VENDOR


def test_a_case_that_was_with_no_vendor_ends_without_a_word_of_one(bench: ServiceBench) -> None:
    hand_over(bench)
    with bench.store.write() as tx:
        bench.desk.vendors.done(tx, bench.case, "board replaced", by=LI, now_ms=NOON + 9)
    bench.act(CaseAction.CLOSE, NOON + HOUR)
    assert bench.timeline("vendor_ended") == []
    assert "with_vendor" not in bench.timeline("closed")[0].parameters


def test_a_customer_hands_nothing_to_a_vendor(bench: ServiceBench) -> None:
    with bench.store.write() as tx, pytest.raises(NotAllowed):
        bench.desk.vendors.hand_over(tx, bench.case, VendorWord(), by=ZHANG, now_ms=NOON)


def titled(code: str, tongue: str) -> str:
    return f"{code}/{tongue}"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Serial number: 7ABC123", "Part serial number: ZC1", "Slot: Bay 3", "Contract: K-77", "RMA: R-1"]),
        ("zh", ["序列号: 7ABC123", "部件序列号: ZC1", "槽位: Bay 3", "合同号: K-77", "RMA 号: R-1"]),
    ],
)
def test_the_text_for_a_vendor_has_what_he_asks_for(bench: ServiceBench, language: str, words: list[str]) -> None:
    hand_over(bench, rma="R-1")
    with bench.store.read() as tx:
        text = vendor_text(tx, bench.case, titled, titled, language)
    for word in [
        *words,
        bench.case.number,
        f"disk.failed/{language}",
        f": disk/{language}\n",
        "value=81.0",
        "2026-11-24 12:00:00 UTC",
    ]:
        assert word in text


DRAFT = ReportDraft(found="disk failed", done="replaced", result=RepairResult.REPAIRED)


def written(bench: ServiceBench, draft: ReportDraft = DRAFT, at: int = NOON + 3 * HOUR) -> ServiceReport:
    with bench.store.write() as tx:
        return bench.desk.reports.write(tx, bench.case, draft, by=LI, now_ms=at)


def test_a_report_freezes_what_was_known_and_keeps_its_papers_by_hash(bench: ServiceBench) -> None:
    bench.engineer("wang")
    visit = bench.dispatch("wang").dispatch
    bench.step(visit, DispatchAction.ACCEPT)
    bench.step(visit, DispatchAction.ARRIVE, at=NOON + HOUR)
    bench.step(visit, DispatchAction.FINISH, at=NOON + 2 * HOUR)
    report = written(bench)
    facts = facts_of(report.facts)
    assert (report.number, report.engineer) == (f"{bench.case.number}-R1", "Engineer wang")
    assert (facts.reported_ms, facts.arrived_ms, facts.finished_ms) == (NOON, NOON + HOUR, NOON + 2 * HOUR)
    assert (facts.time_zone, facts.serial, facts.customer) == ("Asia/Shanghai", "7ABC123", "North Data")
    names = [one.split("=") for one in report.files]
    assert [name for name, _ in names] == [
        f"{report.number}-{language}.{kind}" for language in ("zh", "en") for kind in ("html", "pdf")
    ]
    for _, sha256 in names:
        assert hashlib.sha256(bench.evidence.files[sha256]).hexdigest() == sha256
    with bench.store.read() as tx:
        assert {one.sha256 for one in tx.reports.attachments(bench.case.id, internal=False)} == {
            sha256 for _, sha256 in names
        }


def test_a_report_tells_parts_by_hand_where_no_order_did(bench: ServiceBench) -> None:
    part = ReplacedPart(name="disk", old_serial="ZC1", new_serial="ZC2")
    assert written(bench).parts == ()
    assert written(bench, ReportDraft(found="x", done="y", result=RepairResult.PARTLY, parts=(part,))).parts == (part,)


def test_a_report_says_what_was_found_and_done(bench: ServiceBench) -> None:
    with pytest.raises(IllegalAction, match="found and what was done"):
        written(bench, ReportDraft(found="x", done=" ", result=RepairResult.REPAIRED))
    with pytest.raises(NotFound):
        written(bench, ReportDraft(found="x", done="y", result=RepairResult.REPAIRED, visit=7))


def test_the_agreed_price_stands_on_the_report(benches: Benches) -> None:
    bench = benches("labour-5y")
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.quote(item(LineKind.PART, "900"))
    assert facts_of(written(bench).facts).total == ""
    bench.consent(Answer(who="Zhang Wei", channel=ConsentChannel.MAIL, quote=1))
    assert facts_of(written(bench).facts).total == "900.00"


def test_sending_is_the_feedback_and_the_customer_signs_by_link(bench: ServiceBench) -> None:
    report = written(bench)
    with bench.store.write() as tx:
        links = bench.desk.reports.send(tx, bench.case, report, by=LI, now_ms=NOON + 4 * HOUR)
        with pytest.raises(NotFound, match="nobody"):
            bench.desk.reports.send(tx, bench.case, report, by=LI, now_ms=NOON, names=("nobody",))
    assert len(links) == 2
    assert bench.timeline("service_report_sent")[0].parameters["report"] == report.number
    with pytest.raises(IllegalAction, match="a name"):
        bench.click(links[0], LinkAct.SIGN, who=" ")
    view = bench.click(links[0], LinkAct.SIGN, who="张伟", at=NOON + 5 * HOUR)
    assert view.report is not None
    assert (view.report.signed_by, view.report.signed_ms) == ("张伟", NOON + 5 * HOUR)
    assert view.report.sent_ms == NOON + 4 * HOUR
    assert sum("-signed." in one for one in view.report.files) == 4
    assert bench.click(links[1], LinkAct.SIGN, who="other").repeated
    signature = Signature(who="Li", channel=ConsentChannel.IN_PERSON)
    with bench.store.write() as tx:
        kept = report_of(tx, bench.case, "")
        with pytest.raises(IllegalAction, match="signed already by 张伟"):
            bench.desk.reports.sign(tx, bench.case, kept, signature, by=LI, now_ms=NOON)


def test_reports_are_found_by_their_number(bench: ServiceBench) -> None:
    first, second = written(bench), written(bench)
    with bench.store.read() as tx:
        assert report_of(tx, bench.case, "").number == second.number
        assert report_of(tx, bench.case, "1").number == first.number
        assert report_of(tx, bench.case, "R1").number == first.number
        assert report_of(tx, bench.case, first.number).number == first.number
        with pytest.raises(NotFound):
            report_of(tx, bench.case, "R11")


def test_a_paper_is_printed_in_the_kinds_and_languages_there_are(bench: ServiceBench) -> None:
    report = written(bench)
    assert bench.desk.reports.print(report, "en", "pdf").startswith(b"%PDF-en")
    for language, kind in (("fr", "pdf"), ("en", "doc")):
        with pytest.raises(NotFound):
            bench.desk.reports.print(report, language, kind)


def closed(bench: ServiceBench) -> ServiceBench:
    bench.engineer("wang")
    visit = bench.dispatch("wang").dispatch
    for action in (DispatchAction.ACCEPT, DispatchAction.ARRIVE, DispatchAction.FINISH):
        bench.step(visit, action)
    bench.act(CaseAction.CLOSE)
    return bench


def asked(bench: ServiceBench, at: int = NOON + DAY) -> Asked:
    with bench.store.write() as tx:
        return bench.desk.follow_ups.ask(tx, bench.case, by=DAI, now_ms=at, names=("Zhang Wei",))


def rated(bench: ServiceBench, score: int, at: int = NOON + DAY, who: str = "Zhang Wei") -> FollowUp:
    rating = Rating(who=who, channel=ConsentChannel.PHONE, score=score, comment="...")
    with bench.store.write() as tx:
        return bench.desk.follow_ups.rate(tx, bench.case, rating, by=DAI, now_ms=at)


def test_a_satisfied_customer_is_asked_once(bench: ServiceBench) -> None:
    closed(bench)
    link = asked(bench).links[0]
    view = bench.click(link, LinkAct.RATE, score=5, text="很快", at=NOON + DAY + 1)
    assert (view.state, view.done) == (LinkState.DONE, LinkAct.RATE)
    assert view.follow_up is not None
    assert (view.follow_up.score, view.follow_up.engineer, view.follow_up.plan) == (5, "wang", "standard-3y")
    assert bench.timeline("followed_up")[0].parameters["score"] == 5
    assert bench.click(link, LinkAct.RATE, score=1).repeated
    bench.tick(NOON + 300 * DAY)
    assert len(bench.timeline("follow_up_asked")) == 1


@pytest.mark.parametrize("score", [0, 6, -1])
def test_a_score_is_one_to_five(bench: ServiceBench, score: int) -> None:
    closed(bench)
    with pytest.raises(IllegalAction, match="1 to 5"):
        rated(bench, score)


def test_an_open_case_is_not_followed_up(bench: ServiceBench) -> None:
    with pytest.raises(IllegalAction, match="once it is closed"):
        rated(bench, 5)
    with pytest.raises(IllegalAction, match="once it is closed"):
        asked(bench)


def test_a_low_score_offers_another_look_and_tells_the_manager(bench: ServiceBench) -> None:
    closed(bench)
    link = asked(bench).links[0]
    view = bench.click(link, LinkAct.RATE, score=2, text="又坏了")
    assert view.acts == (LinkAct.REOPEN,)
    told = bench.timeline("dissatisfied")[0].parameters
    assert (told["score"], told["engineer"], told["ask_again_ms"]) == (2, "wang", NOON + ASK_AGAIN_MS)
    view = bench.click(link, LinkAct.REOPEN, text="same fault")
    assert (bench.case.state, bench.case.reopened) == (CaseState.NEW, 1)
    assert (view.state, view.done) == (LinkState.DONE, LinkAct.REOPEN)
    assert bench.click(link, LinkAct.REOPEN).repeated
    with bench.store.read() as tx:
        assert tx.repairs.follow_ups(bench.case.id)[-1].state is FollowUpState.DROPPED


def test_only_a_low_score_opens_a_case_again(bench: ServiceBench) -> None:
    closed(bench)
    rated(bench, 4)
    with bench.store.write() as tx, pytest.raises(IllegalAction, match="low score"):
        bench.desk.follow_ups.reopen(tx, bench.case, "why not", by=ZHANG, now_ms=NOON)


def test_who_was_not_satisfied_is_asked_again_until_he_is(bench: ServiceBench) -> None:
    closed(bench)
    rated(bench, 1, at=NOON)
    bench.tick(NOON + ASK_AGAIN_MS - 1)
    assert bench.timeline("follow_up_asked") == []
    bench.tick(NOON + ASK_AGAIN_MS)
    assert len(bench.timeline("follow_up_asked")) == 1
    assert len(bench.news_links()) == 3
    assert rated(bench, 2, at=NOON + ASK_AGAIN_MS + 1).number == 2
    bench.tick(NOON + 3 * ASK_AGAIN_MS)
    assert rated(bench, 4, at=NOON + 3 * ASK_AGAIN_MS).number == 3
    bench.tick(NOON + 300 * DAY)
    assert len(bench.timeline("follow_up_asked")) == 2


def test_who_wishes_no_further_question_gets_none(bench: ServiceBench) -> None:
    closed(bench)
    link = asked(bench).links[0]
    with bench.store.write() as tx:
        with pytest.raises(IllegalAction, match="why"):
            bench.desk.follow_ups.drop(tx, bench.case, " ", by=DAI, now_ms=NOON)
        bench.desk.follow_ups.drop(tx, bench.case, "he said so", by=DAI, now_ms=NOON)
        with pytest.raises(IllegalAction, match="no answer"):
            bench.desk.follow_ups.drop(tx, bench.case, "again", by=DAI, now_ms=NOON)
    assert bench.open(link).state is LinkState.REVOKED


def test_a_case_opened_again_meanwhile_is_not_asked_about(bench: ServiceBench) -> None:
    closed(bench)
    rated(bench, 1, at=NOON)
    bench.act(CaseAction.REOPEN)
    bench.tick(NOON + ASK_AGAIN_MS)
    assert bench.timeline("follow_up_asked") == []


def test_statistics_count_answers_by_engineer_and_plan_within_a_customer(bench: ServiceBench) -> None:
    closed(bench)
    for score in (1, 2, 5):
        rated(bench, score, at=NOON + score)
    with bench.store.read() as tx:
        statistics = bench.desk.follow_ups.statistics
        (line,) = statistics(tx, customer="north", by="engineer", from_ms=NOON, until_ms=NOON + DAY)
        assert (line.name, line.answers, line.low, line.scores, str(line.mean)) == (
            "wang",
            3,
            2,
            (1, 1, 0, 0, 1),
            "2.67",
        )
        (line,) = statistics(tx, customer=None, by="plan", from_ms=NOON + 2, until_ms=NOON + 3)
        assert (line.name, line.answers) == ("standard-3y", 1)
        assert statistics(tx, customer="south", by="plan", from_ms=0, until_ms=NOON + DAY) == []


def test_a_satisfaction_link_needs_its_contact(bench: ServiceBench) -> None:
    closed(bench)
    with bench.store.write() as tx, pytest.raises(NotFound, match="no contact"):
        bench.desk.follow_ups.ask(tx, bench.case, by=DAI, now_ms=NOON, names=("Nobody",))
    assert asked(bench).links[0].link.purpose is LinkPurpose.SATISFACTION
