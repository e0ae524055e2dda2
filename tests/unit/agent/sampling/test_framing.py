"""Sweeps to records and columns."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import struct

from hardcase_agent.domain.event import CoverageLine, CoverageStatus, Event, Inventory
from hardcase_agent.domain.frame import Catalogue, Coverage, Frame, Moment, SourcedEvent, Sweep
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, Sensor, States
from hardcase_agent.sampling.framing import GAP_NUMBERS, NEVER_S, Framer
from hypothesis import given
from hypothesis import strategies as st

ASSET = Asset(vendor="Dell Inc.", serial="ABC123")
FAN = Sensor(id="fan", name="Fan 1", kind=Kind.FAN)
TEMP = Sensor(id="temp", name="CPU 1", kind=Kind.TEMPERATURE)
PSU = Sensor(id="psu", name="PSU 1", kind=Kind.STATE, states=("present", "failure_detected"))
MIXED = (PSU, TEMP, FAN)


def hash_of(catalogue: Catalogue) -> bytes:
    return hashlib.sha256(repr(catalogue).encode()).digest()[:16]


def at(seconds: float) -> Moment:
    return Moment(0, int(seconds * 1000))


def sweep(*readings: Reading, sensors: tuple[Sensor, ...] = MIXED, wide: bool = False) -> Sweep:
    return Sweep(asset=ASSET, sensors=sensors, readings=readings, wide=wide)


def frame_of(framer: Framer, swept: Sweep, moment: Moment, period_ms: int = 60_000) -> Frame:
    (frame,) = (body for body in framer.bodies(swept, moment, period_ms) if isinstance(body, Frame))
    return frame


GOOD = (States(1), Number(41.5), Number(5000.0))


def test_the_first_sweep_brings_its_catalogue_and_later_ones_only_a_frame() -> None:
    framer = Framer("ipmi.analogue@local", hash_of)
    first = framer.bodies(sweep(*GOOD), at(0), 60_000)
    assert [type(body) for body in first] == [Catalogue, Frame]
    assert [type(body) for body in framer.bodies(sweep(*GOOD), at(60), 60_000)] == [Frame]


def test_numbers_come_first_then_states_and_the_values_follow() -> None:
    framer = Framer("s", hash_of)
    catalogue, frame = framer.bodies(sweep(*GOOD), at(0), 60_000)
    assert isinstance(catalogue, Catalogue)
    assert isinstance(frame, Frame)
    assert [sensor.id for sensor in catalogue.sensors] == ["temp", "fan", "psu"]
    assert frame.values == struct.pack("<2f", 41.5, 5000.0)
    assert frame.states == struct.pack("<I", 1)
    assert (frame.gap_index, frame.gap_reason, frame.gap_age_s, frame.offsets_ms) == (b"", b"", b"", b"")
    assert frame.catalogue_id == hash_of(catalogue)


def test_a_gap_is_a_gap_with_reason_and_age_and_never_zero() -> None:
    framer = Framer("s", hash_of)
    frame_of(framer, sweep(*GOOD), at(0))
    frame = frame_of(framer, sweep(Gap(GapReason.HOST_OFF), Gap(GapReason.BUSY), Number(1.0)), at(90))
    first, second = struct.unpack("<2f", frame.values)
    assert math.isnan(first)
    assert second == 1.0
    assert struct.unpack("<2H", frame.gap_index) == (0, 2)
    assert list(frame.gap_reason) == [GAP_NUMBERS[GapReason.BUSY], GAP_NUMBERS[GapReason.HOST_OFF]]
    assert struct.unpack("<2I", frame.gap_age_s) == (90, 90)


def test_a_sensor_that_never_gave_a_value_has_the_age_never() -> None:
    frame = frame_of(Framer("s", hash_of), sweep(*(Gap(GapReason.ABSENT),) * 3), at(5))
    assert struct.unpack("<3I", frame.gap_age_s) == (NEVER_S,) * 3


def test_ages_survive_a_change_of_the_catalogue() -> None:
    framer = Framer("s", hash_of)
    frame_of(framer, sweep(*GOOD), at(0))
    changed = sweep(Gap(GapReason.ERROR), sensors=(dataclasses.replace(TEMP, name="renamed"),))
    assert struct.unpack("<I", frame_of(framer, changed, at(30)).gap_age_s) == (30,)


def test_readings_of_the_wrong_form_are_gaps() -> None:
    wrong: tuple[Reading, ...] = (Number(1.0), States(1), Number(math.inf))
    frame = frame_of(Framer("s", hash_of), sweep(*wrong), at(0))
    assert len(frame.gap_reason) == 3
    assert set(frame.gap_reason) == {GAP_NUMBERS[GapReason.ERROR]}
    narrow = frame_of(Framer("s", hash_of), sweep(Number(1e300), sensors=(TEMP,)), at(0))
    wide = frame_of(Framer("s", hash_of), sweep(Number(1e300), sensors=(TEMP,), wide=True), at(0))
    assert len(narrow.gap_reason) == 1
    assert struct.unpack("<d", wide.values) == (1e300,)


def test_missing_readings_were_not_swept() -> None:
    frame = frame_of(Framer("s", hash_of), sweep(States(0)), at(0))
    assert list(frame.gap_reason) == [GAP_NUMBERS[GapReason.NOT_SWEPT]] * 2


def test_offsets_follow_the_order_of_the_catalogue() -> None:
    swept = dataclasses.replace(sweep(*GOOD), offsets_ms=(10, 20, 30))
    assert struct.unpack("<3I", frame_of(Framer("s", hash_of), swept, at(0)).offsets_ms) == (20, 30, 10)


def test_a_changed_period_or_width_is_a_new_catalogue() -> None:
    framer = Framer("s", hash_of)
    framer.bodies(sweep(*GOOD), at(0), 60_000)
    assert isinstance(framer.bodies(sweep(*GOOD), at(1), 120_000)[0], Catalogue)
    assert isinstance(framer.bodies(sweep(*GOOD, wide=True), at(2), 120_000)[0], Catalogue)
    assert len(framer.bodies(sweep(*GOOD, wide=True), at(3), 120_000)) == 1


def test_equal_sensors_in_new_objects_are_the_same_catalogue() -> None:
    framer = Framer("s", hash_of)
    framer.bodies(sweep(*GOOD), at(0), 1)
    copies = tuple(dataclasses.replace(sensor) for sensor in MIXED)
    assert len(framer.bodies(sweep(*GOOD, sensors=copies), at(1), 1)) == 1


def test_inventory_and_coverage_travel_on_change_only() -> None:
    framer = Framer("s", hash_of)
    disk = Part(component=Component.DISK, model="X", serial="1")
    line = CoverageLine(component=Component.DISK, status=CoverageStatus.WATCHED)
    swept = Sweep(asset=ASSET, parts=(disk,), coverage=(line,))
    first = framer.bodies(swept, at(0), 1)
    assert first == [
        Inventory(asset=ASSET, source="s", parts=(disk,)),
        Coverage(asset=ASSET, source="s", lines=(line,)),
    ]
    assert framer.bodies(swept, at(1), 1) == []
    assert framer.bodies(Sweep(asset=ASSET), at(2), 1) == []
    assert framer.bodies(dataclasses.replace(swept, parts=()), at(3), 1) == [
        Inventory(asset=ASSET, source="s", parts=())
    ]


def test_events_travel_each_time() -> None:
    event = Event(log="sel", record_id=7, raw=b"x")
    bodies = Framer("s", hash_of).bodies(Sweep(asset=ASSET, events=(event, event)), at(0), 1)
    assert bodies == [SourcedEvent(asset=ASSET, source="s", event=event)] * 2


READING = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(Number),
    st.integers(0, 0xFFFFFFFF).map(States),
    st.sampled_from(list(GapReason)).map(Gap),
)


@given(data=st.data(), shapes=st.lists(st.booleans(), min_size=1, max_size=40))
def test_columns_hold_exactly_what_the_sweep_said(data: st.DataObject, shapes: list[bool]) -> None:
    sensors = tuple(
        Sensor(id=str(number), name="", kind=Kind.STATE if state else Kind.COUNT, states=("x",) if state else ())
        for number, state in enumerate(shapes)
    )
    readings = [data.draw(READING) for _ in sensors]
    framer = Framer("s", hash_of)
    catalogue, frame = framer.bodies(sweep(*readings, sensors=sensors), at(0), 1)
    assert isinstance(catalogue, Catalogue)
    assert isinstance(frame, Frame)
    gaps = dict(zip(struct.unpack(f"<{len(frame.gap_index) // 2}H", frame.gap_index), frame.gap_reason, strict=True))
    values = struct.unpack(f"<{len(frame.values) // 4}f", frame.values)
    bits = struct.unpack(f"<{len(frame.states) // 4}I", frame.states)
    assert len(values) + len(bits) == len(sensors)
    said = {sensor.id: reading for sensor, reading in zip(sensors, readings, strict=True)}
    for position, sensor in enumerate(catalogue.sensors):
        reading = said[sensor.id]
        fits = isinstance(reading, States if sensor.states else Number)
        assert (position in gaps) is not fits
        if isinstance(reading, Number) and fits:
            assert values[position] == reading.value
        elif isinstance(reading, States) and fits:
            assert bits[position - len(values)] == reading.bits
        elif isinstance(reading, Gap):
            assert gaps[position] == GAP_NUMBERS[reading.reason]
