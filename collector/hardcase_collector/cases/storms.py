"""Storms: many faults of one cause, told as one case. The desk asks for every finding that may open, and every tick.

A storm changes who is told, never what is recorded: each fault has its own case under the storm's, which alone is told
and runs clocks. A case that is more severe than the storm's leaves it and is told. Counts are one row for each kind
and scope (`domain/noise.py`), in the desk's transaction; thresholds are sheets (`rules/sheets/storms.toml`), and what
counts where is `storm_fronts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.storm_fronts import BREADTH, Front, enough, fronts_of, rack_of, together
from hardcase_collector.cases.workflow import OPEN_STATES
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case, CaseAction, CaseState
from hardcase_collector.domain.customer import Custody
from hardcase_collector.domain.finding import Fact, Severity, Transition, Why
from hardcase_collector.domain.noise import STORM_GROUP, Storm, StormKind, StormSeen
from hardcase_collector.domain.ports import Announcer, Transaction

_SEEN_KEPT = 64
"""Findings that a count remembers: several times the highest threshold that makes sense."""
_LOOKED_AT_A_TICK = 50


class Storms:
    """Holds no state of its own: everything is in the transaction."""

    def __init__(self, announcer: Announcer, kinds: Callable[[], Sequence[StormKind]], opening: Opening) -> None:
        """`kinds`: as the sheets say now."""
        self._announcer = announcer
        self._kinds = kinds
        self._opening = opening

    # ------------------------------------------------------------------ a finding comes

    def fronts(self, transition: Transition, asset: Asset, custody: Custody | None) -> Sequence[Front]:
        """Every kind and scope that this finding counts for, the narrowest first. A drill counts for none."""
        return fronts_of(self._kinds(), transition, asset, custody)

    def shelter(self, tx: Transaction, transition: Transition, fronts: Iterable[Front]) -> Case | None:
        """The case of the storm that a case opened now would belong to; the narrowest storm that lasts."""
        for front in fronts:
            storm = tx.noise.storm(front.kind.name, front.scope)
            parent = self._lasting(tx, storm)
            if parent is not None and transition.severity <= parent.severity:
                return parent
        return None

    def count(
        self, tx: Transaction, transition: Transition, fronts: Sequence[Front], custody: Custody | None, *, now_ms: int
    ) -> None:
        """The finding has its case now. Where it makes the count full, a storm begins."""
        row = tx.findings.get(transition.key)
        if row is None or row.case is None:
            return
        case = tx.cases.get(row.case)
        seen = StormSeen(case.id, case.asset, row.id, row.since_ms, rack_of(custody))
        self.hold_together(tx, case, now_ms=now_ms)
        case = tx.cases.get(row.case)
        within = self._breadth_of(tx, case)
        for front in fronts:
            storm = tx.noise.storm(front.kind.name, front.scope)
            storm = storm or Storm(kind=front.kind.name, scope=front.scope)
            if case.parent is not None and storm.parent == case.parent:
                self._goes_on(tx, front.kind, storm, case, transition, now_ms)
            elif within < BREADTH.index(front.kind.scope):
                case = self._add(tx, front, storm, seen, now_ms)
                within = self._breadth_of(tx, case)

    def _breadth_of(self, tx: Transaction, case: Case) -> int:
        """Of the storm that the case belongs to; -1: to none."""
        storm = tx.noise.storm_of(case.parent) if case.parent is not None else None
        kind = None if storm is None else self._kind(storm.kind)
        return -1 if kind is None else BREADTH.index(kind.scope)

    def _goes_on(
        self, tx: Transaction, kind: StormKind, storm: Storm, case: Case, transition: Transition, now_ms: int
    ) -> None:
        tx.noise.save_storm(replace(storm, last_ms=now_ms, due_ms=now_ms + kind.calm_ms))
        assert storm.parent is not None
        parent = tx.cases.get(storm.parent)
        told: dict[str, Fact] = {
            "case": case.number,
            "asset": case.asset,
            "fault_class": transition.fault_class,
            "severity": transition.severity.word,
            "time_ms": transition.time_ms,
        }
        CaseFile(tx, self._announcer).change(parent, "storm_grew", Occasion(now_ms=now_ms, quiet=True), told)

    def _add(self, tx: Transaction, front: Front, storm: Storm, seen: StormSeen, now_ms: int) -> Case:
        """Counts one more. Gives its case as it is then."""
        kind = front.kind
        newest = max(seen.at_ms, max((one.at_ms for one in storm.seen), default=0))
        # Twice the window: what a slower source tells late still meets what it belongs to.
        kept = [one for one in storm.seen if one.finding != seen.finding and newest - one.at_ms <= 2 * kind.window_ms]
        kept = sorted([*kept, seen], key=lambda one: one.at_ms)[-_SEEN_KEPT:]
        storm = replace(storm, seen=tuple(kept), last_ms=now_ms)
        # Stale at the latest when nothing that comes can be within the window of it; a backlog may be told late.
        due_ms = now_ms + max(2 * kind.window_ms, kind.calm_ms)
        storm = replace(storm, due_ms=storm.due_ms if storm.parent is not None else due_ms)
        at_once = together(kind, kept, seen)
        if at_once:
            storm = self._begin(tx, front, storm, at_once, now_ms)
        tx.noise.save_storm(storm)
        return tx.cases.get(seen.case)

    # ------------------------------------------------------------------ a storm begins

    def _begin(self, tx: Transaction, front: Front, storm: Storm, at_once: Sequence[StormSeen], now_ms: int) -> Storm:
        """Looks at the cases themselves, now that there are enough: only those of no other storm count."""
        heads: dict[int, Case] = {}
        eligible = []
        for one in at_once:
            head = self._head(tx, tx.cases.get(one.case), BREADTH.index(front.kind.scope))
            if head is not None and head.id != storm.parent:
                heads[head.id] = head
                eligible.append(one)
        if not enough(front.kind, eligible) or len(heads) < 2:
            return storm
        parent = self._parent(tx, front, storm, list(heads.values()), eligible, now_ms)
        file = CaseFile(tx, self._announcer)
        for head in heads.values():
            if head.severity <= parent.severity:
                # What was opened just now need not be told at all: the storm's own case says it.
                tx.outbox.withdraw(head.id, now_ms=now_ms)
                file.change(head, "storm_joined", Occasion(now_ms=now_ms), {"storm": parent.number}, parent=parent.id)
        return replace(storm, parent=parent.id, seen=(), last_ms=now_ms, due_ms=now_ms + front.kind.calm_ms)

    def _head(self, tx: Transaction, case: Case, breadth: int) -> Case | None:
        """What would go under the new storm: the case, or the narrower storm it is in. None: it belongs elsewhere."""
        if case.state not in OPEN_STATES or case.rehearsal:
            return None
        if case.parent is None:
            return case
        within = self._breadth_of(tx, case)
        parent = tx.cases.get(case.parent)
        return parent if within < breadth and parent.parent is None and parent.state in OPEN_STATES else None

    def _parent(
        self,
        tx: Transaction,
        front: Front,
        storm: Storm,
        heads: Sequence[Case],
        seen: Sequence[StormSeen],
        now_ms: int,
    ) -> Case:
        kind = front.kind
        severity = max(kind.severity, *(head.severity for head in heads))
        told: dict[str, Fact] = {
            "rule": f"storm.{kind.name}",
            "fault_class": kind.fault_class,
            "severity": severity.word,
            "scope": front.label,
            "cases": len(heads),
            "assets": len({one.asset for one in seen}),
            "count": len(seen),
            "window_s": kind.window_ms // 1000,
            "time_ms": min(one.at_ms for one in seen),
        }
        file, part = CaseFile(tx, self._announcer), Part(component=kind.component, slot=front.label)
        asset = seen[0].asset
        known = tx.cases.get(storm.parent) if storm.parent is not None else None
        if known is None or known.state not in OPEN_STATES:
            known = tx.cases.open_for(asset=asset, part_key=part.key(), repair_group=STORM_GROUP)
        why = _why(asset, part, told, now_ms)
        if known is not None:
            return self._again(tx, file, known, severity, told, why, now_ms)
        begun = _case_of(kind, part, seen, severity=severity, linked=storm.parent, now_ms=now_ms)
        parent, terms = self._opening.open(tx, file, begun, now_ms=now_ms)
        why = replace(why, case=parent.id)
        tx.findings.add_why(why)
        file.enter(parent, "opened", Occasion(now_ms=now_ms, why=why), {**told, **terms}, findings=())
        return parent

    def _again(
        self,
        tx: Transaction,
        file: CaseFile,
        known: Case,
        severity: Severity,
        told: dict[str, Fact],
        why: Why,
        now_ms: int,
    ) -> Case:
        """It blew over and came again before its case was closed; or it lasts, and so many are worse than it was."""
        again = file.change(
            known,
            "storm_came_back" if known.clear_since_ms else "storm_grew",
            Occasion(now_ms=now_ms, why=replace(why, case=known.id)),
            told,
            severity=max(severity, known.severity),
            clear_since_ms=0,
        )
        if again.state is CaseState.VERIFYING:
            again = file.move(again, CaseAction.REOPEN, Occasion(now_ms=now_ms, quiet=True), {"cause": "storm"})
        tx.findings.add_why(replace(why, case=again.id))
        self.hold_together(tx, again, now_ms=now_ms)
        return tx.cases.get(again.id)

    # ------------------------------------------------------------------ a case of a storm changes

    def hold_together(self, tx: Transaction, case: Case, *, now_ms: int) -> None:
        """After a change of a case under a storm: it leaves one that is over, and one that is less severe than it."""
        if case.parent is None or case.state not in OPEN_STATES:
            return
        parent = tx.cases.get(case.parent)
        cause = ""
        if parent.state not in OPEN_STATES or parent.clear_since_ms:
            cause = "storm_over"
        elif case.severity > parent.severity:
            cause = "more_severe"
        if cause:
            CaseFile(tx, self._announcer).leave_storm(case, parent, cause, Occasion(now_ms=now_ms))

    # ------------------------------------------------------------------ a storm ends

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        for storm in tx.noise.storms_due(now_ms=now_ms, limit=_LOOKED_AT_A_TICK):
            kind = self._kind(storm.kind)
            parent = tx.cases.get(storm.parent) if storm.parent is not None else None
            if parent is None or parent.state not in OPEN_STATES:
                tx.noise.drop_storm(storm)
                continue
            calm_ms = kind.calm_ms if kind is not None else 0
            if not parent.clear_since_ms and now_ms - storm.last_ms >= calm_ms:
                self._look_if_over(tx, kind, parent, now_ms)
            tx.noise.save_storm(replace(storm, due_ms=now_ms + max(calm_ms, 60_000)))

    def _look_if_over(self, tx: Transaction, kind: StormKind | None, parent: Case, now_ms: int) -> None:
        """Over once enough of its cases are clear, or where no sheet knows this storm any more."""
        children = tx.noise.children(parent.id)
        left = [case for case in children if case.state in OPEN_STATES and not case.clear_since_ms]
        clear = len(children) - len(left)
        if kind is not None and left and clear * 100 < kind.gone_percent * len(children):
            return
        file, occasion = CaseFile(tx, self._announcer), Occasion(now_ms=now_ms)
        told: dict[str, Fact] = {"cases": len(children), "clear": clear, "left": len(left)}
        over = file.change(parent, "storm_over", occasion, told, clear_since_ms=now_ms)
        file.let_children_go(over, occasion)
        file.verify_if_clear(over, occasion)

    def _lasting(self, tx: Transaction, storm: Storm | None) -> Case | None:
        if storm is None or storm.parent is None:
            return None
        parent = tx.cases.get(storm.parent)
        return parent if parent.state in OPEN_STATES and not parent.clear_since_ms else None

    def _kind(self, name: str) -> StormKind | None:
        return next((kind for kind in self._kinds() if kind.name == name), None)


def _case_of(
    kind: StormKind,
    part: Part,
    seen: Sequence[StormSeen],
    *,
    severity: Severity,
    linked: int | None,
    now_ms: int,
) -> Case:
    """The storm's own, as it begins."""
    return Case(
        id=0,
        number="",
        asset=seen[0].asset,
        part=part,
        repair_group=STORM_GROUP,
        state=CaseState.NEW,
        severity=severity,
        fault_classes=(kind.fault_class,),
        since_ms=min(one.at_ms for one in seen),
        opened_ms=now_ms,
        version=1,
        self_clearing=True,
        soak_s=kind.soak_s,
        linked=linked,
    )


def _why(asset: int, part: Part, told: dict[str, Fact], now_ms: int) -> Why:
    return Why(
        asset=asset,
        rule=str(told["rule"]),
        part=part.key(),
        sensor="",
        time_ms=int(str(told["time_ms"])),
        decided_ms=now_ms,
        opened=True,
        case=None,
        reason="storm",
        facts=told,
    )
