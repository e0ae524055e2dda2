"""What is known of each disk, kept over restarts of the agent: a disk that sleeps then is still known and is not woken.

Used by `shelf.py`. A cache: whatever cannot be read or written is as if it had never been there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Limits, Sensor
from hardcase_agent.sensors.smart import measure
from hardcase_agent.sensors.smart.measure import Measure

VERSION = 1
_SIZE_LIMIT = 4 << 20
"""Bytes: a disk takes about 2 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One disk as it was last seen awake."""

    identity: str
    nvme: bool
    part: Part
    sensors: tuple[Sensor, ...]
    ways: tuple[tuple[str, str, str], ...]
    """(path, key of its type, signature): good only while the kernel shows the same signature there."""


def save(path: Path, memories: Iterable[Memory]) -> None:
    """Replaces the file as a whole."""
    document = {"version": VERSION, "disks": [_written(memory) for memory in memories]}
    beside = path.with_name(path.name + ".new")
    with contextlib.suppress(OSError):
        beside.write_text(json.dumps(document))
        os.replace(beside, path)


def load(path: Path) -> tuple[Memory, ...]:
    try:
        with path.open("rb") as stream:
            document = json.loads(stream.read(_SIZE_LIMIT))
        if document["version"] != VERSION:
            return ()
        return tuple(_read(entry) for entry in document["disks"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def _written(memory: Memory) -> dict[str, object]:
    stated = {sensor.quantity: dataclasses.asdict(sensor.limits) for sensor in memory.sensors}
    part = dataclasses.asdict(memory.part)
    return {"identity": memory.identity, "nvme": memory.nvme, "part": part, "sensors": stated, "ways": memory.ways}


def _read(entry: Mapping[str, Any]) -> Memory:
    told = dict(entry["part"])
    part = Part(**{**told, "component": Component(told["component"]), "paths": tuple(told["paths"])})
    never = Gap(GapReason.NOT_SWEPT)
    return Memory(
        identity=str(entry["identity"]),
        nvme=bool(entry["nvme"]),
        part=part,
        sensors=tuple(
            measure.sensor_of(Measure(quantity, never, Limits(**limits)), str(entry["identity"]), part)
            for quantity, limits in entry["sensors"].items()
        ),
        ways=tuple((str(path), str(kind), str(signature)) for path, kind, signature in entry["ways"]),
    )
