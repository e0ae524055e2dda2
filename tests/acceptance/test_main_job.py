"""The main job on real programs: a sensor of a real BMC crosses its own limit, and there is one case, whatever happens.

Collector, agent, helper and webhook receiver are processes or servers on loopback; the BMCs are ipmi_sim.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.stage import BIN, AgentStage, call, wait_until
from tests.acceptance.scene import (
    CPU_1,
    CPU_2,
    CRITICAL_RAW,
    HOST,
    NORMAL_RAW,
    WITHIN_S,
    Scene,
    Spooled,
    reads,
    spooled,
)
from tests.chaos.keeper import Keeper, stored_frames
from tests.peers.fake_smartctl import FakeSmartctl
from tests.peers.helper_process import HelperProcess
from tests.peers.ipmi_sim import IpmiSim
from tests.peers.webhook_sink import Received

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
BACKLOG_S = 30
"""A reading that arrives later than this after it was taken is backlog."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One collector for all: it takes seconds to found. Every test has BMCs, and so assets, of its own."""
    with ExitStack() as stack:
        made = Scene(tmp_path_factory.mktemp("scene"), stack)
        made.open()
        yield made


def watch(scene: Scene, agent: AgentStage, *bmcs: IpmiSim) -> None:
    """Starts the agent and waits until the collector knows a value of every BMC's processors."""
    agent.program.start()
    for bmc in bmcs:
        for name in ("CPU 1 Temp", "CPU 2 Temp"):
            scene.until(lambda: scene.reading(bmc.serial, name).get("value"), f"{name} of {bmc.serial} is known")  # noqa: B023


def cases_but_of_the_bmc(scene: Scene, serial: str) -> list[dict[str, Any]]:
    return [one for one in scene.cases_of(serial) if one["repair_group"] != "bmc"]


def the_case(scene: Scene, serial: str) -> dict[str, Any]:
    """The one case of an asset, with its timeline and notifications. A BMC that a busy machine keeps from answering
    is another matter."""
    (case,) = cases_but_of_the_bmc(scene, serial)
    found: dict[str, Any] = scene.ask(f"cases/{case['number']}")
    return found


def until_told(scene: Scene, number: str) -> None:
    """Until every version of the case was delivered; each under one id, signed."""

    def delivered() -> bool:
        owed = scene.ask(f"cases/{number}")["notifications"]
        return bool(owed) and all(row["state"] == "delivered" for row in owed)

    scene.until(delivered, f"{number} was told")


@pytest.fixture
def agents(scene: Scene) -> Iterator[list[AgentStage]]:
    """What a test puts in here is stopped at its end."""
    started: list[AgentStage] = []
    yield started
    for agent in started:
        agent.program.stop()


def cases_told(scene: Scene, serial: str) -> list[Received]:
    """Webhooks about an asset's cases, all of them signed."""
    numbers = {case["number"] for case in scene.cases_of(serial)}
    return [one for one in scene.told() if one.body["data"]["case"]["number"] in numbers]


def test_a_limit_crossed_is_one_durable_case_told_with_a_signature(
    scene: Scene, agents: list[AgentStage], record_property: Callable[[str, object], None]
) -> None:
    bmc = scene.bmc("bmc-limit", "RS900101")
    agents.append(scene.agent("limit", reads(bmc)))
    watch(scene, agents[0], bmc)

    bmc.set_reading(CPU_1, CRITICAL_RAW)
    scene.until(lambda: cases_but_of_the_bmc(scene, bmc.serial), "a case is open")
    scene.collector.program.kill()
    scene.start_collector()

    case = the_case(scene, bmc.serial)["case"]
    assert (case["part"]["component"], case["repair_group"], case["severity"]) == ("cpu", "thermal", "major")
    before = scene.reading(bmc.serial, "CPU 1 Temp")["time_ms"]
    scene.until(lambda: scene.reading(bmc.serial, "CPU 1 Temp")["time_ms"] > before + 2000, "readings come again")
    assert [one["number"] for one in cases_but_of_the_bmc(scene, bmc.serial)] == [case["number"]]
    until_told(scene, case["number"])
    ids: dict[int, set[str]] = {}
    for one in cases_told(scene, bmc.serial):
        ids.setdefault(one.body["data"]["case"]["version"], set()).add(one.id)
    assert ids[1]
    assert all(len(found) == 1 for found in ids.values())
    took_ms = case["opened_ms"] - case["since_ms"]
    record_property("reading_to_commit_ms", took_ms)
    print(f"reading to commit: {took_ms} ms")


