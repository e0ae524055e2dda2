"""What asking a disk came to, and the lines of coverage that say so. Made and read by `source.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    DeviceAbsent,
    DeviceBusy,
    DeviceFailed,
    DeviceHung,
    ToolMissing,
    Unsupported,
)
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason
from hardcase_agent.sensors.smart.blockdevices import BlockDevice, Bus
from hardcase_agent.sensors.smart.ladder import JMB39X
from hardcase_agent.sensors.smart.report import DiskReport
from hardcase_agent.sensors.smart.shelf import Target

_REASONS: tuple[tuple[type[AgentError], GapReason], ...] = (
    (DeviceHung, GapReason.HUNG),
    (DeviceBusy, GapReason.BUSY),
    (AccessDenied, GapReason.DENIED),
    (DeviceAbsent, GapReason.ABSENT),
    (Unsupported, GapReason.UNSUPPORTED),
)
_UNASKED: dict[Bus, tuple[CoverageStatus, str, str]] = {
    Bus.USB: (
        CoverageStatus.UNREADABLE,
        "USB bridges often cannot tell whether the disk sleeps, so it is not asked",
        "name it as [[smart.device]] with its type if waking it does not matter",
    ),
    Bus.VIRTUAL: (CoverageStatus.NOT_PRESENT, "a virtual disk has no SMART", ""),
    Bus.OTHER: (CoverageStatus.UNREADABLE, "smartctl does not know this kind of disk", ""),
}


@dataclass(slots=True)
class Outcome:
    """What asking one group of ways (one disk, or one way to an unknown one) came to."""

    target: Target
    told: DiskReport | None = None
    error: AgentError | None = None
    at_ms: int = 0

    @property
    def refused(self) -> bool:
        """A type that the site allows and the helper does not."""
        return self.target.trial and self.target.kind.startswith(JMB39X) and isinstance(self.error, AccessDenied)

    @property
    def gap(self) -> Gap | None:
        if self.told is not None:
            return self.told.trouble
        for kind, reason in _REASONS:
            if isinstance(self.error, kind):
                return Gap(reason, str(self.error))
        return Gap(GapReason.ERROR, str(self.error)) if self.error else Gap(GapReason.NOT_SWEPT, "no time was left")


def raise_if_nothing(outcomes: Sequence[Outcome]) -> None:
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if errors and len(errors) == len(outcomes):
        for error in errors:
            if not isinstance(error, ToolMissing | AccessDenied | DeviceFailed):
                return
        raise errors[0]


def line_of(outcome: Outcome) -> CoverageLine:
    gap = outcome.gap
    path = (
        outcome.target.path
        if outcome.target.kind in ("auto", "sat", "scsi", "nvme")
        else (f"{outcome.target.path} ({outcome.target.kind})")
    )
    if gap is None and outcome.told is not None:
        part = outcome.told.part
        reason = f"{path}: {part.model} {part.serial}, {len(outcome.told.sensors)} values"
        return CoverageLine(component=Component.DISK, status=CoverageStatus.WATCHED, reason=reason)
    reason = f"{path}: {gap.detail or gap.reason.value}" if gap else path
    return unreadable(reason, _cure(outcome))


def _cure(outcome: Outcome) -> str:
    if outcome.told is not None and outcome.told.cure:
        return outcome.told.cure
    reason = outcome.gap.reason if outcome.gap else None
    if reason is GapReason.ASLEEP:
        return "none needed: it is read when something else wakes it"
    if reason is GapReason.HUNG:
        return "look for resets of this disk in the kernel's log; it is asked again when its last call has ended"
    return "read disks through the helper" if reason is GapReason.DENIED else ""


def unasked_line(device: BlockDevice) -> CoverageLine:
    status, reason, cure = _UNASKED.get(device.bus, _UNASKED[Bus.OTHER])
    return CoverageLine(component=Component.DISK, status=status, reason=f"{device.path}: {reason}", cure=cure)


def unreadable(reason: str, cure: str) -> CoverageLine:
    return CoverageLine(component=Component.DISK, status=CoverageStatus.UNREADABLE, reason=reason, cure=cure)
