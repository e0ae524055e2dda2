"""Whose an asset is, where it stands, whom to tell, and which plan covers it until when. Values of the books.

The books are kept by `registry/`, the store's port is `RegistryStore`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hardcase_collector.domain.priority import Importance


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`name` is the short key that assets, agents and users carry."""

    name: str
    title: str
    language: str = "en"
    """In which he is written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where assets stand: its calendar and time zone are those of every clock of a case there."""

    customer: str
    name: str
    """Unique within the customer."""
    title: str
    time_zone: str
    """IANA name."""
    country: str
    """ISO 3166-1 alpha-2; its holidays count. "" = no public holidays."""
    subdivision: str = ""
    calendar: str = ""
    """A calendar of the sheets by name, in place of the country's."""
    address: str = ""
    depot: str = ""
    """The depot that serves it first."""


class ContactScope(StrEnum):
    """The nearest wins: asset, group, site, customer."""

    ASSET = "asset"
    GROUP = "group"
    SITE = "site"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person at the customer. `subject` names what he answers for within `scope`: asset key, group or site name;
    "" for the customer."""

    id: int
    customer: str
    scope: ContactScope
    subject: str
    name: str
    mail: str = ""
    phone: str = ""
    language: str = "en"
    may_consent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """What the books say of an asset beyond what it says of itself. Without it: "uncovered", but watched."""

    asset: int
    site: str = ""
    rack: str = ""
    unit: int = 0
    """Lowest height unit; 0 = not told."""
    feeds: tuple[str, ...] = ()
    """Power feeds (PDUs) it hangs on."""
    group: str = ""
    tags: tuple[str, ...] = ()
    importance: Importance = Importance.NORMAL
    installed: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """Which plan covers an asset, or one part of it, from when until when (both days included)."""

    id: int
    asset: int
    part: str
    """`Part.key()` or `Part.place()`, a component such as "disk", or "" for the whole asset. The nearest wins."""
    plan: str
    vendor: str
    starts: date
    ends: date
    price: Decimal | None = None
    currency: str = ""
    contract: str = ""
    """The vendor's or our own contract number."""


class Cover(StrEnum):
    """What the books say of a part's cover on a day."""

    UNCOVERED = "uncovered"
    COVERED = "covered"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
