"""A hundred engineers and twenty automations at once, through the real store and services, on both databases.

Nothing that was done is lost, no part is given twice, every version is there once, and no deadlock ends anybody's work.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.reports import Reports, Telling
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseAction, CaseState, TimelineEntry
from hardcase_collector.domain.errors import PermanentError
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import CaseFilter, CaseNews, Transaction, User
from hardcase_collector.domain.report import ReportChannel
from hardcase_collector.domain.spares import Depot, OrderState, OrderStep, Service, Spare, SpareFit
from hardcase_collector.parts.order_steps import Details
from hardcase_collector.parts.order_table import bucket_of, legal_steps
from hardcase_collector.parts.orders import PartOrders
from hardcase_collector.parts.stock import Stock
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.storage.state import SqlStateStore
from psycopg.errors import DeadlockDetected
from sqlalchemy import Engine

from tests.peers.postgres import postgres

ENGINEERS, AUTOMATIONS = 100, 20
DEEDS = 4
"""Of each: five hundred writes that all want the writer, the same cases and the same few parts."""
CASES, PARTS = 12, 30
MEDDLES = 3
NOON = 1_795_521_600_000
JOIN_S = 300
MANAGER = Actor(name="boss", role=Role.MANAGER, customer=None)
EVERY = CaseFilter(customer=None, open_only=False, limit=5000)
_NUMBERS = itertools.count(1)


class Owing:
    """Owes each event to a channel, as the real announcer does: the outbox is written with the case."""

    def announce(self, tx: Transaction, news: CaseNews) -> None:
        tx.outbox.owe(
            channel="hook",
            case=news.case.id,
            version=news.entry.version,
            event_id=f"{news.case.number}-{news.entry.version}",
            body=b"{}",
            at_ms=news.entry.at_ms,
            not_before_ms=0,
            critical=False,
        )


@dataclass
class Shop:
    store: SqlStateStore
    cases: list[int] = field(default_factory=list)
    assets: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        owing = Owing()
        self.actions = CaseActions(owing, Placing(owing, reopen_ms=0, flap_raises=3))
        self.handling = Handling(owing)
        self.orders = PartOrders(owing)
        self.stock = Stock(came=self.orders.serve)
        book = load_sheets()
        self.reports = Reports(owing, Opening(), book.categories)

    def fill(self) -> None:
        with self.store.write() as tx:
            tx.spares.save_depot(Depot(name="sh"))
            tx.spares.save_service(Service(depot="sh", customer="north", site="", rank=1, travel_minutes=30))
            tx.spares.save_spare(Spare(part_number="A", component="disk", return_days=5))
            tx.spares.save_fit(SpareFit(spare="A", component="disk", part_model="ST*"))
            serials = [f"S{number}" for number in range(PARTS // 2)]
            self.stock.receive(tx, "sh", "A", count=PARTS, serials=serials, by=MANAGER, now_ms=NOON)
            for number in range(ENGINEERS):
                tx.access.add_user(
                    User(name=f"engineer{number}", role="engineer", customer=None, password_hash="-", language="en")
                )
            for number in range(CASES):
                self._add_case(tx, number)

    def _add_case(self, tx: Transaction, number: int) -> None:
        asset = tx.assets.add(
            key=f"dell|{number}",
            basis="serial",
            facts=AssetFacts(vendor="Dell", serial=str(number)),
            customer="north",
            mode=AssetMode.LIVE,
            joined_ms=NOON,
            live_from_ms=NOON,
        )
        case = Case(
            id=0,
            number="",
            asset=asset.id,
            part=Part(component="disk", slot="3", model="ST4000", serial=f"Z{number}"),
            repair_group="disk",
            state=CaseState.NEW,
            severity=Severity.MAJOR,
            fault_classes=("disk.failed",),
            since_ms=NOON,
            opened_ms=NOON,
            version=1,
        )
        added = tx.cases.add(case)
        CaseFile(tx, Owing()).enter(added, "opened", Occasion(now_ms=NOON), {})
        self.cases.append(added.id)
        self.assets.append(asset.id)


@dataclass
class Person:
    """Does what his role may, one transaction a deed, and remembers what he was told had succeeded."""

    shop: Shop
    by: Actor
    seed: int
    noted: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    refused: int = 0
    broken: list[BaseException] = field(default_factory=list)

    def work(self, start: threading.Barrier) -> None:
        chance = random.Random(self.seed)
        start.wait(timeout=JOIN_S)
        for turn in range(DEEDS):
            deed = self._deed(chance, turn)
            try:
                self.shop.store.run(deed)
            except PermanentError:
                # Somebody else was first: the case is closed, the order has gone on.
                self.refused += 1
                continue
            except BaseException as error:
                # Told at the end: a thread's own traceback would be lost.
                self.broken.append(error)
                return
            self._remember(turn)

    def _remember(self, turn: int) -> None:
        if self._last == "note":
            self.noted.append(f"{self.by.name}/{turn}")
        if self._last == "report":
            self.reported.append(self._key)

    def _deed(self, chance: random.Random, turn: int) -> Callable[[Transaction], object]:
        case = chance.choice(self.shop.cases)
        now_ms = NOON + turn
        engineer = self.by.role is Role.ENGINEER
        choices = ["note", "acknowledge", "assign", "move"]
        self._last = chance.choice(
            [*choices, "reserve", "step", "step"] if engineer else [*choices, "report", "report"]
        )
        # Two automations tell the same thing with one key.
        self._key = f"key{chance.randrange(15)}"
        assignee = f"engineer{chance.randrange(ENGINEERS)}"
        deeds: dict[str, Callable[[Transaction], object]] = {
            "note": lambda tx: self.shop.actions.note(
                tx, tx.cases.get(case), by=self.by, text=f"{self.by.name}/{turn}", now_ms=now_ms
            ),
            "acknowledge": lambda tx: self.shop.actions.acknowledge(tx, tx.cases.get(case), by=self.by, now_ms=now_ms),
            "assign": lambda tx: self.shop.handling.assign(
                tx, tx.cases.get(case), by=self.by, now_ms=now_ms, assignee=assignee
            ),
            "move": lambda tx: self._move(tx, case, now_ms),
            "reserve": lambda tx: self.shop.orders.request(tx, tx.cases.get(case), by=self.by, now_ms=now_ms),
            "step": lambda tx: self._step(tx, case, now_ms),
            "report": lambda tx: self._report(tx, now_ms),
        }
        return deeds[self._last]

    def _move(self, tx: Transaction, case: int, now_ms: int) -> None:
        found = tx.cases.get(case)
        legal = [one for one in self.shop.actions.legal(found, by=self.by) if one not in ENDS]
        if legal:
            self.shop.actions.act(tx, found, legal[0], by=self.by, reason="", now_ms=now_ms)

    def _step(self, tx: Transaction, case: int, now_ms: int) -> None:
        for order in tx.spares.orders_of(case):
            steps = [one for one in legal_steps(order.state, order.freight) if one in ONWARDS]
            if steps and self.shop.orders.legal(order, by=self.by):
                details = Details(serial=f"N{order.id}" if steps[0] is OrderStep.INSTALL else "")
                self.shop.orders.step(tx, order.id, steps[0], by=self.by, now_ms=now_ms, details=details)
                return

    def _report(self, tx: Transaction, now_ms: int) -> None:
        told = Telling(
            category="os",
            description=f"told as {self._key}",
            channel=ReportChannel.MAIL,
            asset=self.shop.assets[int(self._key[3:]) % len(self.shop.assets)],
            key=self._key,
        )
        self.shop.reports.report(tx, told, by=self.by, now_ms=now_ms)


ENDS = frozenset({CaseAction.CLOSE, CaseAction.CANCEL, CaseAction.DEFER})
ONWARDS = (OrderStep.SHIP, OrderStep.RECEIVE, OrderStep.INSTALL, OrderStep.SEND_BACK, OrderStep.RECEIVE_BACK)


class Counting(SqlStateStore):
    """Counts transactions: what `run` had to try again is more than what was asked of it.

    A turn is waited for as long as the test lasts: how fast so many get theirs is the machine's matter.
    """

    writes = 0

    def __init__(self, writer: Engine, reader: Engine) -> None:
        super().__init__(writer, reader, turn_wait_s=JOIN_S)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        self.writes += 1
        with super().write() as tx:
            yield tx


def all_at_once(shop: Shop) -> list[Person]:
    people = [
        Person(shop, Actor(name=f"engineer{number}", role=Role.ENGINEER, customer=None), number)
        for number in range(ENGINEERS)
    ]
    people += [
        Person(shop, Actor(name=f"machine{number}", role=Role.AUTOMATION, customer=None), 1000 + number)
        for number in range(AUTOMATIONS)
    ]
    start = threading.Barrier(len(people))
    threads = [threading.Thread(target=person.work, args=(start,), daemon=True) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=JOIN_S)
    assert not any(thread.is_alive() for thread in threads)
    assert [error for person in people for error in person.broken] == []
    return people


def check(shop: Shop, people: list[Person]) -> None:
    with shop.store.read() as tx:
        notes: Counter[object] = Counter()
        for case in [tx.cases.get(number) for number in shop.cases]:
            entries = tx.cases.timeline(case.id)
            check_case(case, entries)
            notes += Counter(entry.parameters["text"] for entry in entries if entry.code == "note")
        assert notes == Counter(note for person in people for note in person.noted)
        check_parts(shop, tx)
        told = {key for person in people for key in person.reported}
        made = [case for case in tx.cases.list(EVERY) if case.id not in shop.cases]
        assert len(made) == len(told) > 0


def check_case(case: Case, entries: Sequence[TimelineEntry]) -> None:
    """No update is lost: what the case says is what its last entry of that kind said, and no version is missing."""
    assert [entry.version for entry in entries] == list(range(1, case.version + 1))
    seen = [entry.actor for entry in entries if entry.code == "acknowledged"]
    assert seen == ([case.acknowledged_by] if case.acknowledged_by else [])
    assigned = [entry.parameters["assignee"] for entry in entries if entry.code == "assigned"]
    assert case.assignee == (assigned[-1] if assigned else "")
    moved = [entry.parameters["to"] for entry in entries if entry.code == "moved"]
    assert case.state == (moved[-1] if moved else "new")


def check_parts(shop: Shop, tx: Transaction) -> None:
    line = tx.spares.stock_line("sh", "A")
    assert line is not None
    orders = [order for case in shop.cases for order in tx.spares.orders_of(case)]
    held = Counter(str(bucket_of(order.state, order.freight)) for order in orders if order.depot)
    for bucket in ("reserved", "in_transit", "at_site", "installed", "returned", "lost"):
        assert getattr(line, bucket) == held[bucket]
    assert line.free == PARTS - (held.total() - held["free"]) == 0
    holders = [unit.order for unit in tx.spares.units(customer=None) if unit.order is not None]
    assert len(holders) == len(set(holders)) >= PARTS // 2
    serials = [order.new_serial for order in orders if order.new_serial]
    assert len(serials) == len(set(serials))
    assert any(order.state is OrderState.REQUESTED for order in orders)


@contextmanager
def an_administrator_at_work(url: str) -> Iterator[None]:
    """Another session locks rows of the store in the opposite order: the server ends the store's."""
    stop, holds = threading.Event(), threading.Event()

    def meddle() -> None:
        with psycopg.connect(url) as other, psycopg.connect(url, autocommit=True) as watching:
            # The server ends whoever looks for a deadlock first: the store's session is to look, after one second.
            other.execute("SET deadlock_timeout = '60s'")
            met = 0
            while met < MEDDLES and not stop.is_set():
                other.execute("SELECT depot FROM stock FOR UPDATE")
                holds.set()
                while not stop.wait(timeout=0.02):
                    waiting = watching.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
                    if waiting and waiting[0]:
                        break
                try:
                    other.execute("SELECT id FROM cases FOR UPDATE")
                    other.commit()
                    met += 1
                except DeadlockDetected:
                    # The store's session had looked already when this one came: a server looks once.
                    other.rollback()

    meddling = threading.Thread(target=meddle, daemon=True)
    meddling.start()
    assert holds.wait(timeout=JOIN_S)
    try:
        yield
    finally:
        stop.set()
        meddling.join(timeout=JOIN_S)
    assert not meddling.is_alive()


