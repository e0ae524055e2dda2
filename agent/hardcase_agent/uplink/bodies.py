"""What records hold, as messages: frames, catalogues, events, inventories, coverage, losses, windows.

Called by `codec.py`, which puts records together and knows every other message.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json

from hardcase_protos.v1 import reading_pb2 as reading

from hardcase_agent.domain.event import (
    CoverageStatus,
    Inventory,
    Loss,
    LossCause,
    Maintenance,
    SourceState,
    SourceStatus,
)
from hardcase_agent.domain.frame import Body, Catalogue, Coverage, Frame, SourcedEvent
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.reading import Limits, Sensor
from hardcase_agent.domain.stream import RecordKind

LARGEST_RAW = 4096
"""Bytes of an event's raw record (reading.proto, Event.raw)."""
LARGEST_TEXT = 500
"""Characters of an event's text (reading.proto, Event.text)."""
WIDEST_U32 = 0xFFFFFFFF

_STATES = {state: reading.SourceStatus.State.Value(f"STATE_{state.name}") for state in SourceState}
_STATUSES = {status: reading.CoverageLine.Status.Value(f"STATUS_{status.name}") for status in CoverageStatus}
_CAUSES = {cause: reading.Loss.Cause.Value(f"CAUSE_{cause.name}") for cause in LossCause}
_LIMITS = tuple(field.name for field in dataclasses.fields(Limits) if field.name != "source")


def fill(record: reading.Record, body: Body) -> tuple[RecordKind, bytes, str]:
    """Puts the body into the record; returns its kind, the catalogue it names and the slot that catalogue fills."""
    if isinstance(body, Frame):
        record.frame.CopyFrom(_frame(body))
        return RecordKind.FRAME, body.catalogue_id, ""
    if isinstance(body, Catalogue):
        message = catalogue_message(body)
        message.id = hash_of(message)
        record.catalogue.CopyFrom(message)
        return RecordKind.CATALOGUE, message.id, f"{body.source} {json.dumps(dataclasses.astuple(body.asset))}"
    return _fill_other(record, body), b"", ""


def _fill_other(record: reading.Record, body: Body) -> RecordKind:
    if isinstance(body, SourcedEvent):
        record.event.CopyFrom(_event(body))
        return RecordKind.EVENT
    if isinstance(body, Inventory):
        parts = [_part(part) for part in body.parts]
        record.inventory.CopyFrom(reading.Inventory(asset=asset_message(body.asset), source=body.source, parts=parts))
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


def hash_of(message: reading.Catalogue) -> bytes:
    return hashlib.sha256(message.SerializeToString(deterministic=True)).digest()[:16]


def catalogue_message(catalogue: Catalogue) -> reading.Catalogue:
    return reading.Catalogue(
        asset=asset_message(catalogue.asset),
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


def asset_message(asset: Asset) -> reading.Asset:
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
        asset=asset_message(sourced.asset),
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
    return reading.Coverage(asset=asset_message(coverage.asset), source=coverage.source, lines=lines)


def _status(status: SourceStatus) -> reading.SourceStatus:
    return reading.SourceStatus(
        asset=asset_message(status.asset),
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
        asset=asset_message(window.asset),
        window_id=window.window_id,
        duration_s=min(max(0, window.duration_s), WIDEST_U32),
        reason=clean(window.reason),
        by=clean(window.by),
    )


def clean(text: str) -> str:
    """Device text as the wire can carry it: a lone surrogate (an undecodable byte) becomes U+FFFD, not an exception."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if not text.isascii() else text
