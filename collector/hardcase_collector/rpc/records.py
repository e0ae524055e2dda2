"""Records of the wire that are no frame, to the values of `ingest/incoming.py`. Called by `codec.py` for each.

What contradicts its contract is refused record by record, saying what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from hardcase_protos.v1 import reading_pb2

from hardcase_collector.domain.asset import AssetFacts, Part
from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.domain.observation import (
    Coverage,
    CoverageLine,
    Event,
    Inventory,
    Limits,
    Loss,
    Maintenance,
    Observation,
    Sensor,
    SourceStatus,
    Stamp,
)
from hardcase_collector.ingest.incoming import (
    IncomingRecord,
    Offered,
    OfferedCatalogue,
    Refused,
    RejectionStatus,
)
from hardcase_collector.rpc.bounds import check_facts, check_part, check_words

MAX_SENSORS = 4096
"""Gap indexes are 16 bits wide; no BMC or shelf known has over a thousand sensors in one source."""
MAX_RAW = 4096
MAX_WINDOW_ID = 64
INT64_MAX = 2**63 - 1

_LIMIT_NAMES = (
    "lower_non_recoverable",
    "lower_critical",
    "lower_non_critical",
    "upper_non_critical",
    "upper_critical",
    "upper_non_recoverable",
    "hysteresis_rising",
    "hysteresis_falling",
)


def facts_of(asset: reading_pb2.Asset) -> AssetFacts:
    return AssetFacts(
        vendor=asset.vendor,
        model=asset.model,
        serial=asset.serial,
        uuid=asset.uuid,
        machine_id=asset.machine_id,
        node=asset.node,
        hostname=asset.hostname,
        kind=asset.kind or "server",
        rehearsal=asset.rehearsal,
        address=asset.address,
    )


def part_of(part: reading_pb2.Part) -> Part:
    return Part(
        component=part.component,
        slot=part.slot,
        model=part.model,
        serial=part.serial,
        part_number=part.part_number,
        firmware=part.firmware,
        paths=tuple(part.paths),
        wwn=part.wwn,
    )


def limits_of(limits: reading_pb2.Limits) -> Limits:
    given = {name: getattr(limits, name) for name in _LIMIT_NAMES if limits.HasField(name)}  # type: ignore[arg-type]  # the names are field names
    return Limits(source=limits.source, **given)


def sensor_of(sensor: reading_pb2.Sensor) -> Sensor:
    return Sensor(
        id=sensor.id,
        name=sensor.name,
        kind=sensor.kind,
        unit=sensor.unit,
        part=part_of(sensor.part),
        limits=limits_of(sensor.limits),
        states=tuple(sensor.states),
        quantity=sensor.quantity,
        host_powered=sensor.host_powered,
        comparison=sensor.comparison if sensor.has_comparison else None,
    )


def catalogue_of(catalogue: reading_pb2.Catalogue, sequence: int) -> OfferedCatalogue:
    """Raises BadRecord where the catalogue contradicts its contract; telling which line of it."""
    sensors = tuple(sensor_of(sensor) for sensor in catalogue.sensors)
    if len(catalogue.id) != 16:
        raise BadRecord("catalogue id is not 16 bytes")
    if catalogue.value_width not in (4, 8):
        raise BadRecord(f"value width {catalogue.value_width} is neither 4 nor 8")
    if not catalogue.period_ms or not catalogue.source:
        raise BadRecord("a catalogue needs a period above 0 and a source")
    if len(sensors) > MAX_SENSORS:
        raise BadRecord(f"{len(sensors)} sensors, at most {MAX_SENSORS}")
    if len({sensor.id for sensor in sensors}) != len(sensors) or any(not sensor.id for sensor in sensors):
        raise BadRecord("sensor ids are empty or repeat")
    first_state = next((at for at, sensor in enumerate(sensors) if sensor.states), len(sensors))
    if any(not sensor.states for sensor in sensors[first_state:]):
        raise BadRecord("a number sensor follows a state sensor")
    if any(len(sensor.states) > 32 for sensor in sensors):
        raise BadRecord("a state sensor has over 32 states")
    for sensor in sensors:
        check_words(sensor.id)
        check_part(sensor.part)
    facts = facts_of(catalogue.asset)
    check_facts(facts)
    check_words(catalogue.source)
    return OfferedCatalogue(
        sequence=sequence,
        id=catalogue.id,
        facts=facts,
        source=catalogue.source,
        period_ms=catalogue.period_ms,
        value_width=catalogue.value_width,
        sensors=sensors,
        body=catalogue.SerializeToString(deterministic=True),
    )


def _event(body: reading_pb2.Event) -> Callable[[Stamp], Observation]:
    if len(body.raw) > MAX_RAW:
        raise BadRecord(f"raw event of {len(body.raw)} bytes, at most {MAX_RAW}")
    if max(body.erase_stamp, body.record_id, body.device_ms) > INT64_MAX:
        raise BadRecord("an event number is above 2^63")
    part = part_of(body.part)
    check_part(part)
    check_words(body.sensor, body.code, body.log)
    return lambda stamp: Event(
        stamp=stamp,
        log=body.log,
        erase_stamp=body.erase_stamp,
        record_id=body.record_id,
        raw=body.raw,
        device_ms=body.device_ms,
        part=part,
        code=body.code,
        asserted=body.asserted,
        sensor=body.sensor,
        text=body.text[:500],
    )


def _inventory(body: reading_pb2.Inventory) -> Callable[[Stamp], Observation]:
    parts = tuple(part_of(part) for part in body.parts)
    for part in parts:
        check_part(part)
    return lambda stamp: Inventory(stamp=stamp, parts=parts)


def _coverage(body: reading_pb2.Coverage) -> Callable[[Stamp], Observation]:
    lines = tuple(
        CoverageLine(
            component=line.component,
            status=_word(reading_pb2.CoverageLine.Status, line.status, "STATUS_"),
            reason=line.reason,
            cure=line.cure,
        )
        for line in body.lines
    )
    check_words(*(line.component for line in lines))
    return lambda stamp: Coverage(stamp=stamp, lines=lines)


def _source_status(body: reading_pb2.SourceStatus) -> Callable[[Stamp], Observation]:
    state = _word(reading_pb2.SourceStatus.State, body.state, "STATE_")
    return lambda stamp: SourceStatus(
        stamp=stamp, state=state, detail=body.detail, period_ms=body.period_ms, failures=body.failures
    )


def _loss(body: reading_pb2.Loss) -> Callable[[Stamp], Observation]:
    if len(body.epoch) not in (0, 16) or body.first > body.through:
        raise BadRecord("the range of the loss makes no sense")
    if max(body.through, body.records) > INT64_MAX:
        raise BadRecord("a number of the loss is above 2^63")
    cause = _word(reading_pb2.Loss.Cause, body.cause, "CAUSE_")
    return lambda stamp: Loss(
        stamp=stamp, epoch=body.epoch, first=body.first, through=body.through, records=body.records, cause=cause
    )


def _maintenance(body: reading_pb2.Maintenance) -> Callable[[Stamp], Observation]:
    if not 1 <= len(body.window_id) <= MAX_WINDOW_ID:
        raise BadRecord(f"a window needs an id of at most {MAX_WINDOW_ID} bytes")
    return lambda stamp: Maintenance(
        stamp=stamp, window_id=body.window_id, duration_s=body.duration_s, reason=body.reason, by=body.by
    )


def _word(enum: object, number: int, prefix: str) -> str:
    """Lower-case word of a proto enum. Raises BadRecord for 0 and for numbers this release does not know."""
    try:
        name: str = enum.Name(number)  # type: ignore[attr-defined]  # EnumTypeWrapper; its stub is generic over private types
    except ValueError as error:
        raise BadRecord(f"unknown number {number} of {prefix.rstrip('_').lower()}") from error
    if not number:
        raise BadRecord(f"{prefix.rstrip('_').lower()} is not given")
    return name.removeprefix(prefix).lower()


def record_of(record: reading_pb2.Record, sequence: int) -> IncomingRecord:
    """A record that is no frame. What cannot be read comes back as `Refused`: one bad record spoils no other."""
    kind = record.WhichOneof("body")
    try:
        if kind == "catalogue":
            return catalogue_of(record.catalogue, sequence)
        offered = _offered(record, kind)
        if offered is not None and offered[0] is not None:
            check_facts(offered[0])
            check_words(offered[1])
    except BadRecord as bad:
        status = RejectionStatus.BAD_CATALOGUE if kind == "catalogue" else RejectionStatus.MALFORMED
        return Refused(
            sequence=sequence,
            status=status,
            detail=str(bad),
            raw=record.SerializeToString(),
            catalogue_id=record.catalogue.id if kind == "catalogue" else b"",
        )
    if offered is None:
        detail = "this collector does not know the kind of this record"
        return Refused(
            sequence=sequence, status=RejectionStatus.UNKNOWN_KIND, detail=detail, raw=record.SerializeToString()
        )
    facts, source, build = offered
    return Offered(
        sequence=sequence,
        wall_ms=min(record.wall_ms, INT64_MAX),
        boot_ms=min(record.boot_ms, INT64_MAX),
        boot_id=record.boot_id,
        facts=facts,
        source=source,
        build=build,
        raw=b"" if kind == "loss" else record.SerializeToString(),
    )


def _offered(
    record: reading_pb2.Record, kind: str | None
) -> tuple[AssetFacts | None, str, Callable[[Stamp], Observation]] | None:
    if kind == "event":
        return facts_of(record.event.asset), record.event.source, _event(record.event)
    if kind == "inventory":
        return facts_of(record.inventory.asset), record.inventory.source, _inventory(record.inventory)
    if kind == "coverage":
        return facts_of(record.coverage.asset), record.coverage.source, _coverage(record.coverage)
    if kind == "source_status":
        status = record.source_status
        return facts_of(status.asset), status.source, _source_status(status)
    if kind == "maintenance":
        return facts_of(record.maintenance.asset), "", _maintenance(record.maintenance)
    if kind == "loss":
        return None, "", _loss(record.loss)
    return None


def answered_catalogue_of(catalogue: reading_pb2.Catalogue) -> OfferedCatalogue | Refused:
    """The answer to a NeedCatalogue, which has no sequence."""
    try:
        return catalogue_of(catalogue, 0)
    except BadRecord as bad:
        return Refused(
            sequence=0,
            status=RejectionStatus.BAD_CATALOGUE,
            detail=str(bad),
            raw=b"",
            catalogue_id=catalogue.id,
        )
