"""The exchange with the kernel's IPMI driver, driven by a driver made of memory."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceAbsent, DeviceBusy, DeviceFailed, DeviceHung
from hardcase_agent.helper.ipmi import LocalIpmi, Request
from pyipmi.interfaces import ipmidev


class MemoryDriver:
    """Stands for the ipmi_devintf driver: takes requests by pointer, as the kernel does, and keeps answers."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int, int, int, bytes]] = []
        """Message id, LUN, NetFn, command, data."""
        self.sent_behind: list[tuple[int, int, int, int, int]] = []
        """Channel, slave address, LUN, retries, milliseconds to each."""
        self.answers: deque[tuple[int, int, bytes]] = deque()
        """Receive type, message id, data."""
        self.error: OSError | None = None

    def ioctl(self, _fd: int, number: int, packed: bytearray) -> None:
        if self.error is not None:
            raise self.error
        if number == SEND_COMMAND_SETTIME:
            asked = ipmidev.IpmiReq.from_buffer_copy(packed)
            there = ipmidev.IpmiIpmbAddr.from_address(asked.addr)
            assert (there.addr_type, asked.addr_len) == (0x01, ctypes.sizeof(ipmidev.IpmiIpmbAddr))
            tries = struct.unpack("@iI", packed[ctypes.sizeof(ipmidev.IpmiReq) :])
            self.sent_behind.append((there.channel, there.slave_addr, there.lun, *tries))
            return
        if number == ipmidev.IPMICTL_SEND_COMMAND:
            asked = ipmidev.IpmiReq.from_buffer_copy(packed)
            address = ipmidev.IpmiSystemInterfaceAddr.from_address(asked.addr)
            assert (address.addr_type, address.channel) == (0x0C, 0x0F)
            assert asked.addr_len == ctypes.sizeof(ipmidev.IpmiSystemInterfaceAddr)
            data = ctypes.string_at(asked.msg.data, asked.msg.data_len)
            self.sent.append((asked.msgid, address.lun, asked.msg.netfn, asked.msg.cmd, data))
        else:
            assert number == ipmidev.IPMICTL_RECEIVE_MSG_TRUNC
            if not self.answers:
                raise BlockingIOError
            kind, message_id, data = self.answers.popleft()
            received = ipmidev.IpmiRecv.from_buffer(packed)
            assert received.msg.data_len >= len(data)
            ctypes.memmove(received.msg.data, data, len(data))
            received.recv_type, received.msgid, received.msg.data_len = kind, message_id, len(data)


@pytest.fixture
def driver() -> MemoryDriver:
    return MemoryDriver()


@pytest.fixture
def device(driver: MemoryDriver, tmp_path: Path) -> Iterator[LocalIpmi]:
    node = tmp_path / "ipmi0"
    node.touch()
    local = LocalIpmi(str(node), ioctl=driver.ioctl)
    yield local
    local.close()


SEND_COMMAND_SETTIME = ipmidev._ioc("r", 21, ctypes.sizeof(ipmidev.IpmiReq) + 8)
"""linux/ipmi.h: _IOR('i', 21, struct ipmi_req_settime), an ipmi_req with two ints behind it."""
Answers = list["bytes | AgentError"]


def ask(answers: Answers, *, deadline: float = 10.0, command: int = 0x2D, data: bytes = b"\x01") -> Request:
    return Request(0x04, 1, command, data, deadline, answers.append)


def test_a_request_reaches_the_driver_and_its_answer_comes_back(device: LocalIpmi, driver: MemoryDriver) -> None:
    answers: Answers = []
    device.submit(ask(answers, data=b"\x30\x31"), now=0.0)
    assert driver.sent == [(1, 1, 0x04, 0x2D, b"\x30\x31")]
    driver.answers.append((1, 1, b"\x00\x2f\xc0\x00"))
    device.on_readable(now=0.1)
    assert answers == [b"\x00\x2f\xc0\x00"]
    assert device.next_deadline() is None


def test_a_controller_behind_the_bmc_is_asked_by_its_own_address_and_briefly(
    device: LocalIpmi, driver: MemoryDriver
) -> None:
    answers: Answers = []
    device.submit(Request(0x04, 1, 0x2D, b"\x30", 10.0, answers.append, (6, 0x2C)), now=0.0)
    assert driver.sent_behind == [(6, 0x2C, 1, 1, 1000)]
    driver.answers.append((1, 1, b"\x00\x2f\xc0\x00"))
    device.on_readable(now=0.1)
    assert answers == [b"\x00\x2f\xc0\x00"]


