"""Gaps: which sensors have none of a value now, since when, and when that is a finding of its own.

A gap neither raises nor clears what the value would. A host that is off, a sleeping disk, a part absent from the
start raise nothing. Called by `engine` on frames whose set of gaps moved.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.domain.finding import Change, Fact, Severity, Transition
from hardcase_collector.domain.observation import Frame, GapReason
from hardcase_collector.rules.compiled import Compiled, Watch
from hardcase_collector.rules.evidence import sensor_facts, transition
from hardcase_collector.rules.feed_state import NEVER_MS, FeedState, Occasion, some

_NEVER_AGE = 0xFFFFFFFF
_NO_REASON = bytes([GapReason.ERROR])
_ABSENT = int(GapReason.ABSENT)
_UNEXPLAINED = np.zeros(256, dtype=np.bool_)
_UNEXPLAINED[[GapReason.BUSY, GapReason.HUNG, GapReason.ERROR, GapReason.DENIED, GapReason.NOT_SWEPT]] = True
"""By gap reason: somebody should have got a value. The others say themselves why there is none."""


def check_gaps(compiled: Compiled, frame: Frame) -> None:
    """Raises BadRecord where the gap columns contradict each other or the catalogue."""
    count = len(frame.gap_reason)
    if len(frame.gap_index) != 2 * count or len(frame.gap_age_s) not in (0, 4 * count):
        raise BadRecord(f"gap columns of different length: {len(frame.gap_index)} B of indexes, {count} reasons")
    if not count:
        return
    indexes = np.frombuffer(frame.gap_index, dtype="<u2")
    if int(indexes.max()) >= len(compiled.sensors):
        raise BadRecord(f"gap at sensor {int(indexes.max())} of {len(compiled.sensors)}")


def take_gaps(state: FeedState, frame: Frame) -> tuple[npt.NDArray[np.bool_], set[int]]:
    """Brings the gap columns up to this frame.

    Gives which sensors became or ceased to be ABSENT after having been seen, and the indexes of those with a value
    again.
    """
    columns = state.columns
    old = columns.gaps
    new = np.zeros(len(old), dtype=np.uint8)
    valued = new == 0
    if frame.gap_reason:
        indexes = np.frombuffer(frame.gap_index, dtype="<u2")
        # A gap without a reason is still a gap.
        new[indexes] = np.frombuffer(frame.gap_reason.replace(b"\0", _NO_REASON), dtype=np.uint8)
        valued = new == 0
        began = (old == 0) & ~valued
        if some(began):
            columns.gap_since[began] = frame.time_ms
            if frame.gap_age_s:
                ages = np.zeros(len(new), dtype=np.int64)
                told = np.frombuffer(frame.gap_age_s, dtype="<u4").astype(np.int64)
                ages[indexes] = np.where(told == _NEVER_AGE, 0, told)
                columns.gap_since[began] -= 1000 * ages[began]
    columns.gap_since *= ~valued
    columns.gaps = new
    absent_moved: npt.NDArray[np.bool_] = ((new == _ABSENT) != (old == _ABSENT)) & columns.seen
    columns.seen |= valued
    return absent_moved, set(np.flatnonzero((old != 0) & valued).tolist())


def judge_missing(state: FeedState, occasion: Occasion) -> tuple[list[Transition], int]:
    """Findings of sensors, or of the whole source, that have been silent for too many periods; the next time to look.

    Gap ages are measured on the frames' own time, so that a backlog is judged as it would have been live.
    """
    compiled, columns = state.compiled, state.columns
    assert compiled is not None
    bad: npt.NDArray[np.bool_] = _UNEXPLAINED[columns.gaps] & columns.seen
    if not some(bad) and not some(columns.missing):
        return _whole_source(state, occasion, silent=False), NEVER_MS
    period_ms = compiled.catalogue.period_ms
    ages = occasion.time_ms - columns.gap_since
    whole = compiled.missing_source
    silent = whole is not None and _over(bad, columns.seen, ages, whole.rule.periods * period_ms)
    found = _whole_source(state, occasion, silent=silent)
    watch = compiled.missing_sensor
    wake = NEVER_MS
    if watch is not None:
        limit_ms = watch.rule.periods * period_ms
        for index in np.flatnonzero(columns.missing & ~bad) if some(columns.missing) else ():
            found.append(_sensor_finding(state, occasion, watch, int(index), Change.CLEARED))
        new = bad & ~columns.missing & (ages >= limit_ms)
        for index in () if silent or not some(new) else np.flatnonzero(new):
            found.append(_sensor_finding(state, occasion, watch, int(index), Change.RAISED))
        waiting = bad & ~columns.missing
        if some(waiting) and not silent:
            wake = int(columns.gap_since[waiting].min()) + limit_ms
    if whole is not None and not silent and some(bad):
        wake = min(wake, _source_wake(columns.gap_since[bad], whole.rule.periods * period_ms, occasion.time_ms))
    return found, wake


def judge_silence(state: FeedState, occasion: Occasion, *, waited_ms: int) -> list[Transition]:
    """No frame at all for `waited_ms` while the agent is heard: the ticker's side of missing data."""
    compiled = state.compiled
    if compiled is None or compiled.missing_source is None:
        return []
    if waited_ms < compiled.missing_source.rule.periods * compiled.catalogue.period_ms:
        return []
    found = _whole_source(state, occasion, silent=True)
    if found:
        # The next frame is evidence of the contrary, however quiet its values.
        state.wake_ms = 0
    return found


