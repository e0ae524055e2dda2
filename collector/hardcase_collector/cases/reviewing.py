"""What plans would have meant for the cases of a year, and what they cost: for an asset, a customer or the fleet.

Called by the control socket and the pages within a read transaction. Each clock is held against what happened by
`plans/hindsight.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hardcase_collector.cases.clockwork import MOVING
from hardcase_collector.cases.opening import TermSheets
from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.plans.almanac import calendar_of
from hardcase_collector.plans.frozen import terms_of
from hardcase_collector.plans.hindsight import CaseBefore, Tally, hindsight
from hardcase_collector.plans.plan import Plan

_DAY_MS = 86_400_000
MOST_CASES = 2000
"""The newest so many: a case under a plan takes some milliseconds, and somebody waits for the answer."""


@dataclass(frozen=True, slots=True)
class Scope:
    customer: str | None
    """None: every customer."""
    asset: int | None = None
    days: int = 365


@dataclass(frozen=True, slots=True)
class Paid:
    """What is paid now for a plan in the scope, of entitlements that have a price."""

    entitlements: int
    amounts: Mapping[str, str]
    """Currency -> sum, a decimal."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    cases: int
    left_out: int
    """Older ones beyond what is looked at."""
    clocks: Mapping[str, Mapping[str, Tally]]
    """Plan -> clock -> how it would have gone."""
    paid: Mapping[str, Paid]
    """Plan -> what the books say is paid for it."""


class Review:
    def __init__(self, sheets: TermSheets) -> None:
        self._sheets = sheets

    def compare(self, tx: Transaction, names: Sequence[str], scope: Scope, *, by: Actor, now_ms: int) -> Reviewed:
        """Raises NotFound for a plan that no sheet has, NotAllowed."""
        require(by, Deed.COMPARE_PLANS)
        plans = [self._plan(name) for name in dict.fromkeys(names)]
        customer = by.customer if by.customer is not None else scope.customer
        found = tx.clocks.terms_since(now_ms - scope.days * _DAY_MS, customer=customer, asset=scope.asset)
        looked_at = found[-MOST_CASES:]

        def cases() -> Iterator[CaseBefore]:
            for case, kept in looked_at:
                yield tx.clocks.history(case.id, MOVING), terms_of(kept)

        calendars = {name: calendar_of(sheet) for name, sheet in self._sheets.plans.calendars.items()}
        tallies = hindsight(plans, cases(), now_ms, calendars)
        return Reviewed(
            cases=len(looked_at),
            left_out=len(found) - len(looked_at),
            clocks={name: {str(kind): tally for kind, tally in clocks.items()} for name, clocks in tallies.items()},
            paid={plan.name: self._paid(tx, plan, customer, scope.asset) for plan in plans},
        )

    def _plan(self, name: str) -> Plan:
        plans = self._sheets.plans.plans
        if name not in plans:
            raise NotFound("no plan {name}; there are {plans}", name=name, plans=sorted(plans))
        return plans[name]

    def _paid(self, tx: Transaction, plan: Plan, customer: str | None, asset: int | None) -> Paid:
        entitlements = (
            tx.registry.entitlements_of(customer=customer) if asset is None else tx.registry.entitlements(asset)
        )
        mine = [one for one in entitlements if one.plan == plan.name]
        amounts: dict[str, Decimal] = {}
        for one in mine:
            if one.price is not None:
                amounts[one.currency] = amounts.get(one.currency, Decimal(0)) + one.price
        return Paid(len(mine), {currency: str(amount) for currency, amount in amounts.items()})
