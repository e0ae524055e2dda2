"""One feed judged again: stored frames and events in the order of their times, transitions out. Called by `running.py`.

What is not stored over time (conditions of sources, inventories, which agent was silent when) is not judged, and where
telemetry has a gap nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.observation import Catalogue, Event, Frame
from hardcase_collector.domain.ports import Baseline, Feed, FeedState
from hardcase_collector.domain.stored_frame import StoredFrame
from hardcase_collector.rules.engine import Engine


@dataclass(slots=True)
class FeedReplay:
    """Keeps the judging state of the feed from day to day."""

    engine: Engine
    feed: Feed
    joined_ms: int
    rehearsal: bool
    baselines: Sequence[Baseline]
    catalogues: Mapping[int, Catalogue]
    frames: int = 0
    events: int = 0
    refused: int = 0
    _accepted: int = 0
    _state: FeedState | None = None
    _waits: bool = field(default=False)

    def day(self, frames: Sequence[StoredFrame], events: Sequence[Event], *, until_ms: int) -> Iterator[Transition]:
        """What moved; frames and events of one chunk, which ends at `until_ms`."""
        steps: list[tuple[int, int, StoredFrame | Event]] = [(one.time_ms, one.sequence, one) for one in frames]
        steps += [(one.stamp.time_ms, one.stamp.sequence, one) for one in events]
        for time_ms, _, step in sorted(steps, key=lambda one: one[:2]):
            yield from self._step(time_ms, step)
        if self._waits and self._state is not None:
            # Asked twice at one time nothing waited for a source: only what runs out by itself is told.
            self.engine.tick(self._state, now_ms=until_ms, silent=True)
            yield from self.engine.tick(self._state, now_ms=until_ms, silent=False)

    def _step(self, time_ms: int, step: StoredFrame | Event) -> Sequence[Transition]:
        state = self._opened(time_ms)
        if isinstance(step, Event):
            self.events += 1
            self._waits = True
            history = (step.device_ms or time_ms) < self.joined_ms
            return self.engine.event(state, step, history=history)
        self.frames += 1
        try:
            return self.engine.frame(state, _frame(step, self.catalogues[step.catalogue]))
        except (BadRecord, KeyError):
            self.refused += 1
            return ()

    def _opened(self, time_ms: int) -> FeedState:
        """With the baselines that were accepted by then."""
        known = sum(1 for one in self.baselines if one.at_ms <= time_ms)
        if self._state is None:
            self._state = self.engine.open_feed(self.feed, None, None, self.baselines[:known], rehearsal=self.rehearsal)
        elif known != self._accepted:
            self.engine.use_baselines(self._state, self.baselines[:known])
        self._accepted = known
        return self._state


def _frame(stored: StoredFrame, catalogue: Catalogue) -> Frame:
    return Frame(
        catalogue,
        stored.agent,
        stored.epoch,
        stored.sequence,
        stored.time_ms,
        stored.wall_ms,
        stored.time_ms,
        stored.flag,
        False,
        stored.values,
        stored.states,
        stored.gap_index,
        stored.gap_reason,
        stored.gap_age_s,
        stored.offsets_ms,
    )
