"""Assets that the books give to another customer: their agents go with them, or neither moves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hardcase_collector.domain.state_store import Transaction
from hardcase_collector.registry.written import Books, Key, Kind
from hardcase_collector.sheets.table import Table


@dataclass(frozen=True, slots=True)
class Watch:
    """An agent that watches an asset which moves."""

    host: str
    assets: tuple[str, ...]
    """Keys of all that it watches."""


def watches(tx: Transaction, after: Books, owners: Mapping[str, str]) -> dict[str, list[Watch]]:
    """Key of each moving asset -> its agents. `owners`: customer of each known asset, by key."""
    found: dict[str, list[Watch]] = {}
    for line in after.assets():
        if owners.get(line.key, line.customer) == line.customer:
            continue
        asset = tx.assets.by_key(line.key)
        for agent in tx.assets.observers(asset.id) if asset else ():
            keys = tuple(tx.assets.by_number(number).key for number in tx.assets.observed_by(agent))
            found.setdefault(line.key, []).append(Watch(tx.agents.by_number(agent).hostname, keys))
    return found


def check_strangers(
    tx: Transaction, after: Books, owners: Mapping[str, str], rows: Mapping[tuple[Kind, Key], Table]
) -> None:
    """Within the scope of one customer an asset of another is not known, and must not be taken from him."""
    for line in after.assets():
        row = rows.get((Kind.ASSET, (line.key,)))
        if row is not None and line.key not in owners and tx.assets.by_key(line.key) is not None:
            row.wrong("asset", f"{line.key} belongs to another customer")


def check_moves(
    moving: Mapping[str, list[Watch]], after: Books, owners: Mapping[str, str], rows: Mapping[tuple[Kind, Key], Table]
) -> None:
    """An agent writes for assets of one customer alone, so all that it watches moves together."""
    for key, agents in moving.items():
        asset = after.asset(key)
        row = rows.get((Kind.ASSET, (key,)))
        if asset is None or row is None:
            continue
        for agent in agents:
            left = [one for one in agent.assets if _owner(one, after, owners) != asset.customer]
            if left:
                row.wrong("customer", f"agent {agent.host} also watches {', '.join(left)}: move all of them, or none")


def _owner(key: str, after: Books, owners: Mapping[str, str]) -> str:
    booked = after.asset(key)
    return booked.customer if booked else owners.get(key, "")
