"""How a track and a part stand in the JSON of a feed's row. Pure; `feed_row.py` writes and reads the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hardcase_collector.domain.asset import Part
from hardcase_collector.rules.debounce import Track


def track_entry(track: Track) -> list[object]:
    return [
        track.raised, track.history, track.began_ms, track.raised_ms, track.flips, int(track.unstable), track.calm_ms,
        list(track.window.items()), track.times,
    ]  # fmt: skip


def read_track(entry: list[Any]) -> Track:
    raised, history, began_ms, raised_ms, flips, unstable, calm_ms, window, times = entry
    return Track(
        raised=raised,
        history=history,
        began_ms=began_ms,
        raised_ms=raised_ms,
        flips=flips,
        unstable=bool(unstable),
        calm_ms=calm_ms,
        window={int(bucket): float(count) for bucket, count in window},
        times=times,
    )


def part_entry(part: Part) -> list[object]:
    """Trailing empty fields are left out; kernel names change with every boot and are not kept."""
    fields: list[object] = [
        part.component,
        part.slot,
        part.model,
        part.serial,
        part.part_number,
        part.firmware,
        part.wwn,
    ]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def read_part(entry: Sequence[str]) -> Part:
    component, slot, model, serial, part_number, firmware, wwn = (*entry, *("",) * (7 - len(entry)))
    return Part(
        component=component, slot=slot, model=model, serial=serial, part_number=part_number, firmware=firmware, wwn=wwn
    )
