"""The helper's loop: one thread, one selector; checks who asks, what is asked, and answers by deadline.

Made by `__main__.py`. What may run is `table.py`'s matter, what may be sent to the BMC `allowed_ipmi.py`'s.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from collections.abc import Set

from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    DeviceAbsent,
    DeviceBusy,
    MalformedAnswer,
    ToolMissing,
)
from hardcase_agent.helper import allowed_ipmi, ipmi, wire
from hardcase_agent.helper.bays import Bays
from hardcase_agent.helper.journal import Journal
from hardcase_agent.helper.memory import give_back
from hardcase_agent.helper.table import Command, Output, Table
from hardcase_agent.helper.tool_runs import Job, ToolRuns

CONNECTIONS = 8
REQUESTS = 64
"""In flight over all connections: a host with 60 disks asks for four at a time."""
LEDCTL_S = 30.0
UNSENT_LIMIT = 16 << 20
"""Bytes waiting for a client that does not read; then it is disconnected."""
TRIM_S, TRIM_AGAIN_S = 30.0, 600.0
"""When pages of code that only start-up needed are given back: a third of this process's memory."""
_WATCH = selectors.EVENT_READ


class Client:
    __slots__ = ("pid", "received", "sock", "uid", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        # What the kernel says of who connected (socket(7), SO_PEERCRED).
        self.pid, self.uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        self.received = bytearray()
        self.unsent = bytearray()


class Server:
    """`on`: the switches that the command line turned on; the table has them too."""

    def __init__(
        self,
        listener: socket.socket,
        *,
        uids: frozenset[int],
        table: Table,
        device: ipmi.LocalIpmi,
        on: Set[str] = frozenset(),
        bays: Bays | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._listener = listener
        self._uids = uids
        self._table = table
        self._on = on
        self._ipmi = device
        self._bays = bays or Bays()
        self._bays.put_out = self._put_out_by_ledctl
        self._journal = journal or Journal(clock=time.monotonic)
        self._watched_ipmi = -1
        self._selector = selectors.DefaultSelector()
        self._runs = ToolRuns(self._selector, self._journal.tell)
        self._clients: list[Client] = []
        self._asked_ipmi = 0
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
            self._runs.end()
            self._bays.put_all_out()

    def close(self) -> None:
        """Hangs up on everybody; the listener is its maker's."""
        for client in list(self._clients):
            self._drop(client)
        self._runs.end()
        self._table.close()
        self._selector.close()

    def turn(self, at_most_s: float | None = None) -> None:
        """Waits for the next thing that happens, and does it."""
        timeout = self._timeout(time.monotonic())
        if at_most_s is not None:
            timeout = at_most_s if timeout is None else min(timeout, at_most_s)
        for key, events in self._selector.select(timeout):
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
            self._runs.pump(owner, key.fd)
        elif owner is None:
            self._accept()
        else:
            self._ipmi.on_readable(time.monotonic())

    def _timeout(self, now: float) -> float | None:
        lit = self._bays.next_deadline()
        times = [self._runs.next_deadline(now), self._ipmi.next_deadline(), lit and now + lit - _boot_time()]
        known = [at for at in times if at is not None]
        return max(0.0, min(known) - now) if known else None

    def _tick(self, now: float) -> None:
        self._ipmi.tick(now)
        self._watch_ipmi()
        if self._bays.lit:
            for line in self._bays.tick(_boot_time()):
                self._journal.tell(line)
        self._runs.tick(now)  # last: a lamp's time may have queued one

    # Clients

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        client = Client(sock)
        if client.uid not in self._uids:
            self._journal.refused(client.uid, client.pid, "a connection by a user that may not use the helper")
            _turn_away(sock, AccessDenied(f"uid {client.uid} may not use the helper"))
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
            self._runs.forget(client)

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
            self._journal.tell("disconnected: a client that does not read its answers")
            self._drop(client)
            return
        self._selector.modify(client.sock, _WATCH | (selectors.EVENT_WRITE if client.unsent else 0), client)

    # Requests

    def _take(self, client: Client, kind: int, request: int, payload: bytes) -> None:
        try:
            if self._asked_ipmi + len(self._runs) >= REQUESTS:
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
                self._journal.refused(client.uid, client.pid, str(error))
            self._reply(client, request, error, kind & 0x7F)

    def _take_ipmi(self, client: Client, request: int, payload: bytes) -> None:
        deadline_ms, netfn, lun, command = wire.IPMI_HEAD.unpack_from(payload)
        data = payload[wire.IPMI_HEAD.size :]
        _expect(allowed_ipmi.why_not(netfn, lun, command, data, self._on))
        now = time.monotonic()
        answer = self._answer_to(client, request, wire.IPMI)
        self._ipmi.submit(ipmi.Request(netfn, lun, command, data, now + _seconds(deadline_ms), answer), now)
        self._watch_ipmi()

    def _take_behind(self, client: Client, request: int, payload: bytes) -> None:
        deadline_ms, channel, address, netfn, lun, command = wire.BEHIND_HEAD.unpack_from(payload)
        data = payload[wire.BEHIND_HEAD.size :]
        _expect(allowed_ipmi.why_not_behind(channel, address, netfn, lun, command, data))
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
            _expect(allowed_ipmi.why_not(*one, self._on))

        def done(answers: list[bytes], error: AgentError | None) -> None:
            self._asked_ipmi -= 1
            self._reply(client, request, wire.pack_answers(answers, error), wire.IPMI_MANY)

        self._asked_ipmi += 1
        until = time.monotonic() + _seconds(until_ms)
        each_s = _seconds(each_ms)
        ipmi.Batch(self._ipmi, asked, until=until, each_s=each_s, clock=time.monotonic, done=done).go_on()
        self._watch_ipmi()

    def _take_tool(self, client: Client, request: int, payload: bytes) -> None:
        (deadline_ms,) = wire.TOOL_HEAD.unpack_from(payload)
        tool, *arguments = payload[wire.TOOL_HEAD.size :].decode().split("\0")
        command = self._table.command(tool, arguments)

        def answer(output: Output | AgentError) -> None:
            if isinstance(output, AgentError):
                self._reply(client, request, output)
            else:
                status, out, err = output
                self._reply(client, request, wire.RESULT_HEAD.pack(status, len(out)) + out + err)

        if command.read is not None:
            return answer(command.read())
        if command.bay is not None:
            bay, seconds = command.bay
            self._journal.tell(f"uid {client.uid}: lamp of {bay} {f'lit for {seconds} s' if seconds else 'out'}")
            try:
                self._bays.light(bay, seconds, _boot_time())
                return answer((0, b"", b""))
            except DeviceAbsent as error:
                command = self._ledctl(bay, seconds, error)
        self._runs.submit(Job(command, client, answer, time.monotonic(), _seconds(deadline_ms)))

    def _ledctl(self, bay: str, seconds: int, absent: DeviceAbsent) -> Command:
        """For a disk without a lamp that the kernel knows. Raises that where ledctl is not installed either."""
        if not bay.startswith("/"):
            raise absent
        try:
            command = self._table.ledctl(bay, lit=seconds > 0)
        except ToolMissing:
            raise absent from None
        self._bays.lit_by_ledctl(bay, seconds, _boot_time())
        return command

    def _put_out_by_ledctl(self, disk: str) -> None:
        def told(output: Output | AgentError) -> None:
            if isinstance(output, AgentError) or output[0] != 0:
                self._journal.tell(f"the lamp of {disk} could not be put out: {output}")

        try:
            command = self._table.ledctl(disk, lit=False)
            self._runs.submit(Job(command, None, told, time.monotonic(), LEDCTL_S))
        except AgentError as error:
            told(error)

    def _watch_ipmi(self) -> None:
        if self._ipmi.fd != self._watched_ipmi:
            if self._watched_ipmi >= 0:
                self._selector.unregister(self._watched_ipmi)
            self._watched_ipmi = self._ipmi.fd
            if self._watched_ipmi >= 0:
                self._selector.register(self._watched_ipmi, _WATCH, "ipmi")


def _expect(why_not: str) -> None:
    if why_not:
        raise AccessDenied(why_not)


def _boot_time() -> float:
    """Of lamps alone: it goes on over a restart of this process, and while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _seconds(deadline_ms: int) -> float:
    return min(deadline_ms, wire.DEADLINE_LIMIT_MS) / 1000


def _turn_away(sock: socket.socket, error: AgentError) -> None:
    with sock, contextlib.suppress(OSError):
        sock.send(wire.pack(wire.REPLY, 0, wire.pack_error(error)))
