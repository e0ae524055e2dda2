"""A bench with places, windows and the shipped storms. Used by the tests of windows, storms and silence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.windows import Target, Windows
from hardcase_collector.desks import case_actions
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Asset, AssetFacts, AssetMode
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.customer import Custody, Customer, Site
from hardcase_collector.domain.noise import STORM_GROUP, Breadth, PlannedWindow, StormKind
from hardcase_collector.domain.ports import StateStore
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.unit.collector.cases.bench import DAY, NOON, Bench

KINDS = load_sheets().storms
LI = Actor(name="li", role=Role.DISPATCHER, customer=None)
_KEYS = itertools.count(1)


@dataclass
class Noisy(Bench):
    kinds: Sequence[StormKind] = KINDS
    windows: Windows = field(default_factory=Windows)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.desk = CaseDesk(self.announcements, self.settings, joins=lambda: self.joins, storms=lambda: self.kinds)
        self.actions = case_actions(
            self.announcements, self.settings, joins=lambda: self.joins, storms=lambda: self.kinds
        )

    def machine(
        self,
        site: str = "",
        rack: str = "",
        *,
        customer: str = "north",
        feeds: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
    ) -> Asset:
        """A live asset; in the books where a site is given."""
        key = f"dell|S{next(_KEYS)}"
        with self.store.write() as tx:
            asset = tx.assets.add(
                key=key,
                basis="serial",
                facts=AssetFacts(vendor="Dell", serial=key),
                customer=customer,
                mode=AssetMode.LIVE,
                joined_ms=NOON - DAY,
                live_from_ms=NOON - DAY,
            )
            if site or rack or feeds or tags:
                self._found(tx, customer, site)
                tx.registry.save_custody(Custody(asset=asset.id, site=site, rack=rack, feeds=feeds, tags=tags))
        return asset

    def _found(self, tx, customer: str, site: str) -> None:  # type: ignore[no-untyped-def]  # any transaction
        if tx.registry.customer(customer) is None:
            tx.registry.save_customer(Customer(name=customer, title=customer))
        if site and tx.registry.site(customer=customer, name=site) is None:
            tx.registry.save_site(
                Site(customer=customer, name=site, title=site, time_zone="Asia/Shanghai", country="CN")
            )

    def open_now(
        self, breadth: Breadth, name: str, *, at: int = NOON, hours: float = 2, by: Actor = LI
    ) -> PlannedWindow:
        with self.store.write() as tx:
            return self.windows.open_now(
                tx,
                Target(breadth=breadth, customer="north", name=name),
                id=at.to_bytes(8, "big") * 2,
                reason="fans",
                by=by,
                now_ms=at,
                lasts_ms=int(hours * 3_600_000),
            )

    def end(self, window: PlannedWindow, *, at: int, for_good: bool = False) -> None:
        with self.store.write() as tx:
            self.windows.end(tx, window.id.hex(), for_good=for_good, by=LI, now_ms=at)

    def deliver(self, at: int = NOON) -> None:
        """Everything that is owed goes out."""
        with self.store.write() as tx:
            while rows := tx.outbox.claim(owner="hook", now_ms=at, lease_ms=1000, limit=500):
                for row in rows:
                    tx.outbox.delivered(row.id, owner="hook", at_ms=at)

    def owed(self) -> list[tuple[int, int]]:
        """(case, version) of everything that is owed or went out."""
        with self.store.read() as tx:
            return [(row.case, row.version) for case in self.cases() for row in tx.outbox.of_case(case.id)]

    def storm(self) -> Case:
        (found,) = self.storms()
        return found

    def storms(self) -> list[Case]:
        return [case for case in self.cases() if case.repair_group == STORM_GROUP]

    def faults(self) -> list[Case]:
        return [case for case in self.cases() if case.repair_group != STORM_GROUP]

    def told(self) -> list[tuple[str, str]]:
        """(number, code) of everything that was announced."""
        return [(news.case.number, news.entry.code) for news in self.announcements.news]


def noisy(store: StateStore, kinds: Sequence[StormKind] = KINDS) -> Noisy:
    return Noisy(store, kinds=kinds)
