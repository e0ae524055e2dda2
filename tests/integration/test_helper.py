"""The real helper process: who may talk to it, what it withstands, how it starts and stops, what it weighs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hardcase_agent import helper as helper_package
from hardcase_agent.domain.errors import (
    AccessDenied,
    DeviceAbsent,
    DeviceBusy,
    DeviceFailed,
    DeviceHung,
    MalformedAnswer,
)
from hardcase_agent.domain.ports import Controller, IpmiRequest
from hardcase_agent.helper import wire
from hardcase_agent.helper.journal import BURST
from hardcase_agent.helper.server import CONNECTIONS
from hardcase_agent.sensors.helper_client import HelperClient

from tests.contracts.command_runner import until
from tests.peers.fake_smartctl import FakeSmartctl
from tests.peers.helper_process import HelperProcess

NOBODY = 65534
RSS_LIMIT_KB = 14 * 1024


@pytest.fixture
def fake(tmp_path: Path) -> FakeSmartctl:
    return FakeSmartctl(tmp_path)


def options(fake: FakeSmartctl) -> list[str]:
    return [f"--tool={name}={path}" for name, path in fake.tools.items()] + ["--device-root", str(fake.devices)]


@pytest.fixture
def helper(fake: FakeSmartctl, tmp_path: Path) -> Iterator[HelperProcess]:
    with HelperProcess(tmp_path, *options(fake), "--ipmi-device", str(tmp_path / "ipmi0")) as process:
        yield process


@pytest.fixture
async def client(helper: HelperProcess) -> AsyncIterator[HelperClient]:
    made = HelperClient(str(helper.socket))
    yield made
    await made.close()


def raw(helper: HelperProcess) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(60)
    sock.connect(str(helper.socket))
    return sock


def read_reply(sock: socket.socket) -> tuple[int, bytes]:
    header = read_exactly(sock, wire.HEADER.size)
    length, _, request = wire.check_header(header, wire.REPLY_LIMIT)
    return request, read_exactly(sock, length)


def read_exactly(sock: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        chunk = sock.recv(length - len(data))
        assert chunk, "the helper hung up"
        data += chunk
    return data


async def test_an_allowed_ipmi_command_reaches_for_the_device(client: HelperClient) -> None:
    with pytest.raises(DeviceAbsent, match="ipmi_devintf"):
        await client.ipmi().request(0x06, 0x01, b"", deadline_s=60.0)


CLEAR_SEL = IpmiRequest(0x0A, 0x47, b"\x01\x00CLR\xaa")
FORBIDDEN = {
    "Chassis Control": IpmiRequest(0x00, 0x02, b"\x00"),
    "Set User Password": IpmiRequest(0x06, 0x47, b"\x02\x02" + b"secret".ljust(16, b"\0")),
    "Clear SEL": CLEAR_SEL,
}


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_what_would_change_the_machine_is_refused_whichever_way_it_comes_and_logged_with_who_asked(
    name: str, client: HelperClient, helper: HelperProcess
) -> None:
    request = FORBIDDEN[name]
    ipmi = client.ipmi()
    for _ in range(5):
        with pytest.raises(AccessDenied, match=name):
            await ipmi.request(request.netfn, request.command, request.data, deadline_s=60.0)
    with pytest.raises(AccessDenied, match="0x2c"):
        await ipmi.request_behind(Controller(0, 0x2C), request, deadline_s=60.0)
    # Hidden between harmless ones: none of the batch is begun, or the absent device would be the answer.
    many = await ipmi.request_many([IpmiRequest(0x06, 0x01), request, IpmiRequest(0x06, 0x01)], deadline_s=60.0)
    assert (many.answers, type(many.error)) == ((), AccessDenied)
    lines = [line for line in helper.log.splitlines() if name in line]
    numbers = f"NetFn 0x{request.netfn:02x} LUN 0 command 0x{request.command:02x}"
    assert all(line.startswith(f"refused: uid {os.geteuid()}, pid {os.getpid()}: IPMI {name}") for line in lines)
    assert all(numbers in line for line in lines)
    assert len(lines) == 2, "one line for what the BMC was to do, and one for the controller behind it"


async def test_a_flood_of_refusals_does_not_flood_the_journal(client: HelperClient, helper: HelperProcess) -> None:
    for command in range(0x80, 0x100):
        with pytest.raises(AccessDenied):
            await client.ipmi().request(0x2E, command, b"", deadline_s=60.0)
    assert len(helper.log.splitlines()) <= BURST + 5


async def test_a_line_of_the_journal_is_one_line_whatever_the_client_said(
    client: HelperClient, helper: HelperProcess
) -> None:
    with pytest.raises(AccessDenied):
        await client.run("x\nrefused: uid 0, pid 1: forged\x1b[2J", (), deadline_s=60.0)
    assert len(helper.log.splitlines()) == 1
    assert "\x1b" not in helper.log


async def test_a_refused_tool_is_logged_once(client: HelperClient, helper: HelperProcess) -> None:
    for _ in range(5):
        with pytest.raises(AccessDenied):
            await client.run("sh", ("-c", "id"), deadline_s=60.0)
    assert helper.log.count("'sh' is not in the table") == 1


@pytest.mark.parametrize(
    ("switch", "request_"),
    [("identify", IpmiRequest(0x00, 0x04, b"\x0f")), ("sel-clear", CLEAR_SEL)],
)
async def test_a_switch_of_the_command_line_lets_its_own_command_reach_for_the_device(
    switch: str, request_: IpmiRequest, client: HelperClient, tmp_path: Path
) -> None:
    with pytest.raises(AccessDenied, match=f"--allow-{switch}"):
        await client.ipmi().request(request_.netfn, request_.command, request_.data, deadline_s=60.0)
    (tmp_path / "other").mkdir()
    with HelperProcess(tmp_path / "other", f"--allow-{switch}", f"--ipmi-device={tmp_path}/ipmi0") as process:
        allowed = HelperClient(str(process.socket))
        with pytest.raises(DeviceAbsent):
            await allowed.ipmi().request(request_.netfn, request_.command, request_.data, deadline_s=60.0)
        await allowed.close()


async def test_self_tests_and_lamps_are_off_until_the_command_line_turns_them_on(
    client: HelperClient, helper: HelperProcess, fake: FakeSmartctl
) -> None:
    with pytest.raises(AccessDenied, match="--allow-self-test"):
        await client.run("smartctl-selftest", (fake.disk("sda", "x"), "sat", "short"), deadline_s=60.0)
    with pytest.raises(AccessDenied, match="--allow-identify"):
        await client.run("identify-bay", ("/dev/sda", "60"), deadline_s=60.0)
    assert fake.calls() == []
    assert helper.log.count("refused: ") == 2


async def test_a_self_test_is_started_where_it_is_allowed(fake: FakeSmartctl, tmp_path: Path) -> None:
    with HelperProcess(tmp_path, *options(fake), "--allow-self-test") as process:
        client = HelperClient(str(process.socket))
        for test in ("short", "long", "abort"):
            await client.run("smartctl-selftest", (fake.disk("sda", "{}"), "sat", test), deadline_s=60.0)
        await client.close()
    assert [call[3:-3] for call in fake.calls()] == [["-t", "short"], ["-t", "long"], ["-X"]]


@pytest.mark.parametrize(
    "frame",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        wire.HEADER.pack(4, 99, wire.TOOL, 1) + b"abcd",
        wire.HEADER.pack(0xFFFFFFFF, wire.VERSION, wire.TOOL, 1),
    ],
    ids=["not a frame", "another version", "too long"],
)
async def test_a_frame_that_cannot_be_is_answered_and_only_that_connection_ends(
    frame: bytes, helper: HelperProcess, client: HelperClient, fake: FakeSmartctl
) -> None:
    with raw(helper) as sock:
        sock.sendall(frame)
        request, payload = read_reply(sock)
        assert request == 0
        with pytest.raises(MalformedAnswer):
            wire.outcome_of(payload)
        assert sock.recv(1) == b""
    result = await client.run("smartctl-report", (fake.disk("sda", "well"),), deadline_s=60.0)
    assert result.stdout == b"well"


SEND_MESSAGE = bytes.fromhex("40 2c 10 c4 20 04 2d 01 ae")
"""Send Message's data: channel 0 with tracking, Get Sensor Reading of sensor 1 for 2Ch."""


