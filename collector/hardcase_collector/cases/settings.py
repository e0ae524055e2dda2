"""What a site may set about cases, with the defaults. Filled by app.py, read by the rest of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


class JoiningEnd(StrEnum):
    """What becomes of the findings nobody decided about when joining ends."""

    OPEN = "open"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """What a site may set about cases."""

    reopen_ms: int = 14 * _DAY_MS
    """A fault that comes back within this time of closing opens the old case again."""
    backlog_hold_ms: int = 60_000
    """How long an opening waits for an agent to catch up (design: 60 s at most)."""
    joining_end: JoiningEnd = JoiningEnd.OPEN
    flap_raises: int = 3
    """As many raises of one finding within an hour make its case unstable."""
    flap_raises_a_day: int = 6
    """Or as many within a day: what soaks, closes and comes back every few hours is no news either."""
    calm_ms: int = _HOUR_MS
    """An unstable case that stays clear this long is stable again."""
    slow_calm_ms: int = 12 * _HOUR_MS
    """The same of one that was reopened twice and more: it comes back more slowly than that."""
    part_seen_ms: int = 26 * _HOUR_MS
    """The serial of a new part has to be seen in inventory within this time (daily, and after a change)."""
    drill_ms: int = _HOUR_MS
    """A drill's case closes by itself after this time, whatever still fires."""
    changes_kept_ms: int = 30 * _DAY_MS