def run_all(store: Counting, *, beside: AbstractContextManager[None]) -> int:
    """How many transactions had to be tried again."""
    shop = Shop(store)
    shop.fill()
    store.writes = 0
    with beside:
        people = all_at_once(shop)
    check(shop, people)
    # Far more was done than refused: most of what they want is legal most of the time.
    assert sum(person.refused for person in people) < (ENGINEERS + AUTOMATIONS) * DEEDS // 2
    return store.writes - (ENGINEERS + AUTOMATIONS) * DEEDS


@pytest.mark.timeout(3 * JOIN_S)
def test_a_hundred_and_twenty_at_once_on_sqlite(tmp_path: Path) -> None:
    store = Counting.open(f"sqlite:///{tmp_path}/state.db", migrate=True)
    try:
        assert run_all(store, beside=nullcontext()) == 0
    finally:
        store.close()


@pytest.mark.timeout(3 * JOIN_S)
def test_a_hundred_and_twenty_at_once_on_postgresql_beside_an_administrator() -> None:
    with postgres() as server:
        url = server.new_database(f"many{next(_NUMBERS)}")
        store = Counting.open(url, migrate=True)
        try:
            tried_again = run_all(store, beside=an_administrator_at_work(url))
        finally:
            store.close()
    assert tried_again > 0
