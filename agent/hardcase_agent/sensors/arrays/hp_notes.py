"""What Smart Array tools say beside a thing and not of it: warnings between logical drives, arrays that lost a drive.

Called by `hp.py` for every line and at the end. Source: HPE "Smart Storage Administrator", outputs of ssacli 3 to 6.
"""

from __future__ import annotations

import re

from hardcase_agent.sensors.arrays.model import LOST, MemberState, Report, Volume, VolumeState

_LOST_BLOCKS = re.compile(r"Warning: Unrecoverable Media Errors Detected\b.*", re.IGNORECASE)
_AFFECTED = re.compile(r".*\blogical drives? (?:is|are) affected:\s*([\d, ]{1,400})\.?", re.IGNORECASE)


class Notes:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._blocks = False
        """A warning stands before the logical drive it is about, or names the drives at its end."""
        self._last: Volume | None = None
        self._failed: list[tuple[str, str]] = []

    def read(self, said: str, controller: str) -> bool:
        """True: the line is part of a warning."""
        begins = _LOST_BLOCKS.fullmatch(said) is not None
        self._blocks = self._blocks or begins
        affected = _AFFECTED.fullmatch(said) if self._blocks else None
        if affected is None:
            return begins
        self._blocks = False
        for number in re.findall(r"\d{1,4}", affected[1]):
            self._mark(self._report.volume(controller, f"LD {number}"))
        return True

    def volume(self, volume: Volume) -> None:
        self._last = volume
        if self._blocks:
            self._blocks = False
            self._mark(volume)

    def controller(self) -> None:
        """The lines of one end here. A warning below which it has no logical drive can only be about the one above."""
        if self._blocks and self._last is not None:
            self._mark(self._last)
        self._blocks, self._last = False, None

    def array(self, controller: str, array: str, word: str) -> None:
        """ "array B (Failed)", "Status: Failed Physical Drive": its logical drives may all be well."""
        if array and word.lower().startswith("failed"):
            self._failed.append((controller, array))

    def finish(self) -> None:
        """A lost member that no line names is told all the same: by elimination it can be found."""
        self.controller()
        for controller, array in dict.fromkeys(self._failed):
            disks = [
                disk
                for disk in self._report.disks.values()
                if disk.controller == controller and disk.group == array and disk.state and disk.state & LOST
            ]
            if not disks:
                disk = self._report.disk(controller, f"lost of array {array}")
                disk.slot = f"slot unknown (array {array}: the controller counts a drive of it as failed)"
                disk.state, disk.group = frozenset({MemberState.FAILED}), array

    @staticmethod
    def _mark(volume: Volume) -> None:
        volume.state = (volume.state or frozenset()) | {VolumeState.BAD_BLOCKS}
