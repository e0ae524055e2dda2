"""The judge: frames, events, inventories, statuses and ticks in, transitions out. Implements `domain.ports.Judge`.

The frame in which nothing moved is decided here in a few vector operations; everything else goes to `sensors`,
`gaps`, `parts` and `records`. Intake and the ticker call it; it does no I/O and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.observation import Catalogue, Event, Frame, Inventory, SourceStatus
from hardcase_collector.domain.ports import Baseline, Feed, FeedRow
from hardcase_collector.domain.ports import FeedState as AnyFeedState
from hardcase_collector.rules import events, gaps, parts, placing, records, sensors, wear
from hardcase_collector.rules.compiled import Compiled, Compiler, Watch, plain_watch
from hardcase_collector.rules.explanation import Explanation, explain, rejections
from hardcase_collector.rules.feed_row import decode, encode
from hardcase_collector.rules.feed_state import FeedState, Occasion, some
from hardcase_collector.rules.sheet import Condition, RuleBook

CATCHING_UP_MS = 60_000
"""While old records still arrive, at most this far apart, nothing runs out by the present time."""


@dataclass(frozen=True, slots=True)
class _Plain:
    """The watches that hang on no sensor, ready for use."""

    by_id: dict[int, Watch]
    by_code: dict[str, events.Heard]
    statuses: tuple[Watch, ...]


class Engine:
    """Judges with one rule book. `asset_key`: number of an asset -> its key, for overrides that name assets."""

    def __init__(self, book: RuleBook, *, asset_key: Callable[[int], str] = lambda _: "") -> None:
        self.book = book
        self._asset_key = asset_key
        self._compiler = Compiler(book)
        self._plain = _plain(book)
        self._by_name = {rule.name: rule for rule in book.rules}
        self._by_id = {rule.id: rule for rule in book.rules}

    def open_feed(
        self,
        feed: Feed,
        catalogue: Catalogue | None,
        row: FeedRow | None,
        baselines: Sequence[Baseline],
        *,
        rehearsal: bool,
    ) -> FeedState:
        """The state of a feed, from its stored row where it has one. Raises RowUnreadable."""
        state = FeedState(feed, rehearsal=rehearsal)
        state.accepted = tuple(baselines)
        if row is not None and row.state:
            placing.restore(state, decode(row.state, catalogue, row.catalogue, feed.agent))
            # The desk has cleared what a rule raised that is gone; should the rule come back, it raises anew.
            state.keyed = {key: keyed for key, keyed in state.keyed.items() if key[0] in self._by_id}
        if catalogue is not None:
            placing.place(state, self._compile(catalogue), self._by_name)
        return state

    def use_catalogue(self, state: AnyFeedState, catalogue: Catalogue) -> None:
        placing.place(_own(state), self._compile(catalogue), self._by_name)

    def use_baselines(self, state: AnyFeedState, baselines: Sequence[Baseline]) -> None:
        own = _own(state)
        own.accepted = tuple(baselines)
        placing.apply_baselines(own, self._by_name)

    def frame(self, state: AnyFeedState, frame: Frame) -> Sequence[Transition]:
        """Judges one frame; see the port. Values equal to a limit have reached it (IPMI v2.0, table 35-15)."""
        own = _own(state)
        compiled = own.compiled
        if compiled is None or frame.catalogue is not own.catalogue_of:
            compiled = self._catalogue_of(own, frame)
        last = own.last
        if (
            last is not None
            and frame.states == last.states
            and frame.gap_index == last.gap_index
            and frame.gap_reason == last.gap_reason
            and not own.pending
            and not own.pending_parts
            and frame.time_ms < own.wake_ms
            and len(frame.values) == compiled.values_len
            and (not frame.offsets_ms or len(frame.offsets_ms) == compiled.offsets_len)
            and (not frame.gap_age_s or len(frame.gap_age_s) == 2 * len(frame.gap_index))
        ):
            values = np.frombuffer(frame.values, compiled.dtype)
            np.less(values, own.lo, own.low)
            np.greater(values, own.hi, own.high)
            if 1 not in own.moved:
                own.last = frame
                return ()
        return self._moved(own, compiled, frame)

    def event(self, state: AnyFeedState, event: Event, *, history: bool) -> Sequence[Transition]:
        own = _own(state)
        stamp = event.stamp
        own.last_received_ms, own.backlog = stamp.received_ms, stamp.backlog
        if history:
            return ()
        occasion = records.occasion_of(
            own, asset=stamp.asset, time_ms=stamp.time_ms, backlog=stamp.backlog, rehearsal=stamp.rehearsal, own=False
        )
        found = records.run_out(own, occasion, stamp.time_ms, self._plain.by_id) if own.keyed else []
        heard = self._plain.by_code.get(event.code)
        if heard is not None:
            own.stable = None
            found += events.judge_event(own, occasion, event, heard)
        return found

    def inventory(self, state: AnyFeedState, inventory: Inventory) -> Sequence[Transition]:
        own = _own(state)
        stamp = inventory.stamp
        occasion = records.occasion_of(
            own, asset=stamp.asset, time_ms=stamp.time_ms, backlog=stamp.backlog, rehearsal=stamp.rehearsal, own=True
        )
        listed = [*inventory.parts, *(own.inventory or {}).values(), *(keyed.part for keyed in own.keyed.values())]
        components = {part.component for part in listed}
        watches = {component: self._compiler.gone(component, stamp.source) for component in components}
        return parts.judge_inventory(own, occasion, inventory.parts, watches)

    def status(self, state: AnyFeedState, status: SourceStatus) -> Sequence[Transition]:
        own = _own(state)
        stamp = status.stamp
        occasion = records.occasion_of(
            own,
            asset=stamp.asset,
            time_ms=stamp.time_ms,
            backlog=stamp.backlog,
            rehearsal=stamp.rehearsal,
            own=stamp.source != records.LIVENESS,
        )
        own.stable = None
        found = records.run_out(own, occasion, stamp.time_ms, self._plain.by_id) if own.keyed else []
        return found + records.judge_status(own, occasion, status, self._plain.statuses)

    def tick(self, state: AnyFeedState, *, now_ms: int, silent: bool) -> Sequence[Transition]:
        own = _own(state)
        if silent or not own.watch_from_ms:
            # Only time in which this process waited for a living agent counts as silence of a source.
            own.watch_from_ms = now_ms
        if silent or _catching_up(own, now_ms):
            return ()
        found: list[Transition] = []
        occasion = Occasion(
            asset=own.feed_of.asset, feed=own.feed_of.number, time_ms=now_ms, backlog=False, rehearsal=_drill(own)
        )
        if own.keyed:
            found += records.run_out(own, occasion, now_ms, self._plain.by_id)
        received_ms = own.last.received_ms if own.last is not None else own.last_received_ms
        if received_ms and own.compiled is not None:
            waited_ms = now_ms - max(received_ms, own.watch_from_ms)
            found += gaps.judge_silence(own, occasion, waited_ms=waited_ms)
        if found:
            own.stable = None
        return found

    def row(self, state: AnyFeedState, *, received_ms: int) -> FeedRow:
        own = _own(state)
        last = own.last
        return FeedRow(
            feed=own.feed_of.number,
            catalogue=own.catalogue_of.number if own.catalogue_of is not None else 0,
            state=encode(own),
            time_ms=last.time_ms if last is not None else own.last_time_ms,
            received_ms=received_ms,
        )

    def explain(self, state: AnyFeedState, sensor: str) -> Sequence[Explanation]:
        """For each rule on this sensor: its limits with their source, what was counted, and why it did not fire."""
        return explain(_own(state), sensor)

    def rejected_limits(self, state: AnyFeedState) -> Sequence[tuple[str, str]]:
        """(sensor id, reason) of the devices' own limit sets that are not believed."""
        return rejections(_own(state))

    def _compile(self, catalogue: Catalogue) -> Compiled:
        asset = (self._asset_key(catalogue.asset), str(catalogue.asset))
        return self._compiler.compile(catalogue, tuple(word for word in asset if word))

    def _catalogue_of(self, state: FeedState, frame: Frame) -> Compiled:
        if state.catalogue_of is None or state.catalogue_of.number != frame.catalogue.number:
            _check(frame.catalogue, frame)
            self.use_catalogue(state, frame.catalogue)
        assert state.compiled is not None
        return state.compiled

    def _moved(self, state: FeedState, compiled: Compiled, frame: Frame) -> Sequence[Transition]:
        _check(compiled.catalogue, frame, compiled)
        gaps.check_gaps(compiled, frame)
        last = state.last
        state.gap_bytes = None
        occasion = Occasion(
            asset=compiled.catalogue.asset,
            feed=state.feed_of.number,
            time_ms=frame.time_ms,
            backlog=frame.backlog,
            rehearsal=_drill(state),
        )
        found: list[Transition] = []
        due = last is None or frame.time_ms >= state.wake_ms
        judged = set(state.pending)
        touched = state.pending_parts
        if last is None or frame.gap_index != last.gap_index or frame.gap_reason != last.gap_reason:
            absent_moved, returned = gaps.take_gaps(state, frame)
            # What should have run out while there was no value runs out with the first one.
            if returned:
                judged.update(index for index, _ in state.tracks if index in returned)
            if compiled.parts and some(absent_moved):
                touched = touched | parts.touched_parts(state, absent_moved)
        if touched:
            state.stable = None
            found += parts.judge_absent(state, occasion, touched)
        if due:
            found += self._due(state, occasion)
        if due:
            judged.update(index for index, _ in state.tracks)
        found += _judge_sensors(state, compiled, frame, occasion, judged)
        missing, wake_ms = gaps.judge_missing(state, occasion)
        if state.wearing:
            wake_ms = min(wake_ms, wear.note(state, frame))
        state.next_wake(None if due else judged, wake_ms)
        state.last = frame
        found += missing
        if found:
            state.stable = None
        return found

    def _due(self, state: FeedState, occasion: Occasion) -> list[Transition]:
        found = placing.expire_parked(state, occasion, self._by_id) if state.parked else []
        if state.keyed and state.last is None:
            found += parts.judge_arrivals(state, occasion, self._plain.by_id)
        return found


