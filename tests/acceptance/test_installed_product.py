"""The agent as a Debian machine has it: installed by README's own lines, under systemd's own units, on a real kernel.

The guest has a BMC, an NVMe and a SATA disk; the collector runs on the host, which the guest reaches by its gateway.
Emulated, the guest's processor is some twenty times slower than the host's: every wait only catches what hangs.
"""

from __future__ import annotations

import base64
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installed_tree import make_tree, open_to_all
from tests.acceptance.scene import Scene
from tests.peers.ipmi_sim import IpmiSim, demo
from tests.peers.vm import HOST_FROM_GUEST, Guest, image_missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("guest"),
    pytest.mark.skipif(bool(image_missing()), reason=image_missing() or "a guest is there"),
    pytest.mark.skipif(shutil.which("ipmi_sim") is None, reason="needs the Debian package openipmi"),
]

STARTS_WITHIN_S = 240.0
# Two processors' temperatures and two power supplies' states: the system interface is slow.
SENSORS = (*demo.server_sensors()[:2], *demo.server_sensors()[-7:-5])
AGENT, HELPER = "hardcase-agent.service", "hardcase-helper.service"
PRODUCT = "export PATH=/usr/local/bin:$PATH; cd /mnt/share/product; "
NVME_RELIABILITY_DEGRADED = 0x04
"""Bit of the critical warning (NVM Express 1.4, 5.14.1.2)."""
# The quotas are shares of a real processor; of an emulated one they would make every start take minutes.
SLOW_GUEST = "[Service]\nCPUQuota=\nTimeoutStartSec=240\n"
SETTINGS = """
[collector]
address = "{host}:{telemetry}"
enrolment = "{host}:{enrolment}"
[host]
period_s = 30.0
[ipmi]
analogue_period_s = 5.0
discrete_period_s = 10.0
sel_period_s = 10.0
[smart]
nvme_period_s = 24.0
ata_period_s = 24.0
deadline_s = 8.0
"""


def readme_lines(root: Path) -> list[str]:
    """What follows pip in "Install" of README.md, and the commands of "Each server:"."""
    text = (root / "README.md").read_text()
    links = re.search(r"^ln -sf? /opt/hardcase/.*$", text, re.M)
    block = re.search(r"^Each server:\n\n```sh\n(.*?)^```", text, re.M | re.S)
    assert links is not None, "README.md does not put the commands where they are found"
    assert block is not None, "README.md has no block of commands after 'Each server:'"
    return [links[0], *(re.sub(r"\s+#\s.*", "", line) for line in block[1].splitlines())]


class Machine:
    """The guest with the product on it, and the collector that it is enrolled with."""

    def __init__(self, guest: Guest, scene: Scene, root: Path) -> None:
        self.guest = guest
        self.scene = scene
        self.root = root

    def put(self, path: str, text: str) -> None:
        coded = base64.b64encode(text.encode()).decode()
        self.guest.run(f"mkdir -p $(dirname {path}) && echo {coded} | base64 -d > {path}")

    def show(self, unit: str, name: str) -> str:
        return self.guest.run(f"systemctl show -P {name} {unit}").strip()

    def until(self, true: Callable[[], object], what: str, *, within_s: float = STARTS_WITHIN_S) -> None:
        deadline = time.monotonic() + within_s
        while not true():
            if time.monotonic() > deadline:
                pytest.fail(f"{what}: not within {within_s:g} s\n{self.journal()}")
            time.sleep(0.5)

    def journal(self) -> str:
        return self.guest.run(f"journalctl --no-pager -o short-monotonic -u {AGENT} -u {HELPER} | tail -n 60")

    def install(self) -> None:
        """README's lines up to the last that starts something, then the guest's own drop-ins."""
        self.guest.run("mkdir -p /opt/hardcase && mount --bind /mnt/share/hardcase /opt/hardcase")
        collector = self.scene.collector
        for line in readme_lines(self.root):
            if line.startswith("hardcase-agent doctor"):
                break
            if line.startswith("systemctl enable"):
                for unit in (AGENT, HELPER):
                    self.put(f"/etc/systemd/system/{unit}.d/slow-guest.conf", SLOW_GUEST)
                self.guest.run("systemctl daemon-reload")
            if line.startswith("hardcase-agent enroll"):
                self.put(
                    "/etc/hardcase/agent.toml",
                    SETTINGS.format(
                        host=HOST_FROM_GUEST, telemetry=collector.telemetry_port, enrolment=collector.enrolment_port
                    ),
                )
                self.put("/root/hardcase.token", self.scene.token() + "\n")
                line = re.sub(r"sha256:\S+", collector.fingerprint, line)
            self.guest.run(PRODUCT + line, deadline_s=STARTS_WITHIN_S)

    def process(self, unit: str) -> dict[str, Any]:
        """What the kernel says of a unit's main process."""
        pid = self.show(unit, "MainPID")
        status = self.guest.run(f"cat /proc/{pid}/status")
        return {
            "user": self.guest.run(f"stat -c %U /proc/{pid}").strip(),
            "effective": re.findall(r"CapEff:\s*(\w+)", status)[0],
            "interfaces": re.findall(r"^ *(\S+):", self.guest.run(f"cat /proc/{pid}/net/dev"), re.M),
            "devices": self.guest.run(f"ls /proc/{pid}/root/dev").split(),
        }


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("installed")
    share = folder / "share"
    make_tree(share / "hardcase", root)
    shutil.copytree(root / "deploy" / "agent", share / "product" / "deploy" / "agent")
    open_to_all(share)
    with ExitStack() as stack:
        scene = Scene(folder, stack)
        scene.collector.names = ("localhost", "127.0.0.1", HOST_FROM_GUEST)
        scene.open()
        bmc = stack.enter_context(IpmiSim(folder / "bmc", SENSORS, serial="GUEST-BMC-1"))
        bmc.set_power(False)  # The guest's is the system interface's only place.
        ports = (scene.collector.telemetry_port, scene.collector.enrolment_port)
        guest = stack.enter_context(Guest(folder / "vm", share=share, bmc_port=bmc.ports.system, ports=ports))
        made = Machine(guest, scene, root)
        made.install()
        yield made


