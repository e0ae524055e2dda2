"""A desk at work on a real store: assets, transitions and a record of what was announced. Used by the tests here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Asset, AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseAction, Outcome
from hardcase_collector.domain.correlation import Join
from hardcase_collector.domain.finding import Change, FindingKey, Severity, Transition, Why
from hardcase_collector.domain.ports import CaseFilter, CaseNews, FindingRow, StateStore, StockNews, Transaction

from tests.fakes.consent import put_in_writing

LI = Actor(name="li", role=Role.ENGINEER, customer=None)
NOON = 1_795_521_600_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
PSU = Part(component="psu", slot="PSU2")
DISK = Part(component="disk", slot="Bay 3", model="ST4000", serial="ZC1")


class Announcements:
    """Remembers what was announced, and owes it to one channel as the real announcer does."""

    def __init__(self) -> None:
        self.news: list[CaseNews] = []
        self.stock: list[StockNews] = []

    def announce(self, tx: Transaction, news: CaseNews) -> None:
        self.news.append(news)
        tx.outbox.owe(
            channel="hook",
            case=news.case.id,
            version=news.entry.version,
            event_id=f"{news.case.number}-{news.entry.version}",
            body=b"{}",
            at_ms=news.entry.at_ms,
            not_before_ms=news.not_before_ms,
            critical=news.case.severity is Severity.CRITICAL,
        )

    def announce_stock(self, tx: Transaction, news: StockNews) -> None:
        self.stock.append(news)

    def codes(self) -> list[str]:
        return [news.entry.code for news in self.news]


@dataclass
class Bench:
    store: StateStore
    settings: DeskSettings = DeskSettings()
    announcements: Announcements = field(default_factory=Announcements)
    joins: Sequence[Join] = ()

    def __post_init__(self) -> None:
        self.desk = CaseDesk(self.announcements, self.settings, joins=lambda: self.joins)
        placing = Placing(
            self.announcements,
            reopen_ms=self.settings.reopen_ms,
            flap_raises=self.settings.flap_raises,
            joins=lambda: self.joins,
        )
        self.actions = CaseActions(self.announcements, placing)

    def asset(self, key: str = "dell|1", mode: AssetMode = AssetMode.LIVE, live_from_ms: int = NOON) -> Asset:
        with self.store.write() as tx:
            return tx.assets.add(
                key=key,
                basis="rehearsal" if key.startswith("rehearsal") else "serial",
                facts=AssetFacts(vendor="Dell", serial="1"),
                customer="north",
                mode=mode,
                joined_ms=NOON - DAY,
                live_from_ms=live_from_ms,
            )

    def apply(self, *transitions: Transition, at: int = NOON) -> None:
        with self.store.write() as tx:
            self.desk.apply(tx, transitions, now_ms=at)

    def tick(self, at: int) -> None:
        with self.store.write() as tx:
            self.desk.tick(tx, now_ms=at)

    def act(
        self,
        action: CaseAction,
        at: int = NOON,
        reason: str = "because",
        outcome: Outcome = Outcome.REPAIRED,
        by: Actor = LI,
    ) -> None:
        """`outcome`: where the case ends with it."""
        case = self.only_case()
        if action not in (CaseAction.CLOSE, CaseAction.CANCEL):
            outcome = Outcome.UNKNOWN
        with self.store.write() as tx:
            put_in_writing(tx, case, action, now_ms=at)
            self.actions.act(tx, case, action, by=by, reason=reason, now_ms=at, outcome=outcome)

    def cases(self, *, open_only: bool = False) -> Sequence[Case]:
        """Oldest first."""
        with self.store.read() as tx:
            return list(reversed(tx.cases.list(CaseFilter(customer=None, open_only=open_only))))

    def only_case(self) -> Case:
        (case,) = self.cases()
        return case

    def codes(self, case: Case | None = None) -> list[str]:
        with self.store.read() as tx:
            return [entry.code for entry in tx.cases.timeline((case or self.only_case()).id)]

    def finding(self, transition: Transition) -> FindingRow:
        with self.store.read() as tx:
            row = tx.findings.get(transition.key)
        assert row is not None
        return row

    def whys(self, asset: Asset) -> list[Why]:
        """Oldest first."""
        with self.store.read() as tx:
            return list(reversed(tx.findings.whys(asset=asset.id, case=None, limit=100)))


def raised(
    asset: Asset,
    fault_class: str = "psu.input_lost",
    *,
    at: int = NOON,
    part: Part = PSU,
    severity: Severity = Severity.MAJOR,
    group: str = "psu",
    sensor: str = "s1",
    **changes: object,
) -> Transition:
    transition = Transition(
        key=FindingKey(asset=asset.id, feed=0, rule=f"{fault_class}/{group}", part=part.key(), sensor=sensor),
        change=Change.RAISED,
        severity=severity,
        fault_class=fault_class,
        repair_group=group,
        part=part,
        time_ms=at,
        backlog=False,
        rehearsal=asset.key.startswith("rehearsal"),
        self_clearing=True,
        soak_s=600,
        opens=True,
        debounced="2 of 3",
        evidence={"sensor": sensor, "value": 81.0, "limit": 80.0},
    )
    return replace(transition, **changes)  # type: ignore[arg-type]  # field names given by the test


def cleared(transition: Transition, at: int) -> Transition:
    return replace(transition, change=Change.CLEARED, severity=Severity.CLEARED, time_ms=at)


def worsened(transition: Transition, severity: Severity, at: int, **changes: object) -> Transition:
    worse = replace(transition, change=Change.WORSENED, severity=severity, time_ms=at)
    return replace(worse, **changes)  # type: ignore[arg-type]  # field names given by the test
