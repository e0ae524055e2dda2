"""What holds for a stream: its deadlines, what is counted over all of them, and how one ended. Used by `stream.py` and
`client.py`."""

from __future__ import annotations

from dataclasses import dataclass

from hardcase_agent.uplink.answers import CloseCause


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Deadlines of one stream, seconds."""

    welcome_s: float = 20.0
    """Connecting, TLS and the collector's first look at its stores."""
    write_s: float = 60.0
    """A message that the transport does not take: the collector reads nothing."""
    progress_s: float = 60.0
    """Records in flight and no acknowledgement: the collector or its stores are stuck."""
    tick_s: float = 5.0
    """How often the wall clock is compared with the boot clock and progress is checked."""
    drain_s: float = 1.5
    """At a clean stop: what is spooled may still be sent and acknowledged for this long."""


@dataclass(slots=True)
class Tally:
    """Counts over all streams."""

    rejected: int = 0
    withheld: int = 0
    reports_dropped: int = 0
    """Reports on diagnostics that found their queue full: the collector asks for them again."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The collector said Close."""

    cause: CloseCause
    detail: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The transport or a deadline ended it, or we did."""

    reason: str


Ended = Closed | Broken
