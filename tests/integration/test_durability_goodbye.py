"""A goodbye is not lost because its stream ends behind it: a host shut down in good order is not reported as silent."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from hardcase_protos.v1 import telemetry_pb2

from tests.integration.test_ingest_streams import WAIT_S, Client, running


async def test_a_goodbye_waits_for_a_writer_that_is_busy(tmp_path: Path) -> None:
    busy = threading.Event()
    async with running(tmp_path) as collector:
        identity = collector.enroll()
        client = Client(collector, identity)
        await client.hello()
        blocked = collector.service.writer.submit(lambda: busy.wait(WAIT_S))
        await client.send(telemetry_pb2.AgentMessage(goodbye=telemetry_pb2.Goodbye(reason="stop")))
        await client.call.done_writing()
        assert await client.receive() is None, "the collector ends a stream that has said all"
        busy.set()
        assert await asyncio.wrap_future(blocked)
        async with asyncio.timeout(WAIT_S):
            while not collector.intake.liveness.is_stopped(identity.agent.number):  # noqa: ASYNC110  # no event tells
                await asyncio.sleep(0.02)
        await client.leave()
