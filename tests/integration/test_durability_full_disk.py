"""Full disks under real programs: nothing acknowledged is lost, it is said why, and it goes on by itself.

The disks are small tmpfs, so these tests mount, and need root.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hardcase_agent.control import ask
from hardcase_agent.sensors.rehearsal.load import load_timeline

from deploy.demo.stage import AgentStage, wait_until
from tests.acceptance.scene import WITHIN_S, Scene
from tests.chaos.keeper import Keeper, stored_frames

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small tmpfs"),
]


class SmallDisk:
    """A tmpfs that can be filled up and emptied again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Until there is no more room than this, bytes. May be called again and again."""
        with self._ballast.open("ab", buffering=0) as ballast:
            while (room := os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_bsize) > leave:
                try:
                    ballast.write(bytes(min(1 << 20, room - leave)))
                except OSError:
                    return

    def empty(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[SmallDisk]:
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", folder], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a program that was just killed may hold it for another moment.
        subprocess.run(["umount", "-l", folder], check=True)


def drill(scene: Scene, folder: Path, *, sensors: int, period_s: float, root: Path | None = None) -> AgentStage:
    timeline = folder / "timeline.toml"
    timeline.write_text(load_timeline(1, sensors=sensors, period_s=period_s, faults=[]))
    return scene.agent("drill", f'[helper]\nsocket = ""\n[rehearsal]\ntimeline = "{timeline}"\n', root=root)


def status(agent: AgentStage) -> dict[str, Any]:
    return dict(asyncio.run(ask(agent.directory / "state", {"ask": "status"})))


def recount(scene: Scene, agent: AgentStage, keeper: Keeper) -> None:
    """Stops both; every frame that was ever kept is stored once, or is still waiting."""
    agent.program.stop()
    keeper.stop()
    waiting = keeper.waiting()
    scene.collector.program.stop()
    stored = stored_frames(scene.collector.directory / "data" / "telemetry")
    assert len(stored) == len(set(stored))
    assert keeper.frames() - set(stored) <= waiting


def readyz(scene: Scene) -> httpx.Response:
    return httpx.get(f"{scene.collector.url}readyz", verify=False, timeout=90)


@pytest.mark.parametrize(("reserve_mb", "leave", "cause"), [(16, 8 << 20, "disk_full"), (0, 0, "store_failed")])
def test_a_collector_without_room_acknowledges_nothing_and_goes_on_by_itself(
    tmp_path: Path, reserve_mb: int, leave: int, cause: str
) -> None:
    """Below its reserve, and where the disk fills up under the stores themselves."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(tmp_path / "scene" / "collector", 128))
        tables = f"[disk]\nreserve_percent = 0.0\nreserve_mb = {reserve_mb}\n"
        scene = Scene(tmp_path / "scene", stack, tables=tables)
        scene.open()
        agent = drill(scene, tmp_path, sensors=50, period_s=0.5)
        keeper = Keeper([agent.directory / "state" / "spool"], tmp_path / "kept")
        agent.program.start()
        scene.until(lambda: scene.numbers()["frames"] > 3, "frames arrive")
        assert readyz(scene).status_code == 200

        disk.fill(leave=leave)
        held = f"collector holds: cause={cause}"
        refilling(disk, leave, lambda: held in agent.program.log.read_text(), "the agent is told to hold")
        unready: list[str] = []

        def says_why() -> bool:
            answer = readyz(scene)
            unready[:] = [answer.text] if answer.status_code == 503 else []
            return bool(unready)

        refilling(disk, leave, says_why, "/readyz says no")
        assert "free some space" in unready[0] or "full" in unready[0].lower(), unready[0]
        waiting = status(agent)["spool_records"]
        refilling(disk, leave, lambda: status(agent)["spool_records"] >= waiting + 4, "records wait at the agent")

        disk.empty()
        scene.until(lambda: status(agent)["spool_records"] < 3, "everything that waited is acknowledged")
        scene.until(lambda: readyz(scene).status_code == 200, "/readyz says yes again")
        assert scene.numbers()["lost"] == 0
        recount(scene, agent, keeper)


def refilling(disk: SmallDisk, leave: int, true: Callable[[], bool], what: str) -> None:
    """Until it is true; what the programs free meanwhile is filled again."""

    def look() -> bool:
        disk.fill(leave=leave)
        return true()

    wait_until(look, within_s=WITHIN_S, what=what)


def test_an_agent_without_room_counts_what_it_cannot_keep(tmp_path: Path) -> None:
    with ExitStack() as stack:
        scene = Scene(tmp_path / "scene", stack)
        disk = stack.enter_context(small_disk(tmp_path / "agent", 24))
        scene.open()
        # 64 kB a second: what the agent may hold in memory is full in ten.
        agent = drill(scene, tmp_path, sensors=1500, period_s=0.1, root=disk.folder)
        # What it says is read here, so it must not be lost for want of room as well.
        agent.program.log = tmp_path / "agent.log"
        keeper = Keeper([agent.directory / "state" / "spool"], disk.folder / "kept")
        agent.program.start()
        scene.until(lambda: scene.numbers()["frames"] > 3, "frames arrive")
        pid = agent.program.pid

        refilling(disk, 0, lambda: status(agent)["lost"] > 0, "the agent counts what it loses")
        scene.until(lambda: "spool cannot write" in agent.program.log.read_text(), "the agent says why")
        disk.empty()
        frames = scene.numbers()["frames"]
        scene.until(lambda: scene.numbers()["frames"] > frames + 4, "new frames arrive again")
        lost = status(agent)["lost"]
        scene.until(lambda: scene.numbers()["lost"] == lost, "the collector knows how many are lost")
        agent.program.check()
        assert agent.program.pid == pid
        recount(scene, agent, keeper)
