"""pysnmp's engine: one for the whole process, and its types turned into plain values.

Used by `sensors/snmp_client.py` alone. It drives the engine below pysnmp's high-level API, which resolves every OID
against loaded MIBs and so costs twice the CPU and 20 MB more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import Iterator
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.carrier.asyncio.dispatch import AsyncioDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v2c

from hardcase_agent.sensors.snmp.values import (
    AuthProtocol,
    Community,
    Credentials,
    Missing,
    PrivProtocol,
    UsmUser,
    Value,
)

log = logging.getLogger(__name__)

NULL: Any = v2c.null
EndOfMib: Any = v2c.EndOfMibView

AUTH_PROTOCOLS = {
    AuthProtocol.MD5: config.USM_AUTH_HMAC96_MD5,
    AuthProtocol.SHA: config.USM_AUTH_HMAC96_SHA,
    AuthProtocol.SHA224: config.USM_AUTH_HMAC128_SHA224,
    AuthProtocol.SHA256: config.USM_AUTH_HMAC192_SHA256,
    AuthProtocol.SHA384: config.USM_AUTH_HMAC256_SHA384,
    AuthProtocol.SHA512: config.USM_AUTH_HMAC384_SHA512,
}
PRIV_PROTOCOLS = {
    PrivProtocol.DES: config.USM_PRIV_CBC56_DES,
    PrivProtocol.AES: config.USM_PRIV_CFB128_AES,
    PrivProtocol.AES192: config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    PrivProtocol.AES256: config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    PrivProtocol.AES192C: config.USM_PRIV_CFB192_AES,
    PrivProtocol.AES256C: config.USM_PRIV_CFB256_AES,
}

_FLOAT_OPAQUE = b"\x9f\x78\x04"
"""net-snmp's float inside Opaque: context tag 120, length 4."""
_univ = rfc1902.univ
_ANSWER, _REPORT = "rfc3412.receiveMessage:response", "rfc3412.prepareDataElements:internal"
"""Points of pysnmp at which it lets itself be watched."""
_NOT_IN_TIME_WINDOW = (1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0)
"""usmStatsNotInTimeWindows.0 in a report (RFC 3414, 3.2): how a device tells that our idea of its clock is wrong."""


