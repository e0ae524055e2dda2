"""Messages to the values of `ingest/incoming.py`, and its answers back to bytes. Called on the writer's thread.

No object per reading is made here: the columns of a frame stay the bytes they came as.
"""

from __future__ import annotations

from hardcase_protos.v1 import reading_pb2, telemetry_pb2

from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.ingest.incoming import (
    Answer,
    EpochClaim,
    Greeting,
    Heard,
    HoldCause,
    IncomingBatch,
    IncomingFrame,
    IncomingRecord,
    OfferedCatalogue,
    RejectionStatus,
)
from hardcase_collector.rpc.records import INT64_MAX, facts_of, record_of

CATALOGUE_WEIGHT = 200
"""A new catalogue costs as much as so many frames: a hundred sensors are numbered and written one by one."""
OTHER_WEIGHT = 20
"""Events, inventories and the like: a few statements each."""

_REJECTION = {
    RejectionStatus.MALFORMED: telemetry_pb2.Rejection.STATUS_MALFORMED,
    RejectionStatus.UNKNOWN_KIND: telemetry_pb2.Rejection.STATUS_UNKNOWN_KIND,
    RejectionStatus.NOT_BOUND: telemetry_pb2.Rejection.STATUS_NOT_BOUND,
    RejectionStatus.TOO_LARGE: telemetry_pb2.Rejection.STATUS_TOO_LARGE,
    RejectionStatus.BAD_CATALOGUE: telemetry_pb2.Rejection.STATUS_BAD_CATALOGUE,
}
_HOLD = {
    HoldCause.DISK_FULL: telemetry_pb2.Hold.CAUSE_DISK_FULL,
    HoldCause.STORE_FAILED: telemetry_pb2.Hold.CAUSE_STORE_FAILED,
    HoldCause.DRAINING: telemetry_pb2.Hold.CAUSE_DRAINING,
}
RECORD_KINDS = tuple(kind for kind in reading_pb2.RecordKind.values() if kind)


def batch_of(batch: telemetry_pb2.Batch) -> IncomingBatch:
    """Raises BadRecord where the batch as a whole cannot be placed (no epoch, no sequence)."""
    sequence = batch.first_sequence
    if len(batch.epoch) != 16 or not 1 <= sequence <= INT64_MAX - len(batch.records):
        raise BadRecord("a batch needs a 16-byte epoch and a first sequence from 1 on")
    records: list[IncomingRecord] = []
    add = records.append
    weight = len(batch.records)
    for record in batch.records:
        if record.HasField("frame"):
            frame = record.frame
            add(
                IncomingFrame(
                    sequence,
                    record.wall_ms,
                    record.boot_ms,
                    record.boot_id,
                    frame.catalogue_id,
                    frame.values,
                    frame.states,
                    frame.gap_index,
                    frame.gap_reason,
                    frame.gap_age_s,
                    frame.offsets_ms,
                )
            )
        else:
            other = record_of(record, sequence)
            weight += CATALOGUE_WEIGHT if type(other) is OfferedCatalogue else OTHER_WEIGHT
            add(other)
        sequence += 1
    return IncomingBatch(batch.epoch, batch.first_sequence, records, weight)


def clocks_of(wall_ms: int, boot_ms: int) -> Heard:
    return Heard(min(wall_ms, INT64_MAX), min(boot_ms, INT64_MAX))


def greeting_of(hello: telemetry_pb2.Hello) -> Greeting:
    return Greeting(
        machine_id=hello.machine_id,
        dmi_uuid=hello.dmi_uuid,
        boot_id=hello.boot_id,
        epochs=tuple(EpochClaim(epoch=held.epoch, oldest=held.oldest, newest=held.newest) for held in hello.epochs),
        clocks=clocks_of(hello.wall_ms, hello.boot_ms),
        host=facts_of(hello.host),
    )


def answers_to_bytes(answer: Answer, *, credit_bytes: int) -> list[bytes]:
    """The messages of one answer, in the order they are sent: acknowledgements first, which carry the new credit."""
    messages: list[bytes] = []
    for ack in answer.acks:
        message = telemetry_pb2.CollectorMessage()
        message.ack.epoch = ack.epoch
        message.ack.through = ack.through
        message.ack.credit_bytes = credit_bytes
        for rejected in ack.rejected:
            message.ack.rejected.add(
                sequence=rejected.sequence, status=_REJECTION[rejected.status], detail=rejected.detail
            )
        messages.append(message.SerializeToString())
    if answer.need is not None:
        need = telemetry_pb2.NeedCatalogue(
            epoch=answer.need.epoch, sequence=answer.need.sequence, catalogue_id=answer.need.catalogue_id
        )
        messages.append(telemetry_pb2.CollectorMessage(need_catalogue=need).SerializeToString())
    if answer.hold is not None:
        hold = telemetry_pb2.Hold(
            cause=_HOLD[answer.hold.cause], retry_after_ms=answer.hold.retry_after_ms, detail=answer.hold.detail
        )
        messages.append(telemetry_pb2.CollectorMessage(hold=hold).SerializeToString())
    return messages
