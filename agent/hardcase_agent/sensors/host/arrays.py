"""Linux software RAID (md) from sysfs: state of each array, as the kernel's Documentation/admin-guide/md.rst has it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Reading, Sensor, States
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import entries, read_attribute, read_integer, read_text

STATES = ("degraded", "rebuilding", "failed")
_DEGRADED, _REBUILDING, _FAILED = 1, 2, 4

_SPARE_DISKS = {"raid1": None, "raid4": 1, "raid5": 1, "raid6": 2}
"""Members a level can lose; None = all but one. raid10 depends on which, so its failure is what the kernel says."""


def scan(sysfs: Path) -> Scan:
    """Every md array. Containers of external metadata (imsm, ddf) hold no data of their own and are left out."""
    folders = [path / "md" for path in entries(sysfs / "block", "md*") if (path / "md").is_dir()]
    probes = tuple(_probe(folder) for folder in folders if read_text(folder / "level") not in ("container", ""))
    status = CoverageStatus.WATCHED if probes else CoverageStatus.NOT_PRESENT
    line = CoverageLine(component=Component.RAID, status=status, reason="" if probes else "no md array")
    return Scan(probes=probes, coverage=(line,), parts=tuple(probe.sensor.part for probe in probes))


def _probe(folder: Path) -> Probe:
    name, level, uuid = folder.parent.name, read_text(folder / "level"), read_text(folder / "uuid")
    part = Part(component=Component.RAID, slot=name, model=f"md {level}", serial=uuid, paths=(f"/dev/{name}",))
    sensor = Sensor(
        id=uuid or name, name=f"{name} ({level})", kind=Kind.STATE, part=part, states=STATES, quantity="raid.md"
    )
    return Probe(sensor, partial(read_array, folder))


def read_array(folder: Path) -> Reading:
    """States of the array whose md/ folder this is."""
    state = read_attribute(folder / "array_state")
    if isinstance(state, Gap):
        return state
    bits = _FAILED if state in ("inactive", "broken", "clear") else 0
    # raid0 and linear have neither file: they cannot be degraded, only lost.
    missing = read_integer(folder / "degraded")
    if isinstance(missing, Gap):
        if missing.reason is not GapReason.ABSENT:
            return missing
    elif missing > 0:
        bits |= _DEGRADED
        if missing > _can_lose(folder):
            bits |= _FAILED
    # "check" and "repair" read a healthy array; "resync" without a missing member follows an unclean stop.
    if read_text(folder / "sync_action") in ("recover", "resync"):
        bits |= _REBUILDING
    return States(bits)


def _can_lose(folder: Path) -> int:
    level = read_text(folder / "level")
    members = read_integer(folder / "raid_disks")
    total = members if isinstance(members, int) else 0
    spare = _SPARE_DISKS.get(level, total)
    return total - 1 if spare is None else spare
