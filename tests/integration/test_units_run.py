"""Agent, helper and collector at work under what their units allow: the filter of system calls, no writable code, the
address families, the capabilities, a root that cannot be written, no devices, of /proc what ProcSubset= leaves.

The real units under a real systemd are test_helper_guest.py's and the guest tests' matter; this is the part that runs
everywhere, and the only one for the collector.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes.util
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AccessDenied, AgentError
from hardcase_agent.sensors.helper_client import HelperClient

from tests.integration.agent_process import AgentProcess
from tests.peers.collector import PROGRAM, STARTS_WITHIN_S, CollectorProcess, collector, wait_until
from tests.peers.postgres import postgres
from tests.peers.sandbox import allowed_calls, settings

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make name spaces of mounts"),
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the Debian package systemd"),
    pytest.mark.skipif(ctypes.util.find_library("seccomp") is None, reason="needs the Debian package libseccomp2"),
]
AGENT = "deploy/agent/hardcase-agent.service"
HELPER = "deploy/agent/hardcase-helper.service"
COLLECTOR = "deploy/collector/hardcase-collector.service"


def confined(root: Path, unit: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.peers.sandbox", str(root / unit), str(folder), "--"]


def start(made: CollectorProcess, root: Path) -> None:
    with (made.folder / "collector.log").open("ab") as log:
        begun = made.log.count('"ready"')
        made.process = subprocess.Popen(
            [
                *confined(root, COLLECTOR, made.folder),
                *(*PROGRAM, "--config", str(made.configuration), "serve"),
            ],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def ready() -> bool:
        assert made.process is not None
        assert made.process.poll() is None, made.log
        return made.log.count('"ready"') > begun

    wait_until(ready, within_s=3 * STARTS_WITHIN_S, what="the confined collector is ready")


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[CollectorProcess]:
    with contextlib.ExitStack() as stack:
        tables = "[disk]\nreserve_percent = 0.0\nreserve_mb = 1\n"
        if request.param == "postgresql":
            server = stack.enter_context(postgres())
            url = server.new_database("hardcase").replace("postgresql://", "postgresql+psycopg://")
            tables += f'[state]\nurl = "{url}"\n'
        made = stack.enter_context(collector(tmp_path, tables=tables))
        start(made, root)
        yield made


def handshake(port: int, ca: Path) -> str:
    context = ssl.create_default_context(cafile=ca)
    plain = socket.create_connection(("127.0.0.1", port), timeout=90)
    with plain, context.wrap_socket(plain, server_hostname="localhost") as wrapped:
        return wrapped.version() or ""


async def test_the_collector_takes_a_confined_agents_readings_and_keeps_them_over_a_restart(
    running: CollectorProcess, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "agent").mkdir()
    agent = AgentProcess(tmp_path / "agent", f"127.0.0.1:{running.ports['telemetry']}")
    wrap = confined(root, AGENT, agent.folder)
    token = running.ask("token", "make", "--uses", "1")["token"]
    place = f"127.0.0.1:{running.ports['enrolment']}"
    words = ("enroll", place, "--server-name", "localhost", "--fingerprint", f"sha256:{running.fingerprint}")
    # By an administrator, outside of the unit, whose user the sandbox does not imitate.
    joined = await asyncio.to_thread(
        subprocess.run,
        agent.arguments(*words),
        input=token,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert joined.returncode == 0, joined.stderr
    agent.configure("[spool]\nmax_mib = 64\n")
    with agent.log.open("ab") as log:
        agent.process = await asyncio.create_subprocess_exec(
            *wrap, *agent.arguments("run"), stdout=log, stderr=log, cwd=root
        )

    def known() -> bool:
        return any("DRILL" in json.dumps(one) for one in running.ask("assets", "list"))

    try:
        await asyncio.to_thread(wait_until, known, within_s=150, what="the asset is known")
        assert await agent.stop(within_s=90) == 0, agent.said()
    finally:
        await agent.kill()
    # Pages by Python's TLS, the enrolment port by gRPC's own.
    for port in ("web", "enrolment"):
        assert handshake(running.ports[port], running.folder / "data/pki/ca.crt") == "TLSv1.3"
    assert running.stop() == 0, running.log
    start(running, root)
    assert known()
    assert running.ask("status")["ready"] is True
    assert "Traceback" not in running.log


async def test_an_agent_reads_as_much_of_this_machine_confined_as_it_does_free(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(
        f'state_dir = "{tmp_path / "state"}"\nwithout = ["smart", "ipmi", "arrays", "kernel"]\n[helper]\nsocket = ""\n'
    )
    words = [sys.executable, "-m", "hardcase_agent", "--config", str(config), "probe", "--json"]

    async def readings(wrap: Sequence[str]) -> dict[str, list[str]]:
        process = await asyncio.create_subprocess_exec(*wrap, *words, stdout=asyncio.subprocess.PIPE, cwd=root)
        async with asyncio.timeout(120):
            out, _ = await process.communicate()
        return {one["source"]: [sensor["id"] for sensor in one.get("sensors", ())] for one in json.loads(out)}

    free = await readings(())
    assert sum(map(len, free.values())) > 0
    confined_ones = await readings(confined(root, AGENT, tmp_path))
    # File systems come and go with the mounts that each of them sees.
    for told in (free, confined_ones):
        assert told.pop("host.filesystems@local")
    assert confined_ones == free


PROBE = """
import json, os, socket

