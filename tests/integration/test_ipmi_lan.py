"""The IPMI family over LAN against a real ipmi_sim: what it reads, and what it does when the BMC misbehaves."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from hardcase_agent.domain.errors import AgentError, CredentialsRefused, DeviceFailed, DeviceHung
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Number
from hardcase_agent.sensors.devices import LanIpmi
from hardcase_agent.sensors.lan_session import LanTarget, Privilege

from tests.fakes.secrets import FileSecrets
from tests.integration.ipmi_rig import Sources, by_name, lan_sources, states, sweep
from tests.peers.bmc_relay import CountingRelay
from tests.peers.garbage_bmc import GarbageBmc
from tests.peers.ipmi_sim import IpmiSim

Answer = TypeVar("Answer")


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[IpmiSim]:
    with IpmiSim(tmp_path / "bmc") as running:
        yield running


@pytest.fixture
async def sources(sim: IpmiSim, tmp_path: Path) -> AsyncIterator[Sources]:
    built = lan_sources(sim.lan_port, sim.password_file, tmp_path / "state")
    yield built
    await built.close()


def device_of(sim: IpmiSim, **settings: object) -> LanIpmi:
    values: dict[str, object] = {"user": sim.user, "password": f"file:{sim.password_file}"} | settings
    return LanIpmi(LanTarget(host="127.0.0.1", port=sim.lan_port, **values), FileSecrets())  # type: ignore[arg-type]


async def device_id(device: LanIpmi, deadline_s: float = 60.0) -> bytes:
    return await device.request(0x06, 0x01, b"", deadline_s=deadline_s)


async def until(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    ends = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends, "did not come true in time"
        await asyncio.sleep(0.02)


async def again(call: Callable[[], Awaitable[Answer]], within_s: float = 60.0) -> Answer:
    """Calls until the device is not hung any more, with a bound."""
    ends = time.monotonic() + within_s
    while True:
        try:
            return await call()
        except DeviceHung:
            assert time.monotonic() < ends, "stayed hung"
            await asyncio.sleep(0.02)


# ---- what it reads -----------------------------------------------------------------------------------------------


async def test_analogue_sensors_come_with_values_units_parts_and_the_bmcs_own_limits(sources: Sources) -> None:
    read = await sweep(sources.analogue)
    cpu = next(sensor for sensor in read.sensors if sensor.name == "CPU 1 Temp")
    assert by_name(read)["CPU 1 Temp"] == Number(44.0)
    assert by_name(read)["P12V"] == Number(11.97)
    assert by_name(read)["Inlet Temp"] == Number(23.0)
    assert cpu.id == "20.0.1/3.1"
    assert cpu.part == Part(component=Component.CPU, slot="CPU1")
    assert (cpu.limits.upper_non_critical, cpu.limits.upper_critical, cpu.limits.upper_non_recoverable) == (85, 95, 105)
    assert (cpu.limits.hysteresis_rising, cpu.limits.source, cpu.comparison) == (2.0, "bmc", 0)
    assert (read.asset.vendor, read.asset.model, read.asset.serial) == (
        "Example Systems",
        "Rack Server 9000",
        "RS900042",
    )
    assert read.complete


async def test_a_threshold_crossing_is_read_logged_and_keeps_the_sensors_tuple(sim: IpmiSim, sources: Sources) -> None:
    before = await sweep(sources.analogue)
    sim.set_reading(1, 97)
    after = await sweep(sources.analogue)
    assert after.sensors is before.sensors
    assert by_name(after)["CPU 1 Temp"] == Number(97.0)
    events = (await sweep(sources.sel)).events
    assert [event.code for event in events] == ["temperature.upper_non_critical", "temperature.upper_critical"]
    assert {event.sensor for event in events} == {"20.0.1/3.1"}
    assert (await sweep(sources.sel)).events == ()


async def test_states_are_named_and_a_lost_supply_input_is_seen_and_logged(sim: IpmiSim, sources: Sources) -> None:
    assert states(await sweep(sources.discrete), "PSU 1 Status") == ["present"]
    sim.set_bit(0x30, 3, True)
    read = await sweep(sources.discrete)
    assert states(read, "PSU 1 Status") == ["present", "input_lost"]
    assert states(read, "Chassis power") == ["on"]
    assert states(read, "PSU Redundancy") == ["fully_redundant"]
    (event,) = (await sweep(sources.sel)).events
    assert (event.code, event.part, event.asserted) == (
        "psu.input_lost",
        Part(component=Component.PSU, slot="PSU1"),
        True,
    )


async def test_a_host_that_is_off_makes_gaps_and_no_zero_volts(sim: IpmiSim, sources: Sources) -> None:
    sim.set_power(False)
    read = await sweep(sources.analogue)
    assert by_name(read)["P12V"] == Gap(GapReason.HOST_OFF)
    assert by_name(read)["FAN 1"] == Gap(GapReason.HOST_OFF)
    assert by_name(read)["Inlet Temp"] == Number(23.0)
    assert states(await sweep(sources.discrete), "Chassis power") == []
    sim.set_power(True)
    assert by_name(await sweep(sources.analogue))["P12V"] == Number(11.97)


async def test_the_inventory_names_board_chassis_and_bmc(sources: Sources) -> None:
    parts = {part.component: part for part in (await sweep(sources.fru)).parts or ()}
    assert parts[Component.BOARD].serial == "BRS900042"
    assert parts[Component.CHASSIS].serial == "CRS900042"
    assert parts[Component.BMC].firmware == "2.15"
    assert (await sweep(sources.fru)).parts is None


async def test_plain_rmcp_reads_the_same_and_doctor_warns_of_plain_text(sim: IpmiSim, tmp_path: Path) -> None:
    plain = lan_sources(sim.lan_port, sim.password_file, tmp_path / "plain", interface="rmcp")
    secure = lan_sources(sim.lan_port, sim.password_file, tmp_path / "secure")
    one, other = await sweep(plain.analogue), await sweep(secure.analogue)
    assert (one.sensors, one.readings) == (other.sensors, other.readings)
    assert any("plain text" in line.reason for line in await plain.analogue.doctor())
    await plain.close()
    await secure.close()


async def test_a_clock_that_was_never_set_is_told_by_the_doctor_of_the_log(sources: Sources) -> None:
    reasons = [line.reason for line in await sources.sel.doctor()]
    assert "the BMC's clock was never set: its event log counts from its start" in reasons


# ---- what it remembers -------------------------------------------------------------------------------------------


async def test_a_restart_sends_the_last_portion_of_the_log_again_but_not_the_whole(
    sim: IpmiSim, sources: Sources, tmp_path: Path
) -> None:
    sim.set_bit(0x30, 1, True)
    assert len((await sweep(sources.sel)).events) == 1
    sim.set_bit(0x30, 3, True)
    assert len((await sweep(sources.sel)).events) == 1  # Writes down that the first was handed over.
    await sources.close()
    again = lan_sources(sim.lan_port, sim.password_file, tmp_path / "state")
    assert [event.code for event in (await sweep(again.sel)).events] == ["psu.input_lost"]
    sim.set_bit(0x31, 1, True)
    assert [event.part.slot for event in (await sweep(again.sel)).events] == ["PSU2"]
    await again.close()


async def test_a_cleared_log_is_read_from_its_beginning(sim: IpmiSim, sources: Sources) -> None:
    sim.set_bit(0x30, 1, True)
    await sweep(sources.sel)
    device = device_of(sim, privilege=Privilege.OPERATOR)
    reserved = await device.request(0x0A, 0x42, b"", deadline_s=60)
    cleared = await device.request(0x0A, 0x47, reserved[1:3] + b"CLR\xaa", deadline_s=60)
    assert cleared[0] == 0
    await device.close()
    sim.set_bit(0x30, 3, True)
    events = (await sweep(sources.sel)).events
    assert events[-1].code == "psu.input_lost"
    assert "psu.failure_detected" not in [event.code for event in events]


async def test_the_cache_spares_a_restart_the_repository_and_a_new_firmware_voids_it(
    sim: IpmiSim, sources: Sources, tmp_path: Path
) -> None:
    first = await sweep(sources.analogue)
    await sources.close()
    again = lan_sources(sim.lan_port, sim.password_file, tmp_path / "state")
    assert (await sweep(again.analogue)).sensors == first.sensors
    await again.close()
    sim.kill()
    sim.firmware = (2, 0x16)
    sim.sensors = [sensor for sensor in sim.sensors if sensor.name != "FAN 6"]
    sim.start()
    updated = lan_sources(sim.lan_port, sim.password_file, tmp_path / "state")
    assert "FAN 6" not in by_name(await sweep(updated.analogue))
    await updated.close()


# ---- what goes wrong ---------------------------------------------------------------------------------------------


async def test_a_hung_bmc_is_named_by_the_deadline_disturbs_no_other_and_comes_back(
    sim: IpmiSim, tmp_path: Path
) -> None:
    with IpmiSim(tmp_path / "other") as healthy:
        hung, other = device_of(sim), device_of(healthy)
        await device_id(hung)
        sim.pause()
        call = asyncio.create_task(device_id(hung, 1.0))
        for _ in range(5):
            assert (await device_id(other))[0] == 0
        with pytest.raises(DeviceHung):
            await call
        sim.resume()

        assert (await again(lambda: device_id(hung)))[0] == 0
        await hung.close()
        await other.close()


async def test_a_bmc_that_hangs_within_a_sweep_ends_it_by_name_and_is_read_again_afterwards(
    sim: IpmiSim, tmp_path: Path
) -> None:
    built = lan_sources(sim.lan_port, sim.password_file, tmp_path / "state")
    await sweep(built.analogue)
    running = asyncio.create_task(sweep(built.analogue))
    await asyncio.sleep(0)  # The sweep has begun; where it is when the BMC stops is the machine's matter.
    sim.pause()
    try:
        gaps = [reading for reading in (await running).readings if isinstance(reading, Gap)]
        assert {gap.reason for gap in gaps} <= {GapReason.HUNG}
    except DeviceHung:
        pass
    with pytest.raises(DeviceHung):
        await sweep(built.analogue)
    sim.resume()
    read = await again(lambda: sweep(built.analogue))
    assert by_name(read)["CPU 1 Temp"] == Number(44.0)
    await built.close()


async def test_an_abandoned_request_refuses_the_next_one_at_once_until_it_returns(sim: IpmiSim) -> None:
    device = device_of(sim)
    await device_id(device)
    sim.pause()
    call = asyncio.create_task(device_id(device))
    await asyncio.sleep(0)  # The call is on the device's thread now.
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(DeviceHung, match="earlier request"):
        await device_id(device)
    sim.resume()
    assert (await again(lambda: device_id(device)))[0] == 0
    await device.close()


async def test_closing_a_hung_device_waits_for_nothing(sim: IpmiSim) -> None:
    device = device_of(sim)
    await device_id(device)
    sim.pause()
    call = asyncio.create_task(device_id(device))
    await asyncio.sleep(0)
    await device.close()
    assert not call.done()
    call.cancel()
    sim.resume()


@pytest.mark.parametrize("cipher_suite", [None, 3])
async def test_a_wrong_password_is_refused_by_name_and_is_in_no_message(
    sim: IpmiSim, tmp_path: Path, cipher_suite: int | None
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("Tr0ub4dor")
    device = device_of(sim, password=f"file:{wrong}", cipher_suite=cipher_suite)
    with pytest.raises(CredentialsRefused) as refused:
        await device_id(device)
    assert "Tr0ub4dor" not in repr(refused.value) + str(refused.value.__cause__)
    await device.close()


async def test_after_a_refusal_the_bmc_sees_no_further_log_in_of_any_source(sim: IpmiSim, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("Tr0ub4dor")
    with CountingRelay(sim.lan_port) as relay:
        built = lan_sources(relay.port, wrong, tmp_path / "state")
        with pytest.raises(CredentialsRefused):
            await sweep(built.analogue)
        first = relay.log_ins
        assert 1 <= first <= 2
        for source in (built.discrete, built.sel, built.fru):
            with pytest.raises(CredentialsRefused):
                await sweep(source)
        assert relay.log_ins == first
        await built.close()


async def test_an_unknown_user_is_refused_by_name(sim: IpmiSim) -> None:
    device = device_of(sim, user="nobody")
    with pytest.raises(CredentialsRefused):
        await device_id(device)
    await device.close()


async def test_a_wrong_password_by_plain_rmcp_cannot_be_told_from_a_hung_bmc_and_says_so(
    sim: IpmiSim, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("Tr0ub4dor")
    built = lan_sources(sim.lan_port, wrong, tmp_path / "state", interface="rmcp")
    with pytest.raises(DeviceHung, match="wrong password"):
        await sweep(built.analogue)
    await built.close()


@pytest.mark.parametrize("interface", ["rmcpplus", "rmcp"])
async def test_an_account_of_lower_privilege_is_asked_for_less(sim: IpmiSim, tmp_path: Path, interface: str) -> None:
    built = lan_sources(
        sim.lan_port,
        sim.password_file,
        tmp_path / "state",
        user="reader",
        privilege="administrator",
        interface=interface,
    )
    assert by_name(await sweep(built.analogue))["CPU 1 Temp"] == Number(44.0)
    await built.close()


async def test_a_restarted_bmc_is_read_again_without_anybody_noticing(sim: IpmiSim) -> None:
    device = device_of(sim)
    await device_id(device)
    sim.kill()
    sim.start()
    assert (await device_id(device))[0] == 0
    await device.close()


async def test_a_session_idle_for_a_minute_is_opened_anew_before_it_is_used(sim: IpmiSim) -> None:
    ahead = [0.0]
    with CountingRelay(sim.lan_port) as relay:
        target = LanTarget(host="127.0.0.1", port=relay.port, user=sim.user, password=f"file:{sim.password_file}")
        device = LanIpmi(target, FileSecrets(), monotonic=lambda: time.monotonic() + ahead[0])
        await device_id(device)
        # ipmi_sim forgets its sessions, as it does after 60 s of silence.
        sim.kill()
        sim.start()
        ahead[0] = 65.0
        before = len(relay.sessions)
        assert (await device_id(device))[0] == 0
        # One packet goes to the old session at most, its end; a try on it would be three.
        assert relay.sessions[before:].index(bytes(4)) <= 1
        await device.close()


async def test_a_bmc_that_is_gone_is_named_and_found_again(sim: IpmiSim) -> None:
    device = device_of(sim)
    await device_id(device)
    sim.kill()
    with pytest.raises(DeviceFailed):
        await device_id(device)
    sim.start()
    assert (await device_id(device))[0] == 0
    await device.close()


@pytest.mark.parametrize("interface", ["rmcpplus", "rmcp"])
@pytest.mark.parametrize("truncate", [0, 5, 12, 20])
async def test_a_bmc_that_answers_garbage_is_named_and_harms_nothing(
    tmp_path: Path, interface: str, truncate: int
) -> None:
    (tmp_path / "password").write_text("x")
    with GarbageBmc(truncate=truncate) as garbage:
        built = lan_sources(garbage.lan_port, tmp_path / "password", tmp_path / "state", interface=interface)
        with pytest.raises(AgentError):
            await sweep(built.analogue)
        assert garbage.heard > 0
        (line, *_) = await built.analogue.doctor()
        assert line.status is CoverageStatus.UNREADABLE
        assert line.cure
        await built.close()


async def test_fifty_reconnects_leave_no_socket_and_no_thread_behind(sim: IpmiSim) -> None:
    def sockets() -> set[str]:
        """By inode. A set and not a count: what other tests left to the collector of garbage may close meanwhile."""
        found = set()
        for number in os.listdir("/proc/self/fd"):
            with suppress(FileNotFoundError):  # closed since it was listed
                found.add(os.readlink(f"/proc/self/fd/{number}"))
        return {name for name in found if name.startswith("socket:")}

    def threads() -> int:
        return sum(thread.name == f"device 127.0.0.1:{sim.lan_port}" for thread in threading.enumerate())

    warm = device_of(sim)
    await device_id(warm)
    await warm.close()
    await until(lambda: threads() == 0)
    before = sockets()
    ahead = [0.0]
    target = LanTarget(host="127.0.0.1", port=sim.lan_port, user=sim.user, password=f"file:{sim.password_file}")
    kept = LanIpmi(target, FileSecrets(), monotonic=lambda: time.monotonic() + ahead[0])
    for _ in range(25):
        ahead[0] += 60.0
        assert (await device_id(kept))[0] == 0
    assert len(sockets() - before) == 1
    assert threads() == 1
    await kept.close()
    for _ in range(25):
        device = device_of(sim)
        await device_id(device)
        await device.close()
    await until(lambda: threads() == 0 and not sockets() - before)
