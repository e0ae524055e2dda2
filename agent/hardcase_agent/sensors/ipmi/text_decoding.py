"""The door of `ipmitool`: text of ipmitool's and FreeIPMI's sensor commands as readings of the live path's sensors.

Called by `sensors/decoders.py`. Lines are read in `text_rows.py` and `text_blocks.py`; parts and states are those of
`parts.py` and `states.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Seen, Undecoded
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Reading, Sensor, States
from hardcase_agent.sensors.ipmi import text_blocks, text_lines, text_records, text_summaries, text_types
from hardcase_agent.sensors.ipmi.host_power import gated
from hardcase_agent.sensors.ipmi.parts import Places, component_of, host_powered, slot_called
from hardcase_agent.sensors.ipmi.readings import believable, number_of
from hardcase_agent.sensors.ipmi.states import meaning
from hardcase_agent.sensors.ipmi.text_lines import Place
from hardcase_agent.sensors.ipmi.text_rows import Row
from hardcase_agent.sensors.ipmi.text_types import Typed

MOST_LINES = 500_000
NO_STATES = Gap(GapReason.UNSUPPORTED, "this form of the tool's output tells no states of it")
ANALOGUE, DISCRETE = "ipmi.analogue", "ipmi.discrete"
VALUE = ":value"
LIMITS = ":limits"
"""What a sensor's id is followed by, where one line says two things: a value beside states, and the word "cr" (that a
limit is passed) beside a value whose limits are not told."""


def decode(capture: Capture) -> Iterable[Decoded]:
    """Readings, the BMC itself where the text names it, and what was neither."""
    text = capture.text
    if text.lstrip()[:1] in ("{", "["):
        rows = text_blocks.from_json(text)
        if rows is not None:
            return gated(_seen(rows, Asset(), again=False))
    lines = [(place, text_lines.plain(line)) for place, line in enumerate(text.splitlines()[:MOST_LINES], 1)]
    inside, outside = text_blocks.in_block(lines)
    asset, parts, outside = text_summaries.identity(outside)
    power, outside = text_summaries.dcmi(outside, asset)
    chassis, outside = text_summaries.chassis(outside, asset)
    records, outside = text_records.records(outside)
    found = [*text_blocks.blocks(inside), *records, *text_lines.rows(outside)]
    parts += tuple(_part_at(one) for one in found if isinstance(one, Place))
    known = [row for row in found if isinstance(row, Row)]
    complaints = [flaw for flaw in found if isinstance(flaw, Undecoded)]
    if not (known or parts or power or chassis):
        refusals = [flaw for flaw in complaints if flaw.flaw is Flaw.REFUSED]
        return refusals or (Undecoded(flaw=Flaw.FOREIGN, message="no sensor's line was recognised"),)
    listed = [Listed(asset=asset, source="ipmi.fru", part=part) for part in parts]
    return gated([*listed, *_seen(known, asset), *power, *chassis, *complaints])


def _part_at(place: Place) -> Part:
    return Part(component=component_of(place.entity), slot=slot_called(place.entity, place.name), paths=(place.name,))


# ---- rows to readings --------------------------------------------------------------------------------------------


def _seen(rows: list[Row], asset: Asset, *, again: bool = True) -> list[Decoded]:
    """`again`: a line with the number of an earlier one is the next reading of that sensor, as when a command was run
    again; a document that collects single objects has no order of time."""
    typed = [text_types.typed(row) for row in rows]
    places = Places(one.record for one in typed)
    names = Counter(name for name, _ in {(row.name, one.record.id) for row, one in zip(rows, typed, strict=True)})
    ids: Counter[str] = Counter()
    found: list[Decoded] = []
    for row, one in zip(rows, typed, strict=True):
        identity = one.record.id if row.number is not None else f"name:{row.name}"
        if row.number is None or not again:
            ids[identity] += 1
            identity += f"#{ids[identity]}" if ids[identity] > 1 else ""
        label = f"{row.name} ({row.entity})" if names[row.name] > 1 and row.entity is not None else row.name
        part = places.part_of(one.record)
        powered = host_powered(one.record, part)
        found += [
            replace(seen, sensor=replace(seen.sensor, host_powered=powered))
            for seen in _readings(row, one, identity, label, part, asset)
        ]
    return found


def _readings(row: Row, one: Typed, identity: str, label: str, part: Part, asset: Asset) -> Iterator[Seen]:
    if row.discrete:
        if row.value is not None:
            sensor = _number_sensor(row, one, identity + VALUE, label, part)
            yield Seen(asset=asset, source=ANALOGUE, sensor=sensor, reading=_number(row, one))
        says = meaning(one.record.type, one.record.code)
        states = one.states or says.states
        quantity = one.quantity or says.quantity
        sensor = Sensor(id=identity, name=label, kind=Kind.STATE, part=part, states=states, quantity=quantity)
        yield Seen(asset=asset, source=DISCRETE, sensor=sensor, reading=_states(row, one))
        return
    sensor = _number_sensor(row, one, identity, label, part)
    yield Seen(asset=asset, source=ANALOGUE, sensor=sensor, reading=_number(row, one))
    if one.passed and not row.limits:
        says = meaning(one.record.type, 0x01)
        sensor = Sensor(
            id=identity + LIMITS, name=label, kind=Kind.STATE, part=part, states=says.states, quantity=says.quantity
        )
        yield Seen(asset=asset, source=DISCRETE, sensor=sensor, reading=States(one.passed))


def _number_sensor(row: Row, one: Typed, identity: str, label: str, part: Part) -> Sensor:
    measure = one.measure
    limits = text_types.limits_in(row, measure)
    return Sensor(
        id=identity,
        name=label,
        kind=measure.kind,
        unit=measure.unit,
        part=part,
        limits=believable(limits, measure.kind),
        comparison=one.passed if row.compared and row.limits else None,
    )


def _number(row: Row, one: Typed) -> Reading:
    if row.value is None:
        return row.gap or Gap(GapReason.BUSY, "no reading")
    return number_of(row.value * one.measure.factor + one.measure.offset, one.measure, passed=one.passed)


def _states(row: Row, one: Typed) -> Reading:
    if row.gap is not None:
        return row.gap
    if one.unread:
        return Gap(GapReason.UNSUPPORTED, f"states that are not known: {', '.join(one.unread)}"[:160])
    return States(one.bits) if one.bits is not None else NO_STATES