@pytest.mark.parametrize(
    ("kind", "payload", "error"),
    [
        (wire.TOOL, b"", MalformedAnswer),
        (wire.TOOL, b"\0\0\0\0\xff\xfe", MalformedAnswer),
        (wire.IPMI, b"\x01", MalformedAnswer),
        (wire.IPMI, wire.IPMI_HEAD.pack(1000, 0x06, 4, 0x01), AccessDenied),
        (wire.IPMI, wire.IPMI_HEAD.pack(1000, 0x06, 0, 0x01) + b"x" * 300, AccessDenied),
        (wire.IPMI, wire.IPMI_HEAD.pack(1000, 0x06, 0, 0x34) + SEND_MESSAGE, AccessDenied),
        (wire.IPMI_BEHIND, b"\x01\x02", MalformedAnswer),
        (wire.IPMI_BEHIND, wire.BEHIND_HEAD.pack(1000, 0, 0x2C, 0x06, 0, 0x34) + SEND_MESSAGE, AccessDenied),
        (wire.IPMI_BEHIND, wire.BEHIND_HEAD.pack(1000, 0, 0x2C, 0x06, 0, 0x02), AccessDenied),
        (wire.IPMI_BEHIND, wire.BEHIND_HEAD.pack(1000, 0, 0x20, 0x04, 0, 0x2D) + b"\x01", AccessDenied),
        (wire.IPMI_BEHIND, wire.BEHIND_HEAD.pack(1000, 15, 0x2C, 0x04, 0, 0x2D) + b"\x01", AccessDenied),
        (wire.IPMI_BEHIND, wire.BEHIND_HEAD.pack(1000, 0, 0x2C, 0x04, 0, 0x2D) + b"x" * 26, AccessDenied),
        (77, b"", AccessDenied),
    ],
)
def test_a_request_that_cannot_be_is_answered_and_the_connection_goes_on(
    kind: int, payload: bytes, error: type[Exception], helper: HelperProcess
) -> None:
    with raw(helper) as sock:
        for request in (5, 6):
            sock.sendall(wire.pack(kind, request, payload))
            answered, body = read_reply(sock)
            assert answered == request
            with pytest.raises(error):
                wire.outcome_of(body)


