"""A real agent and a real collector that never connect: identity, records and receipts are carried between them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hardcase_agent import control

from tests.chaos.keeper import Keeper, stored_frames
from tests.integration.agent_process import AgentProcess
from tests.peers.collector import CollectorProcess, collector

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CollectorProcess]:
    folder = tmp_path / "collector"
    folder.mkdir()
    with collector(folder) as made:
        made.start()
        yield made


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    folder = tmp_path / "agent"
    folder.mkdir()
    process = AgentProcess(folder, "")
    yield process
    await process.kill()


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


async def done(agent: AgentProcess, *words: str) -> str:
    status, output, errors = await agent.ask(*words)
    assert status == 0, errors
    return output


async def refused(agent: AgentProcess, *words: str) -> str:
    status, _, errors = await agent.ask(*words)
    assert status == 1
    assert "Traceback" not in errors
    return errors


async def enrol(agent: AgentProcess, desk: CollectorProcess, stick: Path) -> None:
    request = stick / "host.hcq"
    await done(agent, "export", "--request", str(request))
    token = stick.parent / "token"
    token.write_text(desk.ask("token")["token"])
    answered = desk.run("enrol-file", str(request), "--token-file", str(token))
    assert answered.returncode == 0, answered.stderr
    fingerprint = answered.stderr.split("--ca-fingerprint ")[1].split()[0]
    assert "not the one you named" in await refused(
        agent, "import-identity", str(stick / "host.hci"), "--ca-fingerprint", "sha256:" + "0" * 64
    )
    assert "agent.enrolled_by_file" in {entry["action"] for entry in desk.ask("audit")}
    told = await done(agent, "import-identity", str(stick / "host.hci"), "--ca-fingerprint", fingerprint)
    assert "enrolled as" in told


async def spooled(agent: AgentProcess, records: int) -> None:
    """Until the running agent holds so many."""
    async with asyncio.timeout(60):
        while True:
            status = await control.ask(agent.state, {"ask": "status"})
            if status["spool_records"] >= records:
                return
            await asyncio.sleep(0.05)


def lying(stick: Path, suffix: str = ".hcx") -> list[Path]:
    return sorted(stick.glob(f"*{suffix}"))


def taken(desk: CollectorProcess, stick: Path, *options: str) -> dict[str, list[dict[str, object]]]:
    files = [str(path) for path in lying(stick)]
    told = desk.run("import", *files, "--json", *options)
    assert told.stdout, told.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(told.stdout)
    assert told.returncode == (1 if found["refused"] else 0)
    return found


async def test_they_never_connect_and_every_record_arrives_once(
    agent: AgentProcess, desk: CollectorProcess, stick: Path, tmp_path: Path
) -> None:
    assert "this host has no identity" in await refused(agent, "export", str(stick))
    await enrol(agent, desk, stick)
    keeper = Keeper([agent.state / "spool"], tmp_path / "kept")

    # While it runs.
    await agent.start()
    await agent.until_said("agent runs")
    await spooled(agent, 30)
    assert "records" in await done(agent, "export", str(stick))
    (first,) = lying(stick)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    found = taken(desk, stick)
    assert [one["path"] for one in found["taken"]] == [str(first)]
    (receipt,) = lying(stick, ".hcr")
    assert found["receipts"] == [str(receipt)]
    assert "records released" in await done(agent, "receipt", str(receipt))
    assert "was applied already" in await refused(agent, "receipt", str(receipt))
    assert "audit: receipt applied" in agent.said()

    # Killed, started again, stopped; exported while it does not run. Two runs, two epochs.
    await agent.kill()
    agent.log.unlink()
    await agent.start()
    await agent.until_said("agent runs")
    await spooled(agent, 30)
    assert await agent.stop() == 0
    await done(agent, "export", str(stick))
    assert len(lying(stick)) >= 3
    found = taken(desk, stick)
    assert [one["error"] for one in found["refused"]] == ["FileTaken"]
    assert "--receipt-for" in str(found["refused"][0]["detail"])
    assert "records released" in await done(agent, "receipt", str(receipt))
    assert "nothing to export" in await done(agent, "export", str(stick))

    # Nobody is silent, and it is on record.
    (row,) = desk.ask("agents", "list")
    assert row["by_file"] is True
    listed = desk.ask("import", "--list")
    assert len(listed) == len(lying(stick))
    assert {one["rejected"] for one in (row["file"] for row in listed)} == {0}
    audits = [entry for entry in desk.ask("audit") if entry["action"] == "agent.file_imported"]
    assert len(audits) == len(listed)

    assert desk.stop() == 0
    keeper.stop()
    stored = stored_frames(desk.folder / "data" / "telemetry")
    assert [key for key, times in Counter(stored).items() if times > 1] == []
    assert set(stored) == keeper.frames()


async def test_a_collector_killed_in_the_middle_of_an_import_takes_the_rest_once(
    agent: AgentProcess, desk: CollectorProcess, stick: Path, tmp_path: Path
) -> None:
    await enrol(agent, desk, stick)
    keeper = Keeper([agent.state / "spool"], tmp_path / "kept")
    for run in range(1, 5):
        await agent.start()
        await agent.until_said("agent runs")
        await spooled(agent, 10 * run)
        await agent.kill()
        agent.log.unlink()
    await done(agent, "export", str(stick))
    files = lying(stick)
    assert len(files) >= 4
    for at in range(2):
        importing = asyncio.create_task(asyncio.to_thread(desk.run, "import", *map(str, files)))
        await asyncio.sleep(0.3 + 0.15 * at)
        assert desk.process is not None
        desk.process.send_signal(signal.SIGKILL)
        desk.process.wait(timeout=40)
        await importing
        (desk.folder / "collector.log").unlink()
        desk.start()
    found = taken(desk, stick)
    assert {one["error"] for one in found["refused"]} <= {"FileTaken"}
    receipt = stick / "receipt.hcr"
    told = desk.run("import", "--receipt-for", desk.ask("agents", "list")[0]["id"], "--receipt", str(receipt))
    assert told.returncode == 0, told.stderr
    await done(agent, "receipt", str(receipt))
    assert "nothing to export" in await done(agent, "export", str(stick))
    assert desk.stop() == 0
    keeper.stop()
    stored = stored_frames(desk.folder / "data" / "telemetry")
    assert [key for key, times in Counter(stored).items() if times > 1] == []
    assert set(stored) == keeper.frames()


async def test_what_is_wrong_with_a_file_is_said_by_name(
    agent: AgentProcess, desk: CollectorProcess, stick: Path
) -> None:
    await enrol(agent, desk, stick)
    await agent.start()
    await agent.until_said("agent runs")
    await spooled(agent, 20)
    one_file = stick / "all.hcx"
    await done(agent, "export", str(one_file))
    content = one_file.read_bytes()
    damages = {
        "FileTampered": content[:-200] + bytes([content[-200] ^ 1]) + content[-199:],
        "FileDamaged": content[:-1],
    }
    for name, damaged in damages.items():
        one_file.write_bytes(damaged)
        told = desk.run("import", str(one_file))
        assert told.returncode == 1
        assert f"refused ({name})" in told.stderr
    for name, damaged in (("FileDamaged", os.urandom(9 << 20)), ("FileDamaged", b"PK\x03\x04" + bytes(100))):
        one_file.write_bytes(damaged)
        assert f"refused ({name})" in desk.run("import", str(one_file)).stderr
    one_file.write_bytes(content)
    assert desk.run("--lang", "zh", "import", str(one_file)).returncode == 0
    assert "FileTaken" in desk.run("import", str(one_file)).stderr

    # Let go of without a receipt: a loss that the collector counts once it is told.
    assert "records forgotten" in await done(agent, "export", "--forget")
    assert "audit: records forgotten" in agent.said()
    assert desk.run("agents", "revoke", desk.ask("agents", "list")[0]["id"]).returncode == 0
    await spooled(agent, 5)
    await done(agent, "export", str(one_file))
    told = desk.run("import", str(one_file))
    assert "refused (FileForeign)" in told.stderr
    assert "revoked" in told.stderr
    assert "Traceback" not in desk.log
