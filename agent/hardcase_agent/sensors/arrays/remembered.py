"""Who was a member before: so that a disk that its controller dropped is still that disk, with its serial and slot.

Used by `source.py`; lives as long as the agent does.
"""

from __future__ import annotations

from dataclasses import replace

from hardcase_agent.sensors.arrays.model import LOST, Disk, MemberState, Report, Volume, VolumeState

_UNSOUND = frozenset({VolumeState.DEGRADED, VolumeState.PARTIALLY_DEGRADED, VolumeState.FAILED, VolumeState.OFFLINE})


class Members:
    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, Disk]] = {}
        """(controller, array) -> serial -> the disk as it was told last."""

    def complete(self, report: Report) -> None:
        """Gives a lost member without a name the one name that it can be, and puts a member that is told no more back
        as missing. Where several could be meant, nothing is guessed."""
        for volume in report.volumes.values():
            place = (volume.controller, volume.group or volume.key)
            own = _members(report, volume)
            present = {disk.serial for disk in report.disks.values() if disk.serial}
            gone = [disk for serial, disk in self._known.get(place, {}).items() if serial not in present]
            unnamed = [disk for disk in own if disk.state and disk.state & LOST and not disk.serial]
            if len(unnamed) == len(gone) == 1:
                _name(unnamed[0], gone[0])
            elif gone and not unnamed and volume.state and volume.state & _UNSOUND and not _has_lost(own):
                for disk in gone:
                    _put_back(report, volume, disk)
            self._remember(place, own, gone, sound=not (volume.state and volume.state & _UNSOUND))

    def _remember(self, place: tuple[str, str], own: list[Disk], gone: list[Disk], *, sound: bool) -> None:
        known = {disk.serial: replace(disk, counts={}) for disk in own if disk.serial}
        if not sound:
            # Until the array is whole again, what is missing is who was there.
            known.update({disk.serial: disk for disk in gone})
        self._known[place] = known


def _members(report: Report, volume: Volume) -> list[Disk]:
    here = [disk for disk in report.disks.values() if disk.controller == volume.controller]
    if volume.members:
        return [disk for disk in here if disk.key in volume.members]
    return [disk for disk in here if volume.group and disk.group == volume.group]


def _has_lost(disks: list[Disk]) -> bool:
    return any(disk.state and disk.state & LOST for disk in disks)


def _name(disk: Disk, was: Disk) -> None:
    disk.model, disk.serial, disk.wwn = was.model, was.serial, was.wwn
    disk.firmware, disk.part_number = was.firmware, was.part_number
    disk.slot = was.slot or disk.slot


def _put_back(report: Report, volume: Volume, was: Disk) -> None:
    key = was.key if (was.controller, was.key) not in report.disks else f"{was.key} before"
    disk = report.disk(was.controller, key)
    disk.group = was.group
    _name(disk, was)
    disk.state = frozenset({MemberState.MISSING})
    if volume.members:
        volume.members.append(key)
