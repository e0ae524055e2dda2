"""RegistryStore over SQL: customers, sites, contacts. Made by the transaction of `store.py`.

Custody of assets and entitlements are in `custody_store.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import RowMapping, delete, insert, select, union, update

from hardcase_collector.domain.customer import Contact, ContactScope, Customer, Site
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.storage.state.custody_store import SqlCustody
from hardcase_collector.storage.state.models import (
    AgentRow,
    AssetRow,
    ContactRow,
    CustomerRow,
    SiteRow,
    TokenRow,
    UserRow,
)
from hardcase_collector.storage.state.upserts import table_of, upsert

_CONTACTS = table_of(ContactRow)
_CUSTOMERS = table_of(CustomerRow)
_SITES = table_of(SiteRow)
_OF_OTHERS = tuple(table_of(model).c.customer for model in (AssetRow, AgentRow, UserRow, TokenRow))


class SqlRegistryStore(SqlCustody):
    def customers(self, *, customer: str | None) -> Sequence[Customer]:
        query = select(_CUSTOMERS).order_by(_CUSTOMERS.c.name)
        if customer is not None:
            query = query.where(_CUSTOMERS.c.name == customer)
        return [_customer(row) for row in self._connection.execute(query).mappings()]

    def customer(self, name: str) -> Customer | None:
        return next(iter(self.customers(customer=name)), None)

    def customers_not_in_books(self) -> Sequence[str]:
        named = union(*(select(column).where(column.is_not(None), column != "") for column in _OF_OTHERS)).subquery()
        column = named.c.customer
        known = select(_CUSTOMERS.c.name)
        query = select(column).where(column.not_in(known)).order_by(column)
        return list(self._connection.execute(query).scalars())

    def save_customer(self, customer: Customer) -> None:
        self._connection.execute(upsert(self._connection, _CUSTOMERS), asdict(customer))

    def sites(self, *, customer: str | None) -> Sequence[Site]:
        query = select(_SITES).order_by(_SITES.c.customer, _SITES.c.name)
        if customer is not None:
            query = query.where(_SITES.c.customer == customer)
        return [_site(row) for row in self._connection.execute(query).mappings()]

    def site(self, *, customer: str, name: str) -> Site | None:
        query = select(_SITES).where(_SITES.c.customer == customer, _SITES.c.name == name)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _site(row)

    def save_site(self, site: Site) -> None:
        self._connection.execute(upsert(self._connection, _SITES), asdict(site))

    def remove_site(self, *, customer: str, name: str) -> None:
        gone = delete(_SITES).where(_SITES.c.customer == customer, _SITES.c.name == name)
        if self._connection.execute(gone).rowcount == 0:
            raise NotFound("customer {customer} has no site {site}", customer=customer, site=name)

    def contacts(self, *, customer: str | None) -> Sequence[Contact]:
        query = select(_CONTACTS).order_by(
            _CONTACTS.c.customer, _CONTACTS.c.scope, _CONTACTS.c.subject, _CONTACTS.c.name
        )
        if customer is not None:
            query = query.where(_CONTACTS.c.customer == customer)
        return [_contact(row) for row in self._connection.execute(query).mappings()]

    def save_contact(self, contact: Contact) -> Contact:
        """id 0 = a new one; gives the id."""
        values = {**asdict(contact), "scope": str(contact.scope)}
        del values["id"]
        if not contact.id:
            made = insert(_CONTACTS).values(values).returning(_CONTACTS)
            return _contact(self._connection.execute(made).mappings().one())
        changed = update(_CONTACTS).where(_CONTACTS.c.id == contact.id).values(values)
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound("there is no contact {contact}", contact=contact.id)
        return contact

    def remove_contact(self, contact: int) -> None:
        if self._connection.execute(delete(_CONTACTS).where(_CONTACTS.c.id == contact)).rowcount == 0:
            raise NotFound("there is no contact {contact}", contact=contact)


def _customer(row: RowMapping) -> Customer:
    return Customer(name=row["name"], title=row["title"], language=row["language"])


def _site(row: RowMapping) -> Site:
    return Site(
        customer=row["customer"],
        name=row["name"],
        title=row["title"],
        time_zone=row["time_zone"],
        country=row["country"],
        subdivision=row["subdivision"],
        calendar=row["calendar"],
        address=row["address"],
        depot=row["depot"],
    )


def _contact(row: RowMapping) -> Contact:
    return Contact(
        id=row["id"],
        customer=row["customer"],
        scope=ContactScope(row["scope"]),
        subject=row["subject"],
        name=row["name"],
        mail=row["mail"],
        phone=row["phone"],
        language=row["language"],
        may_consent=row["may_consent"],
    )
