"""Judges captures without a collector: what the rules raise on them, and why everything else raised nothing. Pure.

The command `judge` (`commands/judge.py`) and `make truth` call it. A capture is taken as a condition that lasts: each
sweep is played as often as the longest debounce asks for, and no time runs out after its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.correlation import Join, Relation, Subject, case_of, part_of_case
from hardcase_collector.domain.finding import Change, Fact, FindingKey, Severity, Transition
from hardcase_collector.domain.observation import Event, Frame, Inventory
from hardcase_collector.domain.ports import Feed
from hardcase_collector.rules.captured import (
    UNTOLD_STEP_MS,
    AssetName,
    Feeding,
    Machine,
    catalogue_of,
    event_of,
    frame_of,
    stamp_of,
    times_of,
)
from hardcase_collector.rules.captured_listing import Listed, by_capture, compared
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.replay import Tick, play
from hardcase_collector.rules.sheet import RuleBook

REPEAT_MS = 1000
"""Between two plays of one sweep."""
HISTORY_MS = 365 * 86_400_000
PROVE = 3
"""Later entries that show how long a log went on."""


@dataclass(slots=True)
class Found:
    """One finding over the whole of the captures."""

    asset: AssetName
    source: str
    part: Part
    fault_class: str
    repair_group: str
    rule: str
    severity: Severity
    """The newest while it fires, the worst once it cleared."""
    opens: bool
    self_clearing: bool
    since_ms: int | None
    """None: the captures tell no time."""
    cleared_ms: int | None = None
    firing: bool = True
    evidence: Mapping[str, Fact] = field(default_factory=dict)
    case: int | None = None
    """Findings of one number would be one case; None: it opens none."""

    @property
    def stands(self) -> bool:
        """There is something for a person to do: it fires, or it ended and does not mend by itself."""
        return self.firing or not self.self_clearing


@dataclass(frozen=True, slots=True, kw_only=True)
class Unraised:
    """Why something that was told raised nothing."""

    asset: AssetName
    source: str
    part: Part
    sensor: str
    name: str
    reason: str
    """gap, no_rule, within_limits, limits_rejected, no_rule_for_code, did_not_hold, ended, not_listed."""
    rule: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    found: tuple[Found, ...]
    unraised: tuple[Unraised, ...] = ()


class OfflineJudge:
    """Judges machine by machine with one rule book; compiled once for many captures."""

    def __init__(self, book: RuleBook) -> None:
        self._engine = Engine(book)
        self._joins = book.joins
        self._plays = 1 + max(
            (count.n for rule in book.rules for count in (rule.debounce, rule.clear) if count is not None), default=3
        )
        self._codes = {code for rule in book.rules for _, codes in rule.codes + rule.deasserted for code in codes}
        self._settle_ms = max((rule.settle_s * 1000 for rule in book.rules), default=0)

    def judge(self, machine: Machine, *, why: bool = False) -> Judgement:
        found: dict[FindingKey, Found] = {}
        unraised: list[Unraised] = []
        for number, feed in enumerate(machine.feeds.values(), 1):
            unraised += self._feed(machine.name, feed, number, found, why=why)
        _number_cases(list(found.values()), self._joins)
        return Judgement(tuple(found.values()), tuple(unraised))

    def _feed(
        self, asset: AssetName, feed: Feeding, number: int, found: dict[FindingKey, Found], *, why: bool
    ) -> list[Unraised]:
        catalogue = catalogue_of(feed, number=number, asset=1) if feed.sensors else None
        of_feed = Feed(number=number, agent=1, asset=1, source=feed.source)
        state = self._engine.open_feed(of_feed, catalogue, None, (), rehearsal=False)
        before = len(found)
        listed = compared(by_capture(feed.listings))
        for step, told in self._steps(feed, number, listed):
            for transition in play(self._engine, state, step):
                _note(found, asset, feed.source, transition, told=told)
        if not why:
            return []
        raised = list(found.values())[before:]
        unraised = _unraised_events(asset, feed, raised, self._codes) + _unraised_parts(asset, feed, raised, listed)
        if catalogue is not None:
            rejected = dict(self._engine.rejected_limits(state))
            for sensor in catalogue.sensors:
                last = next((one.readings[sensor.id] for one in reversed(feed.sweeps) if sensor.id in one.readings), {})
                place = (asset, feed.source, sensor.part, sensor.id, sensor.name)
                if "gap" in last:
                    unraised.append(_unraised(place, "gap", facts={"gap": last["gap"]["reason"]}))
                    continue
                if sensor.id in rejected:
                    unraised.append(_unraised(place, "limits_rejected", facts={"rejected": rejected[sensor.id]}))
                told_by = self._engine.explain(state, sensor.id)
                if not told_by:
                    unraised.append(_unraised(place, "no_rule"))
                unraised += [
                    _unraised(place, "within_limits", rule=one.rule, facts=one.facts)
                    for one in told_by
                    if one.severity is Severity.CLEARED
                ]
        return unraised

    def _steps(
        self, feed: Feeding, number: int, listed: Sequence[Listed]
    ) -> Iterator[tuple[Inventory | Frame | Event | Tick, bool]]:
        """Observations in the order of their times, each with whether the capture told that time."""
        sequence = 0
        inventories = _inventories(feed, listed)
        catalogue = catalogue_of(feed, number=number, asset=1)
        for sweep in sorted(feed.sweeps, key=lambda one: one.time_ms):
            while inventories and inventories[0][0].stamp.time_ms <= sweep.time_ms:
                yield inventories.pop(0)
            for again in range(self._plays):
                sequence += 1
                at_ms = sweep.time_ms + again * REPEAT_MS
                yield frame_of(catalogue, sweep, time_ms=at_ms, sequence=sequence), sweep.told
        yield from inventories
        times = times_of(feed.events)
        for line, (at_ms, told), history in zip(feed.events, times, _history(times), strict=True):
            if history:
                continue
            sequence += 1
            yield event_of(line, stamp_of(feed.source, asset=1, time_ms=at_ms, sequence=sequence)), told
        if feed.events:
            # What nothing took back by the log's end lasts: as long as the longest rule waits for it, and no longer.
            last_ms, told = times_of(feed.events)[-1]
            yield Tick(last_ms + self._settle_ms), told


def _inventories(feed: Feeding, listed: Sequence[Listed]) -> list[tuple[Inventory, bool]]:
    """The first before everything else, each other at its capture's first reading, or an hour after the one before."""
    first_ms = min([sweep.time_ms for sweep in feed.sweeps] + [ms for ms, _ in times_of(feed.events)], default=1)
    made: list[tuple[Inventory, bool]] = []
    for sequence, one in enumerate(listed, 1):
        before_ms = made[-1][0].stamp.time_ms + 1 if made else first_ms
        time_ms = max(before_ms, one.time_ms or before_ms + UNTOLD_STEP_MS) if made else first_ms
        stamp = stamp_of(feed.source, asset=1, time_ms=time_ms, sequence=sequence)
        made.append((Inventory(stamp=stamp, parts=one.parts), one.told and bool(made)))
    return made


