"""Domain values to wire bytes."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.event import (
    CoverageLine,
    CoverageStatus,
    Event,
    Inventory,
    Loss,
    LossCause,
    Maintenance,
    SourceState,
    SourceStatus,
)
from hardcase_agent.domain.frame import Body, Catalogue, Coverage, Frame, Moment, SourcedEvent
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.reading import GapReason, Kind, Limits, Sensor, Unit
from hardcase_agent.domain.stream import Held, RecordKind, Stored
from hardcase_agent.sampling.framing import GAP_NUMBERS
from hardcase_agent.uplink import codec
from hardcase_protos.v1 import reading_pb2 as reading
from hardcase_protos.v1 import telemetry_pb2 as telemetry

ASSET = Asset(vendor="浪潮", serial="S1", hostname="n1")
PART = Part(component=Component.FAN, slot="FAN 1", paths=("/a", "/b"))
SENSOR = Sensor(
    id="20.0.1/29.1",
    name="Fan 1",
    kind=Kind.FAN,
    unit=Unit.RPM,
    part=PART,
    limits=Limits(lower_critical=0.0, hysteresis_falling=2.5, source="bmc"),
    comparison=0,
)
CATALOGUE = Catalogue(asset=ASSET, source="ipmi", period_ms=60_000, value_width=4, sensors=(SENSOR,))
AT = Moment(1_790_000_000_000, 5000)
BODIES: list[tuple[Body, RecordKind]] = [
    (CATALOGUE, RecordKind.CATALOGUE),
    (Frame(catalogue_id=b"c" * 16, values=b"abcd", states=b""), RecordKind.FRAME),
    (SourcedEvent(asset=ASSET, source="sel", event=Event(log="sel", record_id=1, raw=b"r")), RecordKind.EVENT),
    (Inventory(asset=ASSET, source="fru", parts=(PART,)), RecordKind.INVENTORY),
    (
        Coverage(
            asset=ASSET,
            source="smart",
            lines=(CoverageLine(component=Component.DISK, status=CoverageStatus.UNREADABLE, reason="r", cure="c"),),
        ),
        RecordKind.COVERAGE,
    ),
    (SourceStatus(asset=ASSET, source="x", state=SourceState.HUNG, failures=3), RecordKind.SOURCE_STATUS),
    (Loss(epoch=b"e" * 16, first=1, through=2, records=2, cause=LossCause.TOO_OLD), RecordKind.LOSS),
    (Maintenance(asset=ASSET, window_id=b"w" * 16, duration_s=60, reason="r", by="root"), RecordKind.MAINTENANCE),
]


@pytest.mark.parametrize(("body", "kind"), BODIES)
def test_every_body_becomes_a_record_of_its_kind(body: Body, kind: RecordKind) -> None:
    sealed = codec.seal(body, AT)
    record = reading.Record.FromString(sealed.payload)
    assert sealed.kind is kind
    assert (record.WhichOneof("body"), record.wall_ms, record.boot_ms) == (kind.value, AT.wall_ms, AT.boot_ms)


def test_every_kind_cause_state_and_reason_has_its_number_on_the_wire() -> None:
    assert {kind.name for kind in RecordKind} == {name[12:] for name in reading.RecordKind.keys()[1:]}
    for reason, number in GAP_NUMBERS.items():
        assert reading.GapReason.Name(number) == f"GAP_REASON_{reason.name}"
    assert len(GAP_NUMBERS) == len(GapReason) == len(reading.GapReason.keys()) - 1
    for cause in LossCause:
        sealed = codec.seal(Loss(epoch=b"", first=0, through=0, records=1, cause=cause), AT)
        told = reading.Record.FromString(sealed.payload).loss.cause
        assert reading.Loss.Cause.Name(told) == f"CAUSE_{cause.name}"
    for state in SourceState:
        sealed = codec.seal(SourceStatus(asset=ASSET, source="", state=state), AT)
        told_state = reading.Record.FromString(sealed.payload).source_status.state
        assert reading.SourceStatus.State.Name(told_state) == f"STATE_{state.name}"


def test_a_catalogues_id_is_the_hash_of_its_content_without_the_id() -> None:
    import hashlib

    record = reading.Record.FromString(codec.seal(CATALOGUE, AT).payload)
    told = record.catalogue.id
    record.catalogue.ClearField("id")
    assert told == hashlib.sha256(record.catalogue.SerializeToString(deterministic=True)).digest()[:16]
    assert told == codec.catalogue_id(CATALOGUE) == codec.seal(CATALOGUE, AT).catalogue_id


def test_limits_that_are_zero_are_told_and_those_not_stated_are_absent() -> None:
    (sensor,) = reading.Record.FromString(codec.seal(CATALOGUE, AT).payload).catalogue.sensors
    assert sensor.limits.HasField("lower_critical")
    assert sensor.limits.lower_critical == 0.0
    assert not sensor.limits.HasField("upper_critical")
    assert sensor.has_comparison
    assert (sensor.part.slot, list(sensor.part.paths), sensor.limits.source) == ("FAN 1", ["/a", "/b"], "bmc")


def test_a_catalogue_of_the_same_source_and_asset_fills_the_same_slot() -> None:
    other = Catalogue(asset=ASSET, source="ipmi", period_ms=1, value_width=8, sensors=())
    elsewhere = Catalogue(asset=Asset(serial="S2"), source="ipmi", period_ms=1, value_width=8, sensors=())
    slots = [codec.seal(one, AT).slot for one in (CATALOGUE, other, elsewhere)]
    assert slots[0] == slots[1] != slots[2]


@pytest.mark.parametrize("count", [1, 2, 300])
def test_a_batch_written_by_hand_is_what_the_library_writes(count: int) -> None:
    payloads = [codec.seal(body, AT).payload for body, _ in BODIES] * (count // len(BODIES) + 1)
    records = list(enumerate(payloads[:count], start=2**33))
    batch = telemetry.Batch(
        epoch=b"e" * 16, first_sequence=2**33, records=[reading.Record.FromString(one) for _, one in records]
    )
    by_library = telemetry.AgentMessage(batch=batch)
    by_hand = codec.batch(records, b"e" * 16)
    assert telemetry.AgentMessage.FromString(by_hand) == by_library
    assert by_hand == by_library.SerializeToString()


def test_a_record_of_an_earlier_boot_names_it_and_one_of_this_boot_does_not() -> None:
    payload = codec.seal(BODIES[1][0], AT).payload
    stored = Stored(epoch=b"", sequence=1, kind=RecordKind.FRAME, payload=payload, boot_id=b"A" * 16)
    assert codec.payload_for(stored, b"A" * 16) == payload
    assert reading.Record.FromString(codec.payload_for(stored, b"B" * 16)).boot_id == b"A" * 16
    kept = codec.with_boot(stored)
    assert reading.Record.FromString(codec.payload_for(kept, b"B" * 16)).boot_id == b"A" * 16


def test_a_placeholder_is_a_record_without_a_body() -> None:
    assert reading.Record.FromString(codec.placeholder()).WhichOneof("body") is None


def test_undecodable_device_text_does_not_stop_a_record() -> None:
    odd = Asset(serial=b"\xff\xfeABC".decode("utf-8", "surrogateescape"))
    sealed = codec.seal(SourceStatus(asset=odd, source="x", state=SourceState.OK), AT)
    assert reading.Record.FromString(sealed.payload).source_status.asset.serial.endswith("ABC")


def test_events_are_cut_to_what_the_wire_allows() -> None:
    event = Event(log="sel", record_id=1, raw=b"r" * 5000, text="字" * 600)
    told = reading.Record.FromString(codec.seal(SourcedEvent(asset=ASSET, source="", event=event), AT).payload).event
    assert (len(told.raw), len(told.text)) == (4096, 500)


def test_hello_says_who_speaks_and_what_is_held() -> None:
    introduction = codec.Introduction(
        version="1", host=Asset(machine_id="m", uuid="u", hostname="h"), boot_id=b"B" * 16
    )
    held = [Held(epoch=b"o" * 16, oldest=4, newest=9), Held(epoch=b"n" * 16, oldest=1, newest=0)]
    hello = telemetry.AgentMessage.FromString(codec.hello(introduction, held, AT)).hello
    assert (hello.protocol, hello.machine_id, hello.dmi_uuid, hello.hostname) == (1, "m", "u", "h")
    assert [(one.epoch[:1], one.oldest, one.newest) for one in hello.epochs] == [(b"o", 4, 9), (b"n", 1, 0)]
    assert len(hello.record_kinds) == len(RecordKind)
