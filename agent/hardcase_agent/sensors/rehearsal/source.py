"""Plays one source of a drill through the agent's real sampling. Built by `family.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.rehearsal.playback import play
from hardcase_agent.sensors.rehearsal.timeline import DrillSource, Timeline


class Playhead:
    """Where the drill stands: begins with the first sweep of any of its sources, runs on CLOCK_BOOTTIME."""

    def __init__(self, *, speed: float, repeat_ms: int) -> None:
        self._speed = speed
        self._repeat_ms = repeat_ms
        self._start: Moment | None = None

    def at(self, now: Moment) -> tuple[int, int]:
        """Elapsed milliseconds of the drill, and the number of this playing (changes at every repeat)."""
        if self._start is None:
            self._start = now
        elapsed = round((now.boot_ms - self._start.boot_ms) * self._speed)
        drill = self._start.wall_ms // 1000
        if self._repeat_ms:
            return elapsed % self._repeat_ms, drill + elapsed // self._repeat_ms
        return elapsed, drill


class RehearsalSource:
    """`Source` over one part of a timeline."""

    def __init__(self, timeline: Timeline, source: DrillSource, playhead: Playhead) -> None:
        self._asset = timeline.asset
        self._source = source
        self._playhead = playhead
        self._after_ms = -1
        self._drill = -1
        self._sensors = tuple(entry.sensor for entry in source.sensors)
        self.name = f"rehearsal.{source.name}@{timeline.asset.serial}"
        self.device = self.name
        self.period_s = source.period_s
        # Nothing can block here: the deadline only has to be a number.
        self.deadline_s = max(1.0, source.period_s)

    async def sweep(self, now: Moment) -> Sweep:
        elapsed, drill = self._playhead.at(now)
        if drill != self._drill:
            self._after_ms, self._drill = -1, drill
        sweep = play(self._asset, self._source, elapsed, after_ms=self._after_ms, drill_id=drill)
        self._after_ms = elapsed
        # The same tuple every time: framing knows the catalogue by it.
        return replace(sweep, sensors=self._sensors)

    async def doctor(self) -> Sequence[CoverageLine]:
        return (
            CoverageLine(
                component=Component.NONE,
                status=CoverageStatus.WATCHED,
                reason=f"a rehearsal of {len(self._sensors)} sensors on {self._asset.serial}; no hardware is read",
                cure="remove [rehearsal] from agent.toml when the drill is over",
            ),
        )

    async def close(self) -> None:
        return None
