"""Corrected time of a record from the agent's two clocks and ours. Pure; intake asks it for every frame.

The monotonic clock of a boot cannot be set, so what it says plus one offset is the true time. The offset is the
smallest of the last few (received - boot) differences: a delay on the way can only make a difference larger.
"""

from __future__ import annotations

from collections import deque

from hardcase_collector.domain.observation import TimeFlag

TOLERANCE_MS = 2_000
"""Up to here the agent's own clock stands: an NTP-disciplined clock is better than an offset taken over a network."""

FINDING_MS = 60_000
"""Above here the agent's clock itself is a finding."""

OLDEST_MS = 400 * 86_400_000
"""No record is placed further back than this: longer than any spool keeps, short enough to bound the number of days."""

REMEMBERED = 8
"""Differences remembered: at one heartbeat in 15 s two minutes, so that a step of our own clock is soon forgotten."""


class ClockOffset:
    """The clock of one agent as seen from here; one per agent, changed by Hello and heartbeats."""

    __slots__ = ("_differences", "_offset_ms", "boot_id", "skew_ms")

    def __init__(self) -> None:
        self.boot_id = b""
        self.skew_ms = 0
        """Agent's wall time minus ours, ms, at the last greeting or heartbeat; a delay on the way makes it smaller."""
        self._differences: deque[int] = deque(maxlen=REMEMBERED)
        self._offset_ms: int | None = None
        """The smallest of them."""

    def heard(self, *, boot_id: bytes, wall_ms: int, boot_ms: int, received_ms: int) -> None:
        """Learns from one pair of clocks. A new boot forgets what the last one taught."""
        if boot_id != self.boot_id:
            self.boot_id = boot_id
            self._differences.clear()
        self._differences.append(received_ms - boot_ms)
        self._offset_ms = min(self._differences)
        self.skew_ms = wall_ms - received_ms

    @property
    def off(self) -> bool:
        """The agent's wall clock is wrong enough to tell people."""
        return abs(self.skew_ms) > FINDING_MS

    def correct(
        self, *, wall_ms: int, boot_ms: int, boot_id: bytes, received_ms: int, last_ms: int
    ) -> tuple[int, TimeFlag]:
        """Corrected time in ms and how far to trust it. Never refuses: what makes no sense is clamped and flagged.

        `last_ms` is the newest corrected time acknowledged for this epoch, 0 where there is none.
        """
        if (boot_id and boot_id != self.boot_id) or self._offset_ms is None:
            return clamp(wall_ms, last_ms, received_ms), TimeFlag.UNCERTAIN
        true_ms = boot_ms + self._offset_ms
        believable = received_ms - OLDEST_MS <= wall_ms <= received_ms + TOLERANCE_MS
        if believable and abs(true_ms - wall_ms) <= TOLERANCE_MS:
            return wall_ms, TimeFlag.EXACT
        kept = clamp(true_ms, received_ms - OLDEST_MS, received_ms)
        return max(kept, 0), TimeFlag.CORRECTED if kept == true_ms else TimeFlag.CORRECTED | TimeFlag.UNCERTAIN


def clamp(time_ms: int, earliest_ms: int, latest_ms: int) -> int:
    """`time_ms` within the bounds; the latest wins where they contradict each other. Never below 0 or 400 days back."""
    return max(0, min(max(time_ms, earliest_ms, latest_ms - OLDEST_MS), latest_ms))
