"""pysnmp as the decoder of notifications: versions 1, 2c and 3, and the answers to informs and to discovery.

Used by `trap_listener.py`, which owns the socket; nothing here sends or waits. A second engine beside `engine.py`'s,
because a user of a device there and of its traps here may have other secrets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import ntfrcv
from pysnmp.error import PySnmpError
from pysnmp.proto.api import v2c

from hardcase_agent.sensors.snmp.engine import AUTH_PROTOCOLS, PRIV_PROTOCOLS, plain
from hardcase_agent.sensors.snmp.trap_header import VERSION_3, read_head
from hardcase_agent.sensors.snmp.traps import Notification
from hardcase_agent.sensors.snmp.values import Community, Credentials, Oid, UsmUser, VarBind

Address = tuple[str, int]

_SYS_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_COMMUNITY = (1, 3, 6, 1, 6, 3, 18, 1, 4)
"""snmpTrapCommunity, which pysnmp adds to a trap of version 1: a secret."""
_BOOTS_FROM_S = 1_577_836_800
"""2020: minutes since then as our engineBoots grow over every restart without being written down (RFC 3414, 2.2.2)."""
_ENGINES = 256
"""Sender engines whose keys are kept, 8 a listed device; key localisation costs a millisecond, the keys a few kB."""
_VARBINDS = 100
_TICK_S = 5.0


class Refused(Exception):
    """A notification that is not believed: wrong community, user, password, or out of its time window."""


class _Outlet:
    """What pysnmp takes for its transport: it only hands what it wants to send to us."""

    def __init__(self, send: Callable[[bytes, Address], None]) -> None:
        self._send = send
        self.tick: Callable[[float], None] = lambda _: None

    def register_recv_callback(self, _callback: object, _recv_id: object = None) -> None: ...

    def register_timer_callback(self, callback: Callable[[float], None]) -> None:
        self.tick = callback

    def get_timer_ticks(self) -> float:
        return time.time()

    def get_timer_resolution(self) -> float:
        return _TICK_S

    def send_message(self, message: Any, _domain: object, address: Any) -> None:
        self._send(bytes(message), (address[0], address[1]))


class TrapEngine:
    """Knows the credentials of the listed devices; `take` gives what a datagram says."""

    def __init__(self, send: Callable[[bytes, Address], None], *, engine_id: bytes, wall_s: float) -> None:
        self._outlet = _Outlet(send)
        self._engine: Any = SnmpEngine()
        self._be(engine_id, int(max(wall_s - _BOOTS_FROM_S, 60) // 60))
        self._engine.register_transport_dispatcher(self._outlet)
        ntfrcv.NotificationReceiver(self._engine, self._received)
        self._users: dict[bytes, UsmUser] = {}
        self._known: set[tuple[bytes, bytes]] = set()
        self._communities: dict[bytes, str] = {}
        self._heard: list[tuple[Any, ...]] = []
        self._ticked = 0.0

    def _be(self, engine_id: bytes, boots: int) -> None:
        """Sets our engine's id and boots; pysnmp's own way writes into a world-writable folder."""
        builder = self._engine.get_mib_builder()
        identity, count = builder.import_symbols("__SNMP-FRAMEWORK-MIB", "snmpEngineID", "snmpEngineBoots")
        identity.syntax = identity.syntax.clone(engine_id)
        self._engine.snmpEngineID = identity.syntax
        count.syntax = count.syntax.clone(boots)

    def trust(self, credentials: Credentials) -> None:
        """Takes notifications with these credentials, informs (our engine is authoritative) at once."""
        if isinstance(credentials, Community):
            octets = credentials.name.encode()
            if octets not in self._communities:
                self._communities[octets] = f"c{len(self._communities)}"
                config.add_v1_system(self._engine, self._communities[octets], credentials.name)
            return
        name = credentials.name.encode()
        if name not in self._users:
            self._users[name] = credentials
            self._add(credentials, None)

    def take(self, datagram: bytes, address: Address) -> Notification | None:
        """None: nothing to tell (a sender that asks for our engine). Raises ValueError for what is no SNMP message,
        Refused for what is not believed."""
        head = read_head(datagram)
        if head.version == VERSION_3:
            self._meet(head.engine_id, head.user)
        elif head.community not in self._communities:
            raise Refused("unknown community")
        now = time.time()
        if now - self._ticked >= _TICK_S:
            self._ticked = now
            self._outlet.tick(now)
        self._heard.clear()
        try:
            self._engine.message_dispatcher.receive_message(
                self._engine, udp.DOMAIN_NAME, udp.UdpTransportAddress(address), datagram
            )
        except PySnmpError as error:
            raise ValueError(f"not decodable: {type(error).__name__}") from error
        if self._heard:
            return _notification(self._heard[0])
        if head.version == VERSION_3 and (not head.engine_id or not head.user):
            return None
        raise Refused("wrong user, password or time" if head.version == VERSION_3 else "no notification")

    def _meet(self, engine_id: bytes, user: bytes) -> None:
        """The sender of a version 3 trap is authoritative: its keys are made of our secret and its engine id."""
        credentials = self._users.get(user)
        if not engine_id or credentials is None or not 5 <= len(engine_id) <= 32:
            return
        if (engine_id, user) in self._known or engine_id == bytes(self._engine.snmpEngineID):
            return
        if len(self._known) >= _ENGINES:
            raise Refused("too many sender engines")
        self._known.add((engine_id, user))
        self._add(credentials, engine_id)

    def _add(self, user: UsmUser, engine_id: bytes | None) -> None:
        secured, private = user.level != "noAuthNoPriv", user.level == "authPriv"
        config.add_v3_user(
            self._engine,
            user.name,
            AUTH_PROTOCOLS[user.auth] if secured else config.USM_AUTH_NONE,
            user.auth_secret or None,
            PRIV_PROTOCOLS[user.priv] if private else config.USM_PRIV_NONE,
            user.priv_secret or None,
            securityEngineId=None if engine_id is None else v2c.OctetString(engine_id),
        )

    def _received(self, _engine: Any, _state: Any, _id: Any, _name: Any, varbinds: Any, _context: Any) -> None:
        self._heard.append(tuple(varbinds))


def _notification(varbinds: tuple[Any, ...]) -> Notification:
    uptime, trap = 0, Oid()
    objects: list[VarBind] = []
    for name, value in varbinds[:_VARBINDS]:
        oid = tuple(name)
        said = plain(value)
        if oid == _SYS_UPTIME and isinstance(said, int):
            uptime = said
        elif oid == _TRAP_OID and isinstance(said, tuple):
            trap = said
        elif oid[: len(_COMMUNITY)] != _COMMUNITY:
            objects.append((oid, said))
    return Notification(trap=trap, uptime=uptime, varbinds=tuple(objects))
