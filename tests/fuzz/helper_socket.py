"""Damaged frames against the helper's real server, in this process and as a process of its own.

What must hold: it answers whatever it answers by the protocol, without a traceback; a good request between bad ones is
served; no process starts and no IPMI command goes out that is not written down here, a second time and by hand; no
descriptor and no process stays behind.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from hardcase_agent.domain.errors import AgentError, DeviceHung, MalformedAnswer
from hardcase_agent.helper import ipmi, table, tool_runs, wire
from hardcase_agent.helper.array_tools import TOOLS
from hardcase_agent.helper.bays import Bays
from hardcase_agent.helper.journal import Journal
from hardcase_agent.helper.server import Server
from hardcase_agent.helper.switches import SWITCHES
from hardcase_agent.helper.table import Command, Table

from tests.fuzz.helper_frames import frame
from tests.fuzz.running import Failure
from tests.peers.helper_process import HelperProcess

READING = {
    *{(0x00, 0x01), (0x06, 0x01), (0x06, 0x08), (0x06, 0x37)},
    *{(0x04, command) for command in (0x20, 0x21, 0x22, 0x23, 0x25, 0x27, 0x29, 0x2B, 0x2D)},
    *{(0x0A, command) for command in (0x10, 0x11, 0x20, 0x22, 0x23, 0x40, 0x42, 0x43, 0x48)},
}
_DISK = r"/dev/(sd[a-z]{1,3}|hd[a-z]|sg\d{1,4}|nvme\d{1,4}(n\d{1,4})?|bus/\d{1,3}|cciss/c\dd\d{1,2}|tw[ael]\d{1,2})"
_KIND = r"[a-z0-9]+([,+/][a-z0-9]+){0,4}"
_READS = (
    r"--version",
    r"--json=c -n standby,3 --scan(-open)?",
    rf"--json=c -n standby,3 -a -l devstat,4 -d {_KIND} {_DISK}",
    r"(-t \d{1,2}( -t \d{1,2})*)?",
    r"-D -nn -vv -k",
    r"/call(/eall)?(/sall)? show (all|rebuild) J nolog",
    r"(-PDList|-LdPdInfo|-EncInfo|-AdpBbuCmd -GetBbuStatus) -aALL -NoLog",
    r"ctrl all show config detail",
    r"LIST( nologs)?|GETCONFIG \d{1,2} AL nologs|\d{1,2} DISPLAY",
    r"status -P|list",
)
_TESTS = rf"--json=co -n standby,3 (-t short|-t long|-X) -d {_KIND} {_DISK}"
READ_LINE = re.compile("|".join(f"({one})" for one in _READS), re.ASCII)
_LAMPS = rf"--listed-only locate(_off)?={_DISK}"
SWITCHED_LINE = re.compile(f"({_TESTS})|({_LAMPS})", re.ASCII)
NAMES = ("smartctl", "dmidecode", "lspci", "ledctl", *TOOLS)
LOOKED_AFTER = 250
"""Cases between two looks at whether a good request is served."""
ANSWERED_WITHIN_S = 20.0


class Broken(Exception):
    """What must not have happened."""


class WatchedDevice:
    """In the place of /dev/ipmi0: remembers what reached it, and answers at once, late, or never."""

    def __init__(self, *, switched: bool, chance: random.Random) -> None:
        self.fd = -1
        self._switched = switched
        self._chance = chance
        self._flying: list[ipmi.Request] = []

    def submit(self, request: ipmi.Request, now: float) -> None:
        self._check(request)
        if self._chance.random() < 0.05:
            self._flying.append(request)
        else:
            request.answer(b"\x00" + self._chance.randbytes(self._chance.randint(0, 30)))

    def tick(self, now: float) -> None:
        flying, self._flying = self._flying, []
        for request in flying:
            request.answer(DeviceHung("no answer by the deadline"))

    def next_deadline(self) -> float | None:
        return None

    def on_readable(self, now: float) -> None: ...

    def close(self) -> None: ...

    def _check(self, one: ipmi.Request) -> None:
        told = f"NetFn {one.netfn:02x} LUN {one.lun} command {one.command:02x} data {one.data.hex()} to {one.behind}"
        if one.behind is not None:
            allowed = (one.netfn, one.command) == (0x04, 0x2D) and one.behind[0] < 8 and one.behind[1] != 0x20
        elif (one.netfn, one.command) == (0x00, 0x04):
            allowed = self._switched and len(one.data) <= 2 and one.data[1:] in (b"", b"\0")
        elif (one.netfn, one.command) == (0x0A, 0x47):
            allowed = self._switched and len(one.data) == 6 and one.data[2:] in (b"CLR\xaa", b"CLR\0")
        else:
            allowed = (one.netfn, one.command) in READING
        if not allowed or (one.lun and one.netfn != 0x04) or one.lun > 3:
            raise Broken(f"reached the BMC: {told}")


class WatchedRun:
    """In the place of `process.Run`: no process, but a look at what would have been started."""

    switched = False

    def __init__(self, command: Command) -> None:
        check_line(command.argv[1:], switched=self.switched)
        if command.argv[0] != "/bin/true":
            raise Broken(f"would start {command.argv}")
        self.pipes: dict[int, bytearray] = {}
        self.stdout, self.stderr = bytearray(b"said"), bytearray()
        self.flooded, self.status, self.pid = False, 0, 1

    def settle(self) -> bool:
        return True

    def abandon(self) -> None: ...

    def gone(self) -> bool:
        return True


def check_line(words: Sequence[str], *, switched: bool) -> None:
    line = " ".join(words)
    if not (READ_LINE.fullmatch(line) or (switched and SWITCHED_LINE.fullmatch(line))):
        raise Broken(f"would run with {list(words)}")


class _SwitchedRun(WatchedRun):
    switched = True


_EVERY_DISK_IS_THERE = SimpleNamespace(access=os.access, X_OK=os.X_OK, stat=lambda path: os.stat(os.devnull))
"""`os` for the table: so that what is asked of a disk is not refused for the machine's having none."""