def test_a_request_in_pieces_and_two_in_one_piece_are_understood(helper: HelperProcess, fake: FakeSmartctl) -> None:
    disk = fake.disk("sda", "said")
    frame = wire.pack(wire.TOOL, 7, wire.pack_tool(60_000, "smartctl-report", (disk,)))
    other = wire.pack(wire.TOOL, 8, wire.pack_tool(60_000, "sh", ()))
    with raw(helper) as sock:
        for index in range(len(frame)):
            sock.sendall(frame[index : index + 1])
        answers = dict([read_reply(sock)])
        sock.sendall(other + other)
        assert [read_reply(sock)[0], read_reply(sock)[0]] == [8, 8]
    assert b"said" in answers[7]


def test_connections_are_bounded_and_a_place_becomes_free(helper: HelperProcess) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(raw(helper)) for _ in range(CONNECTIONS)]
        for sock in held:  # each is accepted before the next
            sock.sendall(wire.pack(77, 1, b""))
            read_reply(sock)
        with raw(helper) as one_more, pytest.raises(DeviceBusy):
            wire.outcome_of(read_reply(one_more)[1])
        held[0].close()
        with raw(helper) as later:
            later.sendall(wire.pack(77, 9, b""))
            assert read_reply(later)[0] in (0, 9)