def _own(state: AnyFeedState) -> FeedState:
    assert isinstance(state, FeedState), "a state of another judge"
    return state


def _drill(state: FeedState) -> bool:
    return state.rehearsal or (state.catalogue_of is not None and state.catalogue_of.rehearsal)


def _catching_up(state: FeedState, now_ms: int) -> bool:
    last = state.last
    if last is not None and last.backlog and now_ms - last.received_ms < CATCHING_UP_MS:
        return True
    return state.backlog and now_ms - state.last_received_ms < CATCHING_UP_MS


def _check(catalogue: Catalogue, frame: Frame, compiled: Compiled | None = None) -> None:
    numbers = catalogue.numbers if compiled is None else compiled.numbers
    states = len(catalogue.sensors) - numbers
    if len(frame.values) != numbers * catalogue.value_width:
        raise BadRecord(f"{len(frame.values)} B of values for {numbers} numbers of {catalogue.value_width} B")
    if len(frame.states) != 4 * states:
        raise BadRecord(f"{len(frame.states)} B of states for {states} state sensors")
    if len(frame.offsets_ms) not in (0, 4 * len(catalogue.sensors)):
        raise BadRecord(f"{len(frame.offsets_ms)} B of offsets for {len(catalogue.sensors)} sensors")


def _judge_sensors(
    state: FeedState, compiled: Compiled, frame: Frame, occasion: Occasion, judged: set[int]
) -> list[Transition]:
    """Feeds these sensors and every one that moved; adds the latter to `judged`."""
    numbers, columns = compiled.numbers, state.columns
    values = np.frombuffer(frame.values, compiled.dtype)
    bits = np.frombuffer(frame.states, "<u4")
    np.less(values, state.lo, state.low)
    np.greater(values, state.hi, state.high)
    if 1 in state.moved:
        judged.update(np.flatnonzero(state.low | state.high).tolist())
    if compiled.states:
        changed = (bits != columns.known[numbers:]) & (columns.gaps[numbers:] == 0)
        if some(changed):
            judged.update((np.flatnonzero(changed) + numbers).tolist())
    found: list[Transition] = []
    if not judged:
        return found
    offsets = np.frombuffer(frame.offsets_ms, "<u4")
    for index in sorted(judged):
        if columns.gaps[index]:
            continue
        state.stable = None
        at = replace(occasion, time_ms=occasion.time_ms + int(offsets[index])) if len(offsets) else occasion
        if index < numbers:
            found += sensors.judge_number(state, at, index, float(values[index]))
        else:
            found += sensors.judge_states(state, at, index, int(bits[index - numbers]))
    return found


def _plain(book: RuleBook) -> _Plain:
    kinds = (Condition.EVENT, Condition.MISSING, Condition.GONE, Condition.STATUS)
    watches = [plain_watch(rule) for rule in book.rules if rule.condition in kinds]
    return _Plain(
        by_id={watch.id: watch for watch in watches},
        by_code=events.listen(watch for watch in watches if watch.rule.condition is Condition.EVENT),
        statuses=tuple(watch for watch in watches if watch.rule.condition is Condition.STATUS),
    )
