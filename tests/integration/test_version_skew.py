"""Releases that differ: what earlier agents spooled and said is still taken, and a later one's is answered by name.

The recordings are in tests/golden/releases, a folder a release, made by that release's own agent.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.stream import RecordKind
from hardcase_agent.spool.files import DiskFiles
from hardcase_agent.spool.spool import Spool, SpoolLimits
from hardcase_agent.uplink import codec
from hardcase_collector.rpc.door import PROTOCOL
from hardcase_protos.v1 import reading_pb2, telemetry_pb2

from tests.integration.test_ingest_streams import Client, batch, catalogue, frame, running

RELEASES = Path(__file__).parents[1] / "golden" / "releases"
RECORDED = sorted(path.name for path in RELEASES.iterdir() if (path / "session.bin").exists())
EVERYTHING = SpoolLimits(max_bytes=1 << 30, max_age_ms=1 << 60)
NOW = Moment(1_900_000_000_000, 10_000_000)


def said(release: str) -> list[telemetry_pb2.AgentMessage]:
    data = (RELEASES / release / "session.bin").read_bytes()
    messages = []
    while data:
        length = int.from_bytes(data[:4], "big")
        messages.append(telemetry_pb2.AgentMessage.FromString(data[4 : 4 + length]))
        data = data[4 + length :]
    return messages


def batches(release: str) -> list[telemetry_pb2.Batch]:
    return [message.batch for message in said(release) if message.HasField("batch")]


def test_this_release_is_recorded_too() -> None:
    assert RECORDED


@pytest.mark.parametrize("release", RECORDED)
def test_a_spool_that_an_earlier_release_left_is_read_whole(tmp_path: Path, release: str) -> None:
    shutil.copytree(RELEASES / release / "spool", tmp_path / "spool")
    spool = Spool(
        DiskFiles(tmp_path / "spool"),
        EVERYTHING,
        epoch=b"n" * 16,
        boot_id=bytes(16),
        seal_loss=codec.seal_loss,
        now=NOW,
    )
    held = {one.epoch: one for one in spool.held() if one.newest}
    expected = batches(release)

    assert set(held) == {one.epoch for one in expected}
    for one in expected:
        records = spool.read(one.epoch, held[one.epoch].oldest, max_records=10_000, max_bytes=1 << 24)
        assert [record.sequence for record in records] == list(
            range(one.first_sequence, one.first_sequence + len(one.records))
        )
        assert {record.kind for record in records} >= {RecordKind.CATALOGUE, RecordKind.FRAME}
    assert spool.state().lost == 0
    spool.close(NOW)


@pytest.mark.parametrize("release", RECORDED)
async def test_what_an_earlier_agent_says_is_acknowledged_whole(tmp_path: Path, release: str) -> None:
    async with running(tmp_path) as collector:
        client = Client(collector, collector.enroll())
        for message in said(release):
            await client.send(message)
        welcome = await client.receive()
        assert welcome is not None
        assert welcome.welcome.protocol == said(release)[0].hello.protocol
        for one in batches(release):
            acks = await client.acked(one.first_sequence + len(one.records) - 1)
            assert not [rejection for ack in acks for rejection in ack.rejected]
        frames = sum(record.HasField("frame") for one in batches(release) for record in one.records)
        assert frames > 10
        assert collector.telemetry.recount().frames == frames
        await client.leave()


async def test_a_later_agent_is_told_what_is_spoken_here_and_decides(tmp_path: Path) -> None:
    async with running(tmp_path) as collector:
        client = Client(collector, collector.enroll())
        welcome = await client.hello(protocol=PROTOCOL + 5)
        assert welcome.protocol == PROTOCOL
        assert set(welcome.record_kinds) <= set(reading_pb2.RecordKind.values())
        await client.leave()


async def test_fields_and_kinds_of_a_later_release_harm_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path) as collector:
        client = Client(collector, collector.enroll())
        await client.hello()
        later = batch(1, catalogue(), frame(1, 2), None, frame(3, 4))
        # Field 2000, a string: no release knows it yet.
        await client.send(later.SerializeToString() + b"\x82\x7d\x05later")
        acks = await client.acked(4)
        rejected = [(one.sequence, one.status) for ack in acks for one in ack.rejected]
        assert rejected == [(3, telemetry_pb2.Rejection.STATUS_UNKNOWN_KIND)]
        assert collector.telemetry.recount().frames == 2
        await client.leave()
