"""From one look at a device to its sensors and parts. Pure.

Called by `source.py` and `decoding.py`; what the sensors say is `measure.py`'s matter. A row without a known type is no
sensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Kind, Limits, Sensor
from hardcase_agent.sensors.cell_names import names_battery
from hardcase_agent.sensors.snmp.objects import Objects, indexed
from hardcase_agent.sensors.snmp.reference import Reference, number_in, printable, whole
from hardcase_agent.sensors.snmp.specs import Among, PartSpec, Profile, SensorSpec, Told, Variant, Wording
from hardcase_agent.sensors.snmp.values import Oid, Value, dotted

_BY_KIND = {
    Kind.TEMPERATURE: Component.THERMAL,
    Kind.HUMIDITY: Component.THERMAL,
    Kind.FAN: Component.FAN,
    Kind.VOLTAGE: Component.VOLTAGE,
    Kind.CURRENT: Component.POWER,
    Kind.POWER: Component.POWER,
    Kind.FREQUENCY: Component.POWER,
}
_WIDEST_POWER = 30
"""No sensor counts in less than quecto or more than quetta: such an exponent is a wrong column."""
_UNTOLD = frozenset({"n/a", "na", "not available", "unknown", "none", "not specified", "null", "default string", "--"})
_SYS_OBJECT_ID: Oid = (1, 3, 6, 1, 2, 1, 1, 2, 0)
_ROUNDS = 3
"""A reference leads through two tables at most."""


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


def is_present(profile: Profile, objects: Mapping[Oid, Value]) -> bool:
    shown = indexed(objects)
    return fits(profile, objects) and any(shown.has_below(oid) for oid in profile.present)


def fits(profile: Profile, objects: Mapping[Oid, Value]) -> bool:
    """Whether the device's sysObjectID, where it tells one, is one of the profile's."""
    told = objects.get(_SYS_OBJECT_ID)
    if not profile.object_ids or not isinstance(told, tuple):
        return True
    return any(told[: len(oid)] == oid for oid in profile.object_ids)


def columns(profile: Profile) -> tuple[Oid, ...]:
    """Columns whose rows are the sensors and parts, or that tell of the asset."""
    told = (place.oid for place in _told(profile) if place.column)
    rows = (spec.oid for spec in profile.sensors if spec.row)
    return tuple(dict.fromkeys((*rows, *(part.oid for part in profile.parts), *told)))


def particulars(profile: Profile, objects: Mapping[Oid, Value]) -> tuple[Oid, ...]:
    """Objects still to be asked for: scalars, and what describes the rows found in `objects`. To be called again with
    the answers until nothing is wanted, `look_rounds` times at most: references may lead from table to table."""
    shown = indexed(objects)
    wanted: dict[Oid, None] = {}
    for spec in profile.sensors:
        if spec.needs is not None:
            wanted[spec.needs] = None
        if spec.collect:
            continue
        for index in _indexes(spec, shown):
            if not spec.row:
                wanted[spec.oid + index] = None
            wanted |= dict.fromkeys(_asked(_describing(spec), index, objects))
    for part in profile.parts:
        for index in shown.rows(part.oid):
            wanted |= dict.fromkeys(_asked(_describing_part(part), index, objects))
    wanted |= dict.fromkeys(place.oid for place in _told(profile) if place.oid and not place.column)
    return tuple(oid for oid in wanted if oid not in objects)


def look_rounds() -> int:
    return _ROUNDS


def lay_out(profile: Profile, objects: Mapping[Oid, Value]) -> tuple[Item, ...]:
    """The sensors of a device that showed `objects`."""
    shown = indexed(objects)
    parts = {spec.id: _rows_of_parts(spec, shown) for spec in profile.parts}
    items: list[Item] = []
    for spec in profile.sensors:
        if spec.needs is not None and not shown.told(spec.needs):
            continue
        own = parts.get(spec.part, {})
        if spec.collect:
            plain = Variant(kind=spec.kind, unit=spec.unit)
            items.append(Item(_sensor(profile, spec, (), shown, plain, 1.0, own), spec, spec.oid))
            continue
        for index in _indexes(spec, shown):
            item = _item(profile, spec, index, shown, own)
            if item is not None:
                items.append(item)
    return tuple(items)


def parts_of(profile: Profile, objects: Mapping[Oid, Value]) -> tuple[Part, ...]:
    """The inventory that the profile's part tables tell."""
    shown = indexed(objects)
    return tuple(dict.fromkeys(part for spec in profile.parts for part in _rows_of_parts(spec, shown).values()))


