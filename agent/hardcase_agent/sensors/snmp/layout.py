"""From one look at a device to its sensors, and from the objects of a sweep to their readings. Pure.

Called by `source.py`. A row without a known type is no sensor; a value that cannot be is a gap, never a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Limits, Number, Reading, Sensor, States, Unit
from hardcase_agent.sensors.snmp.profile import Profile, SensorSpec, Variant
from hardcase_agent.sensors.snmp.values import Missing, Oid, Value, dotted

Objects = Mapping[Oid, Value]

_FIGURE = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")

_BY_KIND = {
    Kind.TEMPERATURE: Component.THERMAL,
    Kind.HUMIDITY: Component.THERMAL,
    Kind.FAN: Component.FAN,
    Kind.VOLTAGE: Component.VOLTAGE,
    Kind.CURRENT: Component.POWER,
    Kind.POWER: Component.POWER,
    Kind.FREQUENCY: Component.POWER,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One sensor of one device and the objects it is read from."""

    sensor: Sensor
    spec: SensorSpec
    oid: Oid
    """The instance; for a collected column, the column."""
    status: Oid | None = None
    scale: float = 1.0

    @property
    def objects(self) -> tuple[Oid, ...]:
        """What a GET of this sensor asks for; a collected column is walked instead."""
        if self.spec.collect:
            return ()
        return (self.oid,) if self.status is None else (self.oid, self.status)


def columns(profile: Profile) -> tuple[Oid, ...]:
    """Columns whose rows are the sensors."""
    return tuple(dict.fromkeys(spec.oid for spec in profile.sensors if spec.row))


def particulars(profile: Profile, objects: Objects) -> tuple[Oid, ...]:
    """Objects still to be asked for: scalars, and what describes the rows found in `objects`."""
    wanted: dict[Oid, None] = {}
    for spec in profile.sensors:
        if spec.needs is not None:
            wanted[spec.needs] = None
        if spec.collect:
            continue
        for index in _indexes(spec, objects):
            own = () if spec.row else (spec.oid + index,)
            wanted |= dict.fromkeys((*own, *(oid for oid in _describing(spec, index))))
    for oids in (profile.asset.vendor, profile.asset.model, profile.asset.serial, profile.asset.firmware):
        wanted |= dict.fromkeys(oids)
    return tuple(oid for oid in wanted if oid not in objects)


def lay_out(profile: Profile, objects: Objects) -> tuple[Item, ...]:
    """The sensors of a device that showed `objects`."""
    items: list[Item] = []
    for spec in profile.sensors:
        if spec.needs is not None and not _told(spec.needs, objects):
            continue
        if spec.collect:
            items.append(Item(_sensor(profile, spec, (), objects, spec.kind, spec.unit), spec, spec.oid))
            continue
        for index in _indexes(spec, objects):
            item = _item(profile, spec, index, objects)
            if item is not None:
                items.append(item)
    return tuple(items)


def decode(item: Item, objects: Objects) -> Reading:
    """What the sensor says, of the objects just read."""
    spec = item.spec
    if spec.collect:
        return States(_union(spec, (value for oid, value in objects.items() if _below(oid, spec.oid))))
    status = objects.get(item.status) if item.status is not None else None
    if isinstance(status, int) and status in spec.gaps:
        return Gap(spec.gaps[status], f"status {status}")
    value = objects.get(item.oid, Missing.NO_SUCH_INSTANCE)
    if isinstance(value, Missing):
        return Gap(GapReason.ERROR if value is Missing.FAILED else GapReason.ABSENT, value.value)
    return _state(spec, value) if spec.states else _number(item, value)


def _item(profile: Profile, spec: SensorSpec, index: Oid, objects: Objects) -> Item | None:
    if isinstance(objects.get(spec.oid + index, Missing.NO_SUCH_INSTANCE), Missing):
        return None
    if spec.skip_oid is not None and printable(objects.get(spec.skip_oid + index)) in spec.skip:
        return None
    if spec.unless is not None and _told(spec.unless + index if spec.row else spec.unless, objects):
        return None
    variant = _variant(spec, index, objects)
    scale = _scale(spec, index, objects)
    if variant is None or scale is None:
        return None
    scale *= variant.scale
    sensor = _sensor(profile, spec, index, objects, variant.kind, variant.unit, scale)
    status = spec.status_oid + index if spec.status_oid is not None else None
    return Item(sensor, spec, spec.oid + index, status, scale)


def _told(oid: Oid, objects: Objects) -> bool:
    return not isinstance(objects.get(oid, Missing.NO_SUCH_OBJECT), Missing)


def _variant(spec: SensorSpec, index: Oid, objects: Objects) -> Variant | None:
    if spec.kind_oid is None:
        return Variant(kind=spec.kind, unit=spec.unit)
    value = objects.get(spec.kind_oid + index)
    number = _integer(value)
    return spec.kinds.get(printable(value).casefold() if number is None else number)


