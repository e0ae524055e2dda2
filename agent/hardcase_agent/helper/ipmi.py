"""/dev/ipmi0 by the kernel's own ioctl (linux/ipmi.h). What may be sent is `allowed_ipmi.py`'s matter.

Used by `server.py`. The driver queues: neither sending nor receiving waits for the BMC, so one thread is enough.
"""

from __future__ import annotations

import array
import fcntl
import os
import struct
from collections import deque
from collections.abc import Callable, Sequence

from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceAbsent, DeviceBusy, DeviceFailed, DeviceHung
from hardcase_agent.helper.allowed_ipmi import MESSAGE_LIMIT

STUCK_S = 60.0
"""The driver answers every message, at worst with a time-out of its own; after this the device is opened anew."""

# struct ipmi_req: addr pointer, addr_len, msgid, then ipmi_msg (netfn, cmd, data_len, data pointer). Native alignment.
_REQUEST = struct.Struct("@PIlBBHP")
_RECEIVED = struct.Struct("@iPIlBBHP")
_ADDRESS = struct.Struct("@ihB")  # addr_type, channel, lun
_SEND_COMMAND = 2 << 30 | _REQUEST.size << 16 | ord("i") << 8 | 13
_RECEIVE_MSG_TRUNC = 3 << 30 | _RECEIVED.size << 16 | ord("i") << 8 | 11
# struct ipmi_req_settime: ipmi_req, then retries and milliseconds to each. Else the driver waits ten seconds.
_RETRIES = struct.Struct("@iI")
_SEND_SETTIME = 2 << 30 | (_REQUEST.size + _RETRIES.size) << 16 | ord("i") << 8 | 21
_BEHIND_TRIES = _RETRIES.pack(1, 1000)
_IPMB_ADDRESS = struct.Struct("@ihBB")  # addr_type, channel, slave_addr, lun
_IPMB = 0x01
_SYSTEM_INTERFACE = 0x0C
_BMC_CHANNEL = 0x0F
_RESPONSE = 1

Answer = Callable[["bytes | AgentError"], None]


class Request:
    """`behind`: channel and slave address of the controller that is asked in the BMC's place."""

    __slots__ = ("answer", "behind", "command", "data", "deadline", "lun", "netfn")

    def __init__(
        self,
        netfn: int,
        lun: int,
        command: int,
        data: bytes,
        deadline: float,
        answer: Answer,
        behind: tuple[int, int] | None = None,
    ) -> None:
        self.netfn = netfn
        self.lun = lun
        self.command = command
        self.data = data
        self.deadline = deadline
        self.answer = answer
        self.behind = behind


