"""A whole event log, its clearing and the lamp: what a BMC that is slow, busy, damaged or growing makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hardcase_agent.domain.diagnostic import ChassisDoor, EventLogDoor, Refreshable
from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceAbsent, DeviceFailed, LogChanged, Unsupported
from hardcase_agent.domain.ports import IpmiRequest
from hardcase_agent.sensors.ipmi import sel_archive
from hardcase_agent.sensors.ipmi.sel_source import SelSource

from tests.fakes.bmc import FakeBmc
from tests.integration.ipmi_rig import local_sources

CLEAR, RESERVE, ENTRY, INFO, LAMP = (0x0A, 0x47), (0x0A, 0x42), (0x0A, 0x43), (0x0A, 0x40), (0x00, 0x04)


class Rig:
    """A BMC that can also be cleared; counts how often its device was lent, and for how long at a time."""

    def __init__(self, folder: Path) -> None:
        self.bmc = FakeBmc()
        self.bmc.trouble = self.answer
        self.source = local_sources(self.bmc, folder).sel
        assert isinstance(self.source, SelSource)
        self.sel = self.source
        self.lent = 0
        self.most_entries = 0
        self.erasing = 0
        self.on_reserve = lambda: None
        self.other = {}  # type: dict[tuple[int, int], bytes]
        self.lamp: list[bytes] = []
        self.refused: set[int] = set()

    def answer(self, request: IpmiRequest) -> bytes | None:
        key = (request.netfn, request.command)
        if key in self.other:
            return self.other[key]
        if key == RESERVE:
            self.on_reserve()
            return b"\0\x07\x00"
        if key == CLEAR:
            if request.data[:2] != b"\x07\x00" or request.data[2:5] != b"CLR":
                return b"\xc5"
            if request.data[5] == 0xAA:
                self.bmc.clear_log()
                self.erasing = 2
            self.erasing = max(0, self.erasing - 1)
            return bytes((0, 0 if self.erasing else 1))
        if key == LAMP:
            self.lamp.append(request.data)
            return b"\0"
        if key == ENTRY and int.from_bytes(request.data[2:4], "little") in self.refused:
            return b"\xff"
        return None

    @asynccontextmanager
    async def lend(self, device: str, within_s: float) -> AsyncIterator[None]:
        assert device == "ipmi@local"
        self.lent += 1
        before = len(self.bmc.asked)
        yield
        asked = sum((one.netfn, one.command) == ENTRY for one in self.bmc.asked[before:])
        self.most_entries = max(self.most_entries, asked)

    async def whole(self) -> sel_archive.WholeLog:
        return await self.sel.whole_log(self.lend)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def fill(bmc: FakeBmc, count: int) -> None:
    for number in range(count):
        bmc.log(kind=0x08, number=0x30, offset=3, asserted=number % 2 == 0)


def test_the_source_opens_the_doors(rig: Rig) -> None:
    assert isinstance(rig.sel, EventLogDoor)
    assert isinstance(rig.sel, ChassisDoor)
    assert not isinstance(rig.sel, Refreshable)


async def test_every_entry_from_the_first_on_in_portions(rig: Rig) -> None:
    fill(rig.bmc, 200)
    log = await rig.whole()
    assert [int.from_bytes(raw[:2], "little") for raw in log.entries] == list(range(1, 201))
    assert len(log.events) == 200
    assert log.events[0].code == "psu.input_lost"
    assert rig.most_entries <= sel_archive.PORTION
    assert rig.lent >= 5


async def test_an_empty_log_is_an_answer(rig: Rig) -> None:
    log = await rig.whole()
    assert (log.entries, log.stamp) == ((), (0, 0, 0))


async def test_reading_it_whole_leaves_the_position_of_the_ordinary_reading_alone(rig: Rig) -> None:
    fill(rig.bmc, 3)
    first = await rig.sel.sweep(rig.bmc.clock.now())
    await rig.whole()
    fill(rig.bmc, 1)
    second = await rig.sel.sweep(rig.bmc.clock.now())
    assert [len(first.events), len(second.events)] == [3, 1]


async def test_an_entry_the_bmc_does_not_give_is_told_and_stepped_over(rig: Rig) -> None:
    fill(rig.bmc, 6)
    rig.refused = {3}
    log = await rig.whole()
    assert [event.record_id for event in log.events] == [1, 2, 4, 5, 6]
    assert "0x0003" in log.unread[0]


async def test_what_is_added_while_reading_is_read_too(rig: Rig) -> None:
    fill(rig.bmc, 5)
    grown = iter((True, False, False))
    answer = rig.answer

    def growing(request: IpmiRequest) -> bytes | None:
        if (request.netfn, request.command) == ENTRY and request.data[2:4] == b"\x05\x00" and next(grown, False):
            fill(rig.bmc, 2)
        return answer(request)

    rig.bmc.trouble = growing
    log = await rig.whole()
    assert [event.record_id for event in log.events] == list(range(1, 8))
    assert log.stamp[2] == 7


async def test_what_is_added_behind_the_last_pass_keeps_the_log_from_being_cleared(rig: Rig) -> None:
    fill(rig.bmc, 3)
    answer = rig.answer

    def growing(request: IpmiRequest) -> bytes | None:
        if (request.netfn, request.command) == INFO:
            fill(rig.bmc, 1)
        return answer(request)

    rig.bmc.trouble = growing
    log = await rig.whole()
    assert len(log.entries) < len(rig.bmc.sel)
    rig.bmc.trouble = answer
    with pytest.raises(LogChanged):
        await rig.sel.clear_log(log.stamp, rig.lend)


async def test_a_log_erased_while_it_is_read_is_no_log(rig: Rig) -> None:
    fill(rig.bmc, 5)
    answer = rig.answer

    def erased(request: IpmiRequest) -> bytes | None:
        if (request.netfn, request.command) == ENTRY and request.data[2:4] == b"\x03\x00":
            rig.bmc.clear_log()
        return answer(request)

    rig.bmc.trouble = erased
    with pytest.raises(LogChanged):
        await rig.whole()


async def test_a_log_that_links_in_a_circle_ends(rig: Rig) -> None:
    fill(rig.bmc, 3)
    raw = rig.bmc.sel
    answers = {0: 1, 1: 1, 2: 2, 3: 0}

    def circle(request: IpmiRequest) -> bytes | None:
        if (request.netfn, request.command) == ENTRY:
            at = max(0, int.from_bytes(request.data[2:4], "little") - 1)
            return b"\0" + (answers[at] + 1).to_bytes(2, "little") + raw[min(at, 2)]
        return rig.answer(request)

    rig.bmc.trouble = circle
    assert len((await rig.whole()).entries) <= 3


async def test_clearing_takes_exactly_what_was_archived(rig: Rig) -> None:
    fill(rig.bmc, 4)
    log = await rig.whole()
    await sel_archive.clear(rig.sel.bmc, log.stamp, pause=no_pause)
    assert rig.bmc.sel == []


async def test_an_entry_added_since_keeps_it_from_being_cleared(rig: Rig) -> None:
    fill(rig.bmc, 4)
    log = await rig.whole()
    fill(rig.bmc, 1)
    with pytest.raises(LogChanged):
        await rig.sel.clear_log(log.stamp, rig.lend)
    assert len(rig.bmc.sel) == 5


async def test_an_entry_added_at_the_very_moment_of_reserving_is_seen(rig: Rig) -> None:
    fill(rig.bmc, 4)
    log = await rig.whole()
    rig.on_reserve = lambda: fill(rig.bmc, 1)
    with pytest.raises(LogChanged):
        await rig.sel.clear_log(log.stamp, rig.lend)
    assert len(rig.bmc.sel) == 5


@pytest.mark.parametrize(("answer", "error"), [(b"\xc5", LogChanged), (b"\xc1", Unsupported), (b"\xd4", DeviceFailed)])
async def test_a_bmc_that_refuses_to_clear_is_told(rig: Rig, answer: bytes, error: type[AgentError]) -> None:
    fill(rig.bmc, 4)
    log = await rig.whole()
    rig.other[CLEAR] = answer
    with pytest.raises(error):
        await rig.sel.clear_log(log.stamp, rig.lend)


async def test_an_erasure_that_never_ends_is_given_up(rig: Rig) -> None:
    fill(rig.bmc, 1)
    log = await rig.whole()
    rig.other[CLEAR] = b"\0\0"
    with pytest.raises(DeviceFailed, match="erased"):
        await sel_archive.clear(rig.sel.bmc, log.stamp, pause=no_pause)


async def test_the_lamp_is_lit_for_seconds_and_put_out(rig: Rig) -> None:
    await rig.sel.identify(60)
    await rig.sel.identify(999)
    await rig.sel.identify(0)
    assert rig.lamp == [b"\x3c", b"\xff", b"\x00"]


async def test_what_the_helper_does_not_pass_is_told_as_it_said(rig: Rig) -> None:
    def refuse(request: IpmiRequest) -> bytes | None:
        raise AccessDenied("IPMI Chassis Identify is off: it needs --allow-identify")

    rig.bmc.trouble = refuse
    with pytest.raises(AccessDenied, match="allow-identify"):
        await rig.sel.identify(60)


async def test_without_a_bmc_there_is_no_asset_and_no_log(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    def gone(request: IpmiRequest) -> bytes | None:
        raise DeviceAbsent("/dev/ipmi0: no such file")

    rig.bmc.trouble = gone
    rig.sel.bmc._optional = True
    with pytest.raises(DeviceAbsent):
        await rig.whole()
    with pytest.raises(DeviceAbsent):
        rig.sel.watched_asset()


async def no_pause(seconds: float) -> None:
    return None
