"""What a sensor says, of the objects just read: a number in its unit, states, or a gap. Pure.

Called by `source.py` at each sweep and by `decoding.py`. A value that cannot be is a gap, never a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading, States
from hardcase_agent.sensors.snmp.layout import Item
from hardcase_agent.sensors.snmp.objects import Objects
from hardcase_agent.sensors.snmp.reference import number_in, printable, whole
from hardcase_agent.sensors.snmp.specs import SensorSpec
from hardcase_agent.sensors.snmp.values import Missing, Oid, Value

_NONE_THERE = frozenset(
    {"", "-", "--", "n/a", "na", "none", "null", "absent", "not present", "not installed", "not available", "offline"}
)
"""What devices write into a number's place where there is nothing to measure."""


def decode(item: Item, objects: Mapping[Oid, Value]) -> Reading:
    """What the sensor says, of the objects just read."""
    spec = item.spec
    if spec.collect:
        return States(_union(spec, _rows(spec.oid, objects)))
    status = objects.get(item.status) if item.status is not None else None
    if status is not None and (key := _key(status)) in spec.gaps:
        return Gap(spec.gaps[key], f"status {key}")
    value = objects.get(item.oid, Missing.NO_SUCH_INSTANCE)
    if isinstance(value, Missing):
        return Gap(GapReason.ERROR if value is Missing.FAILED else GapReason.ABSENT, value.value)
    return _state(spec, value) if spec.states else _number(item, value)


def _rows(column: Oid, objects: Mapping[Oid, Value]) -> Iterable[Value]:
    if isinstance(objects, Objects):
        return (objects[oid] for oid in objects.below(column))
    return (value for oid, value in objects.items() if len(oid) > len(column) and oid[: len(column)] == column)


def _key(value: Value) -> int | str:
    number = whole(value)
    return printable(value).casefold() if number is None else number


def _number(item: Item, value: Value) -> Reading:
    number = number_in(value, item.spec.pattern)
    if number is None:
        text = printable(value)
        reason = GapReason.ABSENT if text.casefold() in _NONE_THERE else GapReason.ERROR
        return Gap(reason, f"{text!r} is no number")
    if number in item.spec.absent:
        return Gap(GapReason.ABSENT, f"{number:g}")
    # Nine digits: 533 tenths are 53.3 and not 53.300000000000004.
    scaled = round(number * item.scale + item.spec.offset, 9)
    if not _possible(item.spec, number, scaled):
        return Gap(GapReason.ERROR, f"{scaled:g} {item.sensor.unit.value} cannot be")
    return Number(scaled)


def _possible(spec: SensorSpec, raw: float, scaled: float) -> bool:
    return (
        (spec.lowest is None or scaled >= spec.lowest)
        and (spec.highest is None or scaled <= spec.highest)
        # Strict: the ends of the raw range mean under- and overflow.
        and (spec.lowest_raw is None or raw > spec.lowest_raw)
        and (spec.highest_raw is None or raw < spec.highest_raw)
    )


def _state(spec: SensorSpec, value: Value) -> Reading:
    bits = _flags(spec, value) if spec.flags else _bits(spec, value)
    if bits is None:
        bits = spec.otherwise
    if bits is None:
        return Gap(GapReason.ERROR, f"{printable(value)!r} is no state of the MIB")
    return States(bits)


def _flags(spec: SensorSpec, value: Value) -> int | None:
    number = whole(value)
    if number is None or number < 0:
        return None
    bits = 0
    for bit, states in spec.flags.items():
        if number >> bit & 1:
            bits |= states
    return bits or spec.otherwise or 0


def _bits(spec: SensorSpec, value: Value) -> int | None:
    key: Value | None = value if isinstance(value, tuple) else whole(value)
    text = ""
    if key is None and isinstance(value, bytes):
        text = printable(value).casefold()
        key = text.encode()
    if key is not None and key in spec.values:
        return spec.values[key]
    if spec.patterns and not isinstance(value, tuple):
        text = text or printable(value).casefold()
        return next((bits for pattern, bits in spec.patterns if fnmatchcase(text, pattern)), None)
    return None


def _union(spec: SensorSpec, values: Iterable[Value]) -> int:
    bits = 0
    for value in values:
        bits |= _bits(spec, value) or 0
    return bits
