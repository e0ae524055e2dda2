"""Who is at the other end of a stream: certificate to `Agent`. Called by `service.py` on every new stream."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.ports import AgentStore


class Revoked(NotAllowed):
    """The identity was revoked, or its certificate replaced by another enrolment."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What the transport proves."""

    agent_id: str
    fingerprint: str
    """SHA-256 of the certificate in DER, hex."""
    enrolment: int | None
    """`Agent.enrolled_ms` of the enrolment it was issued for, where the certificate says it."""


EnrolmentOf = Callable[[x509.Certificate], int | None]


def peer_of(properties: Mapping[str, Iterable[bytes]], enrolment_of: EnrolmentOf) -> Peer:
    """Reads gRPC's authentication context. Raises NotAllowed for anything but TLS 1.3 with one client certificate."""
    version = single(properties, "ssl_tls_version")
    if version != b"TLSv1.3":
        raise NotAllowed(f"TLS 1.3 is required, this stream has {version.decode(errors='replace') or 'no TLS'}")
    pem = single(properties, "x509_pem_cert")
    name = single(properties, "x509_common_name")
    if not pem or not name:
        raise NotAllowed("a client certificate of this collector is required; enroll this host")
    certificate = x509.load_pem_x509_certificate(pem)
    fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    return Peer(name.decode(errors="replace"), fingerprint, enrolment_of(certificate))


def single(properties: Mapping[str, Iterable[bytes]], key: str) -> bytes:
    found: Sequence[bytes] = list(properties.get(key, ()))
    return found[0] if len(found) == 1 else b""


def agent_of(agents: AgentStore, peer: Peer) -> Agent:
    """The enrolled agent. Raises NotAllowed (unknown) or Revoked."""
    agent = agents.by_id(peer.agent_id)
    if agent is None:
        raise NotAllowed("this collector did not enroll this identity; enroll this host again")
    if agent.revoked:
        raise Revoked("this identity was revoked; enroll this host again with a new token")
    # A certificate stays good after its renewal, whose answer may have been lost; another enrolment ends it.
    if peer.enrolment != agent.enrolled_ms and agent.fingerprint.lower() != peer.fingerprint:
        raise Revoked("this host was enrolled anew since; enroll it again with a --replace token")
    return agent


def insecure_agent(agents: AgentStore, *, machine_id: str, dmi_uuid: str) -> Agent:
    """Plain text on loopback proves nothing: the host that Hello names is believed. Raises NotAllowed (unknown)."""
    agent = agents.by_host(machine_id=machine_id, dmi_uuid=dmi_uuid)
    if agent is None or agent.revoked:
        raise NotAllowed("this host is not enrolled; enroll it first, plain text or not")
    return agent
