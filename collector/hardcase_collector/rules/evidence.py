"""Makes transitions: one step of a track, and where it changed what is told, a `Transition` with its evidence.

Called by every judging module; no object is made where nothing changed.
"""

from __future__ import annotations

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Change, Fact, FindingKey, Severity, Transition
from hardcase_collector.domain.observation import Sensor
from hardcase_collector.rules.compiled import Watch
from hardcase_collector.rules.debounce import Track, advance
from hardcase_collector.rules.feed_state import Facts, Occasion
from hardcase_collector.rules.sheet import Condition, Rule


def step(
    occasion: Occasion, watch: Watch, track: Track, level: int, *, part: Part, sensor: str, facts: Facts
) -> Transition | None:
    """Feeds one level to a track; the transition, if what is told changed."""
    since_ms = track.began_ms
    was_unstable = track.unstable
    before = track.raised
    change = advance(track, watch.damping, level, occasion.time_ms)
    if change is None:
        return None
    severity = Severity(track.raised)
    told = facts(severity if change is not Change.CLEARED else Severity(before))
    told["since_ms"] = track.began_ms if change is not Change.CLEARED else since_ms
    if track.unstable or was_unstable:
        told["unstable"] = track.unstable
        told["raises"] = max(len(track.flips), watch.damping.flap_raises)
    return transition(
        occasion, watch.rule, change, severity, part=part, sensor=sensor, debounced=track.debounced, evidence=told
    )


def transition(
    occasion: Occasion,
    rule: Rule,
    change: Change,
    severity: Severity,
    *,
    part: Part,
    sensor: str,
    debounced: str,
    evidence: dict[str, Fact],
) -> Transition:
    evidence["rule"] = rule.name
    evidence["condition"] = rule.condition.value
    if occasion.rehearsal:
        evidence["rehearsal"] = True
    return Transition(
        key=FindingKey(asset=occasion.asset, feed=occasion.feed, rule=rule.name, part=part.key(), sensor=sensor),
        change=change,
        severity=severity,
        fault_class=rule.fault_class.name,
        repair_group=rule.fault_class.group,
        part=part,
        time_ms=occasion.time_ms,
        backlog=occasion.backlog,
        rehearsal=occasion.rehearsal,
        self_clearing=rule.fault_class.self_clearing,
        soak_s=rule.fault_class.soak_s,
        opens=severity >= rule.opens_at,
        debounced=debounced,
        device_asserted=_device_asserted(rule),
        evidence=evidence,
    )


def sensor_facts(sensor: Sensor) -> dict[str, Fact]:
    """What every finding on a sensor says of it."""
    return {
        "sensor": sensor.id,
        "name": sensor.name,
        "kind": sensor.kind,
        "unit": sensor.unit,
        "quantity": sensor.quantity,
    }


def _device_asserted(rule: Rule) -> bool:
    """The hardware itself says so: a state bit, or one recorded event (n in a window is our own counting)."""
    return rule.condition is Condition.STATE or (rule.condition is Condition.EVENT and rule.count == 1)
