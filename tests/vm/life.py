"""What is seen of a server in the course of its life: of the machine, of the processes, of their accounts.

`conftest.py` lives it, chapter by chapter; what each chapter saw is one of the values here.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.vm.account import Cut, Verdict
from tests.vm.server import AGENT, HELPER, WITHIN_S, Server

MEMORY_BAR_MB = 45.0
"""Agent and helper together, as the service manager counts."""
# A boot makes these wherever it happens.
MADE_BY_BOOTING = re.compile(r"/var/lib/systemd/|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/var/tmp/|/root/\.")
FILES = (
    "find / -xdev \\( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /tmp -o -path /mnt "
    "-o -path /var/lib/ucf \\) -prune -o -print | sort; find /run -path '*hardcase*' -not -path '/run/log/*'"
)
ACCOUNTS = "cat /etc/passwd /etc/group /etc/shadow /etc/gshadow"
DEVICES = "stat -c '%n %U %G %a' /dev/ipmi0 /dev/nvme0 /dev/nvme0n1 /dev/sda"


@dataclass
class Life:
    """The server, and what one remembers of its life."""

    server: Server
    folder: Path
    before: dict[str, list[str]] = field(default_factory=dict)
    """What was on the machine before the package was."""
    cuts: list[Cut] = field(default_factory=list)

    def seen(self) -> dict[str, list[str]]:
        run = self.server.guest.run
        return {
            "files": [path for path in run(FILES).splitlines() if not MADE_BY_BOOTING.match(path)],
            "accounts": run(ACCOUNTS).splitlines(),
            "devices": run(DEVICES).splitlines(),
        }

    def process(self, unit: str) -> dict[str, Any]:
        """What the kernel says of a unit's main process."""
        run = self.server.guest.run
        pid = self.server.show(unit, "MainPID")
        return {
            "user": run(f"stat -c %U /proc/{pid}").strip(),
            "effective": re.findall(r"CapEff:\s*(\w+)", run(f"cat /proc/{pid}/status"))[0],
            "interfaces": re.findall(r"^ *(\S+):", run(f"cat /proc/{pid}/net/dev"), re.M),
            "devices": run(f"ls /proc/{pid}/root/dev").split(),
        }

    def talkers(self, seconds: float) -> list[tuple[int, str, str, bool]]:
        said = self.server.guest.run(f"python3 /mnt/share/inside/talkers.py {seconds}", deadline_s=WITHIN_S)
        return [tuple(json.loads(line)) for line in said.splitlines()]

    def outage(self) -> None:
        """The collector is killed, and stays away until sweeps have gathered in the spool."""
        self.server.scene.collector.program.kill()
        self.server.until(lambda: self.server.waiting_records() >= 8, "sweeps wait in the spool")

    def cut(self) -> None:
        self.cuts.append(self.server.keeper.cut(self.folder / f"cut-{len(self.cuts)}"))


@dataclass
class Started:
    life: Life
    took_s: float
    """From `systemctl enable --now` until temperatures and both disks are at the collector."""


@dataclass
class Steady:
    life: Life
    memory: dict[str, float]
    """MB, of systemd's accounting, by unit."""
    cpu: dict[str, float]
    """Percent of one (emulated) core."""
    slower: float
    """How much slower the emulated core is than this machine's."""
    talkers: list[tuple[int, str, str, bool]]
    agent_uid: int


@dataclass
class Intruded:
    life: Life
    said: dict[str, str]
    journal: str
    as_user: int
    uid: int


@dataclass
class Broken:
    life: Life
    cases: list[dict[str, Any]]


@dataclass
class Killed:
    life: Life
    pids: list[tuple[str, str]]
    restarts: int


@dataclass
class Rebooted:
    life: Life
    boots: set[str]
    memory: dict[str, float]
    """MB, after a start of the machine: what is read from its disk then is counted too."""


@dataclass
class Upgraded:
    life: Life
    versions: list[str]
    kept: list[str]
    """Hash of identity and configuration before and after."""
    pids: list[str]
    waited: list[int]
    sample: str
    agents: int


@dataclass
class Counted:
    life: Life
    verdict: Verdict
    stop: str


@dataclass
class Removed:
    life: Life
    after_removal: dict[str, list[str]]
    after_purge: dict[str, list[str]]
    left: dict[str, str]


def account(server: Server) -> tuple[float, dict[str, dict[str, int]]]:
    names = ("MemoryCurrent", "CPUUsageNSec")
    return time.monotonic(), {unit: {name: int(server.show(unit, name)) for name in names} for unit in (AGENT, HELPER)}


SETTLES_S = 150.0
"""Half a minute after its start the agent gives back what only the start needed; an emulated one is late."""


def memory_after_start(server: Server) -> dict[str, float]:
    """MB by unit, as soon as both are within the bar together, or at the end of the time for it."""
    until = time.monotonic() + SETTLES_S
    while True:
        memory = {unit: now["MemoryCurrent"] / 1e6 for unit, now in account(server)[1].items()}
        if sum(memory.values()) <= MEMORY_BAR_MB or time.monotonic() > until:
            return memory
        time.sleep(5.0)


def breakdown(server: Server) -> str:
    """What the kernel counts in each unit's memory, MB."""
    lines = []
    for unit in (AGENT, HELPER):
        stat = server.guest.run(f"cat /sys/fs/cgroup/system.slice/{unit}/memory.stat").splitlines()
        parts = dict(line.split() for line in stat)
        told = (f"{name} {int(parts[name]) / 1e6:.1f}" for name in ("anon", "file", "kernel", "file_mapped"))
        lines.append(f"{unit}: {', '.join(told)}")
    return "\n".join(lines)


LOOP = "import time; t=time.process_time(); n=0\nfor i in range(1000000): n+=i*i\nprint(time.process_time()-t)"


def loop_s(server: Server) -> float:
    """Processor time of a fixed piece of work in the guest."""
    return float(server.guest.run(f"python3 -c '{LOOP}'"))


def loop_here_s() -> float:
    """The same on this machine, at its best."""
    return min(float(subprocess.check_output(["/usr/bin/python3", "-c", LOOP], timeout=60)) for _ in range(5))
