"""A case desk on a throw-away store: the real desk, with the assets, books and windows of the present, told nobody.

Made by `running.py` for one replay; its file goes with the folder it lies in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.desk import CaseDesk, DeskSettings
from hardcase_collector.cases.workflow import OPEN_STATES, legal_actions
from hardcase_collector.domain.asset import Asset, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.correlation import Subject, case_of_part
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.noise import Breadth, PlannedWindow, scope_key
from hardcase_collector.domain.ports import CaseFilter, CaseNews, Transaction, Window
from hardcase_collector.domain.replay import Untold
from hardcase_collector.replay.comparing import Known, openings
from hardcase_collector.rules.sheet import RuleBook
from hardcase_collector.storage.state.store import SqlStateStore

_BUSY_MS = 5 * 60_000
"""Between two ticks: a fifth of the usual soak time."""
_SOAKS_MS = 2 * 3_600_000
"""So long after something moved, what time decides falls due."""
_IDLE_MS = 3_600_000
MOST_CASES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A person ended a present case: its like in the replay ends too."""

    at_ms: int
    asset: int
    part: Part
    repair_group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What of the present holds in the replay as well. Assets by their present numbers."""

    assets: Sequence[Asset]
    planned: Sequence[PlannedWindow]
    windows: Sequence[Window]
    ended: Sequence[Ended]


class _Nobody:
    def announce(self, tx: Transaction, news: CaseNews) -> None:
        """A replay is told to nobody."""


class Scratch:
    """Give it transitions in the order of their times; `close` it."""

    def __init__(self, folder: Path, book: RuleBook, settings: DeskSettings) -> None:
        self._store = SqlStateStore.open(f"sqlite:///{folder}/replay.sqlite", migrate=True)
        self._desk = CaseDesk(_Nobody(), settings, joins=lambda: book.joins, storms=lambda: book.storms)
        self._number: dict[int, int] = {}
        self._ended: list[Ended] = []
        self._next_tick_ms = 0
        self._moved_ms = 0

    def close(self) -> None:
        self._store.close()

    def begin(self, present: Transaction, setting: Setting, from_ms: int) -> None:
        """Copies what the desk asks for, as of `from_ms`."""
        self._next_tick_ms = from_ms
        self._ended = sorted(setting.ended, key=lambda one: one.at_ms)
        with self._store.write() as tx:
            for customer in present.registry.customers(customer=None):
                tx.registry.save_customer(customer)
            for site in present.registry.sites(customer=None):
                tx.registry.save_site(site)
            for asset in setting.assets:
                joins = asset.mode is not AssetMode.OBSERVE and asset.live_from_ms > from_ms
                added = tx.assets.add(
                    key=asset.key,
                    basis=asset.basis,
                    facts=asset.facts,
                    customer=asset.customer,
                    mode=AssetMode.JOINING if joins else asset.mode,
                    joined_ms=asset.joined_ms,
                    live_from_ms=asset.live_from_ms,
                )
                self._number[asset.id] = added.id
                custody = present.registry.custody(asset.id)
                if custody is not None:
                    tx.registry.save_custody(replace(custody, asset=added.id))
            self._open_windows(tx, setting)

    def _open_windows(self, tx: Transaction, setting: Setting) -> None:
        for planned in setting.planned:
            if planned.breadth is not Breadth.ASSET:
                tx.noise.save_window(planned)
            elif (number := self._number.get(int(planned.subject))) is not None:
                tx.noise.save_window(replace(planned, scope=scope_key(Breadth.ASSET, number), subject=str(number)))
        for window in setting.windows:
            if window.asset in self._number:
                tx.assets.open_window(replace(window, asset=self._number[window.asset]))

    def play(self, transitions: Iterable[Transition], *, until_ms: int) -> None:
        """One chunk, in the order of times, as one transaction; ticks in between, as if time had passed."""
        with self._store.write() as tx:
            for one in transitions:
                self._pass_time(tx, one.time_ms)
                self._moved_ms = one.time_ms
                self._next_tick_ms = min(self._next_tick_ms, one.time_ms + _BUSY_MS)
                key = replace(one.key, asset=self._number[one.key.asset])
                self._desk.apply(tx, [replace(one, key=key)], now_ms=one.time_ms)
            self._pass_time(tx, until_ms)

    def _pass_time(self, tx: Transaction, to_ms: int) -> None:
        """Often after something moved, seldom while nothing does."""
        while self._next_tick_ms <= to_ms:
            at_ms = self._next_tick_ms
            self._end_cases(tx, at_ms)
            self._desk.tick(tx, now_ms=at_ms)
            self._next_tick_ms = at_ms + (_BUSY_MS if at_ms - self._moved_ms < _SOAKS_MS else _IDLE_MS)
        self._end_cases(tx, to_ms)

    def _end_cases(self, tx: Transaction, to_ms: int) -> None:
        while self._ended and self._ended[0].at_ms <= to_ms:
            ended = self._ended.pop(0)
            open_ones = [
                case
                for case in tx.cases.open_of(self._number[ended.asset])
                if case.repair_group == ended.repair_group and case.state in OPEN_STATES
            ]
            found = case_of_part(Subject(ended.part, ended.repair_group, ""), open_ones)
            if found is not None:
                case = found[0]
                ends = CaseAction.CLOSE if CaseAction.CLOSE in legal_actions(case.state) else CaseAction.CANCEL
                CaseFile(tx, _Nobody()).move(case, ends, Occasion(now_ms=ended.at_ms), {"cause": "replay"})

    def cases(self) -> Sequence[Known]:
        """Every opening of every case, of its asset's present number."""
        back = {number: present for present, number in self._number.items()}
        with self._store.read() as tx:
            found = tx.cases.list(CaseFilter(customer=None, open_only=False, limit=MOST_CASES))
            return [known for case in found for known in known_of(tx, replace(case, asset=back[case.asset]), None)]


def known_of(tx: Transaction, case: Case, untold: Untold | None) -> Sequence[Known]:
    """Each opening of the case."""
    rules = rules_of(tx, case.id)
    return [
        Known(case, since_ms, ended_ms, rules, untold)
        for since_ms, ended_ms in openings(case, tx.cases.timeline(case.id))
    ]


def rules_of(tx: Transaction, case: int) -> tuple[str, ...]:
    """Names of the rules whose findings opened or joined the case."""
    whys = tx.findings.whys(asset=None, case=case, limit=1000)
    return tuple(sorted({why.rule for why in whys if why.opened and why.rule}))
