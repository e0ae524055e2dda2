"""Linux md: /proc/mdstat, `mdadm --detail`, and what state words of sysfs mean. Pure.

Sources: the kernel's Documentation/admin-guide/md.rst and drivers/md/md.c (md_seq_show), mdadm(8). `host/arrays.py`
reads the same states from sysfs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.model import Disk, MemberState, Report, Volume, VolumeState

SPARE_DISKS = {"raid1": None, "raid4": 1, "raid5": 1, "raid6": 2, "raid0": 0, "linear": 0}
"""Members a level can lose; None = all but one. raid10 depends on which, so its failure is what the kernel says."""

ARRAY = re.compile(r"(md\S{0,60})\s*:\s+(active|inactive|broken)\b\s*(.*)")
DETAIL = re.compile(r"(/dev/md\S{1,60}):")
_MEMBER = re.compile(r"(\S{1,64})\[(\d{1,5})\]((?:\([A-Z]\))*)")
_COUNT = re.compile(r"\[(\d{1,4})/(\d{1,4})\]")
_ACTION = re.compile(
    r"\b(recovery|resync|reshape|check|repair)\s*=\s*(?:(\d{1,3}(?:\.\d+)?)%|(DELAYED|PENDING|REMOTE))"
)
_DETAIL_MEMBER = re.compile(r"(\d+|-)\s+(\d+|-)\s+(\d+|-)\s+(\d+|-)\s+(\S.*?)(?:\s+(/dev/\S+))?")


def can_lose(level: str, members: int) -> int:
    """How many members an array of this level can do without and still have all its data."""
    spare = SPARE_DISKS.get(level, members)
    return members - 1 if spare is None else spare


def disk_name(device: str) -> str:
    """The whole disk of a partition: sdb2 -> sdb, nvme0n1p3 -> nvme0n1, mmcblk0p1 -> mmcblk0."""
    name = device.rpartition("/")[2]
    numbered = re.fullmatch(r"((?:nvme\d+n\d+|mmcblk\d+|md\d+|nbd\d+|loop\d+))p\d+", name)
    plain = re.fullmatch(r"((?:sd|hd|vd|xvd|ssd)[a-z]+)\d*", name)
    found = numbered or plain
    return found[1] if found else name


def volume_states(level: str, members: int, working: int, word: str, action: str) -> frozenset[VolumeState]:
    """`word`: array_state of the kernel. "check" and "repair" read a healthy array; a "resync" without a missing
    member follows an unclean stop."""
    states: set[VolumeState] = set()
    if word in ("inactive", "broken", "clear"):
        states.add(VolumeState.FAILED)
    elif members > working:
        states.add(VolumeState.DEGRADED)
        if members - working > can_lose(level, members):
            states.add(VolumeState.FAILED)
    if action in ("recover", "recovery", "resync", "reshape"):
        states.add(VolumeState.REBUILDING)
    elif action in ("check", "repair"):
        states.add(VolumeState.CHECKING)
    return frozenset(states or {VolumeState.OPTIMAL})


def parse_mdstat(lines: Sequence[str], report: Report, first: int) -> None:
    """`first`: number of the first line, for messages."""
    blocks: list[tuple[re.Match[str], list[str]]] = []
    for line in lines:
        found = ARRAY.fullmatch(line.strip())
        if found is not None:
            blocks.append((found, []))
        elif blocks and line.strip() and not line.startswith("unused devices"):
            blocks[-1][1].append(line.strip())
    for found, rest in blocks:
        _array(found, " ".join(rest), report)


def _array(found: re.Match[str], rest: str, report: Report) -> None:
    name, state = found[1], found[2]
    tokens = found[3].split()
    members = [member for member in map(_MEMBER.fullmatch, tokens) if member is not None]
    level = next((token for token in tokens if "[" not in token and "(" not in token), "")
    if re.search(r"super external:(?!/)", rest):
        # A container of imsm or ddf metadata holds no data of its own; it is "inactive" all its life.
        return
    volume = report.volume("md", name)
    volume.software = True
    volume.level, volume.paths, volume.name = level, (f"/dev/{name}",), name
    count, action = _COUNT.search(rest), _ACTION.search(rest)
    total, working = (int(count[1]), int(count[2])) if count else (0, 0)
    # DELAYED waits for another array on the same disks, PENDING for the first write: both are owed.
    doing = action[1] if action else ""
    volume.state = volume_states(level, total, working, state, doing)
    volume.progress = float(action[2]) if action and action[2] else None
    for member in members:
        _member(volume, member, doing if int(member[2]) >= total else "", report)


def _member(volume: Volume, found: re.Match[str], doing: str, report: Report) -> None:
    """Flags: F faulty, S spare, J journal, W write-mostly, R replacement."""
    device, flags = found[1], found[3]
    key = f"{volume.key}/{device}"
    disk = report.disk("md", key if ("md", key) not in report.disks else f"{key}[{found[2]}]")
    disk.slot, disk.paths = disk_name(device), (f"/dev/{disk_name(device)}",)
    disk.group = volume.key
    if "(F)" in flags:
        state = MemberState.FAILED
    elif "(S)" in flags:
        state = MemberState.HOT_SPARE
    elif "(R)" in flags:
        state = MemberState.COPYBACK
    else:
        state = MemberState.REBUILDING if doing in ("recovery", "recover") else MemberState.ONLINE
    disk.state = frozenset({state})
    volume.members.append(disk.key)


def parse_detail(lines: Sequence[str], report: Report, first: int) -> None:
    """`mdadm --detail`: one or several arrays."""
    volume: Volume | None = None
    facts: dict[str, str] = {}
    for line in lines:
        said = words.squeeze(line)
        heading = DETAIL.fullmatch(said)
        if heading is not None:
            if volume is not None:
                _settle(volume, facts, report)
            facts = {}
            volume = report.volume("md", heading[1].removeprefix("/dev/").removeprefix("md/"))
            volume.software, volume.paths = True, (heading[1],)
            continue
        name, colon, value = said.partition(" : ")
        member = _DETAIL_MEMBER.fullmatch(said)
        if volume is not None and member is not None:
            _detail_member(volume, member, report)
        elif colon:
            facts[name.lower()] = value
    if volume is not None:
        _settle(volume, facts, report)


def _settle(volume: Volume, facts: dict[str, str], report: Report) -> None:
    level = facts.get("raid level", "")
    words_of_state = {word.strip().lower() for word in facts.get("state", "").split(",")}
    total = int(words.number(facts.get("raid devices")) or 0)
    working = int(words.number(facts.get("active devices")) or 0)
    if level in ("container", "") or facts.get("state") is None:
        report.volumes.pop(("md", volume.key), None)
        return
    doing = next(
        (action for action in ("recovering", "resyncing", "reshaping", "checking") if action in words_of_state), ""
    )
    action = {"recovering": "recover", "resyncing": "resync", "reshaping": "reshape", "checking": "check"}.get(
        doing, ""
    )
    lost = {"inactive", "broken", "failed"} & words_of_state or "not started" in facts.get("state", "").lower()
    volume.state = volume_states(level, total, working, "broken" if lost else "active", action)
    _drop_empty_places(volume, report)
    volume.level, volume.serial = level, _uuid(facts.get("uuid", ""))
    volume.name = facts.get("name", "").split(" ")[0] or volume.key
    host = re.search(r"\(local to host (\S{1,64})\)", facts.get("name", ""))
    report.hostname = host[1] if host else report.hostname
    told = facts.get("rebuild status") or facts.get("resync status") or facts.get("check status") or ""
    volume.progress = words.percent(told)


def _drop_empty_places(volume: Volume, report: Report) -> None:
    """A faulty member is listed below, and the place it left stands as "removed": one disk, told once."""
    # An array that is told twice has dropped its empty places the first time.
    disks = [report.disks[("md", key)] for key in volume.members if ("md", key) in report.disks]
    faulty = sum(disk.state == frozenset({MemberState.FAILED}) for disk in disks)
    empty = [disk.key for disk in disks if disk.state == frozenset({MemberState.MISSING})]
    for key in empty[:faulty]:
        volume.members.remove(key)
        report.disks.pop(("md", key), None)


def _uuid(said: str) -> str:
    """As sysfs has it: mdadm prints the same digits in four groups with colons."""
    digits = said.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}", digits):
        return said
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _detail_member(volume: Volume, found: re.Match[str], report: Report) -> None:
    said, device = found[5].lower(), found[6]
    if device is None and "removed" not in said:
        return
    place = device.removeprefix("/dev/") if device else f"missing {found[4]}"
    disk = report.disk("md", f"{volume.key}/{place}")
    disk.group = volume.key
    disk.slot = disk_name(device) if device else f"slot unknown ({volume.key}, device {found[4]})"
    disk.paths = (f"/dev/{disk_name(device)}",) if device else ()
    disk.state = frozenset({_detail_state(said)})
    volume.members.append(disk.key)


def _detail_state(said: str) -> MemberState:
    for word, state in (
        ("faulty", MemberState.FAILED),
        ("removed", MemberState.MISSING),
        ("rebuilding", MemberState.REBUILDING),
        ("replacement", MemberState.COPYBACK),
        ("spare", MemberState.HOT_SPARE),
    ):
        if word in said:
            return state
    return MemberState.ONLINE


__all__ = ["ARRAY", "DETAIL", "Disk", "can_lose", "disk_name", "parse_detail", "parse_mdstat", "volume_states"]
