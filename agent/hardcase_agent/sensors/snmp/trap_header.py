"""The head of an SNMP message in BER: version, community, and of version 3 engine id and user. Pure.

Read by `trap_engine.py` before the message is believed in any way: bounded, raises only ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass

_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04
_LONGEST = 65_507
VERSION_1, VERSION_2C, VERSION_3 = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Head:
    version: int
    community: bytes = b""
    engine_id: bytes = b""
    """Version 3: of the authoritative engine, the sender's in a trap; b"" where the sender still asks for ours."""
    user: bytes = b""


def read_head(datagram: bytes) -> Head:
    """RFC 3416, 3 and RFC 3412, 6. Raises ValueError for what is no SNMP message."""
    if len(datagram) > _LONGEST:
        raise ValueError("longer than a datagram")
    body, _ = _value(datagram, _SEQUENCE)
    version_octets, rest = _value(body, _INTEGER)
    version = int.from_bytes(version_octets, "big")
    if version in (VERSION_1, VERSION_2C):
        community, _ = _value(rest, _OCTETS)
        return Head(version, community=community)
    if version != VERSION_3:
        raise ValueError(f"SNMP version {version}")
    _, rest = _value(rest, _SEQUENCE)
    parameters, _ = _value(rest, _OCTETS)
    security, _ = _value(parameters, _SEQUENCE)
    engine_id, security = _value(security, _OCTETS)
    _, security = _value(security, _INTEGER)
    _, security = _value(security, _INTEGER)
    user, _ = _value(security, _OCTETS)
    return Head(version, engine_id=engine_id, user=user)


def _value(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """(content, what follows)."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("no SNMP message")
    length, start = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or len(data) < 2 + size:
            raise ValueError("a length that cannot be")
        length, start = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    if len(data) < start + length:
        raise ValueError("cut short")
    return data[start : start + length], data[start + length :]
