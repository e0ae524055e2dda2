"""What SNMP says, as plain values, and what it is asked with. No pysnmp here: the parsers of this folder stay pure.

Made by `sensors/snmp_client.py`, read by `decode.py` and `identity.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

Oid = tuple[int, ...]


class Missing(StrEnum):
    """Why an object has no value."""

    NO_SUCH_OBJECT = "no_such_object"
    NO_SUCH_INSTANCE = "no_such_instance"
    FAILED = "failed"
    """The agent answered genErr or denied this one object."""


Value = int | float | bytes | Oid | Missing
VarBind = tuple[Oid, Value]


@dataclass(frozen=True, slots=True)
class Walk:
    """A subtree in order. `complete` is False where the limit cut it short."""

    varbinds: tuple[VarBind, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Community:
    """SNMP v2c: the community travels in plain text."""

    name: str = field(repr=False)


class AuthProtocol(StrEnum):
    MD5 = "MD5"
    SHA = "SHA"
    SHA224 = "SHA224"
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class PrivProtocol(StrEnum):
    """AES192 and AES256 are draft-blumenthal (net-snmp); the forms ending in C are Cisco's, used by many vendors."""

    DES = "DES"
    AES = "AES"
    AES192 = "AES192"
    AES256 = "AES256"
    AES192C = "AES192C"
    AES256C = "AES256C"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsmUser:
    """SNMP v3 user (RFC 3414). Without `auth_secret` noAuthNoPriv, without `priv_secret` authNoPriv."""

    name: str
    auth: AuthProtocol = AuthProtocol.SHA256
    auth_secret: str = field(default="", repr=False)
    priv: PrivProtocol = PrivProtocol.AES
    priv_secret: str = field(default="", repr=False)
    context: str = ""

    @property
    def level(self) -> str:
        if not self.auth_secret:
            return "noAuthNoPriv"
        return "authPriv" if self.priv_secret else "authNoPriv"


Credentials = Community | UsmUser


def dotted(oid: Oid) -> str:
    return ".".join(map(str, oid))


def parse_oid(text: str) -> Oid:
    """Raises ValueError for what is not dotted numbers."""
    return tuple(int(arc) for arc in text.strip(".").split("."))
