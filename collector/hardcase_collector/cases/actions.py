"""What people do with cases: acknowledge, note, confirm, close, cancel, ...; each call within the caller's transaction.

Called by the pages and the control socket, which know who asks (web/access.py) and find a case within his scope; who
may do what is asked of `workflow.py` here once more. How a case is handled (assigned, paused, ...) is `handling.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from hardcase_collector.cases.admission import Held
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.storms import Storms
from hardcase_collector.cases.transitions import transition_of
from hardcase_collector.cases.workflow import OPEN_STATES, Deed, actions_for, deed_of, next_state, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import AssetMode
from hardcase_collector.domain.case import Case, CaseAction, Outcome
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, Baseline, FindingRow, Transaction

NOTE_KEPT = 4000
"""Characters of a note or reason; longer is a file, not a note."""
_UNDECIDED = frozenset({Held.JOINING, Held.OBSERVE})


class CaseActions:
    def __init__(
        self,
        announcer: Announcer,
        placing: Placing,
        *,
        baselines_changed: Callable[[int], None] = lambda _: None,
        storms: Storms | None = None,
    ) -> None:
        """`baselines_changed` is told a feed before the commit: judging must read its baselines again after it.

        `storms`: what is opened by hand counts for them as what opens by itself does. None = for none.
        """
        self._announcer = announcer
        self._placing = placing
        self._baselines_changed = baselines_changed
        self._storms = storms

    def legal(self, case: Case, *, by: Actor) -> Sequence[CaseAction]:
        """What the workflow table allows him now."""
        return actions_for(case.state, by.role)

    def acknowledge(self, tx: Transaction, case: Case, *, by: Actor, now_ms: int) -> None:
        """Somebody has seen it. A second time changes nothing.

        Raises IllegalAction for a case that is over, NotAllowed.
        """
        allowed(tx, case, by, Deed.ACKNOWLEDGE)
        if case.state not in OPEN_STATES:
            raise IllegalAction(
                "case {case} is {state}: there is nothing to acknowledge", case=case.number, state=case.state
            )
        if not case.acknowledged_ms:
            self._file(tx).change(
                case, "acknowledged", _by(by, now_ms), {}, acknowledged_ms=now_ms, acknowledged_by=by.name
            )

    def note(self, tx: Transaction, case: Case, *, by: Actor, text: str, now_ms: int, internal: bool = False) -> None:
        """`internal`: never shown to the customer, and so told to no channel: who reads there is not known here.

        Raises IllegalAction for an empty note, NotAllowed.
        """
        allowed(tx, case, by, Deed.NOTE_INTERNAL if internal else Deed.NOTE)
        kept = text.strip()[:NOTE_KEPT]
        if not kept:
            raise IllegalAction("a note needs a text")
        told: dict[str, Fact] = {"text": kept, "internal": True} if internal else {"text": kept}
        self._file(tx).change(case, "note", replace(_by(by, now_ms), quiet=internal), told)

    def act(
        self,
        tx: Transaction,
        case: Case,
        action: CaseAction,
        *,
        by: Actor,
        reason: str,
        now_ms: int,
        outcome: Outcome = Outcome.UNKNOWN,
        duplicate_of: str = "",
    ) -> None:
        """Takes an action of the workflow table. Closing needs to know how it ended.

        Raises IllegalAction, NotAllowed, NotFound.
        """
        next_state(case.state, action)
        allowed(tx, case, by, deed_of(case.state, action))
        file, occasion = self._file(tx), _by(by, now_ms)
        told: dict[str, Fact] = {"reason": reason.strip()[:NOTE_KEPT]}
        if action in (CaseAction.CLOSE, CaseAction.CANCEL):
            told |= _ending(tx, case, action, by, outcome, duplicate_of)
            file.move(case, action, occasion, told, outcome=outcome)
            return
        if action is CaseAction.REOPEN:
            self._reopen(tx, file, case, occasion, told)
            return
        moved = file.move(case, action, occasion, told)
        # Where the fault went away while people were at work, there is no further clearing to wait for.
        file.verify_if_clear(moved, Occasion(now_ms=now_ms))

    def reopen(self, tx: Transaction, case: Case, *, reason: str, actor: str, now_ms: int) -> None:
        """For a customer whose word it is that it is not solved. Whether it counts is for the caller to ask.

        Raises IllegalAction.
        """
        next_state(case.state, CaseAction.REOPEN)
        told: dict[str, Fact] = {"reason": reason.strip()[:NOTE_KEPT]}
        self._reopen(tx, self._file(tx), case, Occasion(now_ms=now_ms, actor=actor), told)

    def _reopen(self, tx: Transaction, file: CaseFile, case: Case, occasion: Occasion, told: dict[str, Fact]) -> None:
        other = tx.cases.open_for(asset=case.asset, part_key=case.part.key(), repair_group=case.repair_group)
        if other is not None and other.id != case.id and not case.loose:
            raise IllegalAction("case {other} is open for the same part: go on there", other=other.number)
        if case.state in OPEN_STATES:
            file.move(case, CaseAction.REOPEN, occasion, told)
            return
        firing = tx.findings.firing_of_case(case.id)
        for finding in firing:
            tx.findings.hold(finding.id, held="", held_until_ms=0, case=case.id)
        self._placing.opening.again(tx, case, now_ms=occasion.now_ms)
        file.move(
            case,
            CaseAction.REOPEN,
            occasion,
            told,
            closed_ms=0,
            reopened=case.reopened + 1,
            # A second round is answered for anew: its clock waits for that.
            acknowledged_ms=0,
            acknowledged_by="",
            # A person wants it open: it does not close by itself before something fired and cleared again.
            clear_since_ms=0,
        )

    def settle_joining(
        self, tx: Transaction, asset: int, *, open_cases: bool, by: Actor, reason: str, now_ms: int
    ) -> int:
        """Accepts all that was found at joining as baseline, or opens it; the asset is live then. How many findings."""
        require(by, Deed.SETTLE_JOINING)
        rows = [row for row in tx.findings.of_asset(asset, firing=True) if row.held in _UNDECIDED]
        for row in rows:
            self._settle_one(tx, row, open_case=open_cases, by=by, reason=reason, now_ms=now_ms)
        tx.assets.set_mode(asset, AssetMode.LIVE, live_from_ms=now_ms)
        return len(rows)

    def settle_finding(
        self, tx: Transaction, finding: int, *, open_case: bool, by: Actor, reason: str, now_ms: int
    ) -> None:
        """The same for one line of the list. Raises IllegalAction where there is nothing to decide about it."""
        require(by, Deed.SETTLE_JOINING)
        row = tx.findings.numbered(finding)
        if not row.firing or row.held not in _UNDECIDED:
            raise IllegalAction("finding {finding} does not wait for a decision", finding=finding)
        self._settle_one(tx, row, open_case=open_case, by=by, reason=reason, now_ms=now_ms)

    def _settle_one(
        self, tx: Transaction, row: FindingRow, *, open_case: bool, by: Actor, reason: str, now_ms: int
    ) -> None:
        if open_case:
            self._open_by_hand(tx, row, now_ms)
            return
        tx.findings.hold(row.id, held=Held.ACCEPTED, held_until_ms=0, case=None)
        value = row.evidence.get("value")
        if row.key.feed and row.key.sensor and isinstance(value, int | float):
            tx.feeds.accept_baseline(
                Baseline(
                    asset=row.key.asset,
                    feed=row.key.feed,
                    sensor=row.key.sensor,
                    rule=row.key.rule,
                    value=float(value),
                    by=by.name,
                    reason=reason,
                    at_ms=now_ms,
                )
            )
            self._baselines_changed(row.key.feed)

    def _open_by_hand(self, tx: Transaction, row: FindingRow, now_ms: int) -> None:
        transition = transition_of(row)
        case = self._placing.open_case(tx, transition)
        storm, count = None, None
        if self._storms is not None:
            asset, custody = tx.assets.by_number(row.key.asset), tx.registry.custody(row.key.asset)
            fronts = self._storms.fronts(transition, asset, custody)
            storm = self._storms.shelter(tx, transition, fronts) if case is None else None
            count = partial(self._storms.count, tx, transition, fronts, custody, now_ms=now_ms)
        self._placing.place(tx, transition, case, row, now_ms=now_ms, not_before_ms=0, storm=storm)
        if count is not None:
            count()

    def give_up_delivery(
        self, tx: Transaction, case: int, *, channel: str, error: str, attempts: int, now_ms: int
    ) -> None:
        """A channel did not take an event of this case: said loudly where people look, but not sent to that channel."""
        file = self._file(tx)
        told: dict[str, Fact] = {"channel": channel, "error": error, "attempts": attempts}
        file.change(tx.cases.get(case), "delivery_given_up", Occasion(now_ms=now_ms, quiet=True), told)

    def _file(self, tx: Transaction) -> CaseFile:
        return CaseFile(tx, self._announcer)


def allowed(tx: Transaction, case: Case, by: Actor, deed: Deed) -> None:
    """Raises NotAllowed for his role; NotFound for another customer's case: that it exists is not his business."""
    require(by, deed)
    if by.customer is not None and tx.assets.by_number(case.asset).customer != by.customer:
        raise NotFound("there is no case {case}", case=case.number)


def _ending(
    tx: Transaction, case: Case, action: CaseAction, by: Actor, outcome: Outcome, duplicate_of: str
) -> dict[str, Fact]:
    if outcome is Outcome.UNKNOWN:
        if action is CaseAction.CLOSE:
            # As commands take them.
            known = tuple(one.value for one in Outcome if one)
            raise IllegalAction("say how case {case} ended: {known}", case=case.number, known=known)
        return {}
    if outcome is not Outcome.DUPLICATE:
        return {"outcome": str(outcome)}
    if not duplicate_of:
        raise IllegalAction("say of which case it is a duplicate")
    other = tx.cases.by_number(duplicate_of, customer=by.customer)
    if other.id == case.id:
        raise IllegalAction("case {case} is no duplicate of itself", case=case.number)
    return {"outcome": str(outcome), "duplicate_of": other.number}


def _by(by: Actor, now_ms: int) -> Occasion:
    return Occasion(now_ms=now_ms, actor=by.name)
