"""The agent's life on a server, by its package: each chapter begins where the one before ended.

A chapter is a fixture (`conftest.py`) that lives it and returns what was seen; the tests look at that. So one guest is
enough, and a test that is run alone lives through what comes before it. `make vm-test` shows the figures.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.peers.vm import image_missing
from tests.vm.life import (
    MEMORY_BAR_MB,
    Broken,
    Counted,
    Intruded,
    Killed,
    Life,
    Rebooted,
    Removed,
    Started,
    Steady,
    Upgraded,
)
from tests.vm.server import AGENT, CONFIGURATION, CPU_TEMPERATURE, HELPER, NVME, SATA, SOCKET, STATE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.xdist_group("guest"),
    pytest.mark.skipif(bool(image_missing()), reason=image_missing() or "a guest is there"),
    pytest.mark.skipif(shutil.which("ipmi_sim") is None, reason="needs the Debian package openipmi"),
]

PACKAGE_BAR_MB, CPU_BAR, SEEN_WITHIN_S = 15.0, 0.3, 60.0
BUSY = 5
"""How much longer than its bar anything may take here: the guest is emulated on a machine that has other work. What it
really took is printed (`make vm-test`) and judged by people."""
SHARED_MB = 20.0
"""Pages of the system's libraries that a fresh start of the machine charges to whoever reads them first."""


def test_the_package_is_small(deb: Path) -> None:
    assert deb.stat().st_size / 1e6 <= PACKAGE_BAR_MB


def test_nothing_runs_before_the_machine_is_enrolled(installed: Life) -> None:
    # A later chapter has started it when this is run again.
    started = installed.server.show(AGENT, "ExecMainStartTimestampMonotonic")
    enrolled = installed.server.guest.try_run(f"test -e {STATE}/identity.json").status == 0
    assert started == "0" or enrolled


def test_bmc_and_disks_are_seen_soon(started: Started) -> None:
    assert started.took_s <= SEEN_WITHIN_S * BUSY


def test_what_is_seen_is_the_hardware(started: Started) -> None:
    server = started.life.server
    reading = server.scene.reading("guest", CPU_TEMPERATURE.name)
    assert reading["source"] == "ipmi.analogue@local"
    assert {limit["source"] for limit in reading["limits"]} == {"device"}

    def told_by() -> set[str]:
        return {source for source, _ in server.scene.asset("guest")["coverage"]}

    server.until(lambda: {"kernel.log", "kernel.dmi"} <= told_by(), "log and tables of the kernel are read")
    coverage = server.scene.asset("guest")["coverage"]
    watched = [line for source, line in coverage if source.startswith(("ipmi.", "smart.", "kernel."))]
    assert watched
    assert not [line for line in watched if line["status"] == "unreadable"]


def test_the_process_on_the_network_has_no_rights_and_the_one_with_rights_no_network(started: Started) -> None:
    assert started.life.server.show(AGENT, "Type") == "notify"
    agent, helper = started.life.process(AGENT), started.life.process(HELPER)
    assert (agent["user"], agent["effective"]) == ("hardcase-agent", "0" * 16)
    assert not [name for name in agent["devices"] if name.startswith(("ipmi", "nvme", "sd", "sg"))]
    assert helper["user"] == "hardcase-helper"
    assert helper["interfaces"] == ["lo"]
    assert "ipmi0" in helper["devices"]


def test_agent_and_helper_are_small(steady: Steady) -> None:
    assert sum(steady.memory.values()) <= MEMORY_BAR_MB


def test_agent_and_helper_take_little_of_the_processor(steady: Steady) -> None:
    assert 0 < sum(steady.cpu.values()) / steady.slower <= CPU_BAR * BUSY


def test_nobody_but_the_agent_and_systemd_talks_to_the_network(steady: Steady) -> None:
    others = {one for one in steady.talkers if not one[1].startswith("systemd")}
    assert {uid for uid, _, _, _ in others} == {steady.agent_uid}
    assert {service for _, _, service, _ in others} == {AGENT}
    assert any(connected for _, _, _, connected in others)


