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

MAX_PARTS = 2048
"""Of one inventory, remembered for comparison: four times what a full enclosure chain on one host adds up to."""


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
    now = {part.key(): part for part in parts[:MAX_PARTS] if part.serial or part.slot}
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
    for place in _gone(state, watches):
        if place[1] in now:
            keyed = state.keyed[place]
            found += _at_once(occasion, watches[place[0]], keyed, 0, _facts(keyed, "inventory"))
            state.drop_trivial(place)
    in_slot = {(part.component, part.slot): part for part in parts if part.slot}
    for place in _gone(state, watches):
        gone = state.keyed[place].part
        if (gone.component, gone.slot) in in_slot:
            state.keyed[place].code = in_slot[(gone.component, gone.slot)].key()
    return found + judge_arrivals(state, occasion, watches)


def judge_arrivals(state: FeedState, occasion: Occasion, watches: dict[int, Watch]) -> list[Transition]:
    """Clears `gone` findings of parts whose slot was found to hold another."""
    found = []
    for place in _gone(state, watches):
        keyed = state.keyed[place]
        if keyed.code:
            facts = _facts(keyed, "inventory", keyed.code)
            keyed.code = ""
            found += _at_once(occasion, watches[place[0]], keyed, 0, facts)
            state.drop_trivial(place)
    return found


def await_arrivals(state: FeedState, before: set[int]) -> None:
    """Looks for parts all of whose sensors are new to the catalogue, and which were gone, or stand in for one that is.

    What is back is told by the next frames, what was replaced by the next one. `before`: sensor numbers till now.
    """
    assert state.compiled is not None
    gone = {key for key in state.keyed if not key[2]}
    for part_key, (_, indexes) in state.compiled.parts.items() if gone else ():
        if before & {state.columns.numbers[int(index)] for index in indexes}:
            continue
        part = state.compiled.catalogue.sensors[int(indexes[0])].part
        for key in gone:
            old = state.keyed[key].part
            if key[1] == part_key:
                state.pending_parts.add(part_key)
            elif part.serial and part.slot and (old.component, old.slot) == (part.component, part.slot):
                state.keyed[key].code = part_key


def _gone(state: FeedState, watches: dict[int, Watch]) -> list[tuple[int, str, str]]:
    return [key for key in state.keyed if key[0] in watches and watches[key[0]].rule.condition is Condition.GONE]


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
