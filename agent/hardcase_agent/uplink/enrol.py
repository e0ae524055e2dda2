"""Getting and renewing the client certificate. Called by `joining.py` (enroll, the drop-in file) and `link.py`
(renewal).

Order matters: the server proves that its CA is the one whose fingerprint the person was given, then the library
checks its certificate against that CA, and only then the token is sent.
"""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass, replace
from pathlib import Path

from google.protobuf.message import DecodeError
from hardcase_protos.v1 import enrolment_pb2 as enrolment

from hardcase_agent import __version__
from hardcase_agent.domain.errors import AccessDenied, AgentError, CollectorUnreachable, EnrolmentRefused
from hardcase_agent.domain.part import Asset
from hardcase_agent.uplink import keys, refusals, tunnel
from hardcase_agent.uplink.codec import host_message
from hardcase_agent.uplink.endpoint import ENROLMENT_PORT, Proxy
from hardcase_agent.uplink.identity import Identity, certificates
from hardcase_agent.uplink.tunnel import CALL_S
from hardcase_agent.uplink.wire import ENROLL_PATH, RENEW_PATH, Channel, grpc, secure_channel

_TEMPORARY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where to enroll, what the certificate must say ("" = the host), by which proxy."""

    target: str
    server_name: str = ""
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """A certificate and its key that the site issued."""

    certificate: Path
    key: Path

    def read(self) -> tuple[bytes, bytes]:
        """Key and chain, PEM. Raises AccessDenied."""
        try:
            return self.key.read_bytes(), self.certificate.read_bytes()
        except OSError as error:
            raise AccessDenied(f"{error.filename} cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Joined:
    identity: Identity
    clock_off_ms: int
    """This host's clock against the collector's; above 0 = ahead."""


async def fetch_ca(server: Server, fingerprint: str) -> bytes:
    """The CA certificate with this SHA-256 fingerprint ("sha256:<hex>", colons allowed) from the server's own chain,
    as PEM. Raises EnrolmentRefused if the chain has no such certificate, CollectorUnreachable."""
    wanted = parse_fingerprint(fingerprint)
    chain = await tunnel.presented_chain(server.target, server.proxy)
    for der in chain:
        if hashlib.sha256(der).digest() == wanted:
            return ssl.DER_cert_to_PEM_cert(der).encode()
    shown = hashlib.sha256(chain[-1]).hexdigest() if chain else "nothing"
    raise EnrolmentRefused(
        f"{server.target} does not show a CA with this fingerprint; its last certificate is sha256:{shown}. "
        "Compare it with what `hardcase-collector ca status` says there; nothing was sent"
    )


def read_ca(path: Path, fingerprint: str) -> bytes:
    """The CAs of a file. Raises EnrolmentRefused if none has the fingerprint (where one is given)."""
    try:
        found = certificates(path.read_text())
    except (OSError, ValueError) as error:
        raise EnrolmentRefused(f"{path} holds no PEM certificate: {error}") from error
    if not found:
        raise EnrolmentRefused(f"{path} holds no PEM certificate")
    if fingerprint and parse_fingerprint(fingerprint) not in [hashlib.sha256(der).digest() for der in found]:
        raise EnrolmentRefused(f"{path} is not the CA with this fingerprint; nothing was sent")
    return "".join(map(ssl.DER_cert_to_PEM_cert, found)).encode()


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


async def enroll(server: Server, ca_pem: bytes, token: str, host: Asset, *, key_pem: bytes, wall_ms: int) -> Joined:
    """Exchanges a token for a certificate of this key; asked again with both it is the same one.

    Raises EnrolmentRefused, WaitingForApproval, CollectorUnreachable.
    """
    request = enrolment.EnrollRequest(
        token=token,
        csr_pem=keys.request_pem(key_pem, host.hostname),
        host=host_message(host),
        agent_version=__version__,
        wall_ms=wall_ms,
    )
    reply = await _call(server, ENROLL_PATH, ca_pem, request, wall_ms=wall_ms)
    return Joined(_identity(server, key_pem, reply, ca_pem), wall_ms - reply.wall_ms if reply.wall_ms else 0)


async def bring(server: Server, ca_pem: bytes, token: str, host: Asset, *, own: Own, wall_ms: int) -> Joined:
    """Binds a certificate of the site's own CA at the telemetry port. Raises as `enroll`, and AccessDenied."""
    request = enrolment.EnrollRequest(token=token, host=host_message(host), agent_version=__version__, wall_ms=wall_ms)
    reply = await _call(server, ENROLL_PATH, ca_pem, request, wall_ms=wall_ms, pair=own.read())
    try:
        trusted = (reply.ca_pem or ca_pem).decode("ascii")
        certificates(trusted)
    except ValueError as error:
        raise EnrolmentRefused("the collector answered with something that is no CA") from error
    identity = Identity(
        agent_id=reply.agent_id,
        enrolment="",
        server_name=server.server_name,
        ca_pem=trusted,
        certificate_pem="",
        key_pem="",
        not_before_ms=0,
        not_after_ms=0,
        telemetry=server.target,
        certificate_file=str(own.certificate),
        key_file=str(own.key),
    )
    return Joined(identity, wall_ms - reply.wall_ms if reply.wall_ms else 0)


