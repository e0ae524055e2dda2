"""The books as files have them: five kinds of rows, each known by its natural key. Shared by the modules beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hardcase_collector.domain.asset import AssetFacts
from hardcase_collector.domain.customer import Contact, Custody, Customer, Entitlement, Site
from hardcase_collector.domain.state_store import Transaction
from hardcase_collector.sheets.table import Table


class Kind(StrEnum):
    """In the order in which rows are read and applied: later kinds name rows of earlier ones."""

    CUSTOMER = "customer"
    SITE = "site"
    ASSET = "asset"
    CONTACT = "contact"
    ENTITLEMENT = "entitlement"


COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    Kind.CUSTOMER: ("name", "title", "language"),
    Kind.SITE: (
        "customer", "name", "title", "time_zone", "country", "subdivision", "calendar", "address", "depot",
    ),
    Kind.ASSET: (
        "asset", "customer", "vendor", "model", "serial", "node", "kind", "site", "rack", "unit", "feeds", "group",
        "tags", "importance", "installed",
    ),
    Kind.CONTACT: ("customer", "scope", "subject", "name", "mail", "phone", "language", "may_consent"),
    Kind.ENTITLEMENT: (
        "asset", "part", "plan", "vendor", "starts", "ends", "price", "currency", "contract",
    ),
}  # fmt: skip
"""The header of each kind's CSV file, and the keys of its TOML tables."""

FILES: Mapping[Kind, str] = {
    Kind.CUSTOMER: "customers",
    Kind.SITE: "sites",
    Kind.ASSET: "assets",
    Kind.CONTACT: "contacts",
    Kind.ENTITLEMENT: "entitlements",
}
"""Stem of each kind's CSV file."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An asset with what the books say of it."""

    key: str
    customer: str
    facts: AssetFacts
    """Of an asset that no agent has seen: what the books say; else what its hardware says."""
    custody: Custody
    """Its number is 0: numbers are the store's."""
    seen: bool = False
    """By an agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """An entitlement by the key of its asset."""

    key: str
    entitlement: Entitlement
    """Its numbers are 0."""


Line = Customer | Site | Booked | Contact | Entitled


@dataclass(slots=True)
class Books:
    """All lines of all kinds, by natural key."""

    lines: dict[Kind, dict[Key, Line]] = field(default_factory=lambda: {kind: {} for kind in Kind})

    def put(self, line: Line) -> None:
        kind, key = place_of(line)
        self.lines[kind][key] = line

    def assets(self) -> Iterator[Booked]:
        return (line for line in self.lines[Kind.ASSET].values() if isinstance(line, Booked))

    def asset(self, key: str) -> Booked | None:
        line = self.lines[Kind.ASSET].get((key,))
        return line if isinstance(line, Booked) else None

    def has_site(self, customer: str, name: str) -> bool:
        return (customer, name) in self.lines[Kind.SITE]

    def copy(self) -> Books:
        return Books({kind: dict(lines) for kind, lines in self.lines.items()})


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was written: only what it gives. What it leaves out stays as the books have it."""

    kind: Kind
    key: Key
    values: Mapping[str, object]
    """Fields by their names in `COLUMNS`, of their types."""
    table: Table
    """Where a mistake in it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the books may name and are not themselves; joined by the composition."""

    plans: Collection[str]
    calendars: Collection[str] = ()
    country_trouble: Callable[[str, str], str] = lambda country, subdivision: ""
    """(country, subdivision) -> "" or what is wrong with them."""


def place_of(line: Line) -> tuple[Kind, Key]:
    match line:
        case Customer():
            return Kind.CUSTOMER, (line.name,)
        case Site():
            return Kind.SITE, (line.customer, line.name)
        case Booked():
            return Kind.ASSET, (line.key,)
        case Contact():
            return Kind.CONTACT, (line.customer, line.scope.value, line.subject, line.name)
        case Entitled():
            held = line.entitlement
            return Kind.ENTITLEMENT, (line.key, held.part, held.plan, held.starts.isoformat())


def customer_of(line: Line, books: Books) -> str:
    """Whose line it is; "" where that cannot be told."""
    match line:
        case Customer():
            return line.name
        case Entitled():
            asset = books.asset(line.key)
            return asset.customer if asset else ""
        case _:
            return line.customer


def stored_books(tx: Transaction, *, customer: str | None) -> Books:
    """What the store has. Assets not in the books are left out, and so are those that stand for unknown ones."""
    books = Books()
    assets = {asset.id: asset for asset in tx.assets.all(customer=customer)}
    for one in tx.registry.customers(customer=customer):
        books.put(one)
    for site in tx.registry.sites(customer=customer):
        books.put(site)
    for custody in tx.registry.custodies(customer=customer):
        asset = assets.get(custody.asset)
        if asset is None:
            continue
        books.put(
            Booked(
                key=asset.key,
                customer=asset.customer,
                facts=asset.facts,
                custody=replace(custody, asset=0),
                seen=asset.joined_ms > 0,
            )
        )
    for contact in tx.registry.contacts(customer=customer):
        books.put(replace(contact, id=0))
    for held in tx.registry.entitlements_of(customer=customer):
        if held.asset in assets:
            books.put(Entitled(key=assets[held.asset].key, entitlement=replace(held, id=0, asset=0)))
    return books
