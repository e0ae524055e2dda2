"""The collector's messages as plain values, so that only this module and `codec.py` touch generated classes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_protos.v1 import diagnostics_pb2 as diagnostics
from hardcase_protos.v1 import telemetry_pb2 as telemetry

from hardcase_agent.domain.diagnostic import DiagnosticRequest
from hardcase_agent.domain.stream import RecordKind
from hardcase_agent.uplink.codec import DIAGNOSTIC_NUMBERS, KINDS_BY_NUMBER

_DIAGNOSTICS = {number: kind for kind, number in DIAGNOSTIC_NUMBERS.items()}


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


@dataclass(frozen=True, slots=True)
class UploadFrom:
    """Go on from this byte, at most this fast; 0 = no cap."""

    offset: int
    bytes_per_second: int


@dataclass(frozen=True, slots=True)
class UploadDone:
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Trust:
    """CAs have changed."""

    ca_pem: str
    """Every CA that is trusted from now on."""
    renew: bool
    """The certificate of this agent is of a CA that is about to retire."""
    within_s: int


Answer = Welcome | Ack | NeedCatalogue | Hold | Close | DiagnosticRequest | Trust


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
        case "diagnostic":
            return _request(message.diagnostic)
        case "trust":
            return Trust(message.trust.ca_pem.decode("ascii", "replace"), message.trust.renew, message.trust.within_s)
        case _:
            return None


def decode_upload(data: bytes) -> UploadFrom | UploadDone | None:
    """None = a message of a later protocol. Raises DecodeError."""
    reply = diagnostics.UploadReply.FromString(data)
    match reply.WhichOneof("message"):
        case "from":
            begun = getattr(reply, "from")
            return UploadFrom(begun.offset, begun.bytes_per_second)
        case "done":
            return UploadDone(reply.done.sha256)
        case _:
            return None


def _request(asked: diagnostics.DiagnosticRequest) -> DiagnosticRequest:
    return DiagnosticRequest(
        id=asked.id,
        kind=_DIAGNOSTICS.get(asked.kind),
        arguments=dict(asked.arguments),
        expires_ms=asked.expires_ms,
        sent_ms=asked.sent_ms,
        asked_ms=asked.asked_ms,
        asked_by=asked.asked_by,
        reason=asked.reason,
        consented=asked.consented,
        asset=asked.asset,
    )


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
