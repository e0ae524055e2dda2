"""What every RepairStore must do, whatever database it stands on. Run by test_repair_store.py.

A subclass gives a fixture `store`: an open, empty store.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.errors import NotAllowed, NotFound, StoreFailed
from hardcase_collector.domain.link import Link, LinkPurpose
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.repair import (
    ConsentChannel,
    FollowUp,
    FollowUpState,
    HandOff,
    LineKind,
    LineReason,
    Manner,
    Proposal,
    ProposalState,
    Quote,
    QuoteLine,
    QuoteState,
    RepairResult,
    ReplacedPart,
    ServiceReport,
)
from hardcase_collector.domain.visit import AccessState, Dispatch, DispatchState, Engineer, SiteAccess, WorkHours

from tests.contracts.state_store import NOON, PSU, a_case, an_asset

LINE = QuoteLine(
    kind=LineKind.PART,
    text="电源 1100 W",
    quantity=Decimal("1.50"),
    unit_price=Decimal("1250.505"),
    why=LineReason.YEARS_OVER,
    part_number="00AB",
)
WANG = Engineer(
    name="wang",
    title="王工",
    mail="wang@example.org",
    languages=("zh", "en"),
    components=("disk",),
    vendors=("Dell",),
    home="north/sh1",
    sites=("north/sh1", "north/sh2"),
    hours=WorkHours(time_zone="Asia/Shanghai", days=(0, 1), opens_minute=540, closes_minute=1080),
)


def the_case(tx: Transaction, customer: str = "north", key: str = "dell|1") -> Case:
    return tx.cases.add(a_case(an_asset(tx, key, customer)))


def a_proposal(case: Case, number: int = 1) -> Proposal:
    return Proposal(
        case=case.id,
        number=number,
        solution="更换电源",
        manner=Manner.PART,
        steps=("拔出", "插入"),
        risks=("先看另一个电源",),
        unsafe=True,
        part=Part(component="psu", slot="PSU2", paths=("/a",)),
        uncovered=("part",),
        by="li",
        made_ms=NOON,
    )


def a_dispatch(case: Case, number: int = 1, engineer: str = "wang") -> Dispatch:
    return Dispatch(
        case=case.id,
        number=number,
        engineer=engineer,
        state=DispatchState.REQUESTED,
        by="dai",
        requested_ms=NOON,
        answer_by_ms=NOON + 10,
    )


def a_link(case: Case, hash: str = "h1", purpose: LinkPurpose = LinkPurpose.CONSENT, subject: int = 1) -> Link:
    return Link(
        hash=hash, purpose=purpose, case=case.id, subject=subject, whom="Zhang", by="dai", made_ms=NOON, expires_ms=9
    )


class RepairContract:
    def test_proposals_and_quotes_come_back_as_they_were_kept(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            proposal = tx.repairs.add_proposal(a_proposal(case))
            assert proposal == replace(a_proposal(case), id=proposal.id)
            decided = replace(proposal, state=ProposalState.CONSENTED, channel=ConsentChannel.PHONE, decided_by="Zhang")
            tx.repairs.save_proposal(decided)
            quote = tx.repairs.add_quote(
                Quote(
                    case=case.id,
                    proposal=proposal.id,
                    revision=1,
                    currency="CNY",
                    lines=(LINE, replace(LINE, kind=LineKind.LABOUR, why=LineReason.COVERED)),
                    valid_until_ms=NOON + 1,
                    by="dai",
                    made_ms=NOON,
                )
            )
            tx.repairs.save_quote(replace(quote, state=QuoteState.ACCEPTED))
        with store.read() as tx:
            assert tx.repairs.proposals(case.id) == [decided]
            assert tx.repairs.proposal(proposal.id) == decided
            (kept,) = tx.repairs.quotes(case.id)
            assert kept == tx.repairs.quote(quote.id) == replace(quote, state=QuoteState.ACCEPTED)
            assert (kept.total, kept.lines[0].unit_price) == (Decimal("1875.76"), Decimal("1250.505"))
            assert tx.repairs.proposals(case.id + 1) == []

    def test_what_is_not_there_is_not_found(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            for find in (
                tx.repairs.proposal,
                tx.repairs.quote,
                tx.repairs.dispatch,
                tx.repairs.service_report,
                tx.repairs.follow_up,
            ):
                with pytest.raises(NotFound):
                    find(99)
            with pytest.raises(NotFound):
                tx.repairs.engineer("nobody")
            with pytest.raises(NotFound):
                tx.repairs.save_proposal(replace(a_proposal(case), id=99))

    def test_two_proposals_never_have_one_number(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            tx.repairs.add_proposal(a_proposal(case))
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.repairs.add_proposal(a_proposal(case))

    def test_links_are_found_by_hash_and_taken_back_by_purpose_or_subject(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            first = tx.repairs.add_link(a_link(case))
            second = tx.repairs.add_link(a_link(case, "h2", LinkPurpose.ENGINEER, 7))
            third = tx.repairs.add_link(a_link(case, "h3", LinkPurpose.ENGINEER, 8))
            assert tx.repairs.link_by_hash("h2") == second
            assert tx.repairs.link_by_hash("nothing") is None
            assert tx.repairs.revoke_links(case.id, [LinkPurpose.CONSENT], now_ms=NOON) == 1
            assert tx.repairs.revoke_links(case.id, [LinkPurpose.CONSENT], now_ms=NOON + 1) == 0
            tx.repairs.revoke_links_of(case.id, LinkPurpose.ENGINEER, 7, now_ms=NOON + 2)
            assert [one.revoked_ms for one in tx.repairs.links(case.id)] == [NOON, NOON + 2, 0]
            tx.repairs.revoke_link(third.id, now_ms=NOON + 3)
            tx.repairs.revoke_link(first.id, now_ms=NOON + 4)
            assert [one.revoked_ms for one in tx.repairs.links(case.id)] == [NOON, NOON + 2, NOON + 3]
            tx.repairs.save_link(replace(second, used="accept", used_ms=NOON))
        with store.read() as tx:
            assert [one.used for one in tx.repairs.links(case.id)] == ["", "accept", ""]

    def test_no_two_links_share_a_hash(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            tx.repairs.add_link(a_link(case))
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.repairs.add_link(a_link(case))

    def test_engineers_are_kept_whole_and_once(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.repairs.add_engineer(WANG)
            tx.repairs.add_engineer(Engineer(name="an", title="An", active=False))
            with pytest.raises(NotAllowed):
                tx.repairs.add_engineer(WANG)
            tx.repairs.save_engineer(replace(WANG, phone="1"))
        with store.read() as tx:
            assert tx.repairs.engineer("wang") == replace(WANG, phone="1")
            assert [one.name for one in tx.repairs.engineers(active_only=False)] == ["an", "wang"]
            assert [one.name for one in tx.repairs.engineers(active_only=True)] == ["wang"]

    def test_visits_are_counted_due_and_found_in_scope(self, store: StateStore) -> None:
        with store.write() as tx:
            north, south = the_case(tx), the_case(tx, "south", "hp|2")
            tx.repairs.add_engineer(WANG)
            tx.repairs.add_engineer(replace(WANG, name="an"))
            first = tx.repairs.add_dispatch(a_dispatch(north))
            second = tx.repairs.add_dispatch(a_dispatch(south))
            third = tx.repairs.add_dispatch(replace(a_dispatch(north, 2, "an"), answer_by_ms=0))
            assert tx.repairs.loads() == {"wang": 2, "an": 1}
            assert [one.id for one in tx.repairs.unanswered(until_ms=NOON + 10)] == [first.id, second.id]
            assert tx.repairs.unanswered(until_ms=NOON + 9) == []
            assert [one.id for one in tx.repairs.open_dispatches(customer="north")] == [first.id, third.id]
            assert [one.id for one in tx.repairs.open_dispatches(customer=None, engineer="wang")] == [
                first.id,
                second.id,
            ]
            tx.repairs.save_dispatch(replace(first, state=DispatchState.DONE, arrived_ms=NOON + 1))
            tx.repairs.save_dispatch(replace(third, state=DispatchState.FAILED, arrived_ms=NOON + 2))
            assert tx.repairs.visited(asset=north.asset, repair_group="psu", limit=5) == ["an", "wang"]
            assert tx.repairs.visited(asset=north.asset, repair_group="psu", limit=1) == ["an"]
            assert tx.repairs.visited(asset=north.asset, repair_group="disk", limit=5) == []
            assert tx.repairs.loads() == {"wang": 1}

    def test_an_engineer_is_sent_to_a_case_once_at_a_time(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            tx.repairs.add_engineer(WANG)
            first = tx.repairs.add_dispatch(a_dispatch(case))
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.repairs.add_dispatch(a_dispatch(case, 2))
        with store.write() as tx:
            tx.repairs.save_dispatch(replace(first, state=DispatchState.DECLINED))
            tx.repairs.add_dispatch(a_dispatch(case, 2))

    def test_visits_of_cases_that_are_over_are_stranded_unless_somebody_is_there(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            tx.repairs.add_engineer(WANG)
            visit = tx.repairs.add_dispatch(a_dispatch(case))
            assert tx.repairs.stranded(limit=9) == []
            tx.cases.save(replace(case, state=CaseState.CLOSED, closed_ms=NOON))
            assert [one.id for one in tx.repairs.stranded(limit=9)] == [visit.id]
            tx.repairs.save_dispatch(replace(visit, state=DispatchState.ARRIVED))
            assert tx.repairs.stranded(limit=9) == []

    def test_access_opens_when_it_is_approved_and_its_window_begins(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            access = tx.repairs.add_access(
                SiteAccess(
                    case=case.id,
                    number=1,
                    names=("王", "Li"),
                    from_ms=NOON + 5,
                    until_ms=NOON + 9,
                    by="li",
                    applied_ms=NOON,
                    paused=True,
                )
            )
            assert tx.repairs.accesses(case.id) == [access]
            assert tx.repairs.access_opening(until_ms=NOON + 9) == []
            approved = replace(access, state=AccessState.APPROVED)
            tx.repairs.save_access(approved)
            assert tx.repairs.access_opening(until_ms=NOON + 4) == []
            assert tx.repairs.access_opening(until_ms=NOON + 5) == [approved]
            tx.repairs.save_access(replace(approved, paused=False))
            assert tx.repairs.access_opening(until_ms=NOON + 5) == []

    def test_hand_offs_and_service_reports_come_back_as_they_were_kept(self, store: StateStore) -> None:
        with store.write() as tx:
            case = the_case(tx)
            handed = tx.repairs.add_hand_off(HandOff(case=case.id, vendor="Dell", by="li", handed_ms=NOON))
            tx.repairs.save_hand_off(replace(handed, rma="R-1"))
            report = tx.repairs.add_service_report(
                ServiceReport(
                    case=case.id,
                    number="HC-1-R1",
                    found="a",
                    done="b",
                    result=RepairResult.PARTLY,
                    engineer="王工",
                    parts=(ReplacedPart(name="psu", new_serial="N1"),),
                    facts="{}",
                    by="li",
                    made_ms=NOON,
                )
            )
            signed = replace(report, signed_by="张", signed_ms=1, channel=ConsentChannel.LINK, files=("a=b",))
            tx.repairs.save_service_report(signed)
        with store.read() as tx:
            assert tx.repairs.hand_offs(case.id) == [replace(handed, rma="R-1")]
            assert tx.repairs.service_reports(case.id) == [signed] == [tx.repairs.service_report(report.id)]

    def test_follow_ups_are_due_and_counted(self, store: StateStore) -> None:
        with store.write() as tx:
            case, other = the_case(tx), the_case(tx, "south", "hp|2")
            drill = tx.cases.add(replace(a_case(an_asset(tx, "drill|1"), PSU), rehearsal=True))
            due = tx.repairs.add_follow_up(FollowUp(case=case.id, number=1, state=FollowUpState.DUE, due_ms=NOON))
            assert tx.repairs.follow_ups_due(until_ms=NOON - 1) == []
            assert tx.repairs.follow_ups_due(until_ms=NOON) == [due]
            for number, (on, score, engineer) in enumerate(
                [(case, 5, "wang"), (case, 2, "wang"), (other, 4, "an"), (drill, 1, "wang")], 2
            ):
                tx.repairs.add_follow_up(
                    FollowUp(
                        case=on.id,
                        number=number,
                        state=FollowUpState.ANSWERED,
                        due_ms=0,
                        answered_ms=NOON + number,
                        score=score,
                        engineer=engineer,
                        plan="gold",
                    )
                )
            tx.repairs.save_follow_up(replace(due, state=FollowUpState.ASKED))
            assert tx.repairs.follow_ups_due(until_ms=NOON) == []
            lines = tx.repairs.satisfaction(customer=None, by="engineer", from_ms=NOON, until_ms=NOON + 99)
            assert [(one.name, one.answers, one.low, str(one.mean)) for one in lines] == [
                ("an", 1, 0, "4.00"),
                ("wang", 2, 1, "3.50"),
            ]
            (line,) = tx.repairs.satisfaction(customer="north", by="plan", from_ms=NOON, until_ms=NOON + 3)
            assert (line.name, line.scores) == ("gold", (0, 0, 0, 0, 1))
            assert tx.repairs.follow_up(due.id).state is FollowUpState.ASKED
            assert [one.number for one in tx.repairs.follow_ups(case.id)] == [1, 2, 3]
