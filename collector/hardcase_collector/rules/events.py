"""Judging of hardware events: which rules hear a code, how an event begins, settles, ends and counts.

Called by `engine`; what runs out by time is in `records.py`, which asks here whether an event has settled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hardcase_collector.domain.finding import Severity, Transition
from hardcase_collector.domain.observation import Event
from hardcase_collector.rules.compiled import Watch
from hardcase_collector.rules.evidence import step
from hardcase_collector.rules.feed_state import Facts, FeedState, Key, Keyed, Occasion
from hardcase_collector.rules.sheet import Rule


@dataclass(slots=True)
class Heard:
    """What one code means to the rules."""

    begins: list[tuple[Watch, Severity, bool]] = field(default_factory=list)
    """With the severity, and whether it is the deassertion that begins the fault ("drive present", taken back)."""
    ends: list[tuple[Watch, bool, bool]] = field(default_factory=list)
    """With the direction that ends, and whether it does so for every part of the asset."""


def listen(watches: Iterable[Watch]) -> dict[str, Heard]:
    """Rules about events, by the codes they name."""
    by_code: dict[str, Heard] = {}
    for watch in watches:
        rule = watch.rule
        for words, inverted in ((rule.codes, False), (rule.deasserted, True)):
            for severity, codes in words:
                for code in codes:
                    by_code.setdefault(code, Heard()).begins.append((watch, severity, inverted))
        for enders, anywhere in ((rule.ended_by, False), (rule.ended_anywhere_by, True)):
            for code in enders:
                heard = by_code.setdefault(code.removeprefix("-"), Heard())
                heard.ends.append((watch, not code.startswith("-"), anywhere))
    return by_code


def judge_event(state: FeedState, occasion: Occasion, event: Event, heard: Heard) -> list[Transition]:
    """One event against the rules that name its code."""
    found = []
    for watch, asserted, anywhere in heard.ends:
        if event.asserted == asserted:
            found += _ended(state, occasion, event, watch, anywhere=anywhere)
    for watch, severity, inverted in heard.begins:
        rule, begun = watch.rule, event.asserted != inverted
        if not rule.match.takes_source(event.stamp.source) or not rule.match.takes_component(event.part.component):
            continue
        key = (watch.id, event.part.key(), event.sensor)
        if not begun and (rule.holds or key not in state.keyed):
            continue
        keyed = state.keyed_for(key, event.part)
        if keyed is None:
            continue
        level = _begun(watch, keyed, event, severity) if begun else _taken_back(watch, keyed, event)
        facts = _facts(watch, keyed, event)
        made = step(occasion, watch, keyed.track, level, part=event.part, sensor=event.sensor, facts=facts)
        if made is not None:
            found.append(made)
        state.drop_trivial(key)
    return found


def waits(watch: Watch, keyed: Keyed) -> bool:
    """Whether what began has not yet lasted as long as its rule asks; then `expires_ms` is when it will have."""
    return bool(watch.rule.settle_s and keyed.expires_ms and not keyed.track.raised and keyed.code)


def settled(state: FeedState, occasion: Occasion, watch: Watch, key: Key) -> list[Transition]:
    """What nothing took back in time is told, as of its beginning. `occasion` is when it had lasted long enough."""
    keyed, rule = state.keyed[key], watch.rule
    track = keyed.track
    first_ms, last_ms = track.times[0], track.times[-1]
    keyed.expires_ms = last_ms + rule.clear_after_s * 1000 if rule.clear_after_s else 0
    if not track.history:
        track.began_ms = first_ms
    state.stable = None

    def facts(_: Severity) -> dict[str, str | int | float | bool | None]:
        return {"reason": "settled", "settle_s": rule.settle_s, "code": keyed.code, "sensor": key[2]}

    level = max((int(severity) for severity, code in _codes(rule) if code in keyed.code.split(",")), default=0)
    made = step(occasion, watch, track, level, part=keyed.part, sensor=key[2], facts=facts)
    return [] if made is None else [made]


def _codes(rule: Rule) -> list[tuple[Severity, str]]:
    return [(severity, code) for severity, codes in rule.codes + rule.deasserted for code in codes]


def _begun(watch: Watch, keyed: Keyed, event: Event, severity: Severity) -> int:
    rule, track, time_ms = watch.rule, keyed.track, event.stamp.time_ms
    waiting = waits(watch, keyed)
    keyed.code = ",".join(sorted(set(keyed.code.split(",")) - {""} | {event.code}))
    # Counted by the device's own clock, wrong or not: an agent that was away reads the log of a week in a minute.
    counted_ms = event.device_ms if event.device_ms and rule.count > 1 else time_ms
    track.times = [*track.times, counted_ms][-rule.count :] if not waiting else track.times
    if rule.settle_s and not track.raised:
        if not waiting:
            keyed.expires_ms = time_ms + rule.settle_s * 1000
        return track.level
    if rule.clear_after_s:
        keyed.expires_ms = max(keyed.expires_ms, time_ms + rule.clear_after_s * 1000)
    enough = len(track.times) >= rule.count and (
        not rule.window_s or abs(track.times[-1] - track.times[0]) <= rule.window_s * 1000
    )
    return max(track.level, int(severity)) if enough else track.level


def _taken_back(watch: Watch, keyed: Keyed, event: Event) -> int:
    codes = set(keyed.code.split(",")) - {"", event.code}
    if waits(watch, keyed) and not codes:
        keyed.expires_ms = 0
        keyed.track.times.clear()
    keyed.code = ",".join(sorted(codes))
    # Counted events end by their window: the end of one of them says nothing of the rest.
    return keyed.track.level if codes or watch.rule.count > 1 else 0


def _ended(state: FeedState, occasion: Occasion, event: Event, watch: Watch, *, anywhere: bool) -> list[Transition]:
    found = []
    for key in [key for key in state.keyed if key[0] == watch.id]:
        keyed = state.keyed[key]
        if not anywhere and (key[1], key[2]) != (event.part.key(), event.sensor):
            continue
        keyed.code, keyed.expires_ms = "", 0
        keyed.track.times.clear()
        facts = _facts(watch, keyed, event)
        made = step(occasion, watch, keyed.track, 0, part=keyed.part, sensor=key[2], facts=facts)
        if made is not None:
            found.append(made)
        state.drop_trivial(key)
    return found


def _facts(watch: Watch, keyed: Keyed, event: Event) -> Facts:
    def facts(_: Severity) -> dict[str, str | int | float | bool | None]:
        told: dict[str, str | int | float | bool | None] = {
            "code": event.code,
            "log": event.log,
            "record_id": event.record_id,
            "asserted": event.asserted,
            "sensor": event.sensor,
            "text": event.text,
        }
        if watch.rule.count > 1:
            told["count"] = len(keyed.track.times)
            told["window_s"] = watch.rule.window_s
        return told

    return facts
