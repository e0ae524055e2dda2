"""The chapters of the agent's life on a server. Each begins where the one before ended, and returns what was seen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean

import pytest

from tests.vm.account import as_json, count, stored_sweeps
from tests.vm.life import (
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
    account,
    breakdown,
    loop_here_s,
    loop_s,
    memory_after_start,
)
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
    STATE,
    WITHIN_S,
    Server,
    newer,
    package,
)

SETTLED_AFTER_S = 40.0
"""The first sweeps of everything are over, and memory of the start is given back."""
STEADY_S = 60.0
"""A period of everything that is read every minute, two of what is read twice as often."""
NVME_RELIABILITY_DEGRADED = 0x04
"""Bit of the critical warning (NVM Express 1.4, 5.14.1.2)."""


@pytest.fixture(scope="module")
def deb(root: Path) -> Path:
    return package(root / "dist")


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


@pytest.fixture(scope="module")
def steady(started: Started) -> Steady:
    """At the periods of the sample configuration, while nobody asks anything of the guest."""
    life, server = started.life, started.life.server
    talkers = life.talkers(5.0)
    time.sleep(SETTLED_AFTER_S)
    # A guest counts as used also what it waited for this machine's processor: so does what its slowness is told by.
    loops = [loop_s(server)]
    began, first = account(server)
    for _ in range(4):
        time.sleep(STEADY_S / 4)
        loops.append(loop_s(server))
    ended, last = account(server)
    factor = fmean(loops) / loop_here_s()
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


@pytest.fixture(scope="module")
def broken(intruded: Intruded) -> Broken:
    """The BMC's processor gets too hot; the NVMe disk warns."""
    life, server = intruded.life, intruded.life.server
    server.bmc.set_reading(CPU_TEMPERATURE.number, CRITICAL_RAW)
    server.guest.device("nvme0", "smart_critical_warning", NVME_RELIABILITY_DEGRADED)
    server.until(lambda: server.case_of("component", "cpu"), "the processor's case is open")
    server.until(lambda: server.case_of("serial", NVME), "the disk's case is open")
    return Broken(life, server.scene.cases())


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


@pytest.fixture(scope="module")
def rebooted(killed: Killed) -> Rebooted:
    """An orderly reboot; then the power goes while the collector is away and sweeps wait in the spool."""
    life, server = killed.life, killed.life.server
    boots = {server.guest.run("cat /proc/sys/kernel/random/boot_id")}
    server.guest.reboot()
    boots.add(server.guest.run("cat /proc/sys/kernel/random/boot_id"))
    server.until_streaming("after the reboot")
    memory = memory_after_start(server)
    print("after a start of the machine: " + ", ".join(f"{unit} {size:.1f} MB" for unit, size in memory.items()))
    print(breakdown(server))
    life.outage()
    life.cut()
    server.scene.start_collector()
    server.guest.start()
    boots.add(server.guest.run("cat /proc/sys/kernel/random/boot_id"))
    server.until_streaming("after the power cut")
    return Rebooted(life, boots, memory)


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


@pytest.fixture(scope="module")
def counted(upgraded: Upgraded) -> Counted:
    life, server = upgraded.life, upgraded.life.server
    server.until_caught_up()
    server.guest.run(f"systemctl stop {AGENT}", deadline_s=WITHIN_S)
    stop = f"{server.show(AGENT, 'ActiveState')} {server.show(AGENT, 'Result')}"
    kept, waiting = server.keeper.fetch(life.folder / "kept")
    server.scene.collector.program.stop()
    stored = stored_sweeps(server.scene.collector.directory / "data" / "telemetry")
    verdict = count(kept, waiting, stored, life.cuts)
    print(as_json(verdict))
    return Counted(life, verdict, stop)


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