def without_replaced(found: Iterable[tuple[Profile, tuple[Item, ...]]]) -> list[tuple[Profile, tuple[Item, ...]]]:
    """Less the profiles that a better one with sensors of its own stands for."""
    kept = list(found)
    replaced = {name for profile, items in kept if items for name in profile.replaces}
    return [(profile, items) for profile, items in kept if profile.name not in replaced]


def _told(profile: Profile) -> tuple[Told, ...]:
    asset = profile.asset
    return (*asset.vendor, *asset.model, *asset.serial, *asset.firmware, *asset.hostname)


def _rows_of_parts(spec: PartSpec, shown: Objects) -> dict[Oid, Part]:
    rows = {}
    for index in shown.rows(spec.oid):
        if not _kept(spec.keep, spec.drop, index, shown):
            continue
        label = _label(spec.wording, index, shown, spec.id)
        rows[index] = Part(
            component=spec.component,
            slot=_filled(spec.slot, label, index),
            model=_identity(spec.model, index, shown),
            serial=_identity(spec.serial, index, shown),
            part_number=_identity(spec.part_number, index, shown),
            firmware=_identity(spec.firmware, index, shown),
        )
    return rows


def _kept(keep: tuple[Among, ...], drop: tuple[Among, ...], index: Oid, shown: Objects) -> bool:
    return all(among.holds(index, shown) for among in keep) and not any(among.holds(index, shown) for among in drop)


def _text(columns: tuple[Reference, ...], index: Oid, shown: Objects) -> str:
    return next((text for column in columns if (text := printable(column.value(index, shown)))), "")


def _identity(columns: tuple[Reference, ...], index: Oid, shown: Objects) -> str:
    """Of a part: not what devices write where they know none."""
    texts = (printable(column.value(index, shown)) for column in columns)
    return next((text for text in texts if text.casefold() not in _UNTOLD and text.strip("0 -.")), "")


def _label(wording: Wording, index: Oid, shown: Objects, fallback: str) -> str:
    text = _text(wording.labels, index, shown)
    if wording.trim is not None:
        text = wording.trim.sub("", text).strip()
    text = wording.words.get(text, text)
    if not text:
        text = wording.names.get(index) or wording.names.get(index[-1:]) or ""
    return text or (f"{fallback} {dotted(index)}" if wording.labels else dotted(index))


def _filled(template: str, label: str, index: Oid) -> str:
    if "{" not in template:
        return template
    text = template.replace("{label}", label).replace("{index}", dotted(index))
    for place, arc in enumerate(index[:10]):
        text = text.replace(f"{{i{place}}}", str(arc))
    return text.strip()


def _indexes(spec: SensorSpec, shown: Objects) -> list[Oid]:
    return shown.rows(spec.oid) if spec.row else [(0,)]


def _item(profile: Profile, spec: SensorSpec, index: Oid, shown: Objects, parts: Mapping[Oid, Part]) -> Item | None:
    if not shown.told(spec.oid + index) or not _kept(spec.keep, spec.drop, index, shown):
        return None
    if spec.unless is not None and spec.unless.value(index, shown) is not None:
        return None
    variant = _variant(spec, index, shown)
    scale = _scale(spec, index, shown)
    if variant is None or scale is None:
        return None
    scale *= variant.scale
    sensor = _sensor(profile, spec, index, shown, variant, scale, parts)
    status = spec.status_oid.instance(index, shown) if spec.status_oid is not None else None
    return Item(sensor, spec, spec.oid + index, status, scale)


def _variant(spec: SensorSpec, index: Oid, shown: Objects) -> Variant | None:
    if spec.kind_oid is None:
        return Variant(kind=spec.kind, unit=spec.unit)
    value = spec.kind_oid.value(index, shown)
    number = whole(value)
    if number is not None:
        return spec.kinds.get(number)
    text = printable(value).casefold()
    return next((kind for word, kind in spec.kinds.items() if isinstance(word, str) and fnmatchcase(text, word)), None)


