"""Which asset a record belongs to, and whether its agent may write for it. Called by intake, inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hardcase_collector.domain.asset import AssetFacts, AssetMode, IdentityBasis
from hardcase_collector.domain.errors import NotBound
from hardcase_collector.domain.ports import AssetStore

Identify = Callable[[AssetFacts], tuple[str, IdentityBasis]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoiningPolicy:
    """How a new asset starts."""

    joining_ms: int = 24 * 3_600_000
    """Length of joining, in ms; 0 = live at once."""
    observe: bool = False
    """Joining without end: findings are shown, nothing opens."""

    def mode_of(self, basis: IdentityBasis) -> AssetMode:
        """A drill is live at once: it is asked for, and nobody has to be spared its first day."""
        if basis is IdentityBasis.REHEARSAL:
            return AssetMode.LIVE
        if self.observe:
            return AssetMode.OBSERVE
        return AssetMode.JOINING if self.joining_ms else AssetMode.LIVE


@dataclass(frozen=True, slots=True)
class Binding:
    """Finds or makes the asset of some facts."""

    identify: Identify
    policy: JoiningPolicy

    def asset_of(self, assets: AssetStore, facts: AssetFacts, *, agent: int, customer: str, now_ms: int) -> int:
        """Number of the asset, bound to this agent. Raises NotBound where it belongs to another customer."""
        key, basis = self.identify(facts)
        known = assets.by_key(key)
        mode = self.policy.mode_of(basis)
        ends = now_ms + self.policy.joining_ms if mode is AssetMode.JOINING else now_ms
        if known is None:
            known = assets.add(
                key=key, basis=basis, facts=facts, customer=customer, mode=mode, joined_ms=now_ms, live_from_ms=ends
            )
            assets.bind(known.id, agent)
            return known.id
        if known.customer != customer:
            raise NotBound(
                f"asset {key} belongs to another customer: enrol this agent for that one, or change the books"
            )
        if not known.joined_ms:
            # In the books before any agent saw it: its joining begins now.
            assets.join(known.id, mode, joined_ms=now_ms, live_from_ms=ends)
        if agent not in assets.observers(known.id):
            assets.bind(known.id, agent)
        if known.facts != facts:
            assets.update_facts(known.id, facts)
        return known.id
