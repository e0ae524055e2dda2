"""Disk bays as the kernel's SES driver shows them (class/enclosure): which are filled, which the enclosure calls bad.

Documentation/ABI/testing/sysfs-class-enclosure and drivers/misc/enclosure.c. Reading these files sends no command.
"""

from __future__ import annotations

from functools import partial

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Reading, Sensor, States
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import Folder, entries, read_attribute, read_text

STATES = ("present", "fault")
_PRESENT, _FAULT = 1, 2
_BAD = ("critical", "unrecoverable")
_UNTOLD = ("unknown", "unsupported", "unavailable", "")


def scan(sysfs: Folder) -> Scan:
    bays = [
        (enclosure, bay)
        for enclosure in entries(sysfs / "class" / "enclosure", "*")
        for bay in entries(enclosure, "*")
        if (bay / "fault").exists() and read_text(bay / "type") in ("device", "array device")
    ]
    probes = tuple(_probe(enclosure, bay) for enclosure, bay in bays)
    status = CoverageStatus.WATCHED if probes else CoverageStatus.NOT_PRESENT
    line = CoverageLine(component=Component.BACKPLANE, status=status, reason="" if probes else "no SES enclosure")
    return Scan(probes, (line,))


def _probe(enclosure: Folder, bay: Folder) -> Probe:
    number = read_text(bay / "slot")
    slot = f"{enclosure.name} slot {number}" if number else f"{enclosure.name} {bay.name}"
    names = [f"/dev/{disk.name}" for disk in entries(bay / "device" / "block", "*")]
    part = Part(component=Component.DISK, slot=slot, paths=tuple(names))
    key = read_text(enclosure / "id") or enclosure.name
    sensor = Sensor(
        id=f"{key}/{bay.name}",
        name=f"{bay.name} of {enclosure.name}",
        kind=Kind.STATE,
        part=part,
        states=STATES,
        quantity="disk.bay",
    )
    return Probe(sensor, partial(_read, bay))


def _read(bay: Folder) -> Reading:
    status = read_attribute(bay / "status")
    if isinstance(status, Gap):
        return status
    status = status.lower()
    fault = read_text(bay / "fault") not in ("0", "")
    filled = (bay / "device").exists()
    if status in _UNTOLD and not fault and not filled:
        return Gap(GapReason.UNSUPPORTED, f"the enclosure says {status!r}")
    bits = _PRESENT if status != "not installed" and (filled or status not in _UNTOLD) else 0
    return States(bits | (_FAULT if fault or status in _BAD else 0))
