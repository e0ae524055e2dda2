"""Books for desks under test: an asset of customer "north" in Shanghai under a plan, and a team on duty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.clockwork import clocks_of
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case, TimelineEntry
from hardcase_collector.domain.customer import Custody, Customer, Entitlement, Site
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.priority import Importance
from hardcase_collector.domain.service_terms import CaseClock, CaseTerms, Team
from hardcase_collector.plans.clocks import ClockState
from hardcase_collector.plans.plan import ClockKind

from tests.unit.collector.cases.bench import Bench

FIELD = Team(
    name="field",
    title="Field service",
    zone="Asia/Shanghai",
    people=("wang", "zhao", "sun"),
    manager="chen",
    default=True,
    since=date(2026, 11, 23),
)


def covered(
    bench: Bench,
    plan: str = "gold-7x24x4",
    *,
    asset: Asset | None = None,
    part: str = "",
    starts: date = date(2026, 1, 1),
    ends: date = date(2028, 12, 31),
    importance: Importance = Importance.NORMAL,
    country: str = "CN",
) -> Asset:
    """An asset in the books; with `asset`, one more entitlement of it."""
    known = asset or bench.asset()
    with bench.store.write() as tx:
        if asset is None:
            tx.registry.save_customer(Customer(name="north", title="North"))
            tx.registry.save_site(
                Site(customer="north", name="sh1", title="Shanghai 1", time_zone="Asia/Shanghai", country=country)
            )
            tx.registry.save_custody(Custody(asset=known.id, site="sh1", rack="A01", importance=importance))
        tx.registry.save_entitlement(
            Entitlement(id=0, asset=known.id, part=part, plan=plan, vendor="Dell", starts=starts, ends=ends)
        )
    return known


def staffed(bench: Bench, team: Team = FIELD, **changes: object) -> Team:
    made = replace(team, **changes)  # type: ignore[arg-type]  # field names given by the test
    with bench.store.write() as tx:
        tx.clocks.save_team(made)
    return made


def told(bench: Bench, *codes: str, case: Case | None = None) -> Sequence[TimelineEntry]:
    """Entries of these codes, oldest first."""
    with bench.store.read() as tx:
        return tx.clocks.history((case or bench.only_case()).id, codes)


def row(bench: Bench) -> CaseClock | None:
    with bench.store.read() as tx:
        return tx.clocks.clock(bench.only_case().id)


def terms(bench: Bench) -> CaseTerms | None:
    with bench.store.read() as tx:
        return tx.clocks.terms(bench.only_case().id)


def happen(bench: Bench, code: str, at: int, actor: str = "li", **parameters: Fact) -> Case:
    """An entry on the newest case, as some service writes it."""
    with bench.store.write() as tx:
        file = CaseFile(tx, bench.announcements)
        return file.change(tx.cases.get(bench.cases()[-1].id), code, Occasion(now_ms=at, actor=actor), parameters)


def clock_states(bench: Bench, at: int) -> Mapping[tuple[ClockKind, int], ClockState]:
    """By kind and round."""
    with bench.store.read() as tx:
        found = clocks_of(tx, tx.cases.get(bench.only_case().id), at)
    return {(clock.kind, clock.round): clock.state for clock in found}
