"""How full the local file systems are, through psutil."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import psutil

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, Sensor, Unit
from hardcase_agent.sensors.host.probe import Probe, Scan

Mount = tuple[str, str, str]
"""Device, mount point, type."""

_REAL = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "ocfs2", "gfs2"}
)
"""On disks, and able to fill up. Images (squashfs, iso9660) are always full; network ones belong to their server."""


def scan() -> Scan:
    try:
        mounts = [(entry.device, entry.mountpoint, entry.fstype) for entry in psutil.disk_partitions(all=True)]
    except OSError as error:
        return Scan((), (_line(CoverageStatus.UNREADABLE, f"mounts cannot be read: {error.strerror}"),))
    points, hidden = mount_points(mounts)
    lines = [
        _line(
            CoverageStatus.UNREADABLE, f"{point} is covered by another mount", "set ProtectHome=read-only in the unit"
        )
        for point in hidden
    ]
    if points:
        lines.insert(0, _line(CoverageStatus.WATCHED, ""))
    elif not hidden:
        lines.append(_line(CoverageStatus.NOT_PRESENT, "no local file system is mounted"))
    return Scan(tuple(_probe(point) for point in points), tuple(lines))


def mount_points(mounts: Iterable[Mount]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Each local file system once, at its shortest mount point; and where those are that other mounts cover.

    `mounts` in the order in which they were made. In a unit with ProtectHome=yes a /home of its own is covered, and
    what statvfs says of that path is another file system's.
    """
    visible: list[Mount] = []
    local: dict[str, str] = {}
    for mount in mounts:
        device, point, kind = mount
        below = point.rstrip("/") + "/"
        visible = [other for other in visible if not (other[1] + "/").startswith(below)]
        visible.append(mount)
        if kind in _REAL and not device.startswith("/dev/loop"):
            local.setdefault(device, point)
    places: dict[str, str] = {}
    for device, point, _ in visible:
        if device in local and (device not in places or len(point) < len(places[device])):
            places[device] = point
    hidden = (point for device, point in local.items() if device not in places)
    return tuple(sorted(places.values())), tuple(sorted(hidden))


def _line(status: CoverageStatus, reason: str, cure: str = "") -> CoverageLine:
    return CoverageLine(component=Component.HOST, status=status, reason=reason, cure=cure)


def _probe(point: str) -> Probe:
    sensor = Sensor(
        id=point,
        name=f"{point} used",
        kind=Kind.PERCENTAGE,
        unit=Unit.PERCENT,
        part=Part(component=Component.HOST, slot=point),
        quantity="filesystem.used",
    )
    return Probe(sensor, partial(read_used, point))


def read_used(point: str) -> Reading:
    """Share of the space a user may fill, as df shows it."""
    try:
        return Number(float(psutil.disk_usage(point).percent))
    except OSError as error:
        return Gap(GapReason.ERROR, f"{point}: {error.strerror}")
