"""The slow path for one sensor that moved: limits, growth, rate, states. Called by `engine` only."""

from __future__ import annotations

import math

from hardcase_collector.domain.finding import Fact, Severity, Transition
from hardcase_collector.domain.observation import Sensor
from hardcase_collector.rules import limits
from hardcase_collector.rules.compiled import Watch, inclusive
from hardcase_collector.rules.debounce import Track
from hardcase_collector.rules.evidence import sensor_facts, step
from hardcase_collector.rules.feed_state import Facts, FeedState, Occasion
from hardcase_collector.rules.sheet import Condition

_BUCKETS = 24
"""Of a rate's window: what it forgets at a time."""


def judge_number(state: FeedState, occasion: Occasion, index: int, value: float) -> list[Transition]:
    """One number. NaN and infinity are no measurements: they neither raise nor clear."""
    if not math.isfinite(value):
        return []
    assert state.compiled is not None
    compiled = state.compiled.sensors[index]
    sensor = state.compiled.catalogue.sensors[index]
    if not state.sighted(index, compiled):
        doubt = limits.contradicted(sensor, value, state.compiled.catalogue.value_width)
        state.columns.sight[index] = compiled.signature | bool(doubt)
    grown = _remember(state, index, value) if compiled.remembers else 0.0
    found = []
    for watch in state.watches(index):
        track = state.track(index, watch.id)
        level = _level(state, watch, track, index, value, grown, occasion.time_ms)
        facts = _number_facts(state, watch, track, sensor, index, value)
        made = step(occasion, watch, track, level, part=sensor.part, sensor=sensor.id, facts=facts)
        if made is not None:
            found.append(made)
    settle(state, index)
    set_band(state, index)
    return found


def judge_states(state: FeedState, occasion: Occasion, index: int, bits: int) -> list[Transition]:
    """One state sensor with these bits set. States that no rule names raise nothing."""
    assert state.compiled is not None
    compiled = state.compiled.sensors[index]
    sensor = state.compiled.catalogue.sensors[index]
    state.columns.known[index] = bits
    found = []
    quiet = True
    for watch in compiled.watches:
        level = states_level(watch, bits)
        if watch.rule.after_change:
            quiet = quiet and not level
            level = level if state.columns.armed[index] else 0
        if not level and (index, watch.id) not in state.tracks:
            continue
        track = state.track(index, watch.id)
        facts = _states_facts(watch, sensor, bits)
        made = step(occasion, watch, track, level, part=sensor.part, sensor=sensor.id, facts=facts)
        if made is not None:
            found.append(made)
    if compiled.arms and quiet:
        state.columns.armed[index] = True
    settle(state, index)
    return found


def states_level(watch: Watch, bits: int) -> int:
    """Worst severity that these state bits mean to this watch."""
    level = 0
    for severity, mask in watch.asserted:
        if bits & mask:
            level = max(level, severity)
    for severity, mask in watch.deasserted:
        if not bits & mask:
            level = max(level, severity)
    return level


def settle(state: FeedState, index: int) -> None:
    """Keeps tracks that say something, and marks the sensor pending while one of them is not settled."""
    pending = False
    for watch in state.watches(index):
        track = state.tracks.get((index, watch.id))
        if track is None:
            continue
        pending = pending or not track.settled
        if track.trivial:
            del state.tracks[(index, watch.id)]
    if pending:
        state.pending.add(index)
    else:
        state.pending.discard(index)


def set_band(state: FeedState, index: int) -> None:
    """The band of values at which this number sensor's tracks stay as they are."""
    assert state.compiled is not None
    compiled = state.compiled.sensors[index]
    if not state.sighted(index, compiled) or (compiled.remembers and math.isnan(state.columns.previous[index])):
        # Both ends above everything: any number counts as moved.
        state.lo[index] = state.hi[index] = math.inf
        return
    lo, hi = -math.inf, math.inf
    for watch in state.watches(index):
        low, high = _watch_band(state, watch, index)
        lo, hi = max(lo, low), min(hi, high)
    state.lo[index], state.hi[index] = lo, hi