def test_requests_in_flight_are_bounded(helper: HelperProcess, fake: FakeSmartctl) -> None:
    disks = [fake.disk(f"sg{index}", behaviour="sleep") for index in range(80)]
    asked = [wire.pack_tool(10_000, "smartctl-report", (disk,)) for disk in disks]
    with raw(helper) as sock:
        # All at once: who waits for a place waits for half his time, and the four have all of theirs.
        sock.sendall(b"".join(wire.pack(wire.TOOL, number, one) for number, one in enumerate(asked, start=1)))
        outcomes = {}
        for _ in range(80):
            request, payload = read_reply(sock)
            outcomes[request] = wire.OUTCOMES[payload[0]]
    assert [outcomes[request] for request in range(1, 5)] == [DeviceHung] * 4
    assert {outcomes[request] for request in range(5, 81)} == {DeviceBusy}
    assert len(fake.calls()) == 4


async def test_a_client_that_leaves_does_not_disturb_others(
    helper: HelperProcess, client: HelperClient, fake: FakeSmartctl
) -> None:
    slow = fake.disk("sda", behaviour="sleep")
    with raw(helper) as sock:
        sock.sendall(wire.pack(wire.TOOL, 1, wire.pack_tool(1_500, "smartctl-report", (slow,))))
        await until(lambda: len(fake.calls()) == 1)
    result = await client.run("smartctl-report", (fake.disk("sdb", "well"),), deadline_s=60.0)
    assert result.stdout == b"well"
    await until(lambda: not fake.processes())


def say_as(uid: int, path: Path, frame: bytes) -> bytes:
    """What the helper answers to that user's frame."""
    answer, said = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(uid)
            os.setuid(uid)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(60)
                sock.connect(str(path))
                with contextlib.suppress(OSError):  # a refused peer may be hung up on before it has spoken
                    sock.sendall(frame)
                os.write(said, sock.recv(4096))
        finally:
            os._exit(0)
    os.close(said)
    os.waitpid(pid, 0)
    with os.fdopen(answer, "rb") as stream:
        return stream.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("allowed", [False, True])
