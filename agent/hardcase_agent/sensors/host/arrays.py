"""Linux software RAID (md) from sysfs: state of each array, as the kernel's Documentation/admin-guide/md.rst has it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Reading, Sensor, States
from hardcase_agent.sensors.arrays.blockdisk import identify
from hardcase_agent.sensors.arrays.md import can_lose, disk_name
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import Folder, entries, read_attribute, read_integer, read_text

MEMBER_STATES = ("online", "hot_spare", "rebuilding", "predicted", "failed")
STATES = ("degraded", "rebuilding", "failed")
_DEGRADED, _REBUILDING, _FAILED = 1, 2, 4


def scan(sysfs: Folder) -> Scan:
    """Every md array. Containers of external metadata (imsm, ddf) hold no data of their own and are left out."""
    folders = [path / "md" for path in entries(sysfs / "block", "md*") if (path / "md").is_dir()]
    folders = [folder for folder in folders if read_text(folder / "level") not in ("container", "")]
    probes = tuple(probe for folder in folders for probe in (_probe(folder), *_members(folder)))
    status = CoverageStatus.WATCHED if probes else CoverageStatus.NOT_PRESENT
    line = CoverageLine(component=Component.RAID, status=status, reason="" if probes else "no md array")
    return Scan(probes=probes, coverage=(line,), parts=tuple(_array_part(folder) for folder in folders))


def _probe(folder: Folder) -> Probe:
    part = _array_part(folder)
    sensor = Sensor(
        id=part.serial or part.slot,
        name=f"{part.slot} ({part.model.removeprefix('md ')})",
        kind=Kind.STATE,
        part=part,
        states=STATES,
        quantity="raid.md",
    )
    return Probe(sensor, partial(read_array, folder))


def _array_part(folder: Folder) -> Part:
    name, level, uuid = folder.parent.name, read_text(folder / "level"), read_text(folder / "uuid")
    return Part(component=Component.RAID, slot=name, model=f"md {level}", serial=uuid, paths=(f"/dev/{name}",))


def _members(folder: Folder) -> Iterator[Probe]:
    """Each member: the array goes on without a faulty one, but that disk is to be replaced."""
    for member in entries(folder, "dev-*"):
        name = member.name.removeprefix("dev-").replace("!", "/")
        sensor = Sensor(
            id=f"{folder.parent.name}/{name}",
            name=f"{name} in {folder.parent.name}",
            kind=Kind.STATE,
            part=_member_part(folder, name),
            states=MEMBER_STATES,
            quantity="disk.member",
        )
        yield Probe(sensor, partial(_read_member, member))


def _member_part(folder: Folder, name: str) -> Part:
    """The whole disk, as smartctl names it. The kernel's name stands for a place where nothing else is told."""
    whole = disk_name(name)
    found = identify(folder.parent.parent.parent, whole)
    slot = found.slot or ("" if found.serial else whole)
    return Part(
        component=Component.DISK,
        slot=slot,
        model=found.model,
        serial=found.serial,
        paths=(f"/dev/{whole}",),
        wwn=found.wwn,
    )


def _read_member(member: Folder) -> Reading:
    """Words of the state file, after Documentation/admin-guide/md.rst; several may stand there, by commas."""
    state = read_attribute(member / "state")
    if isinstance(state, Gap):
        return state
    words = state.split(",")
    if "faulty" in words:
        word = "failed"
    elif "write_error" in words or "want_replacement" in words:
        word = "predicted"
    elif "in_sync" in words or "journal" in words:
        word = "online"
    else:
        word = "rebuilding" if read_text(member.parent / "sync_action") == "recover" else "hot_spare"
    return States(1 << MEMBER_STATES.index(word))


def read_array(folder: Folder) -> Reading:
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
        members = read_integer(folder / "raid_disks")
        if missing > can_lose(read_text(folder / "level"), members if isinstance(members, int) else 0):
            bits |= _FAILED
    # "check" and "repair" read a healthy array; "resync" without a missing member follows an unclean stop.
    if read_text(folder / "sync_action") in ("recover", "resync"):
        bits |= _REBUILDING
    return States(bits)
