"""The helper's loop: one thread, one selector; checks who asks, what is asked, and answers by deadline.

Made by `__main__.py`. What may run is `table.py`'s matter, what may be sent to the BMC `ipmi.py`'s.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import sys
import time
from collections import deque

from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    DeviceBusy,
    DeviceHung,
    MalformedAnswer,
    OutputFlood,
)
from hardcase_agent.helper import ipmi, wire
from hardcase_agent.helper.memory import give_back
from hardcase_agent.helper.process import Run
from hardcase_agent.helper.table import Command, Table

CONNECTIONS = 8
REQUESTS = 64
"""In flight over all connections: a host with 60 disks asks for four at a time."""
RUNNING = 4
"""Tools at a time; those that were killed and have not let go are not counted."""
UNSENT_LIMIT = 16 << 20
"""Bytes waiting for a client that does not read; then it is disconnected."""
LOGGED_KINDS = 128
TRIM_S, TRIM_AGAIN_S = 30.0, 600.0
"""When pages of code that only start-up needed are given back: a third of this process's memory."""
_REAP_S = 0.02
_STUCK_S = 1.0
_WATCH = selectors.EVENT_READ


class Client:
    __slots__ = ("received", "sock", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = bytearray()
        self.unsent = bytearray()


class Job:
    """One tool request: waiting (run is None) or running. It waits for half its time at most: what is started is
    given a fair chance, and a disk is not called hung for the queue before it."""

    __slots__ = ("client", "command", "deadline", "request", "run", "start_by")

    def __init__(self, client: Client, request: int, command: Command, now: float, seconds: float) -> None:
        self.client = client
        self.request = request
        self.command = command
        self.start_by = now + seconds / 2
        self.deadline = now + seconds
        self.run: Run | None = None


class Server:
    def __init__(
        self, listener: socket.socket, *, uids: frozenset[int], table: Table, device: ipmi.LocalIpmi, identify: bool
    ) -> None:
        self._listener = listener
        self._uids = uids
        self._table = table
        self._identify = identify
        self._ipmi = device
        self._watched_ipmi = -1
        self._selector = selectors.DefaultSelector()
        self._clients: list[Client] = []
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._stuck: dict[str, Run] = {}
        self._asked_ipmi = 0
        self._logged: set[str] = set()
        listener.setblocking(False)
        self._selector.register(listener, _WATCH, None)

    def serve(self) -> None:
        """Until a signal's handler raises."""
        trim_at = time.monotonic() + TRIM_S
        try:
            while True:
                self.turn()
                if time.monotonic() >= trim_at:
                    # At whatever comes next; nobody is woken for it.
                    give_back()
                    trim_at = time.monotonic() + TRIM_AGAIN_S
        finally:
            for job in self._running:
                if job.run is not None:
                    job.run.abandon()

    def turn(self) -> None:
        """Waits for the next thing that happens, and does it."""
        for key, events in self._selector.select(self._timeout(time.monotonic())):
            self._dispatch(key, events)
        self._tick(time.monotonic())

    def _dispatch(self, key: selectors.SelectorKey, events: int) -> None:
        owner = key.data
        if isinstance(owner, Client):
            if events & selectors.EVENT_WRITE:
                self._flush(owner)
            if events & _WATCH and owner in self._clients:
                self._receive(owner)
        elif isinstance(owner, Job):
            self._pump(owner, key.fd)
        elif owner is None:
            self._accept()
        else:
            self._ipmi.on_readable(time.monotonic())

    def _timeout(self, now: float) -> float | None:
        times = [job.deadline for job in self._running] + [job.start_by for job in self._waiting]
        times += [now + _REAP_S for job in self._running if job.run is not None and not job.run.pipes]
        times += [now + _STUCK_S] if self._stuck else []
        asked = self._ipmi.next_deadline()
        times += [asked] if asked is not None else []
        return max(0.0, min(times) - now) if times else None

    def _tick(self, now: float) -> None:
        self._ipmi.tick(now)
        self._watch_ipmi()
        for device in [device for device, run in self._stuck.items() if run.gone()]:
            del self._stuck[device]
            log(f"{device} let go of its process")
        for job in list(self._running):
            self._check(job, now)
        for job in [job for job in self._waiting if now >= job.start_by]:
            self._waiting.remove(job)
            self._reply(job.client, job.request, DeviceBusy("every place to run a tool was taken for too long"))
        while self._waiting and len(self._running) < RUNNING:
            self._start(self._waiting.popleft())

    # Clients

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        client = Client(sock)
        sock.setblocking(False)
        _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in self._uids:
            self._log_once(f"refused: a connection by uid {uid}")
            _turn_away(sock, AccessDenied(f"uid {uid} may not use the helper"))
        elif len(self._clients) >= CONNECTIONS:
            _turn_away(sock, DeviceBusy(f"{CONNECTIONS} connections are open"))
        else:
            self._clients.append(client)
            self._selector.register(sock, _WATCH, client)

    def _receive(self, client: Client) -> None:
        try:
            chunk = client.sock.recv(wire.REQUEST_LIMIT + wire.HEADER.size)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._drop(client)
            return
        client.received += chunk
        head = wire.HEADER.size
        try:
            while len(client.received) >= head and client in self._clients:
                length, kind, request = wire.check_header(bytes(client.received[:head]), wire.REQUEST_LIMIT)
                if len(client.received) < head + length:
                    return
                payload = bytes(client.received[head : head + length])
                del client.received[: head + length]
                self._take(client, kind, request, payload)
        except MalformedAnswer as error:
            self._reply(client, 0, error)
            self._drop(client)

    def _drop(self, client: Client) -> None:
        """Closes it. What is running for it runs to its end or deadline, and is answered to nobody."""
        if client in self._clients:
            self._clients.remove(client)
            self._selector.unregister(client.sock)
            client.sock.close()
            self._waiting = deque(job for job in self._waiting if job.client is not client)

    def _reply(self, client: Client, request: int, answer: bytes | AgentError, kind: int = wire.TOOL) -> None:
        if client not in self._clients:
            return
        payload = wire.pack_error(answer) if isinstance(answer, AgentError) else b"\0" + answer
        client.unsent += wire.pack(wire.REPLY | kind, request, payload)
        self._flush(client)

    def _flush(self, client: Client) -> None:
        try:
            with contextlib.suppress(BlockingIOError):
                del client.unsent[: client.sock.send(client.unsent)]
        except OSError:
            self._drop(client)
            return
        if len(client.unsent) > UNSENT_LIMIT:
            self._log_once("disconnected: a client that does not read its answers")
            self._drop(client)
            return
        self._selector.modify(client.sock, _WATCH | (selectors.EVENT_WRITE if client.unsent else 0), client)

    # Requests

    def _take(self, client: Client, kind: int, request: int, payload: bytes) -> None:
        try:
            if self._asked_ipmi + len(self._running) + len(self._waiting) >= REQUESTS:
                raise DeviceBusy(f"{REQUESTS} requests are in flight")
            if kind == wire.IPMI:
                self._take_ipmi(client, request, payload)
            elif kind == wire.IPMI_BEHIND:
                self._take_behind(client, request, payload)
            elif kind == wire.IPMI_MANY:
                self._take_many(client, request, payload)
            elif kind == wire.TOOL:
                self._take_tool(client, request, payload)
            else:
                raise AccessDenied(f"request kind {kind} is unknown")
        except (struct.error, UnicodeDecodeError) as error:
            self._reply(client, request, MalformedAnswer(f"the request cannot be read: {error}"), kind & 0x7F)
        except AgentError as error:
            if isinstance(error, AccessDenied):
                self._log_once(f"refused: {error}")
            self._reply(client, request, error, kind & 0x7F)

    def _take_ipmi(self, client: Client, request: int, payload: bytes) -> None:
        deadline_ms, netfn, lun, command = wire.IPMI_HEAD.unpack_from(payload)
        data = payload[wire.IPMI_HEAD.size :]
        self._expect_allowed(netfn, lun, command, data)
        now = time.monotonic()
        answer = self._answer_to(client, request, wire.IPMI)
        self._ipmi.submit(ipmi.Request(netfn, lun, command, data, now + _seconds(deadline_ms), answer), now)
        self._watch_ipmi()

    def _take_behind(self, client: Client, request: int, payload: bytes) -> None:
        deadline_ms, channel, address, netfn, lun, command = wire.BEHIND_HEAD.unpack_from(payload)
        data = payload[wire.BEHIND_HEAD.size :]
        if not ipmi.is_allowed_behind(channel, address, netfn, command, lun) or len(data) > ipmi.BEHIND_LIMIT:
            what = f"NetFn 0x{netfn:02x} LUN {lun} command 0x{command:02x}"
            raise AccessDenied(f"IPMI {what} to 0x{address:02x} on channel {channel} is not in the list")
        now = time.monotonic()
        deadline = now + _seconds(deadline_ms)
        answer = self._answer_to(client, request, wire.IPMI_BEHIND)
        self._ipmi.submit(ipmi.Request(netfn, lun, command, data, deadline, answer, (channel, address)), now)
        self._watch_ipmi()

    def _answer_to(self, client: Client, request: int, kind: int) -> ipmi.Answer:
        """Counts it as asked until it is answered."""
        self._asked_ipmi += 1

        def answer(body: bytes | AgentError) -> None:
            self._asked_ipmi -= 1
            self._reply(client, request, body, kind)

        return answer

    def _take_many(self, client: Client, request: int, payload: bytes) -> None:
        until_ms, each_ms, asked = wire.unpack_many(payload)
        for one in asked:
            self._expect_allowed(*one)

        def done(answers: list[bytes], error: AgentError | None) -> None:
            self._asked_ipmi -= 1
            self._reply(client, request, wire.pack_answers(answers, error), wire.IPMI_MANY)

        self._asked_ipmi += 1
        until = time.monotonic() + _seconds(until_ms)
        each_s = _seconds(each_ms)
        ipmi.Batch(self._ipmi, asked, until=until, each_s=each_s, clock=time.monotonic, done=done).go_on()
        self._watch_ipmi()

    def _expect_allowed(self, netfn: int, lun: int, command: int, data: bytes) -> None:
        allowed = ipmi.is_allowed(netfn, command, identify=self._identify, lun=lun)
        if not allowed or len(data) > ipmi.MESSAGE_LIMIT:
            raise AccessDenied(f"IPMI NetFn 0x{netfn:02x} LUN {lun} command 0x{command:02x} is not in the list")

    def _take_tool(self, client: Client, request: int, payload: bytes) -> None:
        (deadline_ms,) = wire.TOOL_HEAD.unpack_from(payload)
        tool, *arguments = payload[wire.TOOL_HEAD.size :].decode().split("\0")
        command = self._table.command(tool, arguments)
        device = command.device
        stuck = self._stuck.get(device)
        if stuck is not None:
            raise DeviceHung(f"{device}: process {stuck.pid} of an earlier call has not ended")
        if any(job.command.device == device for job in (*self._running, *self._waiting)):
            raise DeviceBusy(f"{device} is being asked")
        self._waiting.append(Job(client, request, command, time.monotonic(), _seconds(deadline_ms)))

    def _watch_ipmi(self) -> None:
        if self._ipmi.fd != self._watched_ipmi:
            if self._watched_ipmi >= 0:
                self._selector.unregister(self._watched_ipmi)
            self._watched_ipmi = self._ipmi.fd
            if self._watched_ipmi >= 0:
                self._selector.register(self._watched_ipmi, _WATCH, "ipmi")

    # Tools

    def _start(self, job: Job) -> None:
        try:
            job.run = Run(job.command)
        except AgentError as error:
            self._reply(job.client, job.request, error)
            return
        self._running.append(job)
        for fd in job.run.pipes:
            self._selector.register(fd, _WATCH, job)

    def _pump(self, job: Job, fd: int) -> None:
        if job.run is None or fd not in job.run.pipes:
            return
        if job.run.pump(fd):
            self._selector.unregister(fd)
            job.run.close_pipe(fd)

    def _check(self, job: Job, now: float) -> None:
        run = job.run
        if run is None:
            return
        if run.flooded:
            self._abandon(job, run, OutputFlood(f"{job.command.argv[0]} printed more than its limit"))
        elif run.settle():
            self._running.remove(job)
            body = wire.RESULT_HEAD.pack(run.status, len(run.stdout)) + run.stdout + run.stderr
            self._reply(job.client, job.request, body)
        elif now >= job.deadline:
            self._abandon(
                job, run, DeviceHung(f"{job.command.device}: {job.command.argv[0]} did not end by its deadline")
            )

    def _abandon(self, job: Job, run: Run, error: AgentError) -> None:
        for fd in run.pipes:
            self._selector.unregister(fd)
        self._running.remove(job)
        run.abandon()
        self._stuck[job.command.device] = run
        self._log_once(str(error))
        self._reply(job.client, job.request, error)

    def _log_once(self, line: str) -> None:
        if line not in self._logged and len(self._logged) < LOGGED_KINDS:
            self._logged.add(line)
            log(line)
            if len(self._logged) == LOGGED_KINDS:
                log("further kinds of refusal are not logged")


def _seconds(deadline_ms: int) -> float:
    return min(deadline_ms, wire.DEADLINE_LIMIT_MS) / 1000


def _turn_away(sock: socket.socket, error: AgentError) -> None:
    with contextlib.suppress(OSError):
        sock.send(wire.pack(wire.REPLY, 0, wire.pack_error(error)))
    sock.close()


def log(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
