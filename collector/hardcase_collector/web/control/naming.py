"""Which asset somebody means who typed a name. Used by the routes beside it."""

from __future__ import annotations

from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.web import picture


def find_asset(tx: Transaction, name: str, *, customer: str | None) -> Asset:
    """By number, key, serial, host name or address, within the scope. Raises NotFound, also where several have it."""
    if name.isascii() and name.isdecimal() and len(name) < 19:
        return picture.asset_in_scope(tx, int(name), customer)
    exact = tx.assets.by_key(name)
    if exact is not None and customer in (None, exact.customer):
        return exact
    wanted = name.lower()
    found = [
        asset
        for asset in tx.assets.all(customer=customer)
        if wanted in (asset.facts.hostname.lower(), asset.facts.serial.lower(), asset.facts.address.lower())
    ]
    if not found:
        raise NotFound("no asset {name}; see hardcase-collector assets list", name=name)
    if len(found) > 1:
        raise NotFound(
            "{name} is the name of {found} assets; use the number from hardcase-collector assets list",
            name=name,
            found=len(found),
        )
    return found[0]
