"""Domain values to wire bytes, and the collector's messages to plain values. The only module that knows the messages.

Called by `app.py` (sealing records, catalogue ids) and by `client.py`. Field meanings: protos/hardcase_protos/v1.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence

from hardcase_protos.v1 import diagnostics_pb2 as diagnostics
from hardcase_protos.v1 import reading_pb2 as reading
from hardcase_protos.v1 import telemetry_pb2 as telemetry

from hardcase_agent.domain.diagnostic import AnswerFile, DiagnosticKind, DiagnosticReport, ReportState
from hardcase_agent.domain.event import (
    CoverageStatus,
    Inventory,
    Loss,
    LossCause,
    Maintenance,
    SourceState,
    SourceStatus,
)
from hardcase_agent.domain.frame import Body, Catalogue, Coverage, Frame, Moment, SourcedEvent
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.reading import Limits, Sensor
from hardcase_agent.domain.stream import Held, RecordKind, Sealed, Stored

PROTOCOL = 1
OLDEST_PROTOCOL = 1
"""What this agent can still say to a collector that does not know its own."""
LARGEST_RAW = 4096
"""Bytes of an event's raw record (reading.proto, Event.raw)."""
LARGEST_TEXT = 500
"""Characters of an event's text (reading.proto, Event.text)."""
WIDEST_U32 = 0xFFFFFFFF

KIND_NUMBERS = {kind: reading.RecordKind.Value(f"RECORD_KIND_{kind.name}") for kind in RecordKind}
KINDS_BY_NUMBER: dict[int, RecordKind] = {number: kind for kind, number in KIND_NUMBERS.items()}
DIAGNOSTIC_NUMBERS = {kind: diagnostics.DiagnosticKind.Value(f"DIAGNOSTIC_KIND_{kind.name}") for kind in DiagnosticKind}
_REPORT_STATES = {state: diagnostics.DiagnosticReport.State.Value(f"STATE_{state.name}") for state in ReportState}
_STATES = {state: reading.SourceStatus.State.Value(f"STATE_{state.name}") for state in SourceState}
_STATUSES = {status: reading.CoverageLine.Status.Value(f"STATUS_{status.name}") for status in CoverageStatus}
_CAUSES = {cause: reading.Loss.Cause.Value(f"CAUSE_{cause.name}") for cause in LossCause}
_LIMITS = tuple(field.name for field in dataclasses.fields(Limits) if field.name != "source")


def catalogue_id(catalogue: Catalogue) -> bytes:
    """First 16 bytes of SHA-256 over the message with its id empty, serialised deterministically."""
    return _hash(_catalogue(catalogue))


def seal(body: Body, moment: Moment) -> Sealed:
    """One record as wire bytes, boot id left out: `batch` adds it where it is not the boot of the stream."""
    record = reading.Record(wall_ms=max(0, moment.wall_ms), boot_ms=max(0, moment.boot_ms))
    kind, used, slot = _fill(record, body)
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
        host=_asset(host),
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
        detail=clean(said.detail),
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
    return _asset(host)


def _fill(record: reading.Record, body: Body) -> tuple[RecordKind, bytes, str]:
    """Puts the body into the record; returns its kind, the catalogue it names and the slot that catalogue fills."""
    if isinstance(body, Frame):
        record.frame.CopyFrom(_frame(body))
        return RecordKind.FRAME, body.catalogue_id, ""
    if isinstance(body, Catalogue):
        message = _catalogue(body)
        message.id = _hash(message)
        record.catalogue.CopyFrom(message)
        return RecordKind.CATALOGUE, message.id, f"{body.source} {json.dumps(dataclasses.astuple(body.asset))}"
    return _fill_other(record, body), b"", ""


def _fill_other(record: reading.Record, body: Body) -> RecordKind:
    if isinstance(body, SourcedEvent):
        record.event.CopyFrom(_event(body))
        return RecordKind.EVENT
    if isinstance(body, Inventory):
        parts = [_part(part) for part in body.parts]
        record.inventory.CopyFrom(reading.Inventory(asset=_asset(body.asset), source=body.source, parts=parts))
        return RecordKind.INVENTORY
    if isinstance(body, Coverage):
        record.coverage.CopyFrom(_coverage(body))
        return RecordKind.COVERAGE
    if isinstance(body, SourceStatus):
        record.source_status.CopyFrom(_status(body))
        return RecordKind.SOURCE_STATUS
    if isinstance(body, Loss):
        record.loss.CopyFrom(_loss(body))
        return RecordKind.LOSS
    assert isinstance(body, Maintenance)
    record.maintenance.CopyFrom(_maintenance(body))
    return RecordKind.MAINTENANCE


