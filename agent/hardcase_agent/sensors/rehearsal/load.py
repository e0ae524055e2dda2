"""Timelines for load: many rehearsed servers that differ only in their serial.

Called by the bench and by the chaos tests, which write one file per agent. Nothing here is used by a running agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hardcase_agent.sensors.rehearsal.timeline import SERIAL_PREFIX


@dataclass(frozen=True, slots=True)
class LoadFault:
    """Sensor number `sensor` (0-based) rises above its critical limit at `at_s`, and falls back at `until_s`."""

    sensor: int
    at_s: float
    until_s: float | None = None


def load_timeline(number: int, *, sensors: int = 100, period_s: float = 1.0, faults: Sequence[LoadFault] = ()) -> str:
    """TOML text of one rehearsed server: `sensors` wandering temperatures, each of its own part.

    Serial DRILL-LOAD-<number>. Every fault is one part, so it is to become exactly one case.
    """
    lines = [
        "[asset]",
        'vendor = "Hardcase Rehearsal"',
        'model = "Load"',
        f'serial = "{SERIAL_PREFIX}LOAD-{number:05d}"',
        f'hostname = "load-{number:05d}"',
        "[[source]]",
        'name = "load"',
        f"period_s = {float(period_s)}",
    ]
    for index in range(sensors):
        lines += [
            "[[source.sensor]]",
            f'id = "t{index:03d}"',
            f'name = "Module {index} temperature"',
            'kind = "temperature"',
            'unit = "Cel"',
            f"value = {40 + index % 20}.0",
            "wander = 3.0",
            "limits = { upper_non_critical = 85.0, upper_critical = 95.0 }",
            f'part = {{ component = "board", slot = "M{index:03d}" }}',
        ]
    for fault in faults:
        lines += ["[[change]]", f"at = {float(fault.at_s)}", f'sensor = "t{fault.sensor:03d}"', "value = 101.0"]
        if fault.until_s is not None:
            lines += ["[[change]]", f"at = {float(fault.until_s)}", f'sensor = "t{fault.sensor:03d}"', "value = 45.0"]
    return "\n".join(lines) + "\n"