def _watch_band(state: FeedState, watch: Watch, index: int) -> tuple[float, float]:
    assert state.compiled is not None
    assert watch.ladder is not None
    width = state.compiled.catalogue.value_width
    level = state.level_of(index, watch.id)
    if watch.rule.condition is Condition.RATE:
        previous = float(state.columns.previous[index])
        return previous, previous
    if watch.rule.condition is Condition.GROWTH:
        base = float(state.columns.baseline[index])
        down, up = watch.ladder.band(level)
        low = base if math.isinf(down) else base + down
        return low, up if math.isinf(up) else limits.just_below(base + up, width)
    lo, hi = inclusive(watch.ladder, level, width)
    floor = state.floors.get((index, watch.id))
    if floor is None:
        return lo, hi
    # Accepted: nothing is told up to this value, whatever the limits say.
    if watch.ladder.sign > 0:
        return (lo, max(hi, floor)) if not level else (max(lo, limits.just_above(floor, width)), hi)
    return (min(lo, floor), hi) if not level else (lo, min(hi, limits.just_below(floor, width)))


def _remember(state: FeedState, index: int, value: float) -> float:
    """Moves baseline and previous value; gives by how much the counter grew.

    A counter below its last value was reset (boot, replaced controller): what it shows has all been counted since.
    """
    columns = state.columns
    previous = float(columns.previous[index])
    baseline = float(columns.baseline[index])
    columns.previous[index] = value
    # The lowest value seen is the baseline: eight pending sectors that were rewritten are no credit for eight new.
    if math.isnan(baseline) or value < baseline:
        columns.baseline[index] = value
    if math.isnan(previous):
        return 0.0
    return value - previous if value >= previous else value


def _level(state: FeedState, watch: Watch, track: Track, index: int, value: float, grown: float, time_ms: int) -> int:
    ladder = watch.ladder
    assert ladder is not None
    if watch.rule.condition is Condition.GROWTH:
        return ladder.level(value - float(state.columns.baseline[index]), track.level)
    if watch.rule.condition is Condition.RATE:
        return ladder.level(_in_window(watch, track, grown, time_ms), track.level)
    floor = state.floors.get((index, watch.id))
    if floor is not None and value * ladder.sign <= floor * ladder.sign:
        return 0
    return ladder.level(value, track.level)


def _in_window(watch: Watch, track: Track, grown: float, time_ms: int) -> float:
    bucket = time_ms // watch.bucket_ms
    if grown:
        track.window[bucket] = track.window.get(bucket, 0.0) + grown
    for old in [at for at in track.window if at <= bucket - _BUCKETS]:
        del track.window[old]
    return sum(track.window.values())


def _number_facts(state: FeedState, watch: Watch, track: Track, sensor: Sensor, index: int, value: float) -> Facts:
    def facts(severity: Severity) -> dict[str, Fact]:
        told = sensor_facts(sensor)
        told["value"] = value
        assert watch.ladder is not None
        limit = watch.ladder.step_of(severity)
        if limit is not None:
            told["limit"] = limit.at * watch.ladder.sign
            told["limit_name"] = limit.name
            told["limit_source"] = limit.source
        told |= _condition_facts(state, watch, track, index, value)
        if watch.rejected:
            told["limits_rejected"] = rejection(state, watch, index)
        return told

    return facts


def _condition_facts(state: FeedState, watch: Watch, track: Track, index: int, value: float) -> dict[str, Fact]:
    if watch.rule.condition is Condition.GROWTH:
        baseline = float(state.columns.baseline[index])
        return {"baseline": baseline, "growth": value - baseline}
    if watch.rule.condition is Condition.RATE:
        return {"count": sum(track.window.values()), "window_s": watch.rule.window_s}
    floor = state.floors.get((index, watch.id))
    told: dict[str, Fact] = {"hysteresis": watch.ladder.hysteresis if watch.ladder else 0.0}
    return told if floor is None else told | {"baseline": floor}


def rejection(state: FeedState, watch: Watch, index: int) -> str:
    """Why the device's limits are not used on this sensor."""
    return "contradicted" if state.columns.sight[index] & 1 else watch.rejected


def _states_facts(watch: Watch, sensor: Sensor, bits: int) -> Facts:
    def facts(severity: Severity) -> dict[str, Fact]:
        told = sensor_facts(sensor)
        told["state"] = state_names(sensor, bits)
        wanted = dict(watch.asserted).get(int(severity), 0)
        absent = dict(watch.deasserted).get(int(severity), 0)
        if wanted:
            told["matched"] = state_names(sensor, bits & wanted or wanted)
        if absent:
            told["matched_absent"] = state_names(sensor, absent)
        return told

    return facts


def state_names(sensor: Sensor, bits: int) -> str:
    """ "failure_detected,input_lost"; a set bit without a name is "bit 7"."""
    names = []
    for bit in range(32):
        if bits >> bit & 1:
            name = sensor.states[bit] if bit < len(sensor.states) else ""
            names.append(name or f"bit {bit}")
    return ",".join(names)
