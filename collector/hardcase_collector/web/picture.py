"""Read models: what the pages and the control socket show of fleet, asset and case. Pure reading, one snapshot each.

Every function takes a customer scope; None = all customers, for the collector's own administrators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from hardcase_collector.cases.windows import holding
from hardcase_collector.domain.advice import Counsel, Live
from hardcase_collector.domain.asset import Agent, Asset, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseAction, TimelineEntry
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.finding import Severity, Why
from hardcase_collector.domain.live import SILENT_AFTER_MS, LiveOf
from hardcase_collector.domain.observation import CoverageLine, Event, SourceStatus
from hardcase_collector.domain.ports import AssetSummary, CaseFilter, FindingRow, Transaction, Window

EVENTS_SHOWN = 50
WHYS_SHOWN = 100
ALL_CASES = 100_000
NOTHING_KNOWN = AssetSummary()


class Condition(StrEnum):
    """One word for an asset, worst first. "No data" is a condition of its own and never good."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    NO_DATA = "no_data"
    WATCH = "watch"
    GOOD = "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit in force."""

    name: str
    value: float
    severity: str
    source: str
    """operator, the device ("bmc", "smart", ...) or class default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentReading:
    """What a sensor said last: a number, asserted states, or a gap with its reason."""

    source: str
    sensor: str
    name: str
    kind: str
    unit: str
    part: Part
    value: float | None
    states: tuple[str, ...]
    has_states: bool
    gap: str
    """Reason word of the gap, "" where there is none."""
    gap_age_s: int | None
    """Seconds since it last gave a value; None = never."""
    time_ms: int
    severity: Severity
    limits: tuple[Limit, ...] = ()
    worn_out_ms: int = 0
    """When this disk will have used up its rated endurance, by its own history; 0 = cannot be said."""


Readings = Sequence[CurrentReading]
ReadingsOf = Callable[[Transaction, int], Readings]
"""(transaction, asset number) -> current readings, from the rule-state rows."""
LegalActions = Callable[[Case], Sequence[CaseAction]]
CounselOf = Callable[[Case, Live], Counsel | None]
"""What to do about a case in the live state of its asset; None where no sheet says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLine:
    asset: Asset
    condition: Condition
    open_cases: int
    watched: int
    unreadable: int
    last_reading_ms: int
    agents: tuple[str, ...]
    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    lines: tuple[FleetLine, ...]
    """One page of them, worst first."""
    counts: Mapping[Condition, int]
    total: int
    found: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPicture:
    line: FleetLine
    readings: tuple[CurrentReading, ...]
    coverage: tuple[tuple[str, CoverageLine], ...]
    sources: tuple[SourceStatus, ...]
    parts: tuple[tuple[str, Part, int], ...]
    findings: tuple[FindingRow, ...]
    cases: tuple[Case, ...]
    events: tuple[Event, ...]
    windows: tuple[Window, ...]
    whys: tuple[Why, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePicture:
    case: Case
    asset: Asset
    timeline: tuple[TimelineEntry, ...]
    findings: tuple[FindingRow, ...]
    whys: tuple[Why, ...]
    actions: tuple[CaseAction, ...]
    counsel: Counsel | None


def fleet(
    tx: Transaction, *, customer: str | None, now_ms: int, search: str = "", page: int = 1, page_size: int = 100
) -> Fleet:
    """All assets of the scope that match, worst first, one page of them."""
    cases = _cases_by_asset(tx, customer)
    agents = {agent.number: agent for agent in tx.agents.all(customer=customer)}
    assets = tx.assets.all(customer=customer)
    known = tx.assets.summaries()
    lines = [
        _line(asset, agents, cases.get(asset.id, []), known.get(asset.id, NOTHING_KNOWN), now_ms)
        for asset in assets
        if _matches(asset, search)
    ]
    order = list(Condition)
    lines.sort(key=lambda line: (order.index(line.condition), line.asset.facts.hostname, line.asset.key))
    pages = max(1, -(-len(lines) // page_size))
    page = min(max(1, page), pages)
    return Fleet(
        lines=tuple(lines[(page - 1) * page_size : page * page_size]),
        counts={condition: sum(1 for line in lines if line.condition is condition) for condition in order},
        total=len(assets),
        found=len(lines),
        page=page,
        pages=pages,
    )


def asset_in_scope(tx: Transaction, number: int, customer: str | None) -> Asset:
    """Raises NotFound also for an asset of another customer: its existence is nobody else's business."""
    asset = tx.assets.by_number(number)
    if customer is not None and asset.customer != customer:
        raise NotFound("no asset {number}", number=number)
    return asset


def asset(tx: Transaction, number: int, *, customer: str | None, now_ms: int, readings: ReadingsOf) -> AssetPicture:
    """Raises NotFound."""
    found = asset_in_scope(tx, number, customer)
    cases = tx.cases.list(CaseFilter(customer=customer, open_only=False, asset=number))
    agents = {agent.number: agent for agent in tx.agents.all(customer=customer)}
    known = tx.assets.summaries(asset=number).get(number, NOTHING_KNOWN)
    line = _line(found, agents, [case for case in cases if is_open(case)], known, now_ms)
    return AssetPicture(
        line=line,
        readings=tuple(readings(tx, number)),
        coverage=tuple(tx.assets.coverage(number)),
        sources=tuple(tx.assets.source_statuses(number)),
        parts=tuple(tx.assets.inventory(number)),
        findings=tuple(tx.findings.of_asset(number, firing=True)),
        cases=tuple(cases),
        events=tuple(tx.assets.events(number, limit=EVENTS_SHOWN)),
        windows=tuple(holding(tx, found, tx.registry.custody(number), now_ms)),
        whys=tuple(tx.findings.whys(asset=number, case=None, limit=WHYS_SHOWN)),
    )


def case(
    tx: Transaction, number: str, *, customer: str | None, legal: LegalActions, counsel: CounselOf, now_ms: int
) -> CasePicture:
    """Raises NotFound."""
    found = tx.cases.by_number(number, customer=customer)
    return CasePicture(
        case=found,
        asset=tx.assets.by_number(found.asset),
        timeline=tuple(tx.cases.timeline(found.id)),
        findings=tuple(tx.findings.firing_of_case(found.id)),
        whys=tuple(tx.findings.whys(asset=None, case=found.id, limit=WHYS_SHOWN)),
        actions=tuple(legal(found)),
        counsel=counsel(found, LiveOf(tx, found.asset, now_ms=now_ms)) if is_open(found) else None,
    )


_INSIDE = frozenset({"escalated", "clock_step", "breach_forecast", "notified", "delivery_given_up"})
"""Codes that are nothing for a customer: whom we called, and how news went out."""


def is_outside(entry: TimelineEntry) -> bool:
    """Whether a customer may read it."""
    return entry.code not in _INSIDE and not entry.parameters.get("internal")


def outside(shown: CasePicture) -> CasePicture:
    """What a customer sees of it: nothing internal, and not why it opened."""
    timeline = tuple(entry for entry in shown.timeline if is_outside(entry))
    return replace(shown, case=case_outside(shown.case), timeline=timeline, whys=())


def case_outside(case: Case) -> Case:
    return replace(case, assignee="", team="")


def is_open(case: Case) -> bool:
    return case.state not in ("closed", "cancelled")


def _cases_by_asset(tx: Transaction, customer: str | None) -> dict[int, list[Case]]:
    cases: dict[int, list[Case]] = {}
    for case in tx.cases.list(CaseFilter(customer=customer, open_only=True, limit=ALL_CASES)):
        cases.setdefault(case.asset, []).append(case)
    return cases


def _matches(asset: Asset, search: str) -> bool:
    facts = asset.facts
    words = f"{asset.key} {facts.hostname} {facts.vendor} {facts.model} {facts.serial} {facts.address}".lower()
    return all(word in words for word in search.lower().split())


def _line(
    asset: Asset, agents: Mapping[int, Agent], cases: Sequence[Case], known: AssetSummary, now_ms: int
) -> FleetLine:
    observers = [agents[number] for number in known.observers if number in agents]
    silent = not any(now_ms - agent.last_seen_ms < SILENT_AFTER_MS for agent in observers)
    return FleetLine(
        asset=asset,
        condition=_condition(cases, known, blind=not known.last_reading_ms or silent or not known.watched),
        open_cases=len(cases),
        watched=known.watched,
        unreadable=known.unreadable,
        last_reading_ms=known.last_reading_ms,
        agents=tuple(agent.hostname or agent.id for agent in observers),
        silent=silent,
    )


def _condition(cases: Sequence[Case], known: AssetSummary, *, blind: bool) -> Condition:
    worst = max((case.severity for case in cases), default=Severity.CLEARED)
    if worst >= Severity.MINOR:
        return Condition(worst.word)
    if blind:
        return Condition.NO_DATA
    return Condition.WATCH if known.firing else Condition.GOOD


def mode_until(asset: Asset) -> int:
    """When joining ends; 0 where it does not by itself."""
    return asset.live_from_ms if asset.mode is AssetMode.JOINING else 0
