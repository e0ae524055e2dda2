"""Whether an array is at work on a disk, so that a self-test of it must wait: rebuild, resync, check, initialisation.

Asked by `ArraysSource.work_on`. md is read from sysfs now; other arrays are as their tool told last. In doubt the
answer is a reason: a test can wait, an array that loses a second disk cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hardcase_agent.domain.diagnostic import KnownDisk
from hardcase_agent.sensors.arrays.blockdisk import identify
from hardcase_agent.sensors.arrays.md import disk_name
from hardcase_agent.sensors.arrays.model import Disk, MemberState, Report, Volume, VolumeState
from hardcase_agent.sensors.host.tree import Folder, entries, read_text

_AT_WORK = frozenset({VolumeState.REBUILDING, VolumeState.CHECKING, VolumeState.INITIALIZING})
_MOVING = frozenset({MemberState.REBUILDING, MemberState.COPYBACK})
_IDLE = ("idle", "frozen", "")


def work_on(disk: KnownDisk, sysfs: Folder, reports: Mapping[str, Report], errors: Mapping[str, str]) -> str:
    """ "" = none. `reports` and `errors` by tool."""
    return (
        _md(disk, sysfs)
        or next(filter(None, (_told(disk, tool, report) for tool, report in sorted(reports.items()))), "")
        or _unknown(disk, reports, errors)
    )


def _md(disk: KnownDisk, sysfs: Folder) -> str:
    for array in entries(sysfs / "block", "md*"):
        action = read_text(array / "md" / "sync_action")
        if action in _IDLE:
            continue
        for member in entries(array / "md", "dev-*"):
            whole = disk_name(member.name.removeprefix("dev-").replace("!", "/"))
            if _is(disk, whole, identify(sysfs, whole).serial):
                return f"{array.name} is at work on it ({action})"
    return ""


def _is(disk: KnownDisk, whole: str, serial: str) -> bool:
    path = f"/dev/{whole}"
    # smartctl is given the NVMe controller, the array has its namespace.
    paths = {path, re.sub(r"^(/dev/nvme\d+)n\d+$", r"\1", path)}
    return disk.path in paths or (bool(serial) and serial == disk.part.serial)


def _told(disk: KnownDisk, tool: str, report: Report) -> str:
    mine = [one for one in report.disks.values() if _same(disk, one)]
    moving = [one for one in report.disks.values() if one.state and one.state & _MOVING]
    if any(one in moving for one in mine):
        return f"{tool}: it is being rebuilt"
    # Many controllers call the array degraded and nothing else while its new disk is filled from the others.
    for other in moving:
        if _could_be_in(disk, mine, tool) and (not mine or any(_together(one, other, report) for one in mine)):
            return f"{tool}: {other.slot or other.key} is being rebuilt in its array"
    for volume in report.volumes.values():
        states = sorted(state.value for state in (volume.state or frozenset()) & _AT_WORK)
        if states and (not mine or any(_belongs(one, volume) for one in mine)) and _could_be_in(disk, mine, tool):
            return f"{tool}: array {volume.name or volume.key} is {' and '.join(states)}"
    return ""


def _could_be_in(disk: KnownDisk, mine: Iterable[Disk], tool: str) -> bool:
    """A disk that the tool does not name may still be in its array where it is reached through a controller."""
    return any(True for _ in mine) or ("," in disk.type and tool != "zpool")


def _together(disk: Disk, other: Disk, report: Report) -> bool:
    """In one array, or not shown to be in two."""
    if disk.controller != other.controller:
        return False
    if disk.group and other.group:
        return disk.group == other.group
    volumes = [volume for volume in report.volumes.values() if volume.members]
    told = [volume for volume in volumes if disk.key in volume.members or other.key in volume.members]
    return not told or any(disk.key in volume.members and other.key in volume.members for volume in told)


def _belongs(disk: Disk, volume: Volume) -> bool:
    if disk.controller != volume.controller:
        return False
    if volume.members:
        return disk.key in volume.members
    if volume.group and disk.group:
        return disk.group == volume.group
    # Neither told: of this controller is near enough.
    return True


def _same(disk: KnownDisk, told: Disk) -> bool:
    if told.serial and disk.part.serial:
        # A controller may cut the serial or put the model before it.
        mine, other = disk.part.serial.strip(), told.serial.strip()
        return mine == other or (len(mine) >= 6 and other.endswith(mine))
    if told.wwn and disk.part.wwn:
        return told.wwn == disk.part.wwn
    return disk.path in told.paths


def _unknown(disk: KnownDisk, reports: Mapping[str, Report], errors: Mapping[str, str]) -> str:
    """Behind a controller whose tool does not tell, nobody knows whether a rebuild is on."""
    if "," not in disk.type:
        return ""
    told = any(not report.empty for tool, report in reports.items() if tool != "zpool")
    if told:
        return ""
    why = next((f"{tool}: {text}" for tool, text in sorted(errors.items())), "no RAID tool tells of its controller")
    return f"the state of its array is not known ({why})"
