"""SDR records and the BMC's limits as what is read: sensors, and how each answer becomes a reading.

Pure. `bmc.py` builds the plan once per repository; `sweeping.py` walks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.ports import Controller, IpmiRequest
from hardcase_agent.domain.reading import Kind, Limits, Reading, Sensor, Unit
from hardcase_agent.sensors.ipmi import readings
from hardcase_agent.sensors.ipmi.commands import get_sensor_reading
from hardcase_agent.sensors.ipmi.conversion import NON_LINEAR, Conversion
from hardcase_agent.sensors.ipmi.parts import Places, host_powered
from hardcase_agent.sensors.ipmi.records import THRESHOLD, Defaults, Entity, Record, SensorRecord
from hardcase_agent.sensors.ipmi.sel import Directory, Known
from hardcase_agent.sensors.ipmi.states import meaning

BMC_OWNER = 0x20


@dataclass(frozen=True, slots=True)
class Planned:
    """One sensor, the request for it, and what its answer means."""

    sensor: Sensor
    request: IpmiRequest
    read: Callable[[bytes], Reading]
    entity: Entity
    curve: Conversion | None = None
    """Of a non-linear sensor, whose factors are asked for with each new raw reading."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one BMC can be asked."""

    analogue: tuple[Planned, ...] = ()
    discrete: tuple[Planned, ...] = ()
    directory: Directory = field(default_factory=dict)
    every: tuple[tuple[SensorRecord, Planned], ...] = ()
    """All sensors in the records' order, also those that are never asked."""
    behind: Mapping[Controller, tuple[Planned, ...]] = field(default_factory=dict)
    """Sensors whose owner is a controller behind the BMC, analogue ones and states."""


def sensor_records(records: Iterable[Record]) -> tuple[SensorRecord, ...]:
    """Each sensor once: some BMCs repeat whole records."""
    unique = {record.id: record for record in reversed(list(records)) if isinstance(record, SensorRecord)}
    return tuple(reversed(unique.values()))


def is_analogue(record: SensorRecord) -> bool:
    """Judged by thresholds, or by nothing (event/reading type 0)."""
    return record.conversion is not None and record.code in (0, THRESHOLD)


def build_plan(
    records: Iterable[Record], stated: Mapping[str, Defaults], comparisons: Mapping[str, int | None]
) -> Plan:
    """`stated` and `comparisons` by sensor id: the BMC's own limits, and what it said of them at first sight."""
    sensors = sensor_records(records)
    places = Places(sensors)
    names = Counter(record.name for record in sensors if record.readable)
    analogue: list[Planned] = []
    discrete: list[Planned] = []
    directory: dict[tuple[int, int, int], Known] = {}
    every: list[tuple[SensorRecord, Planned]] = []
    behind: dict[Controller, list[Planned]] = {}
    for record in sensors:
        part = places.part_of(record)
        planned = _planned(record, part, stated.get(record.id), comparisons.get(record.id))
        if names[record.name] > 1:
            planned = replace(planned, sensor=replace(planned.sensor, name=f"{record.name} ({record.entity})"))
        every.append((record, planned))
        directory[record.owner, record.lun, record.number] = Known(record, planned.sensor)
        beside = _value_beside(record, planned)
        if beside is not None:
            every.append((record, beside))
        if not record.readable or record.by_software:
            continue
        if record.owner != BMC_OWNER:
            behind.setdefault(record.controller, []).append(planned)
        elif is_analogue(record):
            analogue.append(planned)
        else:
            discrete.append(planned)
            analogue += [beside] if beside is not None else []
    grouped = {controller: tuple(behind[controller]) for controller in sorted(behind)}
    return Plan(tuple(analogue), tuple(discrete), directory, tuple(every), grouped)


def _planned(record: SensorRecord, part: Part, stated: Defaults | None, bits: int | None) -> Planned:
    request = get_sensor_reading(record.number, record.lun)
    powered = host_powered(record, part)
    conversion = record.conversion
    if conversion is not None and is_analogue(record):
        measure = conversion.measure
        limits = readings.limits(conversion, stated) if stated is not None else Limits()
        sensor = Sensor(
            id=record.id, name=record.name, kind=measure.kind, unit=measure.unit, part=part, limits=limits,
            host_powered=powered, comparison=bits,
        )  # fmt: skip
        curve = conversion if conversion.linearisation >= NON_LINEAR else None
        return Planned(sensor, request, lambda answer: readings.parse_number(answer, conversion), record.entity, curve)
    says = meaning(record.type, record.code)
    sensor = Sensor(
        id=record.id, name=record.name, kind=Kind.STATE, part=part, states=says.states, quantity=says.quantity,
        host_powered=powered,
    )  # fmt: skip
    read = readings.parse_limit_states if record.code == THRESHOLD else readings.parse_states
    return Planned(sensor, request, read, record.entity)


VALUE = ":value"
"""What the id of a value is followed by that stands beside the states of the same sensor."""


def _value_beside(record: SensorRecord, planned: Planned) -> Planned | None:
    """A discrete sensor may have an analogue reading as well: HPE's supplies tell their watts beside their states.
    Only with a unit: without one it is a byte that the maker left unused."""
    conversion = record.conversion
    if conversion is None or is_analogue(record) or conversion.measure.unit is Unit.NONE:
        return None
    measure = conversion.measure
    sensor = replace(planned.sensor, id=record.id + VALUE, kind=measure.kind, unit=measure.unit, states=(), quantity="")
    return Planned(sensor, planned.request, lambda answer: readings.parse_number(answer, conversion), record.entity)


CHASSIS_POWER = Sensor(
    id="chassis.power",
    name="Chassis power",
    kind=Kind.STATE,
    part=Part(component=Component.POWER, slot="chassis"),
    states=readings.CHASSIS_STATES,
    quantity="chassis.power",
)
SEL_USED = Sensor(
    id="sel.used",
    name="Event log used",
    kind=Kind.PERCENTAGE,
    unit=Unit.PERCENT,
    part=Part(component=Component.BMC, slot="1"),
    quantity="sel.used",
)
