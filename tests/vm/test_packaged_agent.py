"""The agent's life on a server, by its package: each chapter begins where the one before ended.

A chapter is a fixture that lives it and returns what was seen; the tests after it look at that. So one guest is enough,
and a test that is run alone lives through what comes before it. `make vm-test` shows the figures.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.peers.vm import image_missing
from tests.vm.account import Cut, Verdict, as_json, count, stored_sweeps
from tests.vm.server import (
    AGENT,
    CONFIGURATION,
    CPU_TEMPERATURE,
    CRITICAL_RAW,
    HELPER,
    NVME,
    PYTHON,
    QUICK,
    SATA,
    SENSORS,
    SOCKET,
    STATE,
    WITHIN_S,
    Server,
    newer,
    package,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.xdist_group("guest"),
    pytest.mark.skipif(bool(image_missing()), reason=image_missing() or "a guest is there"),
    pytest.mark.skipif(shutil.which("ipmi_sim") is None, reason="needs the Debian package openipmi"),
]

PACKAGE_BAR_MB, MEMORY_BAR_MB, CPU_BAR, SEEN_WITHIN_S = 15.0, 45.0, 0.3, 60.0
STEADY_S = 60.0
"""A period of everything that is read every minute, two of what is read twice as often."""
NVME_RELIABILITY_DEGRADED = 0x04
"""Bit of the critical warning (NVM Express 1.4, 5.14.1.2)."""
OFTEN = ("ipmi.analogue",)
# A boot makes these wherever it happens.
MADE_BY_BOOTING = re.compile(r"/var/lib/systemd/|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/var/tmp/|/root/\.")
FILES = (
    "find / -xdev \\( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /tmp -o -path /mnt "
    "-o -path /var/lib/ucf \\) -prune -o -print | sort; find /run -path '*hardcase*' -not -path '/run/log/*'"
)
ACCOUNTS = "cat /etc/passwd /etc/group /etc/shadow /etc/gshadow"
DEVICES = "stat -c '%n %U %G %a' /dev/ipmi0 /dev/nvme0 /dev/nvme0n1 /dev/sda"


@pytest.fixture(scope="module")
def deb(root: Path) -> Path:
    return package(root / "dist")


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
        now_ms = self.server.guest_ms()
        self.server.guest.cut()
        self.cuts.append(Cut(now_ms))


# Chapters


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, deb: Path) -> Iterator[Life]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("life")
        life = Life(Server(folder, stack), folder)
        life.before = life.seen()
        life.server.keeper.start()
        began = time.monotonic()
        life.server.install(deb)
        print(f"package {deb.stat().st_size / 1e6:.1f} MB, installed in {time.monotonic() - began:.0f} s (emulated)")
        life.server.allow_for_emulation()
        yield life


@dataclass
class Started:
    life: Life
    took_s: float
    """From `systemctl enable --now` until temperatures and both disks are at the collector."""


@pytest.fixture(scope="module")
def started(installed: Life) -> Started:
    server = installed.server
    server.enrol()
    began = time.monotonic()
    server.start()

    def there() -> bool:
        known = {reading["name"] for reading in server.scene.asset("guest").get("readings", ()) if reading["value"]}
        return {sensor.name for sensor in SENSORS[:2]} <= known and server.disks() == {NVME, SATA}

    server.until(there, "BMC and disks are at the collector")
    return Started(installed, time.monotonic() - began)


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


def account(server: Server) -> tuple[float, dict[str, dict[str, int]]]:
    names = ("MemoryCurrent", "CPUUsageNSec")
    return time.monotonic(), {unit: {name: int(server.show(unit, name)) for name in names} for unit in (AGENT, HELPER)}


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


def slower(server: Server) -> float:
    here = min(float(subprocess.check_output(["/usr/bin/python3", "-c", LOOP], timeout=60)) for _ in range(3))
    there = min(float(server.guest.run(f"python3 -c '{LOOP}'")) for _ in range(2))
    return there / here


@pytest.fixture(scope="module")
def steady(started: Started) -> Steady:
    """At the periods of the sample configuration, while nobody asks anything of the guest."""
    life, server = started.life, started.life.server
    factor = slower(server)
    began, first = account(server)
    talkers = life.talkers(5.0)
    time.sleep(STEADY_S)
    ended, last = account(server)
    made = Steady(
        life=life,
        memory={unit: now["MemoryCurrent"] / 1e6 for unit, now in last.items()},
        cpu={
            unit: (now["CPUUsageNSec"] - first[unit]["CPUUsageNSec"]) / (ended - began) / 1e7
            for unit, now in last.items()
        },
        slower=factor,
        talkers=talkers,
        agent_uid=int(server.guest.run("id -u hardcase-agent")),
    )
    for unit, megabytes in made.memory.items():
        print(f"{unit}: MemoryCurrent {megabytes:.1f} MB, CPU {made.cpu[unit]:.2f} % of an emulated core")
    print(breakdown(server))
    print(f"an emulated core is {factor:.0f} times slower than this machine's; seen after {started.took_s:.0f} s")
    return made


@pytest.fixture(scope="module")
def quick(steady: Steady) -> Life:
    """The operator edits the sample configuration, and the agent takes it without a restart."""
    server = steady.life.server
    server.set(QUICK)
    server.reload()
    server.until_streaming("reloaded")
    return steady.life


@dataclass
class Intruded:
    life: Life
    said: dict[str, str]
    journal: str
    as_user: int
    uid: int


@pytest.fixture(scope="module")
def intruded(quick: Life) -> Intruded:
    """A process in the agent's place: its unit, with another command."""
    guest = quick.server.guest
    guest.run(
        "sed -e 's|^ExecStart=.*|ExecStart="
        f"{PYTHON} /mnt/share/inside/intruder.py|' -e 's/^Type=.*/Type=oneshot/' "
        "-e '/^Restart/d; /^Watchdog/d; /^CPUQuota/d; /^Timeout/d; /^ExecReload/d; /^RuntimeMax/d' "
        f"/usr/lib/systemd/system/{AGENT} > /run/systemd/system/intruder.service && systemctl daemon-reload"
    )
    status = guest.try_run("systemctl start intruder.service", deadline_s=WITHIN_S)
    told = guest.run("journalctl -u intruder.service -o cat --no-pager")
    line = next((line for line in told.splitlines() if line.startswith("{")), "")
    assert line, f"{status}\n{told}"
    as_user = guest.try_run("runuser -u hardcase-agent -- sh -c ': < /dev/ipmi0'").status
    guest.run("rm /run/systemd/system/intruder.service && systemctl daemon-reload")
    journal = guest.run(f"journalctl -u {HELPER} -o cat --no-pager")
    return Intruded(quick, json.loads(line), journal, as_user, int(guest.run("id -u hardcase-agent")))


