"""A server as a customer has it, under QEMU, and the collector outside of it that its agent is enrolled with.

Used by `test_packaged_agent.py` and `tests/chaos/power.py`. The package is the one that `make deb` makes. Emulated, the
processor is some twenty times slower than a real one: every wait here only catches what hangs.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.stage import StageError
from deploy.packages import making
from deploy.packages.product import AGENT as PRODUCT
from tests.acceptance.scene import Scene
from tests.peers.ipmi_sim import IpmiSim, demo
from tests.peers.vm import HOST_FROM_GUEST, Guest
from tests.vm.account import GuestKeeper

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).parent / "inside"
WITHIN_S = 240.0
AGENT, HELPER, SOCKET = "hardcase-agent.service", "hardcase-helper.service", "hardcase-helper.socket"
CONFIGURATION, STATE = "/etc/hardcase/agent.toml", "/var/lib/hardcase-agent"
PYTHON = f"{PRODUCT.prefix}/bin/python"
CPU_TEMPERATURE = demo.server_sensors()[0]
SENSORS = (*demo.server_sensors()[:2], *demo.server_sensors()[-7:-5])
"""Two processors' temperatures and two power supplies' states: the system interface is slow."""
CRITICAL_RAW, NORMAL_RAW = 98, 44
NVME, SATA = "GUESTNVME01", "GUESTSATA01"
# The quotas are shares of a real processor; of an emulated one they would make every start take minutes.
SLOW_GUEST = "[Service]\nCPUQuota=\nTimeoutStartSec=240\n"
QUICK: Mapping[str, float] = {
    "ipmi.analogue_period_s": 2.0,
    "ipmi.discrete_period_s": 4.0,
    "ipmi.sel_period_s": 4.0,
    "kernel.log_period_s": 10.0,
    "smart.nvme_period_s": 24.0,
    "smart.ata_period_s": 24.0,
    "smart.deadline_s": 8.0,
}
"""Settings of the sample configuration, for a machine that one does not want to wait for."""


def package(out: Path) -> Path:
    """The agent's .deb, as `make deb` makes it. Raises BuildError."""
    made = making.make(PRODUCT, "deb", out)
    assert made is not None
    return made


def newer(package: Path, out: Path) -> Path:
    """The same package under a higher version, with a line more in its sample configuration."""
    tree = out / "tree"
    run("dpkg-deb", "--raw-extract", str(package), str(tree))
    control = tree / "DEBIAN" / "control"
    version = next(line for line in control.read_text().splitlines() if line.startswith("Version: "))
    control.write_text(control.read_text().replace(version, f"{version}+1"))
    sample = tree / CONFIGURATION.lstrip("/")
    sample.write_text(sample.read_text() + "\n# A line that the version before did not have.\n")
    made = out / "newer.deb"
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(made))
    shutil.rmtree(tree)
    return made


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=WITHIN_S).stdout


