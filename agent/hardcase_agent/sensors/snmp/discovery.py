"""One datagram of SNMPv3 engine discovery (RFC 3414, 4), without pysnmp and without any user.

Used by `sensors/snmp_client.py` after a silence, to tell a dead device from one that is silent to us: pysnmp drops the
reports of an engine whose id changed, and net-snmp drops a message it cannot decrypt.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum

# msgVersion 3; header: id 1, max size 65507, reportable, USM; empty engine id, boots, time, user; an empty GET.
_DISCOVERY = bytes.fromhex(
    "3038020103"
    "300e020101020300ffe3040104020103"
    "0410300e0400020100020100040004000400"
    "301104000400a00b0201010201000201003000"
)


class Presence(StrEnum):
    ALIVE = "alive"
    """An SNMPv3 engine answered."""
    CLOSED = "closed"
    """The host says that nothing listens there."""
    SILENT = "silent"


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard: asyncio.Future[Presence]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._settle(Presence.ALIVE)

    def error_received(self, exc: Exception) -> None:
        self._settle(Presence.CLOSED if isinstance(exc, ConnectionRefusedError) else Presence.SILENT)

    def _settle(self, presence: Presence) -> None:
        if not self._heard.done():
            self._heard.set_result(presence)


async def discover(address: tuple[str, int], *, timeout_s: float) -> Presence:
    """Asks twice within `timeout_s`."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[Presence] = loop.create_future()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(heard), remote_addr=address)
    except OSError:
        return Presence.SILENT
    try:
        for _ in range(2):
            transport.sendto(_DISCOVERY)
            done, _pending = await asyncio.wait((heard,), timeout=timeout_s / 2)
            if done:
                return heard.result()
    finally:
        transport.close()
    return Presence.SILENT
