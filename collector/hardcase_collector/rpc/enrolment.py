"""The enrolment port: a token becomes a client certificate, a certificate becomes its successor.

Started by `app.py`. Certificates come through the `CertificateIssuer` port; tokens, agents and the audit log lie in the
state store. Telemetry has its own port and service.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hardcase_protos.v1 import enrolment_pb2, enrolment_pb2_grpc, reading_pb2

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import CollectorError, NotAllowed, TemporaryError, TokenRefused
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.token import secret_hash

MAX_CLOCK_SKEW_MS = 600_000  # enrolment.proto, RenewRequest.wall_ms
REFUSALS_PER_MINUTE = 10  # A person who mistypes stays below; guessing 192 bits does not begin to work.
REMEMBERED_PEERS = 4096


class IssuedCertificate(Protocol):
    @property
    def certificate(self) -> bytes: ...
    @property
    def ca(self) -> bytes: ...
    @property
    def fingerprint(self) -> str: ...


class CertificateIssuer(Protocol):
    """The part of the collector's CA that enrolment needs (`pki.Authority`)."""

    def issue_client(self, csr_pem: bytes, agent_id: str, *, enrolment: int, now: datetime) -> IssuedCertificate:
        """Raises NotAllowed for a request that cannot be signed."""

    def enrolment_of(self, certificate: x509.Certificate) -> int | None:
        """The `enrolment` it was issued with."""

    def verify_client(self, certificate_pem: bytes, *, now: datetime) -> x509.Certificate:
        """Raises NotAllowed for a certificate this CA did not issue or that has expired."""


