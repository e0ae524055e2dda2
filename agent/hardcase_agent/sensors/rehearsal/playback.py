"""What a drill's sensors say at a time: a pure function of the timeline and the elapsed milliseconds.

Called by `source.py` at every sweep.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hardcase_agent.domain.event import CoverageLine, CoverageStatus, Event
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.reading import Number, Reading
from hardcase_agent.sensors.rehearsal.timeline import DrillSensor, DrillSource

_WANDER_MS = 600_000
"""Ten minutes for one swing: a value in a 1 s frame then moves, but slowly, as machine-room temperatures do."""


def reading_at(sensor: DrillSensor, elapsed_ms: int, phase: float = 0.0) -> Reading:
    """What the sensor says then; `phase` (0..1) sets where its wandering begins."""
    current = sensor.start
    for index, change in enumerate(sensor.changes):
        if change.at_ms > elapsed_ms:
            break
        following = sensor.changes[index + 1 : index + 2]
        until = min(elapsed_ms, following[0].at_ms) if following else elapsed_ms
        if change.over_ms and isinstance(change.target, Number) and isinstance(current, Number):
            share = min(1.0, (until - change.at_ms) / change.over_ms)
            current = Number(current.value + (change.target.value - current.value) * share)
        else:
            current = change.target
    if sensor.wander and isinstance(current, Number):
        return Number(current.value + sensor.wander * math.sin(2 * math.pi * (elapsed_ms / _WANDER_MS + phase)))
    return current


def events_between(source: DrillSource, after_ms: int, through_ms: int, drill_id: int) -> tuple[Event, ...]:
    """Events with after < at <= through. `drill_id` keeps the log of one playing apart from the next one's."""
    return tuple(
        replace(entry.event, erase_stamp=drill_id) for entry in source.events if after_ms < entry.at_ms <= through_ms
    )


def play(asset: Asset, source: DrillSource, elapsed_ms: int, *, after_ms: int = -1, drill_id: int = 0) -> Sweep:
    """One sweep of one source. `after_ms` is the elapsed time of the sweep before, -1 at the first one."""
    first = after_ms < 0
    count = max(1, len(source.sensors))
    return Sweep(
        asset=asset,
        sensors=tuple(entry.sensor for entry in source.sensors),
        readings=[reading_at(entry, elapsed_ms, index / count) for index, entry in enumerate(source.sensors)],
        events=events_between(source, after_ms, elapsed_ms, drill_id),
        parts=_parts(source) if first else None,
        coverage=_coverage(source) if first else None,
        wide=source.wide,
    )


def _parts(source: DrillSource) -> tuple[Part, ...]:
    return tuple(dict.fromkeys(entry.sensor.part for entry in source.sensors if entry.sensor.part != Part()))


def _coverage(source: DrillSource) -> tuple[CoverageLine, ...]:
    components = dict.fromkeys(
        entry.sensor.part.component for entry in source.sensors if entry.sensor.part.component is not Component.NONE
    )
    return tuple(
        CoverageLine(component=component, status=CoverageStatus.WATCHED, reason="rehearsed") for component in components
    )
