"""The real agent process: killed, stopped, reloaded, asked; recounted at a scripted collector."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hardcase_agent import control
from hardcase_agent.spool import segment

from tests.fakes.collector_stream import FakeCollector
from tests.integration.agent_process import AgentProcess
from tests.peers.systemd import NotifySocket

KILLS = 22
STANDS_STILL_S = 8.0
STOPS_WITHIN_S = 90
"""5 s are promised; the rest is for a loaded machine."""


@pytest.fixture
async def collector() -> AsyncIterator[FakeCollector]:
    async with FakeCollector() as fake:
        yield fake


@pytest.fixture
async def agent(tmp_path: Path, collector: FakeCollector) -> AsyncIterator[AgentProcess]:
    process = AgentProcess(tmp_path, collector.target)
    yield process
    await process.kill()


def frames(collector: FakeCollector) -> int:
    return len(collector.payloads("frame"))


@pytest.mark.timeout(900)
async def test_killed_again_and_again_it_loses_and_doubles_nothing(
    agent: AgentProcess, collector: FakeCollector
) -> None:
    dice = random.Random(7)
    for number in range(KILLS):
        if number % 5 == 4:
            await collector.stop()
        earlier = set((agent.state / "spool").glob("*.seg"))
        await agent.start()
        await agent.until_said("agent runs")
        if number % 2:
            # Not before something of this run is on the disk, however slow it is.
            await spooled_more_than(agent, earlier)
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        await agent.kill()
        agent.log.unlink()
        if number % 5 == 4:
            await collector.start()
    await agent.start()
    before = frames(collector)
    await collector.until(lambda: frames(collector) > before + 5, within_s=60)
    assert await agent.stop() == 0
    recount(collector)
    assert len(collector.marks) > KILLS // 2


async def spooled_more_than(agent: AgentProcess, earlier: set[Path]) -> None:
    """Until there is a segment with a record in it that is none of the earlier ones."""
    async with asyncio.timeout(90):
        while not any(  # noqa: ASYNC110  # another process brings it about
            size(path) > 0 for path in set((agent.state / "spool").glob("*.seg")) - earlier
        ):
            await asyncio.sleep(0.02)


def size(path: Path) -> int:
    """Of its records; 0 once the spool has taken it away."""
    try:
        return path.stat().st_size - segment.HEADER_BYTES
    except FileNotFoundError:
        return 0


def recount(collector: FakeCollector) -> None:
    for epoch, mark in collector.marks.items():
        assert {sequence for own, sequence in collector.records if own == epoch} == set(range(1, mark + 1))
    assert collector.payloads("loss") == []
    times = Counter(
        (record.frame.catalogue_id, record.boot_ms, bytes(record.frame.values))
        for record in collector.payloads("frame")
    )
    assert [key for key, count in times.items() if count > 1] == []
    known = {record.catalogue.id for record in collector.payloads("catalogue")}
    assert {record.frame.catalogue_id for record in collector.payloads("frame")} <= known


async def test_it_tells_systemd_and_stops_cleanly_with_goodbye(
    agent: AgentProcess, collector: FakeCollector, tmp_path: Path
) -> None:
    with NotifySocket(tmp_path) as systemd:
        agent.environment |= {"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "900000"}
        await agent.start()
        await systemd.until("READY=1")
        await systemd.until("WATCHDOG=1")
        await systemd.until("STATUS=streaming")
        await collector.until(lambda: frames(collector) > 3)
        assert await agent.stop(within_s=STOPS_WITHIN_S) == 0
        await systemd.until("STOPPING=1")
    await collector.until(lambda: collector.sessions[-1].goodbye == "clean stop")
    assert collector.sessions[-1].hello.host.rehearsal


async def test_a_collector_that_swallows_everything_does_not_hold_the_stop(
    agent: AgentProcess, collector: FakeCollector
) -> None:
    collector.answer = lambda session, batch: []
    await agent.start()
    await collector.until(lambda: bool(collector.sessions) and bool(collector.sessions[0].batches))
    assert await agent.stop(within_s=STOPS_WITHIN_S) == 0


async def test_a_bad_file_changes_nothing_and_a_good_one_is_taken(
    agent: AgentProcess, collector: FakeCollector
) -> None:
    await agent.start()
    await collector.until(lambda: frames(collector) > 3)
    agent.configure("colour = 1\n")
    agent.signal(signal.SIGHUP)
    await agent.until_said("configuration is not taken")
    assert "colour" in agent.said()
    before = frames(collector)
    await collector.until(lambda: frames(collector) > before + 5)
    second = agent.folder / "second.toml"
    second.write_text(agent.timeline.read_text().replace("DRILL-TEST", "DRILL-SECOND"))
    agent.timeline = second
    agent.configure()
    agent.signal(signal.SIGHUP)
    await agent.until_said("configuration reloaded")
    await collector.until(
        lambda: any(one.catalogue.asset.serial == "DRILL-SECOND" for one in collector.payloads("catalogue"))
    )
    assert await agent.stop() == 0


async def test_a_maintenance_window_travels_as_a_record(agent: AgentProcess, collector: FakeCollector) -> None:
    status, _, errors = await agent.ask("maintenance", "2h", "new fans")
    assert (status, "no agent runs" in errors) == (1, True)
    await agent.start()
    await agent.until_said("agent runs")
    status, output, errors = await agent.ask("maintenance", "2h", "new fans")
    assert status == 0, errors
    assert "7200 s" in output
    await collector.until(lambda: bool(collector.payloads("maintenance")))
    (record,) = collector.payloads("maintenance")
    told = record.maintenance
    assert (told.duration_s, told.reason, len(told.window_id)) == (7200, "new fans", 16)
    assert told.by
    await agent.stop()


async def test_an_agent_that_stands_still_for_some_seconds_is_heard_out(agent: AgentProcess) -> None:
    await agent.start()
    await agent.until_said("agent runs")
    agent.signal(signal.SIGSTOP)
    try:
        asked = asyncio.create_task(control.ask(agent.state, {"ask": "status"}))
        await asyncio.wait([asked], timeout=STANDS_STILL_S)
        assert not asked.done()
    finally:
        agent.signal(signal.SIGCONT)
    assert "spool_records" in await asked
    await agent.stop()


async def test_a_second_agent_on_the_same_spool_refuses(agent: AgentProcess) -> None:
    await agent.start()
    await agent.until_said("agent runs")
    status, _, errors = await agent.ask("run", "--insecure")
    assert status == 1
    assert "another agent uses the spool" in errors


async def test_plain_text_goes_to_loopback_only(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, "192.0.2.1:4317")
    await agent.start()
    try:
        await agent.until_said("--insecure is for loopback only")
    finally:
        await agent.kill()


async def test_it_reports_itself(agent: AgentProcess, collector: FakeCollector) -> None:
    await agent.start()
    await collector.until(lambda: any(one.catalogue.source == "agent@self" for one in collector.payloads("catalogue")))
    catalogue, *_ = (one.catalogue for one in collector.payloads("catalogue") if one.catalogue.source == "agent@self")
    assert {"agent.cpu", "agent.rss", "agent.spool_records", "agent.lost"} <= {
        one.quantity for one in catalogue.sensors
    }
    await agent.stop()
