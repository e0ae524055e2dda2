"""Sweeps to records: catalogue when the sensors changed, columns, events, inventory and coverage when they changed.

One `Framer` per source. The catalogue's id is a hash of its wire form, which only the uplink's codec knows: it is
passed in. Column layouts are those of `Frame` in reading.proto.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Sequence

from hardcase_agent.domain.event import CoverageLine, Inventory
from hardcase_agent.domain.frame import Body, Catalogue, Coverage, Frame, Moment, SourcedEvent, Sweep
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading, Sensor, States

NEVER_S = 0xFFFFFFFF
"""Age of a gap whose sensor never gave a value."""
GAP_NUMBERS = {reason: number for number, reason in enumerate(GapReason, start=1)}
"""GapReason has the order of the wire's enum (domain/reading.py says so; the codec's test holds it to it)."""
SINGLE_LIMIT = 3.4028234663852886e38
"""Largest IEEE 754 single: a number beyond it would become infinite in a 4-byte column."""
ALL_BITS = 0xFFFFFFFF


class _AssetState:
    """What was last said of one asset by one source."""

    def __init__(self) -> None:
        self.given: tuple[Sensor, ...] | None = None
        self.wide = False
        self.period_ms = 0
        self.order: array[int] = array("H")
        self.numbers = 0
        self.catalogue_id = b""
        self.seen_ms: dict[str, int] = {}
        self.parts: tuple[Part, ...] | None = None
        self.coverage: tuple[CoverageLine, ...] | None = None


class Framer:
    """Keeps what it needs to say only changes. `catalogue_id` is the codec's hash of a catalogue."""

    def __init__(self, source: str, catalogue_id: Callable[[Catalogue], bytes]) -> None:
        self._source = source
        self._hash = catalogue_id
        self._assets: dict[Asset, _AssetState] = {}

    def bodies(self, sweep: Sweep, started: Moment, period_ms: int) -> list[Body]:
        """Records of one sweep in the order they must travel: what the frame is read by comes before it."""
        state = self._assets.setdefault(sweep.asset, _AssetState())
        try:
            return self._bodies(sweep, state, started, period_ms)
        except Exception:
            # What it would have said is not said: the next sweep begins with everything again.
            del self._assets[sweep.asset]
            raise

    def _bodies(self, sweep: Sweep, state: _AssetState, started: Moment, period_ms: int) -> list[Body]:
        bodies: list[Body] = []
        bodies += self._inventory(sweep, state)
        bodies += self._coverage(sweep, state)
        if sweep.sensors:
            bodies += self._catalogue(sweep, state, period_ms)
            bodies.append(_columns(sweep, state, started.boot_ms))
        bodies += [SourcedEvent(asset=sweep.asset, source=self._source, event=event) for event in sweep.events]
        return bodies

    def assets(self) -> tuple[Asset, ...]:
        """Every asset this source spoke of."""
        return tuple(self._assets)

    def _inventory(self, sweep: Sweep, state: _AssetState) -> list[Body]:
        if sweep.parts is None or sweep.parts == state.parts:
            return []
        state.parts = sweep.parts
        return [Inventory(asset=sweep.asset, source=self._source, parts=sweep.parts)]

    def _coverage(self, sweep: Sweep, state: _AssetState) -> list[Body]:
        if sweep.coverage is None or sweep.coverage == state.coverage:
            return []
        state.coverage = sweep.coverage
        return [Coverage(asset=sweep.asset, source=self._source, lines=sweep.coverage)]

    def _catalogue(self, sweep: Sweep, state: _AssetState, period_ms: int) -> list[Body]:
        same = sweep.sensors is state.given or sweep.sensors == state.given
        if same and sweep.wide == state.wide and period_ms == state.period_ms:
            state.given = sweep.sensors
            return []
        order = sorted(range(len(sweep.sensors)), key=lambda index: bool(sweep.sensors[index].states))
        state.order = array("H", order)
        state.numbers = sum(1 for sensor in sweep.sensors if not sensor.states)
        state.given, state.wide, state.period_ms = sweep.sensors, sweep.wide, period_ms
        known = {sensor.id for sensor in sweep.sensors}
        state.seen_ms = {key: seen for key, seen in state.seen_ms.items() if key in known}
        catalogue = Catalogue(
            asset=sweep.asset,
            source=self._source,
            period_ms=period_ms,
            value_width=8 if sweep.wide else 4,
            sensors=tuple(sweep.sensors[index] for index in order),
        )
        before = state.catalogue_id
        state.catalogue_id = self._hash(catalogue)
        return [] if state.catalogue_id == before else [catalogue]


def _columns(sweep: Sweep, state: _AssetState, now_ms: int) -> Frame:
    values = array("d" if state.wide else "f")
    bits = array("I")
    gap_index, gap_reason, gap_age = array("H"), bytearray(), array("I")
    for position, index in enumerate(state.order):
        sensor = sweep.sensors[index]
        reading = _checked(sensor, sweep.readings[index] if index < len(sweep.readings) else None, state.wide)
        if isinstance(reading, Gap):
            gap_index.append(position)
            gap_reason.append(GAP_NUMBERS[reading.reason])
            gap_age.append(_age_s(state.seen_ms.get(sensor.id), now_ms))
        else:
            state.seen_ms[sensor.id] = now_ms
        if position < state.numbers:
            values.append(reading.value if isinstance(reading, Number) else math.nan)
        else:
            bits.append(reading.bits if isinstance(reading, States) else 0)
    return Frame(
        catalogue_id=state.catalogue_id,
        values=_little(values),
        states=_little(bits),
        gap_index=_little(gap_index),
        gap_reason=bytes(gap_reason),
        gap_age_s=_little(gap_age),
        offsets_ms=_offsets(sweep.offsets_ms, state.order),
    )


def _checked(sensor: Sensor, reading: Reading | None, wide: bool) -> Reading:
    """A reading of the wrong form, or one that no column can hold, is a gap: never an invented value."""
    if reading is None:
        return Gap(GapReason.NOT_SWEPT)
    if isinstance(reading, Gap):
        return reading
    if sensor.states:
        fits = isinstance(reading, States) and 0 <= reading.bits <= ALL_BITS
    else:
        fits = isinstance(reading, Number) and math.isfinite(reading.value)
        fits = fits and isinstance(reading, Number) and (wide or abs(reading.value) <= SINGLE_LIMIT)
    return reading if fits else Gap(GapReason.ERROR, "a reading of the wrong form")


def _age_s(seen_ms: int | None, now_ms: int) -> int:
    return NEVER_S if seen_ms is None else min(max(0, now_ms - seen_ms) // 1000, NEVER_S - 1)


def _offsets(offsets_ms: Sequence[int], order: array[int]) -> bytes:
    if len(offsets_ms) != len(order):
        return b""
    return _little(array("I", [min(max(0, offsets_ms[index]), ALL_BITS) for index in order]))


def _little(column: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
