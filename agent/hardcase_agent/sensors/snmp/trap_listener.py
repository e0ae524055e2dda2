"""The UDP port that devices send their traps and informs to: who is listened to, how often, and what was left out.

One a process, shared by the `TrapSource` of each device and the `StrangerSource`; opened by the first sweep of any of
them. Nothing waits in it and nothing grows: every queue has a bound and counts what it drops.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hardcase_agent.domain.errors import AccessDenied, DeviceFailed
from hardcase_agent.domain.ports import Clock
from hardcase_agent.sensors.snmp.trap_engine import Address, Refused, TrapEngine
from hardcase_agent.sensors.snmp.traps import Notification
from hardcase_agent.sensors.snmp.values import Credentials

QUEUE = 500
"""Notifications of one device that wait for its next sweep."""
_REMEMBERED = 256
"""Hashes of the newest notifications of a device: an inform is sent again until it is answered."""
_STRANGERS = 64
_ENGINE_ID_HEAD = bytes.fromhex("80004fb805")
"""SnmpEngineID of RFC 3411, 5: the enterprise of pysnmp, then octets of our own."""


@dataclass(slots=True)
class Inbox:
    """What came from one device since its last sweep, and the counts of all time."""

    waiting: deque[Notification] = field(default_factory=lambda: deque(maxlen=QUEUE))
    received: int = 0
    dropped: int = 0
    """By rate or for lack of room."""
    refused: int = 0
    repeated: int = 0
    _seen: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    _tokens: float = 0.0
    _filled_ms: int = 0

    def allows(self, now_ms: int, rate: float, burst: int) -> bool:
        """A bucket of `burst` that fills with `rate` a second; counts what it refuses."""
        if not self._filled_ms:
            self._tokens = float(burst)
        else:
            self._tokens = min(float(burst), self._tokens + (now_ms - self._filled_ms) / 1000 * rate)
        self._filled_ms = now_ms
        if self._tokens < 1:
            self.dropped += 1
            return False
        self._tokens -= 1
        return True

    def put(self, told: Notification) -> None:
        digest = told.raw
        if digest in self._seen:
            self.repeated += 1
            return
        self._seen[digest] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        self.received += 1
        if len(self.waiting) == QUEUE:
            self.dropped += 1
        self.waiting.append(told)

    def take(self) -> tuple[Notification, ...]:
        waiting = tuple(self.waiting)
        self.waiting.clear()
        return waiting


def engine_id_of(machine: str) -> bytes:
    """Ours, the same over restarts: devices that must be told it for informs are told once."""
    return _ENGINE_ID_HEAD + hashlib.sha256(machine.encode()).digest()[:12]


class TrapListener:
    """`credentials` reads the secrets; it is called when the port is opened. `hosts` are the listed devices by name."""

    def __init__(
        self,
        bind: Address,
        hosts: dict[str, str],
        credentials: Callable[[], Iterable[Credentials]],
        clock: Clock,
        *,
        engine_id: bytes,
        rate: float,
        burst: int,
    ) -> None:
        self._bind = bind
        self._hosts = hosts
        self._credentials = credentials
        self._clock = clock
        self._engine_id = engine_id
        self._rate = rate
        self._burst = burst
        self._inboxes = {name: Inbox() for name in hosts}
        self._names: dict[str, str] = {}
        self._engine: TrapEngine | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._opening = asyncio.Lock()
        self._holders = 0
        self.strangers: Counter[str] = Counter()
        """Datagrams by sender that is in no device list; at most 64 senders are told apart."""
        self.unread = 0
        """Datagrams that are no SNMP message."""

    def inbox(self, name: str) -> Inbox:
        return self._inboxes[name]

    @property
    def port(self) -> int:
        """The one that is listened on; of use where the configured one is 0."""
        if self._transport is None:
            return self._bind[1]
        return int(self._transport.get_extra_info("sockname")[1])

    def hold(self) -> None:
        """One user more; the port is closed when the last lets go."""
        self._holders += 1

    def release(self) -> None:
        self._holders -= 1
        if self._holders <= 0 and self._transport is not None:
            self._transport.close()
            self._transport = None

    async def open(self) -> None:
        """Once; raises ConfigError for an unreadable secret, AccessDenied or DeviceFailed where the port cannot be had.
        Names of devices are looked up again at every call: a device may have moved."""
        async with self._opening:
            await self._look_up()
            if self._transport is not None:
                return
            wall_s = self._clock.now().wall_ms / 1000
            engine = TrapEngine(self._send, engine_id=self._engine_id, wall_s=wall_s)
            for one in self._credentials():
                engine.trust(one)
            loop = asyncio.get_running_loop()
            try:
                self._transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(self), local_addr=self._bind)
            except PermissionError as error:
                cure = "ports below 1024 need a right: keep 9162 and redirect 162 to it"
                raise AccessDenied(f"SNMP traps: port {self._bind[1]}: {error.strerror}; {cure}") from error
            except OSError as error:
                raise DeviceFailed(f"SNMP traps: port {self._bind[1]} of {self._bind[0]}: {error.strerror}") from error
            self._engine = engine

    async def _look_up(self) -> None:
        loop = asyncio.get_running_loop()
        for name, host in self._hosts.items():
            try:
                self._names[_plain(host)] = name
                continue
            except ValueError:
                pass
            try:
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
            except OSError:
                continue
            for *_, address in found:
                self._names[_plain(str(address[0]))] = name

    def hear(self, datagram: bytes, address: Address) -> None:
        """One datagram; raises nothing."""
        try:
            sender = _plain(address[0])
        except ValueError:
            self.unread += 1
            return
        name = self._names.get(sender)
        if name is None or self._engine is None:
            if sender in self.strangers or len(self.strangers) < _STRANGERS:
                self.strangers[sender] += 1
            else:
                self.strangers["others"] += 1
            return
        inbox = self._inboxes[name]
        if not inbox.allows(self._clock.now().boot_ms, self._rate, self._burst):
            return
        try:
            told = self._engine.take(datagram, address)
        except Refused:
            inbox.refused += 1
        except ValueError:
            self.unread += 1
        else:
            if told is not None:
                inbox.put(told)

    def _send(self, message: bytes, address: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(message, address)


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, listener: TrapListener) -> None:
        self._listener = listener

    def datagram_received(self, data: bytes, addr: tuple[str, int, int, int] | tuple[str, int]) -> None:
        self._listener.hear(data, (addr[0], addr[1]))


def _plain(address: str) -> str:
    """An address in one form: an IPv4 one that came through an IPv6 socket as IPv4. Raises ValueError for a name."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
