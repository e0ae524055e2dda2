"""The case desk: a finding joins an open case or opens one. Called by intake and the ticker, always in a transaction.

What may open is decided in `admission.py`, what may follow what in `workflow.py`; `placing.py` finds the case; people
act through `actions.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from hardcase_collector.cases.admission import Admission, Held, admit, told_by_log_at_joining
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.placing import Placing, decided
from hardcase_collector.cases.proof import Proof
from hardcase_collector.cases.settings import DeskSettings, JoiningEnd
from hardcase_collector.cases.silence import PowerOf, nobody_asks, with_power
from hardcase_collector.cases.storms import Storms
from hardcase_collector.cases.transitions import transition_of
from hardcase_collector.cases.windows import holding
from hardcase_collector.cases.workflow import OPEN_STATES, legal_actions
from hardcase_collector.domain.asset import AssetMode
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.correlation import Join
from hardcase_collector.domain.finding import Change, Fact, Severity, Transition
from hardcase_collector.domain.noise import StormKind
from hardcase_collector.domain.ports import Announcer, FindingRow, Transaction

__all__ = ["CaseDesk", "DeskSettings"]

# What was held on one day for one asset is a handful; a whole fleet coming out of a window is worked off in steps, so
# that no tick holds the writer for long.
_RELEASED_A_TICK = 500
# Clocks that are due within one tick are a handful; after a long stop they are worked off in steps.
_LOOKED_AT_A_TICK = 100
# Reopenings of a case that flaps over hours, not minutes.
_OFTEN = 2
_CLOSED_A_TICK = 200
# Rows looked at in each table: more than a big fleet writes in a minute, and some milliseconds' work.
_FORGOTTEN_A_MINUTE = 2000
_MINUTE_MS = 60_000


class CaseDesk:
    """See `Desk`. Holds no state of its own but when it last tidied up, and what it skipped."""

    def __init__(
        self,
        announcer: Announcer,
        settings: DeskSettings,
        *,
        joins: Callable[[], Sequence[Join]] = tuple,
        opening: Opening | None = None,
        storms: Callable[[], Sequence[StormKind]] = tuple,
        power_of: PowerOf = nobody_asks,
    ) -> None:
        """`joins`: what follows from what inside an asset, `storms`: what is one cause over many cases, as the sheets
        say now. `opening`: None = shipped sheets."""
        self._announcer = announcer
        self._power_of = power_of
        self._storms = Storms(announcer, storms, opening or Opening())
        self._settings = settings
        self._tidied_ms = 0
        self._unreadable: dict[str, str] = {}
        self._placing = Placing(
            announcer,
            reopen_ms=settings.reopen_ms,
            flap_raises=settings.flap_raises,
            flap_raises_a_day=settings.flap_raises_a_day,
            joins=joins,
            opening=opening,
        )
        held = {Held.BACKLOG, Held.WINDOW, Held.HOST_OFF}
        self._let_go = frozenset(held | {Held.JOINING} if settings.joining_end is JoiningEnd.OPEN else held)
        """Holds that end by time."""

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Cases whose terms could not be read when their clocks were due, with the reason; told until they can."""
        return dict(self._unreadable)

    def apply(self, tx: Transaction, transitions: Sequence[Transition], *, now_ms: int) -> None:
        for transition in transitions:
            row = tx.findings.get(transition.key)
            if row is None or not _repeated(tx, row, transition):
                self._settle(tx, row, transition, now_ms)

    def _settle(self, tx: Transaction, row: FindingRow | None, transition: Transition, now_ms: int) -> None:
        if transition.change is Change.CLEARED:
            if row is not None and row.firing:
                self._clear(tx, row, transition, now_ms)
        elif row is None or not row.firing:
            self._decide(tx, replace(transition, change=Change.RAISED), None, now_ms, transition.time_ms)
        elif row.held:
            self._reconsider(tx, row, transition, now_ms)
        else:
            self._continue(tx, row, transition, now_ms)

    def _decide(
        self, tx: Transaction, transition: Transition, held: FindingRow | None, now_ms: int, window_ms: int
    ) -> None:
        """Holds the finding back, or gives it a case. `held`: it was held so far. `window_ms`: windows of that time."""
        transition = with_power(transition, tx, self._power_of, now_ms=now_ms)
        asset = tx.assets.by_number(transition.key.asset)
        custody = tx.registry.custody(asset.id)
        windows = holding(tx, asset, custody, window_ms)
        late = told_by_log_at_joining(transition, asset)
        accepted = tx.findings.of_asset(asset.id, firing=True) if late else ()
        hold_ms = self._settings.backlog_hold_ms
        admission = admit(transition, asset, windows, accepted, now_ms=now_ms, backlog_hold_ms=hold_ms)
        case = None
        joins = admission.held is Held.BACKLOG and admission.reason != "window"
        if admission.held is None or joins:
            case = self._placing.open_case(tx, transition)
        if admission.held is None or (joins and case is not None):
            fronts = self._storms.fronts(transition, asset, custody)
            self._placing.place(
                tx,
                transition,
                case,
                held,
                now_ms=now_ms,
                not_before_ms=self._wait(transition, now_ms),
                storm=self._storms.shelter(tx, transition, fronts) if case is None else None,
            )
            self._storms.count(tx, transition, fronts, custody, now_ms=now_ms)
        else:
            self._hold(tx, transition, admission, held, now_ms)

    def _wait(self, transition: Transition, now_ms: int) -> int:
        """From when on people may hear of it: at once, but after the backlog where it is old news."""
        waits = transition.backlog and transition.severity is not Severity.CRITICAL
        return now_ms + self._settings.backlog_hold_ms if waits else 0

    def _hold(
        self, tx: Transaction, transition: Transition, admission: Admission, before: FindingRow | None, now_ms: int
    ) -> None:
        held = str(admission.held)
        if before is None:
            tx.findings.save(transition, case=None, held=held, held_until_ms=admission.until_ms)
        else:
            # Looked at twice, a backlog is still waited for only once.
            again = admission.held is Held.BACKLOG and before.held == held
            until_ms = before.held_until_ms if again else admission.until_ms
            tx.findings.hold(before.id, held=held, held_until_ms=until_ms, case=before.case)
        if before is None or before.held != held:
            tx.findings.add_why(decided(transition, now_ms, None, admission.reason, admission.facts))

    def _reconsider(self, tx: Transaction, row: FindingRow, transition: Transition, now_ms: int) -> None:
        """A held finding moved. What a person decided, or what may not open, is decided anew when it gets worse."""
        comes_again = transition.change is Change.RAISED and row.held == Held.SETTLED
        worse = transition.severity > row.severity or (row.held == Held.WARNING and transition.opens)
        kept = tx.findings.save(
            transition if comes_again else replace(transition, change=_drift(row, transition)),
            case=row.case,
            held=row.held,
            held_until_ms=row.held_until_ms,
        )
        if comes_again or worse:
            self._decide(tx, transition, kept, now_ms, transition.time_ms)

    def _continue(self, tx: Transaction, row: FindingRow, transition: Transition, now_ms: int) -> None:
        """A finding of an open case got better or worse."""
        drifted = replace(transition, change=_drift(row, transition))
        tx.findings.save(drifted, case=row.case, held="", held_until_ms=0)
        if row.case is not None and transition.severity != row.severity:
            wait = self._wait(transition, now_ms)
            self._placing.note_severity(tx, tx.cases.get(row.case), drifted, row.id, now_ms=now_ms, not_before_ms=wait)
            self._storms.hold_together(tx, tx.cases.get(row.case), now_ms=now_ms)

    def _clear(self, tx: Transaction, row: FindingRow, transition: Transition, now_ms: int) -> None:
        tx.findings.save(transition, case=row.case, held="", held_until_ms=0)
        if row.held == Held.BACKLOG:
            tx.findings.add_why(decided(transition, now_ms, None, "backlog_cleared", {"since_ms": row.since_ms}))
        if row.held or row.case is None:
            return
        case = tx.cases.get(row.case)
        if case.state in OPEN_STATES:
            self._clear_on(tx, case, transition, now_ms)

    def _clear_on(self, tx: Transaction, case: Case, transition: Transition, now_ms: int) -> None:
        file = CaseFile(tx, self._announcer)
        calm = transition.evidence.get("unstable") is False
        unstable = case.unstable and not calm
        occasion = Occasion(now_ms=now_ms, not_before_ms=self._wait(transition, now_ms), quiet=unstable)
        told: dict[str, Fact] = {
            "rule": transition.key.rule,
            "fault_class": transition.fault_class,
            "time_ms": transition.time_ms,
        }
        all_clear = not tx.findings.firing_of_case(case.id)
        case = file.change(
            case,
            "finding_cleared",
            occasion,
            {**told, "all_clear": all_clear},
            clear_since_ms=now_ms if all_clear else 0,
            unstable=unstable,
        )
        file.verify_if_clear(case, occasion)

    def caught_up(self, tx: Transaction, *, assets: Sequence[int], now_ms: int) -> None:
        for asset in assets:
            for row in tx.findings.of_asset(asset, firing=True):
                if row.held == Held.BACKLOG:
                    self._release(tx, row, now_ms)
        tx.outbox.release_backlog(agent_assets=assets, now_ms=now_ms)

    def retire(self, tx: Transaction, rules: Iterable[str], *, now_ms: int) -> int:
        """Clears what rules raised that are not among these any more: nobody judges it now. How many findings."""
        gone = tx.findings.of_other_rules(rules)
        for row in gone:
            over = replace(
                transition_of(row),
                change=Change.CLEARED,
                severity=Severity.CLEARED,
                time_ms=now_ms,
                evidence={"reason": "rule_removed"},
            )
            tx.findings.add_why(decided(over, now_ms, None, "rule_removed", {}))
            self._clear(tx, row, over, now_ms)
        return len(gone)

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        self._end_windows(tx, now_ms)
        self._end_joining(tx, now_ms)
        for row in tx.findings.held(reasons=self._let_go, until_ms=now_ms, limit=_RELEASED_A_TICK):
            self._release(tx, row, now_ms)
        self._close_verified(tx, now_ms)
        self._storms.tick(tx, now_ms=now_ms)
        self._calm_unstable(tx, now_ms)
        self._end_drills(tx, now_ms)
        self._look_at_clocks(tx, now_ms)
        self._tidy(tx, now_ms)

    def _tidy(self, tx: Transaction, now_ms: int) -> None:
        """Once a minute, also after the clock was set back; what a lost transaction kept goes with the next."""
        if 0 <= now_ms - self._tidied_ms < _MINUTE_MS:
            return
        self._tidied_ms = now_ms
        tx.findings.forget_changes(now_ms - self._settings.changes_kept_ms)
        tx.forget(now_ms=now_ms, limit=_FORGOTTEN_A_MINUTE)

    def _end_windows(self, tx: Transaction, now_ms: int) -> None:
        """Also where a window was shortened: what it held may have been held until later."""
        for window in tx.assets.windows_ended(now_ms):
            for row in tx.findings.of_asset(window.asset, firing=True):
                if row.held == Held.WINDOW:
                    self._release(tx, row, now_ms)
            tx.assets.settle_window(window)

    def _end_joining(self, tx: Transaction, now_ms: int) -> None:
        for asset in tx.assets.joining_over(now_ms):
            tx.assets.set_mode(asset.id, AssetMode.LIVE, live_from_ms=asset.live_from_ms)

    def _release(self, tx: Transaction, row: FindingRow, now_ms: int) -> None:
        """Its hold ended: decided anew, as of now."""
        self._decide(tx, transition_of(row), row, now_ms, now_ms)

    def _close_verified(self, tx: Transaction, now_ms: int) -> None:
        file = CaseFile(tx, self._announcer)
        proof = Proof(self._announcer, seen_within_ms=self._settings.part_seen_ms)
        proof.look(tx, now_ms=now_ms)
        for ending in proof.endings(tx, now_ms=now_ms, limit=_CLOSED_A_TICK):
            # As it is now: a storm that ended a moment ago has let go of its cases.
            case = tx.cases.get(ending.case.id)
            file.move(case, CaseAction.CLOSE, Occasion(now_ms=now_ms), ending.facts, outcome=ending.outcome)

    def _calm_unstable(self, tx: Transaction, now_ms: int) -> None:
        file = CaseFile(tx, self._announcer)
        settings = self._settings
        for case in tx.cases.unstable(clear_before_ms=now_ms - min(settings.calm_ms, settings.slow_calm_ms)):
            calm_ms = settings.calm_ms if case.reopened < _OFTEN else settings.slow_calm_ms
            if now_ms - case.clear_since_ms >= calm_ms:
                occasion = Occasion(now_ms=now_ms)
                file.verify_if_clear(file.change(case, "stable", occasion, {}, unstable=False), occasion)

    def _look_at_clocks(self, tx: Transaction, now_ms: int) -> None:
        file = CaseFile(tx, self._announcer)
        for row in tx.clocks.due(now_ms, limit=_LOOKED_AT_A_TICK):
            case = file.tell_clocks(tx.cases.get(row.case), now_ms)
            if case.number not in file.unreadable:
                self._unreadable.pop(case.number, None)
        self._unreadable |= file.unreadable

    def _end_drills(self, tx: Transaction, now_ms: int) -> None:
        file = CaseFile(tx, self._announcer)
        for case in tx.cases.rehearsals(opened_before_ms=now_ms - self._settings.drill_ms):
            ends = CaseAction.CLOSE if CaseAction.CLOSE in legal_actions(case.state) else CaseAction.CANCEL
            file.move(case, ends, Occasion(now_ms=now_ms), {"cause": "drill_over"})


def _repeated(tx: Transaction, row: FindingRow, transition: Transition) -> bool:
    """True: this very transition was settled before. Its time alone does not tell: clocks are set back.

    What is known and of the newest change's own time is new where it leads elsewhere: a log counts in seconds, and a
    state may come, go and come again within one.
    """
    if transition.time_ms == row.changed_ms:
        outcome = (transition.change is not Change.CLEARED, transition.severity)
        if outcome != (row.firing, row.severity):
            return False
    return tx.findings.known(row.id, transition)


def _drift(row: FindingRow, transition: Transition) -> Change:
    """What a firing finding does, whatever it is called: `since` must not start anew."""
    return Change.WORSENED if transition.severity > row.severity else Change.EASED
