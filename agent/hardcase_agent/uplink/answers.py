"""The collector's messages as plain values, so that only this module and `codec.py` touch generated classes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_protos.v1 import telemetry_pb2 as telemetry

from hardcase_agent.domain.stream import RecordKind
from hardcase_agent.uplink.codec import KINDS_BY_NUMBER


class CloseCause(StrEnum):
    """Names of `Close.Cause` on the wire."""

    UNSPECIFIED = "unspecified"
    SUPERSEDED = "superseded"
    CLONED = "cloned"
    REVOKED = "revoked"
    PROTOCOL = "protocol"
    DRAINING = "draining"

    @property
    def permanent(self) -> bool:
        """Connecting again changes nothing until somebody acts."""
        return self in (CloseCause.CLONED, CloseCause.REVOKED, CloseCause.PROTOCOL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    protocol: int
    resume: dict[bytes, int]
    credit_records: int
    credit_bytes: int
    max_message_bytes: int
    kinds: frozenset[RecordKind]
    heartbeat_s: int
    collector_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    sequence: int
    status: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    epoch: bytes
    through: int
    rejected: tuple[Rejected, ...]
    credit_records: int
    credit_bytes: int


@dataclass(frozen=True, slots=True)
class NeedCatalogue:
    epoch: bytes
    sequence: int
    catalogue_id: bytes


@dataclass(frozen=True, slots=True)
class Hold:
    cause: str
    retry_after_ms: int
    detail: str


@dataclass(frozen=True, slots=True)
class Close:
    cause: CloseCause
    detail: str


Answer = Welcome | Ack | NeedCatalogue | Hold | Close


def decode(data: bytes) -> Answer | None:
    """None = a message of a later protocol that this agent does not know. Raises DecodeError."""
    message = telemetry.CollectorMessage.FromString(data)
    match message.WhichOneof("message"):
        case "welcome":
            return _welcome(message.welcome)
        case "ack":
            return _ack(message.ack)
        case "need_catalogue":
            need = message.need_catalogue
            return NeedCatalogue(need.epoch, need.sequence, need.catalogue_id)
        case "hold":
            cause = telemetry.Hold.Cause.Name(message.hold.cause).removeprefix("CAUSE_").lower()
            return Hold(cause, message.hold.retry_after_ms, message.hold.detail)
        case "close":
            name = telemetry.Close.Cause.Name(message.close.cause).removeprefix("CAUSE_").lower()
            return Close(CloseCause(name), message.close.detail)
        case _:
            return None


def _welcome(welcome: telemetry.Welcome) -> Welcome:
    kinds = {KINDS_BY_NUMBER[number] for number in welcome.record_kinds if number in KINDS_BY_NUMBER}
    return Welcome(
        protocol=welcome.protocol,
        resume={point.epoch: point.through for point in welcome.resume},
        credit_records=welcome.credit_records,
        credit_bytes=welcome.credit_bytes,
        max_message_bytes=welcome.max_message_bytes,
        kinds=frozenset(kinds),
        heartbeat_s=welcome.heartbeat_s,
        collector_id=welcome.collector_id,
    )


def _ack(ack: telemetry.Ack) -> Ack:
    rejected = tuple(
        Rejected(
            one.sequence,
            telemetry.Rejection.Status.Name(one.status).removeprefix("STATUS_").lower(),
            one.detail,
        )
        for one in ack.rejected
    )
    return Ack(
        epoch=ack.epoch,
        through=ack.through,
        rejected=rejected,
        credit_records=ack.credit_records,
        credit_bytes=ack.credit_bytes,
    )
