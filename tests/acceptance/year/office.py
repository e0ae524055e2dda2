"""The collector's inner parts without its network: store, desk and services, joined as the composition does."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.calendars import Calendars
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.cases.windows import Windows
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import CaseNews, Transaction
from hardcase_collector.parts.orders import PartOrders
from hardcase_collector.parts.stock import Stock
from hardcase_collector.parts.watch import PartsWatch
from hardcase_collector.plans.reader import load_plans
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.service.desk import Needs, service_desk

from tests.fakes.empty_store import empty_store

T = TypeVar("T")


class News:
    """What was told to people, and owed to one channel as the real announcer owes it."""

    def __init__(self) -> None:
        self.told: list[tuple[Case, str, int]] = []
        self.opened: list[Case] = []
        """Since somebody took them up."""

    def announce(self, tx: Transaction, news: CaseNews) -> None:
        self.told.append((news.case, news.entry.code, news.entry.at_ms))
        if news.entry.code in ("opened", "reopened"):
            self.opened.append(news.case)
        tx.outbox.owe(
            channel="hook", case=news.case.id, version=news.entry.version,
            event_id=f"{news.case.number}-{news.entry.version}", body=b"{}", at_ms=news.entry.at_ms,
            not_before_ms=news.not_before_ms, critical=news.case.severity is Severity.CRITICAL,
        )  # fmt: skip


class NoPress:
    """Service reports have tests of their own."""

    def pdf(self, html: str) -> bytes:
        raise AssertionError(html)


class Office:
    """`restart` closes the store and begins anew with nothing but what it holds."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.db"
        self.news = News()
        self.book = load_sheets(None)
        self.plans = load_plans()
        self.restarts = 0
        self._tokens = (f"token-{number:032d}" for number in itertools.count())
        self._open()

    def _open(self) -> None:
        self.store = empty_store(self._file)
        settings, joins = DeskSettings(), lambda: self.book.joins
        self.desk = CaseDesk(self.news, settings, joins=joins, storms=lambda: self.book.storms)
        placing = Placing(self.news, reopen_ms=settings.reopen_ms, flap_raises=settings.flap_raises, joins=joins)
        self.actions = CaseActions(self.news, placing)
        self.handling = Handling(self.news)
        self.calendars = Calendars(self.news)
        self.windows = Windows()
        self.orders = PartOrders(self.news)
        self.stock = Stock(came=self.orders.serve)
        self.watch = PartsWatch(self.news, self.orders)
        self.service = service_desk(
            Needs(
                announcer=self.news,
                actions=self.actions,
                counsellor=lambda case, live: self.book.counsel(case.part, case.fault_classes, live),
                plan_named=self.plans.plans.get,
                press=NoPress(),  # type: ignore[arg-type]  # nothing is printed in this year
                evidence=NoPress(),  # type: ignore[arg-type]  # nor filed
                titles=self.book.text,  # type: ignore[arg-type]  # asked by printed papers alone
                tokens=lambda: next(self._tokens),
                address=lambda token: f"https://desk.example/l/{token}",
            )
        )

    def restart(self) -> None:
        self.store.close()
        self.restarts += 1
        self._open()

    def do(self, work: Callable[[Transaction], T]) -> T:
        with self.store.write() as tx:
            return work(tx)

    def tick(self, now_ms: int) -> None:
        with self.store.write() as tx:
            self.desk.tick(tx, now_ms=now_ms)
            self.watch.tick(tx, now_ms=now_ms)
            self.service.tick(tx, now_ms=now_ms)

    def next_look_ms(self) -> int:
        """When the next clock has something to tell; 0 = none."""
        with self.store.read() as tx:
            due = tx.clocks.due(1 << 60, limit=1)
        return due[0].look_ms if due else 0

    def close(self) -> None:
        self.store.close()
