"""zpool list [-v] [-p] and zpool status. Pure. Sources: zpool-list(8), zpool-status(8), zpoolconcepts(7)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.md import disk_name
from hardcase_agent.sensors.arrays.model import Disk, MemberState, Report, Volume, VolumeState

_GROUPS = frozenset({"logs", "log", "cache", "spares", "spare", "special", "dedup"})
"""Headings of the lists below a pool; they are no devices, though "zpool list -v" prints columns for them."""
_VDEV = re.compile(r"(mirror|raidz[123]?|draid\S*|replacing|spare|indirect|logs?|cache|special|dedup)(-\d+)?")
_BY_ID = re.compile(r"(ata|scsi-SATA|scsi-S[A-Z]+|nvme|usb)-(.+)_([A-Za-z0-9-]{4,40})")
_WWN = re.compile(r"(?:wwn-0x|scsi-3|nvme-eui\.|nvme-nvme\.|naa\.|eui\.)([0-9a-f]{16,32})", re.IGNORECASE)
_PARTITION = re.compile(r"-part\d+$")
_GPTID = re.compile(r"(gptid|disk/by-partuuid|disk/by-id|dev/disk/by-\w+|gpt|diskid)/", re.IGNORECASE)
_DONE = re.compile(r"(\d{1,3}(?:\.\d+)?)% done")

_LEAF = {
    "online": MemberState.ONLINE,
    "degraded": MemberState.PREDICTED,
    "faulted": MemberState.FAILED,
    "offline": MemberState.OFFLINE,
    "unavail": MemberState.MISSING,
    "removed": MemberState.MISSING,
    "avail": MemberState.HOT_SPARE,
    "inuse": MemberState.HOT_SPARE,
}
_WHOLE = {
    "online": VolumeState.OPTIMAL,
    "degraded": VolumeState.DEGRADED,
    "faulted": VolumeState.FAILED,
    "unavail": VolumeState.FAILED,
    "suspended": VolumeState.FAILED,
    "offline": VolumeState.OFFLINE,
    "removed": VolumeState.FAILED,
}
_UNITS = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000, "T": 10**12}


@dataclass(slots=True)
class _Node:
    indent: int
    name: str
    health: str
    errors: tuple[float, ...] = ()
    note: str = ""
    used: float | None = None
    line: int = 0
    children: list[_Node] = field(default_factory=list)


def parse_list(lines: Sequence[str], report: Report, first: int) -> None:
    """A table of pools, with -v also of what they are made of."""
    header: list[str] = []
    roots: list[_Node] = []
    stack: list[_Node] = []
    for offset, line in enumerate(lines):
        cells = line.split()
        if "HEALTH" in cells and "NAME" in cells:
            header, stack = cells, []
        elif cells and header:
            _place(_row(header, line, cells, first + offset), roots, stack)
    for root in roots:
        if root.name not in _GROUPS:
            _pool(root, report)


def parse_status(lines: Sequence[str], report: Report, first: int) -> None:
    """What each pool is made of, with the error counts of each device."""
    roots: list[_Node] = []
    stack: list[_Node] = []
    scan: dict[str, str] = {}
    damaged: set[str] = set()
    alone: dict[str, _Node] = {}
    pool, inside = "", False
    for offset, line in enumerate(lines):
        key, _, value = line.strip().partition(": ")
        if key == "pool":
            pool, inside, stack = value.strip(), False, []
        elif key == "scan" or (pool in scan and not inside and "% done" in line):
            scan[pool] = scan.get(pool, "") + " " + line.strip()
        elif key.startswith("errors"):
            inside = False
            if re.match(r"Permanent errors|\d+ data errors", value.strip()):
                damaged.add(pool)
        elif key == "state" and not inside and pool:
            alone[pool] = _Node(0, pool, value.strip().lower(), line=first + offset)
        elif line.strip() == "config:" or line.split()[:2] == ["NAME", "STATE"]:
            # A pool that waits for its import is told without headings.
            inside = True
        elif inside and line.strip():
            _place(_status_row(line, first + offset), roots, stack)
    listed = {root.name for root in roots}
    _pools([*roots, *(node for name, node in alone.items() if name not in listed)], scan, damaged, report)


def _pools(roots: Sequence[_Node], scan: Mapping[str, str], damaged: set[str], report: Report) -> None:
    for root in roots:
        if root.name not in _GROUPS:
            _pool(root, report, scan.get(root.name, ""))
        if root.name in damaged:
            pool_of = report.volume("zpool", root.name)
            pool_of.state = (pool_of.state or frozenset()) | {VolumeState.BAD_BLOCKS}


def _row(header: Sequence[str], line: str, cells: list[str], number: int) -> _Node:
    """The headings of lists of devices ("logs") come without columns in some versions."""
    # Old versions leave ALTROOT empty; health is counted from the left, where names hold no blanks.
    at = header.index("HEALTH")
    health = cells[at] if len(cells) > at else ""
    used = words.number(cells[header.index("CAP")]) if "CAP" in header and len(cells) > header.index("CAP") else None
    return _Node(_indent(line), cells[0], health.lower().strip("-"), used=used, line=number)


def _status_row(line: str, number: int) -> _Node:
    cells = line.split()
    errors = tuple(value for value in map(_count, cells[2:5]) if value is not None)
    note = " ".join(cells[2 + len(errors) :])
    return _Node(_indent(line), cells[0], cells[1].lower() if len(cells) > 1 else "", errors, note, line=number)


def _indent(line: str) -> int:
    return len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())


def _count(cell: str) -> float | None:
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,3})?)([KMGT]?)", cell)
    return float(found[1]) * _UNITS[found[2]] if found else None


def _place(node: _Node, roots: list[_Node], stack: list[_Node]) -> None:
    while stack and stack[-1].indent >= node.indent:
        stack.pop()
    if stack:
        stack[-1].children.append(node)
    elif node.name in _GROUPS and roots:
        # Logs, caches and spares stand at the pool's own depth, below it.
        roots[-1].children.append(node)
    else:
        roots.append(node)
    stack.append(node)


def _pool(root: _Node, report: Report, scan: str = "") -> None:
    pool = _volume(root, root.name, report)
    pool.name, pool.level = root.name, "zpool"
    pool.used = root.used if root.used is not None else pool.used
    resilver = "resilver in progress" in scan
    if resilver or "scrub in progress" in scan:
        doing = VolumeState.REBUILDING if resilver else VolumeState.CHECKING
        pool.state = (pool.state or frozenset()) | {doing}
        done = _DONE.search(scan)
        pool.progress = float(done[1]) if done else None
    todo = [(child, pool, "") for child in reversed(root.children)]
    while todo:
        node, parent, group = todo.pop()
        if node.name in _GROUPS:
            todo += [(child, parent, node.name) for child in reversed(node.children)]
        elif node.children or _VDEV.fullmatch(node.name):
            vdev = _volume(node, f"{pool.key}/{node.name}", report)
            vdev.level, vdev.name = node.name.partition("-")[0], node.name
            todo += [(child, vdev, group) for child in reversed(node.children)]
        else:
            disk = _disk(node, pool, group, report)
            for whole in {parent.key: parent, pool.key: pool}.values():
                # A cache or a spare that is lost takes no redundancy with it.
                if group not in ("cache", "spares", "spare") and disk.key not in whole.members:
                    whole.members.append(disk.key)


def _volume(node: _Node, key: str, report: Report) -> Volume:
    volume = report.volume("zpool", key)
    known = _WHOLE.get(node.health)
    if known is not None:
        volume.state = frozenset({known}) | ((volume.state or frozenset()) & {VolumeState.REBUILDING})
    elif node.health:
        volume.word = node.health
        report.unknown(f"health of {key}", node.health, f"line {node.line}")
    return volume


def _disk(node: _Node, pool: Volume, group: str, report: Report) -> Disk:
    disk = report.disk("zpool", f"{pool.key}/{node.name}")
    disk.group = pool.key
    _identify(disk, node.name)
    known = _LEAF.get(node.health)
    if known is None and node.health:
        disk.word = node.health
        report.unknown(f"state of {disk.key}", node.health, f"line {node.line}")
    elif known is not None:
        resilvering = known is MemberState.ONLINE and "(resilvering)" in node.note
        disk.state = frozenset({MemberState.REBUILDING if resilvering else known})
    elif group == "spares":
        disk.state = frozenset({MemberState.HOT_SPARE})
    was = re.search(r"was (/dev/\S+?)(?:/old)?(?=\s|$)", node.note)
    if was is not None:
        # The pool only has its number now; where it was is what people can look for.
        _identify(disk, was[1].removeprefix("/dev/"))
    if len(node.errors) == 3:
        disk.counts["disk.pool_errors"] = sum(node.errors)
    return disk


def _identify(disk: Disk, name: str) -> None:
    """Names below /dev/disk/by-id tell model and serial number or the WWN; others are places."""
    plain = _PARTITION.sub("", _GPTID.sub("", name.removeprefix("/dev/")))
    by_id, wwn = _BY_ID.fullmatch(plain), _WWN.fullmatch(plain)
    if wwn is not None:
        disk.wwn, disk.slot = wwn[1].lower(), plain
    elif by_id is not None:
        disk.model, disk.serial = by_id[2].replace("_", " "), by_id[3]
        disk.slot = ""
    else:
        disk.slot = disk_name(plain)
        disk.paths = (f"/dev/{disk.slot}",) if re.fullmatch(r"(sd|hd|vd|nvme|da|ada)\S*", disk.slot) else ()