async def renew(identity: Identity, target: str, host: Asset, wall_ms: int, *, proxy: Proxy | None = None) -> Joined:
    """A new key and certificate for the same agent, signed for with the present key. Raises as `enroll`.

    A clock that is off refuses the first try; the collector's own time, told over its proved connection, is taken for
    the second.
    """
    server = Server(target=target, server_name=identity.server_name, proxy=proxy)
    try:
        return await _renew(server, identity, host, wall_ms, 0)
    except EnrolmentRefused as error:
        told_ms = error.collector_ms
        if error.refusal != refusals.CLOCK_OFF or not told_ms:
            raise
        return await _renew(server, identity, host, told_ms, wall_ms - told_ms)


async def _renew(server: Server, identity: Identity, host: Asset, wall_ms: int, off_ms: int) -> Joined:
    key_pem = keys.new_key_pem()
    csr_pem = keys.request_pem(key_pem, host.hostname)
    request = enrolment.RenewRequest(
        certificate_pem=identity.certificate_pem.encode(),
        csr_pem=csr_pem,
        wall_ms=wall_ms,
        signature=keys.sign(identity.key_pem.encode(), csr_pem + wall_ms.to_bytes(8, "big")),
    )
    ca_pem = identity.ca_pem.encode()
    reply = await _call(server, RENEW_PATH, ca_pem, request, wall_ms=wall_ms)
    fresh = _identity(server, key_pem, reply, ca_pem)
    return Joined(replace(fresh, telemetry=identity.telemetry or fresh.telemetry), off_ms)


def _identity(server: Server, key_pem: bytes, reply: enrolment.EnrollReply, pinned: bytes) -> Identity:
    try:
        known = set(certificates(pinned.decode()))
        if not known & set(certificates(reply.ca_pem.decode())):
            # A CA may be joined by its successor, never silently replaced.
            raise EnrolmentRefused("the collector answered with another CA than the one it was reached by")
    except ValueError as error:
        raise EnrolmentRefused("the collector answered with something that is no CA") from error
    not_before_ms, not_after_ms = keys.validity_ms(reply.certificate_pem, key_pem)
    telemetry = f"{server.target.rpartition(':')[0]}:{reply.telemetry_port}" if reply.telemetry_port else ""
    return Identity(
        agent_id=reply.agent_id,
        enrolment=server.target,
        server_name=server.server_name,
        ca_pem=reply.ca_pem.decode(),
        certificate_pem=reply.certificate_pem.decode(),
        key_pem=key_pem.decode(),
        not_before_ms=not_before_ms,
        not_after_ms=not_after_ms,
        telemetry=telemetry,
    )


