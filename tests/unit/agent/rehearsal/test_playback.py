"""Playback: the same timeline at the same time always says the same."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, Sensor, States
from hardcase_agent.sensors.rehearsal import family
from hardcase_agent.sensors.rehearsal.family import RehearsalSettings, sources_of
from hardcase_agent.sensors.rehearsal.playback import events_between, play, reading_at
from hardcase_agent.sensors.rehearsal.timeline import Change, DrillSensor, Timeline, parse_timeline
from hypothesis import given
from hypothesis import strategies as st

DEMO = Path(__file__).parents[4] / "deploy" / "demo"


START = Number(50.0)


def sensor_with(*changes: Change, start: Reading = START, wander: float = 0.0) -> DrillSensor:
    sensor = Sensor(id="s", name="s", kind=Kind.TEMPERATURE)
    return DrillSensor(sensor=sensor, start=start, wander=wander, changes=changes)


def demo(name: str = "rehearsal.toml") -> Timeline:
    return parse_timeline((DEMO / name).read_text(), path=name)


def test_a_value_stays_until_it_is_changed() -> None:
    entry = sensor_with(Change(at_ms=1000, target=Number(60.0)))
    assert [reading_at(entry, at) for at in (0, 999, 1000, 90_000)] == [Number(50.0)] * 2 + [Number(60.0)] * 2


def test_a_ramp_is_straight_and_ends_at_its_target() -> None:
    entry = sensor_with(Change(at_ms=1000, target=Number(90.0), over_ms=4000))
    assert [reading_at(entry, at) for at in (1000, 2000, 3000, 5000, 9000)] == [
        Number(value) for value in (50.0, 60.0, 70.0, 90.0, 90.0)
    ]


def test_a_change_during_a_ramp_starts_from_where_the_ramp_stood() -> None:
    entry = sensor_with(
        Change(at_ms=0, target=Number(90.0), over_ms=4000), Change(at_ms=2000, target=Number(30.0), over_ms=2000)
    )
    assert reading_at(entry, 2000) == Number(70.0)
    assert reading_at(entry, 3000) == Number(50.0)
    assert reading_at(entry, 4000) == Number(30.0)


def test_a_gap_ends_with_the_next_value_and_is_not_ramped_from() -> None:
    entry = sensor_with(
        Change(at_ms=10, target=Gap(GapReason.HUNG)), Change(at_ms=20, target=Number(1.0), over_ms=1000)
    )
    assert reading_at(entry, 15) == Gap(GapReason.HUNG)
    assert reading_at(entry, 21) == Number(1.0)


@given(elapsed=st.integers(0, 10**9), wander=st.floats(0, 50), phase=st.floats(0, 1))
def test_wandering_stays_within_its_swing(elapsed: int, wander: float, phase: float) -> None:
    reading = reading_at(sensor_with(wander=wander), elapsed, phase)
    assert isinstance(reading, Number)
    assert math.isclose(reading.value, 50.0, abs_tol=wander + 1e-9)


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=30))
def test_every_event_is_told_exactly_once_however_the_sweeps_fall(times: list[int]) -> None:
    source = demo().sources[0]
    told, after = [], -1
    for at in [*sorted(set(times)), 60_001]:
        told += events_between(source, after, at, 7)
        after = at
    assert [event.record_id for event in told] == [entry.event.record_id for entry in source.events]
    assert all(event.erase_stamp == 7 for event in told)


def test_the_first_sweep_tells_the_parts_and_the_later_ones_do_not_look() -> None:
    timeline = demo()
    first = play(timeline.asset, timeline.sources[0], 0)
    later = play(timeline.asset, timeline.sources[0], 1000, after_ms=0)
    assert first.parts is not None
    assert {part.slot for part in first.parts} == {"PSU1", "PSU2"}
    assert later.parts is None


async def test_sources_of_one_drill_share_one_beginning() -> None:
    states, analogue, _ = sources_of(demo())
    await states.sweep(Moment(wall_ms=1_000_000, boot_ms=500_000))
    late = await analogue.sweep(Moment(wall_ms=1_013_000, boot_ms=513_000))
    cpu = late.readings[0]
    assert isinstance(cpu, Number)
    assert cpu.value > 95.0


async def test_a_clock_that_jumps_does_not_move_the_drill() -> None:
    (states, *_) = sources_of(demo())
    await states.sweep(Moment(wall_ms=1_000_000, boot_ms=500_000))
    sweep = await states.sweep(Moment(wall_ms=9_999_999, boot_ms=501_000))
    assert sweep.readings[1] == States(0b1)
    assert sweep.events == ()


async def test_speed_makes_the_same_drill_faster() -> None:
    (states, *_) = sources_of(demo(), speed=10.0)
    await states.sweep(Moment(wall_ms=0, boot_ms=0))
    sweep = await states.sweep(Moment(wall_ms=600, boot_ms=600))
    assert sweep.readings[1] == States(0b1001)
    assert [event.code for event in sweep.events] == ["psu.input_lost"]


async def test_the_sensor_list_is_one_object_for_the_whole_drill() -> None:
    (states, *_) = sources_of(demo())
    sweeps = [await states.sweep(Moment(wall_ms=at, boot_ms=at)) for at in (0, 1000)]
    assert sweeps[0].sensors is sweeps[1].sensors


async def test_a_repeated_drill_is_a_new_log_each_time() -> None:
    text = (DEMO / "rehearsal.toml").read_text()
    (states, *_) = sources_of(parse_timeline("repeat_s = 10\n" + text, path="x"))
    told = []
    for at in range(0, 20_000, 1000):
        told += (await states.sweep(Moment(wall_ms=at, boot_ms=at))).events
    assert len(told) == 2
    assert len({(event.erase_stamp, event.record_id) for event in told}) == 2


def is_faulty(sensor: Sensor, reading: Reading) -> bool:
    if isinstance(reading, States):
        return any(name not in ("", "present") for bit, name in enumerate(sensor.states) if reading.bits >> bit & 1)
    high, low = sensor.limits.upper_critical, sensor.limits.lower_critical
    return isinstance(reading, Number) and (
        (high is not None and reading.value >= high) or (low is not None and reading.value <= low)
    )


def test_the_demo_ends_with_three_faulty_parts_and_nothing_else() -> None:
    faulty = {
        (entry.sensor.part.component.value, entry.sensor.part.slot)
        for source in demo().sources
        for entry, reading in zip(source.sensors, play(demo().asset, source, 20_000).readings, strict=True)
        if is_faulty(entry.sensor, reading)
    }
    assert faulty == {("psu", "PSU2"), ("cpu", "CPU1"), ("disk", "Bay 1")}


def test_the_demo_begins_healthy() -> None:
    for source in demo().sources:
        for entry, reading in zip(source.sensors, play(demo().asset, source, 0).readings, strict=True):
            assert not is_faulty(entry.sensor, reading), entry.sensor.id


def test_the_disk_half_of_the_demo_holds_one_disk_and_nothing_else() -> None:
    timeline = demo("rehearsal_no_bmc.toml")
    parts = {entry.sensor.part for source in timeline.sources for entry in source.sensors}
    assert [part.component.value for part in parts] == ["disk"]


def test_settings_need_a_timeline_and_a_forward_speed() -> None:
    mistakes: list[str] = []
    family.parse({"speed": 2}, mistakes)
    assert mistakes == ["rehearsal.timeline: missing"]
    mistakes.clear()
    family.parse({"timeline": "x.toml", "speed": 0}, mistakes)
    assert mistakes == ["rehearsal: speed must be above 0"]


def test_a_timeline_that_cannot_be_read_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        family.build(RehearsalSettings(timeline=tmp_path / "none.toml"), None)  # type: ignore[arg-type]  # opened first