@dataclass
class Broken:
    life: Life
    cases: list[dict[str, Any]]


@pytest.fixture(scope="module")
def broken(intruded: Intruded) -> Broken:
    """The BMC's processor gets too hot; the NVMe disk warns."""
    life, server = intruded.life, intruded.life.server
    server.bmc.set_reading(CPU_TEMPERATURE.number, CRITICAL_RAW)
    server.guest.device("nvme0", "smart_critical_warning", NVME_RELIABILITY_DEGRADED)
    server.until(lambda: server.case_of("component", "cpu"), "the processor's case is open")
    server.until(lambda: server.case_of("serial", NVME), "the disk's case is open")
    return Broken(life, server.scene.cases())


@dataclass
class Killed:
    life: Life
    pids: list[tuple[str, str]]
    restarts: int


@pytest.fixture(scope="module")
def killed(broken: Broken) -> Killed:
    """kill -9 of the agent, then of the helper; then the collector is away for a while."""
    life, server = broken.life, broken.life.server
    pids = []
    for unit in (AGENT, HELPER):
        before = server.show(unit, "MainPID")
        server.guest.run(f"kill -9 {before}")
        server.until(lambda: server.show(AGENT, "MainPID") != "0" and server.active(), "the agent runs")
        server.until_streaming(f"after kill -9 of {unit}")
        pids.append((before, server.show(unit, "MainPID")))
    life.outage()
    server.scene.start_collector()
    server.until_streaming("after the collector was away")
    return Killed(life, pids, int(server.show(AGENT, "NRestarts")))


@dataclass
class Rebooted:
    life: Life
    boots: set[str]
    memory: dict[str, float]
    """MB, after a start of the machine: what is read from its disk then is counted too."""


@pytest.fixture(scope="module")
def rebooted(killed: Killed) -> Rebooted:
    """An orderly reboot; then the power goes while the collector is away and sweeps wait in the spool."""
    life, server = killed.life, killed.life.server
    boots = {server.guest.run("cat /proc/sys/kernel/random/boot_id")}
    server.guest.reboot()
    boots.add(server.guest.run("cat /proc/sys/kernel/random/boot_id"))
    server.until_streaming("after the reboot")
    memory = {unit: now["MemoryCurrent"] / 1e6 for unit, now in account(server)[1].items()}
    print("after a start of the machine: " + ", ".join(f"{unit} {size:.1f} MB" for unit, size in memory.items()))
    print(breakdown(server))
    life.outage()
    life.cut()
    server.scene.start_collector()
    server.guest.start()
    boots.add(server.guest.run("cat /proc/sys/kernel/random/boot_id"))
    server.until_streaming("after the power cut")
    return Rebooted(life, boots, memory)


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


