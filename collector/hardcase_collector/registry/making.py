"""Rows to lines: what a row leaves out it takes from what is stored, a new one from defaults. Pure.

What lines say of each other is checked by `checking.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from hardcase_collector.domain.asset import AssetFacts
from hardcase_collector.domain.customer import Contact, ContactScope, Custody, Customer, Entitlement, Site
from hardcase_collector.domain.identity import identify, is_placeholder_serial
from hardcase_collector.registry.written import Booked, Books, Entitled, Key, Kind, Line, Row
from hardcase_collector.sheets.table import Table

_FACTS = ("vendor", "model", "serial", "node", "kind")
_CUSTODY = ("site", "rack", "unit", "feeds", "group", "tags", "importance")


@dataclass(frozen=True, slots=True)
class Known:
    """An asset of the store, in the books or not."""

    key: str
    customer: str
    facts: AssetFacts
    seen: bool
    """By an agent."""


@dataclass(slots=True)
class Making:
    """Makes lines against the books so far; assets first, for others name them."""

    books: Books
    assets: Mapping[str, Known]
    """Every asset in scope, by key."""
    names: dict[str, list[str]] = field(default_factory=dict)
    """Serial or host name in lower case -> keys of assets. Filled when first asked for."""

    def line_of(self, row: Row) -> Line | None:
        makers: Mapping[Kind, Callable[[Row], Line | None]] = {
            Kind.CUSTOMER: self._customer,
            Kind.SITE: self._site,
            Kind.ASSET: self._asset,
            Kind.CONTACT: self._contact,
            Kind.ENTITLEMENT: self._entitlement,
        }
        return makers[row.kind](row)

    def stored(self, kind: Kind, key: Key) -> Line | None:
        return self.books.lines[kind].get(key)

    def _customer(self, row: Row) -> Line:
        name = row.key[0]
        known = self.stored(row.kind, row.key) or Customer(name=name, title=name)
        return replace(known, **row.values)  # type: ignore[arg-type]  # read by the same names and types

    def _site(self, row: Row) -> Line | None:
        customer, name = row.key
        known = self.stored(row.kind, row.key)
        if known is None:
            if not _has(row, "time_zone"):
                return None
            known = Site(customer=customer, name=name, title=name, time_zone="UTC", country="")
        return replace(known, **row.values)  # type: ignore[arg-type]  # read by the same names and types

    def _contact(self, row: Row) -> Line | None:
        customer, scope, subject, name = row.key
        if scope == ContactScope.ASSET:
            found = self._named(row.table, "subject", subject)
            if found is None:
                return None
            subject = found
        known = self.stored(row.kind, (customer, scope, subject, name)) or Contact(
            id=0, customer=customer, scope=ContactScope(scope), subject=subject, name=name
        )
        return replace(known, **row.values)  # type: ignore[arg-type]  # read by the same names and types

    def _asset(self, row: Row) -> Line | None:
        key = row.key[0]
        found = self.assets.get(key)
        said = {name: str(value) for name, value in row.values.items() if name in _FACTS}
        known = self.stored(row.kind, row.key)
        if found is None and not _has(row, "customer"):
            return None
        facts = found.facts if found else _facts_of(key)
        if found is None or not found.seen:
            facts = replace(facts, **said)  # type: ignore[arg-type]  # texts alone
            if identify(facts)[0] != key or key.startswith("rehearsal|"):
                row.table.wrong("asset", f"{key!r} is not what its hardware will be known by: {identify(facts)[0]!r}")
                return None
        custody = _placed(known.custody if isinstance(known, Booked) else Custody(asset=0), row)
        customer = str(row.values.get("customer") or (found.customer if found else ""))
        return Booked(key=key, customer=customer, facts=facts, custody=custody, seen=bool(found and found.seen))

    def _entitlement(self, row: Row) -> Line | None:
        asset, part, plan, starts = row.key
        key = self._named(row.table, "asset", asset)
        if key is None:
            return None
        known = self.stored(row.kind, (key, part, plan, starts))
        if known is None:
            if not _has(row, "ends"):
                return None
            day = date.fromisoformat(starts)
            held = Entitlement(id=0, asset=0, part=part, plan=plan, vendor="", starts=day, ends=day)
        else:
            assert isinstance(known, Entitled)
            held = known.entitlement
        values = dict(row.values)
        if "price" in values:
            values["price"] = values["price"] if isinstance(values["price"], Decimal) else None
        return Entitled(key=key, entitlement=replace(held, **values))  # type: ignore[arg-type]  # read by these names

    def _named(self, table: Table, column: str, said: str) -> str | None:
        """Key of the asset that is called so: by key, else by serial or host name if only one has it."""
        booked = self.books.lines[Kind.ASSET]
        if (said,) in booked or said in self.assets:
            return said
        if not self.names:
            self._fill_names()
        found = self.names.get(said.lower(), [])
        if len(found) == 1:
            return found[0]
        table.wrong(column, f"{said!r} is the name of {len(found)} assets; give the key" if found else _unknown(said))
        return None

    def _fill_names(self) -> None:
        every: dict[str, AssetFacts] = {key: one.facts for key, one in self.assets.items()}
        every |= {one.key: one.facts for one in self.books.assets()}
        for key, facts in every.items():
            for said in {facts.serial.lower(), facts.hostname.lower()} - {""}:
                if not is_placeholder_serial(said) or said == facts.hostname.lower():
                    self.names.setdefault(said, []).append(key)


def _placed(custody: Custody, row: Row) -> Custody:
    values = {name: row.values[name] for name in _CUSTODY if name in row.values}
    if "installed" in row.values:
        day = row.values["installed"]
        values["installed"] = day if isinstance(day, date) else None
    return replace(custody, **values)  # type: ignore[arg-type]  # read by the same names and types


def _has(row: Row, column: str) -> bool:
    if not row.values.get(column):
        row.table.wrong(column, "is missing")
        return False
    return True


def _facts_of(key: str) -> AssetFacts:
    """What a key says of an asset that nobody has seen."""
    first, _, rest = key.partition("|")
    if first in ("uuid", "machine_id", "address"):
        named = {"uuid": AssetFacts(uuid=rest), "machine_id": AssetFacts(machine_id=rest)}
        return named.get(first, AssetFacts(address=rest))
    serial, _, node = rest.partition("|")
    return AssetFacts(vendor=first, serial=serial, node=node)


def _unknown(said: str) -> str:
    return f"no asset is called {said!r}, neither here nor in the store"
