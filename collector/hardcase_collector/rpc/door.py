"""Before a stream is one: its Hello, who says it, and how somebody is turned away. Used by `service.py`.

Who may come in is decided by `gate.py`; here it is put into words of the wire.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from hardcase_protos.v1 import telemetry_pb2

from hardcase_collector.domain.errors import JoiningRefused, NotAllowed, TemporaryError
from hardcase_collector.domain.joining import RefusalName
from hardcase_collector.rpc import identity
from hardcase_collector.rpc.enrolment import REFUSAL_KEY, TIME_KEY, address_of
from hardcase_collector.rpc.gate import Entered, Gate

log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[bytes, bytes]
Close = telemetry_pb2.Close

PROTOCOL = 1
"""Of this release. An agent of a later one is told this number in Welcome and decides whether it speaks it too."""
OLDEST_PROTOCOL = 1
"""Of release N-2: older agents are asked to be updated."""
HELLO_S = 20.0
"""A peer that has not said Hello by then is no agent."""
LONGEST_BOOT_ID = 64
"""Bytes; the kernel's has 16. They are remembered."""
MOST_ROOTS = 256
"""CAs that an agent trusts: as many as a site's whole bundle. They are stored."""
TWO_MACHINES = (
    "two machines stream with this identity: a copied image or identity.json. The one that came later is refused: "
    "remove identity.json there and enroll it on its own, with a machine-id of its own"
)


class Refusal(Exception):
    """The stream ends with this Close."""

    def __init__(self, cause: Close.Cause.ValueType, detail: str, name: str = "") -> None:
        """`name`: of the cause, for programs (joining.RefusalName); such refusals are audited."""
        super().__init__(detail)
        self.cause = cause
        self.detail = detail
        self.name = name


_STATUS = {
    Close.CAUSE_SUPERSEDED: grpc.StatusCode.ABORTED,
    Close.CAUSE_CLONED: grpc.StatusCode.PERMISSION_DENIED,
    Close.CAUSE_REVOKED: grpc.StatusCode.UNAUTHENTICATED,
    Close.CAUSE_PROTOCOL: grpc.StatusCode.INVALID_ARGUMENT,
    Close.CAUSE_DRAINING: grpc.StatusCode.UNAVAILABLE,
}


def close_message(refusal: Refusal) -> bytes:
    close = Close(cause=refusal.cause, detail=refusal.detail)
    return telemetry_pb2.CollectorMessage(close=close).SerializeToString()


class Door:
    """On the event loop."""

    def __init__(self, gate: Gate, wall_ms: Callable[[], int], *, hello_s: float = HELLO_S) -> None:
        self._gate = gate
        self._hello_s = hello_s
        self._wall_ms = wall_ms

    async def hello(self, context: Context) -> telemetry_pb2.Hello:
        try:
            async with asyncio.timeout(self._hello_s):
                first = await context.read()
        except TimeoutError:
            # A busy host may be late once; a Close of the protocol would keep its agent away for good.
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no Hello within {self._hello_s:.0f} s")
        try:
            message = telemetry_pb2.AgentMessage.FromString(first) if isinstance(first, bytes) else None
        except DecodeError:
            message = None
        if message is None or not message.HasField("hello"):
            raise Refusal(Close.CAUSE_PROTOCOL, "the first message must be Hello")
        hello = message.hello
        if hello.protocol < OLDEST_PROTOCOL:
            spoken = f"protocol {hello.protocol} is not spoken here any more, {OLDEST_PROTOCOL} to {PROTOCOL} are"
            raise Refusal(Close.CAUSE_PROTOCOL, f"{spoken}: update the agent")
        if any(len(held.epoch) != 16 for held in hello.epochs):
            raise Refusal(Close.CAUSE_PROTOCOL, "an epoch is not 16 bytes")
        if len(hello.boot_id) > LONGEST_BOOT_ID or len(hello.roots) > MOST_ROOTS:
            raise Refusal(Close.CAUSE_PROTOCOL, f"a boot id above {LONGEST_BOOT_ID} bytes, or {MOST_ROOTS} roots")
        return hello

    async def enter(self, context: Context, hello: telemetry_pb2.Hello) -> Entered:
        try:
            entered = await asyncio.to_thread(self._gate.identify, context.auth_context(), hello)
        except NotAllowed as refusal:
            claimed = identity.single(context.auth_context(), "x509_common_name").decode(errors="replace")
            name = refusal.name if isinstance(refusal, JoiningRefused) else RefusalName.UNKNOWN_IDENTITY
            raise await self.turned_away(context, claimed, Close.CAUSE_REVOKED, refusal, name) from refusal
        except TemporaryError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        if self._gate.is_clone(entered.agent, hello.boot_id):
            raise Refusal(Close.CAUSE_CLONED, TWO_MACHINES, RefusalName.CLONED)
        return entered

    async def turned_away(
        self, context: Context, agent_id: str, cause: Close.Cause.ValueType, why: object, name: str
    ) -> Refusal:
        """The refusal to raise, written into the audit log where it is not the same again."""
        address, now_ms, sentence = address_of(context.peer()), self._wall_ms(), str(why)
        if self._gate.audit_due(address=address, agent_id=agent_id, name=name, now_ms=now_ms):
            await asyncio.to_thread(
                self._gate.audit, address=address, agent_id=agent_id, name=name, sentence=sentence, now_ms=now_ms
            )
        return Refusal(cause, sentence, name)

    async def refuse(self, context: Context, refusal: Refusal, *, already_told: bool = False) -> None:
        try:
            if not already_told:
                await context.write(close_message(refusal))
            context.set_code(_STATUS[refusal.cause])
            context.set_details(refusal.detail)
            if refusal.name:
                context.set_trailing_metadata(((REFUSAL_KEY, refusal.name), (TIME_KEY, str(self._wall_ms()))))
        except (grpc.RpcError, grpc.aio.UsageError, grpc.aio.InternalError, asyncio.InvalidStateError):
            log.debug("the peer was gone before it could be told: %s", refusal.detail)


class Handlers(grpc.GenericRpcHandler):
    """Several services as one."""

    def __init__(self, *services: grpc.GenericRpcHandler) -> None:
        self._services = services

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        return next((found for one in self._services if (found := one.service(call)) is not None), None)
