"""What the books say of one case: its part's entitlement, its contacts, its site. Pure; asked by cases and above."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.customer import Contact, ContactScope, Cover, Custody, Entitlement, Site
from hardcase_collector.domain.state_store import Transaction


def entitlement_for(entitlements: Iterable[Entitlement], part: Part, *, on: date) -> Entitlement | None:
    """The one in force on this day that is nearest to the part: the part itself, its component, the asset.

    None: uncovered. Of several equally near, the one that began last counts, then the one that lasts longest.
    """
    in_force = [one for one in entitlements if one.starts <= on <= one.ends and _nearness(one, part) is not None]
    return max(in_force, key=lambda one: (_nearness(one, part) or 0, one.starts, one.ends, one.id), default=None)


def cover_of(entitlements: Iterable[Entitlement], part: Part, *, on: date) -> Cover:
    """What the books say of this part's cover on this day. Past cover counts as expired even where more is to come."""
    mine = [one for one in entitlements if _nearness(one, part) is not None]
    if any(one.starts <= on <= one.ends for one in mine):
        return Cover.COVERED
    if any(one.ends < on for one in mine):
        return Cover.EXPIRED
    return Cover.NOT_YET if mine else Cover.UNCOVERED


def cover_at(entitlement: Entitlement, on: date) -> Cover:
    """What this one is on this day."""
    if entitlement.ends < on:
        return Cover.EXPIRED
    return Cover.COVERED if entitlement.starts <= on else Cover.NOT_YET


def _nearness(entitlement: Entitlement, part: Part) -> int | None:
    """None: it does not concern this part. "psu@PSU2" concerns the part in that slot, whatever serial it has."""
    if not entitlement.part:
        return 0
    if entitlement.part == part.component:
        return 1
    if entitlement.part == part.place():
        return 2
    return 3 if entitlement.part == part.key() else None


def contacts_for(
    contacts: Iterable[Contact], *, asset: Asset, custody: Custody | None, scopes: Iterable[ContactScope] = ContactScope
) -> tuple[Contact, ...]:
    """Whom to tell about this asset: all contacts of the nearest scope that has any; asset, group, site, customer.

    `contacts`: those of the asset's customer (others are passed over); `scopes`: narrow it to answer for one scope.
    """
    subjects = {
        ContactScope.ASSET: asset.key,
        ContactScope.GROUP: custody.group if custody else "",
        ContactScope.SITE: custody.site if custody else "",
    }
    mine = [one for one in contacts if one.customer == asset.customer]
    wanted = set(scopes)
    for scope in ContactScope:
        subject = subjects.get(scope, "")
        if scope not in wanted or (scope is not ContactScope.CUSTOMER and not subject):
            continue
        found = tuple(one for one in mine if one.scope is scope and one.subject == subject)
        if found:
            return found
    return ()


def contacts_of(tx: Transaction, asset: Asset) -> tuple[Contact, ...]:
    return contacts_for(
        tx.registry.contacts(customer=asset.customer), asset=asset, custody=tx.registry.custody(asset.id)
    )


def site_of(tx: Transaction, asset: Asset) -> Site:
    """Where it stands; an asset that is not in the books, or at no site, is in UTC without holidays or address."""
    custody = tx.registry.custody(asset.id)
    found = tx.registry.site(customer=asset.customer, name=custody.site) if custody and custody.site else None
    return found or nowhere(asset.customer)


def nowhere(customer: str) -> Site:
    return Site(customer=customer, name="", title="", time_zone="UTC", country="")


def local_day(site: Site, at_ms: int) -> date:
    """The day that the site's clock shows at this instant (ms of Unix time): entitlements begin and end with it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(site.time_zone)).date()


def ending_within(entitlements: Sequence[Entitlement], *, on: date, days: int) -> tuple[Entitlement, ...]:
    """In force on this day and over within so many days, unless a later one of the same asset and part goes on."""
    return tuple(
        one
        for one in entitlements
        if one.starts <= on <= one.ends and (one.ends - on).days < days and not _goes_on(one, entitlements)
    )


def _goes_on(ending: Entitlement, entitlements: Sequence[Entitlement]) -> bool:
    return any(
        one.asset == ending.asset
        and one.part == ending.part
        and one.ends > ending.ends
        and (one.starts - ending.ends).days <= 1
        for one in entitlements
    )
