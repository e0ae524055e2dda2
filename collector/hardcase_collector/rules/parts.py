"""Parts that were there and are not: by ABSENT gaps of all their sensors, and by inventories that differ.

A part is known by its serial; one without is known by its slot. A slot that holds another serial was a repair: the
old part is replaced, not missing. Called by `engine`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Fact, Severity, Transition
from hardcase_collector.domain.observation import GapReason
from hardcase_collector.rules.compiled import Watch
from hardcase_collector.rules.evidence import step
from hardcase_collector.rules.feed_state import Facts, FeedState, Keyed, Occasion
from hardcase_collector.rules.sheet import Condition


def touched_parts(state: FeedState, moved: npt.NDArray[np.bool_]) -> set[str]:
    """Keys of the parts one of whose sensors moved."""
    assert state.compiled is not None
    return {key for key, (_, indexes) in state.compiled.parts.items() if moved[indexes].any()}


def judge_absent(state: FeedState, occasion: Occasion, keys: Iterable[str]) -> list[Transition]:
    """Feeds presence or absence of these parts, as their sensors' gaps tell it."""
    assert state.compiled is not None
    found = []
    for key in sorted(keys):
        state.pending_parts.discard(key)
        watched = state.compiled.parts.get(key)
        if watched is None:
            continue
        watches, indexes = watched
        gaps = state.columns.gaps[indexes]
        gone = bool(((gaps == GapReason.ABSENT) & state.columns.seen[indexes]).any()) and bool(gaps.all())
        if bool(gaps.all()) and not gone:
            # Asleep, off or hung: nothing is known of its presence.
            continue
        part = state.compiled.catalogue.sensors[int(indexes[0])].part
        for watch in watches:
            place = (watch.id, key, "")
            if not gone and place not in state.keyed:
                continue
            keyed = state.keyed_for(place, part)
            if keyed is None:
                continue
            level = int(watch.rule.severity) if gone else 0
            made = step(occasion, watch, keyed.track, level, part=part, sensor="", facts=_facts(keyed, "gap"))
            if made is not None:
                found.append(made)
            if not keyed.track.settled:
                state.pending_parts.add(key)
            state.drop_trivial(place)
    return found


def judge_inventory(
    state: FeedState, occasion: Occasion, parts: tuple[Part, ...], gone_watches: dict[str, tuple[Watch, ...]]
) -> list[Transition]:
    """Compares with the inventory before. `gone_watches`: by component, for this source."""
    before = state.inventory
    now = {part.key(): part for part in parts if part.serial or part.slot}
    state.inventory = now
    state.stable = None
    found = []
    slots = {(part.component, part.slot) for part in parts if part.slot}
    for key, part in (before or {}).items():
        if key in now or (part.component, part.slot) in slots:
            continue
        for watch in gone_watches.get(part.component, ()):
            keyed = state.keyed_for((watch.id, key, ""), part)
            if keyed is not None:
                found += _at_once(occasion, watch, keyed, int(watch.rule.severity), _facts(keyed, "inventory"))
    watches = {watch.id: watch for watches in gone_watches.values() for watch in watches}
    return found + judge_returned(state, occasion, now.values(), watches)


def judge_returned(
    state: FeedState, occasion: Occasion, present: Iterable[Part], watches: dict[int, Watch]
) -> list[Transition]:
    """Clears `gone` findings of parts that are back, or whose slot holds another part now."""
    gone = [key for key in state.keyed if key[0] in watches and watches[key[0]].rule.condition is Condition.GONE]
    if not gone:
        return []
    keys: set[str] = set()
    slots: dict[tuple[str, str], Part] = {}
    for part in present:
        keys.add(part.key())
        if part.slot:
            slots[(part.component, part.slot)] = part
    found = []
    for place in gone:
        keyed = state.keyed[place]
        other = slots.get((keyed.part.component, keyed.part.slot)) if keyed.part.slot else None
        if place[1] not in keys and other is None:
            continue
        facts = _facts(keyed, "inventory", "" if other is None or place[1] in keys else other.key())
        found += _at_once(occasion, watches[place[0]], keyed, 0, facts)
        state.drop_trivial(place)
    return found


def _at_once(occasion: Occasion, watch: Watch, keyed: Keyed, level: int, facts: Facts) -> list[Transition]:
    """A complete list is no flicker: it counts as many sweeps as the rule asks for."""
    found = []
    for _ in range(watch.damping.depth):
        made = step(occasion, watch, keyed.track, level, part=keyed.part, sensor="", facts=facts)
        if made is not None:
            found.append(made)
    return found


def _facts(keyed: Keyed, seen_by: str, replaced_by: str = "") -> Facts:
    def facts(_: Severity) -> dict[str, Fact]:
        part = keyed.part
        told: dict[str, Fact] = {"slot": part.slot, "model": part.model, "serial": part.serial, "seen_by": seen_by}
        if replaced_by:
            told["replaced_by"] = replaced_by
        return told

    return facts