def test_whoever_takes_over_the_agent_reaches_no_device(intruded: Intruded) -> None:
    tried = [name for name in intruded.said if name.startswith(("open", "make", "become", "write"))]
    assert len(tried) >= 7
    assert {name: intruded.said[name] for name in tried if intruded.said[name] == "done"} == {}
    assert intruded.as_user != 0


def test_whoever_takes_over_the_agent_can_only_read_through_the_helper(intruded: Intruded) -> None:
    assert intruded.said["get device id"] == "done: 0001"
    forbidden = ("set user password", "set user access", "chassis control", "clear sel", "cold reset", "run rm")
    assert {name: intruded.said[name] for name in forbidden} == dict.fromkeys(forbidden, "AccessDenied")
    for netfn, command in ((0x06, 0x47), (0x00, 0x02), (0x0A, 0x47)):
        told = rf"refused: .*uid {intruded.uid}\b.*NetFn 0x{netfn:02x} LUN 0 command 0x{command:02x}"
        assert re.search(told, intruded.journal, re.I), intruded.journal


def test_each_fault_is_a_case_of_its_part(broken: Broken) -> None:
    told = {(case["part"]["component"], case["repair_group"], case["asset_name"]) for case in broken.cases}
    assert ("cpu", "thermal", "guest") in told
    (disk,) = [case for case in broken.cases if case["part"]["serial"] == NVME]
    assert (disk["repair_group"], disk["asset_name"]) == ("disk", "guest")
    assert not [case for case in broken.cases if case["part"]["serial"] == SATA]


def test_systemd_starts_killed_processes_again(killed: Killed) -> None:
    assert killed.restarts >= 1
    assert all(before != after != "0" for before, after in killed.pids)


def test_the_agent_comes_back_with_the_machine(rebooted: Rebooted) -> None:
    assert len(rebooted.boots) == 3


def test_agent_and_helper_are_small_also_when_the_machine_has_started(rebooted: Rebooted) -> None:
    assert sum(rebooted.memory.values()) <= MEMORY_BAR_MB + SHARED_MB


def test_an_upgrade_keeps_spool_certificates_and_configuration(upgraded: Upgraded) -> None:
    assert upgraded.versions[1] == f"{upgraded.versions[0]}+1"
    assert upgraded.kept[0] == upgraded.kept[1]
    assert upgraded.pids[0] != upgraded.pids[1]
    assert upgraded.waited[1] >= upgraded.waited[0] >= 8
    assert upgraded.agents == 1


def test_the_newer_sample_is_laid_beside_the_edited_configuration(upgraded: Upgraded) -> None:
    assert "A line that the version before did not have." in upgraded.sample


def test_nothing_is_lost_and_nothing_doubled(counted: Counted) -> None:
    assert counted.verdict.kept > 100
    assert counted.verdict.stored > 100
    assert not counted.verdict.wrong, "\n".join(counted.verdict.wrong)


def test_a_stop_ends_by_itself(counted: Counted) -> None:
    # "timeout" where systemd had to kill it.
    assert counted.stop == "inactive success"


def test_removal_keeps_what_the_machine_was_enrolled_with(removed: Removed) -> None:
    files = set(removed.after_removal["files"])
    assert {CONFIGURATION, f"{STATE}/identity.json"} <= files
    assert not [path for path in files if path.startswith(("/opt/hardcase", "/usr/bin/hardcase", "/usr/lib/udev/hard"))]
    assert "/dev/ipmi0 root root 600" in removed.after_removal["devices"]


def test_purging_leaves_nothing_behind(removed: Removed) -> None:
    assert {what: told for what, told in removed.left.items() if told.strip()} == {}
    before = removed.life.before
    assert sorted(set(removed.after_purge["files"]) - set(before["files"])) == []
    assert sorted(set(before["files"]) - set(removed.after_purge["files"])) == []
    assert sorted(removed.after_purge["accounts"]) == sorted(before["accounts"])
    assert removed.after_purge["devices"] == before["devices"]
    assert SOCKET not in removed.left["units"]
