"""Who may become an agent, and stay one: decides by token, host and certificate, one write transaction each.

Called by `enrolment.py` on a thread. Certificates come through the `CertificateIssuer` port; tokens, waiting hosts,
agents and the audit log lie in the state store.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hardcase_protos.v1 import reading_pb2

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import JoiningRefused, TokenRefused
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.joining import IssuedByToken, RefusalName
from hardcase_collector.domain.ports import EnrolmentToken, StateStore, Transaction
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.rpc.conditions import check_bound, check_conditions, check_host, check_same_host, other_of_host
from hardcase_collector.rpc.identity import site_identity
from hardcase_collector.rpc.placing import place
from hardcase_collector.rpc.records import facts_of
from hardcase_collector.rpc.waiting import another_host, wait

MAX_CLOCK_SKEW_MS = 600_000  # enrolment.proto, RenewRequest.wall_ms
CLOCK_TOLD_MS = 60_000
"""A clock that is off by more is told; as for the offset of streams."""


class IssuedCertificate(Protocol):
    @property
    def certificate(self) -> bytes: ...
    @property
    def ca(self) -> bytes: ...
    @property
    def fingerprint(self) -> str: ...


class CertificateIssuer(Protocol):
    """The part of the collector's CAs that joining needs (`roots.Roots`)."""

    def issue_client(self, csr_pem: bytes, agent_id: str, *, enrolment: int, now: datetime) -> IssuedCertificate:
        """Raises NotAllowed for a request that cannot be signed."""

    def enrolment_of(self, certificate: x509.Certificate) -> int | None:
        """The `enrolment` it was issued with."""

    def verify_client(self, certificate_pem: bytes, *, now: datetime, late: bool = False) -> x509.Certificate:
        """Raises JoiningRefused for a certificate that is not ours or has expired; `late` gives it 90 days more."""

    def request_key(self, csr_pem: bytes) -> str:
        """SHA-256, hex, of the public key that signed this request. Raises JoiningRefused."""

    def trust(self) -> bytes:
        """PEM of every CA that the collector's certificate may end in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A host that wants to join."""

    token: str
    csr_pem: bytes
    host: reading_pb2.Asset
    address: str
    wall_ms: int = 0
    """Its clock; 0 = not told."""
    certificate: x509.Certificate | None = None
    """Of the site's own CA, as TLS proved it; then there is no request."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    agent: Agent
    certificate: bytes
    ca: bytes


class Enrolment:
    """Blocking: each call is one write transaction of the state store."""

    def __init__(self, store: StateStore, issuer: CertificateIssuer) -> None:
        self._store = store
        self._issuer = issuer

    def enroll(self, ask: Ask, *, now_ms: int) -> Enrolled:
        """Takes one use of the token, only when a certificate comes of it, and once for each key.

        Raises JoiningRefused, StoreFailed.
        """
        check_host(ask.host)
        key = self._issuer.request_key(ask.csr_pem) if ask.certificate is None else site_identity(ask.certificate)
        token = secret_hash(ask.token)
        with self._store.write() as tx:
            decided = self._again(tx, ask, token, key, now_ms) or self._decide(tx, ask, token, key, now_ms)
        # Raised only now: that a host waits must be written.
        if isinstance(decided, JoiningRefused):
            raise decided
        return decided

    def renew(self, *, certificate_pem: bytes, csr_pem: bytes, wall_ms: int, signature: bytes, now_ms: int) -> Enrolled:
        """A certificate for the same identity, whose present key signed the request.

        Raises JoiningRefused (whose name says which of: not ours, expired, revoked, clock, not proved), StoreFailed.
        """
        certificate = self._issuer.verify_client(certificate_pem, now=_moment(now_ms), late=True)
        _check_signature(certificate, csr_pem, wall_ms, signature)
        if abs(wall_ms - now_ms) > MAX_CLOCK_SKEW_MS:
            raise JoiningRefused(RefusalName.CLOCK_OFF, f"{_off(wall_ms - now_ms)}; set the host's clock")
        agent_id = _common_name(certificate)
        with self._store.write() as tx:
            agent = tx.agents.by_id(agent_id)
            if agent is None or agent.revoked:
                raise JoiningRefused(RefusalName.REVOKED, "this identity was revoked; enrol the host again")
            # Not the fingerprint: where the answer to a renewal was lost, the agent asks again with the old one.
            if self._issuer.enrolment_of(certificate) != agent.enrolled_ms:
                raise JoiningRefused(
                    RefusalName.ENROLLED_ANEW, "this host was enrolled anew since; its older certificates renew nothing"
                )
            issued = self._issuer.issue_client(csr_pem, agent_id, enrolment=agent.enrolled_ms, now=_moment(now_ms))
            agent = replace(agent, fingerprint=issued.fingerprint)
            tx.agents.replace(agent)
            late_ms = now_ms - _ms(certificate.not_valid_after_utc)
            facts: dict[str, Fact] = {"fingerprint": issued.fingerprint}
            if late_ms > 0:
                facts["days_after_its_end"] = round(late_ms / 86_400_000, 1)
            _audit(tx, f"agent:{agent_id}", "agent.renewed", agent_id, facts, now_ms)
        return Enrolled(agent, issued.certificate, issued.ca)

    def refused(self, *, peer: str, name: str, facts: dict[str, Fact], now_ms: int) -> None:
        """Records an attempt that came to nothing."""
        with self._store.write() as tx:
            _audit(tx, peer, "agent.enrolment_refused", "", {"reason": name, **facts}, now_ms)

    # ------------------------------------------------------------------ one ask

    def _again(self, tx: Transaction, ask: Ask, token: str, key: str, now_ms: int) -> Enrolled | None:
        """The answer that this token and key had before: it may have been lost."""
        before = tx.access.issued(token=token, key=key)
        known = tx.access.token(token)
        if before is None or before.expires_ms <= now_ms or known is None or known.revoked_ms:
            return None
        agent = tx.agents.by_id(before.agent_id)
        if agent is None or agent.revoked or agent.enrolled_ms != before.enrolled_ms:
            return None
        check_same_host(agent, ask.host)
        certificate = before.certificate.encode()
        try:
            self._issuer.verify_client(certificate, now=_moment(now_ms))
        except JoiningRefused:
            # Its CA has retired since: the same key has a certificate of the new one, and no use is taken.
            issued = self._issuer.issue_client(ask.csr_pem, agent.id, enrolment=agent.enrolled_ms, now=_moment(now_ms))
            certificate = issued.certificate
            _remember(tx, known, key, agent, certificate)
        _audit(tx, f"agent:{agent.id}", "agent.answered_again", agent.id, {"token": known.id}, now_ms)
        return Enrolled(agent, certificate, self._issuer.trust())

    def _decide(self, tx: Transaction, ask: Ask, hash: str, key: str, now_ms: int) -> Enrolled | JoiningRefused:
        token = tx.access.token(hash)
        waiting = tx.access.waiting_host(token=hash, key=key) if token is not None and token.approve else None
        if waiting is not None and (now_ms >= waiting.expires_ms or another_host(waiting, ask.host)):
            waiting = None
        if token is None or token.revoked_ms or token.uses_left <= 0 or (token.expires_ms <= now_ms and not waiting):
            # Raises, with the name of what is wrong.
            tx.access.use_token(hash, now_ms=now_ms)
            raise TokenRefused(RefusalName.TOKEN_UNKNOWN, "this enrolment token is unknown here")
        check_conditions(token, ask.host, ask.address)
        known = check_bound(tx, token, ask.host, ask.certificate, now_ms=now_ms)
        if token.approve and (waiting is None or waiting.decision != "approved"):
            return wait(tx, token, ask.host, waiting, key=key, address=ask.address, now_ms=now_ms)
        # A host that asked in time is not refused because a person took a while.
        tx.access.use_token(hash, now_ms=min(now_ms, token.expires_ms - 1))
        return self._issue(tx, token, ask, key, known, now_ms)

    def _issue(
        self, tx: Transaction, token: EnrolmentToken, ask: Ask, key: str, known: Agent | None, now_ms: int
    ) -> Enrolled:
        agent_id = _agent_id(ask, key, known)
        if ask.certificate is None:
            issued = self._issuer.issue_client(ask.csr_pem, agent_id, enrolment=now_ms, now=_moment(now_ms))
            certificate, fingerprint = issued.certificate, issued.fingerprint
        else:
            certificate, fingerprint = b"", ask.certificate.fingerprint(hashes.SHA256()).hex()
        other = other_of_host(tx, token, ask.host, known)
        agent = _store_agent(tx, known, agent_id, fingerprint, ask.host, token.customer, now_ms)
        if other is not None:
            # One host is one agent: what it was before streams no more.
            tx.agents.replace(replace(other, revoked=True))
            _audit(tx, f"agent:{agent_id}", "agent.revoked", other.id, {"replaced_by": agent_id}, now_ms)
        place(tx, token, facts_of(ask.host))
        tx.access.end_waiting(token=token.hash, key=key)
        if certificate:
            _remember(tx, token, key, agent, certificate)
        facts: dict[str, Fact] = {
            "hostname": agent.hostname,
            "customer": agent.customer,
            "fingerprint": agent.fingerprint,
            "replaced": known is not None,
            "token_of": token.made_by,
            "token": token.id,
            "address": ask.address,
        }
        _audit(tx, f"agent:{agent_id}", "agent.enrolled", agent_id, facts, now_ms)
        off_ms = ask.wall_ms - now_ms
        if ask.wall_ms and abs(off_ms) > CLOCK_TOLD_MS:
            _audit(tx, f"agent:{agent_id}", "agent.clock_off", agent_id, {"seconds": round(off_ms / 1000)}, now_ms)
        return Enrolled(agent, certificate, self._issuer.trust())


def _remember(tx: Transaction, token: EnrolmentToken, key: str, agent: Agent, certificate: bytes) -> None:
    answer = IssuedByToken(
        token=token.hash,
        key=key,
        customer=token.customer,
        agent_id=agent.id,
        enrolled_ms=agent.enrolled_ms,
        certificate=certificate.decode(),
        expires_ms=_ms(x509.load_pem_x509_certificate(certificate).not_valid_after_utc),
    )
    tx.access.save_issued(answer)


def _agent_id(ask: Ask, key: str, known: Agent | None) -> str:
    if ask.certificate is not None:
        return key
    own = known is not None and not known.id.startswith("x509:")
    return known.id if known is not None and own else str(uuid.uuid4())


def _store_agent(
    tx: Transaction,
    known: Agent | None,
    agent_id: str,
    fingerprint: str,
    host: reading_pb2.Asset,
    customer: str,
    now_ms: int,
) -> Agent:
    agent = known or Agent(
        id=agent_id,
        number=0,
        customer=customer,
        hostname="",
        machine_id="",
        dmi_uuid="",
        fingerprint="",
        enrolled_ms=now_ms,
    )
    agent = replace(
        agent,
        id=agent_id,
        hostname=host.hostname,
        machine_id=host.machine_id,
        dmi_uuid=host.uuid,
        fingerprint=fingerprint,
        enrolled_ms=now_ms,
        revoked=False,
        roots="",
        issuer="",
    )
    if known is None:
        return tx.agents.add(agent)
    tx.agents.replace(agent)
    return agent


def _check_signature(certificate: x509.Certificate, csr_pem: bytes, wall_ms: int, signature: bytes) -> None:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or wall_ms >= 1 << 64:
        raise JoiningRefused(RefusalName.NOT_PROVED, "the present certificate's key is not ECDSA")
    try:
        key.verify(signature, csr_pem + wall_ms.to_bytes(8, "big"), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise JoiningRefused(
            RefusalName.NOT_PROVED, "the request is not signed by the present certificate's key"
        ) from None


def _off(off_ms: int) -> str:
    side = "ahead of" if off_ms > 0 else "behind"
    minutes = abs(off_ms) / 60_000
    length = f"{minutes / 1440:.1f} days" if minutes >= 1440 else f"{minutes:.0f} minutes"
    return f"this host's clock is {length} {side} the collector's"


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _audit(tx: Transaction, actor: str, action: str, subject: str, facts: dict[str, Fact], now_ms: int) -> None:
    tx.access.audit(at_ms=now_ms, actor=actor, action=action, subject=subject, facts=facts)


def _moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
