"""What of a machine's arrays is seen and what is not, with the cure; and who a lost disk without a slot can be.

Used by `source.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hardcase_agent.domain.capture import Flaw
from hardcase_agent.domain.errors import AccessDenied, AgentError
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.arrays.model import Report

DRIVERS: dict[str, tuple[str, ...]] = {
    "megaraid_sas": ("storcli", "perccli", "megacli"),
    "hpsa": ("ssacli",),
    "smartpqi": ("ssacli", "arcconf"),
    "cciss": ("ssacli",),
    "aacraid": ("arcconf",),
}
"""Drivers of controllers that hide disks behind volumes -> tools that see these. HBAs (mpt3sas) hide nothing."""
_UNKNOWN_SLOT = "slot unknown"
_MOST_LISTED = 60
_NEEDS_ROOT = re.compile(r"root|permission|privilege|not permitted", re.IGNORECASE)


def coverage_of(tool: str, report: Report, error: AgentError | None) -> list[CoverageLine]:
    if error is not None:
        denied = isinstance(error, AccessDenied) or _NEEDS_ROOT.search(str(error)) is not None
        cure = _root(tool) if denied else "see the kernel's log for resets of the controller"
        return [_unreadable(f"{tool}: {error}", cure)]
    lines = []
    if not report.empty:
        seen = f"{tool}: {len(report.disks)} disks, {len(report.volumes)} arrays"
        lines.append(CoverageLine(component=Component.RAID, status=CoverageStatus.WATCHED, reason=seen))
    for flaw in report.flaws[:5]:
        # A controller without an enclosure, or without direct drives, refuses the view of these.
        refused = flaw.flaw is Flaw.REFUSED
        if refused and (not report.empty or "No Controller found" in flaw.message):
            continue
        lines.append(_unreadable(f"{tool}: {flaw.message}", _root(tool) if _NEEDS_ROOT.search(flaw.message) else ""))
    return lines


def unseen_controllers(sysfs: Path, answering: Sequence[str]) -> list[CoverageLine]:
    """Controllers that hide their disks and that no tool tells of: no data is not health."""
    lines = []
    for driver, tools in DRIVERS.items():
        if any(tool in answering for tool in tools):
            continue
        try:
            addresses = sorted(path.name for path in (sysfs / "bus/pci/drivers" / driver).glob("????:*:*"))
        except OSError:
            addresses = []
        for address in addresses:
            names = " or ".join(tools)
            reason = f"{driver} drives a controller at PCI {address}, and {names} tells nothing of it"
            lines.append(_unreadable(reason, f"install {names}; if it is installed: {_root(tools[0])}"))
    return lines


def elimination(parts: Iterable[Part]) -> list[CoverageLine]:
    """For each lost disk whose slot nobody tells: where the others are, so that it is found by what is left."""
    disks = [part for part in parts if part.component is Component.DISK]
    lost = [part for part in disks if part.slot.startswith(_UNKNOWN_SLOT)]
    others = [f"{part.slot}: {part.serial or part.model or '?'}" for part in disks if part not in lost]
    named = ", ".join(others[:_MOST_LISTED]) + (" ..." if len(others) > _MOST_LISTED else "")
    return [
        CoverageLine(
            component=Component.DISK,
            status=CoverageStatus.UNREADABLE,
            reason=f"a lost disk, {part.serial or part.slot}: its slot is not told",
            cure=f"it is in none of these slots, and none of these: {named}" if others else "no other disk is told",
        )
        for part in lost
    ]


def _root(tool: str) -> str:
    return f"{tool} insists on being root: systemctl edit hardcase-helper and set [Service] User=root"


def _unreadable(reason: str, cure: str) -> CoverageLine:
    return CoverageLine(component=Component.RAID, status=CoverageStatus.UNREADABLE, reason=reason, cure=cure)