class Server:
    """Entered with a stack that ends everything: BMC, collector, webhook receiver, guest. Not yet installed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.share = folder / "share"
        shutil.copytree(INSIDE, self.share / "inside", ignore=shutil.ignore_patterns("__pycache__"))
        self.scene = Scene(folder, stack)
        self.scene.collector.names = ("localhost", "127.0.0.1", HOST_FROM_GUEST)
        self.scene.open()
        self.bmc = stack.enter_context(IpmiSim(folder / "bmc", SENSORS, serial="GUEST-BMC-1"))
        self.bmc.set_power(False)  # The guest's is the system interface's only place.
        collector = self.scene.collector
        self.guest = stack.enter_context(
            Guest(
                folder / "vm",
                share=self.share,
                bmc_port=self.bmc.ports.system,
                ports=(collector.telemetry_port, collector.enrolment_port),
                keeps_disk=True,
            )
        )
        self.keeper = GuestKeeper(self.guest, f"{STATE}/spool")

    # What an operator does

    def put(self, path: str, text: str, *, mode: str = "644") -> None:
        coded = base64.b64encode(text.encode()).decode()
        self.guest.run(f"mkdir -p $(dirname {path}) && echo {coded} | base64 -d > {path} && chmod {mode} {path}")

    def install(self, package: Path) -> None:
        """dpkg -i. A version before it may be there; what was edited by hand is kept."""
        shutil.copyfile(package, self.share / package.name)
        (self.share / package.name).chmod(0o644)
        self.guest.run(
            f"DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i /mnt/share/{package.name} </dev/null",
            deadline_s=WITHIN_S,
        )

    def allow_for_emulation(self) -> None:
        for unit in (AGENT, HELPER):
            self.put(f"/etc/systemd/system/{unit}.d/slow-guest.conf", SLOW_GUEST)
        self.guest.run("systemctl daemon-reload")

    def set(self, settings: Mapping[str, str | float]) -> None:
        """Edits the sample configuration, as by hand: the line of each "table.key" gets another value."""
        for name, value in settings.items():
            table, _, key = name.partition(".")
            edit = rf"/^\[{table}\]/,/^\[/ s|^{key} = .*|{key} = {json.dumps(value)}|w /dev/stdout"
            said = self.guest.run(f"sed -i '{edit}' {CONFIGURATION}")
            assert said.count("\n") == 1, f"{CONFIGURATION} has no line for {name}"

    def reload(self) -> None:
        """Until the agent says that it took the configuration: systemd is told ready also when it did not."""
        self.guest.run("systemctl reload hardcase-agent", deadline_s=WITHIN_S)
        self.until(lambda: "configuration reloaded" in self.journal(), "the configuration is taken")

    def enrol(self) -> None:
        """Into the sample configuration, by the collector's address and a token."""
        collector = self.scene.collector
        self.set(
            {
                "collector.address": f"{HOST_FROM_GUEST}:{collector.telemetry_port}",
                "collector.enrolment": f"{HOST_FROM_GUEST}:{collector.enrolment_port}",
            }
        )
        self.put("/root/hardcase.token", self.scene.token() + "\n", mode="600")
        self.guest.run(
            f"hardcase-agent enroll --ca-fingerprint {collector.fingerprint} --token-file /root/hardcase.token",
            deadline_s=WITHIN_S,
        )
        self.guest.run("rm /root/hardcase.token")

    def start(self) -> None:
        self.guest.run("systemctl enable --now hardcase-agent", deadline_s=WITHIN_S)

    # What is seen in the guest

    def show(self, unit: str, name: str) -> str:
        return self.guest.run(f"systemctl show -P {name} {unit}").strip()

    def journal(self) -> str:
        return self.guest.run(f"journalctl --no-pager -o short-monotonic -u {AGENT} -u {HELPER} | tail -n 60")

    def until(self, true: Callable[[], object], what: str, *, within_s: float = WITHIN_S, every_s: float = 0.5) -> None:
        """Raises StageError with the guest's journal."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                if true():
                    return
            except httpx.TransportError:
                pass  # The collector does not run, yet.
            if time.monotonic() > deadline:
                raise StageError(f"{what}: not within {within_s:g} s\n{self.journal()}")
            time.sleep(every_s)

    def active(self) -> bool:
        return self.show(AGENT, "ActiveState") == "active"

    def waiting_records(self) -> int:
        """Records in the spool that were not acknowledged, as the agent tells systemd (at most ten seconds old)."""
        words = self.show(AGENT, "StatusText").split()
        return int(words[-3]) if words[-2:] == ["records", "wait"] else 0

    # What is seen at the collector

    def time_of_newest_ms(self) -> int:
        """When the newest temperature at the collector was read."""
        return int(self.scene.reading("guest", CPU_TEMPERATURE.name).get("time_ms") or 0)

    def until_streaming(self, what: str) -> None:
        """Until a reading is at the collector that was taken after now."""
        since = self.guest_ms()
        self.until(lambda: self.time_of_newest_ms() > since, f"{what}: readings come again")

    def until_caught_up(self) -> None:
        """Until nothing but what was read a moment ago is in the spool."""
        self.until(lambda: self.scene.numbers().get("streams") == 1, "the agent's stream is there")
        self.until_streaming("caught up")

    def guest_ms(self) -> int:
        return int(self.guest.run("date +%s%3N"))

    def disks(self) -> set[str]:
        """Serial numbers of the disks that say something."""
        readings = self.scene.asset("guest").get("readings", ())
        return {one["part"]["serial"] for one in readings if one["source"].startswith("smart.") and not one["gap"]}

    def case_of(self, name: str, value: str) -> dict[str, Any] | None:
        """The one open case of a part that has this in this field."""
        found = [case for case in self.scene.cases() if case["part"].get(name) == value]
        assert len(found) <= 1, found
        return found[0] if found else None
