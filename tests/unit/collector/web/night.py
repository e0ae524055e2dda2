"""A night at the desk, on a real store: two customers, three sites, cases in every stage with clocks at every stand.

Used by the unit tests of pages and by those that drive a browser. Time is given: it is 02:30 in Shanghai.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache

from fastapi import FastAPI
from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.opening import Opening, shipped_sheets
from hardcase_collector.cases.reports import Reports
from hardcase_collector.diagnostics.asking import Diagnostics
from hardcase_collector.diagnostics.settings import DiagnosticLimits
from hardcase_collector.diagnostics.telling import Telling
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.advice import Counsel, Live
from hardcase_collector.domain.asset import Agent, AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.customer import Contact, ContactScope, Custody, Customer, Entitlement, Site
from hardcase_collector.domain.diagnostic import DiagnosticKind
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import CaseFilter, StateStore, Transaction, User
from hardcase_collector.domain.priority import Importance
from hardcase_collector.domain.repair import LineKind, Manner
from hardcase_collector.domain.service_terms import Team
from hardcase_collector.domain.visit import Engineer
from hardcase_collector.parts.orders import PartOrders
from hardcase_collector.plans.plan import PauseReason
from hardcase_collector.rules.sheet import RuleBook
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.service.desk import Needs, service_desk
from hardcase_collector.service.proposals import Offer
from hardcase_collector.service.quotes import Item, QuoteDraft
from hardcase_collector.web.access import Sessions
from hardcase_collector.web.pages import make_pages
from hardcase_collector.web.ports import Health, Shop

from tests.fakes.evidence import MemoryEvidence
from tests.unit.collector.cases.bench import DAY, HOUR, Bench, raised
from tests.unit.collector.service.bench import PlainPress

NOW = 1_795_458_600_000
"""2026-11-23 18:30 UTC, 24 November 02:30 in Shanghai."""
LI = Actor(name="li", role=Role.ENGINEER, customer=None)
MEI = Actor(name="mei", role=Role.DISPATCHER, customer=None)

SITES = (
    Site(
        customer="north",
        name="sh1",
        title="上海一号机房",
        time_zone="Asia/Shanghai",
        country="CN",
        address="上海市浦东新区张江路 88 号 3 楼",
    ),
    Site(customer="north", name="ber1", title="Berlin 1", time_zone="Europe/Berlin", country="DE", address="Gate 3"),
    Site(customer="south", name="gz1", title="广州机房", time_zone="Asia/Shanghai", country="CN"),
)
MACHINES = (
    # customer, host, vendor, model, serial, address, site, rack, unit, importance, plan
    ("north", "sh-db-01", "Dell", "PowerEdge R750", "7ABC123", "10.1.0.11", "sh1", "A07", 12, "high", "gold-7x24x4"),
    ("north", "sh-web-17", "Inspur", "NF5280M6", "22190331", "10.1.0.17", "sh1", "A07", 20, "normal", "silver"),
    (
        "north",
        "ber-nas-2",
        "HPE",
        "ProLiant DL380 Gen10",
        "CZ2340K7XL",
        "10.9.4.2",
        "ber1",
        "R3",
        4,
        "normal",
        "silver",
    ),
    ("north", "sh-vm-09", "Lenovo", "ThinkSystem SR650", "J30A9912", "10.1.0.29", "sh1", "B02", 8, "low", ""),
    ("south", "gz-erp-01", "Dell", "PowerEdge R740", "9XYZ987", "10.7.0.5", "gz1", "C11", 3, "high", "gold-7x24x4"),
)
DISK = Part(component="disk", slot="Bay 3", model="ST4000NM0035", serial="ZC16R0QX", part_number="0F9W8")
FAULTS = (
    # machine, hours ago, class, part, severity, group
    (0, 3.4, "disk.failed", DISK, Severity.MAJOR, "disk"),
    (0, 0.2, "psu.input_lost", Part(component="psu", slot="PSU2", model="D1100E"), Severity.MAJOR, "psu"),
    (1, 5.0, "memory.uncorrectable", Part(component="memory", slot="DIMM_A1"), Severity.CRITICAL, "memory"),
    (2, 30.0, "fan.failed", Part(component="fan", slot="FAN 4"), Severity.MINOR, "fan"),
    (3, 50.0, "disk.predicted", replace(DISK, serial="ZC1PPPPP", slot="Bay 0"), Severity.MINOR, "disk"),
    (4, 2.0, "disk.failed", replace(DISK, serial="ZCSOUTH1"), Severity.CRITICAL, "disk"),
)


@cache
def sheets() -> RuleBook:
    return load_sheets(None)


@dataclass
class Night:
    store: StateStore
    hashed: str
    """Password of everybody."""
    now_ms: int = NOW
    bench: Bench = field(init=False)
    assets: list[int] = field(default_factory=list)
    """Given, with the cases: the store holds the night already."""
    cases: list[Case] = field(default_factory=list)

    evidence: MemoryEvidence = field(default_factory=MemoryEvidence)

    def __post_init__(self) -> None:
        self.bench = Bench(self.store)
        announcer, numbers = self.bench.announcements, itertools.count(1)
        self.handling = Handling(announcer)
        self.orders = PartOrders(announcer)
        self.reports = Reports(announcer, Opening(), sheets().categories)
        self.attachments = Attachments(self.store, self.evidence, announcer, AttachmentLimits(file_bytes=1 << 20))
        self.diagnostics = Diagnostics(
            self.store,
            self.evidence,
            announcer,
            DiagnosticLimits(),
            fresh_id=lambda: hashlib.sha256(f"request {next(numbers)}".encode()).digest()[:16],
            nudge=lambda agent: None,
        )
        self.telling = Telling(self.store, announcer, DiagnosticLimits())
        self.service = service_desk(
            Needs(
                announcer=announcer,
                actions=self.bench.actions,
                counsellor=self._counsel,
                plan_named=lambda name: shipped_sheets().plans.plans.get(name),
                press=PlainPress(),
                evidence=self.evidence,
                titles=lambda fault_class, language: sheets().text(fault_class, language)[0],
                tokens=lambda: f"token-{next(numbers):040d}",
                address=lambda token: f"https://desk.example/links/{token}",
            )
        )
        if not self.assets:
            self._people()
            for machine in MACHINES:
                self._machine(*machine)
            self._faults()

    def _faults(self) -> None:
        for number, (machine_number, hours, fault_class, part, severity, group) in enumerate(FAULTS):
            at = NOW - int(hours * HOUR)
            with self.store.read() as tx:
                asset = tx.assets.by_number(self.assets[machine_number])
            transition = raised(
                asset,
                fault_class,
                at=at,
                part=part,
                severity=severity,
                group=group,
                sensor=f"s{number}",
                self_clearing=False,
            )
            self.bench.apply(transition, at=at)
            with self.store.read() as tx:
                self.cases.append(tx.cases.list(CaseFilter(customer=None, open_only=True))[0])

    def _people(self) -> None:
        people = (
            ("root", "administrator", None, "en"),
            ("li", "engineer", None, "zh"),
            ("mei", "dispatcher", None, "zh"),
            ("eve", "viewer", None, "en"),
            ("north-contact", "customer_contact", "north", "zh"),
            ("south-contact", "customer_contact", "south", "zh"),
        )
        with self.store.write() as tx:
            for name, role, customer, language in people:
                tx.access.add_user(
                    User(
                        name=name,
                        role=role,
                        customer=customer,
                        password_hash=self.hashed,
                        language=language,
                        time_zone="Asia/Shanghai",
                    )
                )
            for customer, title in (("north", "北方银行"), ("south", "南方制造")):
                tx.registry.save_customer(Customer(name=customer, title=title, language="zh"))
            for site in SITES:
                tx.registry.save_site(site)
            for customer, subject, name, phone in (
                ("north", "sh1", "王敏", "+86 21 5555 0101"),
                ("south", "gz1", "陈静", "+86 20 5555 0909"),
            ):
                tx.registry.save_contact(
                    Contact(
                        id=0,
                        customer=customer,
                        scope=ContactScope.SITE,
                        subject=subject,
                        name=name,
                        phone=phone,
                        mail=f"ops@{customer}.example",
                        language="zh",
                    )
                )
            for name, title in (("li", "李工"), ("zhao", "赵工")):
                tx.repairs.add_engineer(Engineer(name=name, title=title, home="north/sh1"))
            tx.clocks.save_team(
                Team(name="shanghai", title="上海值班", zone="Asia/Shanghai", people=("li", "mei"), default=True)
            )

    def _machine(
        self, customer: str, host: str, vendor: str, model: str, serial: str, address: str, site: str, rack: str,
        unit: int, importance: str, plan: str,
    ) -> None:  # fmt: skip
        with self.store.write() as tx:
            asset = tx.assets.add(
                key=f"{vendor.lower()}|{serial.lower()}",
                basis="serial",
                facts=AssetFacts(vendor=vendor, model=model, serial=serial, hostname=host, address=address),
                customer=customer,
                mode=AssetMode.LIVE,
                joined_ms=NOW - 90 * DAY,
                live_from_ms=NOW - 89 * DAY,
            )
            tx.registry.save_custody(
                Custody(
                    asset=asset.id,
                    site=site,
                    rack=rack,
                    unit=unit,
                    feeds=("pdu-a", "pdu-b"),
                    importance=Importance(importance),
                )
            )
            if plan:
                tx.registry.save_entitlement(
                    Entitlement(
                        id=0,
                        asset=asset.id,
                        part="",
                        plan=plan,
                        vendor=vendor,
                        starts=date(2026, 1, 1),
                        ends=date(2028, 12, 31),
                        contract=f"SC-{serial}",
                    )
                )
        self.assets.append(asset.id)

    def _counsel(self, case: Case, live: Live) -> Counsel | None:
        return sheets().counsel(case.part, case.fault_classes, live)

    @property
    def shop(self) -> Shop:
        book = sheets()
        return Shop(
            store=self.store,
            actions=self.bench.actions,
            readings=lambda tx, asset: [],
            title=lambda fault_class, language: book.text(fault_class, language)[0],
            group=book.group_title,
            counsel=self._counsel,
            handling=self.handling,
            service=self.service,
            orders=self.orders,
            reports=self.reports,
            attachments=self.attachments,
            diagnostics=self.diagnostics,
            clock_ms=lambda: self.now_ms,
        )

    def pages(self) -> FastAPI:
        health = Health(reasons=tuple, alive=lambda: True, gauges=dict)
        return make_pages(self.shop, Sessions(self.store, hours=1), health, language="en")

    def agent(self, machine: int, *kinds: DiagnosticKind) -> Agent:
        """Watches this machine, and allows so much."""
        with self.store.write() as tx:
            asset = tx.assets.by_number(self.assets[machine])
            agent = tx.agents.add(
                Agent(
                    id=f"agent-{asset.facts.hostname}", number=0, customer=asset.customer,
                    hostname=asset.facts.hostname, machine_id=f"machine-{machine}", dmi_uuid="", fingerprint="f0",
                    enrolled_ms=NOW,
                )
            )  # fmt: skip
            tx.assets.bind(asset.id, agent.number)
            tx.assets.save_inventory(asset.id, "disks", agent.number, [DISK], NOW)
        self.telling.greeted(agent.number, kinds, now_ms=NOW)
        return agent

    def case(self, number: int) -> Case:
        """As it stands now."""
        with self.store.read() as tx:
            return tx.cases.get(self.cases[number].id)

    def busy(self) -> None:
        """Half of the cases are being worked on: one waits for its customer, one for a visit, one for a part."""
        self.act(0, CaseAction.CONFIRM)
        with self.store.write() as tx:
            self.handling.assign(tx, self._now(tx, 0), by=MEI, now_ms=NOW, assignee="li")
            self.bench.actions.acknowledge(tx, self._now(tx, 0), by=LI, now_ms=NOW)
            offer = Offer(
                solution="更换 3 号槽位硬盘（同型号备件），更换后观察重建。",
                manner=Manner.PART,
                expected_ms=NOW + 2 * HOUR,
                duration_s=3600,
            )
            self.service.proposals.propose(tx, self._now(tx, 0), offer, by=LI, now_ms=NOW)
        self.act(4, CaseAction.CONFIRM)
        with self.store.write() as tx:
            offer = Offer(
                solution="更换即将故障的硬盘", manner=Manner.PART, expected_ms=NOW + 8 * HOUR, duration_s=1800
            )
            self.service.proposals.propose(tx, self._now(tx, 4), offer, by=LI, now_ms=NOW)
            items = tuple(
                Item(kind=kind, text="", unit_price=Decimal(price))
                for kind, price in ((LineKind.LABOUR, "400"), (LineKind.TRAVEL, "250"), (LineKind.PART, "320.50"))
            )
            draft = QuoteDraft(items=items, currency="CNY", valid_until_ms=NOW + 14 * DAY)
            self.service.quotes.quote(tx, self._now(tx, 4), draft, by=LI, now_ms=NOW)
        with self.store.write() as tx:
            self.handling.pause(tx, self._now(tx, 2), PauseReason.WAITING_FOR_PART, by=LI, now_ms=NOW)
            self.bench.actions.note(tx, self._now(tx, 2), by=LI, text="备件已在途", now_ms=NOW, internal=True)

    def _now(self, tx: Transaction, number: int) -> Case:
        return tx.cases.get(self.cases[number].id)

    def act(self, number: int, *actions: CaseAction, at: int = NOW, by: Actor = LI) -> None:
        """Takes actions on the case of this fault."""
        for action in actions:
            with self.store.write() as tx:
                case = tx.cases.get(self.cases[number].id)
                self.bench.actions.act(tx, case, action, by=by, reason="", now_ms=at)