def _sensor(
    profile: Profile, spec: SensorSpec, index: Oid, objects: Objects, kind: Kind, unit: Unit, scale: float = 1.0
) -> Sensor:
    row = dotted(index) if spec.row else ""
    fallback = f"{spec.id} {row}" if spec.labels else row
    label = next((text for column in spec.labels if (text := printable(objects.get(column + index)))), fallback)
    name = spec.name.replace("{label}", label)
    component = spec.component if spec.component is not Component.NONE else _BY_KIND.get(kind, profile.component)
    slot = spec.slot or (label if spec.labels else name)
    if component.value == profile.asset_kind:
        # The device itself, not one of its parts.
        slot = ""
    return Sensor(
        id="/".join(word for word in (profile.name, spec.id, row) if word),
        name=name,
        kind=kind,
        unit=unit,
        part=Part(component=component, slot=slot),
        limits=_limits(spec, index, objects, scale),
        states=spec.states,
        quantity=spec.quantity,
    )


def _limits(spec: SensorSpec, index: Oid, objects: Objects, scale: float) -> Limits:
    found = {}
    for name, oid in spec.limits.items():
        raw = _integer(objects.get(oid + index if spec.row else oid))
        # A limit of 0 is one that nobody set.
        if raw is not None and raw > 0 and _possible(spec, raw, raw * scale):
            found[name] = raw * scale
    return Limits(**found, source="mib") if found else Limits()


def _indexes(spec: SensorSpec, objects: Objects) -> list[Oid]:
    if not spec.row:
        return [(0,)]
    return sorted(oid[len(spec.oid) :] for oid in objects if _below(oid, spec.oid))


def _describing(spec: SensorSpec, index: Oid) -> Iterable[Oid]:
    for column in (*spec.labels, spec.skip_oid, spec.kind_oid, spec.exponent_oid, spec.precision_oid, spec.status_oid):
        if column is not None:
            yield column + index
    for oid in spec.limits.values():
        yield oid + index if spec.row else oid
    if spec.unless is not None:
        yield spec.unless + index if spec.row else spec.unless


def _below(oid: Oid, root: Oid) -> bool:
    return len(oid) > len(root) and oid[: len(root)] == root


def _scale(spec: SensorSpec, index: Oid, objects: Objects) -> float | None:
    """RFC 3433: value * 10^exponent / 10^precision; None where the row's scale is unknown."""
    exponent: int | None = 0
    if spec.exponent_oid is not None:
        exponent = spec.exponents.get(_integer(objects.get(spec.exponent_oid + index)) or 0)
    if exponent is None:
        return None
    precision = _integer(objects.get(spec.precision_oid + index)) if spec.precision_oid is not None else 0
    if not -30 <= (power := exponent - (precision or 0)) <= 30:
        return None
    return spec.scale * float(10.0**power)


def _number(item: Item, value: Value) -> Reading:
    number = _figure(item.spec, value)
    if number is None:
        return Gap(GapReason.ERROR, f"{printable(value)!r} is no number")
    if number in item.spec.absent:
        return Gap(GapReason.ABSENT, f"{number:g}")
    # Nine digits: 533 tenths are 53.3 and not 53.300000000000004.
    scaled = round(number * item.scale, 9)
    if not _possible(item.spec, number, scaled):
        return Gap(GapReason.ERROR, f"{scaled:g} {item.sensor.unit.value} cannot be")
    return Number(scaled)


def _figure(spec: SensorSpec, value: Value) -> float | None:
    """The number of an object before scaling; some agents put it into words."""
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, bytes):
        return None
    text = printable(value)
    if spec.pattern is not None:
        found = spec.pattern.search(text)
        text = found[1] if found else ""
    return float(text) if _FIGURE.fullmatch(text) else None


def _possible(spec: SensorSpec, raw: float, scaled: float) -> bool:
    return (
        (spec.lowest is None or scaled >= spec.lowest)
        and (spec.highest is None or scaled <= spec.highest)
        # Strict: the ends of the raw range mean under- and overflow.
        and (spec.lowest_raw is None or raw > spec.lowest_raw)
        and (spec.highest_raw is None or raw < spec.highest_raw)
    )


def _state(spec: SensorSpec, value: Value) -> Reading:
    key: Value | None = value if isinstance(value, tuple) else _integer(value)
    if key is None and isinstance(value, bytes):
        key = printable(value).casefold().encode()
    if key is None or key not in spec.values:
        return Gap(GapReason.ERROR, f"{printable(value)!r} is no state of the MIB")
    return States(spec.values[key])


def _union(spec: SensorSpec, values: Iterable[Value]) -> int:
    bits = 0
    for value in values:
        bits |= spec.values.get(value, 0)
    return bits


def _integer(value: Value | None) -> int | None:
    """Some agents give numbers as text."""
    if isinstance(value, int):
        return value
    if isinstance(value, bytes):
        try:
            return int(value)
        except ValueError:
            return None
    return None


def printable(value: Value | None) -> str:
    """Text of an object for people: trimmed, control characters and undecodable bytes out, at most 120 characters."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", "ignore")
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:120]
    if isinstance(value, tuple):
        return dotted(value)
    return "" if value is None or isinstance(value, Missing) else str(value)
