"""Sweeps of sensors: budgets, busy and dying BMCs, hosts that are off, identity of the catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.domain.errors import DeviceAbsent, DeviceFailed, DeviceHung
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.ports import IpmiRequest, Source
from hardcase_agent.domain.reading import Gap, GapReason, Number, States
from hardcase_agent.sensors.ipmi.bmc import Bmc
from hardcase_agent.sensors.ipmi.cache import StateFile
from hardcase_agent.sensors.ipmi.conversation import Conversation
from hardcase_agent.sensors.ipmi.sensor_sources import AnalogueSource, DiscreteSource

from tests.fakes.bmc import FakeBmc
from tests.integration.ipmi_rig import HOST, Sources, by_name, local_sources, states
from tests.peers.ipmi_sim import demo

READING, CHASSIS = (0x04, 0x2D), (0x00, 0x01)


async def no_pause(seconds: float) -> None:
    return None


def on_lan(bmc: FakeBmc, state: Path) -> Bmc:
    return Bmc(Conversation(bmc, no_pause), bmc.clock, StateFile(state / "sdr.json"), host=None, address="bmc7")


async def sweep(source: Source, bmc: FakeBmc) -> Sweep:
    return await source.sweep(bmc.clock.now())


def all_of(sources: Sources) -> list[Source]:
    return [sources.analogue, sources.discrete, sources.sel, sources.fru]


def is_reading(number: int) -> Callable[[IpmiRequest], bool]:
    return lambda request: (request.netfn, request.command) == READING and request.data[0] == number


@pytest.fixture
def bmc() -> FakeBmc:
    return FakeBmc()


@pytest.fixture
def sources(bmc: FakeBmc, tmp_path: Path) -> Sources:
    return local_sources(bmc, tmp_path)


async def test_the_hosts_own_bmc_is_the_hosts_asset(bmc: FakeBmc, sources: Sources) -> None:
    assert (await sweep(sources.analogue, bmc)).asset is HOST


async def test_a_bmc_on_the_lan_is_the_asset_its_fru_names(bmc: FakeBmc, tmp_path: Path) -> None:
    asset = (await sweep(AnalogueSource(on_lan(bmc, tmp_path), "bmc7"), bmc)).asset
    assert (asset.vendor, asset.serial, asset.address) == ("Example Systems", "RS900042", "bmc7")


async def test_a_bmc_without_a_repository_is_read_by_its_own_device_records(bmc: FakeBmc, tmp_path: Path) -> None:
    with_repository = await sweep(local_sources(FakeBmc(), tmp_path / "repository").analogue, bmc)
    bmc.device_sdrs = True
    found = await sweep(local_sources(bmc, tmp_path / "device").analogue, bmc)
    assert found.sensors == with_repository.sensors
    assert found.readings == with_repository.readings
    assert all(isinstance(reading, Number) for reading in found.readings)


@pytest.mark.parametrize("empty", [True, False])
async def test_a_bmc_without_any_sensor_record_still_has_its_log_and_its_chassis_read(
    bmc: FakeBmc, tmp_path: Path, empty: bool
) -> None:
    bmc.log(kind=0x08, number=0x30, offset=3)
    bmc.records, bmc.device_sdrs = [], not empty
    bmc.sensors = [] if not empty else bmc.sensors
    sources = local_sources(bmc, tmp_path)
    assert len((await sweep(sources.sel, bmc)).events) == 1
    assert states(await sweep(sources.discrete, bmc), "Chassis power") == ["on"]
    swept = await sweep(sources.analogue, bmc)
    assert (swept.sensors, swept.readings) == ((), [])
    assert swept.coverage is not None
    assert [line.status for line in swept.coverage] == [CoverageStatus.UNREADABLE]


async def test_sensors_are_the_same_objects_in_every_sweep(bmc: FakeBmc, sources: Sources) -> None:
    for source in (sources.analogue, sources.discrete, sources.sel):
        first, second = await sweep(source, bmc), await sweep(source, bmc)
        assert second.sensors is first.sensors


async def test_what_the_bmc_says_of_its_limits_at_first_sight_is_kept(bmc: FakeBmc, sources: Sources) -> None:
    bmc.raw[1] = 96
    first = await sweep(sources.analogue, bmc)
    bmc.raw[1] = 40
    second = await sweep(sources.analogue, bmc)
    assert first.sensors[0].comparison == 0b011000
    assert second.sensors is first.sensors


async def test_a_disabled_an_absent_and_an_unavailable_sensor_are_gaps_beside_the_others(
    bmc: FakeBmc, sources: Sources
) -> None:
    bmc.flags[1] = 0x80
    bmc.flags[2] = 0xE0
    bmc.trouble = lambda request: b"\xcb" if is_reading(3)(request) else None
    readings = by_name(await sweep(sources.analogue, bmc))
    reasons = {name: reading.reason for name, reading in readings.items() if isinstance(reading, Gap)}
    assert reasons == {
        "CPU 1 Temp": GapReason.DISABLED, "CPU 2 Temp": GapReason.BUSY, "Inlet Temp": GapReason.ABSENT,
    }  # fmt: skip
    assert readings["Exhaust Temp"] == Number(36.0)


async def test_a_busy_sensor_is_asked_again_within_the_sweep_but_not_for_ever(bmc: FakeBmc, tmp_path: Path) -> None:
    source = AnalogueSource(on_lan(bmc, tmp_path), "bmc7")
    await sweep(source, bmc)
    refusals = [1]

    def busy(request: IpmiRequest) -> bytes | None:
        if is_reading(1)(request) and refusals[0]:
            refusals[0] -= 1
            return b"\xc0"
        return None

    bmc.trouble = busy
    assert by_name(await sweep(source, bmc))["CPU 1 Temp"] == Number(44.0)
    refusals[0] = 10**6
    bmc.asked.clear()
    gap = by_name(await sweep(source, bmc))["CPU 1 Temp"]
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.BUSY
    assert sum(is_reading(1)(request) for request in bmc.asked) == 3


async def test_a_slow_bmc_is_swept_in_turns_and_nothing_starves(tmp_path: Path) -> None:
    bmc = FakeBmc()
    source = AnalogueSource(on_lan(bmc, tmp_path), "bmc7")
    await sweep(source, bmc)
    bmc.cost_ms = 2000  # 19 sensors take 38 s, a minute's sweep may take 12.
    seen: set[str] = set()
    for turn in range(4):
        bmc.clock.advance(60)
        swept = await sweep(source, bmc)
        values = {name for name, reading in by_name(swept).items() if isinstance(reading, Number)}
        rest = [reading for reading in swept.readings if isinstance(reading, Gap)]
        assert not swept.complete
        assert {gap.reason for gap in rest} == {GapReason.NOT_SWEPT}
        assert 0 < len(values) < len(swept.sensors)
        assert turn == 0 or values - seen or len(seen) == len(swept.sensors)
        assert max(swept.offsets_ms) > 1000
        seen |= values
    assert len(seen) == 19


async def test_a_bmc_that_dies_within_a_sweep_leaves_what_was_read_and_the_next_begins_behind_the_culprit(
    bmc: FakeBmc, tmp_path: Path
) -> None:
    source = AnalogueSource(on_lan(bmc, tmp_path), "bmc7")
    await sweep(source, bmc)

    def hang(request: IpmiRequest) -> bytes | None:
        if is_reading(0x13)(request):
            raise DeviceHung("no answer from the BMC")
        return None

    bmc.trouble = hang
    first = by_name(await sweep(source, bmc))
    assert first["FAN 2"] == Number(5400.0)
    assert first["FAN 3"] == first["P12V"] == Gap(GapReason.HUNG, "no answer from the BMC")
    second = by_name(await sweep(source, bmc))
    assert second["P12V"] == Number(11.97)
    assert second["CPU 1 Temp"] == Number(44.0)
    assert isinstance(second["FAN 3"], Gap)


async def test_a_bmc_that_reads_nothing_at_all_is_the_sweeps_failure(bmc: FakeBmc, sources: Sources) -> None:
    await sweep(sources.analogue, bmc)

    def gone(request: IpmiRequest) -> bytes | None:
        raise DeviceFailed("nobody listens")

    bmc.trouble = gone
    for source in (sources.analogue, sources.discrete, sources.sel):
        with pytest.raises(DeviceFailed):
            await sweep(source, bmc)


async def test_while_the_host_is_off_its_sensors_are_gaps_and_are_not_asked(bmc: FakeBmc, tmp_path: Path) -> None:
    shared = on_lan(bmc, tmp_path)
    source, discrete = AnalogueSource(shared, "bmc7"), DiscreteSource(shared, "bmc7")
    await sweep(source, bmc)
    bmc.power = False
    bmc.asked.clear()
    readings = by_name(await sweep(source, bmc))
    assert readings["CPU 1 Temp"] == readings["FAN 1"] == readings["P12V"] == Gap(GapReason.HOST_OFF)
    assert readings["Inlet Temp"] == Number(23.0)
    assert readings["PSU 1 Pin"] == Number(300.0)
    assert not any(is_reading(0x20)(request) for request in bmc.asked)
    off = await sweep(discrete, bmc)
    assert states(off, "Chassis power") == []
    assert by_name(off)["CPU 1 Status"] == Gap(GapReason.HOST_OFF)
    assert states(off, "PSU 1 Status") == ["present"]


async def test_a_host_switched_off_under_the_sweep_makes_gaps_of_what_was_read(bmc: FakeBmc, tmp_path: Path) -> None:
    source = AnalogueSource(on_lan(bmc, tmp_path), "bmc7")
    await sweep(source, bmc)

    def off_at_fans(request: IpmiRequest) -> bytes | None:
        if is_reading(0x13)(request):
            bmc.power = False
            bmc.raw.update({0x14: 0, 0x15: 0, 0x16: 0, 0x20: 0})
        return None

    bmc.trouble = off_at_fans
    readings = by_name(await sweep(source, bmc))
    assert readings["P12V"] == readings["FAN 6"] == Gap(GapReason.HOST_OFF)


async def test_the_machine_we_run_on_is_on_whatever_its_bmc_says(bmc: FakeBmc, sources: Sources) -> None:
    bmc.power = False
    assert by_name(await sweep(sources.analogue, bmc))["P12V"] == Number(11.97)
    assert states(await sweep(sources.discrete, bmc), "Chassis power") == []


async def test_a_bmc_without_chassis_status_has_a_gap_there_and_is_read_all_the_same(
    bmc: FakeBmc, tmp_path: Path
) -> None:
    bmc.trouble = lambda request: b"\xc1" if (request.netfn, request.command) == CHASSIS else None
    shared = on_lan(bmc, tmp_path)
    read = by_name(await sweep(DiscreteSource(shared, "bmc7"), bmc))
    assert isinstance(read["Chassis power"], Gap)
    assert read["PSU 1 Status"] == States(1)
    assert by_name(await sweep(AnalogueSource(shared, "bmc7"), bmc))["P12V"] == Number(11.97)


async def test_a_repository_too_slow_for_one_sweep_is_read_over_several_and_says_so(tmp_path: Path) -> None:
    bmc = FakeBmc(cost_ms=500)
    source = AnalogueSource(on_lan(bmc, tmp_path), "bmc7")
    swept = await sweep(source, bmc)
    assert (swept.sensors, swept.complete) == ((), False)
    assert swept.coverage is not None
    assert "still being read" in swept.coverage[0].reason
    for _ in range(10):
        bmc.clock.advance(60)
        swept = await sweep(source, bmc)
        if swept.sensors:
            break
    assert len(swept.sensors) == 19


async def test_a_firmware_update_or_a_changed_repository_is_noticed_and_read_anew(bmc: FakeBmc, tmp_path: Path) -> None:
    source = AnalogueSource(on_lan(bmc, tmp_path), "bmc7")
    before = await sweep(source, bmc)
    bmc.records.pop(0)
    del bmc.raw[1]
    bmc.sdr_added += 1
    assert (await sweep(source, bmc)).sensors is before.sensors
    bmc.clock.advance(400)
    after = await sweep(source, bmc)
    assert "CPU 1 Temp" not in by_name(after)


async def test_coverage_is_told_once_and_again_only_when_it_changed(bmc: FakeBmc, sources: Sources) -> None:
    told = (await sweep(sources.analogue, bmc)).coverage
    assert told is not None
    assert {line.component for line in told} >= {Component.CPU, Component.FAN, Component.PSU}
    assert (await sweep(sources.analogue, bmc)).coverage is None


async def test_a_cancelled_sweep_leaves_a_source_that_goes_on(bmc: FakeBmc, sources: Sources) -> None:
    await sweep(sources.analogue, bmc)
    task = asyncio.ensure_future(sweep(sources.analogue, bmc))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert by_name(await sweep(sources.analogue, bmc))["CPU 1 Temp"] == Number(44.0)


async def test_the_device_is_closed_by_the_last_of_its_sources(bmc: FakeBmc, sources: Sources) -> None:
    for source in (sources.analogue, sources.discrete, sources.sel, sources.behind):
        await source.close()
        await source.close()
    assert not bmc.closed
    await sources.fru.close()
    assert bmc.closed


def absent(request: IpmiRequest) -> bytes | None:
    raise DeviceAbsent("/dev/ipmi0: No such file or directory")


async def test_a_machine_without_a_bmc_is_one_clear_line_of_the_doctor(bmc: FakeBmc, sources: Sources) -> None:
    bmc.trouble = absent
    lines = [line for source in all_of(sources) for line in await source.doctor()]
    assert [line.status for line in lines] == [CoverageStatus.NOT_PRESENT]
    assert "modprobe" in lines[0].cure


async def test_where_nobody_asked_for_a_bmc_its_absence_is_told_once_and_is_no_failure(
    bmc: FakeBmc, tmp_path: Path
) -> None:
    bmc.trouble = absent
    optional = local_sources(bmc, tmp_path, local="auto")
    told = [line for source in all_of(optional) for line in (await sweep(source, bmc)).coverage or ()]
    assert [line.status for line in told] == [CoverageStatus.NOT_PRESENT]
    assert (await sweep(optional.analogue, bmc)).coverage is None
    bmc.trouble = lambda request: None
    assert by_name(await sweep(optional.analogue, bmc))["CPU 1 Temp"] == Number(44.0)


async def test_where_a_bmc_was_asked_for_its_absence_is_a_failure(bmc: FakeBmc, sources: Sources) -> None:
    bmc.trouble = absent
    for source in all_of(sources):
        with pytest.raises(DeviceAbsent):
            await sweep(source, bmc)


@pytest.mark.parametrize(("code", "cure"), [(0xD4, "privilege"), (0xC1, "firmware")])
async def test_the_doctor_names_a_refusal_and_its_cure(bmc: FakeBmc, sources: Sources, code: int, cure: str) -> None:
    bmc.trouble = lambda request: bytes((code,))
    (line,) = await sources.sel.doctor()
    assert line.status is CoverageStatus.UNREADABLE
    assert cure in line.cure


async def test_a_device_that_takes_one_request_at_a_time_is_read_the_same(tmp_path: Path) -> None:
    class OneByOne:
        def __init__(self, bmc: FakeBmc) -> None:
            self.bmc, self.clock = bmc, bmc.clock

        async def request(self, *arguments: Any, **named: Any) -> bytes:
            return await self.bmc.request(*arguments, **named)

        async def close(self) -> None:
            return None

    bmc = FakeBmc()
    single = local_sources(OneByOne(bmc), tmp_path / "one")
    many = local_sources(FakeBmc(), tmp_path / "many")
    one, other = await sweep(single.analogue, bmc), await sweep(many.analogue, bmc)
    assert (one.sensors, one.readings) == (other.sensors, other.readings)


async def test_a_non_linear_sensor_is_read_with_the_factors_of_its_reading_which_are_asked_once(tmp_path: Path) -> None:
    bmc = FakeBmc()
    index = next(place for place, one in enumerate(bmc.sensors) if one.number == 1)
    raw = bytearray(bmc.records[index])
    raw[23] = 0x70
    bmc.records[index] = bytes(raw)
    bmc.raw[1] = 10
    factors = bytes((0, 11, 5, 0, 2, 0, 0, 0xF0))
    asked = (0x04, 0x23)
    bmc.trouble = lambda request: factors if (request.netfn, request.command) == asked else None
    sources = local_sources(bmc, tmp_path)
    for _ in range(2):
        assert by_name(await sweep(sources.analogue, bmc))["CPU 1 Temp"] == Number(5.2)
    assert len([request for request in bmc.asked if (request.netfn, request.command) == asked]) == 1
    bmc.raw[1] = 11
    assert by_name(await sweep(sources.analogue, bmc))["CPU 1 Temp"] == Number(5.7)


async def test_a_non_linear_sensor_whose_factors_the_bmc_does_not_tell_is_a_named_gap(tmp_path: Path) -> None:
    bmc = FakeBmc()
    index = next(place for place, one in enumerate(bmc.sensors) if one.number == 1)
    raw = bytearray(bmc.records[index])
    raw[23] = 0x70
    bmc.records[index] = bytes(raw)
    reading = by_name(await sweep(local_sources(bmc, tmp_path).analogue, bmc))["CPU 1 Temp"]
    assert isinstance(reading, Gap)
    assert (reading.reason, reading.detail) == (GapReason.UNSUPPORTED, "linearisation 0x70")


async def test_sensors_of_an_empty_bay_are_absent_and_speak_again_when_it_is_filled(tmp_path: Path) -> None:
    presence = demo.Discrete(number=0x70, name="PSU2 Presence", type=0x25, entity=10, instance=2, bits=(0, 1, 2))
    status = demo.Discrete(
        number=0x71, name="PSU2 Status", type=8, entity=10, instance=2, bits=(0, 1, 3), asserted=(3,)
    )
    power = demo.Analogue(number=0x72, name="PSU2 Power", type=0x0B, unit=6, entity=10, instance=2, reading=0)
    bmc = FakeBmc([presence, status, power])
    sources = local_sources(bmc, tmp_path)
    bmc.bits[0x70] = 0b10
    found = by_name(await sweep(sources.analogue, bmc)) | by_name(await sweep(sources.discrete, bmc))
    assert found["PSU2 Presence"] == States(0b10)
    for name in ("PSU2 Status", "PSU2 Power"):
        gap = found[name]
        assert isinstance(gap, Gap)
        assert gap.reason is GapReason.ABSENT
    bmc.trouble = lambda request: b"\xc0" if is_reading(0x70)(request) else None
    await sweep(sources.discrete, bmc)
    still = by_name(await sweep(sources.analogue, bmc))["PSU2 Power"]
    assert isinstance(still, Gap)
    assert still.reason is GapReason.ABSENT
    bmc.trouble = lambda request: None
    bmc.bits[0x70] = 0b01
    found = by_name(await sweep(sources.discrete, bmc)) | by_name(await sweep(sources.analogue, bmc))
    assert (found["PSU2 Status"], found["PSU2 Power"]) == (States(0b1000), Number(0.0))


async def test_a_presence_sensor_on_the_system_board_tells_of_nothing_else_on_it(tmp_path: Path) -> None:
    panel = demo.Discrete(number=0x70, name="CP Left Pres", type=0x25, entity=7, bits=(0, 1), asserted=(1,))
    bmc = FakeBmc([panel, demo.Analogue(number=1, name="Inlet", type=1, unit=1, entity=7, reading=25)])
    sources = local_sources(bmc, tmp_path)
    await sweep(sources.discrete, bmc)
    assert by_name(await sweep(sources.analogue, bmc))["Inlet"] == Number(25.0)
