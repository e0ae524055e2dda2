"""Who is at the other end of a stream: certificate to `Agent`. Called by `service.py` on every new stream."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import JoiningRefused, NotAllowed
from hardcase_collector.domain.joining import RefusalName
from hardcase_collector.domain.ports import AgentStore

SITE_PREFIX = "x509:"
"""Begins the identities of certificates that the site's own CA issued: no id of ours can be taken for one."""


class Revoked(JoiningRefused):
    """The identity was revoked, or its certificate replaced by another enrolment."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What the transport proves."""

    agent_id: str
    fingerprint: str
    """SHA-256 of the certificate in DER, hex."""
    enrolment: int | None
    """`Agent.enrolled_ms` of the enrolment it was issued for, where the certificate says it."""
    issuer: str = ""
    """SHA-256, hex, of the CA of ours that issued it; "" = the site's own, or not asked."""


EnrolmentOf = Callable[[x509.Certificate], int | None]
IssuerOf = Callable[[x509.Certificate], str]


def peer_of(
    properties: Mapping[str, Iterable[bytes]], enrolment_of: EnrolmentOf, issuer_of: IssuerOf | None = None
) -> Peer:
    """Reads gRPC's authentication context. Raises NotAllowed for anything but TLS 1.3 with one client certificate.

    Without `issuer_of` every certificate is one of ours.
    """
    version = single(properties, "ssl_tls_version")
    if version != b"TLSv1.3":
        raise NotAllowed(f"TLS 1.3 is required, this stream has {version.decode(errors='replace') or 'no TLS'}")
    pem = single(properties, "x509_pem_cert")
    name = single(properties, "x509_common_name")
    certificate = x509.load_pem_x509_certificate(pem) if pem else None
    issuer = issuer_of(certificate) if issuer_of is not None and certificate is not None else None
    if certificate is None or (not name and issuer != ""):
        raise NotAllowed("a client certificate of this collector is required; enroll this host")
    fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    if issuer == "":
        return Peer(site_identity(certificate), fingerprint, None)
    return Peer(name.decode(errors="replace"), fingerprint, enrolment_of(certificate), issuer or "")


def site_identity(certificate: x509.Certificate) -> str:
    """Who a certificate of the site's own CA stands for: its first DNS name, else its common name; so it may be
    renewed by whatever renews it there. Raises JoiningRefused where it has neither."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternatives.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    names = names or [str(one.value) for one in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    if not names or not names[0].strip():
        raise JoiningRefused(RefusalName.BAD_REQUEST, "this certificate has neither a DNS name nor a common name")
    return SITE_PREFIX + names[0].strip().lower()


def single(properties: Mapping[str, Iterable[bytes]], key: str) -> bytes:
    found: Sequence[bytes] = list(properties.get(key, ()))
    return found[0] if len(found) == 1 else b""


def agent_of(agents: AgentStore, peer: Peer) -> Agent:
    """The enrolled agent. Raises NotAllowed (unknown) or Revoked."""
    agent = agents.by_id(peer.agent_id)
    if agent is None:
        raise JoiningRefused(
            RefusalName.UNKNOWN_IDENTITY, "this collector did not enroll this identity; enroll this host again"
        )
    if agent.revoked:
        raise Revoked(RefusalName.REVOKED, "this identity was revoked; enroll this host again with a new token")
    if peer.agent_id.startswith(SITE_PREFIX):
        return agent
    # A certificate stays good after its renewal, whose answer may have been lost; another enrolment ends it.
    if peer.enrolment != agent.enrolled_ms and agent.fingerprint.lower() != peer.fingerprint:
        raise Revoked(
            RefusalName.ENROLLED_ANEW, "this host was enrolled anew since; enroll it again with a --replace token"
        )
    return agent


def insecure_agent(agents: AgentStore, *, machine_id: str, dmi_uuid: str) -> Agent:
    """Plain text on loopback proves nothing: the host that Hello names is believed. Raises NotAllowed (unknown)."""
    agent = agents.by_host(machine_id=machine_id, dmi_uuid=dmi_uuid)
    if agent is None or agent.revoked:
        raise NotAllowed("this host is not enrolled; enroll it first, plain text or not")
    return agent
