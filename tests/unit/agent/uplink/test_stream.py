"""The uplink against a scripted collector over real gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hardcase_agent.domain.diagnostic import DiagnosticReport, ReportState
from hardcase_agent.domain.event import LossCause
from hardcase_agent.uplink.backoff import Backoff
from hardcase_agent.uplink.wire import grpc
from hardcase_protos.v1 import reading_pb2 as reading
from hardcase_protos.v1 import telemetry_pb2 as telemetry

from tests.fakes.collector_stream import Answers, FakeCollector, Session
from tests.unit.agent.uplink.conftest import CATALOGUE, CATALOGUE_ID, Host, Join, frame, window

Message = telemetry.CollectorMessage


def stored_before(collector: FakeCollector, batch: telemetry.Batch, offset: int) -> telemetry.CollectorMessage:
    """What came before the frame that cannot be read is stored and acknowledged."""
    head = telemetry.Batch(epoch=batch.epoch, first_sequence=batch.first_sequence, records=batch.records[:offset])
    return collector.store(head)


def reasons(collector: FakeCollector) -> list[str]:
    return [record.maintenance.reason for record in collector.payloads("maintenance")]


async def reached(true: Callable[[], bool]) -> None:
    """Bounded wait for something on the agent's side, of which no message tells."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  (there is no event for it)
            await asyncio.sleep(0.01)


async def turned(host: Host, collector: FakeCollector) -> None:
    """The sending loop has gone round: of two reports the second leaves after records had their chance."""
    for detail in ("one", "two"):
        host.uplink.say(DiagnosticReport(id=bytes(16), state=ReportState.ACCEPTED, detail=detail, wall_ms=1))
        await collector.until(lambda said=detail: said in [one.detail for one in collector.reports])


async def test_records_arrive_in_order_and_leave_the_spool_when_acknowledged(
    collector: FakeCollector, join: Join
) -> None:
    host = await join(collector)
    await host.keep(window("before"))
    host.connect()
    await collector.until(lambda: reasons(collector) == ["before"])
    for number in range(20):
        await host.keep(window(str(number)))
    await collector.until(lambda: len(reasons(collector)) == 21)
    assert reasons(collector) == ["before", *map(str, range(20))]
    await host.drained()
    assert collector.duplicates == 0
    assert collector.sessions[0].hello.agent_version == "test"


async def test_a_backlog_travels_in_large_batches(collector: FakeCollector, join: Join) -> None:
    host = await join(collector)
    for number in range(300):
        await host.keep(window(str(number)))
    host.connect()
    await collector.until(lambda: len(reasons(collector)) == 300)
    assert len(collector.sessions[0].batches) < 10


async def test_credit_bounds_what_is_in_flight(collector: FakeCollector, join: Join) -> None:
    collector.credit_records = 7
    owed: list[telemetry.Batch] = []

    def withhold(session: Session, batch: telemetry.Batch) -> Answers:
        owed.append(batch)
        return []

    collector.answer = withhold
    host = await join(collector)
    await host.keep(*(window(str(number)) for number in range(50)))
    host.connect()
    await collector.until(lambda: sum(len(batch.records) for batch in owed) >= 7)
    await turned(host, collector)
    assert sum(len(batch.records) for batch in owed) == 7


async def test_credit_in_bytes_holds_too_but_one_message_always_goes(collector: FakeCollector, join: Join) -> None:
    collector.credit_bytes = 1
    host = await join(collector)
    await host.keep(*(window(str(number)) for number in range(20)))
    host.connect()
    await collector.until(lambda: len(reasons(collector)) == 20)


