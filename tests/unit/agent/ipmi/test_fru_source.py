"""The inventory source: once a day, after a change, FRU by FRU."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.part import Component

from tests.fakes.bmc import FakeBmc
from tests.integration.ipmi_rig import Sources, local_sources

FRU_READ = (0x0A, 0x11)


@pytest.fixture
def bmc() -> FakeBmc:
    return FakeBmc()


@pytest.fixture
def sources(bmc: FakeBmc, tmp_path: Path) -> Sources:
    return local_sources(bmc, tmp_path)


async def look(sources: Sources, bmc: FakeBmc) -> Sweep:
    return await sources.fru.sweep(bmc.clock.now())


async def test_board_chassis_and_bmc_are_parts(bmc: FakeBmc, sources: Sources) -> None:
    parts = {part.component: part for part in (await look(sources, bmc)).parts or ()}
    assert parts[Component.BOARD].model == "RS9000 Mainboard"
    assert parts[Component.CHASSIS].part_number == "CH-100"
    assert parts[Component.BMC].firmware == "2.15"


async def test_it_looks_often_and_reads_daily(bmc: FakeBmc, sources: Sources) -> None:
    await look(sources, bmc)
    bmc.clock.advance(200)
    bmc.asked.clear()
    assert (await look(sources, bmc)).parts is None
    assert bmc.asked == []
    bmc.clock.advance(86400)
    assert (await look(sources, bmc)).parts is not None


async def test_a_supply_that_came_or_went_has_the_inventory_read_again(bmc: FakeBmc, sources: Sources) -> None:
    await look(sources, bmc)
    await sources.discrete.sweep(bmc.clock.now())
    assert (await look(sources, bmc)).parts is None
    bmc.bits[0x31] = 0
    await sources.discrete.sweep(bmc.clock.now())
    assert (await look(sources, bmc)).parts is not None


async def test_a_fru_device_that_stays_busy_hides_no_other_and_is_asked_again_within_the_hour(
    bmc: FakeBmc, sources: Sources
) -> None:
    # A locator of FRU device 1, a power supply (entity 10.1), which has no power.
    bmc.records.append(bytes.fromhex("000051110c200180000009000a0100c1") + b"P")
    bmc.trouble = lambda request: b"\xc3" if request.command == 0x10 and request.data == b"\x01" else None
    assert {part.component for part in (await look(sources, bmc)).parts or ()} >= {Component.BOARD, Component.BMC}
    bmc.trouble = lambda request: None
    bmc.fru_devices = {0, 1}
    bmc.clock.advance(3000)
    assert (await look(sources, bmc)).parts is None
    bmc.clock.advance(700)
    assert Component.PSU in {part.component for part in (await look(sources, bmc)).parts or ()}
    bmc.trouble = lambda request: b"\xc3" if request.command == 0x10 and request.data == b"\x01" else None
    bmc.clock.advance(86400)
    again = (await look(sources, bmc)).parts
    assert again is not None
    assert Component.PSU in {part.component for part in again}, "what is busy is not gone"


async def test_a_bmc_that_gives_sixteen_bytes_at_a_time_is_read_the_same(bmc: FakeBmc, tmp_path: Path) -> None:
    narrow = FakeBmc()
    narrow.portion = 16
    wide = local_sources(bmc, tmp_path / "wide")
    small = local_sources(narrow, tmp_path / "narrow")
    assert (await look(small, narrow)).parts == (await look(wide, bmc)).parts


async def test_a_fru_that_garbles_or_refuses_leaves_the_bmc_itself(bmc: FakeBmc, sources: Sources) -> None:
    bmc.fru = b"\x55" * 512
    assert [part.component for part in (await look(sources, bmc)).parts or ()] == [Component.BMC]
    bmc.clock.advance(90000)
    bmc.trouble = lambda request: b"\xcb" if (request.netfn, request.command) == FRU_READ else None
    assert [part.component for part in (await look(sources, bmc)).parts or ()] == [Component.BMC]
