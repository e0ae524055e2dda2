"""Messages to controllers behind the BMC, by /dev/ipmi0 and over LAN: where they go, and what silence becomes."""

from __future__ import annotations

from typing import Any

import pytest
from hardcase_agent.domain.errors import DeviceFailed
from hardcase_agent.domain.ports import Controller, IpmiRequest
from hardcase_agent.sensors.devices import LocalIpmi
from hardcase_agent.sensors.lan_session import LanSession, LanTarget
from pyipmi.errors import CompletionCodeError, IpmiTimeoutError, RetryError

ME = Controller(6, 0x2C)
READ = IpmiRequest(0x04, 0x2D, b"\x05", 1)


class Wire:
    """Stands for python-ipmi's interface."""

    def __init__(self, outcome: bytes | Exception) -> None:
        self.outcome = outcome
        self.sent: list[tuple[list[tuple[int, int, int | None]], int, int, int, bytes]] = []
        self.timeout = 0.0
        self.max_retries = 0

    def send_and_receive_raw(self, target: Any, lun: int, netfn: int, raw: bytes) -> bytes:
        hops = [(hop.rq_sa, hop.rs_sa, hop.channel) for hop in target.routing]
        self.sent.append((hops, target.ipmb_address, lun, netfn, raw))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def set_timeout(self, timeout: float) -> None:
        self.timeout = timeout

    def close(self) -> None:
        pass


async def ask_local(wire: Wire) -> bytes:
    device = LocalIpmi("/dev/ipmi0")
    device._interface = wire
    try:
        return await device.request_behind(ME, READ, deadline_s=5.0)
    finally:
        await device.close()


async def test_locally_the_drivers_own_address_is_used_and_the_answer_comes_back() -> None:
    wire = Wire(b"\0\x33\xc0\0")
    assert await ask_local(wire) == b"\0\x33\xc0\0"
    assert wire.sent == [([(0x20, 0x20, 6), (0x20, 0x2C, None)], 0x2C, 1, 0x04, b"\x2d\x05")]


async def test_local_silence_is_an_answer_and_an_address_the_driver_refuses_an_error() -> None:
    assert await ask_local(Wire(IpmiTimeoutError())) == b"\xc3"
    with pytest.raises(DeviceFailed, match="Invalid argument"):
        await ask_local(Wire(OSError(22, "Invalid argument")))


def session_over(wire: Wire) -> LanSession:
    session = LanSession(LanTarget(host="127.0.0.1", user="x", password="file:/nowhere"))
    session._interface = wire
    return session


def test_over_lan_the_message_is_wrapped_for_the_channel_and_asked_within_two_seconds() -> None:
    wire = Wire(b"\0\x33\xc0\0")
    assert session_over(wire).ask_behind(ME, READ, 5.0) == b"\0\x33\xc0\0"
    assert wire.sent == [([(0x81, 0x20, 6), (0x20, 0x2C, None)], 0x2C, 1, 0x04, b"\x2d\x05")]
    assert wire.timeout * (wire.max_retries + 1) <= 2.0


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (RetryError(), b"\xc3"),
        (CompletionCodeError(0x83), b"\x83"),
        (CompletionCodeError(0xC1), b"\xc1"),
        (b"", b"\xc3"),
    ],
    ids=["silence", "nobody acknowledges", "the BMC passes nothing on", "an empty answer"],
)
def test_over_lan_silence_and_the_bmcs_refusal_are_answers(outcome: bytes | Exception, answer: bytes) -> None:
    assert session_over(Wire(outcome)).ask_behind(ME, READ, 5.0) == answer
