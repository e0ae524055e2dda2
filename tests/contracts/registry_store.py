"""What every RegistryStore must do, whatever database it stands on. A subclass gives a fixture `store`: open, empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hardcase_collector.domain.customer import Contact, ContactScope, Custody, Customer, Entitlement, Site
from hardcase_collector.domain.errors import NotFound, StoreFailed
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.priority import Importance

from tests.contracts.state_store import an_agent, an_asset

NORTH = Customer(name="north", title="North AG")
SOUTH = Customer(name="south", title="南方", language="zh")
SITE = Site(
    customer="north", name="ber1", title="Berlin 1", time_zone="Europe/Berlin", country="DE", address="Gate 3\nBerlin"
)
CONTACT = Contact(
    id=0, customer="north", scope=ContactScope.SITE, subject="ber1", name="Ada", mail="ada@north.example", phone="+49"
)


def an_entitlement(asset: int, **given: object) -> Entitlement:
    usual = Entitlement(
        id=0,
        asset=asset,
        part="",
        plan="gold-7x24x4",
        vendor="dell",
        starts=date(2026, 1, 1),
        ends=date(2026, 12, 31),
        price=Decimal("1400.50"),
        currency="CNY",
        contract="C-1",
    )
    return replace(usual, **given)  # type: ignore[arg-type]  # fields by name


def two_customers(tx: Transaction) -> tuple[int, int]:
    """One asset each, the same names wherever names may repeat."""
    numbers = []
    for customer, serial in ((NORTH, "7ABC123"), (SOUTH, "9XYZ987")):
        tx.registry.save_customer(customer)
        tx.registry.save_site(replace(SITE, customer=customer.name))
        tx.registry.save_contact(replace(CONTACT, customer=customer.name))
        asset = an_asset(tx, key=f"dell|{serial}", customer=customer.name).id
        tx.registry.save_custody(
            Custody(asset=asset, site="ber1", rack="R1", group="web", feeds=("pdu-a",), tags=("shop",))
        )
        tx.registry.save_entitlement(an_entitlement(asset))
        numbers.append(asset)
    return numbers[0], numbers[1]


class RegistryContract:
    def test_customers_sites_and_contacts_come_back_as_they_went_in(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.registry.save_customer(SOUTH)
            tx.registry.save_customer(NORTH)
            tx.registry.save_site(SITE)
            kept = tx.registry.save_contact(CONTACT)
        with store.read() as seen:
            assert list(seen.registry.customers(customer=None)) == [NORTH, SOUTH]
            assert seen.registry.customer("south") == SOUTH
            assert seen.registry.customer("east") is None
            assert seen.registry.site(customer="north", name="ber1") == SITE
            assert list(seen.registry.contacts(customer=None)) == [kept]
            assert kept == replace(CONTACT, id=kept.id)

    def test_what_is_saved_again_is_changed_and_not_doubled(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.registry.save_customer(NORTH)
            tx.registry.save_customer(replace(NORTH, title="North SE"))
            tx.registry.save_site(SITE)
            tx.registry.save_site(replace(SITE, country="AT"))
            kept = tx.registry.save_contact(CONTACT)
            tx.registry.save_contact(replace(kept, phone="+43", may_consent=False))
        with store.read() as seen:
            assert [one.title for one in seen.registry.customers(customer=None)] == ["North SE"]
            assert [one.country for one in seen.registry.sites(customer="north")] == ["AT"]
            assert [(one.phone, one.may_consent) for one in seen.registry.contacts(customer="north")] == [
                ("+43", False)
            ]

    def test_a_contact_is_not_kept_twice_under_one_name(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.registry.save_customer(NORTH)
            tx.registry.save_contact(CONTACT)
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.registry.save_contact(CONTACT)

    def test_what_is_removed_is_gone_and_removed_twice_is_told(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.registry.save_customer(NORTH)
            tx.registry.save_site(SITE)
            kept = tx.registry.save_contact(CONTACT)
            asset = an_asset(tx).id
            entitled = tx.registry.save_entitlement(an_entitlement(asset))
            tx.registry.remove_contact(kept.id)
            tx.registry.remove_site(customer="north", name="ber1")
            tx.registry.remove_entitlement(entitled.id)
            assert not tx.registry.contacts(customer=None)
            assert not tx.registry.sites(customer=None)
            assert not tx.registry.entitlements(asset)
            with pytest.raises(NotFound):
                tx.registry.remove_contact(kept.id)
            with pytest.raises(NotFound):
                tx.registry.remove_site(customer="north", name="ber1")
            with pytest.raises(NotFound):
                tx.registry.remove_entitlement(entitled.id)
            with pytest.raises(NotFound):
                tx.registry.save_contact(kept)
            with pytest.raises(NotFound):
                tx.registry.save_entitlement(entitled)

    def test_custody_comes_back_whole_and_is_replaced_whole(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx).id
            bare = Custody(asset=asset)
            full = Custody(
                asset=asset,
                site="ber1",
                rack="R07",
                unit=12,
                feeds=("pdu-a", "pdu-b"),
                group="web",
                tags=("pci", "shop"),
                importance=Importance.HIGH,
                installed=date(2024, 2, 29),
            )
            assert tx.registry.custody(asset) is None
            tx.registry.save_custody(full)
            assert tx.registry.custody(asset) == full
            assert list(tx.registry.custodies(customer="north")) == [full]
            tx.registry.save_custody(bare)
            assert tx.registry.custody(asset) == bare
            tx.registry.remove_custody(asset)
            assert tx.registry.custody(asset) is None

    def test_entitlements_keep_their_dates_and_their_price_to_the_last_digit(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx).id
            kept = tx.registry.save_entitlement(an_entitlement(asset, price=Decimal("0.10")))
            free = tx.registry.save_entitlement(an_entitlement(asset, part="disk", price=None))
            changed = tx.registry.save_entitlement(replace(kept, ends=date(2027, 12, 31)))
        with store.read() as seen:
            assert list(seen.registry.entitlements(asset)) == [changed, free]
            assert str(changed.price) == "0.10"
            assert seen.registry.entitlement(free.id, customer="north").price is None

    def test_entitlements_that_end_between_two_days_are_listed_the_soonest_first(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx).id
            for part, ends in (("", date(2026, 3, 31)), ("disk", date(2026, 3, 1)), ("psu", date(2026, 4, 1))):
                tx.registry.save_entitlement(an_entitlement(asset, part=part, ends=ends))
            found = tx.registry.entitlements_ending(customer=None, first=date(2026, 3, 1), last=date(2026, 3, 31))
            assert [one.part for one in found] == ["disk", ""]

    def test_assets_are_found_by_where_they_stand(self, store: StateStore) -> None:
        with store.write() as tx:
            north, south = two_customers(tx)
            other = an_asset(tx, key="dell|OTHER55").id
            tx.registry.save_custody(Custody(asset=other, site="ber1", rack="R2", feeds=("pdu-a", "pdu-b")))
            where = tx.registry.assets_where
            assert list(where(customer=None, site="ber1")) == [north, south, other]
            assert list(where(customer="north", site="ber1")) == [north, other]
            assert list(where(customer="north", site="ber1", rack="R1")) == [north]
            assert list(where(customer="north", feed="pdu-b")) == [other]
            assert list(where(customer="south", tag="shop", group="web")) == [south]
            assert list(where(customer="south", site="elsewhere")) == []

    def test_of_one_customer_nothing_of_another_is_found(self, store: StateStore) -> None:
        with store.write() as tx:
            north, south = two_customers(tx)
        with store.read() as seen:
            books = seen.registry
            assert [one.name for one in books.customers(customer="north")] == ["north"]
            assert {one.customer for one in books.sites(customer="north")} == {"north"}
            assert {one.customer for one in books.contacts(customer="north")} == {"north"}
            assert {one.asset for one in books.custodies(customer="north")} == {north}
            assert {one.asset for one in books.entitlements_of(customer="north")} == {north}
            ending = books.entitlements_ending(customer="north", first=date(2026, 1, 1), last=date(2026, 12, 31))
            assert {one.asset for one in ending} == {north}
            theirs = books.entitlements(south)[0].id
            assert books.entitlement(theirs, customer="south").asset == south
            with pytest.raises(NotFound):
                books.entitlement(theirs, customer="north")

    def test_names_that_the_books_do_not_know_are_told(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.registry.save_customer(NORTH)
            an_asset(tx)
            an_asset(tx, key="dell|OTHER55", customer="stray")
            an_agent(tx, customer="drifter")
            assert list(tx.registry.customers_not_in_books()) == ["drifter", "stray"]