async def test_a_small_credit_is_kept_to_until_an_acknowledgement_gives_more(
    collector: FakeCollector, join: Join
) -> None:
    """A thousand agents come back at once: what each sends unasked is memory of the collector's."""
    collector.credit_bytes = 16 * 1024

    def generous(session: Session, batch: telemetry.Batch) -> Answers:
        stored = collector.store(batch)
        stored.ack.credit_bytes = 1 << 20
        return [stored]

    collector.answer = generous
    host = await join(collector)
    await host.keep(*(window("x" * 1000 + str(number)) for number in range(200)))
    host.connect()
    await collector.until(lambda: len(reasons(collector)) == 200)
    sizes = [batch.ByteSize() for batch in collector.sessions[0].batches]
    assert 8 * 1024 < sizes[0] <= 16 * 1024
    assert max(sizes[1:]) > 64 * 1024


async def test_after_a_lost_connection_it_resumes_where_the_collector_is(collector: FakeCollector, join: Join) -> None:
    host = await join(collector)
    await host.keep(window("a"), window("b"))
    host.connect()
    await collector.until(lambda: len(reasons(collector)) == 2)
    await collector.stop()
    await host.keep(window("c"))
    await collector.start()
    await collector.until(lambda: len(reasons(collector)) == 3)
    assert reasons(collector) == ["a", "b", "c"]
    assert collector.duplicates == 0


async def test_a_restarted_agent_serves_its_older_epoch_first_under_its_old_numbers(
    collector: FakeCollector, join: Join
) -> None:
    host = await join(collector)
    await host.keep(window("old 1"), window("old 2"))
    await host.restart()
    await host.keep(window("new 1"))
    host.connect()
    await collector.until(lambda: len(reasons(collector)) == 3)
    assert [(epoch[-1], sequence) for epoch, sequence in collector.order] == [(1, 1), (1, 2), (2, 1)]
    assert [held.epoch[-1] for held in collector.sessions[0].hello.epochs] == [1, 2]


async def test_an_unknown_catalogue_is_sent_and_its_frame_again(collector: FakeCollector, join: Join) -> None:
    def forgetful(session: Session, batch: telemetry.Batch) -> Answers | None:
        known = any(one.id == CATALOGUE_ID for one in session.catalogues)
        for offset, record in enumerate(batch.records):
            if record.WhichOneof("body") == "frame" and not known:
                need = telemetry.NeedCatalogue(
                    epoch=batch.epoch, sequence=batch.first_sequence + offset, catalogue_id=record.frame.catalogue_id
                )
                return [stored_before(collector, batch, offset), Message(need_catalogue=need)]
        return None

    collector.answer = forgetful
    host = await join(collector)
    await host.keep(CATALOGUE, frame(), window("after"))
    host.connect()
    await collector.until(lambda: reasons(collector) == ["after"])
    assert len(collector.payloads("frame")) == 1
    assert [one.id for one in collector.sessions[0].catalogues] == [CATALOGUE_ID]


async def test_a_frame_whose_catalogue_nobody_has_is_a_stated_loss(collector: FakeCollector, join: Join) -> None:
    def ask(session: Session, batch: telemetry.Batch) -> Answers | None:
        for offset, record in enumerate(batch.records):
            if record.WhichOneof("body") == "frame":
                sequence = batch.first_sequence + offset
                need = telemetry.NeedCatalogue(epoch=batch.epoch, sequence=sequence, catalogue_id=b"?" * 16)
                return [stored_before(collector, batch, offset), Message(need_catalogue=need)]
        return None

    collector.answer = ask
    host = await join(collector)
    await host.keep(window("a"), frame(), window("b"))
    host.connect()
    await collector.until(lambda: len(collector.payloads("loss")) == 1)
    (record,) = collector.payloads("loss")
    assert (record.loss.first, record.loss.records) == (2, 1)
    assert reasons(collector) == ["a", "b"]


