"""Puts a feed's state onto a catalogue: memory follows the sensors' identity, not their place.

Called by `engine` when a feed is opened and when its catalogue or its accepted baselines change.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hardcase_collector.domain.finding import Change, Severity, Transition
from hardcase_collector.rules import limits, parts, wear
from hardcase_collector.rules.compiled import Compiled, Watch
from hardcase_collector.rules.debounce import Track
from hardcase_collector.rules.evidence import transition
from hardcase_collector.rules.feed_row import Decoded
from hardcase_collector.rules.feed_state import (
    MAX_GHOSTS,
    MAX_KEYED,
    PARKED_MS,
    FeedState,
    Occasion,
    Parked,
)
from hardcase_collector.rules.sensors import set_band
from hardcase_collector.rules.sheet import Condition, Rule

_AT_NEXT_FRAME = 1


def restore(state: FeedState, decoded: Decoded) -> None:
    """Takes over a stored row; its tracks stay parked until a catalogue is placed."""
    state.last = decoded.last
    state.last_time_ms, state.last_received_ms = decoded.time_ms, decoded.received_ms
    state.backlog = decoded.backlog
    state.wake_ms = state.tracks_wake_ms = decoded.wake_ms
    state.columns, state.ghosts = decoded.columns, decoded.ghosts
    state.parked, state.keyed = decoded.parked, decoded.keyed
    state.inventory, state.pending_parts = decoded.inventory, decoded.pending_parts
    state.baselines_ms = decoded.baselines_ms
    state.worn = decoded.worn


def place(state: FeedState, compiled: Compiled, rules: Mapping[str, Rule]) -> None:
    """Moves columns and tracks onto this catalogue; what has no place there is parked."""
    _park_all(state, set(compiled.catalogue.sensor_numbers))
    if state.last is not None and state.last.catalogue.number != compiled.catalogue.number:
        last = state.last
        state.last_time_ms, state.last_received_ms, state.backlog = last.time_ms, last.received_ms, last.backlog
        state.last = None
    numbers = list(compiled.catalogue.sensor_numbers)
    before = set(state.columns.numbers)
    if state.columns.numbers != numbers:
        pool = state.columns.joined(state.ghosts)
        state.columns = pool.moved_to(numbers)
        state.ghosts = pool.left_behind(numbers, MAX_GHOSTS)
    state.place(compiled)
    state.wearing = wear.places(compiled.catalogue)
    wear.forget(state)
    if compiled.missing_sensor is None:
        state.columns.missing[:] = False
    if state.keyed and before:
        parts.await_arrivals(state, before)
    _unpark(state)
    if state.last is None or state.parked:
        state.wake_ms = 0
    apply_baselines(state, rules)


def apply_baselines(state: FeedState, rules: Mapping[str, Rule]) -> None:
    """Accepted values: growth counts from them, and rules with limits say nothing up to them."""
    compiled = state.compiled
    if compiled is None:
        return
    state.floors = {}
    through = state.baselines_ms
    places = {sensor.id: index for index, sensor in enumerate(compiled.catalogue.sensors)} if state.accepted else {}
    for baseline in sorted(state.accepted, key=lambda b: b.at_ms):
        rule, index = rules.get(baseline.rule), places.get(baseline.sensor, compiled.numbers)
        if rule is None or index >= compiled.numbers:
            continue
        if rule.condition is Condition.LIMITS:
            state.floors[(index, rule.id)] = limits.rounded(baseline.value, compiled.catalogue.value_width)
        elif rule.condition is Condition.GROWTH and baseline.at_ms > state.baselines_ms:
            state.columns.baseline[index] = baseline.value
            through = max(through, baseline.at_ms)
    state.baselines_ms = through
    state.stable = None
    _set_bands(state, compiled)


def expire_parked(state: FeedState, occasion: Occasion, watches: Mapping[int, Rule]) -> list[Transition]:
    """Clears findings whose sensor stayed away, or which no rule judges any more."""
    found = []
    kept = []
    for parked in state.parked:
        if parked.until_ms > occasion.time_ms:
            kept.append(parked)
            continue
        rule = watches.get(parked.rule)
        if rule is not None:
            reason = "not_judged" if parked.until_ms == _AT_NEXT_FRAME else "sensor_gone"
            found.append(
                transition(
                    occasion,
                    rule,
                    Change.CLEARED,
                    Severity.CLEARED,
                    part=parked.part,
                    sensor=parked.sensor,
                    debounced="",
                    evidence={"sensor": parked.sensor, "name": parked.name, "reason": reason},
                )
            )
    state.parked = kept
    return found


def _park_all(state: FeedState, staying: set[int]) -> None:
    if state.compiled is None:
        return
    sensors, numbers = state.compiled.catalogue.sensors, state.columns.numbers
    for (index, rule), track in state.tracks.items():
        sensor = sensors[index]
        state.parked.append(Parked(numbers[index], rule, sensor.id, sensor.name, sensor.part, track, 0))
    watch: Watch | None = state.compiled.missing_sensor
    for place in np.flatnonzero(state.columns.missing) if watch is not None else ():
        sensor = sensors[int(place)]
        if numbers[int(place)] not in staying and watch is not None:
            parked = Parked(numbers[int(place)], watch.id, sensor.id, sensor.name, sensor.part, _raised(watch), 0)
            state.parked.append(parked)
    state.tracks = {}


def _raised(watch: Watch) -> Track:
    return Track(raised=int(watch.rule.severity))


def _unpark(state: FeedState) -> None:
    compiled = state.compiled
    assert compiled is not None
    places = {number: index for index, number in enumerate(state.columns.numbers)} if state.parked else {}
    parked, state.parked, state.pending = state.parked, [], set()
    for entry in parked:
        index = places.get(entry.number)
        if index is not None and any(watch.id == entry.rule for watch in state.watches(index)):
            state.tracks[(index, entry.rule)] = entry.track
            if not entry.track.settled:
                state.pending.add(index)
        elif index is not None and compiled.missing_sensor is not None and compiled.missing_sensor.id == entry.rule:
            state.columns.missing[index] = True
        elif entry.track.raised:
            absent_ms = state.last_time_ms + PARKED_MS
            entry.until_ms = _AT_NEXT_FRAME if index is not None else entry.until_ms or absent_ms
            state.parked.append(entry)
    for entry in state.parked[: max(0, len(state.parked) - MAX_KEYED)]:
        entry.until_ms = _AT_NEXT_FRAME


def _set_bands(state: FeedState, compiled: Compiled) -> None:
    """Only sensors whose band may differ from the compiled one: most of a healthy feed is left alone."""
    sight = state.columns.sight[: compiled.numbers]
    state.lo[:], state.hi[:] = compiled.lo, compiled.hi
    unsighted = (compiled.signatures != 0) & ((sight & 0xFFFE) != compiled.signatures)
    state.lo[unsighted] = state.hi[unsighted] = np.inf
    touched = {index for index, _ in state.tracks} | {index for index, _ in state.floors}
    touched.update(compiled.remembering, np.flatnonzero(sight & 1).tolist())
    for index in touched:
        if index < compiled.numbers:
            set_band(state, index)