class Engine:
    """One pysnmp engine on one event loop. USM keys are per user name, so a second engine is made only for a user name
    that has other secrets on another device."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.snmp = SnmpEngine()
        self.getter = cmdgen.GetCommandGenerator()
        self.bulker = cmdgen.BulkCommandGenerator()
        self._users: dict[str, UsmUser] = {}
        self._names: dict[object, str] = {}
        self._addresses: dict[str, tuple[str, int]] = {}
        self._holders = 0
        self._asking = 0
        self._asked = asyncio.Event()
        self._known: set[tuple[str, int]] = set()
        """Devices that answered: what they report of clocks before that belongs to every first contact."""
        self.snmp.observer.register_observer(self._heard, _ANSWER, _REPORT)
        self.retired = False
        """True: what it knows of some device is out of date; nobody opens on it any more."""

    def _heard(self, _engine: object, point: object, variables: Any, _context: object) -> None:
        """pysnmp sets its clock by a report and asks again by itself; that it happened is told here."""
        address = tuple(variables["transportAddress"])[:2]
        if point == _ANSWER:
            self._known.add(address)
        elif address in self._known and any(
            tuple(oid) == _NOT_IN_TIME_WINDOW for oid, _ in v2c.apiPDU.get_varbinds(variables["pdu"])
        ):
            log.warning("SNMPv3 clock of %s:%d began anew (the device restarted): ours is set by it", *address)

    def fits(self, credentials: Credentials) -> bool:
        if not isinstance(credentials, UsmUser):
            return True
        known = self._users.get(credentials.name)
        return known is None or _secrets(known) == _secrets(credentials)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Around a request and the wait for its answer: only then time passes for the engine."""
        self._asking += 1
        self._asked.set()
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._asked.clear()

    async def _tick(self) -> None:
        """In place of pysnmp's timer, which wakes the process ten times a second whether or not anything is asked: half
        of the CPU of an agent at default periods."""
        dispatcher = self.snmp.transport_dispatcher
        while True:
            await self._asked.wait()
            await asyncio.sleep(dispatcher.get_timer_resolution())
            dispatcher.handle_timer_tick(time.time())

    def _add_transport(self, module: Any, transport: Any) -> None:
        if self.snmp.transport_dispatcher is None:
            dispatcher: Any = AsyncioDispatcher(loop=self.loop)
            dispatcher.handle_timeout = self._tick
            self.snmp.register_transport_dispatcher(dispatcher)
        config.add_transport(self.snmp, module.DOMAIN_NAME, transport)

    def add_target(self, address: tuple[str, int], credentials: Credentials, timeout_s: float) -> str:
        """Registers address and credentials once; returns the name to send by."""
        self._holders += 1
        parameters = self._parameters(credentials)
        module = udp6 if ":" in address[0] else udp
        if config.get_transport(self.snmp, module.DOMAIN_NAME) is None:
            factory = module.Udp6AsyncioTransport if module is udp6 else module.UdpAsyncioTransport
            self._add_transport(module, factory().open_client_mode())
        key = (address, parameters, timeout_s)
        if key not in self._names:
            self._names[key] = f"a{len(self._names)}"
            # Hundredths of a second; no retries of its own, because ours ask for less at a time.
            config.add_target_address(
                self.snmp, self._names[key], module.DOMAIN_NAME, address, parameters, round(timeout_s * 100), 0
            )
            self._addresses[self._names[key]] = address
        return self._names[key]

    def address_of(self, target: str) -> tuple[str, int]:
        return self._addresses[target]

    def _parameters(self, credentials: Credentials) -> str:
        key = credentials if isinstance(credentials, Community) else (credentials.name, credentials.level)
        if key in self._names:
            return self._names[key]
        name = self._names[key] = f"p{len(self._names)}"
        if isinstance(credentials, Community):
            config.add_v1_system(self.snmp, name, credentials.name)
            config.add_target_parameters(self.snmp, name, name, "noAuthNoPriv", 1)
            return name
        secured, private = credentials.level != "noAuthNoPriv", credentials.level == "authPriv"
        config.add_v3_user(
            self.snmp,
            credentials.name,
            AUTH_PROTOCOLS[credentials.auth] if secured else config.USM_AUTH_NONE,
            credentials.auth_secret or None,
            PRIV_PROTOCOLS[credentials.priv] if private else config.USM_PRIV_NONE,
            credentials.priv_secret or None,
        )
        config.add_target_parameters(self.snmp, name, credentials.name, credentials.level, 3)
        self._users[credentials.name] = credentials
        return name

    def release(self) -> None:
        self._holders -= 1
        if self._holders <= 0 and self in _engines:
            _engines.remove(self)
            if not self.loop.is_closed():
                self.snmp.close_dispatcher()


_engines: list[Engine] = []


def _secrets(user: UsmUser) -> tuple[str, ...]:
    return (user.auth, user.auth_secret, user.priv, user.priv_secret)


def engine_for(credentials: Credentials) -> Engine:
    loop = asyncio.get_running_loop()
    _engines[:] = [engine for engine in _engines if not engine.loop.is_closed()]
    for engine in _engines:
        if engine.loop is loop and not engine.retired and engine.fits(credentials):
            return engine
    engine = Engine(loop)
    _engines.append(engine)
    return engine


def plain(value: Any) -> Value:
    """A varbind's value without its ASN.1 type."""
    if isinstance(value, _univ.Null):
        # Before OctetString, of which pyasn1's Null is a kind.
        return Missing.NO_SUCH_OBJECT if isinstance(value, v2c.NoSuchObject) else Missing.NO_SUCH_INSTANCE
    if isinstance(value, _univ.Integer):
        return int(value)
    if isinstance(value, rfc1902.Opaque):
        octets = bytes(value)
        if octets[:3] == _FLOAT_OPAQUE and len(octets) == 7:
            return float(struct.unpack(">f", octets[3:])[0])
        return octets
    if isinstance(value, _univ.OctetString):
        return bytes(value)
    return tuple(value)