def test_a_hung_bmc_and_a_hung_smartctl_hold_up_nobody_else(
    scene: Scene, agents: list[AgentStage], tmp_path: Path
) -> None:
    healthy, hung = scene.bmc("bmc-healthy", "RS900201"), scene.bmc("bmc-hung", "RS900202")
    smartctl = FakeSmartctl(tmp_path)
    disk = smartctl.disk("sda", (GOLDEN / "smart/qemu-sata/capture.json").read_bytes())
    options = [f"--tool={name}={path}" for name, path in smartctl.tools.items()]
    with HelperProcess(tmp_path, *options, "--device-root", str(smartctl.devices)) as helper:
        tables = reads(healthy, hung).replace('socket = ""', f'socket = "{helper.socket}"')
        tables += (
            "[smart]\nnvme_period_s = 3.0\nata_period_s = 3.0\ndeadline_s = 1.0\n"
            f'[[smart.device]]\npath = "{disk}"\ntype = "sat"\n'
        )
        agents.append(scene.agent("hung", tables, without='"host"'))
        watch(scene, agents[0], healthy, hung)
        scene.until(lambda: disk_readings(scene, gap=""), "the disk was read")
        hung.pause()
        smartctl.answer("sda", "", behaviour="sleep")
        try:
            scene.until(lambda: disk_readings(scene, gap="hung"), "the disk's readings are gaps")
            healthy.set_reading(CPU_1, CRITICAL_RAW)
            scene.until(lambda: cases_but_of_the_bmc(scene, healthy.serial), "the healthy BMC's case is open")
            scene.until(lambda: scene.findings(hung.serial, "bmc.hung"), "the stopped BMC does not answer")
        finally:
            hung.resume()
        agents[0].program.stop()
    states = {status["stamp"]["source"]: status["state"] for status in scene.asset(hung.serial)["sources"]}
    assert "hung" in states.values(), states
    assert {case["repair_group"] for case in cases_but_of_the_bmc(scene, healthy.serial)} == {"thermal"}


def disk_readings(scene: Scene, *, gap: str) -> list[dict[str, Any]]:
    """Readings of the host's disk that are this kind of gap, "" = values."""
    readings = scene.asset(HOST).get("readings", ())
    return [one for one in readings if one["source"] == "smart.ata" and one["gap"] == gap]


def test_what_happened_while_the_collector_was_dead_is_judged_by_its_own_time(
    scene: Scene, agents: list[AgentStage]
) -> None:
    bmc = scene.bmc("bmc-outage", "RS900301")
    agents.append(scene.agent("outage", reads(bmc)))
    watch(scene, agents[0], bmc)
    scene.collector.program.kill()

    # The BMC that logs nothing: what the agent reads is all that anybody will ever know.
    bmc.set_reading(CPU_1, CRITICAL_RAW, event=False)
    bmc.set_reading(CPU_2, CRITICAL_RAW, event=False)
    until_spooled(agents[0], "CPU 2 Temp", CRITICAL_RAW, frames=2)
    bmc.set_reading(CPU_2, NORMAL_RAW, event=False)
    # Four for clearing three times out of three; then until all of it is backlog.
    until_spooled(agents[0], "CPU 2 Temp", NORMAL_RAW, frames=4 + BACKLOG_S)
    first_ms = next(frame.wall_ms for frame in spooled_since(agents[0]) if frame.numbers["CPU 1 Temp"] == CRITICAL_RAW)
    newest_ms = spooled_since(agents[0])[-1].wall_ms
    scene.start_collector()

    scene.until(lambda: cases_but_of_the_bmc(scene, bmc.serial), "the case is open after the outage")
    scene.until(lambda: scene.reading(bmc.serial, "CPU 1 Temp")["time_ms"] >= newest_ms, "the agent has caught up")
    shown = the_case(scene, bmc.serial)
    assert shown["case"]["part"]["slot"] == "CPU1", shown["case"]["part"]
    assert shown["case"]["since_ms"] == first_ms
    assert shown["case"]["opened_ms"] >= first_ms + BACKLOG_S * 1000
    until_told(scene, shown["case"]["number"])
    recorded = [why for why in scene.ask("why", asset=bmc.serial)["whys"] if why["part"].startswith("cpu@CPU2")]
    assert [why["reason"] for why in recorded if not why["opened"]], recorded
    assert not any(why["opened"] for why in recorded)


def spooled_since(agent: AgentStage) -> list[Spooled]:
    return spooled(agent, "ipmi.analogue")


def until_spooled(agent: AgentStage, name: str, value: float, *, frames: int) -> None:
    """Until the newest frames in the agent's spool say this."""

    def there() -> bool:
        newest = spooled_since(agent)[-frames:]
        return len(newest) == frames and all(frame.numbers[name] == value for frame in newest)

    wait_until(there, within_s=WITHIN_S, what=f"{frames} frames with {name} = {value}")


