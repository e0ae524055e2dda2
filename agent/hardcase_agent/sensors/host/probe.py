"""One sensor of the host and how to read it now. Made by the scans of this folder, read by `source.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hardcase_agent.domain.event import CoverageLine
from hardcase_agent.domain.part import Part
from hardcase_agent.domain.reading import Reading, Sensor


@dataclass(frozen=True, slots=True)
class Probe:
    sensor: Sensor
    read: Callable[[], Reading]


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look found: sensors, parts, and what can and cannot be seen."""

    probes: tuple[Probe, ...]
    coverage: tuple[CoverageLine, ...]
    parts: tuple[Part, ...] = ()