def sysfs(folder: Path) -> Path:
    """One enclosure, one bay, and files beside it that nobody may touch."""
    bay = folder / "class/enclosure/0:0:8:0/Slot 01"
    bay.mkdir(parents=True)
    for name in ("locate", "fault", "power_status"):
        (bay / name).write_text("0")
    return folder


def run(cases: range, *, seed: int) -> list[Failure]:
    """In this process; half of the cases with every switch on."""
    half = cases.start + len(cases) // 2
    off = run_server(range(cases.start, half), seed, switched=False)
    return off + run_server(range(half, cases.stop), seed, switched=True)


def run_server(cases: range, seed: int, *, switched: bool, on: Set[str] | None = None) -> list[Failure]:
    """`on`: what the helper is given in truth, where that is not what it is held to (to try the fuzzing itself)."""
    before = set(os.listdir("/proc/self/fd"))
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        place = Path(folder)
        listener.bind(str(place / "helper.sock"))
        listener.listen(8)
        on = on if on is not None else frozenset(SWITCHES if switched else ())
        server = Server(
            listener,
            uids=frozenset({os.geteuid()}),
            table=Table(tools=dict.fromkeys(NAMES, "/bin/true"), on=on),
            device=WatchedDevice(switched=switched, chance=random.Random(seed)),  # type: ignore[arg-type]  # stands for it
            on=on,
            bays=Bays(sysfs=str(sysfs(place / "sys"))),
            journal=Journal(clock=time.monotonic, write=lambda line: _expect_line(line)),
        )
        run = _SwitchedRun if switched else WatchedRun
        with mock.patch.object(tool_runs, "Run", run), mock.patch.object(table, "os", _EVERY_DISK_IS_THERE):
            failures = _feed(server, place / "helper.sock", cases, seed)
        server.close()
        untouched = {path.read_text() for path in place.rglob("fault")} | {
            path.read_text() for path in place.rglob("power_status")
        }
        if untouched != {"0"}:
            failures.append(Failure("helper", "sysfs", cases.start, "a file beside the lamp was written"))
    if left := set(os.listdir("/proc/self/fd")) - before:
        failures.append(Failure("helper", "descriptors", cases.start, f"stayed open: {sorted(left)}"))
    return failures


def _feed(server: Server, path: Path, cases: range, seed: int) -> list[Failure]:
    failures: list[Failure] = []
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(Client(path))
        for number in cases:
            chance = random.Random(f"{seed}:{number}")
            try:
                client.send(frame(chance, number + 1))
                for _ in range(4):
                    server.turn(0.0)
                client.read()
                if number % LOOKED_AFTER == 0:
                    _expect_service(server, path)
            except Exception as error:
                failures.append(Failure("helper", "socket", number, f"{type(error).__name__}: {error}"))
            if client.ended or chance.random() < 0.02:
                client.__exit__()
                client = stack.enter_context(Client(path))
    return failures


