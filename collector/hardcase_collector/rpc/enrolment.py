"""The enrolment port: a token becomes a client certificate, a certificate becomes its successor.

Started by `app.py`. Who may is decided by `joining.py`; here is the wire: throttling, statuses, metadata, the audit of
what was refused. On the telemetry port the same service binds certificates that hosts brought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

import grpc
import structlog
from cryptography import x509
from hardcase_protos.v1 import enrolment_pb2, enrolment_pb2_grpc

from hardcase_collector.domain.errors import CollectorError, JoiningRefused, TemporaryError
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.joining import RefusalName
from hardcase_collector.domain.pace import group_of
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.pki import UNREADABLE
from hardcase_collector.rpc.identity import single
from hardcase_collector.rpc.joining import Ask, Enrolled, Enrolment
from hardcase_collector.rpc.refusal_log import Entry, RefusalLog
from hardcase_collector.rpc.throttle import Throttle

log = structlog.stdlib.get_logger("hardcase_collector")

REFUSAL_KEY = "hardcase-refusal"
TIME_KEY = "hardcase-time"
LOOK_S = 60.0
Context = grpc.aio.ServicerContext[Any, Any]
IssuerOf = Callable[[x509.Certificate], str]

_STATUS = {
    RefusalName.TOKEN_UNKNOWN: grpc.StatusCode.UNAUTHENTICATED,
    RefusalName.TOKEN_EXPIRED: grpc.StatusCode.UNAUTHENTICATED,
    RefusalName.TOKEN_USED_UP: grpc.StatusCode.UNAUTHENTICATED,
    RefusalName.TOKEN_REVOKED: grpc.StatusCode.UNAUTHENTICATED,
    RefusalName.WAITING_FOR_APPROVAL: grpc.StatusCode.FAILED_PRECONDITION,
    RefusalName.TOO_MANY_WAITING: grpc.StatusCode.RESOURCE_EXHAUSTED,
    RefusalName.TOO_MANY_ATTEMPTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    RefusalName.ALREADY_BOUND: grpc.StatusCode.ALREADY_EXISTS,
    RefusalName.CLONED: grpc.StatusCode.ALREADY_EXISTS,
}
"""PERMISSION_DENIED for the others."""


class EnrolmentService(enrolment_pb2_grpc.EnrolmentServicer):
    """The two calls, on the event loop; the work is done on a thread.

    `issuer_of`: of certificates on connections; where it is given, those that are not ours may be bound.
    """

    def __init__(self, enrolment: Enrolment, *, clock_ms: Callable[[], int], issuer_of: IssuerOf | None = None) -> None:
        self._enrolment = enrolment
        self._clock_ms = clock_ms
        self._issuer_of = issuer_of
        self._throttle = Throttle()
        self._refusals = RefusalLog()
        self._telling: asyncio.Task[None] | None = None
        self.telemetry_port = 0
        """Told to those who join, once it is known."""

    def start(self) -> None:
        """From now on repeated refusals are told when their window is over."""
        self._telling = asyncio.create_task(self._tell_repeats(), name="refusals")

    async def stop(self) -> None:
        """Writes what was counted and not told yet."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        now_ms = self._clock_ms()
        await self._write(self._refusals.due(now_ms=now_ms, all=True), now_ms)

    async def _tell_repeats(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            now_ms = self._clock_ms()
            await self._write(self._refusals.due(now_ms=now_ms), now_ms)

    async def Enroll(self, request: enrolment_pb2.EnrollRequest, context: Context) -> enrolment_pb2.EnrollReply:
        address = address_of(context.peer())
        if not request.ByteSize():
            await self._abort(
                context,
                JoiningRefused(RefusalName.BAD_REQUEST, "an empty request is told the time alone"),
                self._clock_ms(),
            )

        def work(now_ms: int) -> Enrolled:
            ask = Ask(
                token=request.token,
                csr_pem=request.csr_pem,
                host=request.host,
                address=address,
                wall_ms=request.wall_ms,
                certificate=self._brought(context) if not request.csr_pem else None,
            )
            return self._enrolment.enroll(ask, now_ms=now_ms)

        host = request.host
        told: dict[str, Fact] = {
            "hostname": host.hostname[:200],
            "serial": host.serial[:200],
            "token": secret_hash(request.token)[:12],
        }
        return await self._answer(context, address, work, told)

    async def Renew(self, request: enrolment_pb2.RenewRequest, context: Context) -> enrolment_pb2.EnrollReply:
        def work(now_ms: int) -> Enrolled:
            return self._enrolment.renew(
                certificate_pem=request.certificate_pem,
                csr_pem=request.csr_pem,
                wall_ms=request.wall_ms,
                signature=request.signature,
                now_ms=now_ms,
            )

        return await self._answer(context, address_of(context.peer()), work, {"agent": _claimed(request)})

    def _brought(self, context: Context) -> x509.Certificate | None:
        """The certificate of the site's own CA on this connection: TLS has proved it and its key."""
        pem = single(context.auth_context(), "x509_pem_cert")
        if self._issuer_of is None or not pem:
            return None
        certificate = x509.load_pem_x509_certificate(pem)
        return None if self._issuer_of(certificate) else certificate

    async def _answer(
        self, context: Context, address: str, work: Callable[[int], Enrolled], told: dict[str, Fact]
    ) -> enrolment_pb2.EnrollReply:
        now_ms = self._clock_ms()
        if self._throttle.blocked(address, now_ms=now_ms):
            await self._abort(
                context,
                JoiningRefused(RefusalName.TOO_MANY_ATTEMPTS, "too many refused attempts; wait a minute"),
                now_ms,
            )
        begun = False

        def looked_at() -> Enrolled:
            nonlocal begun
            begun = True
            return work(now_ms)

        try:
            enrolled = await asyncio.to_thread(looked_at)
        except asyncio.CancelledError:
            # Who hangs up before the answer has cost as much as who is refused.
            if begun:
                self._throttle.refused(address, now_ms=now_ms)
            raise
        except CollectorError as error:
            await self._count(error, address, told, now_ms)
            await self._abort(context, error, now_ms)
        return enrolment_pb2.EnrollReply(
            agent_id=enrolled.agent.id,
            certificate_pem=enrolled.certificate,
            ca_pem=enrolled.ca,
            wall_ms=now_ms,
            telemetry_port=self.telemetry_port,
        )

    async def _count(self, error: CollectorError, address: str, told: dict[str, Fact], now_ms: int) -> None:
        name = _name(error)
        if isinstance(error, TemporaryError) or name == RefusalName.WAITING_FOR_APPROVAL:
            return
        self._throttle.refused(address, now_ms=now_ms)
        facts: dict[str, Fact] = {key: value for key, value in told.items() if value != ""}
        await self._write(self._refusals.note(group_of(address), Entry(address, name, facts), now_ms=now_ms), now_ms)

    async def _write(self, entries: Sequence[Entry], now_ms: int) -> None:
        for entry in entries:
            facts = dict(entry.facts)
            try:
                await asyncio.to_thread(
                    self._enrolment.refused, peer=entry.address, name=entry.name, facts=facts, now_ms=now_ms
                )
            except TemporaryError as error:
                # Who is refused is told so by its name, whatever the disk says.
                log.warning("a refusal could not be written down", name=entry.name, error=str(error))

    async def _abort(self, context: Context, error: CollectorError, now_ms: int) -> None:
        status = _STATUS.get(RefusalName(_name(error)), grpc.StatusCode.PERMISSION_DENIED) if _name(error) else None
        if status is None:
            temporary = isinstance(error, TemporaryError)
            status = grpc.StatusCode.UNAVAILABLE if temporary else grpc.StatusCode.INTERNAL
        trailing = (
            ((REFUSAL_KEY, _name(error)), (TIME_KEY, str(now_ms))) if _name(error) else ((TIME_KEY, str(now_ms)),)
        )
        await context.abort(status, str(error), trailing)


def add_enrolment(server: grpc.aio.Server, service: EnrolmentService) -> None:
    """Puts the service on a server whose port presents the server certificate followed by the CA."""
    enrolment_pb2_grpc.add_EnrolmentServicer_to_server(service, server)


def address_of(peer: str) -> str:
    """ "ipv4:10.0.0.7:51234" -> "10.0.0.7", "ipv6:%5B::1%5D:51234" -> "::1": a new port is still the same peer."""
    family, _, rest = unquote(peer).partition(":")
    if family not in ("ipv4", "ipv6"):
        return peer
    address = rest.rpartition(":")[0].strip("[]").partition("%")[0]
    return address.removeprefix("::ffff:") if "." in address else address


def _name(error: CollectorError) -> str:
    return error.name if isinstance(error, JoiningRefused) else ""


def _claimed(request: enrolment_pb2.RenewRequest) -> str:
    """Who the certificate says it is, proved or not; "" where it says nothing."""
    try:
        subject = x509.load_pem_x509_certificate(request.certificate_pem).subject
    except UNREADABLE:
        return ""
    return subject.rfc4514_string()[:200]
