"""Under strace: what the agent reads from its spool to send was synced before. A kill never shows a missing sync."""

from __future__ import annotations

import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.collector_stream import FakeCollector
from tests.integration.agent_process import AgentProcess

CALL = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\(\d+<(?P<path>[^>]*)>")
FRAMES = 20


@pytest.mark.timeout(300)
async def test_every_record_is_synced_before_it_is_read_for_sending(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    wrap = [strace, "-f", "-yy", "-o", str(trace), "-s", "0", "-e", "trace=write,fsync,fdatasync,pread64,sendmsg"]
    async with FakeCollector() as collector:
        agent = AgentProcess(tmp_path, collector.target, sources=1, wrap=wrap)
        try:
            await agent.start()
            # In batches, for a machine that stalls writes many records at once and reads them at once.
            await collector.until(lambda: sum(len(one.batches) for one in collector.sessions) >= FRAMES)
        finally:
            stop_traced(agent)
            assert agent.process is not None
            await agent.process.wait()
        port = collector.target.rpartition(":")[2]
    seen = replay(trace.read_text(errors="replace"), port)
    assert seen.early == 0
    assert seen.sends >= 1
    assert min(seen.reads, seen.syncs) >= FRAMES // 4
    assert seen.writes <= seen.syncs + 1


def stop_traced(agent: AgentProcess) -> None:
    """SIGTERM to the agent itself: strace passes none on."""
    assert agent.process is not None
    pid = agent.process.pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGTERM)


@dataclass
class Seen:
    writes: int = 0
    syncs: int = 0
    reads: int = 0
    sends: int = 0
    early: int = 0
    """Reads of a segment with a write that its thread had not synced yet."""


def replay(trace: str, port: str) -> Seen:
    """One thread does all of the spool, so its calls are in order; a call of a thread ended when its next one began."""
    seen = Seen()
    dirty: set[tuple[str, str]] = set()
    for line in trace.splitlines():
        call = CALL.match(line)
        if call is None:
            continue
        name, path, key = call["name"], call["path"], (call["thread"], call["path"])
        if name == "sendmsg":
            seen.sends += f":{port}]" in line
        elif not path.endswith(".seg"):
            continue
        elif name == "write":
            seen.writes += 1
            dirty.add(key)
        elif name == "pread64":
            seen.reads += 1
            seen.early += key in dirty
        else:
            seen.syncs += 1
            dirty.discard(key)
    return seen
