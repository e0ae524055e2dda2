"""The SMART source over real processes: a smartctl that sleeps, floods, prints junk or hangs costs one disk only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hardcase_agent.domain.ports import CommandRunner
from hardcase_agent.domain.reading import Gap, GapReason
from hardcase_agent.helper.table import Table
from hardcase_agent.sensors.command import DirectCommands
from hardcase_agent.sensors.helper_client import HelperClient
from hardcase_agent.sensors.smart.shelf import Extra, Shelf
from hardcase_agent.sensors.smart.source import SmartSource

from tests.contracts.command_runner import until
from tests.fakes.clock import FakeClock
from tests.peers.fake_smartctl import FakeSmartctl, can_make_unkillable
from tests.peers.helper_process import HelperProcess
from tests.unit.agent.smart.documents import as_text, asleep, ata, nvme, sas, scan
from tests.unit.agent.smart.machine import HOST


@pytest.fixture
def fake(tmp_path: Path) -> FakeSmartctl:
    return FakeSmartctl(tmp_path)


@pytest.fixture(params=["direct", "helper"])
async def runner(request: pytest.FixtureRequest, fake: FakeSmartctl, tmp_path: Path) -> AsyncIterator[CommandRunner]:
    if request.param == "direct":
        commands = DirectCommands(table=Table(tools=fake.tools, device_root=str(fake.devices)))
        yield commands
        await commands.close()
        return
    tools = (f"--tool={name}={path}" for name, path in fake.tools.items())
    with HelperProcess(tmp_path, *tools, "--device-root", str(fake.devices)) as helper:
        client = HelperClient(str(helper.socket))
        yield client
        await client.close()


def source(runner: CommandRunner, fake: FakeSmartctl, clock: FakeClock, *paths: str) -> SmartSource:
    """Reads the fake's nodes; they are outside of /dev, so they are named by hand."""
    shelf = Shelf(runner, fake.folder / "no-sysfs", extra=[Extra(path=path, type="sat") for path in paths])
    return SmartSource(
        host=HOST, shelf=shelf, commands=runner, clock=clock, nvme=False, period_s=60.0, disk_deadline_s=6.0
    )


async def reasons(smart: SmartSource, clock: FakeClock) -> dict[str, GapReason | None]:
    """Serial of each disk to why it has no values (None: it has)."""
    swept = await smart.sweep(clock.advance(60_000))
    return {
        sensor.part.serial: reading.reason if isinstance(reading, Gap) else None
        for sensor, reading in zip(swept.sensors, swept.readings, strict=True)
    }


async def test_every_way_to_misbehave_costs_one_disk_its_values_and_the_others_nothing(
    runner: CommandRunner, fake: FakeSmartctl
) -> None:
    clock = FakeClock()
    serials = {"sda": "GOOD", "sdb": "SLEEPS", "sdc": "FLOODS", "sdd": "JUNK", "sde": "WAITS", "sdf": "STANDBY"}
    paths = [fake.disk(name, as_text(ata(serial))) for name, serial in serials.items()]
    smart = source(runner, fake, clock, *paths)
    assert set((await reasons(smart, clock)).values()) == {None}
    fake.disk("sdb", behaviour="sleep")
    fake.disk("sdc", behaviour="flood")
    fake.disk("sdd", b"\xde\xad\xbe\xef{]")
    fake.disk("sde", behaviour="vfork")
    fake.disk("sdf", as_text(asleep()), status=3)
    assert await reasons(smart, clock) == {
        "GOOD": None,
        "SLEEPS": GapReason.HUNG,
        "FLOODS": GapReason.ERROR,
        "JUNK": GapReason.ERROR,
        "WAITS": GapReason.HUNG,
        "STANDBY": GapReason.ASLEEP,
    }
    await until(lambda: not fake.processes())
    for name, serial in serials.items():
        fake.disk(name, as_text(ata(serial)))
    await until_recovered(smart, clock)


async def test_a_disk_whose_process_cannot_be_killed_stays_hung_with_one_process_over_many_sweeps(
    runner: CommandRunner, fake: FakeSmartctl
) -> None:
    if not can_make_unkillable():
        pytest.skip("no right to make a pid namespace")
    clock = FakeClock()
    paths = [fake.disk(name, as_text(ata(name.upper()))) for name in ("sda", "sdb")]
    smart = source(runner, fake, clock, *paths)
    await reasons(smart, clock)
    fake.disk("sda", behaviour="unkillable")
    try:
        for _ in range(4):
            assert await reasons(smart, clock) == {"SDA": GapReason.HUNG, "SDB": None}
        assert sum(call[-1] == paths[0] for call in fake.calls()) == 2, "one good call, and one that hung"
    finally:
        fake.disk("sda", as_text(ata("SDA")))
        fake.release()
    await until_recovered(smart, clock)


async def until_recovered(smart: SmartSource, clock: FakeClock) -> None:
    """Sweeps until every disk has values again, with a bound."""
    async with asyncio.timeout(90):
        while set((await reasons(smart, clock)).values()) != {None}:  # noqa: ASYNC110  (a real process lets go)
            await asyncio.sleep(0.05)


async def test_a_disk_in_standby_is_asked_only_in_the_way_that_leaves_it_asleep(
    runner: CommandRunner, fake: FakeSmartctl
) -> None:
    clock = FakeClock()
    paths = [
        fake.disk("sda", as_text(asleep()), status=3),
        fake.disk("nvme0", as_text(nvme("N"))),
        fake.disk("sdb", as_text(sas("B"))),
    ]
    fake.answer("scan-open", as_text(scan()))
    smart = source(runner, fake, clock, *paths)
    for _ in range(3):
        await smart.sweep(clock.advance(3_600_000))
    await smart.doctor()
    touching = [call for call in fake.calls() if call != ["--version"]]
    assert len(touching) >= 10
    for call in touching:
        assert call[call.index("-n") + 1].startswith("standby,")
