"""Lines of file systems about what lies below them: XFS, btrfs, ZFS (its event daemon's and the kernel's words).

Where they name a disk it is the disk's matter; what they say of themselves alone is the host's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.disk_lines import disk_part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Outcome, event, nothing, rule

_COUNTS = re.compile(r"(?P<kind>wr|rd|flush|corrupt|gen) (?P<count>\d+)")


def _io_error(match: re.Match[str]) -> Iterable[Outcome]:
    part = disk_part(match["dev"])
    if part is not None:
        yield Found("disk.io_error", part)


def _btrfs(match: re.Match[str]) -> Iterable[Outcome]:
    """btrfs counts per device since the counters were set back; what it could not verify may be the memory's fault."""
    counts = {one["kind"]: int(one["count"]) for one in _COUNTS.finditer(match["counts"])}
    part = disk_part(match["dev"])
    if part is not None and (counts.get("wr") or counts.get("rd") or counts.get("flush")):
        yield Found("disk.io_error", part)
    elif part is not None and counts.get("corrupt"):
        yield Found("disk.command_failed", part)


def _vdev(name: str) -> Part:
    """A member as ZFS has it: a kernel name, or "ata-MODEL_SERIAL-part1"."""
    bare = re.sub(r"-part\d+$", "", name.removeprefix("/dev/").removeprefix("disk/by-id/"))
    return disk_part(bare) or Part(component=Component.DISK, slot=bare[:64])


def _zed(match: re.Match[str]) -> Iterable[Outcome]:
    """A class of the event and, for a change of state, the state."""
    part = _vdev(match["vdev"])
    state = (match["state"] or "").upper()
    if match["kind"] == "statechange":
        code = {"FAULTED": "disk.fault", "UNAVAIL": "disk.offline", "REMOVED": "disk.offline", "DEGRADED": "disk.fault"}
        if state in code:
            yield Found(code[state], part)
    else:
        yield Found("disk.command_failed" if match["kind"] == "checksum" else "disk.io_error", part)


RULES: tuple[LineRule, ...] = (
    rule(
        "i/o error",
        r"XFS \((?P<dev>[^)]+)\): (?:metadata|log) I/O error(?! .*error (?:28|122)\b)",
        _io_error,
    ),
    rule(
        "shutting down filesystem",
        r"XFS \((?P<fs>[^)]+)\): .*Shutting down filesystem",
        event("host.filesystem_readonly", Component.HOST, "fs"),
    ),
    rule(
        "filesystem has been shut down",
        r"XFS \((?P<fs>[^)]+)\): Filesystem has been shut down due to (?:log|metadata) (?:I/O )?error",
        event("host.filesystem_readonly", Component.HOST, "fs"),
    ),
    rule("bdev", r"BTRFS info \(device [^)]*\): bdev \S+ errs:", nothing),
    rule("bdev", r"BTRFS \w+ \(device [^)]*\): bdev (?P<dev>/dev/\S+) errs: (?P<counts>.*)", _btrfs),
    rule(
        "forced readonly",
        r"BTRFS \w+ \(device (?P<fs>[^):]+)[^)]*\): forced readonly",
        event("host.filesystem_readonly", Component.HOST, "fs"),
    ),
    rule(
        "class=",
        r"zed(?:\[\d+\])?: eid=\d+ class=(?:ereport\.fs\.zfs\.)?(?P<kind>statechange|io|checksum|probe_failure)\b"
        r".*?\bvdev(?:_path)?=(?P<vdev>\S+)(?:.*\bvdev_state=(?P<state>\w+))?",
        _zed,
    ),
    rule(
        "vdev i/o failure",
        r"ZFS: vdev I/O failure, zpool=\S+ path=(?P<dev>/dev/\S+) .*error=(?!0\b)\d+",
        _io_error,
    ),
)
