"""The SNMP source over a device played from a table: what it asks, when it looks again, how it stops and goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hardcase_agent.domain.errors import DeviceHung, MalformedAnswer
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.reading import Gap, GapReason, Number
from hardcase_agent.sensors.snmp.identity import SYS_UPTIME, Told
from hardcase_agent.sensors.snmp.profile import makers, shipped_profiles
from hardcase_agent.sensors.snmp.source import SnmpSource
from hardcase_agent.sensors.snmp.values import Missing, Oid, Value, VarBind, Walk, parse_oid

from tests.peers.snmpsim import INTEGER, OCTETS, Rows, entity_rows, plain_rows
from tests.unit.agent.snmp.test_layout import objects_of

SENSOR = "1.3.6.1.2.1.99.1.1.1"


@dataclass
class Clock:
    boot_ms: int = 0

    def now(self) -> Moment:
        return Moment(wall_ms=self.boot_ms, boot_ms=self.boot_ms)


@dataclass
class Device:
    """Answers from `objects`; each request takes `step_ms` of the clock and may be made to fail."""

    objects: dict[Oid, Value]
    clock: Clock
    step_ms: int = 0
    size: int = 20
    requests: int = 0
    fail_from: int | None = None
    malformed: Oid | None = None
    silent: Oid | None = None
    walked: list[Oid] = field(default_factory=list)
    closed: bool = False

    def _count(self) -> None:
        self.clock.boot_ms += self.step_ms
        self.requests += 1
        if self.fail_from is not None and self.requests >= self.fail_from:
            raise DeviceHung("played silence")

    async def get(self, oids: Sequence[Oid], *, deadline_s: float) -> tuple[VarBind, ...]:
        self._count()
        return tuple((oid, self.objects.get(oid, Missing.NO_SUCH_INSTANCE)) for oid in oids)

    async def next_of(self, roots: Sequence[Oid], *, deadline_s: float) -> tuple[VarBind, ...]:
        self._count()
        order = sorted(self.objects)
        return tuple(
            next(((oid, self.objects[oid]) for oid in order if oid > root), (root, Missing.NO_SUCH_OBJECT))
            for root in roots
        )

    async def walk(self, root: Oid, *, deadline_s: float, limit: int = 5000, after: Oid | None = None) -> Walk:
        self._count()
        self.walked.append(root)
        if self.malformed is not None and root == self.malformed:
            raise MalformedAnswer("OIDs do not increase")
        if self.silent is not None and root == self.silent:
            raise DeviceHung("played silence at a table")
        rows = sorted(
            (oid, value) for oid, value in self.objects.items() if oid[: len(root)] == root and oid > (after or root)
        )
        return Walk(tuple(rows[:limit]), complete=len(rows) <= limit)

    def close(self) -> None:
        self.closed = True


def rows_of(count: int) -> Rows:
    rows = entity_rows()
    for number in range(count):
        for column, value in enumerate((8, 9, 0, 40 + number, 1), start=1):
            rows[f"{SENSOR}.{column}.{2000 + number}"] = (INTEGER, str(value))
        rows[f"1.3.6.1.2.1.47.1.1.1.1.7.{2000 + number}"] = (OCTETS, f"T{number}")
    return rows


def device_of(count: int = 0) -> Device:
    return Device(objects_of(rows_of(count)), Clock())


def source_of(device: Device, connect: Callable[[], Device] | None = None) -> SnmpSource:
    return SnmpSource(
        "x",
        Told(address="snmp:10.0.0.9"),
        connect or (lambda: device),
        shipped_profiles(),
        makers(),
        device.clock,
        period_s=60.0,
        deadline_s=30.0,
    )


async def test_a_sweep_after_the_look_only_gets_and_walks_nothing() -> None:
    device = device_of(30)
    source = source_of(device)
    await source.sweep(Moment(0, 0))
    device.walked.clear()
    before = device.requests
    await source.sweep(Moment(60_000, 60_000))
    assert device.walked == []
    # 35 rows: status is asked for once for both sensors of a row, 20 objects to a datagram, sysUpTime before.
    assert device.requests - before <= 1 + 8


async def test_a_sensor_that_vanishes_is_absent_at_once_and_gone_after_the_next_look() -> None:
    device = device_of(3)
    source = source_of(device)
    first = await source.sweep(Moment(0, 0))
    for column in range(1, 6):
        del device.objects[parse_oid(f"{SENSOR}.{column}.2001")]
    second = await source.sweep(Moment(60_000, 60_000))
    index = [sensor.id for sensor in second.sensors].index("entity-sensor/value/2001")
    gone = second.readings[index]
    assert second.sensors is first.sensors
    assert isinstance(gone, Gap)
    assert gone.reason is GapReason.ABSENT
    third = await source.sweep(Moment(600_001, 600_001))
    assert "entity-sensor/value/2001" not in [sensor.id for sensor in third.sensors]
    assert third.parts is not None


async def test_a_restarted_device_is_looked_at_again() -> None:
    device = device_of(1)
    device.objects[SYS_UPTIME] = 500_000
    source = source_of(device)
    await source.sweep(Moment(0, 0))
    device.objects |= objects_of(rows_of(2))
    device.objects[SYS_UPTIME] = 100
    sweep = await source.sweep(Moment(60_000, 60_000))
    assert "entity-sensor/value/2001" in [sensor.id for sensor in sweep.sensors]


async def test_a_new_row_is_found_within_the_hour() -> None:
    device = device_of(1)
    source = source_of(device)
    await source.sweep(Moment(0, 0))
    device.objects |= {oid: value for oid, value in objects_of(rows_of(2)).items() if oid != SYS_UPTIME}
    early = await source.sweep(Moment(60_000, 60_000))
    late = await source.sweep(Moment(3_600_000, 3_600_000))
    assert "entity-sensor/value/2001" not in [sensor.id for sensor in early.sensors]
    assert "entity-sensor/value/2001" in [sensor.id for sensor in late.sensors]


async def test_silence_in_the_middle_makes_gaps_of_the_rest_and_no_zero() -> None:
    device = device_of(60)
    source = source_of(device)
    await source.sweep(Moment(0, 0))
    device.requests, device.fail_from = 0, 4
    sweep = await source.sweep(Moment(60_000, 60_000))
    reasons = [reading.reason for reading in sweep.readings if isinstance(reading, Gap)]
    assert reasons.count(GapReason.HUNG) > 40
    assert any(isinstance(reading, Number) for reading in sweep.readings)
    assert Number(0.0) not in sweep.readings


async def test_silence_from_the_start_is_an_error_and_the_look_before_is_kept() -> None:
    device = device_of(1)
    source = source_of(device)
    first = await source.sweep(Moment(0, 0))
    device.requests, device.fail_from = 0, 1
    with pytest.raises(DeviceHung):
        await source.sweep(Moment(60_000, 60_000))
    device.fail_from = None
    again = await source.sweep(Moment(120_000, 120_000))
    assert again.sensors is first.sensors


async def test_a_slow_device_is_read_in_rounds_of_a_fifth_of_the_period() -> None:
    device = device_of(60)
    source = source_of(device)
    await source.sweep(Moment(0, 0))
    device.step_ms = 5000
    first = await source.sweep(Moment(60_000, 60_000))
    second = await source.sweep(Moment(120_000, 120_000))
    assert not first.complete
    assert list(first.offsets_ms)
    swept = [[reading != Gap(GapReason.NOT_SWEPT) for reading in sweep.readings] for sweep in (first, second)]
    assert swept[0][0]
    assert not swept[0][-1]
    # The second round begins where the first one ended.
    assert swept[0].index(False) == swept[1].index(True)


async def test_a_table_that_loops_is_told_and_the_others_are_read() -> None:
    device = device_of()
    table = "1.3.6.1.4.1.2021.13.16.2.1"
    device.objects |= {parse_oid(f"{table}.2.1"): b"CPU", parse_oid(f"{table}.3.1"): 41_000}
    device.malformed = parse_oid(f"{SENSOR}.4")
    sweep = await source_of(device).sweep(Moment(0, 0))
    assert [sensor.id for sensor in sweep.sensors] == ["lm-sensors/temperature/1"]
    statuses = {line.status for line in sweep.coverage or ()}
    assert statuses == {CoverageStatus.UNREADABLE, CoverageStatus.WATCHED}


async def test_the_device_is_connected_at_the_first_sweep_and_let_go_at_close() -> None:
    device = device_of()
    connected = 0

    def connect() -> Device:
        nonlocal connected
        connected += 1
        return device

    source = source_of(device, connect)
    assert connected == 0
    await source.sweep(Moment(0, 0))
    await source.sweep(Moment(60_000, 60_000))
    assert connected == 1
    await source.close()
    await source.close()
    assert device.closed


async def test_a_look_longer_than_its_budget_goes_on_where_it_stopped() -> None:
    device = device_of(3)
    table = "1.3.6.1.4.1.2021.13.16.2.1"
    device.objects |= {parse_oid(f"{table}.2.1"): b"CPU", parse_oid(f"{table}.3.1"): 41_000}
    device.step_ms = 4000
    source = source_of(device)
    sweeps = []
    for turn in range(12):
        # At first nothing of it is known.
        with contextlib.suppress(DeviceHung):
            sweeps.append(await source.sweep(Moment(turn * 60_000, turn * 60_000)))
    walked = [root for root in device.walked if root in (parse_oid(f"{SENSOR}.4"), parse_oid(f"{table}.3"))]
    assert len(walked) == len(set(walked)) == 2
    assert {sensor.id for sensor in sweeps[-1].sensors} >= {"lm-sensors/temperature/1", "entity-sensor/value/2001"}
    watched = {line.reason for sweep in sweeps for line in sweep.coverage or ()}
    assert any("under way" in reason for reason in watched)


async def test_a_sweep_cancelled_in_its_look_loses_nothing_that_was_found() -> None:
    device = device_of(3)
    source = source_of(device)
    device.silent = parse_oid(f"{SENSOR}.5")
    with pytest.raises(DeviceHung):
        await source.sweep(Moment(0, 0))
    asked = list(device.walked)
    assert parse_oid(f"{SENSOR}.4") in asked[:-1]
    device.silent = None
    sweep = await source.sweep(Moment(60_000, 60_000))
    assert "entity-sensor/value/2001" in [sensor.id for sensor in sweep.sensors]
    # The column at which it fell silent is asked for again, those before it are not.
    assert not set(asked[:-1]) & set(device.walked[len(asked) :])


async def test_a_table_at_which_a_device_falls_silent_twice_is_left_out_and_said_to_be() -> None:
    device = device_of(1)
    table = "1.3.6.1.4.1.2021.13.16.2.1"
    device.objects |= {parse_oid(f"{table}.2.1"): b"CPU", parse_oid(f"{table}.3.1"): 41_000}
    device.silent = parse_oid(f"{SENSOR}.4")
    source = source_of(device)
    sweep = None
    for turn in range(3):
        with contextlib.suppress(DeviceHung):
            sweep = await source.sweep(Moment(turn * 60_000, turn * 60_000))
    assert sweep is not None
    assert [sensor.id for sensor in sweep.sensors] == ["lm-sensors/temperature/1"]
    assert CoverageStatus.UNREADABLE in {line.status for line in sweep.coverage or ()}


async def test_a_device_that_shows_standards_of_software_alone_is_not_watched() -> None:
    device = Device(objects_of(plain_rows()), Clock())
    table = "1.3.6.1.4.1.2021.9.1"
    device.objects |= {parse_oid(f"{table}.2.1"): b"/", parse_oid(f"{table}.3.1"): b"/dev/sda1"}
    device.objects[parse_oid(f"{table}.9.1")] = 40
    sweep = await source_of(device).sweep(Moment(0, 0))
    assert [sensor.quantity for sensor in sweep.sensors] == ["filesystem.used"]
    assert any("nothing known here" in line.reason for line in sweep.coverage or ())
