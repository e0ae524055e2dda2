"""How full the local file systems are, through psutil."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import psutil

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, Sensor, Unit
from hardcase_agent.sensors.host.probe import Probe, Scan

_REAL = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "ocfs2", "gfs2"}
)
"""On disks, and able to fill up. Images (squashfs, iso9660) are always full; network ones belong to their server."""


def scan() -> Scan:
    try:
        mounts = [(entry.device, entry.mountpoint, entry.fstype) for entry in psutil.disk_partitions(all=True)]
    except OSError as error:
        return Scan((), (_line(CoverageStatus.UNREADABLE, f"mounts cannot be read: {error.strerror}"),))
    points = mount_points(mounts)
    if not points:
        return Scan((), (_line(CoverageStatus.NOT_PRESENT, "no local file system is mounted"),))
    return Scan(tuple(_probe(point) for point in points), (_line(CoverageStatus.WATCHED, ""),))


def mount_points(mounts: Iterable[tuple[str, str, str]]) -> tuple[str, ...]:
    """Of (device, mount point, type), each local file system once, at its shortest mount point."""
    places: dict[str, str] = {}
    for device, point, kind in mounts:
        if kind not in _REAL or device.startswith("/dev/loop"):
            continue
        if device not in places or len(point) < len(places[device]):
            places[device] = point
    return tuple(sorted(places.values()))


def _line(status: CoverageStatus, reason: str) -> CoverageLine:
    return CoverageLine(component=Component.HOST, status=status, reason=reason)


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
