"""The event log: read when it changed, from where it stopped, nothing lost and little sent twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import DeviceFailed, DeviceHung
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.ports import IpmiRequest
from hardcase_agent.domain.reading import Number
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.bmc import FakeBmc
from tests.integration.ipmi_rig import Sources, local_sources

INFO, ENTRY = (0x0A, 0x40), (0x0A, 0x43)


def command(request: IpmiRequest) -> tuple[int, int]:
    return request.netfn, request.command


def psu(bmc: FakeBmc, offset: int = 3, asserted: bool = True) -> None:
    bmc.log(kind=0x08, number=0x30, offset=offset, asserted=asserted)


@pytest.fixture
def bmc() -> FakeBmc:
    return FakeBmc()


@pytest.fixture
def sources(bmc: FakeBmc, tmp_path: Path) -> Sources:
    return local_sources(bmc, tmp_path)


async def sweep(sources: Sources, bmc: FakeBmc) -> Sweep:
    return await sources.sel.sweep(bmc.clock.now())


def damage(state: Path) -> None:
    (file,) = state.glob("*.sel.json")
    file.write_bytes(file.read_bytes()[:-9])


def ids(swept: Sweep) -> list[int]:
    return [event.record_id for event in swept.events]


async def test_an_unchanged_log_costs_one_command(bmc: FakeBmc, sources: Sources) -> None:
    psu(bmc)
    await sweep(sources, bmc)
    bmc.asked.clear()
    assert ids(await sweep(sources, bmc)) == []
    assert [command(request) for request in bmc.asked] == [INFO]


async def test_only_new_entries_come_home(bmc: FakeBmc, sources: Sources) -> None:
    psu(bmc)
    psu(bmc)
    assert ids(await sweep(sources, bmc)) == [1, 2]
    psu(bmc, asserted=False)
    swept = await sweep(sources, bmc)
    assert ids(swept) == [3]
    assert (swept.events[0].code, swept.events[0].asserted) == ("psu.input_lost", False)


async def test_the_share_in_use_is_a_reading(bmc: FakeBmc, sources: Sources) -> None:
    for _ in range(512):
        psu(bmc)
    assert (await sweep(sources, bmc)).readings == (Number(50.0),)


async def test_a_long_log_comes_in_portions_without_end_or_gap(bmc: FakeBmc, sources: Sources) -> None:
    for _ in range(150):
        psu(bmc)
    found: list[int] = []
    complete = []
    for _ in range(4):
        swept = await sweep(sources, bmc)
        found += ids(swept)
        complete.append(swept.complete)
    assert found == list(range(1, 151))
    assert complete == [False, False, True, True]


async def test_a_cleared_log_is_read_from_its_first_entry_under_a_new_stamp(bmc: FakeBmc, sources: Sources) -> None:
    psu(bmc)
    await sweep(sources, bmc)
    bmc.clear_log()
    bmc.log(kind=0x10, number=7, offset=2)
    (event,) = (await sweep(sources, bmc)).events
    assert (event.record_id, event.erase_stamp, event.code) == (1, 1, "sel.cleared")


async def test_a_ring_that_overwrote_our_place_is_read_from_its_first_entry(bmc: FakeBmc, sources: Sources) -> None:
    for _ in range(3):
        psu(bmc)
    await sweep(sources, bmc)
    for _ in range(4):
        psu(bmc)
    del bmc.sel[:3]
    assert ids(await sweep(sources, bmc)) == [4, 5, 6, 7]


async def test_another_entry_under_the_same_id_is_another_log(bmc: FakeBmc, sources: Sources) -> None:
    psu(bmc)
    await sweep(sources, bmc)
    bmc.sel[0] = bmc.sel[0][:3] + b"\x01\x02\x03\x66" + bmc.sel[0][7:]
    psu(bmc)
    assert ids(await sweep(sources, bmc)) == [1, 2]


async def test_a_bmc_that_dies_on_the_way_keeps_what_was_read(bmc: FakeBmc, sources: Sources) -> None:
    for _ in range(5):
        psu(bmc)

    def hang(request: IpmiRequest) -> bytes | None:
        if command(request) == ENTRY and request.data[2] == 4:
            raise DeviceHung("no answer")
        return None

    bmc.trouble = hang
    swept = await sweep(sources, bmc)
    assert (ids(swept), swept.complete) == ([1, 2, 3], False)
    bmc.trouble = lambda request: None
    assert ids(await sweep(sources, bmc)) == [4, 5]


async def test_entries_read_by_a_sweep_that_was_cancelled_at_its_deadline_come_with_the_next(
    bmc: FakeBmc, sources: Sources
) -> None:
    for _ in range(3):
        psu(bmc)

    def stop_at_the_third(request: IpmiRequest) -> bytes | None:
        if command(request) == ENTRY and request.data[2] == 3:
            raise asyncio.CancelledError
        return None

    bmc.trouble = stop_at_the_third
    with pytest.raises(asyncio.CancelledError):
        await sweep(sources, bmc)
    bmc.trouble = lambda request: None
    assert ids(await sweep(sources, bmc)) == [1, 2, 3]


async def test_a_full_log_is_told_with_its_cure(bmc: FakeBmc, sources: Sources) -> None:
    await sweep(sources, bmc)
    bmc.sel_overflow = True
    told = (await sweep(sources, bmc)).coverage
    assert told is not None
    assert told[-1].status is CoverageStatus.UNREADABLE
    assert "sel clear" in told[-1].cure


async def test_a_damaged_position_file_means_reading_everything_again(bmc: FakeBmc, tmp_path: Path) -> None:
    psu(bmc)
    first = local_sources(bmc, tmp_path)
    await sweep(first, bmc)
    await sweep(first, bmc)
    damage(tmp_path)
    assert ids(await sweep(local_sources(bmc, tmp_path), bmc)) == [1]


@settings(deadline=None, max_examples=40)
@given(steps=st.lists(st.sampled_from(["log", "log", "sweep", "restart", "clear"]), max_size=25))
async def test_whatever_restarts_come_between_no_entry_that_was_swept_over_is_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    state = tmp_path_factory.mktemp("sel")
    bmc = FakeBmc(3)
    sources = local_sources(bmc, state)
    owed: set[tuple[int, bytes]] = set()
    home: set[tuple[int, bytes]] = set()
    for step in [*steps, "sweep"]:
        if step == "log":
            psu(bmc)
        elif step == "clear":
            bmc.clear_log()
        elif step == "restart":
            # The last sweep's events never reached the spool.
            sources = local_sources(bmc, state)
        else:
            owed |= {(bmc.sel_erased, raw) for raw in bmc.sel}
            home |= {(event.erase_stamp, event.raw) for event in (await sweep(sources, bmc)).events}
    assert owed <= home


def refusing(*refused: int, code: int = 0xFF) -> Callable[[IpmiRequest], bytes | None]:
    def trouble(request: IpmiRequest) -> bytes | None:
        asked = int.from_bytes(request.data[2:4], "little")
        return bytes((code,)) if command(request) == ENTRY and asked in refused else None

    return trouble


async def test_an_entry_that_always_errors_does_not_block_those_behind_it(bmc: FakeBmc, sources: Sources) -> None:
    for _ in range(5):
        psu(bmc)
    bmc.trouble = refusing(3, code=0xCA)
    found = [await sweep(sources, bmc)]
    for _ in range(2):
        with contextlib.suppress(DeviceFailed):
            found.append(await sweep(sources, bmc))
    told = [event for swept in found for event in swept.events]
    assert [event.record_id for event in told] == [1, 2, 3, 4, 5]
    assert told[2].code == ""
    assert told[2].text.startswith("the BMC does not give this entry: SEL entry 0x0003")


async def test_an_entry_given_up_is_told_once_and_not_waited_for_again(bmc: FakeBmc, sources: Sources) -> None:
    psu(bmc)
    psu(bmc)
    bmc.trouble = refusing(2)
    found: list[int] = []
    for _ in range(5):
        with contextlib.suppress(DeviceFailed):
            found += ids(await sweep(sources, bmc))
    assert found == [1, 2]
    psu(bmc)
    assert ids(await sweep(sources, bmc)) == [3]


async def test_a_refusal_that_passes_costs_no_entry(bmc: FakeBmc, sources: Sources) -> None:
    for _ in range(3):
        psu(bmc)
    bmc.trouble = refusing(2)
    first = ids(await sweep(sources, bmc))
    with contextlib.suppress(DeviceFailed):
        first += ids(await sweep(sources, bmc))
    bmc.trouble = lambda request: None
    assert first + ids(await sweep(sources, bmc)) == [1, 2, 3]


async def test_a_clock_that_is_ahead_is_no_time(bmc: FakeBmc, sources: Sources) -> None:
    psu(bmc)
    bmc.sel[0] = bmc.sel[0][:3] + b"\xf0\xff\xff\xfe" + bmc.sel[0][7:]
    (event,) = (await sweep(sources, bmc)).events
    assert event.device_ms == 0
    assert "clock is ahead" in event.text
