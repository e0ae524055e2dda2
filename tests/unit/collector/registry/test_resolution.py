"""What the books say of one case: which entitlement, which contacts, which site."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.customer import Contact, ContactScope, Cover, Custody, Entitlement
from hardcase_collector.registry import resolution

from tests.contracts.registry_store import NORTH, SITE, an_entitlement
from tests.contracts.state_store import an_asset
from tests.fakes.empty_store import empty_store

DISK = Part(component="disk", slot="3", model="ST4000", serial="ZC1")
DAY = date(2026, 6, 1)


def entitlements(*parts: str) -> list[Entitlement]:
    return [an_entitlement(1, id=number, part=part) for number, part in enumerate(parts, 1)]


@pytest.mark.parametrize(
    ("parts", "wins"),
    [
        (("", "disk", DISK.place(), DISK.key()), DISK.key()),
        (("", "disk", DISK.place()), DISK.place()),
        (("disk", "", "psu"), "disk"),
        (("", "psu", "disk:OTHER|X9"), ""),
    ],
)
def test_the_nearest_entitlement_wins(parts: tuple[str, ...], wins: str) -> None:
    found = resolution.entitlement_for(entitlements(*parts), DISK, on=DAY)
    assert found is not None
    assert found.part == wins


def test_without_one_that_concerns_the_part_it_is_uncovered() -> None:
    assert resolution.entitlement_for(entitlements("psu"), DISK, on=DAY) is None
    assert resolution.cover_of(entitlements("psu"), DISK, on=DAY) is Cover.UNCOVERED


def test_both_its_first_and_its_last_day_are_covered() -> None:
    one = an_entitlement(1)
    for day, cover in (
        (date(2025, 12, 31), Cover.NOT_YET),
        (date(2026, 1, 1), Cover.COVERED),
        (date(2026, 12, 31), Cover.COVERED),
        (date(2027, 1, 1), Cover.EXPIRED),
    ):
        assert resolution.cover_of([one], DISK, on=day) is cover
        assert (resolution.entitlement_for([one], DISK, on=day) == one) is (cover is Cover.COVERED)


def test_a_nearer_one_that_is_over_does_not_hide_the_one_of_the_asset() -> None:
    over = an_entitlement(1, id=1, part="disk", ends=date(2026, 2, 1))
    whole = an_entitlement(1, id=2)
    assert resolution.entitlement_for([over, whole], DISK, on=DAY) == whole


def test_of_two_equally_near_the_one_that_began_last_counts() -> None:
    old, new = an_entitlement(1, id=1), an_entitlement(1, id=2, plan="silver", starts=date(2026, 5, 1))
    assert resolution.entitlement_for([new, old], DISK, on=DAY) == new


def contact(scope: ContactScope, subject: str, name: str, customer: str = "north") -> Contact:
    return Contact(id=0, customer=customer, scope=scope, subject=subject, name=name)


ALL = [
    contact(ContactScope.CUSTOMER, "", "boss"),
    contact(ContactScope.SITE, "ber1", "site"),
    contact(ContactScope.GROUP, "web", "group"),
    contact(ContactScope.ASSET, "dell|7ABC123", "own"),
    contact(ContactScope.ASSET, "dell|7ABC123", "stranger", customer="south"),
]


@pytest.mark.parametrize(("left_out", "told"), [(0, ["own"]), (1, ["group"]), (2, ["site"]), (3, ["boss"]), (4, [])])
def test_contacts_are_those_of_the_nearest_scope_that_has_any(left_out: int, told: list[str], tmp_path: Path) -> None:
    order = list(ContactScope)
    some = [one for one in ALL if one.scope not in order[:left_out]]
    store = empty_store(tmp_path / "state.db")
    with store.write() as tx:
        asset = an_asset(tx)
    store.close()
    custody = Custody(asset=asset.id, site="ber1", group="web")
    assert [one.name for one in resolution.contacts_for(some, asset=asset, custody=custody)] == told


def test_an_asset_outside_the_books_has_its_customers_contacts_and_no_site(tmp_path: Path) -> None:
    store = empty_store(tmp_path / "state.db")
    with store.write() as tx:
        tx.registry.save_customer(NORTH)
        tx.registry.save_site(SITE)
        for one in ALL:
            if one.customer == "north":
                tx.registry.save_contact(one)
        asset = an_asset(tx, key="dell|OTHER55")
        assert [one.name for one in resolution.contacts_of(tx, asset)] == ["boss"]
        site = resolution.site_of(tx, asset)
        assert (site.name, site.time_zone, site.country) == ("", "UTC", "")
        tx.registry.save_custody(Custody(asset=asset.id, site="ber1"))
        assert resolution.site_of(tx, asset) == SITE
        assert [one.name for one in resolution.contacts_of(tx, asset)] == ["site"]
    store.close()


def test_the_day_of_an_entitlement_is_the_sites() -> None:
    midnight_in_utc = 1_780_272_000_000  # 2026-06-01 00:00 UTC
    assert resolution.local_day(SITE, midnight_in_utc - 1) == date(2026, 6, 1)
    assert resolution.local_day(replace(SITE, time_zone="America/New_York"), midnight_in_utc) == date(2026, 5, 31)


def test_what_runs_out_is_told_unless_a_later_one_goes_on() -> None:
    ending = an_entitlement(1, id=1, ends=date(2026, 6, 30))
    renewed = an_entitlement(1, id=2, starts=date(2026, 7, 1), ends=date(2027, 6, 30))
    later = an_entitlement(1, id=3, part="disk", ends=date(2026, 7, 30))
    gap = replace(renewed, starts=date(2026, 7, 2))
    told = resolution.ending_within
    assert told([ending, later], on=DAY, days=30) == (ending,)
    assert told([ending, later], on=DAY, days=60) == (ending, later)
    assert told([ending, renewed, later], on=DAY, days=30) == ()
    assert told([ending, gap], on=DAY, days=30) == (ending,)
    assert told([ending], on=date(2026, 7, 1), days=30) == ()
