"""What a case is served under, as repairs ask: what is free and until when, which reasons may pause clocks. Pure.

Out of the terms frozen with the case (`plans/frozen.py`); a part other than the case's own has its own entitlement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.plans.frozen import terms_of
from hardcase_collector.plans.plan import Coverage, PauseReason, Plan
from hardcase_collector.registry.resolution import entitlement_for, local_day, site_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """`coverage` None: there is no plan at all, as for a drill."""

    plan: str = ""
    title: Mapping[str, str] = field(default_factory=dict)
    """What the plan is called, by language."""
    coverage: Coverage | None = None
    entitled: bool = False
    """False: it is the plan for what nothing covers; it may still help from afar for free."""
    starts: date | None = None
    """First day of the entitlement."""
    ends: date | None = None
    purchased: date | None = None
    """From which years of free parts, labour and visits count."""
    vendor: str = ""
    contract: str = ""
    pauses: frozenset[PauseReason] = frozenset()
    """Reasons that any promise of the plan allows."""


PlanNamed = Callable[[str], Plan | None]
"""A plan of the sheets as they are now, by its name."""


def served(tx: Transaction, case: Case) -> Served:
    """By the terms that were frozen when the case was opened."""
    kept = tx.clocks.terms(case.id)
    if kept is None:
        return Served()
    plan = terms_of(kept).plan
    if kept.entitlement is None:
        return Served(plan=plan.name, title=plan.title, coverage=plan.coverage, pauses=_pauses(plan))
    custody = tx.registry.custody(case.asset)
    return Served(
        plan=plan.name,
        title=plan.title,
        coverage=plan.coverage,
        entitled=True,
        starts=kept.entitled_from,
        ends=kept.entitled_until,
        purchased=(custody.installed if custody else None) or kept.entitled_from,
        vendor=kept.vendor,
        contract=kept.contract,
        pauses=_pauses(plan),
    )


def served_part(tx: Transaction, case: Case, part: Part, plan_named: PlanNamed, *, now_ms: int) -> Served:
    """For a part other than the case's own: by its own entitlement today."""
    if part.key() == case.part.key() or not part.component:
        return served(tx, case)
    asset = tx.assets.by_number(case.asset)
    today = local_day(site_of(tx, asset), now_ms)
    entitlement = entitlement_for(tx.registry.entitlements(asset.id), part, on=today)
    plan = plan_named(entitlement.plan) if entitlement else None
    if entitlement is None or plan is None:
        return Served()
    custody = tx.registry.custody(asset.id)
    return Served(
        plan=plan.name,
        title=plan.title,
        coverage=plan.coverage,
        entitled=True,
        starts=entitlement.starts,
        ends=entitlement.ends,
        purchased=(custody.installed if custody else None) or entitlement.starts,
        vendor=entitlement.vendor,
        contract=entitlement.contract,
        pauses=_pauses(plan),
    )


def _pauses(plan: Plan) -> frozenset[PauseReason]:
    return frozenset(reason for promise in plan.promises for reason in promise.pauses)