def _sensor(
    profile: Profile,
    spec: SensorSpec,
    index: Oid,
    shown: Objects,
    variant: Variant,
    scale: float,
    parts: Mapping[Oid, Part],
) -> Sensor:
    row = dotted(index) if spec.row else ""
    label = _label(spec.wording, index, shown, spec.id) if spec.row else ""
    name = _filled(spec.name, label, index)
    return Sensor(
        id="/".join(word for word in (profile.name, spec.id, row) if word),
        name=name,
        kind=variant.kind,
        unit=variant.unit,
        part=_part(profile, spec, index, shown, variant.kind, (label, name), parts),
        limits=_limits(spec, index, shown, scale),
        states=spec.states,
        quantity=spec.quantity,
    )


def _part(
    profile: Profile,
    spec: SensorSpec,
    index: Oid,
    shown: Objects,
    kind: Kind,
    words: tuple[str, str],
    parts: Mapping[Oid, Part],
) -> Part:
    """The row of the part table where the sensor has one, else component and slot in the sensor's own words."""
    if spec.part:
        known = parts.get(_part_index(spec, index, shown))
        if known is not None:
            return known
    label, name = words
    of_voltage = kind is Kind.VOLTAGE or spec.quantity == "voltage.health"
    if of_voltage and profile.asset_kind == "server" and names_battery(label):
        # A server's only battery among its rails. Those of a UPS carry its load, and have tables of their own.
        return Part(component=Component.BATTERY, slot=label)
    component = spec.component if spec.component is not Component.NONE else _BY_KIND.get(kind, profile.component)
    named = bool(spec.wording.labels or spec.wording.names)
    if (component.value == profile.asset_kind and not spec.slot) or (component is Component.HOST and not named):
        # The device itself, not one of its parts.
        return Part(component=component)
    slot = _filled(spec.slot, label, index) if spec.slot else (label if named else name)
    return Part(component=component, slot=slot)


def _part_index(spec: SensorSpec, index: Oid, shown: Objects) -> Oid:
    if spec.part_at is None:
        return index if spec.part_cut is None else index[spec.part_cut]
    value = spec.part_at.value(index, shown)
    number = whole(value)
    if number is not None:
        return (number,)
    return value if isinstance(value, tuple) else ()


def _limits(spec: SensorSpec, index: Oid, shown: Objects, scale: float) -> Limits:
    found = {}
    for name, limit in spec.limits.items():
        value = limit.column.value(index, shown)
        raw = number_in(value, None)
        if raw is None and spec.pattern is not None:
            # "95 degrees C", as the reading itself is written.
            raw = number_in(value, spec.pattern)
        if raw is not None and raw not in spec.unset:
            own = scale if limit.scale is None else limit.scale
            found[name] = round(raw * own + spec.offset, 9)
    return Limits(**found, source="mib") if found else Limits()


def _scale(spec: SensorSpec, index: Oid, shown: Objects) -> float | None:
    """RFC 3433: value * 10^exponent / 10^precision; None where the row's scale is unknown."""
    exponent: int | None = 0
    if spec.exponent_oid is not None:
        exponent = whole(spec.exponent_oid.value(index, shown))
        if spec.exponents:
            exponent = spec.exponents.get(exponent or 0)
    if exponent is None:
        return None
    precision = whole(spec.precision_oid.value(index, shown)) if spec.precision_oid is not None else 0
    power = exponent - (precision or 0)
    return spec.scale * float(10.0**power) if -_WIDEST_POWER <= power <= _WIDEST_POWER else None


def _describing(spec: SensorSpec) -> Iterator[Reference]:
    own = (spec.kind_oid, spec.exponent_oid, spec.precision_oid, spec.status_oid, spec.unless, spec.part_at)
    yield from (reference for reference in own if reference is not None)
    yield from spec.wording.labels
    yield from (among.column for among in (*spec.keep, *spec.drop))
    yield from (limit.column for limit in spec.limits.values())


def _describing_part(spec: PartSpec) -> Iterator[Reference]:
    yield from (*spec.wording.labels, *spec.model, *spec.serial, *spec.part_number, *spec.firmware)
    yield from (among.column for among in (*spec.keep, *spec.drop))


def _asked(references: Iterable[Reference], index: Oid, objects: Mapping[Oid, Value]) -> Iterator[Oid]:
    for reference in references:
        yield from reference.asked(index, objects)