async def _call(
    server: Server,
    path: str,
    ca_pem: bytes,
    request: enrolment.EnrollRequest | enrolment.RenewRequest,
    *,
    wall_ms: int,
    pair: tuple[bytes, bytes] | None = None,
) -> enrolment.EnrollReply:
    channel = _channel(server, ca_pem, pair)
    try:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        return enrolment.EnrollReply.FromString(await call(request.SerializeToString(), timeout=CALL_S))
    except grpc.aio.AioRpcError as error:
        raise await _named(server, error, wall_ms) from error
    except DecodeError as error:
        raise EnrolmentRefused(
            f"{server.target} answered with something that is no answer to enrolment: is it the collector, and of a "
            "version that this agent knows?"
        ) from error
    finally:
        await channel.close()


def _channel(server: Server, ca_pem: bytes, pair: tuple[bytes, bytes] | None = None) -> Channel:
    """`pair`: key and certificate that this host shows; None: it shows none."""
    key_pem, certificate_pem = pair or (None, None)
    return secure_channel(
        server.target,
        ca_pem=ca_pem,
        key_pem=key_pem,
        certificate_pem=certificate_pem,
        server_name=server.server_name,
        proxy=server.proxy,
    )


async def _named(server: Server, error: grpc.aio.AioRpcError, wall_ms: int) -> AgentError:
    code, detail = error.code(), error.details() or ""
    told = {key: str(value) for key, value in error.trailing_metadata() or ()}
    name = told.get(refusals.REFUSAL_KEY, "")
    if name:
        at_ms = told.get(refusals.TIME_KEY, "")
        return refusals.named(server.target, name, detail, int(at_ms) if at_ms.isdecimal() else 0)
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return EnrolmentRefused(f"the token is wrong, used up or expired ({detail}); make a new one at the collector")
    if code is grpc.StatusCode.ALREADY_EXISTS:
        return EnrolmentRefused(
            f"this host is already bound to another identity ({detail}); use a token made with --replace"
        )
    if code not in _TEMPORARY:
        return EnrolmentRefused(f"{server.target} refused: {code.name}: {detail}")
    if "ALPN" in detail:
        return EnrolmentRefused(
            f"{server.target} speaks TLS, but nothing that hosts join by: is it the enrolment port "
            f"({ENROLMENT_PORT}, or listen.enrolment at the collector), and not that of its pages?"
        )
    clock = await clock_trouble(server, wall_ms) if "andshake" in detail or "CERTIFICATE" in detail else ""
    because = f"{clock}; {detail}" if clock else detail
    return CollectorUnreachable(f"{server.target} does not answer the enrolment call: {because}; try again later")


async def collector_ms(server: Server, ca_pem: bytes, *, within_s: float = CALL_S) -> int:
    """The collector's Unix time, ms, told over a connection that this CA proves; it costs nothing there.

    Raises CollectorUnreachable, also where it tells none.
    """
    channel = _channel(server, ca_pem)
    try:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(ENROLL_PATH)
        await call(enrolment.EnrollRequest().SerializeToString(), timeout=within_s)
    except grpc.aio.AioRpcError as error:
        told = {key: str(value) for key, value in error.trailing_metadata() or ()}.get(refusals.TIME_KEY, "")
        if told.isdecimal() and len(told) < 16:
            return int(told)
        raise CollectorUnreachable(f"{server.target}: {error.code().name}: {error.details() or ''}") from error
    finally:
        await channel.close()
    raise CollectorUnreachable(f"{server.target} tells no time")


async def clock_trouble(server: Server, wall_ms: int) -> str:
    """What the server's certificate says of this host's clock: "" where it is good by it, or cannot be looked at."""
    try:
        chain = await tunnel.presented_chain(server.target, server.proxy)
        not_before_ms, not_after_ms = keys.validity_of(chain[0])
    except (AgentError, ValueError, IndexError):
        return ""
    if wall_ms < not_before_ms:
        off = refusals.clock_sentence(wall_ms - not_before_ms)
        return f"{off}, at least: the collector's certificate begins later; set the clock (timedatectl)"
    if wall_ms > not_after_ms:
        off = refusals.clock_sentence(wall_ms - not_after_ms)
        return f"the collector's certificate has ended, or {off}, at least (timedatectl)"
    return ""
