"""Which agent is asked about an asset, and what those that watch it allow. Used by `asking.py` and the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hardcase_collector.diagnostics.kinds import disk_name
from hardcase_collector.domain.asset import Agent, Asset
from hardcase_collector.domain.diagnostic import DiagnosticKind
from hardcase_collector.domain.errors import DiagnosticRefused
from hardcase_collector.domain.ports import Transaction


@dataclass(frozen=True, slots=True)
class Watcher:
    """An agent that watches an asset, and what its own configuration allows."""

    agent: Agent
    kinds: tuple[DiagnosticKind, ...]
    told: bool
    """It has said so at all; an agent of an older release says nothing."""


def watchers(tx: Transaction, asset: Asset) -> Sequence[Watcher]:
    """Best first: the asset's own agent, then whoever was heard last. Revoked ones come last."""
    found = []
    for number in tx.assets.observers(asset.id):
        said = tx.diagnostics.allowed(number)
        found.append(Watcher(tx.agents.by_number(number), said.kinds if said else (), said is not None))
    return sorted(
        found,
        key=lambda one: (one.agent.revoked, not is_host(one.agent, asset), -one.agent.last_seen_ms, one.agent.number),
    )


def agent_for(tx: Transaction, asset: Asset, kind: DiagnosticKind, *, wanted: str = "") -> Agent:
    """Raises DiagnosticRefused: no-agent, agent-revoked, not-allowed-there."""
    watching = [one for one in watchers(tx, asset) if wanted in ("", one.agent.id, one.agent.hostname)]
    if not watching:
        if not wanted:
            raise DiagnosticRefused("no-agent", "no agent watches this asset")
        raise DiagnosticRefused("no-agent", "no agent {agent} does", agent=wanted)
    standing = [one for one in watching if not one.agent.revoked]
    if not standing:
        raise DiagnosticRefused("agent-revoked", "the agent of this asset is revoked: enroll its host again")
    allowing = [one for one in standing if kind in one.kinds]
    if not allowing:
        raise DiagnosticRefused(
            "not-allowed-there",
            "the agent ({agents}) does not allow {kind}: its own agent.toml, [diagnostics], says what it allows",
            agents=tuple(one.agent.hostname or one.agent.id for one in standing),
            kind=kind.value,
        )
    return allowing[0].agent


def is_host(agent: Agent, asset: Asset) -> bool:
    """The agent runs on this very machine."""
    facts = asset.facts
    pairs = ((agent.machine_id, facts.machine_id), (agent.dmi_uuid, facts.uuid))
    return any(mine and mine.lower() == its.lower() for mine, its in pairs)


def watched_from(agent: Agent, asset: Asset) -> str:
    """The system serial by which the agent tells this asset from others; "" = its own host.

    Raises DiagnosticRefused: no-serial.
    """
    if is_host(agent, asset):
        return ""
    if not asset.facts.serial:
        raise DiagnosticRefused("no-serial", "this asset has no serial by which its agent could tell it from others")
    return asset.facts.serial


def disks_of(tx: Transaction, asset: int) -> Sequence[tuple[str, str]]:
    """(name in a request, what people read) of every disk that said what it is, by slot."""
    found = {}
    for _, part, _ in tx.assets.inventory(asset):
        if part.component == "disk" and part.model and part.serial and "|" not in part.model:
            name = disk_name(part.model, part.serial)
            found[name] = " ".join(filter(None, (part.slot, part.model, part.serial)))
    return sorted(found.items(), key=lambda one: one[1])