def _history(times: Sequence[tuple[int, bool]]) -> list[bool]:
    """Whether an event is long past: the log went on for a year behind it. One entry by a clock that ran ahead proves
    nothing, and what a clock that fell back wrote last is new."""
    newest: list[int] = []
    past = []
    for at_ms, told in reversed(times):
        past.append(told and len(newest) == PROVE and at_ms < newest[0] - HISTORY_MS)
        newest = sorted((*newest, at_ms))[-PROVE:] if told else newest
    return past[::-1]


def _note(found: dict[FindingKey, Found], asset: AssetName, source: str, transition: Transition, *, told: bool) -> None:
    held = found.get(transition.key)
    if transition.change is Change.CLEARED:
        if held is not None:
            held.firing, held.cleared_ms = False, transition.time_ms if told else None
        return
    since_ms = transition.evidence.get("since_ms")
    if held is not None and held.firing:
        held.severity, held.opens, held.evidence = transition.severity, transition.opens, transition.evidence
        return
    worst = max(transition.severity, held.severity) if held is not None else transition.severity
    found[transition.key] = Found(
        asset=asset,
        source=source,
        part=transition.part,
        fault_class=transition.fault_class,
        repair_group=transition.repair_group,
        rule=transition.key.rule,
        severity=worst,
        opens=transition.opens or (held is not None and held.opens),
        self_clearing=transition.self_clearing,
        since_ms=int(since_ms) if told and isinstance(since_ms, int) else None,
        evidence=transition.evidence,
    )


