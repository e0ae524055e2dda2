"""Customers, sites, contacts and entitlements on the control socket; lines and files of the books are `books.py`.

A list takes `customer` to narrow it to one; whoever may use this socket may see all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Body, Query, Request

from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.customer import Custody, Entitlement, Site
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.registry import resolution
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.book_pieces import book_turn
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, held_to
from hardcase_collector.web.ports import Shop

_WHOLE = Part()

Scope = Annotated[str | None, Query(max_length=64)]


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _lists(made, control.shop)
    _entitlements(made, control.shop)
    _removals(made, control.shop)
    return made


def _lists(made: APIRouter, shop: Shop) -> None:
    @made.get("/customers", response_model=None)
    def customers(customer: Scope = None) -> Json:
        with shop.store.read() as tx:
            booked = list(tx.registry.customers(customer=customer))
            stray = [name for name in tx.registry.customers_not_in_books() if customer in (None, name)]
            lines = [_customer(tx, one.name, plain(one)) for one in booked]
            lines += [_customer(tx, name, {"name": name, "title": "", "language": ""}) for name in stray]
        known = {one.name for one in booked}
        return {"customers": [{**line, "in_books": line["name"] in known} for line in lines]}

    @made.get("/customers/{name}", response_model=None)
    def customer(name: str) -> Json:
        with shop.store.read() as tx:
            found = tx.registry.customer(name)
            if found is None:
                raise NotFound(
                    "no customer {customer} in the books; see hardcase-collector customers list", customer=name
                )
            return {
                **_customer(tx, name, plain(found)),
                "in_books": True,
                "sites": plain(tuple(tx.registry.sites(customer=name))),
                "contacts": plain(tuple(tx.registry.contacts(customer=name))),
            }

    @made.get("/sites", response_model=None)
    def sites(customer: Scope = None) -> Json:
        with shop.store.read() as tx:
            listed: list[Json] = []
            for site in tx.registry.sites(customer=customer):
                assets = tx.registry.assets_where(customer=site.customer, site=site.name)
                listed.append({**_object(plain(site)), "assets": len(assets)})
        return {"sites": listed}

    @made.get("/contacts", response_model=None)
    def contacts(customer: Scope = None, asset: str = "") -> Json:
        """With `asset`: whom to tell about it."""
        with shop.store.read() as tx:
            if not asset:
                return {"contacts": plain(tuple(tx.registry.contacts(customer=customer)))}
            found = find_asset(tx, asset, customer=customer)
            return {"contacts": plain(resolution.contacts_of(tx, found))}


def _customer(tx: Transaction, name: str, line: Json) -> dict[str, Json]:
    return {
        **_object(line),
        "assets": len(tx.assets.all(customer=name)),
        "site_count": len(tx.registry.sites(customer=name)),
        "contact_count": len(tx.registry.contacts(customer=name)),
    }


def _object(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


def _entitlements(made: APIRouter, shop: Shop) -> None:
    @made.get("/entitlements", response_model=None)
    def entitlements(customer: Scope = None, asset: str = "") -> Json:
        with shop.store.read() as tx:
            books = _Held.of(tx, customer=customer, now_ms=shop.clock_ms())
            found = [find_asset(tx, asset, customer=customer)] if asset else tx.assets.all(customer=customer)
            assets = {one.id: one for one in found}
            held = tx.registry.entitlements(found[0].id) if asset else tx.registry.entitlements_of(customer=customer)
        return {"entitlements": [books.entitlement(one, assets[one.asset]) for one in held if one.asset in assets]}

    @made.get("/entitlements/ending", response_model=None)
    def ending(customer: Scope = None, days: Annotated[int, Query(ge=1, le=3660)] = 90) -> Json:
        """In force now and over within so many days, with nothing that goes on after them."""
        now_ms = shop.clock_ms()
        with shop.store.read() as tx:
            books = _Held.of(tx, customer=customer, now_ms=now_ms)
            today = resolution.local_day(resolution.nowhere(""), now_ms)
            # A day to either side: at the site it may be the day before or after.
            first, last = today - timedelta(days=1), today + timedelta(days=days + 1)
            lines: list[Json] = []
            for one in tx.registry.entitlements_ending(customer=customer, first=first, last=last):
                asset = tx.assets.by_number(one.asset)
                on = books.day(asset)
                if one in resolution.ending_within(tx.registry.entitlements(one.asset), on=on, days=days):
                    lines.append({**books.entitlement(one, asset), "days_left": (one.ends - on).days + 1})
        return {"entitlements": lines}

    @made.get("/cover", response_model=None)
    def cover(customer: Scope = None) -> Json:
        """Every asset, in the books or not, with what covers it as a whole."""
        with shop.store.read() as tx:
            books = _Held.of(tx, customer=customer, now_ms=shop.clock_ms())
            held: defaultdict[int, list[Entitlement]] = defaultdict(list)
            for one in tx.registry.entitlements_of(customer=customer):
                held[one.asset].append(one)
            assets = tx.assets.all(customer=customer)
        return {"assets": [books.cover(asset, held[asset.id]) for asset in assets]}

    _end(made, shop)


def _end(made: APIRouter, shop: Shop) -> None:
    @made.post("/entitlements/{number}/end", response_model=None)
    def end(
        request: Request,
        number: int,
        on: Annotated[date, Body(embed=True)],
        customer: Annotated[str | None, Body(embed=True, max_length=64)] = None,
    ) -> Json:
        """Its last day is this one."""
        now_ms = shop.clock_ms()
        with book_turn(), shop.store.write() as tx:
            held = tx.registry.entitlement(number, customer=held_to(request, customer))
            if on < held.starts:
                raise IllegalAction(
                    "entitlement {number} starts on {starts}; remove it instead", number=number, starts=held.starts
                )
            changed = replace(held, ends=on)
            tx.registry.save_entitlement(changed)
            asset = tx.assets.by_number(held.asset)
            tx.access.audit(
                at_ms=now_ms,
                actor=asker(request),
                action="entitlement.ended",
                subject=asset.key,
                facts={"plan": held.plan, "part": held.part, "ends": on.isoformat()},
            )
            return _Held.of(tx, customer=asset.customer, now_ms=now_ms).entitlement(changed, asset)


@dataclass(frozen=True, slots=True)
class _Held:
    """What the books say, read in a few queries for any number of assets."""

    custody: Mapping[int, Custody]
    sites: Mapping[tuple[str, str], Site]
    now_ms: int

    @classmethod
    def of(cls, tx: Transaction, *, customer: str | None, now_ms: int) -> Self:
        return cls(
            {one.asset: one for one in tx.registry.custodies(customer=customer)},
            {(one.customer, one.name): one for one in tx.registry.sites(customer=customer)},
            now_ms,
        )

    def day(self, asset: Asset) -> date:
        return resolution.local_day(self.site(asset), self.now_ms)

    def site(self, asset: Asset) -> Site:
        custody = self.custody.get(asset.id)
        found = self.sites.get((asset.customer, custody.site)) if custody else None
        return found or resolution.nowhere(asset.customer)

    def entitlement(self, held: Entitlement, asset: Asset) -> dict[str, Json]:
        return {
            "id": held.id,
            "customer": asset.customer,
            "asset": asset.id,
            "asset_key": asset.key,
            "part": held.part,
            "plan": held.plan,
            "vendor": held.vendor,
            "starts": held.starts.isoformat(),
            "ends": held.ends.isoformat(),
            "price": None if held.price is None else f"{held.price:f}",
            "currency": held.currency,
            "contract": held.contract,
            "cover": str(resolution.cover_at(held, self.day(asset))),
        }

    def cover(self, asset: Asset, held: Sequence[Entitlement]) -> Json:
        on = self.day(asset)
        best = resolution.entitlement_for(held, _WHOLE, on=on)
        return {
            "id": asset.id,
            "key": asset.key,
            "customer": asset.customer,
            "in_books": asset.id in self.custody,
            "seen": asset.joined_ms > 0,
            "site": self.site(asset).name,
            "cover": str(resolution.cover_of(held, _WHOLE, on=on)),
            "plan": best.plan if best else "",
            "ends": best.ends.isoformat() if best else "",
        }


def _removals(made: APIRouter, shop: Shop) -> None:
    @made.post("/sites/{customer}/{name}/remove", response_model=None)
    def site(request: Request, customer: str, name: str) -> Json:
        with book_turn(), shop.store.write() as tx:
            standing = len(tx.registry.assets_where(customer=customer, site=name))
            told = sum(one.scope == "site" and one.subject == name for one in tx.registry.contacts(customer=customer))
            if standing or told:
                raise IllegalAction(
                    "{assets} assets and {contacts} contacts are at site {site}; give them another first",
                    assets=standing,
                    contacts=told,
                    site=name,
                )
            tx.registry.remove_site(customer=customer, name=name)
            _note(tx, shop, request, "site.removed", f"{customer} {name}")
        return {"removed": name}

    @made.post("/contacts/{number}/remove", response_model=None)
    def contact(request: Request, number: int) -> Json:
        with book_turn(), shop.store.write() as tx:
            tx.registry.remove_contact(number)
            _note(tx, shop, request, "contact.removed", str(number))
        return {"removed": number}

    @made.post("/entitlements/{number}/remove", response_model=None)
    def entitlement(request: Request, number: int) -> Json:
        with book_turn(), shop.store.write() as tx:
            held = tx.registry.entitlement(number, customer=None)
            tx.registry.remove_entitlement(number)
            _note(tx, shop, request, "entitlement.removed", tx.assets.by_number(held.asset).key)
        return {"removed": number}


def _note(tx: Transaction, shop: Shop, request: Request, action: str, subject: str) -> None:
    tx.access.audit(at_ms=shop.clock_ms(), actor=asker(request), action=action, subject=subject, facts={})