class LocalIpmi:
    """The system interface: one message in flight; past its deadline the device is hung until it answers."""

    def __init__(self, path: str, *, ioctl: Callable[[int, int, bytearray], object] = fcntl.ioctl) -> None:
        self._path = path
        self._ioctl = ioctl
        self.fd = -1
        self._waiting: deque[Request] = deque()
        self._flying: Request | None = None
        self._answered = False
        self._sent_at = 0.0
        self._message_id = 0

    def submit(self, request: Request, now: float) -> None:
        if self._flying is not None and self._answered:
            request.answer(DeviceHung(f"{self._path}: an earlier request has not come back"))
            return
        self._waiting.append(request)
        self._send_next(now)

    def tick(self, now: float) -> None:
        """Answers what is past its deadline."""
        flying = self._flying
        if flying is not None and not self._answered and now >= flying.deadline:
            self._answered = True
            flying.answer(DeviceHung(f"{self._path}: no answer by the deadline"))
            self._refuse_waiting(DeviceHung(f"{self._path}: an earlier request has not come back"))
        for request in [request for request in self._waiting if now >= request.deadline]:
            self._waiting.remove(request)
            request.answer(DeviceBusy(f"{self._path}: the queue took the whole deadline"))
        if flying is not None and now >= self._sent_at + STUCK_S:
            self.close()

    def next_deadline(self) -> float | None:
        times = [request.deadline for request in self._waiting]
        if self._flying is not None:
            times.append(self._sent_at + STUCK_S if self._answered else self._flying.deadline)
        return min(times, default=None)

    def on_readable(self, now: float) -> None:
        """Takes one message from the driver."""
        data = array.array("B", bytes(MESSAGE_LIMIT))
        address = array.array("B", bytes(40))
        received = bytearray(
            _RECEIVED.pack(0, address.buffer_info()[0], len(address), 0, 0, 0, len(data), data.buffer_info()[0])
        )
        try:
            self._ioctl(self.fd, _RECEIVE_MSG_TRUNC, received)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(DeviceFailed(f"{self._path}: {error.strerror}"))
            return
        kind, _, _, message_id, _, _, length, _ = _RECEIVED.unpack(received)
        if kind != _RESPONSE or message_id != self._message_id or self._flying is None:
            return  # an event or an answer to somebody that gave up
        flying, self._flying = self._flying, None
        if not self._answered:
            flying.answer(data[: min(length, MESSAGE_LIMIT)].tobytes())
        self._send_next(now)

    def close(self) -> None:
        self._lose(DeviceFailed(f"{self._path} was closed"))

    def _send_next(self, now: float) -> None:
        while self._flying is None and self._waiting:
            request = self._waiting.popleft()
            try:
                self._open()
                self._send(request)
            except AgentError as error:
                request.answer(error)
            except OSError as error:
                request.answer(DeviceFailed(f"{self._path}: {error.strerror}"))
                if request.behind is not None:
                    continue  # a channel that is no IPMB: the driver refuses the address, the device is well
                self._lose(DeviceFailed(f"{self._path}: {error.strerror}"))
            else:
                self._flying, self._answered, self._sent_at = request, False, now

    def _open(self) -> None:
        if self.fd >= 0:
            return
        try:
            self.fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError as error:
            raise AccessDenied(f"{self._path}: {error.strerror}") from error
        except OSError as error:
            raise DeviceAbsent(f"{self._path}: {error.strerror}; load ipmi_si and ipmi_devintf") from error

    def _send(self, request: Request) -> None:
        self._message_id += 1
        if request.behind is None:
            packed_address = _ADDRESS.pack(_SYSTEM_INTERFACE, _BMC_CHANNEL, request.lun)
        else:
            packed_address = _IPMB_ADDRESS.pack(_IPMB, *request.behind, request.lun)
        address = array.array("B", packed_address + b"\0" * 8)
        data = array.array("B", request.data or b"\0")
        packed = _REQUEST.pack(
            address.buffer_info()[0],
            8,  # sizeof of both structures
            self._message_id,
            request.netfn,
            request.command,
            len(request.data),
            data.buffer_info()[0],
        )
        if request.behind is None:
            self._ioctl(self.fd, _SEND_COMMAND, bytearray(packed))
        else:
            self._ioctl(self.fd, _SEND_SETTIME, bytearray(packed + _BEHIND_TRIES))

    def _lose(self, error: AgentError) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1
        flying, self._flying = self._flying, None
        if flying is not None and not self._answered:
            flying.answer(error)
        self._refuse_waiting(error)

    def _refuse_waiting(self, error: AgentError) -> None:
        waiting, self._waiting = self._waiting, deque()
        for request in waiting:
            request.answer(error)


class Batch:
    """Requests one after the other: each is begun when the one before was answered, none after `until`."""

    __slots__ = ("_answers", "_asked", "_clock", "_device", "_done", "_each_s", "_until")

    def __init__(
        self,
        device: LocalIpmi,
        asked: Sequence[tuple[int, int, int, bytes]],
        *,
        until: float,
        each_s: float,
        clock: Callable[[], float],
        done: Callable[[list[bytes], AgentError | None], None],
    ) -> None:
        self._device = device
        self._asked = asked
        self._until = until
        self._each_s = each_s
        self._clock = clock
        self._done = done
        self._answers: list[bytes] = []

    def go_on(self) -> None:
        now = self._clock()
        if len(self._answers) == len(self._asked) or now >= self._until:
            self._done(self._answers, None)
            return
        netfn, lun, command, data = self._asked[len(self._answers)]
        self._device.submit(Request(netfn, lun, command, data, now + self._each_s, self._take), now)

    def _take(self, answer: bytes | AgentError) -> None:
        if isinstance(answer, AgentError):
            self._done(self._answers, answer)
        else:
            self._answers.append(answer)
            self.go_on()