class AlreadyBound(CollectorError):
    """This host is enrolled already."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    agent: Agent
    issued: IssuedCertificate


class Enrolment:
    """Who may become an agent. Blocking: each call is one write transaction of the state store."""

    def __init__(self, store: StateStore, issuer: CertificateIssuer) -> None:
        self._store = store
        self._issuer = issuer

    def enroll(self, *, token: str, csr_pem: bytes, host: reading_pb2.Asset, now_ms: int) -> Enrolled:
        """Takes one use of the token, only when a certificate comes of it.

        Raises TokenRefused, AlreadyBound, NotAllowed, StoreFailed.
        """
        with self._store.write() as tx:
            spent = tx.access.use_token(secret_hash(token), now_ms=now_ms)
            known = _bound(tx, host)
            if known is not None and not spent.replace:
                raise AlreadyBound(
                    f"this host is enrolled as {known.id}; make a token with --replace, its history is kept"
                )
            if known is not None and known.customer != spent.customer:
                raise NotAllowed("this host belongs to another customer than the token")
            agent_id = known.id if known is not None else str(uuid.uuid4())
            issued = self._issuer.issue_client(csr_pem, agent_id, enrolment=now_ms, now=_moment(now_ms))
            agent = self._store_agent(tx, known, agent_id, issued, host, spent.customer, now_ms)
            facts: dict[str, Fact] = {
                "hostname": agent.hostname,
                "customer": agent.customer,
                "fingerprint": agent.fingerprint,
                "replaced": known is not None,
                "token_of": spent.made_by,
            }
            tx.access.audit(
                at_ms=now_ms, actor=f"agent:{agent_id}", action="agent.enrolled", subject=agent_id, facts=facts
            )
        return Enrolled(agent, issued)

    def renew(self, *, certificate_pem: bytes, csr_pem: bytes, wall_ms: int, signature: bytes, now_ms: int) -> Enrolled:
        """A certificate for the same identity, whose present key signed the request.

        Raises NotAllowed (which of: not ours, expired, revoked, clock, signature), StoreFailed.
        """
        certificate = self._issuer.verify_client(certificate_pem, now=_moment(now_ms))
        if abs(wall_ms - now_ms) > MAX_CLOCK_SKEW_MS:
            raise NotAllowed("the request's time is over ten minutes off; set the host's clock")
        _check_signature(certificate, csr_pem, wall_ms, signature)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        agent_id = str(names[0].value) if names else ""
        with self._store.write() as tx:
            agent = tx.agents.by_id(agent_id)
            if agent is None or agent.revoked:
                raise NotAllowed("this identity was revoked; enrol the host again")
            # Not the fingerprint: where the answer to a renewal was lost, the agent asks again with the old one.
            if self._issuer.enrolment_of(certificate) != agent.enrolled_ms:
                raise NotAllowed("this host was enrolled anew since; its older certificates renew nothing")
            issued = self._issuer.issue_client(csr_pem, agent_id, enrolment=agent.enrolled_ms, now=_moment(now_ms))
            agent = replace(agent, fingerprint=issued.fingerprint)
            tx.agents.replace(agent)
            tx.access.audit(
                at_ms=now_ms,
                actor=f"agent:{agent_id}",
                action="agent.renewed",
                subject=agent_id,
                facts={"fingerprint": issued.fingerprint},
            )
        return Enrolled(agent, issued)

    def refused(self, *, peer: str, reason: str, now_ms: int) -> None:
        """Records an attempt that came to nothing."""
        with self._store.write() as tx:
            tx.access.audit(
                at_ms=now_ms, actor=peer, action="agent.enrolment_refused", subject="", facts={"reason": reason}
            )

    def _store_agent(
        self,
        tx: Transaction,
        known: Agent | None,
        agent_id: str,
        issued: IssuedCertificate,
        host: reading_pb2.Asset,
        customer: str,
        now_ms: int,
    ) -> Agent:
        if known is not None:
            agent = replace(
                known,
                hostname=host.hostname,
                machine_id=host.machine_id,
                dmi_uuid=host.uuid,
                fingerprint=issued.fingerprint,
                enrolled_ms=now_ms,
                revoked=False,
            )
            tx.agents.replace(agent)
            return agent
        return tx.agents.add(
            Agent(
                id=agent_id,
                number=0,
                customer=customer,
                hostname=host.hostname,
                machine_id=host.machine_id,
                dmi_uuid=host.uuid,
                fingerprint=issued.fingerprint,
                enrolled_ms=now_ms,
            )
        )


class Throttle:
    """Refusals per peer within the last minute; a peer over the limit is turned away before anything is looked at."""

    def __init__(self) -> None:
        self._refusals: dict[str, list[int]] = {}

    def blocked(self, peer: str, *, now_ms: int) -> bool:
        return len(self._recent(peer, now_ms)) >= REFUSALS_PER_MINUTE

    def refused(self, peer: str, *, now_ms: int) -> None:
        recent = self._recent(peer, now_ms)
        self._refusals.pop(peer, None)
        if len(self._refusals) >= REMEMBERED_PEERS:
            del self._refusals[next(iter(self._refusals))]
        self._refusals[peer] = [*recent, now_ms]

    def _recent(self, peer: str, now_ms: int) -> list[int]:
        return [at_ms for at_ms in self._refusals.get(peer, ()) if now_ms - at_ms < 60_000]


class EnrolmentService(enrolment_pb2_grpc.EnrolmentServicer):
    """The two calls, on the event loop; the work is done on a thread."""

    def __init__(self, enrolment: Enrolment, *, clock_ms: Callable[[], int]) -> None:
        self._enrolment = enrolment
        self._clock_ms = clock_ms
        self._throttle = Throttle()

    async def Enroll(
        self, request: enrolment_pb2.EnrollRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> enrolment_pb2.EnrollReply:
        def work(now_ms: int) -> Enrolled:
            return self._enrolment.enroll(
                token=request.token, csr_pem=request.csr_pem, host=request.host, now_ms=now_ms
            )

        return await self._answer(context, work)

    async def Renew(
        self, request: enrolment_pb2.RenewRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> enrolment_pb2.EnrollReply:
        def work(now_ms: int) -> Enrolled:
            return self._enrolment.renew(
                certificate_pem=request.certificate_pem,
                csr_pem=request.csr_pem,
                wall_ms=request.wall_ms,
                signature=request.signature,
                now_ms=now_ms,
            )

        return await self._answer(context, work)

    async def _answer(
        self, context: grpc.aio.ServicerContext[Any, Any], work: Callable[[int], Enrolled]
    ) -> enrolment_pb2.EnrollReply:
        now_ms = self._clock_ms()
        peer = _peer_host(context.peer())
        if self._throttle.blocked(peer, now_ms=now_ms):
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many refused attempts; wait a minute")
        try:
            enrolled = await asyncio.to_thread(work, now_ms)
        except CollectorError as error:
            if not isinstance(error, TemporaryError):
                self._throttle.refused(peer, now_ms=now_ms)
                await asyncio.to_thread(self._enrolment.refused, peer=peer, reason=type(error).__name__, now_ms=now_ms)
            await context.abort(_status(error), str(error))
        return enrolment_pb2.EnrollReply(
            agent_id=enrolled.agent.id,
            certificate_pem=enrolled.issued.certificate,
            ca_pem=enrolled.issued.ca,
        )


def add_enrolment(server: grpc.aio.Server, enrolment: Enrolment, *, clock_ms: Callable[[], int]) -> None:
    """Puts the service on a server whose port presents the server certificate followed by the CA."""
    service = EnrolmentService(enrolment, clock_ms=clock_ms)
    enrolment_pb2_grpc.add_EnrolmentServicer_to_server(service, server)


def _bound(tx: Transaction, host: reading_pb2.Asset) -> Agent | None:
    """The agent this host is known by; one that tells neither machine-id nor UUID is known by none."""
    if not host.machine_id and not host.uuid:
        return None
    return tx.agents.by_host(machine_id=host.machine_id, dmi_uuid=host.uuid)


def _check_signature(certificate: x509.Certificate, csr_pem: bytes, wall_ms: int, signature: bytes) -> None:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise NotAllowed("the present certificate's key is not ECDSA")
    try:
        key.verify(signature, csr_pem + wall_ms.to_bytes(8, "big"), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise NotAllowed("the request is not signed by the present certificate's key") from None


def _status(error: CollectorError) -> grpc.StatusCode:
    match error:
        case TokenRefused():
            return grpc.StatusCode.UNAUTHENTICATED
        case AlreadyBound():
            return grpc.StatusCode.ALREADY_EXISTS
        case NotAllowed():
            return grpc.StatusCode.PERMISSION_DENIED
        case TemporaryError():
            return grpc.StatusCode.UNAVAILABLE
        case _:
            return grpc.StatusCode.INTERNAL


def _peer_host(peer: str) -> str:
    """ "ipv4:10.0.0.7:51234" -> "ipv4:10.0.0.7": a new port for every attempt is still the same peer."""
    return peer.rpartition(":")[0] or peer


def _moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
