"""The picture that `risk.py` judges, put together from the store: stock, depots, what is wanted, what is promised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import CaseFilter, FindingRow, Transaction
from hardcase_collector.domain.priority import Priority, ServiceState
from hardcase_collector.domain.spares import OrderState, Service, SpareFit
from hardcase_collector.parts.fitting import candidates
from hardcase_collector.parts.promised import NEEDS_PART
from hardcase_collector.parts.risk import Demand, Need, Promised, RiskLine, spare_risk
from hardcase_collector.plans.plan import Plan
from hardcase_collector.registry.resolution import entitlement_for, local_day, nowhere

PREDICTED = ("*.predicted", "*.worn")
"""Fault classes of parts that work and announce their end."""
MAX_CASES = 5000
FORECAST_MS = 90 * 86_400_000
"""A part that will be worn out within a quarter of a year is wanted: longer than any vendor takes to send one."""
_HAS_PART = frozenset(OrderState) - {OrderState.REQUESTED, OrderState.CANCELLED}

Wearing = Callable[[Transaction, int], Sequence[tuple[Part, int]]]
"""(transaction, asset) -> parts with the time (ms) at which they will be worn out, where that can be said."""


@dataclass(frozen=True, slots=True)
class _Fits:
    """Answers of the catalogue, read once for the whole picture."""

    fits: Mapping[str, Sequence[SpareFit]]
    known: frozenset[str]
    twins: Mapping[str, tuple[str, ...]]

    def wanted(self, part: Part, asset: Asset) -> tuple[str, ...]:
        return candidates(
            part,
            asset.facts,
            self.fits.get(part.component, ()),
            in_catalogue=self.known.__contains__,
            interchangeable=lambda number: self.twins.get(number, ()),
        )


def outlook(
    tx: Transaction,
    *,
    customer: str | None,
    plans: Mapping[str, Plan],
    now_ms: int,
    within_minutes: int,
    wearing: Wearing = lambda tx, asset: (),
) -> tuple[RiskLine, ...]:
    """`within_minutes`: promises of at most this long are looked after; `plans`: as the sheets say now."""
    fits = _fits(tx)
    shop = _Look(tx, fits, plans, now_ms, within_minutes)
    assets = [asset for asset in tx.assets.all(customer=customer) if not asset.facts.rehearsal]
    places = {asset.id: shop.site(asset) for asset in assets}
    services = _services(tx, {(asset.customer, places[asset.id]) for asset in assets})
    # The stock of all depots: a customer's machines are served from common ones, too.
    stock = tx.spares.stock(customer=None)
    needs: list[Need] = []
    promises: list[Promised] = []
    cases = _open_cases(tx, customer)
    for asset in assets:
        mine = cases.get(asset.id, ())
        needs += shop.of_cases(asset, places[asset.id], mine)
        needs += shop.of_findings(asset, places[asset.id], mine)
        needs += shop.of_wear(asset, places[asset.id], wearing(tx, asset.id))
        promises += shop.promised(asset, places[asset.id])
    return spare_risk(stock, services, needs, promises)


def _fits(tx: Transaction) -> _Fits:
    by_component: dict[str, list[SpareFit]] = {}
    for fit in tx.spares.fits(component=None):
        by_component.setdefault(fit.component, []).append(fit)
    twins: dict[str, list[str]] = {}
    spares = tx.spares.spares()
    for spare in spares:
        for other in spare.interchangeable:
            twins.setdefault(spare.part_number, []).append(other)
    for spare in spares:
        for other in spare.interchangeable:
            twins.setdefault(other, []).append(spare.part_number)
    return _Fits(
        by_component,
        frozenset(spare.part_number for spare in spares),
        {number: tuple(dict.fromkeys(others)) for number, others in twins.items()},
    )


def _services(tx: Transaction, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Sequence[Service]]:
    return {
        (customer, site): [service for _, service in tx.spares.serving(customer=customer, site=site)]
        for customer, site in places
    }


def _open_cases(tx: Transaction, customer: str | None) -> Mapping[int, Sequence[Case]]:
    found: dict[int, list[Case]] = {}
    for case in tx.cases.list(CaseFilter(customer=customer, open_only=True, rehearsal=False, limit=MAX_CASES)):
        found.setdefault(case.asset, []).append(case)
    return found


@dataclass(frozen=True, slots=True)
class _Look:
    tx: Transaction
    fits: _Fits
    plans: Mapping[str, Plan]
    now_ms: int
    within_minutes: int

    def site(self, asset: Asset) -> str:
        custody = self.tx.registry.custody(asset.id)
        return custody.site if custody else ""

    def promise(self, asset: Asset, part: Part, priority: Priority = Priority.P1) -> tuple[str, int]:
        """Plan and minutes of the shortest promise that needs the part; 0 = none as short as asked for."""
        site = self.tx.registry.site(customer=asset.customer, name=self.site(asset)) or nowhere(asset.customer)
        entitlements = self.tx.registry.entitlements(asset.id)
        entitled = entitlement_for(entitlements, part, on=local_day(site, self.now_ms))
        plan = self.plans.get(entitled.plan) if entitled else None
        if plan is None:
            return "", 0
        rows = (plan.promise(kind, priority) for kind in NEEDS_PART)
        minutes = [row.within_s // 60 for row in rows if row and row.within_s]
        shortest = min((one for one in minutes if one <= self.within_minutes), default=0)
        return plan.name, shortest

    def of_cases(self, asset: Asset, site: str, cases: Sequence[Case]) -> Iterator[Need]:
        """Orders that wait, and open cases of broken or dying parts for which none was made yet."""
        for case in cases:
            orders = self.tx.spares.orders_of(case.id)
            waiting = [order.wanted for order in orders if order.state is OrderState.REQUESTED]
            if not waiting and not any(order.state in _HAS_PART for order in orders):
                waiting = [self.fits.wanted(case.part, asset)] if not case.self_clearing else []
            predicted = case.service is ServiceState.PREDICTED or _is_predicted(case.fault_classes)
            plan, minutes = self.promise(asset, case.part, case.priority)
            for wanted in waiting:
                yield Need(
                    demand=Demand.PREDICTED if predicted and not orders else Demand.OPEN,
                    asset=_name(asset),
                    customer=asset.customer,
                    site=site,
                    what=case.number,
                    component=case.part.component,
                    wanted=wanted,
                    priority=case.priority,
                    since_ms=case.opened_ms,
                    within_minutes=minutes,
                    plan=plan,
                )

    def of_findings(self, asset: Asset, site: str, cases: Sequence[Case]) -> Iterator[Need]:
        """Dying parts that have no case: watch items."""
        cased = {case.part.key() for case in cases}
        told: set[str] = set()
        for row in self.tx.findings.of_asset(asset.id, firing=True):
            key = row.part.key()
            if _is_dying(row) and key not in cased and key not in told:
                told.add(key)
                yield self._predicted(asset, site, row.part, row.fault_class, row.since_ms)

    def of_wear(self, asset: Asset, site: str, forecasts: Sequence[tuple[Part, int]]) -> Iterator[Need]:
        """Forecasts within the quarter, of parts that have neither a case nor a finding yet."""
        known = {row.part.key() for row in self.tx.findings.of_asset(asset.id, firing=True)}
        for part, at_ms in forecasts:
            if self.now_ms <= at_ms <= self.now_ms + FORECAST_MS and part.key() not in known:
                yield self._predicted(asset, site, part, f"{part.component}.worn", at_ms)

    def _predicted(self, asset: Asset, site: str, part: Part, what: str, since_ms: int) -> Need:
        plan, minutes = self.promise(asset, part)
        return Need(
            demand=Demand.PREDICTED,
            asset=_name(asset),
            customer=asset.customer,
            site=site,
            what=what,
            component=part.component,
            wanted=self.fits.wanted(part, asset),
            since_ms=since_ms,
            within_minutes=minutes,
            plan=plan,
        )

    def promised(self, asset: Asset, site: str) -> Iterator[Promised]:
        """By the asset's parts, one line per component and model of which the catalogue knows a spare."""
        plan, minutes = self.promise(asset, Part())
        if not minutes:
            return
        parts: dict[str, tuple[str, ...]] = {}
        for _, part, _ in self.tx.assets.inventory(asset.id):
            kind = f"{part.component} {part.model}".strip()
            if kind and kind not in parts:
                parts[kind] = self.fits.wanted(part, asset)
        yield Promised(
            asset=_name(asset),
            customer=asset.customer,
            site=site,
            plan=plan,
            within_minutes=minutes,
            parts={kind: wanted for kind, wanted in parts.items() if wanted},
        )


def _is_dying(row: FindingRow) -> bool:
    return row.firing and row.severity > Severity.CLEARED and not row.rehearsal and _is_predicted((row.fault_class,))


def _is_predicted(fault_classes: Sequence[str]) -> bool:
    return bool(fault_classes) and all(
        any(fnmatchcase(name, pattern) for pattern in PREDICTED) for name in fault_classes
    )


def _name(asset: Asset) -> str:
    return asset.facts.hostname or asset.key
