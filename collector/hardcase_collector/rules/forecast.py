"""When a disk will have used up what its maker rated it for, from its own counters. Pure; `readings.py` asks for pages.

Percentage used over power-on time is the whole history of a disk, from before it was watched on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hardcase_collector.domain.observation import Sensor
from hardcase_collector.rules.current import CurrentReading

USED, HOURS = "disk.used", "disk.hours"
RATED = 100.0
"""Per cent. Beyond it the maker promises nothing more, but few disks fail of it at once."""
_LEAST_USED = 2.0
"""Per cent: whole per cent are told, so that one may as well be nearly two."""
_LEAST_S = 30 * 86_400.0
"""Power-on time from which an average says something: the first weeks fill the disk."""
_LONGEST_MS = 20 * 365 * 86_400_000
"""A date further off is no forecast."""


def worn_out(readings: Sequence[CurrentReading]) -> Mapping[str, int]:
    """Sensor of `disk.used` -> Unix ms at which it will stand at 100 %, for each disk of which that can be said."""
    hours = {_disk(one.sensor): one.value for one in readings if one.sensor.quantity == HOURS and one.value is not None}
    found: dict[str, int] = {}
    for one in readings:
        on_s = hours.get(_disk(one.sensor))
        if one.sensor.quantity == USED and one.value is not None and on_s is not None:
            at_ms = worn_out_ms(one.value, on_s, now_ms=one.time_ms)
            if at_ms is not None:
                found[one.sensor.id] = at_ms
    return found


def worn_out_ms(used: float, on_s: float, *, now_ms: int) -> int | None:
    """`used` in per cent, `on_s` power-on seconds. None: too early, past it already, or too far to say.

    The disk is taken to stay on as a server does, and to be written as it was on average.
    """
    if not _LEAST_USED <= used < RATED or on_s < _LEAST_S:
        return None
    left_ms = (RATED - used) / used * on_s * 1000
    return now_ms + round(left_ms) if left_ms <= _LONGEST_MS else None


def _disk(sensor: Sensor) -> str:
    """Sensors of one disk share all but the last word of their id."""
    return sensor.id.rpartition("/")[0]
