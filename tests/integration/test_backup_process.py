"""A collector's machine is lost while agents stream: its backup, restored on another, goes on with the same agents."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.stage import AgentStage, CollectorStage, StageError, wait_until

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

WITHIN_S = 150.0
DRILL = """
[asset]
vendor = "Hardcase Rehearsal"
model = "Drill 2U"
serial = "DRILL-BACKUP-{at}"
hostname = "drill-backup-{at}"

[[source]]
name = "sensors"
period_s = 1.0

[[source.sensor]]
id = "disk1/health"
name = "Health"
kind = "state"
quantity = "disk.health"
states = ["failed"]
on = ["failed"]
part = {{ component = "disk", slot = "Bay 1", model = "DRILL-HDD", serial = "DRILLHDD{at}" }}

[[source.sensor]]
id = "inlet"
name = "Inlet Temp"
kind = "temperature"
unit = "Cel"
value = 23.0
part = {{ component = "chassis", slot = "Inlet" }}
"""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def numbers(collector: CollectorStage) -> dict[str, float]:
    found: dict[str, float] = collector.ask("status")["numbers"]
    return found


def streaming(collector: CollectorStage, agents: int, *, records: int = 1) -> None:
    """And so many more records are acknowledged."""
    wait_until(lambda: numbers(collector)["streams"] == agents, within_s=WITHIN_S, what=f"{agents} streams")
    before = numbers(collector)["acknowledged"]
    enough = before + records
    wait_until(lambda: numbers(collector)["acknowledged"] >= enough, within_s=WITHIN_S, what="records are acknowledged")


def drills(collector: CollectorStage) -> list[Any]:
    return sorted(case["number"] for case in collector.ask("cases", "list"))


def test_a_lost_collector_comes_back_elsewhere_and_costs_no_enrolment(tmp_path: Path, stack: ExitStack) -> None:
    lost = CollectorStage(tmp_path / "lost")
    lost.found()
    stack.callback(lost.program.stop)
    lost.start()
    agents = []
    token = lost.token(uses=2)
    for at in (1, 2):
        folder = tmp_path / f"agent{at}"
        folder.mkdir()
        (folder / "drill.toml").write_text(DRILL.format(at=at))
        tables = f'[rehearsal]\ntimeline = "{folder / "drill.toml"}"\n'
        agent = AgentStage(f"drill{at}", folder, lost, tables, mode="drill")
        agent.enrol(token)
        stack.callback(agent.program.stop)
        agent.program.start()
        agents.append(agent)
    streaming(lost, 2)
    wait_until(lambda: len(drills(lost)) == 2, within_s=WITHIN_S, what="both cases are open")
    cases, enrolled = drills(lost), {one["id"] for one in lost.ask("agents", "list")}

    backup = tmp_path / "backup.tar"
    told = json.loads(lost.command("backup", str(backup), "--json"))
    assert told["ca_fingerprint"] == lost.fingerprint.removeprefix("sha256:")
    assert backup.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StageError, match="exists already"):
        lost.command("backup", str(backup))
    # What is acknowledged now is in no backup, and gone from the agents: some seconds of it, for the last word may not
    # have come to them when the collector dies.
    streaming(lost, 2, records=8)

    lost.program.kill()
    shutil.rmtree(lost.directory / "data")
    found = CollectorStage(
        tmp_path / "found",
        telemetry_port=lost.telemetry_port,
        enrolment_port=lost.enrolment_port,
        web_port=lost.web_port,
    )
    found.configure()
    assert "CA fingerprint" in found.command("restore", str(backup), "--check")
    found.command("restore", str(backup))
    with pytest.raises(StageError, match="--replace"):
        found.command("restore", str(backup))
    stack.callback(found.program.stop)
    found.start()

    with pytest.raises(StageError, match="holds the stores"):
        found.command("restore", str(backup), "--replace")
    streaming(found, 2)
    assert {one["id"] for one in found.ask("agents", "list")} == enrolled
    assert drills(found) == cases
    wait_until(lambda: numbers(found)["lost"] > 0, within_s=WITHIN_S, what="the gap is recorded")
    assert all(agent.program.running for agent in agents)
    actions = {entry["action"] for entry in found.ask("audit")}
    assert {"collector.restored", "agent.enrolled"} <= actions