def test_a_spool_that_was_deleted_takes_only_itself_along(
    scene: Scene, agents: list[AgentStage], tmp_path: Path
) -> None:
    bmc = scene.bmc("bmc-spool", "RS900401")
    agent = scene.agent("spool", reads(bmc))
    agents.append(agent)
    spool = agent.directory / "state" / "spool"
    keeper = Keeper([spool], tmp_path / "kept")
    watch(scene, agent, bmc)
    scene.collector.program.kill()
    watched = len(spooled_since(agent))
    wait_until(lambda: len(spooled_since(agent)) > watched + 2, within_s=WITHIN_S, what="frames wait in the spool")
    agent.program.stop()
    waiting = keeper.waiting()
    shutil.rmtree(spool)
    before = keeper.frames()

    scene.start_collector()
    agent.program.start()
    bmc.set_reading(CPU_1, CRITICAL_RAW)
    scene.until(lambda: cases_but_of_the_bmc(scene, bmc.serial), "a case is open after the spool was lost")
    agent.program.stop()
    assert scene.numbers()["duplicates"] == 0
    keeper.stop()
    scene.collector.program.stop()
    stored = stored_frames(scene.collector.directory / "data" / "telemetry")
    scene.start_collector()
    assert len(stored) == len(set(stored))
    lost = keeper.frames() - set(stored) - keeper.waiting()
    assert lost
    assert lost <= waiting
    assert keeper.frames() - before, "new readings were taken"
    assert len(cases_but_of_the_bmc(scene, bmc.serial)) == 1


def test_a_window_asked_for_on_the_host_holds_its_case_until_it_ends(scene: Scene, agents: list[AgentStage]) -> None:
    agent = scene.agent("window", '[helper]\nsocket = ""\n[host]\nperiod_s = 1.0\n', without='"smart", "ipmi"')
    agents.append(agent)
    chip = scene.directory / "window-sys" / "class" / "hwmon" / "hwmon0"
    chip.mkdir(parents=True)
    for file, text in {
        "name": "nct6798",
        "temp1_label": "SYSTIN",
        "temp1_input": "41000",
        "temp1_crit": "90000",
    }.items():
        (chip / file).write_text(text + "\n")
    agent.program.start()
    scene.until(lambda: scene.reading(HOST, "nct6798 SYSTIN").get("value") == 41.0, "the chip is read")
    window(agent, "10m", "new fans")
    scene.until(lambda: scene.asset(HOST)["windows"], "the window is known")
    (chip / "temp1_input").write_text("95000\n")
    scene.until(lambda: scene.findings(HOST, "thermal.hot"), "the finding is recorded")
    before = scene.reading(HOST, "nct6798 SYSTIN")["time_ms"]
    scene.until(lambda: scene.reading(HOST, "nct6798 SYSTIN")["time_ms"] > before + 2000, "it goes on firing")
    (finding,) = scene.findings(HOST, "thermal.hot")
    assert finding["held"] == "window"
    assert cases_but_of_the_bmc(scene, HOST) == []

    window(agent, "0", "done")
    scene.until(lambda: cases_but_of_the_bmc(scene, HOST), "the window's end opens the case")
    case = the_case(scene, HOST)["case"]
    assert case["since_ms"] == finding["since_ms"]
    (chip / "temp1_input").write_text("41000\n")


def window(agent: AgentStage, duration: str, reason: str) -> None:
    call([str(BIN / "hardcase-agent"), "--config", str(agent.configuration), "maintenance", duration, reason])


def test_an_agent_that_is_stopped_says_goodbye(scene: Scene, agents: list[AgentStage]) -> None:
    agent = scene.agent("goodbye", '[helper]\nsocket = ""\n', without='"host", "smart", "ipmi"')
    agents.append(agent)

    def known(*, stopped: bool) -> bool:
        now = [one["stopped_cleanly"] for one in scene.ask("agents")["agents"] if not one["revoked"]]
        return now == [stopped]

    scene.until(lambda: scene.numbers()["streams"] == 0, "the agent before it is gone")
    agent.program.start()
    scene.until(lambda: scene.numbers()["streams"] == 1, "the agent streams")
    agent.program.stop()
    scene.until(lambda: known(stopped=True), "its goodbye is stored")
    scene.collector.program.kill()
    scene.start_collector()
    agent.program.start()
    scene.until(lambda: scene.numbers()["streams"] == 1 and known(stopped=False), "the agent is back")
    agent.program.stop()
    scene.until(lambda: known(stopped=True), "its second goodbye is stored")
    assert scene.numbers()["silent_agents"] == 0
    assert scene.findings(HOST, "agent.silent") == []
