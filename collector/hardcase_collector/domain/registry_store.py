"""The ports of the books and of forgetting. Part of `state_store.py`'s transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from hardcase_collector.domain.customer import Contact, Custody, Customer, Entitlement, Site


class RegistryStore(Protocol):
    """Customers, sites, contacts, custody of assets, entitlements. `registry/resolution.py` answers for one case."""

    def customers(self, *, customer: str | None) -> Sequence[Customer]: ...
    def customer(self, name: str) -> Customer | None: ...
    def customers_not_in_books(self) -> Sequence[str]:
        """Names that assets, agents, users or enrolment tokens carry without being in the books."""

    def save_customer(self, customer: Customer) -> None: ...
    def sites(self, *, customer: str | None) -> Sequence[Site]: ...
    def site(self, *, customer: str, name: str) -> Site | None: ...
    def save_site(self, site: Site) -> None: ...
    def remove_site(self, *, customer: str, name: str) -> None: ...
    def contacts(self, *, customer: str | None) -> Sequence[Contact]: ...
    def save_contact(self, contact: Contact) -> Contact:
        """id 0 = a new one; gives the id."""

    def remove_contact(self, contact: int) -> None: ...
    def custody(self, asset: int) -> Custody | None:
        """None: it is not in the books."""

    def custodies(self, *, customer: str | None) -> Sequence[Custody]: ...
    def save_custody(self, custody: Custody) -> None: ...
    def remove_custody(self, asset: int) -> None: ...
    def assets_where(
        self,
        *,
        customer: str | None,
        site: str | None = None,
        rack: str | None = None,
        group: str | None = None,
        feed: str | None = None,
        tag: str | None = None,
    ) -> Sequence[int]:
        """Numbers of the assets in the books to which all that is given applies. Names repeat between customers, and
        rack names between sites."""

    def entitlements(self, asset: int) -> Sequence[Entitlement]:
        """Of one asset, past and future ones too; uses an index."""

    def entitlements_of(self, *, customer: str | None) -> Sequence[Entitlement]: ...
    def entitlements_ending(self, *, customer: str | None, first: date, last: date) -> Sequence[Entitlement]:
        """Whose last day is one of these, soonest first."""

    def entitlement(self, number: int, *, customer: str | None) -> Entitlement:
        """Raises NotFound, also for another customer's."""

    def save_entitlement(self, entitlement: Entitlement) -> Entitlement:
        """id 0 = a new one; gives the id."""

    def remove_entitlement(self, number: int) -> None: ...


class PaperKind(StrEnum):
    SERVICE_REPORT = "service_report"
    """Printed, and sent to whoever was to sign it."""
    ATTACHMENT = "attachment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A file that may name a person who is forgotten: nobody writes in it."""

    kind: PaperKind
    case: str
    """Its number."""
    id: int
    """Of the attachment, or of the report."""
    name: str


class ForgettingStore(Protocol):
    """What a person or a customer left behind, by table, and its end. `registry/forgetting.py` says when."""

    def customers_of(self, person: str) -> Sequence[str]:
        """Whose contact or user somebody of this name is."""

    def traces_of_person(self, person: str, *, customer: str | None) -> Mapping[str, int]: ...
    def papers_of_person(self, person: str, *, customer: str | None, limit: int, pseudonym: str) -> Sequence[Paper]:
        """At most so many of each kind. `pseudonym`: as he will be called in their names; "" = as he is."""

    def replace_person(self, person: str, pseudonym: str, *, customer: str | None) -> Mapping[str, int]:
        """In every field that names people. `customer`: only in what is this customer's."""

    def traces_of_customer(self, customer: str) -> Mapping[str, int]: ...
    def open_part_orders(self, customer: str) -> int: ...
    def files_of_customer(self, customer: str) -> Sequence[str]:
        """SHA-256 of the files that his cases refer to."""

    def erase_customer(self, customer: str) -> Mapping[str, int]: ...
