"""What an agent is told first: where it goes on, how much may be on its way, what is taken. Used by `service.py`."""

from __future__ import annotations

from hardcase_protos.v1 import telemetry_pb2

from hardcase_collector.ingest.incoming import Admission
from hardcase_collector.rpc import codec
from hardcase_collector.rpc.door import PROTOCOL
from hardcase_collector.rpc.fair_queue import LEAST_BYTES, STREAM_BYTES

HEARTBEAT_S = 15
CREDIT_RECORDS = 2_000
CREDIT_BYTES = STREAM_BYTES // 2
CREDIT_BEHIND_BYTES = LEAST_BYTES
"""Of an agent that catches up, until its first acknowledgement says how many do: a fleet may come back at once."""
MAX_MESSAGE_BYTES = 2 << 20
"""Half of the transport's limit of 4 MiB, so that what an agent may send always fits."""


def welcome_message(admission: Admission, collector_id: str, protocol: int) -> bytes:
    """`protocol`: the agent's."""
    welcome = telemetry_pb2.Welcome(
        protocol=min(protocol, PROTOCOL),
        session=admission.session,
        credit_records=CREDIT_RECORDS,
        credit_bytes=CREDIT_BEHIND_BYTES if admission.behind else CREDIT_BYTES,
        max_message_bytes=MAX_MESSAGE_BYTES,
        record_kinds=codec.RECORD_KINDS,
        heartbeat_s=HEARTBEAT_S,
        catalogues=admission.catalogues,
        collector_id=collector_id,
    )
    for epoch, through in admission.resume:
        welcome.resume.add(epoch=epoch, through=through)
    return telemetry_pb2.CollectorMessage(welcome=welcome).SerializeToString()
