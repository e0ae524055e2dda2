"""The state store's port to spare parts: depots, catalogue, stock, orders. Part of `Transaction` (state_store.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hardcase_collector.domain.spares import (
    Bucket,
    Depot,
    OrderFilter,
    OrderState,
    PartOrder,
    Service,
    Spare,
    SpareFit,
    StockLevel,
    StockLine,
    TurnedUp,
    Unit,
)


class SpareStore(Protocol):
    """Depots, the catalogue of spares and what they fit, stock, part orders.

    `customer` as everywhere: None = all; a customer's own are his dedicated depots and the orders of his assets.
    """

    def save_depot(self, depot: Depot) -> None: ...
    def depot(self, name: str) -> Depot | None: ...
    def depots(self, *, customer: str | None) -> Sequence[Depot]: ...
    def save_service(self, service: Service) -> None: ...
    def services(self, *, customer: str | None) -> Sequence[Service]:
        """By depot, rank."""

    def drop_service(self, service: Service) -> None: ...
    def serving(self, *, customer: str, site: str) -> Sequence[tuple[Depot, Service]]:
        """Depots that may give a part to this site, in their order. The site's own line goes before "all sites"."""

    def save_spare(self, spare: Spare) -> None: ...
    def spare(self, part_number: str) -> Spare | None: ...
    def spares(self) -> Sequence[Spare]: ...
    def interchangeable(self, part_number: str) -> Sequence[str]:
        """Told by either of the two numbers."""

    def save_fit(self, fit: SpareFit) -> None: ...
    def drop_fit(self, fit: SpareFit) -> None: ...
    def fits(self, *, component: str | None) -> Sequence[SpareFit]: ...

    def stock(self, *, customer: str | None, depot: str = "", part_number: str = "") -> Sequence[StockLine]: ...
    def stock_line(self, depot: str, part_number: str) -> StockLine | None: ...
    def low_stock(self, *, customer: str | None) -> Sequence[StockLine]:
        """Whose level was told as too low; uses an index."""

    def set_marks(self, depot: str, part_number: str, *, minimum: int, reorder_point: int) -> None: ...
    def set_level(self, depot: str, part_number: str, level: StockLevel) -> None: ...
    def receive(self, depot: str, part_number: str, *, count: int, serials: Sequence[str]) -> None:
        """Raises NotAllowed for a serial that is known already."""

    def shift(self, depot: str, part_number: str, come_from: Bucket, go_to: Bucket) -> bool:
        """Moves one part. False: there is none in `come_from`."""

    def withdraw_unit(self, part_number: str, serial: str) -> bool:
        """Takes one free part of known serial out of the books' list of serials. False: no such free one."""

    def units(self, *, customer: str | None, depot: str = "", part_number: str = "") -> Sequence[Unit]: ...
    def unit_of(self, order: int) -> Unit | None: ...
    def hold_unit(self, depot: str, part_number: str, *, order: int) -> Unit | None:
        """Gives the order a free part of known serial; None: there is none."""

    def free_unit(self, order: int, *, depot: str) -> None: ...
    def name_unit(self, depot: str, part_number: str, serial: str, *, order: int) -> None:
        """The part that an order holds is the one of this serial. Raises NotAllowed where another order holds it."""

    def add_order(self, order: PartOrder) -> PartOrder: ...
    def save_order(self, order: PartOrder, *, was: OrderState) -> None:
        """Raises IllegalAction where its state is no longer `was`."""

    def order(self, order: int, *, customer: str | None) -> PartOrder: ...
    def orders(self, which: OrderFilter, *, customer: str | None) -> Sequence[PartOrder]: ...
    def orders_of(self, case: int) -> Sequence[PartOrder]:
        """Oldest first."""

    def waiting_for(self, part_number: str, *, limit: int) -> Sequence[PartOrder]:
        """Orders that are requested and would take this one: by priority of their case, then the oldest first."""

    def overdue(self, now_ms: int, *, limit: int) -> Sequence[PartOrder]:
        """Whose part should be back, and of which nobody was told yet; uses an index."""

    def to_look_for(self, now_ms: int, *, limit: int) -> Sequence[PartOrder]:
        """Whose new part is to be looked for in inventory by now; uses an index."""

    def left_over(self, *, limit: int) -> Sequence[PartOrder]:
        """Requested or reserved for cases that are over."""

    def replaced(self, asset: int, *, component: str = "", slot: str = "") -> Sequence[PartOrder]:
        """Every installation on this asset, or in this slot of it, the newest first; uses an index."""

    def turned_up(self, *, after: int, limit: int) -> tuple[Sequence[TurnedUp], int]:
        """Replaced parts that an inventory told after they were taken out, and of which nobody was told yet.

        Looks at the next `limit` replaced parts after this order, and says at which it ended; 0 = there are no more.
        """