def test_an_address_that_the_driver_refuses_fails_that_request_and_leaves_the_device_open(
    device: LocalIpmi, driver: MemoryDriver
) -> None:
    refused: Answers = []
    driver.error = OSError(errno.EINVAL, "Invalid argument")
    device.submit(Request(0x04, 0, 0x2D, b"\x30", 10.0, refused.append, (7, 0x2C)), now=0.0)
    assert [type(one) for one in refused] == [DeviceFailed]
    assert device.fd >= 0
    driver.error = None
    device.submit(ask([]), now=0.1)
    assert len(driver.sent) == 1


def test_a_request_without_data_is_sent_without_data(device: LocalIpmi, driver: MemoryDriver) -> None:
    device.submit(ask([], data=b""), now=0.0)
    assert driver.sent[0][4] == b""


def test_requests_are_sent_one_after_the_other(device: LocalIpmi, driver: MemoryDriver) -> None:
    first: Answers = []
    second: Answers = []
    device.submit(ask(first), now=0.0)
    device.submit(ask(second, command=0x27), now=0.0)
    assert len(driver.sent) == 1
    driver.answers.append((1, 1, b"\x00"))
    device.on_readable(now=0.1)
    assert [sent[3] for sent in driver.sent] == [0x2D, 0x27]
    assert (first, second) == ([b"\x00"], [])


def test_events_and_late_answers_of_others_are_passed_over(device: LocalIpmi, driver: MemoryDriver) -> None:
    answers: Answers = []
    device.submit(ask(answers), now=0.0)
    driver.answers.extend([(2, 1, b"event"), (1, 77, b"late"), (1, 1, b"\x00mine")])
    for _ in range(4):
        device.on_readable(now=0.1)
    assert answers == [b"\x00mine"]


def test_no_answer_by_the_deadline_is_hung_and_nothing_is_sent_until_it_comes(
    device: LocalIpmi, driver: MemoryDriver
) -> None:
    first: Answers = []
    second: Answers = []
    third: Answers = []
    device.submit(ask(first, deadline=1.0), now=0.0)
    device.tick(now=1.0)
    device.submit(ask(second), now=1.5)
    assert [type(first[0]), type(second[0]), len(driver.sent)] == [DeviceHung, DeviceHung, 1]
    driver.answers.append((1, 1, b"\xc3"))
    device.on_readable(now=2.0)
    device.submit(ask(third), now=2.1)
    assert len(first) == 1
    assert len(driver.sent) == 2


def test_a_device_that_stays_silent_for_a_minute_is_opened_anew(device: LocalIpmi, driver: MemoryDriver) -> None:
    answers: Answers = []
    device.submit(ask(answers, deadline=1.0), now=0.0)
    device.tick(now=1.0)
    assert device.next_deadline() == 60.0
    device.tick(now=60.0)
    assert device.fd == -1
    device.submit(ask([]), now=61.0)
    assert len(driver.sent) == 2


def test_a_request_whose_deadline_passes_in_the_queue_is_busy(device: LocalIpmi, driver: MemoryDriver) -> None:
    waiting: Answers = []
    device.submit(ask([], deadline=10.0), now=0.0)
    device.submit(ask(waiting, deadline=1.0), now=0.0)
    device.tick(now=1.0)
    assert isinstance(waiting[0], DeviceBusy)
    assert len(driver.sent) == 1


def test_a_driver_that_refuses_is_a_named_failure_and_is_opened_anew(device: LocalIpmi, driver: MemoryDriver) -> None:
    answers: Answers = []
    driver.error = OSError(19, "No such device")
    device.submit(ask(answers), now=0.0)
    assert isinstance(answers[0], DeviceFailed)
    assert device.fd == -1
    driver.error = None
    device.submit(ask(answers), now=0.1)
    assert len(driver.sent) == 1


def test_a_driver_that_fails_while_receiving_fails_the_request(device: LocalIpmi, driver: MemoryDriver) -> None:
    answers: Answers = []
    device.submit(ask(answers), now=0.0)
    driver.error = OSError(5, "Input/output error")
    device.on_readable(now=0.1)
    assert [type(answer) for answer in answers] == [DeviceFailed]


def test_a_host_without_bmc_is_told_what_to_load(tmp_path: Path) -> None:
    answers: Answers = []
    LocalIpmi(str(tmp_path / "ipmi0")).submit(ask(answers), now=0.0)
    assert isinstance(answers[0], DeviceAbsent)
    assert "ipmi_devintf" in str(answers[0])


def test_a_device_without_rights_is_denied(tmp_path: Path) -> None:
    node = tmp_path / "ipmi0"
    node.touch(mode=0o000)
    answers: Answers = []
    own = os.geteuid()
    try:
        if own == 0:  # root may open anything
            os.seteuid(65534)
        LocalIpmi(str(node)).submit(ask(answers), now=0.0)
    finally:
        os.seteuid(own)
    assert isinstance(answers[0], AccessDenied)
