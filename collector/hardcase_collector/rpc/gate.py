"""The entrance of a stream: who is it, is it one machine, what should it trust; and the audit of who was turned away.

Used by `service.py`. Blocking parts are called on a thread; the rest belongs to the event loop.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cryptography import x509
from hardcase_protos.v1 import telemetry_pb2

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import StateStore
from hardcase_collector.rpc import identity

AUDIT_EVERY_MS = 600_000
"""A refusal that repeats is written once in ten minutes."""
REMEMBERED = 4096
BOOTS = 8
"""Boots of one identity that are remembered."""
CLONES = 64
"""Boots of other machines with one identity; one that is forgotten is found out again."""
LONGEST_SPREAD_S = 3600


class TrustSource(Protocol):
    """The collector's CAs (`roots.Roots`)."""

    @property
    def retiring(self) -> str:
        """SHA-256, hex, of the CA that is about to go; "" = none."""

    def trust(self) -> bytes: ...
    def trusted(self) -> tuple[str, ...]: ...
    def issuer_of(self, certificate: x509.Certificate) -> str: ...


@dataclass(frozen=True, slots=True)
class Entered:
    """An agent at the door, and what the transport proves of it (None: plain text)."""

    agent: Agent
    peer: identity.Peer | None


@dataclass(slots=True)
class _Holders:
    """Machines that came with one identity, by the kernel's boot id."""

    enrolled_ms: int
    """Of the enrolment they came with: after another one, it is another identity."""
    boots: list[bytes] = field(default_factory=list)
    clones: list[bytes] = field(default_factory=list)
    """The oldest first."""
    present: bytes = b""

    def written(self) -> str:
        """The enrolment, who holds it rightly, and the copies."""
        return " ".join([str(self.enrolled_ms), *(one.hex() for one in (self.present, *self.clones))])


class Gate:
    def __init__(
        self, state: StateStore, *, enrolment_of: identity.EnrolmentOf, trust: TrustSource | None, insecure: bool
    ) -> None:
        self._state = state
        self._enrolment_of = enrolment_of
        self._trust = trust
        self.insecure = insecure
        self._holders: OrderedDict[int, _Holders] = OrderedDict()
        self._audited: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def identify(self, properties: Mapping[str, Iterable[bytes]], hello: telemetry_pb2.Hello) -> Entered:
        """Blocking. Raises NotAllowed; what the agent trusts is written down where it changed."""
        if self.insecure:
            with self._state.read() as tx:
                agent = identity.insecure_agent(tx.agents, machine_id=hello.machine_id, dmi_uuid=hello.dmi_uuid)
            return Entered(agent, None)
        peer = self._peer(properties)
        with self._state.read() as tx:
            agent = identity.agent_of(tx.agents, peer)
        roots = " ".join(one.hex() for one in hello.roots if len(one) == 32)
        if (agent.roots, agent.issuer) != (roots, peer.issuer):
            with self._state.write() as tx:
                tx.agents.told_trust(agent.number, roots=roots, issuer=peer.issuer)
        return Entered(agent, peer)

    def agent_of(self, properties: Mapping[str, Iterable[bytes]]) -> Agent:
        """Whose certificate this is, for calls beside the stream. Blocking. Raises NotAllowed."""
        with self._state.read() as tx:
            return identity.agent_of(tx.agents, self._peer(properties))

    def _peer(self, properties: Mapping[str, Iterable[bytes]]) -> identity.Peer:
        issuer_of = self._trust.issuer_of if self._trust is not None else None
        return identity.peer_of(properties, self._enrolment_of, issuer_of)

    # ------------------------------------------------------------------ two machines with one identity

    def is_clone(self, agent: Agent, boot_id: bytes) -> bool:
        """Whether this boot was found to be a second machine with the agent's identity, now or before a restart."""
        return bool(boot_id) and boot_id in self._holders_of(agent).clones

    def held_by(self, agent: Agent, boot_id: bytes) -> bool:
        """Notes who holds the identity now. True: the holder until now is a second machine.

        A machine that boots never comes back with an older boot id: where one does, it never went, and whoever came
        after it is another machine with a copy of its identity.
        """
        if not boot_id:
            return False
        holders = self._holders_of(agent)
        before, holders.present = holders.present, boot_id
        if boot_id not in holders.boots:
            holders.boots = [*holders.boots[-BOOTS + 1 :], boot_id]
            return False
        if before in ("", b"", boot_id):
            return False
        holders.clones = [*holders.clones[-CLONES + 1 :], before]
        holders.boots.remove(before)
        return True

    def copies(self, agent: Agent) -> str:
        """What `held_by` found, as `Agent.copies` has it."""
        return self._holders_of(agent).written()

    def keep_copies(self, agent: int, copies: str) -> None:
        """Blocking: writes them down. A store that fails does not keep the copy from being refused."""
        try:
            with self._state.write() as tx:
                tx.agents.found_copies(agent, copies)
        except StoreFailed:
            return

    def _holders_of(self, agent: Agent) -> _Holders:
        holders = self._holders.get(agent.number)
        if holders is None or holders.enrolled_ms != agent.enrolled_ms:
            holders = self._holders[agent.number] = _stored(agent)
        self._holders.move_to_end(agent.number)
        if len(self._holders) > REMEMBERED:
            self._holders.popitem(last=False)
        return holders

    # ------------------------------------------------------------------ what to trust

    def trust_message(self, entered: Entered, roots: Iterable[bytes], *, streams: int) -> bytes | None:
        """What this agent must be told of CAs; None = nothing, or it does not say what it trusts."""
        known = {one.hex() for one in roots}
        if self._trust is None or not known:
            return None
        renew = bool(entered.peer and entered.peer.issuer and entered.peer.issuer == self._trust.retiring)
        if known == set(self._trust.trusted()) and not renew:
            return None
        within_s = min(LONGEST_SPREAD_S, max(1, streams // 2))
        told = telemetry_pb2.Trust(ca_pem=self._trust.trust(), renew=renew, within_s=within_s)
        return telemetry_pb2.CollectorMessage(trust=told).SerializeToString()

    # ------------------------------------------------------------------ who was turned away

    def audit_due(self, *, address: str, agent_id: str, name: str, now_ms: int) -> bool:
        """Whether this refusal is to be written: the first of its kind in ten minutes."""
        key = (address, agent_id, name)
        if now_ms - self._audited.get(key, -AUDIT_EVERY_MS) < AUDIT_EVERY_MS:
            return False
        self._audited[key] = now_ms
        self._audited.move_to_end(key)
        if len(self._audited) > REMEMBERED:
            self._audited.popitem(last=False)
        return True

    def audit(self, *, address: str, agent_id: str, name: str, sentence: str, now_ms: int) -> None:
        """Blocking; a store that fails does not keep the refusal from the peer."""
        facts: dict[str, Fact] = {"reason": name, "detail": sentence, "address": address}
        try:
            with self._state.write() as tx:
                tx.access.audit(
                    at_ms=now_ms, actor=address, action="agent.stream_refused", subject=agent_id, facts=facts
                )
        except StoreFailed:
            return


def _stored(agent: Agent) -> _Holders:
    """What is known of its holders from before this collector's start, if it is of the same enrolment."""
    enrolled, *boots = agent.copies.split(" ")
    if enrolled != str(agent.enrolled_ms) or not boots:
        return _Holders(agent.enrolled_ms)
    right, *clones = (bytes.fromhex(one) for one in boots)
    return _Holders(agent.enrolled_ms, [right], clones)
