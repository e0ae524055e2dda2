"""Opens a case: what it is served under is frozen with it, and how urgent it is and whose it is are decided.

Called by `placing.py` for findings and by `reports.py` for what people tell. Where the books cover nothing the plan for
uncovered assets counts; a drill has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

from hardcase_collector.cases.case_file import COLLECTOR, CaseFile
from hardcase_collector.cases.duty import team_for
from hardcase_collector.cases.priorities import ServiceSheet, load_service
from hardcase_collector.domain.advice import Firing
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.customer import Entitlement, Site
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.finding import Fact, Severity
from hardcase_collector.domain.live import LiveOf
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.priority import Importance, Priority, ServiceState
from hardcase_collector.domain.service_terms import CaseTerms
from hardcase_collector.plans.calendar import Year
from hardcase_collector.plans.frozen import FrozenCalendar, FrozenTerms, dump, freeze_calendar
from hardcase_collector.plans.moments import Code
from hardcase_collector.plans.plan import CalendarSheet, Coverage, Plan, PlanBook
from hardcase_collector.plans.priority import priority_of
from hardcase_collector.plans.reader import load_plans
from hardcase_collector.registry.resolution import entitlement_for, local_day, site_of

CHOSEN = "priority_chosen"
"""On the entry `opened`: a person chose the priority."""
UNCOVERED = "out-of-warranty"
"""The plan of what no entitlement covers."""


@dataclass(frozen=True, slots=True)
class TermSheets:
    """What a reload replaces together."""

    plans: PlanBook
    service: ServiceSheet
    uncovered: str = UNCOVERED


@cache
def shipped_sheets() -> TermSheets:
    return TermSheets(load_plans(), load_service())


def load_sheets(paths: Iterable[Path], uncovered: str = UNCOVERED) -> TermSheets:
    """The shipped sheets with the site's. Raises SheetError with every mistake, NotFound for the plan `uncovered`."""
    paths = tuple(paths)
    plans = load_plans(paths)
    if uncovered not in plans.plans:
        raise NotFound(
            "there is no plan {uncovered}; there are {plans}", uncovered=uncovered, plans=sorted(plans.plans)
        )
    return TermSheets(plans, load_service(paths), uncovered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgency:
    priority: Priority
    service: ServiceState
    row: str
    """Of the sheet of service states that decided; "" = a person said so, or none fits."""


class Opening:
    """Holds the sheets alone; what it knows of assets is in the transaction."""

    def __init__(self, sheets: Callable[[], TermSheets] = shipped_sheets) -> None:
        """`sheets`: as they are now; a reload replaces them."""
        self._sheets = sheets

    def open(
        self, tx: Transaction, file: CaseFile, draft: Case, *, now_ms: int, priority: Priority | None = None
    ) -> tuple[Case, dict[str, Fact]]:
        """Stores the case with terms, urgency and team, and returns it with what its entry `opened` should tell.

        The caller enters that as soon as its finding or report is linked to it. `priority`: a person's choice.
        """
        told: dict[str, Fact] = {}
        if not draft.rehearsal:
            site = site_of(tx, tx.assets.by_number(draft.asset))
            urgency = self.urgency(tx, draft, draft.part, draft.fault_classes, now_ms=now_ms)
            team = team_for(tx.clocks.teams(), customer=site.customer, site=site.name, component=draft.part.component)
            draft = replace(
                draft,
                priority=priority or urgency.priority,
                service=urgency.service,
                team=draft.team or (team.name if team else ""),
            )
            told = {"priority": str(draft.priority), "service": str(draft.service), "service_row": urgency.row}
            if priority is not None:
                told[CHOSEN] = True
        case = file.open(draft)
        if not case.rehearsal:
            told |= self._freeze(tx, case, site, now_ms)
        return case, {name: value for name, value in told.items() if value != ""}

    def again(self, tx: Transaction, case: Case, *, now_ms: int) -> None:
        """A case that is opened again keeps its terms; one from before there were any gets them now."""
        if not case.rehearsal and tx.clocks.terms(case.id) is None:
            self._freeze(tx, case, site_of(tx, tx.assets.by_number(case.asset)), now_ms)

    def renew(self, tx: Transaction, case: Case) -> dict[str, Fact]:
        """Its asset became known only now: that asset's terms hold, as they were when the case was opened."""
        kept = tx.clocks.terms(case.id)
        if case.rehearsal or kept is None:
            return {}
        opened = replace(case, priority=kept.priority)
        return self._freeze(tx, opened, site_of(tx, tx.assets.by_number(case.asset)), case.opened_ms)

    def chosen(self, tx: Transaction, case: Case) -> bool:
        """A person chose the priority, now or when he reported the case: nothing changes it by itself."""
        told = tx.clocks.history(case.id, (Code.OPENED, Code.PRIORITY_CHANGED))
        return any(CHOSEN in one.parameters if one.code == Code.OPENED else one.actor != COLLECTOR for one in told)

    def urgency(self, tx: Transaction, case: Case, part: Part, classes: Iterable[str], *, now_ms: int) -> Urgency:
        """By the sheet of service states and the live state of the asset, the case's severity and the books."""
        live = LiveOf(tx, case.asset, now_ms=now_ms)

        def firing() -> Iterable[Firing]:
            return live.firing

        service, row = self._sheets().service.state_of(tuple(classes), part, firing)
        custody = tx.registry.custody(case.asset)
        importance = custody.importance if custody else Importance.NORMAL
        severity = max(case.severity, Severity.WARNING)
        return Urgency(priority=priority_of(severity, service, importance), service=service, row=row)

    def _freeze(self, tx: Transaction, case: Case, site: Site, now_ms: int) -> dict[str, Fact]:
        day = local_day(site, now_ms)
        entitlement = entitlement_for(tx.registry.entitlements(case.asset), case.part, on=day)
        plan, told = self._plan(entitlement)
        frozen = self._frozen(tx, plan, site, day)
        tx.clocks.freeze(
            CaseTerms(
                case=case.id,
                plan=plan.name,
                frozen=dump(frozen),
                priority=case.priority,
                entitlement=None if entitlement is None else entitlement.id,
                vendor="" if entitlement is None else entitlement.vendor,
                contract="" if entitlement is None else entitlement.contract,
                site=site.name,
                entitled_from=None if entitlement is None else entitlement.starts,
                entitled_until=None if entitlement is None else entitlement.ends,
                provisional=frozen.provisional,
            )
        )
        return {"plan": plan.name, "covered": entitlement is not None, **told}

    def _plan(self, entitlement: Entitlement | None) -> tuple[Plan, dict[str, Fact]]:
        """A plan that the books name and no sheet has promises nothing, and says so."""
        plans = self._sheets().plans.plans
        named = self._sheets().uncovered if entitlement is None else entitlement.plan
        if named in plans:
            return plans[named], {}
        empty = Plan(name=named, title={"en": named, "zh": named}, source="", coverage=Coverage())
        return empty, {"plan_unknown": True}

    def _frozen(self, tx: Transaction, plan: Plan, site: Site, day: date) -> FrozenTerms:
        """The year of the report and the next: clocks that run longer ask the almanac when they get there."""
        sheets = self._sheets().plans.calendars
        own = CalendarSheet(country=site.country, subdivision=site.subdivision)
        years = (day.year, day.year + 1)
        named = sorted({promise.calendar for promise in plan.promises} - {"site"})
        return FrozenTerms(
            plan=plan,
            zone=site.time_zone,
            calendar=_calendar(tx, sheets.get(site.calendar, own), years),
            calendars={name: _calendar(tx, sheets[name], years) for name in named},
        )


def _calendar(tx: Transaction, sheet: CalendarSheet, years: tuple[int, ...]) -> FrozenCalendar:
    return freeze_calendar(sheet, imported_years(tx, sheet), years)


def imported_years(tx: Transaction, sheet: CalendarSheet) -> Mapping[int, Year]:
    """What was imported for the country of this sheet; the sheet's own years go before it."""
    if not sheet.country:
        return {}
    known = tx.clocks.known_years(sheet.country, sheet.subdivision)
    return {
        one.year: Year(frozenset(one.days_off), frozenset(one.workdays)) for one in known if one.year not in sheet.years
    }