async def test_hold_pauses_and_everything_unacknowledged_is_sent_again(
    collector: FakeCollector, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    held: list[int] = []

    def hold_once(session: Session, batch: telemetry.Batch) -> Answers | None:
        if held:
            return None
        held.append(1)
        cause = telemetry.Hold.CAUSE_DISK_FULL
        return [Message(hold=telemetry.Hold(cause=cause, retry_after_ms=10_000, detail="full"))]

    collector.answer = hold_once
    host = await join(collector)
    await host.keep(window("a"))
    host.connect()
    await reached(lambda: "collector holds" in caplog.text)
    await turned(host, collector)
    assert reasons(collector) == []
    host.clock.advance(10_001)
    host.uplink.notify()
    await collector.until(lambda: reasons(collector) == ["a"])
    assert len(collector.sessions) == 1


async def test_a_rejected_record_is_counted_and_never_sent_again(collector: FakeCollector, join: Join) -> None:
    def reject(session: Session, batch: telemetry.Batch) -> Answers:
        told = collector.store(batch)
        told.ack.rejected.add(sequence=batch.first_sequence, status=telemetry.Rejection.STATUS_MALFORMED, detail="bad")
        return [told]

    collector.answer = reject
    host = await join(collector)
    await host.keep(window("a"))
    host.connect()
    await collector.until(lambda: reasons(collector) == ["a"])
    await host.drained()
    assert host.uplink.status().rejected == 1
    assert len(collector.sessions[0].batches) == 1


async def test_a_record_that_ends_the_stream_three_times_is_quarantined_and_the_rest_goes_on(
    collector: FakeCollector, join: Join
) -> None:
    def choke(session: Session, batch: telemetry.Batch) -> list[object] | None:
        poison = any(record.maintenance.reason == "poison" for record in batch.records)
        return [grpc.StatusCode.INTERNAL] if poison else None

    collector.answer = choke  # type: ignore[assignment]  # a status ends the scripted stream
    host = await join(collector)
    await host.keep(window("a"), window("poison"), window("b"), window("c"))
    host.connect()
    await collector.until(lambda: len(reasons(collector)) == 3, within_s=40)
    await collector.until(lambda: len(collector.payloads("loss")) == 1)
    (record,) = collector.payloads("loss")
    assert (record.loss.first, record.loss.through) == (2, 2)
    assert reading.Loss.Cause.Name(record.loss.cause) == f"CAUSE_{LossCause.QUARANTINED.name}"
    assert reasons(collector) == ["a", "b", "c"]


async def test_a_collector_that_dies_again_and_again_quarantines_nothing(collector: FakeCollector, join: Join) -> None:
    def die(session: Session, batch: telemetry.Batch) -> list[object] | None:
        return [grpc.StatusCode.UNAVAILABLE] if session.number < 5 else None

    collector.answer = die  # type: ignore[assignment]  # a status ends the scripted stream
    host = await join(collector)
    await host.keep(window("a"))
    host.connect()
    async with asyncio.timeout(60):
        while len(collector.sessions) < 5:
            host.uplink.reconnect()
            await asyncio.sleep(0.01)
    await collector.until(lambda: reasons(collector) == ["a"])
    assert collector.payloads("loss") == []


async def test_kinds_the_collector_does_not_take_are_kept_until_one_does(collector: FakeCollector, join: Join) -> None:
    every = list(collector.kinds)
    collector.kinds = [kind for kind in every if kind != reading.RECORD_KIND_MAINTENANCE]
    host = await join(collector)
    await host.keep(CATALOGUE, window("kept"), frame())
    host.connect()
    await collector.until(lambda: len(collector.payloads("frame")) == 1)
    assert reasons(collector) == []
    assert [sequence for _, sequence in collector.order] == [1, 2, 3]
    assert host.uplink.status().withheld == 1
    await collector.stop()
    collector.kinds = every
    await collector.start()
    await collector.until(lambda: reasons(collector) == ["kept"])


@pytest.mark.parametrize("cause", ["CLONED", "REVOKED", "PROTOCOL"])
async def test_a_permanent_close_is_not_tried_again_until_something_changes(
    collector: FakeCollector, join: Join, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "delay_s", lambda self, chance: 0.0)

    async def refuse(session: Session) -> Answers:
        return [Message(close=telemetry.Close(cause=telemetry.Close.Cause.Value(f"CAUSE_{cause}"), detail="no"))]

    collector.greet = refuse
    host = await join(collector)
    await host.keep(window("x"), window("a"))
    host.connect()
    await reached(lambda: host.uplink.status().refused)
    assert len(collector.sessions) == 1
    collector.greet = None
    # Whoever tried again at once would be back before another host has come, sent and been acknowledged.
    other = await join(collector)
    await other.keep(window("b"))
    other.connect()
    await other.drained()
    assert (len(collector.sessions), reasons(collector)) == (2, ["b"])
    host.uplink.reconnect()
    # Both hosts' epochs have the same bytes: what has the number of the other's is taken for it.
    await collector.until(lambda: reasons(collector) == ["b", "a"])


async def test_heartbeats_come_by_their_period_and_after_a_step_of_the_wall_clock(
    collector: FakeCollector, join: Join
) -> None:
    host = await join(collector)
    host.connect()
    await collector.until(lambda: len(collector.sessions) == 1)
    await host.keep(window("a"))
    await collector.until(lambda: reasons(collector) == ["a"])
    session = collector.sessions[0]
    assert session.heartbeats == []
    host.clock.advance(60_000)
    await collector.until(lambda: len(session.heartbeats) == 1)
    host.clock.set_wall(1_000_000)
    await collector.until(lambda: len(session.heartbeats) == 2)
    assert session.heartbeats[1].wall_ms == 1_000_000


async def test_a_collector_that_never_acknowledges_is_left(collector: FakeCollector, join: Join) -> None:
    collector.answer = lambda session, batch: [] if session.number == 1 else None
    host = await join(collector)
    await host.keep(window("a"))
    host.connect()
    await collector.until(lambda: bool(collector.sessions) and len(collector.sessions[0].batches) == 1)
    host.clock.advance(61_000)
    await collector.until(lambda: reasons(collector) == ["a"])
    assert "no acknowledgement" in host.uplink.status().reason


async def test_a_collector_that_never_welcomes_is_left(collector: FakeCollector, join: Join) -> None:
    async def silent(session: Session) -> Answers:
        return [] if session.number == 1 else [Message(welcome=collector.welcome(session))]

    collector.greet = silent
    host = await join(collector)
    await host.keep(window("a"))
    host.connect()
    await collector.until(lambda: reasons(collector) == ["a"])
    assert len(collector.sessions) == 2


async def test_a_clean_stop_sends_what_is_spooled_and_says_goodbye(collector: FakeCollector, join: Join) -> None:
    host = await join(collector)
    host.connect()
    await collector.until(lambda: len(collector.sessions) == 1)
    await host.keep(*(window(str(number)) for number in range(50)))
    host.uplink.stop("clean stop")
    assert host.task is not None
    await asyncio.wait({host.task}, timeout=30)
    await collector.until(lambda: collector.sessions[0].goodbye == "clean stop")
    assert len(reasons(collector)) == 50


async def test_messages_of_a_later_protocol_are_passed_over(collector: FakeCollector, join: Join) -> None:
    collector.answer = lambda session, batch: [Message(), collector.store(batch)]
    host = await join(collector)
    await host.keep(window("a"))
    host.connect()
    await collector.until(lambda: reasons(collector) == ["a"])
    await host.drained()


async def test_a_record_too_large_for_this_collector_is_a_stated_loss(collector: FakeCollector, join: Join) -> None:
    collector.max_message_bytes = 5000
    host = await join(collector)
    await host.keep(window("a"), window("x" * 6000), window("b"))
    host.connect()
    await collector.until(lambda: len(collector.payloads("loss")) == 1)
    await collector.until(lambda: reasons(collector) == ["a", "b"])
    assert max(batch.ByteSize() for batch in collector.sessions[0].batches) <= 5000