def _hash(message: reading.Catalogue) -> bytes:
    return hashlib.sha256(message.SerializeToString(deterministic=True)).digest()[:16]


def _catalogue(catalogue: Catalogue) -> reading.Catalogue:
    return reading.Catalogue(
        asset=_asset(catalogue.asset),
        source=catalogue.source,
        period_ms=min(max(1, catalogue.period_ms), WIDEST_U32),
        value_width=catalogue.value_width,
        sensors=[_sensor(sensor) for sensor in catalogue.sensors],
    )


def _sensor(sensor: Sensor) -> reading.Sensor:
    message = reading.Sensor(
        id=sensor.id,
        name=clean(sensor.name),
        kind=sensor.kind.value,
        unit=sensor.unit.value,
        part=_part(sensor.part),
        states=sensor.states,
        quantity=sensor.quantity,
        host_powered=sensor.host_powered,
        comparison=sensor.comparison or 0,
        has_comparison=sensor.comparison is not None,
    )
    message.limits.source = sensor.limits.source
    for name in _LIMITS:
        value = getattr(sensor.limits, name)
        if value is not None:
            setattr(message.limits, name, value)
    return message


def _asset(asset: Asset) -> reading.Asset:
    return reading.Asset(
        vendor=clean(asset.vendor),
        model=clean(asset.model),
        serial=clean(asset.serial),
        uuid=asset.uuid,
        machine_id=asset.machine_id,
        node=clean(asset.node),
        hostname=clean(asset.hostname),
        kind=asset.kind,
        rehearsal=asset.rehearsal,
        address=asset.address,
    )


def _part(part: Part) -> reading.Part:
    return reading.Part(
        component=part.component.value,
        slot=clean(part.slot),
        model=clean(part.model),
        serial=clean(part.serial),
        part_number=clean(part.part_number),
        firmware=clean(part.firmware),
        paths=part.paths,
        wwn=part.wwn,
    )


def _frame(frame: Frame) -> reading.Frame:
    return reading.Frame(
        catalogue_id=frame.catalogue_id,
        values=frame.values,
        states=frame.states,
        gap_index=frame.gap_index,
        gap_reason=frame.gap_reason,
        gap_age_s=frame.gap_age_s,
        offsets_ms=frame.offsets_ms,
    )


def _event(sourced: SourcedEvent) -> reading.Event:
    event = sourced.event
    return reading.Event(
        asset=_asset(sourced.asset),
        log=event.log,
        erase_stamp=event.erase_stamp,
        record_id=event.record_id,
        raw=event.raw[:LARGEST_RAW],
        device_ms=max(0, event.device_ms),
        part=_part(event.part),
        code=event.code,
        asserted=event.asserted,
        sensor=event.sensor,
        text=clean(event.text)[:LARGEST_TEXT],
        source=sourced.source,
    )


def _coverage(coverage: Coverage) -> reading.Coverage:
    lines = [
        reading.CoverageLine(
            component=line.component.value,
            status=_STATUSES[line.status],
            reason=clean(line.reason),
            cure=clean(line.cure),
        )
        for line in coverage.lines
    ]
    return reading.Coverage(asset=_asset(coverage.asset), source=coverage.source, lines=lines)


def _status(status: SourceStatus) -> reading.SourceStatus:
    return reading.SourceStatus(
        asset=_asset(status.asset),
        source=status.source,
        state=_STATES[status.state],
        detail=clean(status.detail),
        period_ms=min(max(0, status.period_ms), WIDEST_U32),
        failures=min(status.failures, WIDEST_U32),
    )


def _loss(loss: Loss) -> reading.Loss:
    return reading.Loss(
        epoch=loss.epoch, first=loss.first, through=loss.through, records=loss.records, cause=_CAUSES[loss.cause]
    )


def _maintenance(window: Maintenance) -> reading.Maintenance:
    return reading.Maintenance(
        asset=_asset(window.asset),
        window_id=window.window_id,
        duration_s=min(max(0, window.duration_s), WIDEST_U32),
        reason=clean(window.reason),
        by=clean(window.by),
    )


def clean(text: str) -> str:
    """Device text as the wire can carry it: a lone surrogate (an undecodable byte) becomes U+FFFD, not an exception."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if not text.isascii() else text


def _varint(value: int) -> bytes:
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)
