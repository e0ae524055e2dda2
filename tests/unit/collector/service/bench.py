"""A service desk at work on a real store: a covered asset, one case, contacts, engineers. Used by the tests here."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.opening import Opening, shipped_sheets
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.readiness import newest_proposal
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.advice import Counsel
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case, CaseAction, Outcome, TimelineEntry
from hardcase_collector.domain.customer import Contact, ContactScope, Custody, Customer, Entitlement, Site
from hardcase_collector.domain.link import LinkAct, LinkAnswer, LinkPurpose, LinkView, NewLink
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.repair import ConsentChannel, LineKind, Manner, Proposal, Quote
from hardcase_collector.domain.visit import Dispatch, DispatchAction, Engineer
from hardcase_collector.service.desk import Needs, ServiceDesk, service_desk
from hardcase_collector.service.link_making import Addressee, Subject
from hardcase_collector.service.paper import Paper
from hardcase_collector.service.proposals import Answer, Offer
from hardcase_collector.service.quotes import Item, QuoteDraft
from hardcase_collector.service.visits import Errand, Requested, Word

from tests.fakes.evidence import MemoryEvidence
from tests.unit.collector.cases.bench import DISK, NOON, Announcements, raised

DAY = 86_400_000
LI = Actor(name="li", role=Role.ENGINEER, customer=None)
DAI = Actor(name="dai", role=Role.DISPATCHER, customer=None)
MA = Actor(name="ma", role=Role.MANAGER, customer=None)
ZHANG = Actor(name="zhang", role=Role.CUSTOMER_CONTACT, customer="north")
STRANGER = Actor(name="mallory", role=Role.CUSTOMER_CONTACT, customer="south")
YES = Answer(who="Zhang Wei", channel=ConsentChannel.PHONE)


class PlainPress:
    """Prints what matters as text: fast, and readable in a failed test."""

    def html(self, paper: Paper, language: str) -> bytes:
        return f"{language} {paper.report} {paper.facts}".encode()

    def pdf(self, paper: Paper, language: str) -> bytes:
        return b"%PDF-" + self.html(paper, language)


@dataclass
class ServiceBench:
    store: StateStore
    plan: str = "gold-7x24x4"
    counsel: Counsel | None = None
    announcements: Announcements = field(default_factory=Announcements)
    evidence: MemoryEvidence = field(default_factory=MemoryEvidence)
    rehearsal: bool = False

    def __post_init__(self) -> None:
        settings, numbers = DeskSettings(), itertools.count(1)
        opening = Opening()
        placing = Placing(
            self.announcements, reopen_ms=settings.reopen_ms, flap_raises=settings.flap_raises, opening=opening
        )
        self.actions = CaseActions(self.announcements, placing)
        self.case_desk = CaseDesk(self.announcements, settings, opening=opening)
        self.desk: ServiceDesk = service_desk(
            Needs(
                announcer=self.announcements,
                actions=self.actions,
                counsellor=lambda case, live: self.counsel,
                plan_named=lambda name: shipped_sheets().plans.plans.get(name),
                press=PlainPress(),
                evidence=self.evidence,
                titles=lambda fault, language: fault,
                tokens=lambda: f"token-{next(numbers):040d}",
                address=lambda token: f"https://desk.example/links/{token}",
            )
        )
        self.asset = self._books()
        self.case_desk_opens()

    def _books(self) -> Asset:
        from tests.contracts.state_store import an_asset

        with self.store.write() as tx:
            asset = an_asset(tx, "rehearsal|1" if self.rehearsal else "dell|7ABC123")
            tx.registry.save_customer(Customer(name="north", title="North Data", language="zh"))
            tx.registry.save_site(
                Site(customer="north", name="sh1", title="Shanghai 1", time_zone="Asia/Shanghai", country="CN")
            )
            tx.registry.save_custody(Custody(asset=asset.id, site="sh1", rack="A01", unit=12))
            for name in ("Zhang Wei", "Liu Yang"):
                tx.registry.save_contact(
                    Contact(
                        id=0,
                        customer="north",
                        scope=ContactScope.CUSTOMER,
                        subject="",
                        name=name,
                        mail=f"{name.split()[0].lower()}@north.example",
                        language="zh",
                    )
                )
            if self.plan:
                tx.registry.save_entitlement(
                    Entitlement(
                        id=0,
                        asset=asset.id,
                        part="",
                        plan=self.plan,
                        vendor="Dell",
                        starts=date(2026, 1, 1),
                        ends=date(2036, 12, 31),
                        contract="K-77",
                    )
                )
        return asset

    def case_desk_opens(self, part: Part = DISK) -> None:
        with self.store.write() as tx:
            transition = raised(self.asset, "disk.failed", part=part, group="disk")
            self.case_desk.apply(tx, [transition], now_ms=NOON)

    @property
    def case(self) -> Case:
        from hardcase_collector.domain.ports import CaseFilter

        with self.store.read() as tx:
            return tx.cases.list(CaseFilter(customer=None, open_only=False))[-1]

    def timeline(self, *codes: str) -> list[TimelineEntry]:
        with self.store.read() as tx:
            return [one for one in tx.cases.timeline(self.case.id) if not codes or one.code in codes]

    def codes(self) -> list[str]:
        return [one.code for one in self.timeline()]

    def act(self, action: CaseAction, at: int = NOON, by: Actor = MA) -> None:
        ends = action in (CaseAction.CLOSE, CaseAction.CANCEL)
        outcome = Outcome.REPAIRED if ends else Outcome.UNKNOWN
        with self.store.write() as tx:
            self.actions.act(tx, self.case, action, by=by, reason="because", now_ms=at, outcome=outcome)

    def propose(self, manner: Manner = Manner.PART, *, at: int = NOON, by: Actor = LI, **more: object) -> Proposal:
        """In the place of the one that stands, unless `instead_of` is told."""
        with self.store.write() as tx:
            before = newest_proposal(tx, self.case)
            more = {"instead_of": before.number if before else 0, **more}
            offer = Offer(solution="replace the disk", manner=manner, **more)  # type: ignore[arg-type]  # by name
            return self.desk.proposals.propose(tx, self.case, offer, by=by, now_ms=at)

    def consent(self, answer: Answer = YES, *, at: int = NOON, by: Actor = DAI) -> Proposal:
        with self.store.write() as tx:
            return self.desk.proposals.consent(tx, self.case, answer, by=by, now_ms=at)

    def refuse(self, reason: str = "too late", *, at: int = NOON, by: Actor = DAI) -> Proposal:
        answer = Answer(who="Zhang Wei", channel=ConsentChannel.PHONE, reason=reason)
        with self.store.write() as tx:
            return self.desk.proposals.refuse(tx, self.case, answer, by=by, now_ms=at)

    def quote(self, *items: Item, at: int = NOON, valid_ms: int = 7 * DAY, by: Actor = DAI) -> Quote:
        draft = QuoteDraft(items=items or ALL, currency="CNY", valid_until_ms=at + valid_ms)
        with self.store.write() as tx:
            return self.desk.quotes.quote(tx, self.case, draft, by=by, now_ms=at)

    def link(self, purpose: LinkPurpose, subject: Subject, *, at: int = NOON, quote: int | None = None) -> NewLink:
        whom = Addressee(name="Zhang Wei", language="zh", mail="zhang@north.example")
        with self.store.write() as tx:
            return self.desk.maker.make(tx, self.case, purpose, subject, whom, by="dai", now_ms=at, quote=quote)

    def open(self, link: NewLink, *, at: int = NOON) -> LinkView:
        with self.store.read() as tx:
            return self.desk.links.open(tx, link.token, at)

    def click(self, link: NewLink, act: LinkAct, *, at: int = NOON, **answer: object) -> LinkView:
        said = LinkAnswer(**answer)  # type: ignore[arg-type]  # fields by name
        with self.store.write() as tx:
            return self.desk.links.act(tx, link.token, act, said, now_ms=at)

    def engineer(self, name: str = "wang", **more: object) -> Engineer:
        made = Engineer(name=name, title=f"Engineer {name}", **more)  # type: ignore[arg-type]  # fields by name
        with self.store.write() as tx:
            self.desk.engineers.add(tx, made, by=MA, now_ms=NOON)
        return made

    def dispatch(self, engineer: str = "", *, at: int = NOON, by: Actor = DAI, **more: object) -> Requested:
        errand = Errand(engineer=engineer, **more)  # type: ignore[arg-type]  # fields by name
        with self.store.write() as tx:
            return self.desk.visits.dispatch(tx, self.case, errand, by=by, now_ms=at)

    def step(self, visit: Dispatch, action: DispatchAction, *, at: int = NOON, text: str = "") -> Dispatch:
        with self.store.write() as tx:
            now = tx.repairs.dispatch(visit.id)
            return self.desk.visits.step(tx, self.case, now, action, Word(text=text), by=MA, now_ms=at)

    def tick(self, at: int) -> None:
        with self.store.write() as tx:
            self.desk.tick(tx, now_ms=at)

    def visits(self) -> list[Dispatch]:
        with self.store.read() as tx:
            return list(tx.repairs.dispatches(self.case.id))

    def news_links(self) -> list[str]:
        """Addresses that went out with notifications."""
        return [news.link.url for news in self.announcements.news if news.link is not None]


def item(kind: LineKind, price: str, *, quantity: str = "1", text: str = "", goodwill: bool = False) -> Item:
    return Item(kind=kind, text=text, unit_price=Decimal(price), quantity=Decimal(quantity), goodwill=goodwill)


ALL = (
    item(LineKind.LABOUR, "300", quantity="2.5"),
    item(LineKind.TRAVEL, "180"),
    item(LineKind.PART, "1250.50", text="ST4000"),
)


def texts(tx: Transaction, case: Case) -> str:
    """Everything that the timeline says of a case, as one text."""
    return repr(tx.cases.timeline(case.id))
