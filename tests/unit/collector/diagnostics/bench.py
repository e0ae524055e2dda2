"""A desk of diagnostics on a real store, with files in a folder: one machine with its own agent, one watched by it.

Used by the tests here, of the pages and of the wire.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path

from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.diagnostics.asking import Question
from hardcase_collector.diagnostics.desk import DiagnosticDesk, diagnostic_desk
from hardcase_collector.diagnostics.settings import DiagnosticLimits
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Agent, AssetFacts, AssetMode, IdentityBasis, Part
from hardcase_collector.domain.case import Case, TimelineEntry
from hardcase_collector.domain.diagnostic import (
    AgentReport,
    DiagnosticKind,
    DiagnosticRequest,
    RequestState,
    ToldFile,
)
from hardcase_collector.domain.ports import AuditEntry, CaseNews, Transaction
from hardcase_collector.storage.evidence import EvidenceFiles
from hardcase_collector.storage.partials import PartialFiles
from hardcase_collector.storage.state.store import SqlStateStore

from tests.contracts.state_store import a_case

NOON = 1_795_521_600_000
MINUTE = 60_000
HOUR = 60 * MINUTE
LI = Actor(name="li", role=Role.ENGINEER, customer=None)
MAX = Actor(name="max", role=Role.MANAGER, customer=None)
ADA = Actor(name="ada", role=Role.CUSTOMER_CONTACT, customer="north")
EVA = Actor(name="eva", role=Role.CUSTOMER_CONTACT, customer="south")
BOT = Actor(name="bot", role=Role.AUTOMATION, customer=None)
EVERYTHING = tuple(DiagnosticKind)
DISK = Part(component="disk", slot="Bay 3", model="ST4000", serial="ZC1")
LIMITS = DiagnosticLimits(file_bytes=1000, request_bytes=1500, bytes_per_second=1 << 20)


class Quiet:
    """Counts news that went out: diagnostics make none."""

    def __init__(self) -> None:
        self.news: list[CaseNews] = []

    def announce(self, tx: Transaction, news: CaseNews) -> None:
        self.news.append(news)


@dataclass
class DiagnosticBench:
    store: SqlStateStore
    folder: Path
    limits: DiagnosticLimits = LIMITS
    trouble: str = ""
    now_ms: int = NOON
    announcer: Quiet = field(default_factory=Quiet)
    nudged: list[int] = field(default_factory=list)
    desk: DiagnosticDesk = field(init=False)
    files: Attachments = field(init=False)
    partials: PartialFiles = field(init=False)
    evidence: EvidenceFiles = field(init=False)

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.evidence = EvidenceFiles(self.folder / "evidence", trouble=lambda: self.trouble)
        self.partials = PartialFiles(self.evidence)
        self.files = Attachments(self.store, self.evidence, self.announcer, AttachmentLimits())
        self.desk = diagnostic_desk(
            self.store,
            self.evidence,
            self.partials,
            self.files,
            self.announcer,
            self.limits,
            fresh_id=lambda: next(numbers).to_bytes(2, "big") * 8,
            nudge=self.nudged.append,
        )

    def agent(self, name: str = "agent-1", customer: str = "north", **changes: object) -> Agent:
        agent = Agent(
            id=name,
            number=0,
            customer=customer,
            hostname=f"{name}.example",
            machine_id=f"machine-{name}",
            dmi_uuid="",
            fingerprint="f0",
            enrolled_ms=NOON,
        )
        with self.store.write() as tx:
            return tx.agents.add(replace(agent, **changes))  # type: ignore[arg-type]  # a test's own fields

    def machine(self, agent: Agent, *, serial: str = "7ABC123", own: bool = True) -> int:
        """Watched by the agent; `own`: it is the agent's host."""
        with self.store.write() as tx:
            asset = tx.assets.add(
                key=f"dell|{serial.lower()}",
                basis=IdentityBasis.SERIAL,
                facts=AssetFacts(
                    vendor="Dell", serial=serial, hostname=f"h-{serial}", machine_id=agent.machine_id if own else ""
                ),
                customer=agent.customer,
                mode=AssetMode.LIVE,
                joined_ms=NOON,
                live_from_ms=NOON,
            )
            tx.assets.bind(asset.id, agent.number)
            tx.assets.save_inventory(asset.id, "disks", agent.number, [DISK], NOON)
        return asset.id

    def allows(self, agent: Agent, *kinds: DiagnosticKind) -> None:
        self.desk.telling.greeted(agent.number, kinds, now_ms=self.now_ms)

    def ready(self) -> tuple[Agent, int]:
        """An agent that allows everything, and its host."""
        agent = self.agent()
        asset = self.machine(agent)
        self.allows(agent, *EVERYTHING)
        return agent, asset

    def case(self, asset: int) -> Case:
        with self.store.write() as tx:
            return tx.cases.add(a_case(tx.assets.by_number(asset)))

    def ask(
        self, asset: int, kind: DiagnosticKind = DiagnosticKind.READ_SEL, by: Actor = LI, **changes: object
    ) -> DiagnosticRequest:
        question = Question(asset=asset, kind=kind, arguments={})
        question = replace(question, **changes)  # type: ignore[arg-type]  # a test's own fields
        return self.desk.asking.ask(question, by=by, now_ms=self.now_ms)

    def sent(self, asset: int, kind: DiagnosticKind = DiagnosticKind.READ_SEL, **changes: object) -> DiagnosticRequest:
        """Asked, and told to its agent."""
        asked = self.ask(asset, kind, **changes)  # type: ignore[arg-type]  # a test's own fields
        self.desk.telling.owed(asked.agent, now_ms=self.now_ms)
        return self.now(asked)

    def report(
        self,
        request: DiagnosticRequest,
        state: RequestState,
        detail: str = "",
        answer: bytes = b"",
        files: tuple[ToldFile, ...] = (),
        agent: int | None = None,
    ) -> DiagnosticRequest:
        report = AgentReport(id=request.id, state=state, detail=detail, answer=answer, files=files)
        self.desk.telling.take(request.agent if agent is None else agent, report, now_ms=self.now_ms)
        return self.now(request)

    def tick(self, at_ms: int) -> None:
        self.now_ms = at_ms
        with self.store.write() as tx:
            self.desk.telling.tick(tx, now_ms=at_ms)

    def now(self, request: DiagnosticRequest) -> DiagnosticRequest:
        with self.store.read() as tx:
            found = tx.diagnostics.request(request.id)
        assert found is not None
        return found

    def audits(self) -> list[AuditEntry]:
        """Of diagnostics, oldest first."""
        with self.store.read() as tx:
            found = tx.access.audits(customer=None, limit=1000)
        return [one for one in reversed(list(found)) if one.action.startswith("diagnostic.")]

    def actions(self) -> list[str]:
        return [one.action.removeprefix("diagnostic.") for one in self.audits()]

    def timeline(self, case: Case) -> list[TimelineEntry]:
        with self.store.read() as tx:
            return list(tx.cases.timeline(case.id))
