"""Getting and renewing the client certificate. Called by `cli.py` (enroll) and `app.py` (renewal).

Order matters: the server proves that its CA is the one whose fingerprint the person was given, then the library
checks its certificate against that CA, and only then the token is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from hardcase_protos.v1 import enrolment_pb2 as enrolment

from hardcase_agent import __version__
from hardcase_agent.domain.errors import CollectorUnreachable, EnrolmentRefused
from hardcase_agent.domain.part import Asset
from hardcase_agent.uplink import keys
from hardcase_agent.uplink.codec import host_message
from hardcase_agent.uplink.identity import Identity
from hardcase_agent.uplink.wire import ENROLL_PATH, RENEW_PATH, grpc, secure_channel

_LOOK = (
    "is the collector running (systemctl status hardcase-collector), is this the enrolment port (`listen.enrolment` of "
    "its collector.toml), and does a firewall let it through? Nothing was sent"
)
CALL_S = 20.0
"""Deadline of each step with the collector: a slow WAN and a busy disk fit in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where to enroll and what the certificate must say ("" = the host)."""

    target: str
    server_name: str = ""


async def fetch_ca(server: Server, fingerprint: str) -> bytes:
    """The CA certificate with this SHA-256 fingerprint ("sha256:<hex>", colons allowed) from the server's own chain,
    as PEM. Raises EnrolmentRefused if the chain has no such certificate, CollectorUnreachable."""
    wanted = parse_fingerprint(fingerprint)
    chain = await _presented_chain(server)
    for der in chain:
        if hashlib.sha256(der).digest() == wanted:
            return ssl.DER_cert_to_PEM_cert(der).encode()
    shown = hashlib.sha256(chain[-1]).hexdigest() if chain else "nothing"
    raise EnrolmentRefused(
        f"{server.target} does not show a CA with this fingerprint; its last certificate is sha256:{shown}. "
        "Compare it with what `hardcase-collector init` printed; nothing was sent"
    )


def read_ca(path: Path, fingerprint: str) -> bytes:
    """The CA from a file. Raises EnrolmentRefused if it is not the one with the fingerprint (where one is given)."""
    try:
        pem = path.read_text()
        der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE-----") :].strip())
    except (OSError, ValueError) as error:
        raise EnrolmentRefused(f"{path} holds no PEM certificate: {error}") from error
    if fingerprint and hashlib.sha256(der).digest() != parse_fingerprint(fingerprint):
        raise EnrolmentRefused(f"{path} is not the CA with this fingerprint; nothing was sent")
    return ssl.DER_cert_to_PEM_cert(der).encode()


def parse_fingerprint(text: str) -> bytes:
    """Raises EnrolmentRefused."""
    digits = text.strip().lower().removeprefix("sha256:").replace(":", "")
    try:
        digest = bytes.fromhex(digits)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise EnrolmentRefused("the CA fingerprint must be sha256: and 64 hex digits")
    return digest


async def enroll(server: Server, ca_pem: bytes, token: str, host: Asset) -> Identity:
    """Exchange a token for a certificate. Raises EnrolmentRefused, CollectorUnreachable."""
    key_pem = keys.new_key_pem()
    request = enrolment.EnrollRequest(
        token=token,
        csr_pem=keys.request_pem(key_pem, host.hostname),
        host=host_message(host),
        agent_version=__version__,
    )
    reply = await _call(server, ENROLL_PATH, ca_pem, request)
    return _identity(server, key_pem, reply, ca_pem)


async def renew(identity: Identity, target: str, host: Asset, wall_ms: int) -> Identity:
    """A new key and certificate for the same agent, signed for with the present key. Raises as `enroll`."""
    key_pem = keys.new_key_pem()
    csr_pem = keys.request_pem(key_pem, host.hostname)
    signed = csr_pem + wall_ms.to_bytes(8, "big")
    request = enrolment.RenewRequest(
        certificate_pem=identity.certificate_pem.encode(),
        csr_pem=csr_pem,
        wall_ms=wall_ms,
        signature=keys.sign(identity.key_pem.encode(), signed),
    )
    server = Server(target=target, server_name=identity.server_name)
    ca_pem = identity.ca_pem.encode()
    reply = await _call(server, RENEW_PATH, ca_pem, request)
    return _identity(server, key_pem, reply, ca_pem)


def _identity(server: Server, key_pem: bytes, reply: enrolment.EnrollReply, pinned: bytes) -> Identity:
    if pinned.strip() not in reply.ca_pem:
        # A CA may be joined by its successor, never silently replaced.
        raise EnrolmentRefused("the collector answered with another CA than the one it was reached by")
    not_before_ms, not_after_ms = keys.validity_ms(reply.certificate_pem, key_pem)
    return Identity(
        agent_id=reply.agent_id,
        enrolment=server.target,
        server_name=server.server_name,
        ca_pem=reply.ca_pem.decode(),
        certificate_pem=reply.certificate_pem.decode(),
        key_pem=key_pem.decode(),
        not_before_ms=not_before_ms,
        not_after_ms=not_after_ms,
    )


async def _call(
    server: Server, path: str, ca_pem: bytes, request: enrolment.EnrollRequest | enrolment.RenewRequest
) -> enrolment.EnrollReply:
    channel = secure_channel(
        server.target, ca_pem=ca_pem, key_pem=None, certificate_pem=None, server_name=server.server_name
    )
    try:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        return enrolment.EnrollReply.FromString(await call(request.SerializeToString(), timeout=CALL_S))
    except grpc.aio.AioRpcError as error:
        raise _named(server, error) from error
    finally:
        await channel.close()


def _named(server: Server, error: grpc.aio.AioRpcError) -> EnrolmentRefused | CollectorUnreachable:
    code, detail = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return EnrolmentRefused(f"the token is wrong, used up or expired ({detail}); make a new one at the collector")
    if code is grpc.StatusCode.ALREADY_EXISTS:
        return EnrolmentRefused(
            f"this host is already bound to another identity ({detail}); use a token made with --replace"
        )
    temporary = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)
    if code in temporary:
        return CollectorUnreachable(f"{server.target} does not answer the enrolment call: {detail}; try again later")
    return EnrolmentRefused(f"{server.target} refused: {code.name}: {detail}")


async def _presented_chain(server: Server) -> list[bytes]:
    """DER certificates as the server sends them, not verified: only fingerprints are taken from them."""
    host, _, port = server.target.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    try:
        async with asyncio.timeout(CALL_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
    except (OSError, ValueError, TimeoutError) as error:
        why = _why(error)
        raise CollectorUnreachable(f"no TLS 1.3 connection to {server.target}: {why}; {_LOOK}") from error
    try:
        return _der_chain(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()


def _why(error: OSError | ValueError | TimeoutError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, TimeoutError):
        return f"no answer within {CALL_S:g} s"
    return str(error) or type(error).__name__


def _der_chain(connection: ssl.SSLObject) -> list[bytes]:
    # Public from Python 3.13 on (there as bytes); before that only on the inner object.
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:
        return [bytes(der) for der in public()]
    inner = connection._sslobj  # type: ignore[attr-defined]  # no other way on 3.11 and 3.12
    return [certificate.public_bytes(2) for certificate in inner.get_unverified_chain() or ()]
