"""The host's sources: one thread each, abandoned when it hangs, resumed where the budget ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hardcase_agent.domain.errors import DeviceHung
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, Sensor
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.self_source import SelfReport, SelfSource
from hardcase_agent.sensors.host.source import HostSource

ASSET = Asset(hostname="h")
WATCHED = (CoverageLine(component=Component.THERMAL, status=CoverageStatus.WATCHED),)


@dataclass
class SteppingClock:
    """Every reading of a sensor takes `step_ms`."""

    boot_ms: int = 0
    step_ms: int = 0

    def now(self) -> Moment:
        return Moment(wall_ms=self.boot_ms, boot_ms=self.boot_ms)

    def reading(self, value: float) -> Callable[[], Reading]:
        def read() -> Reading:
            self.boot_ms += self.step_ms
            return Number(value)

        return read


@dataclass
class Tree:
    clock: SteppingClock
    count: int = 3
    looks: int = field(default=0)

    def scan(self) -> Scan:
        self.looks += 1
        probes = tuple(
            Probe(Sensor(id=f"s{index}", name=f"s{index}", kind=Kind.TEMPERATURE), self.clock.reading(float(index)))
            for index in range(self.count)
        )
        return Scan(probes, WATCHED)


def source_of(tree: Tree, **options: float) -> HostSource:
    return HostSource("host.test@local", ASSET, tree.scan, tree.clock, period_s=options.get("period_s", 60.0))


async def test_a_sweep_reads_every_sensor_and_the_first_one_tells_what_is_there() -> None:
    tree = Tree(SteppingClock())
    source = source_of(tree)
    first = await source.sweep(Moment(0, 0))
    second = await source.sweep(Moment(60_000, 60_000))
    await source.close()
    assert list(first.readings) == [Number(0.0), Number(1.0), Number(2.0)]
    assert first.coverage == WATCHED
    assert second.coverage is None
    assert first.sensors is second.sensors
    assert tree.looks == 1


async def test_a_later_look_that_finds_the_same_keeps_the_same_objects() -> None:
    tree = Tree(SteppingClock())
    source = source_of(tree)
    first = await source.sweep(Moment(0, 0))
    again = await source.sweep(Moment(600_000, 600_000))
    tree.count = 4
    grown = await source.sweep(Moment(1_200_000, 1_200_000))
    await source.close()
    assert tree.looks == 3
    assert again.sensors is first.sensors
    assert len(grown.sensors) == len(grown.readings) == 4


async def test_a_slow_sweep_stops_at_a_fifth_of_its_period_and_goes_on_from_there() -> None:
    tree = Tree(SteppingClock(step_ms=5000), count=5)
    source = source_of(tree, period_s=60.0)
    first = await source.sweep(Moment(0, 0))
    second = await source.sweep(Moment(60_000, 60_000))
    await source.close()
    swept = [[not isinstance(reading, Gap) for reading in sweep.readings] for sweep in (first, second)]
    assert swept == [[True, True, True, False, False], [True, False, False, True, True]]
    assert not first.complete
    assert first.readings[4] == Gap(GapReason.NOT_SWEPT)
    assert list(first.offsets_ms)[:3] == [0, 5000, 10_000]


async def test_a_quick_sweep_has_no_offsets_and_is_complete() -> None:
    source = source_of(Tree(SteppingClock(step_ms=10)))
    sweep = await source.sweep(Moment(0, 0))
    await source.close()
    assert list(sweep.offsets_ms) == []
    assert sweep.complete


async def test_a_read_that_hangs_is_given_up_and_refused_until_it_returns() -> None:
    gate = threading.Event()

    def look() -> Scan:
        gate.wait()
        return Scan((), WATCHED)

    source = HostSource("host.test@local", ASSET, look, SteppingClock(), period_s=60.0, deadline_s=0.05)
    with pytest.raises(DeviceHung, match="no answer within"):
        await source.sweep(Moment(0, 0))
    with pytest.raises(DeviceHung, match="has not returned"):
        await source.sweep(Moment(60_000, 60_000))
    gate.set()
    async with asyncio.timeout(60):
        while True:
            try:
                sweep = await source.sweep(Moment(120_000, 120_000))
                break
            except DeviceHung:
                await asyncio.sleep(0.01)
    await source.close()
    assert sweep.coverage == WATCHED


async def test_one_thread_does_all_the_reads_of_a_source() -> None:
    threads = set()

    def read() -> Reading:
        threads.add(threading.get_ident())
        return Number(1.0)

    probe = Probe(Sensor(id="s", name="s", kind=Kind.TEMPERATURE), read)
    source = HostSource("host.test@local", ASSET, lambda: Scan((probe,), WATCHED), SteppingClock(), period_s=60.0)
    for at in range(20):
        await source.sweep(Moment(at, at))
    await source.close()
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_doctor_of_a_hung_tree_says_so_instead_of_waiting() -> None:
    gate = threading.Event()

    def hang() -> Scan:
        gate.wait()
        return Scan((), ())

    source = HostSource("host.test@local", ASSET, hang, SteppingClock(), period_s=60.0, deadline_s=0.05)
    (line,) = await source.doctor()
    gate.set()
    await source.close()
    assert line.status is CoverageStatus.UNREADABLE
    assert "did not answer" in line.reason
    assert line.cure


async def test_the_agent_reports_itself_in_the_words_of_the_wire() -> None:
    sweeps = {"ipmi.analogue@local": 0.25, "snmp@ups1": 1.5}
    report = SelfReport(cpu_s=12.5, rss_bytes=40_000_000, spool_records=7, spool_bytes=9000, lost=0, sweeps_s=sweeps)
    source = SelfSource(ASSET, lambda: report)
    sweep = await source.sweep(Moment(0, 0))
    told = {
        (sensor.quantity, sensor.id): reading for sensor, reading in zip(sweep.sensors, sweep.readings, strict=True)
    }
    assert told == {
        ("agent.cpu", "agent.cpu"): Number(12.5),
        ("agent.rss", "agent.rss"): Number(40_000_000.0),
        ("agent.spool_records", "agent.spool_records"): Number(7.0),
        ("agent.spool_bytes", "agent.spool_bytes"): Number(9000.0),
        ("agent.lost", "agent.lost"): Number(0.0),
        ("agent.sweep", "sweep/ipmi.analogue@local"): Number(0.25),
        ("agent.sweep", "sweep/snmp@ups1"): Number(1.5),
    }
    assert sweep.wide
    assert (await source.sweep(Moment(1, 1))).sensors is sweep.sensors
