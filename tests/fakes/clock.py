"""A clock that moves only when told: the `Clock` port of the agent."""

from __future__ import annotations

from hardcase_agent.domain.frame import Moment


class FakeClock:
    def __init__(self, *, wall_ms: int = 1_790_000_000_000, boot_ms: int = 1_000_000) -> None:
        self.wall_ms = wall_ms
        self.boot_ms = boot_ms

    def now(self) -> Moment:
        return Moment(self.wall_ms, self.boot_ms)

    def advance(self, milliseconds: int) -> Moment:
        """Time passes."""
        self.wall_ms += milliseconds
        self.boot_ms += milliseconds
        return self.now()

    def set_wall(self, wall_ms: int) -> Moment:
        """Somebody sets the wall clock."""
        self.wall_ms = wall_ms
        return self.now()