class Client:
    """One connection, which checks what comes back."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.connect(str(path))
        self._sock.setblocking(False)
        self._received = b""
        self.ended = False
        self.answered: list[int] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def send(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            self._sock.send(data)

    def read(self) -> None:
        """Raises Broken for what is no answer of the protocol."""
        try:
            while chunk := self._sock.recv(1 << 20):
                self._received += chunk
            self.ended = True
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.ended = True
        while len(self._received) >= wire.HEADER.size:
            length, kind, request = wire.check_header(self._received[: wire.HEADER.size], wire.REPLY_LIMIT)
            if len(self._received) < wire.HEADER.size + length:
                return
            payload = self._received[wire.HEADER.size : wire.HEADER.size + length]
            self._received = self._received[wire.HEADER.size + length :]
            _expect_answer(kind, payload)
            self.answered.append(request)
        if self.ended:
            self._sock.close()


def _expect_answer(kind: int, payload: bytes) -> None:
    if not kind & wire.REPLY:
        raise Broken(f"an answer of kind {kind}")
    try:
        wire.outcome_of(payload)
    except MalformedAnswer as error:
        if "without a known outcome" in str(error):
            raise Broken(str(error)) from error
        _expect_line(str(error))
    except AgentError as error:
        _expect_line(str(error))


def _expect_line(line: str) -> None:
    if "Traceback" in line or 'File "' in line or len(line) > 2000:
        raise Broken(f"said {line[:200]!r}")


def _expect_service(server: Server, path: Path) -> None:
    """A good request on a connection of its own, and its good answer."""
    with Client(path) as fresh:
        fresh.send(wire.pack(wire.TOOL, 7, wire.pack_tool(60_000, "lspci", ())))
        ends = time.monotonic() + ANSWERED_WITHIN_S
        while fresh.answered != [7]:
            server.turn(0.01)
            fresh.read()
            if fresh.ended or time.monotonic() > ends:
                raise Broken(f"a good request was not served: {fresh.answered}, ended {fresh.ended}")
    server.turn(0.0)


TOOL = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>{calls}\n"


def run_process(cases: range, *, seed: int) -> list[Failure]:
    """Against the helper as it is started, with tools that only write down how they were called."""
    failures: list[Failure] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        calls = place / "calls"
        tool = place / "tool"
        tool.write_text(TOOL.format(calls=calls))
        tool.chmod(0o755)
        words = [f"--tool={name}={tool}" for name in NAMES]
        words += ["--allow-self-test", "--allow-identify", "--sysfs", str(sysfs(place / "sys"))]
        with HelperProcess(place, *words, "--ipmi-device", str(place / "ipmi0")) as helper:
            idle = _descriptors(helper.pid) + 1  # the kernel's log, once it was asked for, is kept open
            failures += list(_feed_process(helper, cases, seed))
            failures += _look_at_what_is_left(helper, idle, calls, cases.start)
    return failures


def _feed_process(helper: HelperProcess, cases: range, seed: int) -> Iterator[Failure]:
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(Client(helper.socket))
        for number in cases:
            chance = random.Random(f"{seed}:process:{number}")
            try:
                client.send(frame(chance, number + 1))
                client.read()
            except Exception as error:
                yield Failure("helper process", "socket", number, f"{type(error).__name__}: {error}")
            if client.ended or chance.random() < 0.05:
                client.__exit__()
                client = stack.enter_context(Client(helper.socket))


def _look_at_what_is_left(helper: HelperProcess, idle: int, calls: Path, number: int) -> list[Failure]:
    def failure(what: str) -> Failure:
        return Failure("helper process", "afterwards", number, what)

    left = _wait_for_rest(helper.pid, idle)
    failures = []
    if helper.process is None or helper.process.poll() is not None:
        return [failure(f"it ended: {helper.log[-500:]}")]
    if left:
        failures.append(failure(left))
    if "Traceback" in helper.log:
        failures.append(failure(helper.log[-500:]))
    for line in calls.read_text().splitlines() if calls.exists() else ():
        try:
            check_line(line.split(" ") if line else [], switched=True)
        except Broken as error:
            failures.append(failure(str(error)))
    return failures


def _wait_for_rest(pid: int, idle: int) -> str:
    """What is left when it should be at rest, "" = nothing. At rest is what stays so: a tool may follow a tool."""
    ends = time.monotonic() + ANSWERED_WITHIN_S
    still = 0
    while time.monotonic() < ends:
        descriptors, children = _descriptors(pid), _children(pid)
        still = still + 1 if descriptors <= idle and not children else 0
        if still == 5:
            return ""
        time.sleep(0.02)
    return f"{descriptors} descriptors, {idle} before; processes {children or 'none'}"


def _descriptors(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def _children(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()
    except OSError:
        return ""
