"""A storehouse beside the desk of `cases/bench.py`: two depots, a catalogue, people, and short ways for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import Depot, OrderStep, PartOrder, Service, Spare, SpareFit, StockLine
from hardcase_collector.parts.levels import Levels
from hardcase_collector.parts.order_steps import Details
from hardcase_collector.parts.orders import PartOrders
from hardcase_collector.parts.stock import Stock
from hardcase_collector.parts.watch import PartsWatch

from tests.unit.collector.cases.bench import DISK, NOON, Bench, raised

LI = Actor(name="li", role=Role.MANAGER, customer=None)
WEI = Actor(name="wei", role=Role.ENGINEER, customer=None)
NUMBER, TWIN, OTHER = "02JG123", "02JG124", "99XX001"
NEAR, FAR = "shanghai", "beijing"


@dataclass
class Storehouse:
    """`near` serves the customer "north" within 45 minutes, `far` within nine hours."""

    bench: Bench
    due_ms: int | None = None
    pausable: bool = True
    orders: PartOrders = field(init=False)
    stock: Stock = field(init=False)

    def __post_init__(self) -> None:
        self.orders = PartOrders(
            self.bench.announcements,
            due_of=lambda tx, case, now_ms: self.due_ms,
            pausable=lambda tx, case: self.pausable,
            levels=Levels(self.bench.announcements),
        )
        self.stock = Stock(came=self.orders.serve, levels=Levels(self.bench.announcements))
        self.watch = PartsWatch(self.bench.announcements, self.orders)
        with self.bench.store.write() as tx:
            tx.spares.save_depot(Depot(name=NEAR, country="CN"))
            tx.spares.save_depot(Depot(name=FAR, country="CN"))
            tx.spares.save_service(Service(depot=NEAR, customer="north", site="", rank=1, travel_minutes=45))
            tx.spares.save_service(Service(depot=FAR, customer="north", site="", rank=2, travel_minutes=540))
            tx.spares.save_spare(
                Spare(part_number=NUMBER, component="disk", interchangeable=(TWIN,), warranty_days=365, return_days=10)
            )
            tx.spares.save_spare(Spare(part_number=TWIN, component="disk"))
            tx.spares.save_spare(Spare(part_number=OTHER, component="fan"))
            tx.spares.save_fit(SpareFit(spare=NUMBER, component="disk", part_model="ST4000*"))

    def case(self, asset: Asset | None = None, *, part: Part = DISK, at: int = NOON, **changes: object) -> Case:
        """An open case of a failed disk."""
        asset = asset or self.bench.asset()
        self.bench.apply(
            raised(asset, "disk.failed", part=part, group="disk", at=at, self_clearing=False, **changes), at=at
        )
        with self.bench.store.read() as tx:
            found = tx.cases.open_for(asset=asset.id, part_key=part.key(), repair_group="disk")
        assert found is not None
        return found

    def fresh(self, case: Case) -> Case:
        with self.bench.store.read() as tx:
            return tx.cases.get(case.id)

    def receive(
        self, depot: str = NEAR, number: str = NUMBER, count: int = 1, serials: Sequence[str] = (), at: int = NOON
    ) -> StockLine:
        with self.bench.store.write() as tx:
            return self.stock.receive(tx, depot, number, count=count, serials=serials, by=LI, now_ms=at)

    def request(
        self, case: Case, *, at: int = NOON, by: Actor = LI, part_number: str = "", depot: str = ""
    ) -> PartOrder:
        with self.bench.store.write() as tx:
            made = self.orders.request(
                tx, tx.cases.get(case.id), by=by, now_ms=at, part_number=part_number, depot=depot
            )
        return self.order(made)

    def step(self, order: PartOrder, step: OrderStep, *, at: int = NOON, by: Actor = LI, **details: str) -> PartOrder:
        with self.bench.store.write() as tx:
            self.orders.step(tx, order.id, step, by=by, now_ms=at, details=Details(**details))
        return self.order(order)

    def steps(self, order: PartOrder, *steps: OrderStep, at: int = NOON) -> PartOrder:
        for step in steps:
            order = self.step(order, step, at=at)
        return order

    def order(self, order: PartOrder) -> PartOrder:
        with self.bench.store.read() as tx:
            return tx.spares.order(order.id, customer=None)

    def orders_of(self, case: Case) -> Sequence[PartOrder]:
        with self.bench.store.read() as tx:
            return tx.spares.orders_of(case.id)

    def line(self, depot: str = NEAR, number: str = NUMBER) -> StockLine:
        with self.bench.store.read() as tx:
            found = tx.spares.stock_line(depot, number)
        assert found is not None
        return found

    def tick(self, at: int) -> None:
        with self.bench.store.write() as tx:
            self.watch.tick(tx, now_ms=at)

    def inventory(self, asset: Asset, *parts: Part, at: int, source: str = "disks") -> None:
        with self.bench.store.write() as tx:
            tx.assets.save_inventory(asset.id, source, 0, parts, at)

    def facts_of(self, case: Case, code: str) -> dict[str, object]:
        """Parameters of the newest entry of this code."""
        with self.bench.store.read() as tx:
            entries = [entry for entry in tx.cases.timeline(case.id) if entry.code == code]
        return dict(entries[-1].parameters)

    def audits(self, action: str) -> list[dict[str, object]]:
        """Newest first."""
        with self.bench.store.read() as tx:
            return [dict(one.facts) for one in tx.access.audits(customer=None, limit=1000) if one.action == action]


def disk(serial: str, slot: str = "Bay 3") -> Part:
    return replace(DISK, serial=serial, slot=slot)


def free_of(tx: Transaction, depot: str = NEAR, number: str = NUMBER) -> int:
    line = tx.spares.stock_line(depot, number)
    return line.free if line else 0
