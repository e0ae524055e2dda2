"""What people and programs report becomes a case, joins one, or is the one it became before.

Called by the pages and the control socket, each call within the caller's transaction. A report of a part that has an
open case is refused with that case's number, because two cases for one fault are one too many; `around` shows before
what is open. What telemetry finds later joins the reported case (`placing.py`). Such cases are closed by people only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.case_file import COLLECTOR, CaseFile, Occasion
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.workflow import OPEN_STATES, Deed, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Asset, AssetFacts, AssetMode, IdentityBasis, Part
from hardcase_collector.domain.case import Case, CaseState, Origin
from hardcase_collector.domain.correlation import Subject, case_of_part
from hardcase_collector.domain.customer import Custody
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact, Severity
from hardcase_collector.domain.noise import STORM_GROUP
from hardcase_collector.domain.ports import Announcer, FindingRow, Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.report import Caller, Category, Report, ReportChannel

TITLE_KEPT = 120
SOFTWARE = frozenset({"os", "network", "application", "request"})
"""Components that are no part of the machine: any number of their cases may be open at once."""
_AHEAD_MS = 5 * 60_000
"""A caller's clock may be ahead of ours by this much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What is reported. Either `asset` is known, or `customer` and what the caller calls the asset."""

    category: str
    """A component ("disk", "os", "request") or a fault class ("request.upgrade"). "" only where it joins a case."""
    description: str
    channel: ReportChannel
    asset: int | None = None
    slot: str = ""
    serial: str = ""
    """Of the part, where the caller knows it."""
    customer: str = ""
    site: str = ""
    asset_told: str = ""
    caller: Caller = field(default_factory=Caller)
    occurred_ms: int = 0
    title: str = ""
    severity: Severity | None = None
    priority: Priority | None = None
    key: str = ""
    """Idempotency key: the same key and the same words give the same case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is known of an asset when somebody reports it."""

    findings: tuple[FindingRow, ...]
    """Firing ones, with or without a case."""
    cases: tuple[Case, ...]
    """Open ones, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    case: Case
    report: Report
    fresh: bool
    """False: this very report was made before, by its key."""
    around: Around


class Reports:
    def __init__(self, announcer: Announcer, opening: Opening, categories: Callable[[], Sequence[Category]]) -> None:
        """`categories`: what may be reported, as the sheets say now."""
        self._announcer = announcer
        self._opening = opening
        self._categories = categories

    def around(self, tx: Transaction, asset: int, *, by: Actor) -> Around:
        """For the reporter to look at before he reports. Raises NotAllowed, NotFound."""
        require(by, Deed.REPORT)
        return _around(tx, _in_scope(tx, asset, by))

    def report(self, tx: Transaction, told: Telling, *, by: Actor, now_ms: int) -> Reported:
        """Opens a case. Raises NotAllowed, NotFound; IllegalAction for what contradicts itself or is open already."""
        require(by, Deed.REPORT)
        category = self.category(told.category)
        _check(told, now_ms)
        customer = self._customer_of(tx, told, by)
        again = self._again(tx, told, customer, joined=0)
        if again is not None:
            return again
        asset = self._asset_of(tx, told, customer, by)
        part = _part(tx, asset, category, told)
        loose = asset.basis is IdentityBasis.UNKNOWN or category.component in SOFTWARE or part.key() == part.component
        around = _around(tx, asset)
        if not loose:
            _refuse_second(tx, asset, part, category)
        case, terms = self._open(tx, told, category, asset, part, loose=loose, now_ms=now_ms)
        report = tx.reports.add(_report(told, case, customer, category.fault_class, by, now_ms, joined=False))
        entry: dict[str, Fact] = {
            "origin": str(Origin.PERSON),
            "channel": str(told.channel),
            "fault_class": category.fault_class,
            "severity": case.severity.word,
            "report": report.id,
        }
        if told.occurred_ms:
            entry["occurred_ms"] = told.occurred_ms
        file = CaseFile(tx, self._announcer)
        file.enter(case, "opened", Occasion(now_ms=now_ms, actor=by.name), {**entry, **terms}, findings=())
        return Reported(case=case, report=report, fresh=True, around=around)

    def join(self, tx: Transaction, case: Case, told: Telling, *, by: Actor, now_ms: int) -> Reported:
        """The same, for a case that is open already: an entry and the caller on that case.

        A telling without a category is of what the case is about.
        """
        allowed(tx, case, by, Deed.JOIN)
        fault_class = self.category(told.category).fault_class if told.category else case.fault_classes[0]
        _check(told, now_ms)
        asset = tx.assets.by_number(case.asset)
        if told.asset is not None and told.asset != case.asset:
            raise IllegalAction("case {case} is about another asset", case=case.number)
        again = self._again(tx, told, asset.customer, joined=case.id)
        if again is not None:
            return again
        if case.state not in OPEN_STATES:
            raise IllegalAction("case {case} is {state}: report it anew", case=case.number, state=case.state)
        report = tx.reports.add(_report(told, case, asset.customer, fault_class, by, now_ms, joined=True))
        entry: dict[str, Fact] = {
            "channel": str(told.channel),
            "fault_class": fault_class,
            "report": report.id,
        }
        file = CaseFile(tx, self._announcer)
        joined = file.change(case, "report_joined", Occasion(now_ms=now_ms, actor=by.name), entry)
        return Reported(case=joined, report=report, fresh=True, around=_around(tx, asset))

    def identify(
        self, tx: Transaction, case: Case, asset: int, *, by: Actor, now_ms: int, slot: str = "", serial: str = ""
    ) -> Case:
        """The asset of a case that was reported without it became known: from now on the case is about that one."""
        allowed(tx, case, by, Deed.IDENTIFY)
        before = tx.assets.by_number(case.asset)
        if before.basis is not IdentityBasis.UNKNOWN:
            raise IllegalAction("the asset of case {case} is known: {before}", case=case.number, before=before.key)
        if case.state not in OPEN_STATES:
            raise IllegalAction("case {case} is {state}: open it again first", case=case.number, state=case.state)
        found = _in_scope(tx, asset, by)
        if found.customer != before.customer or found.basis is IdentityBasis.UNKNOWN:
            raise NotFound("there is no asset {asset} of customer {customer}", asset=asset, customer=before.customer)
        part = _named_part(tx, found, case.part.component, slot or case.part.slot, serial or case.part.serial)
        loose = case.part.component in SOFTWARE or part.key() == part.component
        if not loose:
            category = Category(fault_class=case.fault_classes[0], group=case.repair_group, severity=case.severity)
            _refuse_second(tx, found, part, category)
        terms = self._opening.renew(tx, replace(case, asset=asset, part=part))
        told: dict[str, Fact] = {"asset": found.key, "part": part.key(), **terms}
        file = CaseFile(tx, self._announcer)
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        moved = file.change(case, "identified", occasion, told, asset=asset, part=part, loose=loose)
        return self._weigh(tx, file, moved, now_ms)

    def category(self, word: str) -> Category:
        """By fault class, or by component alone. Raises NotFound, listing what there is."""
        known = {one.fault_class: one for one in self._categories()}
        found = known.get(word) or known.get(f"{word}.reported")
        if found is None:
            raise NotFound("nothing is called {word} here; there is {known}", word=word, known=sorted(known))
        return found

    def categories(self) -> Sequence[Category]:
        return self._categories()

    def _customer_of(self, tx: Transaction, told: Telling, by: Actor) -> str:
        if told.asset is not None:
            return _in_scope(tx, told.asset, by).customer
        customer = told.customer or by.customer or ""
        if by.customer is not None and customer != by.customer:
            raise NotFound("there is no customer {customer}", customer=customer)
        if not customer:
            raise IllegalAction("name the asset, or the customer whose asset it is")
        if tx.registry.customer(customer) is None and customer not in tx.registry.customers_not_in_books():
            raise NotFound("there is no customer {customer}", customer=customer)
        if told.site and tx.registry.site(customer=customer, name=told.site) is None:
            raise NotFound("customer {customer} has no site {site}", customer=customer, site=told.site)
        return customer

    def _again(self, tx: Transaction, told: Telling, customer: str, *, joined: int) -> Reported | None:
        before = tx.reports.by_key(told.key, customer=customer)
        if before is None:
            return None
        case = tx.cases.get(before.case)
        if before.digest != _digest(told) or (joined and joined != case.id):
            raise IllegalAction("key {key} stands for another report, of case {case}", key=told.key, case=case.number)
        return Reported(case=case, report=before, fresh=False, around=Around(findings=(), cases=()))

    def _asset_of(self, tx: Transaction, told: Telling, customer: str, by: Actor) -> Asset:
        if told.asset is not None:
            return _in_scope(tx, told.asset, by)
        key = f"unknown|{customer}|{told.site}"
        known = tx.assets.by_key(key)
        if known is not None:
            return known
        made = tx.assets.add(
            key=key,
            basis=IdentityBasis.UNKNOWN,
            facts=AssetFacts(kind="unknown", hostname=f"? {told.site or customer}"),
            customer=customer,
            mode=AssetMode.LIVE,
            joined_ms=0,
            live_from_ms=0,
        )
        if told.site:
            tx.registry.save_custody(Custody(asset=made.id, site=told.site))
        return made

    def _open(
        self, tx: Transaction, told: Telling, category: Category, asset: Asset, part: Part, *, loose: bool, now_ms: int
    ) -> tuple[Case, dict[str, Fact]]:
        draft = Case(
            id=0,
            number="",
            asset=asset.id,
            part=part,
            repair_group=category.group,
            state=CaseState.NEW,
            severity=told.severity or category.severity,
            fault_classes=(category.fault_class,),
            since_ms=told.occurred_ms or now_ms,
            opened_ms=now_ms,
            version=1,
            rehearsal=asset.basis is IdentityBasis.REHEARSAL,
            origin=Origin.PERSON,
            title=told.title.strip()[:TITLE_KEPT] or told.description.strip().splitlines()[0][:TITLE_KEPT],
            loose=loose,
        )
        file = CaseFile(tx, self._announcer)
        return self._opening.open(tx, file, draft, now_ms=now_ms, priority=told.priority)

    def _weigh(self, tx: Transaction, file: CaseFile, case: Case, now_ms: int) -> Case:
        """On an asset that we know it may be more urgent, and is never less."""
        urgency = self._opening.urgency(tx, case, case.part, case.fault_classes, now_ms=now_ms)
        if urgency.priority >= case.priority or self._opening.chosen(tx, case):
            return case
        told: dict[str, Fact] = {
            "priority": str(urgency.priority),
            "from": str(case.priority),
            "reason": "identified",
            "service": str(urgency.service),
        }
        occasion = Occasion(now_ms=now_ms, actor=COLLECTOR)
        return file.change(case, "priority_changed", occasion, told, priority=urgency.priority, service=urgency.service)


def _in_scope(tx: Transaction, asset: int, by: Actor) -> Asset:
    """Raises NotFound also for another customer's: its existence is nobody else's business."""
    found = tx.assets.by_number(asset)
    if by.customer is not None and found.customer != by.customer:
        raise NotFound("no asset {asset}", asset=asset)
    return found


def _around(tx: Transaction, asset: Asset) -> Around:
    if asset.basis is IdentityBasis.UNKNOWN:
        return Around(findings=(), cases=())
    return Around(findings=tuple(tx.findings.of_asset(asset.id, firing=True)), cases=tuple(tx.cases.open_of(asset.id)))


def _check(told: Telling, now_ms: int) -> None:
    """Raises IllegalAction."""
    if not told.description.strip():
        raise IllegalAction("say what is wrong, or what is wanted")
    if told.occurred_ms > now_ms + _AHEAD_MS:
        raise IllegalAction("it cannot have happened in the future")
    if told.severity is not None and told.severity < Severity.MINOR:
        raise IllegalAction("a report is at least minor")


def _part(tx: Transaction, asset: Asset, category: Category, told: Telling) -> Part:
    if category.component in SOFTWARE:
        return Part(component=category.component)
    return _named_part(tx, asset, category.component, told.slot.strip(), told.serial.strip())


def _named_part(tx: Transaction, asset: Asset, component: str, slot: str, serial: str) -> Part:
    """As the inventory has it, so that telemetry and people mean the same part; as the caller calls it otherwise."""
    named = Part(component=component, slot=slot, serial=serial)
    if slot or serial:
        for _, part, _ in tx.assets.inventory(asset.id):
            same = part.serial == serial if serial else part.slot and part.place() == named.place()
            if part.component == component and same:
                return part
    return named


def _refuse_second(tx: Transaction, asset: Asset, part: Part, category: Category) -> None:
    """Raises IllegalAction where this very part has an open case."""
    drill = asset.basis is IdentityBasis.REHEARSAL
    cases = [
        case
        for case in tx.cases.open_of(asset.id)
        if not case.loose and case.rehearsal == drill and case.repair_group != STORM_GROUP
    ]
    open_already = case_of_part(Subject(part, category.group, category.fault_class), cases)
    if open_already is not None:
        raise IllegalAction("case {case} is open for this part: join it", case=open_already[0].number)


def _report(
    told: Telling, case: Case, customer: str, fault_class: str, by: Actor, now_ms: int, *, joined: bool
) -> Report:
    return Report(
        id=0,
        case=case.id,
        customer=customer,
        key=told.key,
        digest=_digest(told),
        category=fault_class,
        description=told.description.strip()[:NOTE_KEPT],
        channel=told.channel,
        caller=told.caller,
        asset_told=told.asset_told.strip(),
        site=told.site,
        occurred_ms=told.occurred_ms,
        reported_ms=now_ms,
        reported_by=by.name,
        joined=joined,
    )


def _digest(told: Telling) -> str:
    return hashlib.sha256(json.dumps(asdict(replace(told, key="")), sort_keys=True).encode()).hexdigest()
