"""Laws of parts under any sequence of orders: nothing is lost, nothing is negative, one part is in one order."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hardcase_collector.domain.case import Case, Waiting
from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.domain.spares import OrderState, OrderStep, PartOrder, StockLine, Unit
from hardcase_collector.parts.order_table import bucket_of, legal_steps
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import MINUTE, NOON, Bench
from tests.unit.collector.parts.bench import FAR, LI, NEAR, NUMBER, TWIN, Storehouse, disk

# Many examples of many steps, each on a real store.
pytestmark = pytest.mark.timeout(300)

DEPOTS = st.sampled_from([NEAR, FAR])
NUMBERS = st.sampled_from([NUMBER, TWIN])
SERIALS = st.sampled_from(["", "", "S1", "S2", "S3"])


@dataclass(frozen=True)
class Books:
    """What the store says at one moment."""

    lines: Mapping[tuple[str, str], StockLine]
    units: Sequence[Unit]
    orders: Mapping[int, Sequence[PartOrder]]
    cases: Sequence[Case]
    versions: Mapping[int, Sequence[int]]

    def all_orders(self) -> list[PartOrder]:
        return [order for orders in self.orders.values() for order in orders]


def every_part_is_somewhere(seen: Books, came: Counter[tuple[str, str]], gone: Counter[tuple[str, str]]) -> None:
    held = Counter(
        (order.depot, order.part_number, bucket_of(order.state, order.freight))
        for order in seen.all_orders()
        if order.depot
    )
    for place, line in seen.lines.items():
        assert line.received == came[place]
        assert line.withdrawn == gone[place]
        out = 0
        for bucket in ("reserved", "in_transit", "at_site", "installed", "returned", "lost"):
            assert getattr(line, bucket) == held[(*place, bucket)] >= 0
            out += getattr(line, bucket)
        assert line.free == line.received - line.withdrawn - out >= 0


def one_part_is_in_one_order(seen: Books) -> None:
    holders = [unit.order for unit in seen.units if unit.order is not None]
    assert len(holders) == len(set(holders))
    named = Counter((unit.depot, unit.part_number) for unit in seen.units if unit.order is None)
    assert all(count <= seen.lines[place].free for place, count in named.items())


def a_case_waits_for_a_part_exactly_while_one_of_its_orders_does(seen: Books) -> None:
    for case in seen.cases:
        waits = any(order.state is OrderState.REQUESTED for order in seen.orders[case.id])
        assert (case.waiting is Waiting.PART) == waits


def nobody_waits_beside_a_free_part(seen: Books) -> None:
    waiting = {number for order in seen.all_orders() if order.state is OrderState.REQUESTED for number in order.wanted}
    assert not any(line.free and line.part_number in waiting for line in seen.lines.values())


def every_version_of_a_case_is_there_once(seen: Books) -> None:
    for case in seen.cases:
        assert list(seen.versions[case.id]) == list(range(1, case.version + 1))


class Storehouses(RuleBasedStateMachine):
    """People do whatever the commands let them do, in any order; whatever is refused must change nothing."""

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._store = empty_store(Path(self._folder.name) / "state.db")
        self.house = Storehouse(Bench(self._store))
        asset = self.house.bench.asset()
        self.cases = [self.house.case(asset, part=disk(f"Z{number}", f"Bay {number}")) for number in range(3)]
        self.came: Counter[tuple[str, str]] = Counter()
        self.gone: Counter[tuple[str, str]] = Counter()
        self.now_ms = NOON

    def teardown(self) -> None:
        self._store.close()
        self._folder.cleanup()

    def _tick(self) -> int:
        self.now_ms += MINUTE
        return self.now_ms

    @rule(depot=DEPOTS, number=NUMBERS, count=st.integers(1, 3), serial=SERIALS)
    def goods_come_in(self, depot: str, number: str, count: int, serial: str) -> None:
        try:
            self.house.receive(depot, number, count=count, serials=[serial] if serial else [], at=self._tick())
        except CollectorError:
            return
        self.came[depot, number] += count

    @rule(depot=DEPOTS, number=NUMBERS, count=st.integers(1, 2), serial=SERIALS)
    def parts_leave_the_books(self, depot: str, number: str, count: int, serial: str) -> None:
        try:
            with self._store.write() as tx:
                self.house.stock.withdraw(
                    tx,
                    depot,
                    number,
                    count=count,
                    serials=[serial] if serial else [],
                    reason="scrapped",
                    by=LI,
                    now_ms=self._tick(),
                )
        except CollectorError:
            return
        self.gone[depot, number] += count

    @rule(target=orders, case=st.integers(0, 2), number=st.sampled_from(["", NUMBER, TWIN]))
    def somebody_wants_a_part(self, case: int, number: str) -> int:
        try:
            return self.house.request(self.cases[case], part_number=number, at=self._tick()).id
        except CollectorError:
            return 0

    @rule(order=orders, step=st.sampled_from(OrderStep), serial=SERIALS)
    def somebody_takes_a_step(self, order: int, step: OrderStep, serial: str) -> None:
        if not order:
            return
        was = self._order(order)
        try:
            done = self.house.step(was, step, at=self._tick(), serial=serial)
        except CollectorError:
            assert self._order(order) == was
            return
        assert step in legal_steps(was.state, was.freight)
        assert done.state is not was.state

    def _order(self, order: int) -> PartOrder:
        with self._store.read() as tx:
            return tx.spares.order(order, customer=None)

    @invariant()
    def the_laws_hold(self) -> None:
        with self._store.read() as tx:
            cases = [tx.cases.get(case.id) for case in self.cases]
            seen = Books(
                lines={(line.depot, line.part_number): line for line in tx.spares.stock(customer=None)},
                units=tx.spares.units(customer=None),
                orders={case.id: tx.spares.orders_of(case.id) for case in cases},
                cases=cases,
                versions={case.id: [entry.version for entry in tx.cases.timeline(case.id)] for case in cases},
            )
        every_part_is_somewhere(seen, self.came, self.gone)
        one_part_is_in_one_order(seen)
        a_case_waits_for_a_part_exactly_while_one_of_its_orders_does(seen)
        nobody_waits_beside_a_free_part(seen)
        every_version_of_a_case_is_there_once(seen)


Storehouses.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # Explaining traces every line of every retry: minutes, for a failure that the steps already tell.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
TestStorehouses = Storehouses.TestCase