@dataclass(slots=True)
class _Case:
    """What the desk would keep of a case, as far as joining it goes."""

    number: int
    part: Part
    repair_group: str
    fault_classes: tuple[str, ...]


def _number_cases(found: Sequence[Found], joins: Sequence[Join]) -> None:
    cases: list[_Case] = []
    for one in sorted(found, key=lambda one: one.since_ms or 0):
        if not (one.opens and one.stands):
            continue
        named = str(one.evidence.get("name", ""))
        belonging = case_of(Subject(one.part, one.repair_group, one.fault_class, named), cases, joins)
        if belonging is None:
            one.case = len(cases) + 1
            cases.append(_Case(one.case, one.part, one.repair_group, (one.fault_class,)))
            continue
        case, relation = belonging
        one.case = case.number
        if one.fault_class not in case.fault_classes:
            case.fault_classes = (*case.fault_classes, one.fault_class)
        case.part = part_of_case(case.part, one.part, relation)
        if relation is Relation.CAUSE:
            case.repair_group = one.repair_group


def _unraised_events(asset: AssetName, feed: Feeding, raised: Sequence[Found], codes: set[str]) -> list[Unraised]:
    told = {(one.evidence.get("code"), one.part.key()) for one in raised}
    unraised = []
    for line, history in zip(feed.events, _history(times_of(feed.events)), strict=True):
        event = event_of(line, stamp_of(feed.source, asset=1, time_ms=0, sequence=0))
        if (event.code, event.part.key()) in told:
            continue
        reason = "no_rule_for_code" if event.code not in codes else "did_not_hold" if event.asserted else "ended"
        reason = "history" if history and event.code in codes else reason
        facts: dict[str, Fact] = {"code": event.code, "record_id": event.record_id, "asserted": event.asserted}
        place = (asset, feed.source, event.part, "", event.sensor)
        unraised.append(_unraised(place, reason, facts={**facts, "text": event.text}))
    return unraised


def _unraised_parts(
    asset: AssetName, feed: Feeding, raised: Sequence[Found], listed: Sequence[Listed]
) -> list[Unraised]:
    """Parts that a later capture does not list: why that is no loss, or that no rule looks for such a part."""
    told = {one.part.key() for one in raised}
    lost = {part.key(): part for one in listed for part in one.missed if part.key() not in told}
    kept = {part.key(): (part, because) for one in listed for part, because in one.kept}
    reasons: list[tuple[Part, str, dict[str, Fact]]] = [(part, "no_rule", {}) for part in lost.values()]
    reasons += [(part, "not_listed", {"because": because}) for part, because in kept.values()]
    return [_unraised((asset, feed.source, part, "", ""), reason, facts=facts) for part, reason, facts in reasons]


def _unraised(
    place: tuple[AssetName, str, Part, str, str],
    reason: str,
    *,
    rule: str = "",
    facts: Mapping[str, Fact] | None = None,
) -> Unraised:
    asset, source, part, sensor, name = place
    return Unraised(
        asset=asset, source=source, part=part, sensor=sensor, name=name, reason=reason, rule=rule, facts=facts or {}
    )
