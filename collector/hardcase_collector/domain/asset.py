"""Assets, parts and agents as the collector knows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_collector.domain.places import place_name


class IdentityBasis(StrEnum):
    """What an asset is known by, best first."""

    SERIAL = "serial"
    UUID = "uuid"
    MACHINE_ID = "machine_id"
    ADDRESS = "address"
    REHEARSAL = "rehearsal"
    UNKNOWN = "unknown"
    """Stands for the assets of one site that callers could not name; no agent ever speaks for it."""


class AssetMode(StrEnum):
    JOINING = "joining"
    LIVE = "live"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFacts:
    """What the wire says of an asset; fields as in `Asset` of reading.proto."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    uuid: str = ""
    machine_id: str = ""
    node: str = ""
    hostname: str = ""
    kind: str = "server"
    rehearsal: bool = False
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One stored asset. Times are ms of Unix time."""

    id: int
    key: str
    """Identity, e.g. "dell|7ABC123", "uuid|4c4c...", "machine_id|...", "rehearsal|..."; see domain/identity.py."""
    basis: IdentityBasis
    facts: AssetFacts
    customer: str
    mode: AssetMode
    joined_ms: int
    """When an agent saw it first; 0: none has, it is only in the books."""
    live_from_ms: int
    """End of joining: findings before it are listed, not opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A replaceable unit as the wire names it; key() is its identity on its asset."""

    component: str = ""
    slot: str = ""
    model: str = ""
    serial: str = ""
    part_number: str = ""
    firmware: str = ""
    paths: tuple[str, ...] = ()
    wwn: str = ""

    def key(self) -> str:
        """ "disk:ST4000|ZC1" with a serial, "psu@PSU2" by slot, "" for the asset itself."""
        if self.serial:
            return f"{self.component}:{self.model}|{self.serial}"
        if self.slot:
            return f"{self.component}@{self.slot}"
        return self.component

    def place(self) -> str:
        """ "memory@A1": its slot by one name whoever tells it; `key()` without a slot."""
        return f"{self.component}@{place_name(self.component, self.slot)}" if self.slot else self.key()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An enrolled agent. `id` is the UUID of its certificate's common name."""

    id: str
    number: int
    """Small integer used as a foreign key and in the telemetry store."""
    customer: str
    hostname: str
    machine_id: str
    dmi_uuid: str
    fingerprint: str
    """SHA-256 of its present certificate, hex."""
    enrolled_ms: int
    session: int = 0
    last_seen_ms: int = 0
    """Receive time of the last message; silence is judged on a monotonic clock, this is for people."""
    stopped_cleanly: bool = False
    revoked: bool = False
    by_file: bool = False
    """Heard of last by a file that was imported: its silence is no fault."""
    roots: str = ""
    """SHA-256 of the CAs that it says it trusts, hex, space between; "" = not told."""
    issuer: str = ""
    """SHA-256 of the CA that issued the certificate it came with last, hex; "" = not told, or not ours."""
    copies: str = ""
    """Of two machines with this identity, as `rpc/gate.py` found and writes it; "" = none was found."""
