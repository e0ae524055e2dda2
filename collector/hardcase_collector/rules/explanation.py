"""Why a sensor did or did not raise: limits with their source, counts seen and wanted, rejected sets, baselines.

`Engine.explain` gives it to the desk and to pages; facts only, the reader's language is their matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hardcase_collector.domain.finding import Fact, Severity
from hardcase_collector.rules import limits
from hardcase_collector.rules.compiled import Watch
from hardcase_collector.rules.debounce import Track
from hardcase_collector.rules.feed_state import FeedState
from hardcase_collector.rules.sensors import rejection, state_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One rule on one sensor, as it stands."""

    rule: str
    fault_class: str
    severity: Severity
    """What is told now."""
    level: Severity
    """What the newest reading alone would mean."""
    facts: dict[str, Fact]


def explain(state: FeedState, sensor: str) -> tuple[Explanation, ...]:
    """Empty where the sensor is not in the catalogue or no rule judges it."""
    compiled = state.compiled
    if compiled is None:
        return ()
    places = [index for index, known in enumerate(compiled.catalogue.sensors) if known.id == sensor]
    return tuple(_explained(state, index, watch) for index in places for watch in state.watches(index))


def rejections(state: FeedState) -> tuple[tuple[str, str], ...]:
    """(sensor id, reason) of every set of the device's own limits that is not used."""
    compiled = state.compiled
    if compiled is None:
        return ()
    found = []
    for index, sensor in enumerate(compiled.catalogue.sensors[: compiled.numbers]):
        reason = next((rejection(state, watch, index) for watch in state.watches(index) if watch.rejected), "")
        reason = reason or ("contradicted" if state.columns.sight[index] & 1 else "")
        reason = reason or limits.rejected(sensor.limits)
        if reason:
            found.append((sensor.id, reason))
    return tuple(found)


def _explained(state: FeedState, index: int, watch: Watch) -> Explanation:
    track = state.tracks.get((index, watch.id), Track())
    facts: dict[str, Fact] = {"condition": watch.rule.condition.value, "clear": str(watch.damping.clear)}
    for severity, count in watch.damping.raises:
        word = Severity(severity).word
        facts[f"needs_{word}"] = str(count)
        facts[f"seen_{word}"] = sum((track.history >> (3 * age) & 7) >= severity for age in range(count.n))
    if watch.ladder is not None:
        for step in watch.ladder.steps:
            facts[step.name] = step.at * watch.ladder.sign
            facts[f"{step.name}_source"] = step.source
        facts["hysteresis"] = watch.ladder.hysteresis
    facts |= _memory(state, index, watch, track)
    if track.unstable:
        facts["unstable"] = True
    return Explanation(
        rule=watch.rule.name,
        fault_class=watch.rule.fault_class.name,
        severity=Severity(track.raised),
        level=Severity(track.level),
        facts=facts,
    )


def _memory(state: FeedState, index: int, watch: Watch, track: Track) -> dict[str, Fact]:
    assert state.compiled is not None
    facts: dict[str, Fact] = {}
    sensor = state.compiled.catalogue.sensors[index]
    if watch.rejected:
        facts["limits_rejected"] = rejection(state, watch, index)
    if index >= state.compiled.numbers:
        known = int(state.columns.known[index])
        facts["state"] = state_names(sensor, known) if known >= 0 else None
        return facts
    baseline = float(state.columns.baseline[index])
    if not math.isnan(baseline):
        facts["baseline"] = baseline
    if (index, watch.id) in state.floors:
        facts["accepted"] = state.floors[(index, watch.id)]
    if watch.bucket_ms:
        facts["count"] = sum(track.window.values())
        facts["window_s"] = watch.rule.window_s
    return facts
