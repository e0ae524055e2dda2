"""Asks SNMP devices (v2c, v3) and gives back plain values; no pysnmp type leaves this module.

Called by `sensors/snmp/source.py`; the engine beneath is `sensors/snmp/engine.py`. Every call has a deadline, and asks
for less at a time where a device cannot answer as much.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from pysnmp.error import PySnmpError

from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    CredentialsRefused,
    DeviceBusy,
    DeviceFailed,
    DeviceHung,
    MalformedAnswer,
)
from hardcase_agent.sensors.snmp.deadline import Deadline
from hardcase_agent.sensors.snmp.discovery import Presence, discover
from hardcase_agent.sensors.snmp.engine import NULL, EndOfMib, Engine, engine_for, plain
from hardcase_agent.sensors.snmp.values import Credentials, Missing, Oid, UsmUser, Value, VarBind, Walk, dotted

log = logging.getLogger(__name__)

SYS_UPTIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)

_FIRST_SIZE = 20
"""Objects a datagram at first: about 1 kB of answer, below the MTU that old agents can fill."""
_ATTEMPTS = 3
_SMOOTH = 20
"""Answers in a row before a size halved by lost packets is doubled again; tooBig is for good."""
_TOO_BIG, _GEN_ERR, _RESOURCE = 1, 5, 13
_DENIED = (6, 16)
"""noAccess, authorizationError (RFC 3416, 3)."""

_REFUSALS = {
    "WrongDigest": "wrong authentication password or protocol for SNMPv3 user {user!r}",
    "AuthenticationFailure": "wrong authentication password or protocol for SNMPv3 user {user!r}",
    "AuthenticationError": "wrong authentication password or protocol for SNMPv3 user {user!r}",
    "UnknownUserName": "the device does not know SNMPv3 user {user!r}",
    "UnknownSecurityName": "the device does not know SNMPv3 user {user!r}",
    "UnsupportedSecurityLevel": "the device does not let SNMPv3 user {user!r} in at this level",
    "UnsupportedAuthProtocol": "the authentication protocol of SNMPv3 user {user!r} is not supported",
    "UnsupportedPrivProtocol": "the privacy protocol of SNMPv3 user {user!r} is not supported",
    "DecryptionError": "wrong privacy password or protocol for SNMPv3 user {user!r}",
    "UnknownCommunityName": "the device does not know this community",
}
_FAILURES = {
    "NotInTimeWindow": "its SNMPv3 clock stays outside the time window even after setting ours by it (RFC 3414, 2.2.3)",
    "UnknownEngineID": "its SNMPv3 engine id changes while we talk to it",
    # snmpsim's answer to a community it has no file for.
    "StatusInformation": "answered with a status that is not SNMP; community or context name may be unknown to it",
}


class _NoAnswer(Exception):
    """A request timed out."""


class SnmpClient:
    """One device. Not for use by two tasks at once: the source's `device` name sees to that."""

    def __init__(self, host: str, port: int, credentials: Credentials, *, request_timeout_s: float = 1.5) -> None:
        self._host = host
        self._port = port
        self._credentials = credentials
        self._timeout_s = request_timeout_s
        self._engine: Engine | None = None
        self._target = ""
        self._size = self._largest = _FIRST_SIZE
        self._smooth = 0
        self._ever_answered = False

    @property
    def size(self) -> int:
        """Objects asked for in one datagram now; halved where the device could not answer more."""
        return self._size

    async def get(self, oids: Sequence[Oid], *, deadline_s: float) -> tuple[VarBind, ...]:
        """The objects, in the order asked. What the device does not have comes back as `Missing`.

        Raises DeviceHung, CredentialsRefused, AccessDenied, DeviceFailed, DeviceBusy, MalformedAnswer.
        """
        found: list[VarBind] = []
        async with Deadline(self._label, deadline_s):
            while len(found) < len(oids):
                rest = oids[len(found) :]
                found += await self._adapting(partial(self._get_first, rest))
        return tuple(found)

    async def next_of(self, roots: Sequence[Oid], *, deadline_s: float) -> tuple[VarBind, ...]:
        """The first object after each of these, in the order asked, in as few datagrams as the device takes; where
        nothing comes after it, the OID itself as `Missing`. Raises as `get`."""
        found: list[VarBind] = []
        async with Deadline(self._label, deadline_s):
            while len(found) < len(roots):
                rest = roots[len(found) :]
                found += await self._adapting(partial(self._next_once, rest))
        return tuple(found)

    async def walk(self, root: Oid, *, deadline_s: float, limit: int = 5000, after: Oid | None = None) -> Walk:
        """Everything below `root` (`after` an OID below it, to go on) by GETBULK, at most `limit` objects. Raises as
        `get`; MalformedAnswer where the device's OIDs do not increase, which would otherwise loop for ever."""
        found: list[VarBind] = []
        last = root if after is None else after
        async with Deadline(self._label, deadline_s):
            while len(found) < limit:
                rows = await self._adapting(partial(self._bulk_once, last, limit - len(found)))
                if not rows:
                    return Walk(tuple(found))
                for oid, value in rows:
                    if oid[: len(root)] != root:
                        return Walk(tuple(found))
                    if oid <= last:
                        raise MalformedAnswer(f"{self._label}: OIDs do not increase after {dotted(last)}")
                    found.append((oid, value))
                    last = oid
        return Walk(tuple(found[:limit]), complete=False)

    def close(self) -> None:
        """Lets go of the engine; what is still in flight is forgotten."""
        if self._engine is not None:
            self._engine.release()
            self._engine = None

    def _forget_address(self) -> None:
        if not _is_numeric(self._host):
            self.close()

    @property
    def _label(self) -> str:
        return f"snmp {self._host}:{self._port}"

    async def _adapting(self, ask: Callable[[int], Awaitable[list[VarBind]]]) -> list[VarBind]:
        """Runs one request, with fewer objects after tooBig and after each silence (a lost fragment looks like it)."""
        size, silences = self._size, 0
        while True:
            try:
                rows = await ask(size)
            except _TooBig as error:
                if size == 1:
                    raise DeviceFailed(f"{self._label}: cannot fit one object into an answer") from error
                size = self._size = self._largest = max(1, size // 2)
                continue
            except _NoAnswer:
                silences += 1
                if silences == _ATTEMPTS:
                    meaning = await self._silence()
                    if meaning is not None:
                        # A name may lead elsewhere by the next call.
                        self._forget_address()
                        raise meaning from None
                    silences = 0
                size = max(1, size // 2)
                continue
            self._learn(size, silences)
            return rows

    def _learn(self, size: int, silences: int) -> None:
        """Keeps the size that got through; tries the larger one again after twenty answers without a silence."""
        self._ever_answered = True
        self._smooth = 0 if silences else self._smooth + 1
        if silences:
            self._size = size
        elif self._smooth >= _SMOOTH and self._size < self._largest:
            self._size, self._smooth = min(self._largest, self._size * 2), 0

    async def _silence(self) -> AgentError | None:
        """What a silence means; None where talking to it anew is worth one more try.

        An SNMPv3 engine that answers a stranger is alive: either it came back with another engine id, whose reports
        pysnmp drops, or it drops our messages because it cannot decrypt them (net-snmp tells nothing then).
        """
        engine = await self._open()
        presence = await discover(engine.address_of(self._target), timeout_s=self._timeout_s)
        if presence is Presence.CLOSED:
            return DeviceFailed(f"{self._label}: nothing listens on this port")
        user = self._credentials
        if not isinstance(user, UsmUser):
            return DeviceHung(f"{self._label}: no answer: off, unreachable, or it refuses this community or this host")
        if presence is Presence.SILENT:
            return DeviceHung(f"{self._label}: no answer")
        if self._ever_answered:
            self._ever_answered = False
            log.warning("%s: silent to us while its SNMPv3 engine answers: asked anew from its beginning", self._label)
            engine.retired = True
            self.close()
            return None
        # Inferred from silence, so temporary: a slow device at its first contact looks the same.
        return DeviceFailed(
            f"{self._label}: answers SNMPv3 but not user {user.name!r}: wrong privacy password or protocol, or too slow"
        )

    async def _get_first(self, oids: Sequence[Oid], size: int) -> list[VarBind]:
        return await self._get_once(oids[:size])

    async def _get_once(self, oids: Sequence[Oid]) -> list[VarBind]:
        wanted = list(oids)
        values: dict[Oid, Value] = {}
        while wanted:
            status, index, rows = await self._send(
                lambda engine, answered: engine.getter.send_varbinds(
                    engine.snmp, self._target, None, self._context, [(oid, NULL) for oid in wanted], answered
                )
            )
            if status == 0:
                values.update(zip(wanted, (plain(value) for _, value in rows), strict=False))
                break
            if status not in (_GEN_ERR, *_DENIED) or not 1 <= index <= len(wanted):
                raise self._refused_status(status)
            # One object the agent cannot read must not hide the others of the same datagram.
            values[wanted.pop(index - 1)] = Missing.FAILED
        return [(oid, values.get(oid, Missing.NO_SUCH_INSTANCE)) for oid in oids]

    async def _next_once(self, roots: Sequence[Oid], size: int) -> list[VarBind]:
        """GETBULK with non-repeaters alone: one object for each, like GETNEXT."""
        asked = roots[:size]
        status, _, rows = await self._send(
            lambda engine, answered: engine.bulker.send_varbinds(
                engine.snmp, self._target, None, self._context, len(asked), 0, [(oid, NULL) for oid in asked], answered
            )
        )
        if status:
            raise self._refused_status(status)
        if len(rows) < len(asked):
            # Fewer answers than questions: the agent cut its answer short (RFC 3416, 4.2.3).
            if not rows:
                raise _TooBig
            asked = asked[: len(rows)]
        return [
            (root, Missing.NO_SUCH_OBJECT) if isinstance(value, EndOfMib) else (tuple(name), plain(value))
            for root, (name, value) in zip(asked, rows, strict=False)
        ]

    async def _bulk_once(self, after: Oid, most: int, size: int) -> list[VarBind]:
        status, _, rows = await self._send(
            lambda engine, answered: engine.bulker.send_varbinds(
                engine.snmp, self._target, None, self._context, 0, min(most, size), [(after, NULL)], answered
            )
        )
        if status:
            raise self._refused_status(status)
        found: list[VarBind] = []
        for name, value in rows:
            if isinstance(value, EndOfMib):
                break
            found.append((tuple(name), plain(value)))
        return found

    @property
    def _context(self) -> bytes:
        return self._credentials.context.encode() if isinstance(self._credentials, UsmUser) else b""

    def _refused_status(self, status: int) -> Exception:
        if status == _TOO_BIG:
            return _TooBig()
        if status in _DENIED:
            return AccessDenied(f"{self._label}: the device's view does not let these credentials read this")
        if status == _RESOURCE:
            return DeviceBusy(f"{self._label}: resource unavailable")
        return DeviceFailed(f"{self._label}: answered error-status {status} (RFC 3416, 3)")

    async def _send(self, send: Callable[[Engine, Callable[..., None]], object]) -> tuple[int, int, Sequence[Any]]:
        engine = await self._open()
        future: asyncio.Future[tuple[object, int, int, Sequence[Any]]] = asyncio.get_running_loop().create_future()

        def answered(
            _engine: object, _handle: object, error: object, status: Any, index: Any, rows: Any, _: Any
        ) -> None:
            if not future.done():
                future.set_result((error, int(status or 0), int(index or 0), rows))

        try:
            with engine.asking():
                send(engine, answered)
                error, status, index, rows = await future
        except PySnmpError as cause:
            raise DeviceFailed(f"{self._label}: cannot send: {type(cause).__name__}") from cause
        if error:
            raise self._indicated(error)
        return status, index, rows

    def _indicated(self, error: object) -> Exception:
        name = error if isinstance(error, str) else type(error).__name__
        user = self._credentials.name if isinstance(self._credentials, UsmUser) else ""
        if name == "RequestTimedOut":
            return _NoAnswer()
        if name == "TooBig":
            return _TooBig()
        if name in _REFUSALS:
            return CredentialsRefused(f"{self._label}: {_REFUSALS[name].format(user=user)}")
        return DeviceFailed(f"{self._label}: {_FAILURES.get(name, f'answered {name}')}")

    async def _open(self) -> Engine:
        if self._engine is not None and self._engine.retired:
            self.close()
        if self._engine is None:
            address = await _resolve(self._host, self._port)
            self._engine = engine_for(self._credentials)
            self._target = self._engine.add_target(address, self._credentials, self._timeout_s)
        return self._engine


class _TooBig(Exception):
    """The answer does not fit into a datagram."""


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _resolve(host: str, port: int) -> tuple[str, int]:
    """Numeric addresses without the resolver's thread."""
    if _is_numeric(host):
        return (host, port)
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise DeviceFailed(f"snmp {host}: the name does not resolve: {error}") from error
    # Many devices answer SNMP on IPv4 alone although their name has both.
    answers.sort(key=lambda answer: answer[0] is not socket.AF_INET)
    return (str(answers[0][4][0]), port)
