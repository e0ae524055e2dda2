"""Domain values to wire bytes: records sealed and put into batches, greetings, heartbeats, reports, uploads.

What is in a record is `bodies.py`, what the collector says `answers.py`; no other module of a stream knows messages.
Called by `app.py` (sealing records, catalogue ids) and by `client.py`. Field meanings: protos/hardcase_protos/v1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from hardcase_protos.v1 import diagnostics_pb2 as diagnostics
from hardcase_protos.v1 import reading_pb2 as reading
from hardcase_protos.v1 import telemetry_pb2 as telemetry

from hardcase_agent.domain.diagnostic import AnswerFile, DiagnosticKind, DiagnosticReport, ReportState
from hardcase_agent.domain.event import Loss
from hardcase_agent.domain.frame import Body, Catalogue, Moment
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.stream import Held, RecordKind, Sealed, Stored
from hardcase_agent.uplink import bodies

PROTOCOL = 1
OLDEST_PROTOCOL = 1
"""What this agent can still say to a collector that does not know its own."""
KIND_NUMBERS = {kind: reading.RecordKind.Value(f"RECORD_KIND_{kind.name}") for kind in RecordKind}
KINDS_BY_NUMBER: dict[int, RecordKind] = {number: kind for kind, number in KIND_NUMBERS.items()}
DIAGNOSTIC_NUMBERS = {kind: diagnostics.DiagnosticKind.Value(f"DIAGNOSTIC_KIND_{kind.name}") for kind in DiagnosticKind}
_REPORT_STATES = {state: diagnostics.DiagnosticReport.State.Value(f"STATE_{state.name}") for state in ReportState}


def catalogue_id(catalogue: Catalogue) -> bytes:
    """First 16 bytes of SHA-256 over the message with its id empty, serialised deterministically."""
    return bodies.hash_of(bodies.catalogue_message(catalogue))


def seal(body: Body, moment: Moment) -> Sealed:
    """One record as wire bytes, boot id left out: `batch` adds it where it is not the boot of the stream."""
    record = reading.Record(wall_ms=max(0, moment.wall_ms), boot_ms=max(0, moment.boot_ms))
    kind, used, slot = bodies.fill(record, body)
    return Sealed(kind=kind, payload=record.SerializeToString(), catalogue_id=used, slot=slot)


def seal_loss(loss: Loss, moment: Moment) -> Sealed:
    return seal(loss, moment)


def placeholder() -> bytes:
    """Stands in a batch for a record of a kind that this collector does not take: sequences stay contiguous."""
    return reading.Record().SerializeToString()


def batch(records: Sequence[tuple[int, bytes]], epoch: bytes) -> bytes:
    """AgentMessage with a Batch of contiguous (sequence, payload). Payloads are wire bytes already and are not parsed
    again: this writes the three tags of Batch by hand; a test compares it with the library's bytes."""
    body = bytearray(b"\x0a" + _varint(len(epoch)) + epoch + b"\x10" + _varint(records[0][0]))
    for _, payload in records:
        body += b"\x1a" + _varint(len(payload)) + payload
    return b"\x12" + _varint(len(body)) + bytes(body)


def payload_for(record: Stored, boot_id: bytes) -> bytes:
    """The record's bytes, with its own boot named if that is not the boot of the stream."""
    if record.boot_id == boot_id:
        return record.payload
    message = reading.Record.FromString(record.payload)
    if message.boot_id:
        return record.payload
    message.boot_id = record.boot_id
    return message.SerializeToString()


def with_boot(record: Stored) -> Stored:
    """The same record naming its boot, so that it can be kept beyond its segment."""
    return dataclasses.replace(record, payload=payload_for(record, b""))


def catalogue_answer(record_payload: bytes) -> bytes:
    """AgentMessage with the catalogue of a stored catalogue record."""
    record = reading.Record.FromString(record_payload)
    return telemetry.AgentMessage(catalogue=record.catalogue).SerializeToString()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What Hello says of this agent, beside the spool's epochs and the time."""

    version: str
    host: Asset
    boot_id: bytes
    diagnostics: Callable[[], Sequence[DiagnosticKind]] = tuple
    """Asked at each Hello: a reload may have changed the switches."""
    roots: Callable[[], Sequence[bytes]] = tuple
    """SHA-256 of the CAs that are trusted; asked at each Hello, for they change."""


def hello(introduction: Introduction, held: Sequence[Held], moment: Moment) -> bytes:
    host = introduction.host
    message = telemetry.Hello(
        protocol=PROTOCOL,
        agent_version=introduction.version,
        hostname=host.hostname,
        machine_id=host.machine_id,
        dmi_uuid=host.uuid,
        boot_id=introduction.boot_id,
        record_kinds=list(KIND_NUMBERS.values()),
        epochs=[telemetry.EpochHeld(epoch=one.epoch, oldest=one.oldest, newest=one.newest) for one in held],
        wall_ms=max(0, moment.wall_ms),
        boot_ms=max(0, moment.boot_ms),
        host=bodies.asset_message(host),
        diagnostics=[DIAGNOSTIC_NUMBERS[kind] for kind in introduction.diagnostics()],
        roots=introduction.roots(),
    )
    return telemetry.AgentMessage(hello=message).SerializeToString()


def heartbeat(moment: Moment, records: int, size: int) -> bytes:
    beat = telemetry.Heartbeat(
        wall_ms=max(0, moment.wall_ms), boot_ms=max(0, moment.boot_ms), spool_records=records, spool_bytes=size
    )
    return telemetry.AgentMessage(heartbeat=beat).SerializeToString()


def goodbye(reason: str) -> bytes:
    return telemetry.AgentMessage(goodbye=telemetry.Goodbye(reason=reason)).SerializeToString()


def report(said: DiagnosticReport) -> bytes:
    """AgentMessage with how a request for diagnostics stands."""
    message = diagnostics.DiagnosticReport(
        id=said.id,
        state=_REPORT_STATES[said.state],
        detail=bodies.clean(said.detail),
        answer=said.answer,
        wall_ms=max(0, said.wall_ms),
        files=[_file(said.id, file) for file in said.files],
    )
    return telemetry.AgentMessage(diagnostic=message).SerializeToString()


def upload_begin(request_id: bytes, file: AnswerFile) -> bytes:
    return diagnostics.UploadMessage(begin=_file(request_id, file)).SerializeToString()


def upload_chunk(chunk: bytes) -> bytes:
    return diagnostics.UploadMessage(chunk=chunk).SerializeToString()


def _file(request_id: bytes, file: AnswerFile) -> diagnostics.UploadBegin:
    return diagnostics.UploadBegin(id=request_id, name=file.name, bytes=file.size, sha256=file.sha256)


def host_message(host: Asset) -> reading.Asset:
    """For the enrolment call."""
    return bodies.asset_message(host)


def _varint(value: int) -> bytes:
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)
