"""What a ReportStore keeps: reports by their key, attachments by their content, endings by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.case import Case, CaseState, Outcome
from hardcase_collector.domain.errors import NotFound, StoreFailed
from hardcase_collector.domain.finding import Why
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.report import Attachment, AttachmentKind, Caller, Report, ReportChannel, RuleEnding

from tests.contracts.state_store import NOON, a_case, an_asset

HOUR = 3_600_000


def a_report(case: Case, key: str = "", customer: str = "north") -> Report:
    return Report(
        id=0,
        case=case.id,
        customer=customer,
        key=key,
        digest="d" * 64,
        category="disk.reported",
        description="指示灯变黄",
        channel=ReportChannel.PHONE,
        caller=Caller(name="Wang Fang", mail="wang@north.example", phone="+86 10 1234"),
        asset_told="the old database server",
        site="beijing",
        occurred_ms=NOON - HOUR,
        reported_ms=NOON,
        reported_by="li",
        joined=False,
    )


def an_attachment(case: Case, sha256: str = "a" * 64, at_ms: int = NOON, *, internal: bool = False) -> Attachment:
    return Attachment(
        id=0,
        case=case.id,
        sha256=sha256,
        name="messages.log",
        media="text/plain",
        size=100,
        attached_by="li",
        at_ms=at_ms,
        internal=internal,
    )


def opened_case(tx: Transaction, key: str = "dell|7ABC123", customer: str = "north") -> Case:
    return tx.cases.add(a_case(an_asset(tx, key, customer)))


def ended(tx: Transaction, case: Case, outcome: Outcome, *rules: str, at_ms: int = NOON) -> None:
    tx.cases.save(replace(case, state=CaseState.CLOSED, closed_ms=at_ms, outcome=outcome))
    for rule in rules:
        tx.findings.add_why(
            Why(
                asset=case.asset,
                rule=rule,
                part="psu@PSU2",
                sensor="s1",
                time_ms=NOON,
                decided_ms=NOON,
                opened=True,
                case=case.id,
                reason="opened",
                facts={},
            )
        )


class ReportContract:
    def test_a_report_comes_back_as_it_was_told(self, store: StateStore) -> None:
        with store.write() as tx:
            case = opened_case(tx)
            first = tx.reports.add(a_report(case, "k1"))
            second = tx.reports.add(replace(a_report(case), joined=True))
        with store.read() as tx:
            assert tx.reports.of_case(case.id) == [first, second]
            assert first == replace(a_report(case, "k1"), id=first.id)

    def test_a_key_is_the_customers_own_and_none_is_no_key(self, store: StateStore) -> None:
        with store.write() as tx:
            case = opened_case(tx)
            told = tx.reports.add(a_report(case, "k1"))
            tx.reports.add(a_report(case))
            tx.reports.add(a_report(case))
            other = tx.reports.add(a_report(opened_case(tx, "dell|2", "south"), "k1", "south"))
        with store.read() as tx:
            assert tx.reports.by_key("k1", customer="north") == told
            assert tx.reports.by_key("k1", customer="south") == other
            assert tx.reports.by_key("", customer="north") is None
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.reports.add(a_report(case, "k1"))

    def test_one_content_is_on_a_case_once(self, store: StateStore) -> None:
        with store.write() as tx:
            case, other = opened_case(tx), opened_case(tx, "dell|2")
            first = tx.reports.attach(an_attachment(case))
            again = tx.reports.attach(replace(an_attachment(case), name="other name.log"))
            elsewhere = tx.reports.attach(an_attachment(other))
            assert again == first != elsewhere
            assert tx.reports.attachments(case.id, internal=False) == [first]
            assert tx.reports.attached_bytes(case.id, AttachmentKind.FILE) == 100
            assert tx.reports.attached_bytes(other.id + 1, AttachmentKind.FILE) == 0

    def test_a_vendors_bundle_is_counted_apart(self, store: StateStore) -> None:
        with store.write() as tx:
            case = opened_case(tx)
            tx.reports.attach(an_attachment(case))
            bundle = tx.reports.attach(
                replace(an_attachment(case, "b" * 64), kind=AttachmentKind.VENDOR_BUNDLE, size=7000)
            )
            assert tx.reports.attachment(bundle.id, customer=None).kind is AttachmentKind.VENDOR_BUNDLE
            assert tx.reports.attached_bytes(case.id, AttachmentKind.FILE) == 100
            assert tx.reports.attached_bytes(case.id, AttachmentKind.VENDOR_BUNDLE) == 7000

    def test_the_customer_is_not_shown_what_is_internal(self, store: StateStore) -> None:
        with store.write() as tx:
            case = opened_case(tx)
            tx.reports.attach(an_attachment(case, internal=True))
            open_one = tx.reports.attach(an_attachment(case, "b" * 64))
            assert tx.reports.attachments(case.id, internal=False) == [open_one]
            assert len(tx.reports.attachments(case.id, internal=True)) == 2

    def test_another_customers_attachment_is_not_found(self, store: StateStore) -> None:
        with store.write() as tx:
            one = tx.reports.attach(an_attachment(opened_case(tx)))
        with store.read() as tx:
            assert (
                tx.reports.attachment(one.id, customer="north") == one == tx.reports.attachment(one.id, customer=None)
            )
            with pytest.raises(NotFound):
                tx.reports.attachment(one.id, customer="south")
            with pytest.raises(NotFound):
                tx.reports.attachment(one.id + 1, customer=None)

    def test_what_is_detached_stays_referenced_where_another_case_has_it(self, store: StateStore) -> None:
        with store.write() as tx:
            case, other = opened_case(tx), opened_case(tx, "dell|2")
            mine = [tx.reports.attach(an_attachment(case, sha)) for sha in ("a" * 64, "b" * 64)]
            shared = tx.reports.attach(an_attachment(other))
            tx.reports.detach([one.id for one in mine])
            assert tx.reports.referenced(["a" * 64, "b" * 64]) == {"a" * 64}
            tx.reports.detach([shared.id])
            assert tx.reports.referenced(["a" * 64, *(f"{number:064x}" for number in range(1200))]) == frozenset()

    def test_attachments_expire_a_while_after_their_case_ended(self, store: StateStore) -> None:
        with store.write() as tx:
            still_open, ended_late, gone = (opened_case(tx, f"dell|{number}") for number in range(3))
            for case in (still_open, ended_late, gone):
                tx.reports.attach(an_attachment(case))
            ended(tx, ended_late, Outcome.REPAIRED, at_ms=NOON + 5 * HOUR)
            ended(tx, gone, Outcome.REPAIRED, at_ms=NOON + HOUR)
            expired = tx.reports.expired_attachments(before_ms=NOON + 2 * HOUR, limit=10)
            assert [one.case for one in expired] == [gone.id]
            assert len(tx.reports.expired_attachments(before_ms=NOON + 9 * HOUR, limit=1)) == 1

    def test_endings_are_counted_by_rule_once_a_case_within_the_span_without_drills(self, store: StateStore) -> None:
        with store.write() as tx:
            for number, outcome in enumerate(
                (Outcome.REPAIRED, Outcome.REPAIRED, Outcome.FALSE_ALARM, Outcome.UNKNOWN)
            ):
                case = opened_case(tx, f"dell|{number}")
                ended(tx, case, outcome, "disk-failed", "disk-failed", "smart")
            ended(tx, opened_case(tx, "dell|8"), Outcome.REPAIRED, "disk-failed", at_ms=NOON + HOUR)
            ended(tx, opened_case(tx, "dell|9", "south"), Outcome.ACCEPTED, "smart")
            drill = tx.cases.add(replace(a_case(an_asset(tx, "rehearsal|1")), rehearsal=True))
            ended(tx, drill, Outcome.REPAIRED, "smart")
            assert tx.reports.endings(customer="north", from_ms=NOON, until_ms=NOON + HOUR) == [
                RuleEnding("disk-failed", Outcome.UNKNOWN, 1),
                RuleEnding("disk-failed", Outcome.FALSE_ALARM, 1),
                RuleEnding("disk-failed", Outcome.REPAIRED, 2),
                RuleEnding("smart", Outcome.UNKNOWN, 1),
                RuleEnding("smart", Outcome.FALSE_ALARM, 1),
                RuleEnding("smart", Outcome.REPAIRED, 2),
            ]
            everybody = tx.reports.endings(customer=None, from_ms=NOON, until_ms=NOON + 1)
            assert RuleEnding("smart", Outcome.ACCEPTED, 1) in everybody

    def test_a_loose_case_may_stand_beside_its_like(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            made = [tx.cases.add(replace(a_case(asset), loose=True)) for _ in range(2)]
            named = tx.cases.add(a_case(asset))
            assert len(tx.cases.open_of(asset.id)) == 3
            assert tx.cases.open_for(asset=asset.id, part_key=named.part.key(), repair_group="psu") == named
            assert made[0].number != made[1].number