@pytest.fixture(scope="module")
def upgraded(rebooted: Rebooted, deb: Path) -> Upgraded:
    """dpkg -i of a newer package over a configuration edited by hand, while sweeps wait in the spool."""
    life, server = rebooted.life, rebooted.life.server
    version = "dpkg-query -W -f '${Version}' hardcase-agent"
    kept = f"sha256sum {STATE}/identity.json {CONFIGURATION}"
    fresh = newer(deb, life.folder)
    life.outage()
    versions, sums, pids = [server.guest.run(version)], [server.guest.run(kept)], [server.show(AGENT, "MainPID")]
    waited = [server.waiting_records()]
    server.install(fresh)
    server.until(server.active, "the upgraded agent runs")
    versions.append(server.guest.run(version))
    sums.append(server.guest.run(kept))
    pids.append(server.show(AGENT, "MainPID"))
    server.until(lambda: server.waiting_records() >= waited[0], "what waited still waits")
    waited.append(server.waiting_records())
    server.scene.start_collector()
    server.until_streaming("after the upgrade")
    sample = server.guest.run(f"cat {CONFIGURATION}.dpkg-dist")
    return Upgraded(life, versions, sums, pids, waited, sample, len(server.scene.ask("agents")["agents"]))


@dataclass
class Counted:
    life: Life
    verdict: Verdict
    stop: str


@pytest.fixture(scope="module")
def counted(upgraded: Upgraded) -> Counted:
    life, server = upgraded.life, upgraded.life.server
    server.until_caught_up()
    server.guest.run(f"systemctl stop {AGENT}", deadline_s=WITHIN_S)
    stop = f"{server.show(AGENT, 'ActiveState')} {server.show(AGENT, 'Result')}"
    kept, waiting = server.keeper.fetch(life.folder / "kept")
    server.scene.collector.program.stop()
    stored = stored_sweeps(server.scene.collector.directory / "data" / "telemetry")
    verdict = count(kept, waiting, stored, life.cuts, often=OFTEN)
    print(as_json(verdict))
    return Counted(life, verdict, stop)


@dataclass
class Removed:
    life: Life
    after_removal: dict[str, list[str]]
    after_purge: dict[str, list[str]]
    left: dict[str, str]


@pytest.fixture(scope="module")
def removed(counted: Counted) -> Removed:
    life, guest = counted.life, counted.life.server.guest
    guest.run(f"systemctl start {AGENT}", deadline_s=WITHIN_S)
    life.server.keeper.remove()
    uids = guest.run("id -u hardcase-agent; id -u hardcase-helper").split()
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg -r hardcase-agent", deadline_s=WITHIN_S)
    after_removal = life.seen()
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg -P hardcase-agent", deadline_s=WITHIN_S)
    left = {
        "processes": guest.try_run(f"ps -o pid=,args= -u {','.join(uids)}").out,
        "units": guest.try_run("systemctl list-units --all --no-legend 'hardcase*' | grep -v not-found").out,
        "unit files": guest.try_run("systemctl list-unit-files --no-legend 'hardcase*'").out,
        "sockets": guest.try_run("grep hardcase /proc/net/unix").out,
        "rules": guest.try_run(
            "grep -rl hardcase --exclude='*-' /etc /usr/lib/udev /usr/lib/sysusers.d /usr/lib/tmpfiles.d"
        ).out,
        "files of its users": guest.run(f"find / -xdev \\( -uid {uids[0]} -o -uid {uids[1]} \\) -print"),
        "package": guest.try_run("dpkg-query -W hardcase-agent").out,
    }
    return Removed(life, after_removal, life.seen(), left)


# What is to be so


def test_the_package_is_small(deb: Path) -> None:
    assert deb.stat().st_size / 1e6 <= PACKAGE_BAR_MB


def test_nothing_runs_before_the_machine_is_enrolled(installed: Life) -> None:
    # A later chapter has started it when this is run again.
    started = installed.server.show(AGENT, "ExecMainStartTimestampMonotonic")
    enrolled = installed.server.guest.try_run(f"test -e {STATE}/identity.json").status == 0
    assert started == "0" or enrolled


def test_bmc_and_disks_are_seen_within_a_minute(started: Started) -> None:
    assert started.took_s <= SEEN_WITHIN_S


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
    assert sum(steady.cpu.values()) / steady.slower <= CPU_BAR


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
    assert sum(rebooted.memory.values()) <= MEMORY_BAR_MB


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
