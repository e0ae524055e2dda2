"""Whatever is clicked and commanded in whatever order: no repair begins without consent and an accepted quote, and a
total is the same wherever it is shown.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hardcase_collector.cases.readiness import newest_proposal, newest_quote
from hardcase_collector.domain.case import CaseAction, CaseState
from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.domain.link import LinkAct, LinkPurpose, NewLink
from hardcase_collector.domain.repair import (
    ConsentChannel,
    LineKind,
    Manner,
    Proposal,
    ProposalState,
    QuoteState,
    RepairResult,
)
from hardcase_collector.domain.visit import DispatchAction
from hardcase_collector.press.sheet import Grid, lay_out
from hardcase_collector.service.paper import Paper, facts_of
from hardcase_collector.service.proposals import Answer
from hardcase_collector.service.service_reports import ReportDraft
from hardcase_collector.storage.state import SqlStateStore
from hardcase_collector.web.control.service_words import quote_told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import NOON
from tests.unit.collector.service.bench import DAI, DAY, LI, ServiceBench, item

PLANS = ("gold-7x24x4", "standard-3y", "labour-5y", "parts-only", "")
PRICES = ("0", "0.005", "17.35", "1250.50")
LIKELY: Mapping[CaseState, tuple[str, ...]] = {
    CaseState.CONFIRMED: ("propose",),
    CaseState.PROPOSED: ("quote", "quote", "send_links", "click", "consent_by_phone", "consent_by_phone", "refuse"),
    CaseState.CONSENTED: ("start", "start", "quote", "send_links", "click", "answer_quote", "visit", "visit"),
    CaseState.REPAIRING: ("visit", "totals_agree", "quote", "propose", "wildly"),
    CaseState.REPAIRED: ("start", "wildly", "totals_agree"),
}
ALL_DEEDS = tuple(sorted({name for names in LIKELY.values() for name in names} | {"go_on", "time_passes"}))
REPAIR_BEGUN = frozenset({CaseState.REPAIRING, CaseState.REPAIRED})


class Walk:
    """One case, one dice."""

    def __init__(self, store: SqlStateStore, dice: Random) -> None:
        self.store, self.dice = store, dice
        self.now = NOON
        self.links: list[NewLink] = []
        self.consents: set[int] = set()
        """Proposals that the customer, or his plan, has said yes to."""
        self.payments: dict[int, int] = {}
        """Proposal -> revision whose total he accepted."""
        self.repaired = 0
        self.bench = ServiceBench(store, plan=dice.choice(PLANS))
        self.bench.engineer("wang")
        self.attempt(lambda: self.bench.act(CaseAction.CONFIRM))

    def step(self) -> None:
        """Mostly what may succeed, and now and then anything."""
        dice, likely = self.dice, LIKELY.get(self.bench.case.state, ("go_on",))
        name = dice.choice(likely) if dice.random() < 0.7 else dice.choice(ALL_DEEDS)
        getattr(self, name)()

    def attempt(self, deed: Callable[[], object]) -> bool:
        """False: it was refused, which is an answer like any other."""
        self.now += 1000
        try:
            deed()
        except CollectorError:
            return False
        return True

    def propose(self) -> None:
        manner, self_repair = self.dice.choice(list(Manner)), self.dice.random() < 0.2
        if self.attempt(lambda: self.bench.propose(manner, at=self.now, self_repair=self_repair)):
            proposal = self.newest()
            if proposal.channel is ConsentChannel.PLAN:
                assert not proposal.uncovered
                self.consents.add(proposal.id)

    def quote(self) -> None:
        prices, days = self.dice.choices(PRICES, k=3), self.dice.choice([1, 30])
        goodwill = self.dice.random() < 0.1
        items = [item(kind, price, goodwill=goodwill) for kind, price in zip(LineKind, prices, strict=True)]
        self.attempt(lambda: self.bench.quote(*items, at=self.now, valid_ms=days * DAY))

    def consent_by_phone(self) -> None:
        self.consent_now(self.revision())

    def consent_now(self, revision: int | None) -> None:
        answer = Answer(who="Zhang Wei", channel=ConsentChannel.PHONE, quote=revision)
        if self.attempt(lambda: self.bench.consent(answer, at=self.now)):
            self.consents.add(self.newest().id)
            self.note_payment(revision)

    def answer_quote(self) -> None:
        revision, accept = self.revision(), self.dice.random() < 0.7
        answer = Answer(who="Zhang Wei", channel=ConsentChannel.MAIL, quote=revision, reason="" if accept else "no")
        quotes = self.bench.desk.quotes

        def decide() -> None:
            with self.store.write() as tx:
                take = quotes.accept if accept else quotes.refuse
                take(tx, self.bench.case, answer, by=DAI, now_ms=self.now)

        if self.attempt(decide) and accept:
            self.note_payment(revision)

    def start(self) -> None:
        self.attempt(lambda: self.bench.act(CaseAction.START_REPAIR, at=self.now))

    def go_on(self) -> None:
        for action in (CaseAction.REOPEN, CaseAction.RESUME, CaseAction.CONFIRM):
            self.attempt(lambda action=action: self.bench.act(action, at=self.now))  # type: ignore[misc]  # bound now

    def send_links(self) -> None:
        """`blind`: a link to whatever there is, with or without its quote."""
        blind = self.dice.random() < 0.3

        def send() -> None:
            with self.store.write() as tx:
                if not blind:
                    self.links += self.bench.desk.invite(tx, self.bench.case, by=DAI, now_ms=self.now)
            if blind:
                self.links.append(self.bench.link(LinkPurpose.CONSENT, self.newest(), at=self.now))

        self.attempt(send)

    def click(self) -> None:
        act = self.dice.choice([LinkAct.CONSENT, LinkAct.CONSENT, LinkAct.REFUSE])
        if not self.links:
            return
        link = self.dice.choice(self.links[-3:])
        view = None

        def press() -> None:
            nonlocal view
            view = self.bench.click(link, act, at=self.now, who="Zhang Wei", text="because")

        if self.attempt(press) and view is not None and not view.repeated and act is LinkAct.CONSENT:
            self.consents.add(link.link.subject)
            if view.quote is not None:
                self.payments[link.link.subject] = view.quote.revision

    def wildly(self) -> None:
        action = self.dice.choice([one for one in CaseAction if one is not CaseAction.CANCEL])
        self.attempt(lambda: self.bench.act(action, at=self.now))

    def refuse(self) -> None:
        self.attempt(lambda: self.bench.refuse(at=self.now))

    def visit(self) -> None:
        step = self.dice.choice(list(DispatchAction))
        visits = [one for one in self.bench.visits() if one.open]
        if not visits:
            self.attempt(lambda: self.bench.dispatch("wang", at=self.now, automatic=False))
        else:
            self.attempt(lambda: self.bench.step(visits[-1], step, at=self.now, text="because"))

    def time_passes(self) -> None:
        days = self.dice.choice([1, 2, 40])
        self.now += days * DAY
        self.attempt(lambda: self.bench.tick(self.now))

    def totals_agree(self) -> None:
        """Page, control socket and paper say the same."""
        with self.store.write() as tx:
            case = self.bench.case
            for kept in tx.repairs.quotes(case.id):
                told = quote_told(kept)
                assert isinstance(told, dict)
                lines = told["lines"]
                assert isinstance(lines, list)
                amounts = [Decimal(str(line["amount"])) for line in lines if isinstance(line, dict)]
                assert Decimal(str(told["total"])) == sum(amounts) == kept.total
            if case.state is CaseState.CANCELLED:
                return
            draft = ReportDraft(found="x", done="y", result=RepairResult.PARTLY)
            report = self.bench.desk.reports.write(tx, case, draft, by=LI, now_ms=self.now)
            facts = facts_of(report.facts)
            proposal = newest_proposal(tx, case)
            agreed = newest_quote(tx, proposal) if proposal else None
            if agreed is None or not agreed.settled():
                assert facts.total == ""
                return
            assert facts.total == str(agreed.total)
            sections = lay_out(Paper(report=report, facts=facts, titles={}), "en").sections
            cost = next(one for one in sections if isinstance(one, Grid) and one.heading == "Cost")
            assert cost.lines[-1][-1] == f"{agreed.total} {agreed.currency}"

    def revision(self) -> int | None:
        """Often the one that is offered."""
        with self.store.read() as tx:
            quotes = tx.repairs.quotes(self.bench.case.id)
        return self.dice.choice([None, 1, len(quotes), len(quotes), len(quotes)])

    def newest(self) -> Proposal:
        with self.store.read() as tx:
            found = newest_proposal(tx, self.bench.case)
        if found is None:
            raise CollectorError("nothing proposed")
        return found

    def note_payment(self, revision: int | None) -> None:
        with self.store.read() as tx:
            proposal = newest_proposal(tx, self.bench.case)
            assert proposal is not None
            quote = newest_quote(tx, proposal)
        if quote is not None and quote.state is QuoteState.ACCEPTED:
            assert quote.revision == revision
            self.payments[proposal.id] = quote.revision

    def no_repair_without_his_word(self) -> None:
        if self.bench.case.state not in REPAIR_BEGUN:
            return
        self.repaired += 1
        with self.store.read() as tx:
            case = self.bench.case
            proposal = newest_proposal(tx, case)
            assert proposal is not None
            quote = newest_quote(tx, proposal)
        assert proposal.state is ProposalState.CONSENTED
        assert proposal.id in self.consents
        if proposal.uncovered:
            assert quote is not None
        if quote is not None and quote.total:
            assert self.payments.get(proposal.id) == quote.revision


@pytest.mark.timeout(300)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_no_sequence_of_clicks_and_commands_repairs_without_consent_and_a_price_agreed(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = empty_store(Path(folder) / "state.db")
        try:
            walk = Walk(store, Random(seed))
            for _ in range(40):
                walk.step()
                walk.no_repair_without_his_word()
        finally:
            store.close()


def test_the_walks_do_come_to_repairs_of_every_kind(store: SqlStateStore) -> None:
    """Else the law above would hold of nothing."""
    walk = Walk(store, Random(4))
    for _ in range(150):
        walk.step()
        walk.no_repair_without_his_word()
    assert walk.repaired > 3
    assert walk.consents
