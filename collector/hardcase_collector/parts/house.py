"""Everything about spare parts behind one counter: joined by the composition, asked by the control socket."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.parts.importing import SpareSheets
from hardcase_collector.parts.levels import Levels
from hardcase_collector.parts.orders import PartOrders
from hardcase_collector.parts.outlook import Wearing, outlook
from hardcase_collector.parts.risk import RiskLine
from hardcase_collector.parts.stock import Stock
from hardcase_collector.parts.watch import PartsWatch
from hardcase_collector.plans.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareHouse:
    orders: PartOrders
    stock: Stock
    sheets: SpareSheets
    watch: PartsWatch
    plans: Callable[[], Mapping[str, Plan]]
    """As the sheets say now."""
    wearing: Wearing

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        self.watch.tick(tx, now_ms=now_ms)

    def risk(self, tx: Transaction, *, customer: str | None, now_ms: int, within_minutes: int) -> tuple[RiskLine, ...]:
        """See `risk.py`; takes a while with thousands of assets."""
        return outlook(
            tx,
            customer=customer,
            plans=self.plans(),
            now_ms=now_ms,
            within_minutes=within_minutes,
            wearing=self.wearing,
        )


def spare_house(
    announcer: Announcer,
    *,
    components: Collection[str],
    plans: Callable[[], Mapping[str, Plan]],
    wearing: Wearing = lambda tx, asset: (),
    levels: Levels | None = None,
) -> SpareHouse:
    """`levels` None: low stock is audited and listed, and told to no channel."""
    orders = PartOrders(announcer, levels=levels)
    stock = Stock(came=orders.serve, levels=levels)
    return SpareHouse(
        orders=orders,
        stock=stock,
        sheets=SpareSheets(stock, components),
        watch=PartsWatch(announcer, orders),
        plans=plans,
        wearing=wearing,
    )