def test_only_the_configured_user_and_its_own_are_let_in(allowed: bool, fake: FakeSmartctl, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(folder.stat().st_mode | 0o011)
    allow = ["--allow-user", str(NOBODY)] if allowed else []
    with HelperProcess(tmp_path, *options(fake), *allow) as process:
        if not allowed:
            process.socket.chmod(0o666)  # so that the peer check alone decides
        reply = say_as(NOBODY, process.socket, wire.pack(77, 3, b""))
        _, _, request = wire.check_header(reply[: wire.HEADER.size], wire.REPLY_LIMIT)
        assert request == (3 if allowed else 0)
        if not allowed:
            with pytest.raises(AccessDenied, match=f"uid {NOBODY}"):
                wire.outcome_of(reply[wire.HEADER.size :])
            assert f"refused: uid {NOBODY}, pid " in process.log


async def test_calls_in_flight_fail_by_name_when_the_helper_dies_and_the_next_finds_its_successor(
    fake: FakeSmartctl, tmp_path: Path
) -> None:
    slow = fake.disk("sda", behaviour="sleep")
    with HelperProcess(tmp_path, *options(fake)) as first:
        client = HelperClient(str(first.socket))
        call = asyncio.create_task(client.run("smartctl-report", (slow,), deadline_s=60.0))
        await until(lambda: len(fake.calls()) == 1)
        os.kill(first.pid, signal.SIGKILL)
        with pytest.raises(DeviceFailed, match="went away"):
            await call
    for pid in fake.processes():  # nobody was left to kill it
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with pytest.raises(DeviceFailed, match=r"hardcase-helper\.socket"):
        await client.run("smartctl-version", (), deadline_s=60.0)
    with HelperProcess(tmp_path, *options(fake)):
        result = await client.run("smartctl-report", (fake.disk("sdb", "again"),), deadline_s=60.0)
        assert result.stdout == b"again"
        await client.close()


async def test_stopping_the_helper_ends_what_it_runs_and_takes_its_socket_away(
    fake: FakeSmartctl, tmp_path: Path
) -> None:
    with HelperProcess(tmp_path, *options(fake)) as process:
        client = HelperClient(str(process.socket))
        call = asyncio.create_task(
            client.run("smartctl-report", (fake.disk("sda", behaviour="sleep"),), deadline_s=60.0)
        )
        await until(lambda: len(fake.calls()) == 1)
        os.kill(process.pid, signal.SIGTERM)
        with pytest.raises(DeviceFailed):
            await call
        assert process.process is not None
        assert process.process.wait(90) == 0
        assert not process.socket.exists()
    await until(lambda: not fake.processes())
    await client.close()


async def test_a_helper_that_does_not_answer_is_hung_at_the_deadline_of_the_caller(
    helper: HelperProcess, fake: FakeSmartctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hardcase_agent.sensors.helper_client.GRACE_S", 0.2)
    client = HelperClient(str(helper.socket))
    os.kill(helper.pid, signal.SIGSTOP)
    try:
        with pytest.raises(DeviceHung):
            await client.run("smartctl-report", (fake.disk("sda", "x"),), deadline_s=0.2)
    finally:
        os.kill(helper.pid, signal.SIGCONT)
        await client.close()


def test_it_takes_the_socket_that_systemd_hands_over(fake: FakeSmartctl, tmp_path: Path) -> None:
    path = tmp_path / "activated.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(4)
    starter = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
        "os.execv(sys.executable, [sys.executable, '-m', 'hardcase_agent.helper'])"
    )
    process = subprocess.Popen([sys.executable, "-c", starter, str(listener.fileno())], pass_fds=[listener.fileno()])
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(60)
            sock.connect(str(path))
            sock.sendall(wire.pack(77, 4, b""))
            assert read_reply(sock)[0] == 4
    finally:
        process.terminate()
        assert process.wait(90) == 0
        listener.close()


@pytest.mark.parametrize("words", [["--shell"], ["--socket"], ["--tool", "smartctl"], []])
def test_a_wrong_command_line_is_refused(words: list[str]) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "hardcase_agent.helper", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said.returncode != 0
    assert said.stderr.strip()


async def test_it_stays_small_after_hundreds_of_calls_and_a_flood(
    helper: HelperProcess, client: HelperClient, fake: FakeSmartctl
) -> None:
    disks = [fake.disk(f"sd{letter}", b"j" * 60_000) for letter in "abcdefghijkl"]
    for _ in range(4):
        await asyncio.gather(*(client.run("smartctl-report", (disk,), deadline_s=60.0) for disk in disks))
    for _ in range(300):
        with pytest.raises(DeviceAbsent):
            await client.ipmi().request(0x04, 0x2D, b"\x01", deadline_s=60.0)
    await client.run("smartctl-report", (fake.disk("sda", b"m" * (3 << 20)),), deadline_s=60.0)
    assert helper.memory_kb()["VmRSS"] <= RSS_LIMIT_KB


def modules_after(statement: str) -> set[str]:
    listing = f"import sys; {statement}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, timeout=120, check=True)
    return set(said.stdout.split())


def test_it_imports_nothing_beyond_the_standard_library_and_the_errors() -> None:
    # Without what an interpreter brings by itself: Debian's has a `sitecustomize`.
    modules = modules_after("import hardcase_agent.helper.__main__") - modules_after("pass")
    ours = {name for name in modules if name.startswith("hardcase")}
    assert ours <= {
        "hardcase_agent",
        "hardcase_agent.domain",
        "hardcase_agent.domain.errors",
        *(
            f"hardcase_agent.helper{part}"
            for part in ("", *(f".{path.stem}" for path in Path(helper_package.__file__ or "").parent.glob("*.py")))
        ),
    }
    roots = {name.partition(".")[0] for name in modules} - {"hardcase_agent", "__main__", "_distutils_hack"}
    assert {name for name in roots if name not in sys.stdlib_module_names and not name.startswith("_")} == set()
    assert not {"asyncio", "subprocess", "logging", "json", "dataclasses"} & modules


def test_ids_of_requests_are_echoed_whatever_they_are(helper: HelperProcess) -> None:
    with raw(helper) as sock:
        for request in (1, 0x7FFF_FFFF, 0xFFFF_FFFF):
            sock.sendall(wire.HEADER.pack(0, wire.VERSION, 77, request))
            assert read_reply(sock)[0] == request
    assert struct.calcsize("<IBBI") == wire.HEADER.size
