"""Proposals and the customer's word on them."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.advice import Advice, Counsel, HotSwap, Safety, Urgency, Warned
from hardcase_collector.domain.case import CaseAction, CaseState, Waiting
from hardcase_collector.domain.errors import ChangedMeanwhile, IllegalAction, NotAllowed, NotFound
from hardcase_collector.domain.link import LinkPurpose
from hardcase_collector.domain.repair import ConsentChannel, Manner, ProposalState
from hardcase_collector.service.proposals import Answer

from tests.unit.collector.cases.bench import NOON
from tests.unit.collector.service.bench import DAI, STRANGER, YES, ZHANG, ServiceBench
from tests.unit.collector.service.conftest import Benches

BOTH = {"en": ("take it out", "put one in"), "zh": ("拔出", "插入")}
ADVICE = Advice(
    name="disk",
    confirm=BOTH,
    likely_part={"en": "disk", "zh": "硬盘"},
    hot_swappable=HotSwap.YES,
    steps=BOTH,
    vendor_asks=BOTH,
    safety=(Safety.ARRAY_DEGRADED,),
)


def counsel(urgency: Urgency | None) -> Counsel:
    warned = () if urgency is None else (Warned(Safety.ARRAY_DEGRADED, urgency, "Bay 4"),)
    return Counsel(ADVICE, warned, {Safety.ARRAY_DEGRADED: {"en": "not yet: {about}", "zh": "先别拔：{about}"}})


def test_a_proposal_goes_to_the_customer_and_waits_for_him(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    proposal = bench.propose(expected_ms=NOON + 1000, duration_s=3600)
    assert (proposal.number, proposal.state) == (1, ProposalState.OFFERED)
    assert (bench.case.state, bench.case.waiting) == (CaseState.PROPOSED, Waiting.CUSTOMER)
    told = bench.timeline("moved")[-1].parameters
    assert (told["action"], told["solution"], told["manner"]) == ("propose", "replace the disk", "part")


def test_steps_and_risks_come_from_advice_in_the_customers_language(benches: Benches) -> None:
    bench = benches(counsel=counsel(Urgency.CAUTION))
    bench.act(CaseAction.CONFIRM)
    proposal = bench.propose(risks=("阵列重建期间性能下降",))
    assert proposal.steps == ("拔出", "插入")
    assert proposal.risks == ("先别拔：Bay 4", "阵列重建期间性能下降")
    assert not proposal.unsafe


def test_consent_is_recorded_with_who_how_and_by_whom(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    consented = bench.consent(at=NOON + 5)
    assert (consented.state, consented.decided_by, consented.channel) == (
        ProposalState.CONSENTED,
        "Zhang Wei",
        ConsentChannel.PHONE,
    )
    assert (consented.recorded_by, consented.decided_ms) == ("dai", NOON + 5)
    assert (bench.case.state, bench.case.waiting) == (CaseState.CONSENTED, Waiting.NOTHING)
    assert bench.timeline("moved")[-1].parameters["who"] == "Zhang Wei"


def test_consent_without_a_name_is_none(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    with pytest.raises(IllegalAction, match="who at the customer"):
        bench.consent(Answer(who=" ", channel=ConsentChannel.PHONE))


def test_nobody_can_claim_that_the_plan_consented(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    with pytest.raises(IllegalAction, match="plan"):
        bench.consent(Answer(who="gold", channel=ConsentChannel.PLAN))


def test_a_refusal_goes_back_with_its_reason(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    with pytest.raises(IllegalAction, match="reason"):
        bench.refuse(" ")
    refused = bench.refuse("not in December")
    assert (refused.state, refused.reason) == (ProposalState.REFUSED, "not in December")
    assert (bench.case.state, bench.case.waiting) == (CaseState.CONFIRMED, Waiting.NOTHING)
    assert bench.timeline("moved")[-1].parameters["reason"] == "not in December"


@pytest.mark.parametrize("consented", [False, True])
def test_of_two_who_propose_at_once_the_second_is_told_of_the_first(bench: ServiceBench, consented: bool) -> None:
    bench.act(CaseAction.CONFIRM)
    first = bench.propose(instead_of=0)
    if consented:
        bench.consent()
    version = bench.case.version

    with pytest.raises(ChangedMeanwhile, match=f"has proposal 1 by {first.by} meanwhile"):
        bench.propose(Manner.ON_SITE, instead_of=0)

    with bench.store.read() as tx:
        (still,) = tx.repairs.proposals(bench.case.id)
    assert (still.state, bench.case.version) == (
        ProposalState.CONSENTED if consented else ProposalState.OFFERED,
        version,
    )
    assert bench.propose(Manner.ON_SITE, instead_of=first.number).number == 2


def test_what_was_refused_already_need_not_have_been_seen(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    with bench.store.write() as tx:
        answer = Answer(who="dai", channel=ConsentChannel.PHONE, reason="not in December")
        bench.desk.proposals.refuse(tx, bench.case, answer, by=DAI, now_ms=NOON)

    assert bench.propose(instead_of=0).number == 2


def test_a_new_proposal_voids_the_consent_and_the_links_of_the_old_one(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    first = bench.propose()
    link = bench.link(LinkPurpose.CONSENT, first)
    bench.consent()
    second = bench.propose(Manner.ON_SITE)
    with bench.store.read() as tx:
        old, new = tx.repairs.proposals(bench.case.id)
        kept = tx.repairs.links(bench.case.id)[0]
    assert (old.state, new.state, second.number) == (ProposalState.VOIDED, ProposalState.OFFERED, 2)
    assert kept.hash == link.link.hash
    assert kept.revoked_ms == NOON
    with pytest.raises(IllegalAction):
        bench.act(CaseAction.START_REPAIR)


def test_a_better_proposal_before_the_answer_withdraws_the_one_before(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    link = bench.link(LinkPurpose.CONSENT, bench.propose())
    assert bench.propose(Manner.REMOTE).number == 2
    assert bench.case.state is CaseState.PROPOSED
    assert [entry.parameters.get("cause") for entry in bench.timeline("moved")][-2] == "withdrawn"
    assert bench.open(link).acts == ()


def test_what_the_plan_consented_to_beforehand_goes_on_at_once(benches: Benches) -> None:
    bench = benches("gold-7x24x4")
    bench.act(CaseAction.CONFIRM)
    proposal = bench.propose(Manner.REMOTE)
    assert (proposal.state, proposal.channel, proposal.decided_by) == (
        ProposalState.CONSENTED,
        ConsentChannel.PLAN,
        "gold-7x24x4",
    )
    assert bench.case.state is CaseState.CONSENTED
    assert [entry.parameters["action"] for entry in bench.timeline("moved")] == ["confirm", "propose", "consent"]


@pytest.mark.parametrize("manner", [Manner.ON_SITE, Manner.PART])
def test_what_it_did_not_waits_for_the_customer(benches: Benches, manner: Manner) -> None:
    bench = benches("gold-7x24x4")
    bench.act(CaseAction.CONFIRM)
    assert bench.propose(manner).state is ProposalState.OFFERED


def test_no_plan_consents_to_what_the_safety_check_forbids(benches: Benches) -> None:
    bench = benches("gold-7x24x4", counsel=counsel(Urgency.STOP))
    bench.act(CaseAction.CONFIRM)
    proposal = bench.propose(Manner.REMOTE)
    assert proposal.unsafe
    assert bench.case.state is CaseState.PROPOSED


def test_a_part_that_the_customer_fits_himself_is_told_when_he_consents(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose(self_repair=True)
    bench.consent()
    assert bench.codes()[-1] == "self_repair_accepted"


def test_only_a_part_can_be_fitted_by_the_customer(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    with pytest.raises(IllegalAction, match="fit a part"):
        bench.propose(Manner.ON_SITE, self_repair=True)


@pytest.mark.parametrize(("by", "error"), [(ZHANG, NotAllowed), (STRANGER, NotAllowed)])
def test_a_customer_cannot_propose(bench: ServiceBench, by: Actor, error: type[Exception]) -> None:
    bench.act(CaseAction.CONFIRM)
    with pytest.raises(error):
        bench.propose(by=by)


def test_another_customers_contact_finds_no_case_to_consent_to(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    with pytest.raises(NotFound):
        bench.consent(by=STRANGER)
    assert bench.consent(by=ZHANG).recorded_by == "zhang"


def test_moves_without_anything_in_writing_are_illegal(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    with pytest.raises(IllegalAction, match="no proposal"):
        bench.act(CaseAction.PROPOSE)
    bench.propose()
    with pytest.raises(IllegalAction, match="no consent"):
        bench.act(CaseAction.CONSENT)


def test_consent_is_needed_anew_after_the_case_was_opened_again(bench: ServiceBench) -> None:
    bench.act(CaseAction.CONFIRM)
    bench.propose()
    bench.consent(YES, by=DAI)
    bench.act(CaseAction.START_REPAIR)
    bench.act(CaseAction.FINISH_REPAIR)
    bench.act(CaseAction.CLOSE)
    bench.act(CaseAction.REOPEN)
    bench.act(CaseAction.CONFIRM)
    with pytest.raises(IllegalAction):
        bench.act(CaseAction.PROPOSE)
    bench.propose()
    with pytest.raises(IllegalAction):
        bench.act(CaseAction.CONSENT)


def test_a_drill_is_never_quoted_nor_consented_to_by_a_plan(benches: Benches) -> None:
    bench = benches("gold-7x24x4", rehearsal=True)
    bench.act(CaseAction.CONFIRM)
    proposal = bench.propose(Manner.REMOTE)
    assert (proposal.uncovered, proposal.state) == ((), ProposalState.OFFERED)