def tried(call):
    try:
        call()
    except OSError as error:
        return error.strerror
    return "done"

print(json.dumps({
    "bmc": tried(lambda: os.open("/dev/ipmi0", os.O_RDWR)),
    "kmsg": tried(lambda: os.open("/dev/kmsg", os.O_RDONLY)),
    "mem": tried(lambda: os.open("/dev/mem", os.O_RDWR)),
    "node": tried(lambda: os.mknod("node", 0o20600, 1 << 8)),
    "raw": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "packet": tried(lambda: socket.socket(socket.AF_PACKET)),
    "chroot": tried(lambda: os.chroot("/")),
    "root": tried(lambda: os.mkdir("/etc/hardcase-x")),
    "devices": sorted(os.listdir("/dev")),
}))
"""


@pytest.mark.parametrize("unit", [AGENT, COLLECTOR])
def test_what_talks_to_the_network_opens_no_device_and_gets_no_right(unit: str, root: Path, tmp_path: Path) -> None:
    command = [*confined(root, unit, tmp_path), sys.executable, "-c", PROBE]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=180, check=True)
    said = json.loads(done.stdout)
    assert said.pop("devices") == ["full", "null", "random", "shm", "tty", "urandom", "zero"]
    absent = "No such file or directory"
    assert (said.pop("bmc"), said.pop("kmsg"), said.pop("mem")) == (absent, absent, absent)
    assert said.pop("root") == "Read-only file system"
    # A node on a root that cannot be written is refused for that first.
    assert said.pop("node") in ("Operation not permitted", "Read-only file system")
    assert set(said.values()) == {"Operation not permitted"}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("smartctl-version", ()), ("smartctl-scan", ()), ("dmidecode", ("1",)), ("lspci", ()), ("kernel-log", ("0",))],
)
async def test_the_helpers_tools_run_under_its_filter(
    tool: str, arguments: tuple[str, ...], root: Path, tmp_path: Path
) -> None:
    free = await said_of(root, tmp_path, tool, arguments, ())
    if isinstance(free, AgentError):
        pytest.skip(f"this machine has none: {free}")
    bound = await said_of(root, tmp_path, tool, arguments, confined(root, HELPER, tmp_path))
    assert not isinstance(bound, AgentError), bound
    # The kernel may have logged meanwhile.
    assert bound == free or (tool == "kernel-log" and bound[0] == free[0] == 0)


async def said_of(
    root: Path, folder: Path, tool: str, arguments: Sequence[str], wrap: Sequence[str]
) -> tuple[int, bytes] | AgentError:
    path = folder / f"helper-{len(wrap)}.sock"
    command = [*wrap, sys.executable, "-I", "-m", "hardcase_agent.helper", "--socket", str(path)]
    with (folder / "helper.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=root)
    client = HelperClient(str(path))
    try:
        async with asyncio.timeout(180):
            while not answers(path):
                assert process.returncode is None, (folder / "helper.log").read_text()
                await asyncio.sleep(0.02)
        with pytest.raises(AccessDenied):
            await client.run("sh", (), deadline_s=60.0)
        result = await client.run(tool, arguments, deadline_s=90.0)
        return result.status, result.stdout
    except AgentError as error:
        return error
    finally:
        await client.close()
        process.terminate()
        await process.wait()


def answers(path: Path) -> bool:
    """A socket is there a moment before anybody listens on it."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@pytest.mark.parametrize("unit", [AGENT, HELPER, COLLECTOR])
def test_no_unit_may_make_what_only_an_administrator_makes(root: Path, unit: str) -> None:
    calls = allowed_calls(settings(root / unit)["SystemCallFilter"])
    never = {"mount", "umount2", "ptrace", "bpf", "kexec_load", "init_module", "reboot", "swapon", "settimeofday"}
    never |= {"setuid", "chroot", "pivot_root", "perf_event_open", "open_by_handle_at", "iopl"}
    assert calls & never == set()
    assert {"read", "openat", "socket", "futex", "execve"} <= calls
