"""When a disk will have used up what its maker rated it for, from its own counters. Pure; `readings.py` asks for pages.

How fast it goes is told by what was kept of its past (`wear`); before there is enough of that, by percentage used over
power-on time, which is the whole history of a disk, from before it was watched on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hardcase_collector.domain.observation import Sensor
from hardcase_collector.rules.current import CurrentReading
from hardcase_collector.rules.wear import SPAN_MS, USED

HOURS = "disk.hours"
RATED = 100.0
"""Per cent. Beyond it the maker promises nothing more, but few disks fail of it at once."""
_LEAST_USED = 2.0
"""Per cent: whole per cent are told, so that one may as well be nearly two."""
_LEAST_MS = 30 * 86_400_000
"""Time from which an average says something: the first weeks fill the disk."""
_LONGEST_MS = 20 * 365 * 86_400_000
"""A date further off is no forecast."""


def worn_out(readings: Sequence[CurrentReading]) -> Mapping[str, int]:
    """Sensor of `disk.used` -> Unix ms at which it will stand at 100 %, for each disk of which that can be said."""
    hours = {_disk(one.sensor): one.value for one in readings if one.sensor.quantity == HOURS and one.value is not None}
    found: dict[str, int] = {}
    for one in readings:
        if one.sensor.quantity != USED or one.value is None:
            continue
        at_ms = worn_out_ms(one.value, hours.get(_disk(one.sensor)), earlier=one.earlier, now_ms=one.time_ms)
        if at_ms is not None:
            found[one.sensor.id] = at_ms
    return found


def worn_out_ms(
    used: float, on_s: float | None, *, now_ms: int, earlier: tuple[int, float] | None = None
) -> int | None:
    """`used` in per cent, `on_s` power-on seconds, `earlier` time and value of long ago. None: too early, past it
    already, or too far to say.

    The disk is taken to stay on as a server does, and to be written as it was of late, else as it was on average.
    """
    if not _LEAST_USED <= used < RATED:
        return None
    pace = _of_late(used, earlier, now_ms)
    if pace is None and on_s is not None and on_s * 1000 >= _LEAST_MS:
        pace = on_s * 1000 / used
    if pace is None:
        return None
    left_ms = (RATED - used) * pace
    return now_ms + round(left_ms) if left_ms <= _LONGEST_MS else None


def _of_late(used: float, earlier: tuple[int, float] | None, now_ms: int) -> float | None:
    """Milliseconds to a per cent; None where what was kept says too little."""
    if earlier is None:
        return None
    span_ms, grown = now_ms - earlier[0], used - earlier[1]
    if grown < 0 or span_ms < _LEAST_MS:
        return None  # Another count than that one: a new disk under an old name, or a firmware that began anew.
    if grown >= _LEAST_USED:
        return span_ms / grown
    # Less than whole per cent can tell, over a time in which they should have: no faster than one in it.
    return span_ms / max(grown, 1.0) if span_ms >= SPAN_MS else None


def _disk(sensor: Sensor) -> str:
    """Sensors of one disk share all but the last word of their id."""
    return sensor.id.rpartition("/")[0]