def feed_part(watch: Watch, source: str) -> Part:
    """What a finding about a source as a whole hangs on: the BMC itself, or this source of the agent."""
    component = watch.rule.fault_class.component
    return Part(component=component, slot="" if component == "bmc" or source == "liveness" else source)


def _over(bad: npt.NDArray[np.bool_], seen: npt.NDArray[np.bool_], ages: npt.NDArray[np.int64], limit_ms: int) -> bool:
    """Everything that ever gave a value is unexplained, and the youngest of these gaps is old enough."""
    return some(seen) and not some(bad != seen) and not some(ages[bad] < limit_ms)


def _source_wake(since: npt.NDArray[np.int64], limit_ms: int, now_ms: int) -> int:
    at = int(since.max()) + limit_ms
    return at if at > now_ms else NEVER_MS


def _whole_source(state: FeedState, occasion: Occasion, *, silent: bool) -> list[Transition]:
    assert state.compiled is not None
    watch = state.compiled.missing_source
    if watch is None or not (silent or state.keyed):
        return []
    part = feed_part(watch, state.feed.source)
    key = (watch.id, part.key(), "")
    raised = key in state.keyed
    if raised == silent:
        return []
    facts: dict[str, Fact] = {"source": state.feed.source, "periods": watch.rule.periods}
    facts["period_ms"] = state.compiled.catalogue.period_ms
    facts["sensors"] = len(state.columns.gaps)
    if silent:
        keyed = state.keyed_for(key, part)
        if keyed is None:
            return []
        keyed.track.raised = int(watch.rule.severity)
        keyed.track.raised_ms = keyed.track.began_ms = occasion.time_ms
        return [_told(occasion, watch, Change.RAISED, part, "", facts)]
    del state.keyed[key]
    return [_told(occasion, watch, Change.CLEARED, part, "", facts)]


def _sensor_finding(state: FeedState, occasion: Occasion, watch: Watch, index: int, change: Change) -> Transition:
    assert state.compiled is not None
    sensor = state.compiled.catalogue.sensors[index]
    columns = state.columns
    columns.missing[index] = change is Change.RAISED
    facts = sensor_facts(sensor)
    reason = int(columns.gaps[index])
    facts["gap"] = GapReason(reason).name.lower() if reason in set(GapReason) else ("" if not reason else str(reason))
    facts["gap_s"] = (occasion.time_ms - int(columns.gap_since[index])) // 1000 if reason else 0
    facts["periods"] = watch.rule.periods
    return _told(occasion, watch, change, sensor.part, sensor.id, facts)


def _told(
    occasion: Occasion, watch: Watch, change: Change, part: Part, sensor: str, facts: dict[str, Fact]
) -> Transition:
    severity = watch.rule.severity if change is Change.RAISED else Severity.CLEARED
    periods = watch.rule.periods
    return transition(
        occasion, watch.rule, change, severity, part=part, sensor=sensor, debounced=f"{periods} periods", evidence=facts
    )