@pytest.fixture
def running(machine: Machine) -> Machine:
    """The agent streams: the collector has heard of its BMC."""
    machine.until(lambda: machine.show(AGENT, "ActiveState") == "active", "the agent's unit is active")
    machine.until(lambda: machine.scene.reading("guest", "CPU 1 Temp").get("value"), "the guest's BMC is known")
    return machine


def test_the_process_on_the_network_has_no_rights_and_the_one_with_rights_no_network(running: Machine) -> None:
    assert running.show(AGENT, "Type") == "notify"
    agent, helper = running.process(AGENT), running.process(HELPER)
    assert (agent["user"], agent["effective"]) == ("hardcase-agent", "0" * 16)
    assert not [name for name in agent["devices"] if name.startswith(("ipmi", "nvme", "sd", "sg"))]
    assert running.guest.try_run("runuser -u hardcase-agent -- sh -c ': < /dev/ipmi0'").status != 0
    assert helper["user"] == "hardcase-helper"
    assert helper["interfaces"] == ["lo"]
    assert "ipmi0" in helper["devices"]
    # CAP_DAC_READ_SEARCH, CAP_SYS_RAWIO, CAP_SYS_ADMIN, CAP_SYSLOG.
    assert int(helper["effective"], 16) == 1 << 2 | 1 << 17 | 1 << 21 | 1 << 34


def test_bmc_and_disks_arrive_at_the_collector(running: Machine) -> None:
    def disks() -> set[str]:
        readings = running.scene.asset("guest")["readings"]
        return {one["part"]["serial"] for one in readings if one["source"].startswith("smart.") and not one["gap"]}

    running.until(lambda: disks() == {"GUESTNVME01", "GUESTSATA01"}, "both disks are read")
    reading = running.scene.reading("guest", "CPU 1 Temp")
    assert (reading["source"], reading["value"]) == ("ipmi.analogue@local", 44.0)
    assert {limit["source"] for limit in reading["limits"]} == {"device"}

    def told_by() -> set[str]:
        return {source for source, _ in running.scene.asset("guest")["coverage"]}

    running.until(lambda: {"kernel.log", "kernel.dmi"} <= told_by(), "log and tables of the kernel are read")
    coverage = running.scene.asset("guest")["coverage"]
    watched = [line for source, line in coverage if source.startswith(("ipmi.", "smart.", "kernel."))]
    assert watched
    assert not [line for line in watched if line["status"] == "unreadable"]


def test_a_disk_that_warns_is_a_case(running: Machine) -> None:
    running.guest.device("nvme0", "smart_critical_warning", NVME_RELIABILITY_DEGRADED)

    def of_the_disk() -> list[dict[str, Any]]:
        return [case for case in running.scene.cases() if case["part"]["serial"] == "GUESTNVME01"]

    running.until(of_the_disk, "a case is open")
    (case,) = of_the_disk()
    assert (case["repair_group"], case["asset_name"]) == ("disk", "guest")


def test_systemd_starts_a_killed_agent_again(running: Machine) -> None:
    before = running.show(AGENT, "MainPID")
    running.guest.run(f"kill -9 {before}")
    running.until(
        lambda: running.show(AGENT, "MainPID") not in (before, "0") and running.show(AGENT, "ActiveState") == "active",
        "another process runs",
    )
    assert int(running.show(AGENT, "NRestarts")) >= 1


def test_a_stop_ends_by_itself(running: Machine) -> None:
    running.guest.run(f"systemctl stop {AGENT}")
    assert running.show(AGENT, "ActiveState") == "inactive"
    # "timeout" where systemd had to kill it.
    assert running.show(AGENT, "Result") == "success"
    running.guest.run(f"systemctl start {AGENT}", deadline_s=STARTS_WITHIN_S)
