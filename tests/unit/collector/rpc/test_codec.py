"""Protobuf to values and back: every kind of record, and what is wrong with bad ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.domain.observation import (
    Coverage,
    Event,
    Inventory,
    Loss,
    Maintenance,
    SourceStatus,
    Stamp,
)
from hardcase_collector.ingest.incoming import (
    Ack,
    Answer,
    Farewell,
    Heard,
    Hold,
    HoldCause,
    IncomingFrame,
    NeedCatalogue,
    Offered,
    OfferedCatalogue,
    Refused,
    Rejected,
    RejectionStatus,
)
from hardcase_collector.rpc import codec, records
from hardcase_collector.rpc.writer import content_of
from hardcase_protos.v1 import reading_pb2, telemetry_pb2
from hypothesis import given
from hypothesis import strategies as st

EPOCH = b"e" * 16
STAMP = Stamp(agent=1, asset=2, source="s", epoch=EPOCH, sequence=3, time_ms=4, received_ms=5, flag=0, backlog=False)


def record(**body: Any) -> reading_pb2.Record:
    return reading_pb2.Record(wall_ms=11, boot_ms=12, **body)


def built(**body: Any) -> Any:
    offered = records.record_of(record(**body), 7)
    assert isinstance(offered, Offered), offered
    assert (offered.sequence, offered.wall_ms, offered.boot_ms) == (7, 11, 12)
    return offered.build(STAMP)


def good_catalogue() -> reading_pb2.Catalogue:
    made = reading_pb2.Catalogue(id=b"c" * 16, source="ipmi@local", period_ms=60_000, value_width=4)
    made.asset.serial = "7ABC123"
    number = made.sensors.add(id="n0", name="Temp", kind="temperature", unit="Cel", comparison=3, has_comparison=True)
    number.limits.upper_critical = 95.0
    number.part.component = "cpu"
    made.sensors.add(id="s0", name="PSU", kind="state", states=["present", "failed"])
    return made


def test_a_frame_keeps_its_bytes() -> None:
    message = telemetry_pb2.AgentMessage()
    message.batch.epoch, message.batch.first_sequence = EPOCH, 5
    frame = message.batch.records.add(wall_ms=11, boot_ms=12, boot_id=b"b").frame
    frame.catalogue_id, frame.values, frame.states = b"c" * 16, b"vvvv", b"ssss"
    frame.gap_index, frame.gap_reason, frame.gap_age_s, frame.offsets_ms = b"ii", b"r", b"aaaa", b"oooo"
    found = content_of(message.SerializeToString())
    assert found.records == [  # type: ignore[union-attr]  # it is a batch
        IncomingFrame(5, 11, 12, b"b", b"c" * 16, b"vvvv", b"ssss", b"ii", b"r", b"aaaa", b"oooo")
    ]


def test_a_catalogue_keeps_limits_that_are_there_and_invents_none() -> None:
    found = records.record_of(record(catalogue=good_catalogue()), 9)
    assert isinstance(found, OfferedCatalogue)
    first, second = found.sensors
    assert (first.limits.upper_critical, first.limits.upper_non_critical, first.comparison) == (95.0, None, 3)
    assert (second.states, second.comparison) == (("present", "failed"), None)
    assert found.facts.serial == "7ABC123"
    assert reading_pb2.Catalogue.FromString(found.body) == good_catalogue()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bad: setattr(bad, "id", b"short"),
        lambda bad: setattr(bad, "value_width", 5),
        lambda bad: setattr(bad, "period_ms", 0),
        lambda bad: setattr(bad, "source", ""),
        lambda bad: bad.sensors.add(id="n1"),
        lambda bad: bad.sensors.add(id="s0", states=["x"]),
        lambda bad: bad.sensors.add(id="", states=["x"]),
        lambda bad: bad.sensors.add(id="s9", states=["x"] * 33),
        lambda bad: bad.sensors.extend(reading_pb2.Sensor(id=f"x{at}", states=["x"]) for at in range(5000)),
    ],
)
def test_a_catalogue_that_contradicts_itself_is_refused_with_its_id(
    spoil: Callable[[reading_pb2.Catalogue], object],
) -> None:
    bad = good_catalogue()
    spoil(bad)
    found = records.record_of(record(catalogue=bad), 9)
    assert isinstance(found, Refused)
    assert (found.status, found.catalogue_id) == (RejectionStatus.BAD_CATALOGUE, bad.id)
    assert found.detail
    answered = records.answered_catalogue_of(bad)
    assert isinstance(answered, Refused)


def test_every_other_kind_becomes_its_observation() -> None:
    event = built(event=reading_pb2.Event(log="sel", record_id=3, raw=b"r", code="psu.input_lost", asserted=True))
    assert isinstance(event, Event)
    assert (event.stamp, event.record_id, event.code, event.asserted) == (STAMP, 3, "psu.input_lost", True)
    inventory = built(inventory=reading_pb2.Inventory(parts=[reading_pb2.Part(component="disk", slot="Bay 1")]))
    assert isinstance(inventory, Inventory)
    assert inventory.parts[0].key() == "disk@Bay 1"
    line = reading_pb2.CoverageLine(component="raid", status=reading_pb2.CoverageLine.STATUS_UNREADABLE, cure="c")
    coverage = built(coverage=reading_pb2.Coverage(lines=[line]))
    assert isinstance(coverage, Coverage)
    assert (coverage.lines[0].status, coverage.lines[0].cure) == ("unreadable", "c")
    status = built(source_status=reading_pb2.SourceStatus(state=reading_pb2.SourceStatus.STATE_HUNG, failures=2))
    assert isinstance(status, SourceStatus)
    assert (status.state, status.failures) == ("hung", 2)
    window = built(maintenance=reading_pb2.Maintenance(window_id=b"w", duration_s=60, reason="why", by="me"))
    assert isinstance(window, Maintenance)
    assert (window.duration_s, window.reason) == (60, "why")
    loss = built(
        loss=reading_pb2.Loss(epoch=EPOCH, first=2, through=5, records=4, cause=reading_pb2.Loss.CAUSE_TOO_OLD)
    )
    assert isinstance(loss, Loss)
    assert (loss.first, loss.through, loss.cause) == (2, 5, "too_old")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, RejectionStatus.UNKNOWN_KIND),
        ({"event": reading_pb2.Event(raw=b"x" * 4097)}, RejectionStatus.MALFORMED),
        ({"event": reading_pb2.Event(record_id=2**63)}, RejectionStatus.MALFORMED),
        ({"coverage": reading_pb2.Coverage(lines=[reading_pb2.CoverageLine()])}, RejectionStatus.MALFORMED),
        ({"source_status": reading_pb2.SourceStatus(state=77)}, RejectionStatus.MALFORMED),  # type: ignore[arg-type]
        ({"maintenance": reading_pb2.Maintenance()}, RejectionStatus.MALFORMED),
        ({"loss": reading_pb2.Loss(first=5, through=2, cause=1)}, RejectionStatus.MALFORMED),
        ({"loss": reading_pb2.Loss(epoch=b"short", cause=1)}, RejectionStatus.MALFORMED),
    ],
)
def test_a_bad_record_is_refused_with_its_reason(body: dict[str, Any], status: RejectionStatus) -> None:
    found = records.record_of(record(**body), 7)
    assert isinstance(found, Refused)
    assert (found.sequence, found.status) == (7, status)
    assert found.detail


@pytest.mark.parametrize(("epoch", "first"), [(b"", 1), (b"short", 1), (EPOCH, 0), (EPOCH, 2**64 - 1)])
def test_a_batch_without_a_place_is_no_batch(epoch: bytes, first: int) -> None:
    with pytest.raises(BadRecord):
        codec.batch_of(telemetry_pb2.Batch(epoch=epoch, first_sequence=first))


def test_heartbeat_and_goodbye_and_answer_are_told_apart() -> None:
    beat = telemetry_pb2.AgentMessage(heartbeat=telemetry_pb2.Heartbeat(wall_ms=1, boot_ms=2))
    assert content_of(beat.SerializeToString()) == Heard(1, 2)
    bye = telemetry_pb2.AgentMessage(goodbye=telemetry_pb2.Goodbye(reason="stop"))
    assert content_of(bye.SerializeToString()) == Farewell("stop")
    found = content_of(telemetry_pb2.AgentMessage(catalogue=good_catalogue()).SerializeToString())
    assert isinstance(found, OfferedCatalogue)
    assert found.sequence == 0
    for wrong in (telemetry_pb2.AgentMessage(), telemetry_pb2.AgentMessage(hello=telemetry_pb2.Hello())):
        with pytest.raises(BadRecord):
            content_of(wrong.SerializeToString())


@given(st.binary(max_size=200))
def test_garbage_is_a_named_error_or_a_message(raw: bytes) -> None:

    with contextlib.suppress(BadRecord, DecodeError):
        assert content_of(raw) is not None


def test_answers_go_out_acknowledgements_first() -> None:
    answer = Answer(
        1,
        acks=[Ack(EPOCH, 9, [Rejected(4, RejectionStatus.NOT_BOUND, "no")])],
        need=NeedCatalogue(EPOCH, 10, b"c" * 16),
        hold=Hold(HoldCause.DISK_FULL, 5_000, "full"),
    )
    raws = codec.answers_to_bytes(answer, credit_bytes=65_536)
    ack, need, hold = (telemetry_pb2.CollectorMessage.FromString(raw) for raw in raws)
    assert ack.ack.credit_bytes == 65_536
    assert (ack.ack.through, ack.ack.rejected[0].status) == (9, telemetry_pb2.Rejection.STATUS_NOT_BOUND)
    assert need.need_catalogue.sequence == 10
    assert (hold.hold.cause, hold.hold.retry_after_ms) == (telemetry_pb2.Hold.CAUSE_DISK_FULL, 5_000)


@pytest.mark.parametrize("status", RejectionStatus)
def test_every_rejection_has_a_number(status: RejectionStatus) -> None:
    answer = Answer(1, acks=[Ack(EPOCH, 1, [Rejected(1, status, "")])])
    (raw,) = codec.answers_to_bytes(answer, credit_bytes=65_536)
    found = telemetry_pb2.CollectorMessage.FromString(raw).ack.rejected[0]
    assert telemetry_pb2.Rejection.Status.Name(found.status).removeprefix("STATUS_").lower() == status


LONG = "x" * 501


def test_a_name_too_long_for_an_index_rejects_its_record_alone() -> None:
    """A PostgreSQL index refuses it at commit time, and with it everybody else's records."""
    asset = reading_pb2.Asset(serial="7ABC123")
    bodies: list[dict[str, Any]] = [
        {"event": reading_pb2.Event(asset=reading_pb2.Asset(serial=LONG), source="sel")},
        {"event": reading_pb2.Event(asset=asset, source="sel", sensor=LONG)},
        {"event": reading_pb2.Event(asset=asset, source=LONG)},
        {"event": reading_pb2.Event(asset=asset, source="sel", part=reading_pb2.Part(component="psu", slot=LONG))},
        {"inventory": reading_pb2.Inventory(asset=asset, source="fru", parts=[reading_pb2.Part(serial=LONG)])},
        {"coverage": reading_pb2.Coverage(asset=asset, lines=[reading_pb2.CoverageLine(component=LONG, status=1)])},
    ]
    catalogue = good_catalogue()
    catalogue.sensors[0].id = LONG
    for body in (*bodies, {"catalogue": catalogue}):
        refused = records.record_of(record(**body), 7)
        assert isinstance(refused, Refused), body
        assert "over 500 bytes" in refused.detail
