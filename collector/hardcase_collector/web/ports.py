"""What the pages and the control socket need of the rest: joined by `app.py`, faked in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hardcase_collector.cases.attachments import Attachments
from hardcase_collector.cases.calendars import Calendars
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.opening import TermSheets, shipped_sheets
from hardcase_collector.cases.precision import Precision
from hardcase_collector.cases.reports import Reports
from hardcase_collector.cases.rotas import Rotas
from hardcase_collector.cases.windows import Windows
from hardcase_collector.diagnostics.asking import Diagnostics
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, CaseAction, Outcome
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.parts.house import SpareHouse
from hardcase_collector.parts.orders import PartOrders
from hardcase_collector.registry.written import World
from hardcase_collector.service.desk import ServiceDesk
from hardcase_collector.web.picture import CounselOf, ReadingsOf


class CaseActions(Protocol):
    """What people may do with cases; each call within the caller's write transaction. All raise NotAllowed."""

    def legal(self, case: Case, *, by: Actor) -> Sequence[CaseAction]:
        """What the workflow table allows him now."""

    def acknowledge(self, tx: Transaction, case: Case, *, by: Actor, now_ms: int) -> None: ...

    def note(self, tx: Transaction, case: Case, *, by: Actor, text: str, now_ms: int, internal: bool = False) -> None:
        """`internal`: never shown to the customer."""

    def act(
        self,
        tx: Transaction,
        case: Case,
        action: CaseAction,
        *,
        by: Actor,
        reason: str,
        now_ms: int,
        outcome: Outcome = Outcome.UNKNOWN,
        duplicate_of: str = "",
    ) -> None:
        """Closing needs an outcome, a duplicate the other case's number. Raises IllegalAction, NotFound."""

    def settle_joining(
        self, tx: Transaction, asset: int, *, open_cases: bool, by: Actor, reason: str, now_ms: int
    ) -> int:
        """Accepts all that was found at joining as baseline, or opens it; the asset is live then. How many findings."""

    def settle_finding(
        self, tx: Transaction, finding: int, *, open_case: bool, by: Actor, reason: str, now_ms: int
    ) -> None:
        """The same for one line of the list. Raises IllegalAction where there is nothing to decide about it."""


Titles = Callable[[str, str], str]
"""(fault class, language) -> its title; the class itself where no sheet names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Everything behind the counter."""

    store: StateStore
    actions: CaseActions
    readings: ReadingsOf
    title: Titles
    group: Titles = lambda name, _: name
    """(repair group, language) -> its title."""
    counsel: CounselOf = lambda case, live: None
    books_world: Callable[[], World] = lambda: World(plans=())
    """What the books may name: plans, calendars, countries."""
    handling: Handling | None = None
    """Whose a case is, how urgent, what was agreed, why its clocks stand still."""
    service: ServiceDesk | None = None
    """Proposals, quotes, visits, site access, vendors, service reports, follow-ups, links without login."""
    orders: PartOrders | None = None
    """Spare parts for a case."""
    spares: SpareHouse | None = None
    """Depots, stock, catalogue, orders and spare risk."""
    reports: Reports | None = None
    """What people tell becomes a case."""
    attachments: Attachments | None = None
    """Files on cases."""
    diagnostics: Diagnostics | None = None
    """What is asked of agents."""
    confidence: Callable[[Iterable[str]], Sequence[Precision]] = lambda rules: ()
    """How often these rules were right, of late."""
    windows: Windows = Windows()
    calendars: Calendars | None = None
    """Official years of countries as they become known."""
    rotas: Rotas = Rotas()
    """Teams and who is on duty."""
    terms: Callable[[], TermSheets] = shipped_sheets
    """Plans and service states as the sheets say now."""
    clock_ms: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What /readyz and /metrics ask; each call is quick and may be made from any thread."""

    reasons: Callable[[], Sequence[str]]
    """Why this collector is not ready; empty = it is."""
    alive: Callable[[], bool]
    gauges: Callable[[], Mapping[str, float]]
    """Metric name (without prefix) -> value, see `metrics.GAUGES`."""
