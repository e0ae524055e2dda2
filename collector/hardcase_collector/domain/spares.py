"""Depots, spare parts, stock and part orders: values. The table of an order's states is `parts/order_table.py`.

The store's port is `SpareStore`; `parts/` acts through it. Times are ms of Unix time, 0 = not yet; dates are ISO.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_collector.domain.asset import Part


class OrderState(StrEnum):
    """Of one part for one case."""

    REQUESTED = "requested"
    """Wanted; no depot has given one yet."""
    RESERVED = "reserved"
    SHIPPED = "shipped"
    RECEIVED = "received"
    """At the site, or in the engineer's hands."""
    INSTALLED = "installed"
    """The replaced part is out, and has to come back where `due_back_ms` says so."""
    RETURNED = "returned"
    """On its way back: the replaced part, a dead one or one that was not needed."""
    RETURN_RECEIVED = "return_received"
    DEAD_ON_ARRIVAL = "dead_on_arrival"
    MISSING = "missing"
    KEPT_BY_CUSTOMER = "kept_by_customer"
    """The replaced part stays where it is: 部件不回收, a drive with data."""
    CANCELLED = "cancelled"


class OrderStep(StrEnum):
    """What is done with an order."""

    RESERVE = "reserve"
    SHIP = "ship"
    RECEIVE = "receive"
    """It arrived at the site; or was taken along from the depot; or a missing one was found."""
    INSTALL = "install"
    DECLARE_DEAD = "declare_dead"
    SEND_BACK = "send_back"
    RECEIVE_BACK = "receive_back"
    KEEP = "keep"
    LOSE = "lose"
    CANCEL = "cancel"


class Freight(StrEnum):
    """Which part an order's last journey is about."""

    NEW = "new"
    OLD = "old"
    """The replaced part."""
    DEAD = "dead"
    UNUSED = "unused"


class Bucket(StrEnum):
    """Where a part that a depot once received is. Their sum is what it ever received: a CHECK of the table."""

    FREE = "free"
    RESERVED = "reserved"
    IN_TRANSIT = "in_transit"
    AT_SITE = "at_site"
    INSTALLED = "installed"
    RETURNED = "returned"
    """Dead on arrival, gone back or going back to its vendor."""
    LOST = "lost"
    WITHDRAWN = "withdrawn"
    """Taken out of the books by a person: scrapped, counted wrong, given elsewhere."""


class StockLevel(StrEnum):
    """How a depot stands with a part number; told once per step down."""

    ENOUGH = ""
    REORDER = "reorder"
    """At the reorder point or below."""
    LOW = "low"
    """Below the minimum."""


class Sighting(StrEnum):
    """What inventory says of a replaced part."""

    WAITING = ""
    """Not seen yet, and not overdue."""
    SEEN = "seen"
    """The new serial is in the machine."""
    ENTERED = "entered"
    """The part has no serial: the engineer's entry stands."""
    OLD_STILL_THERE = "old_still_there"
    NOT_SEEN = "not_seen"
    """Neither serial is told within the time."""
    WRONG_SERIAL = "wrong_serial"
    """The slot holds a third one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depot:
    """A store of spare parts (备件库). `name` is its key."""

    name: str
    title: str = ""
    country: str = ""
    """ISO 3166-1 alpha-2."""
    place: str = ""
    customer: str = ""
    """A dedicated store: for this customer's assets only. "" = for all that it serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """That a depot serves a site, as the how manyeth in order, and how far it is. `site` "" = all of the customer's."""

    depot: str
    customer: str
    site: str
    rank: int
    """1 = asked first."""
    travel_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """A part number of the catalogue."""

    part_number: str
    component: str
    title: str = ""
    vendor: str = ""
    interchangeable: tuple[str, ...] = ()
    """Other part numbers that do in its place."""
    warranty_days: int = 0
    """From its installation; 0 = it takes over what is left of the machine's."""
    return_days: int = 0
    """The replaced part has to be back within so many days; 0 = it need not come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareFit:
    """That a spare fits: every field that is given must match. Models may be patterns ("PowerEdge R7*")."""

    spare: str
    component: str
    vendor: str = ""
    asset_model: str = ""
    part_model: str = ""
    part_number: str = ""
    """The number on the part that fails; goes before all models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLine:
    """One part number at one depot: how many are where."""

    depot: str
    part_number: str
    free: int = 0
    reserved: int = 0
    in_transit: int = 0
    at_site: int = 0
    installed: int = 0
    returned: int = 0
    lost: int = 0
    withdrawn: int = 0
    received: int = 0
    """Ever."""
    minimum: int = 0
    reorder_point: int = 0
    level: StockLevel = StockLevel.ENOUGH
    """As it was told last."""
    told: int = 0
    """How often the level changed so far."""

    @property
    def present_level(self) -> StockLevel:
        if self.free < self.minimum:
            return StockLevel.LOW
        return StockLevel.REORDER if self.reorder_point and self.free <= self.reorder_point else StockLevel.ENOUGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One part whose serial is known. In one order at most."""

    id: int
    part_number: str
    serial: str
    depot: str
    order: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOrder:
    """One part for one case."""

    id: int
    case: int
    asset: int
    component: str
    slot: str
    """As `place_name` says it; "" where the part has none."""
    wanted: tuple[str, ...]
    """Part numbers that would do, the best first."""
    state: OrderState
    requested_ms: int
    requested_by: str
    freight: Freight = Freight.NEW
    depot: str = ""
    part_number: str = ""
    """The one that was reserved."""
    new_serial: str = ""
    old: Part = Part()
    """The part that is replaced, as the case knew it."""
    old_serial: str = ""
    reserved_ms: int = 0
    shipped_ms: int = 0
    received_ms: int = 0
    installed_ms: int = 0
    installed_by: str = ""
    returned_ms: int = 0
    ended_ms: int = 0
    """Since when nothing is owed on it any more; 0 = something is."""
    due_back_ms: int = 0
    """0: nothing has to come back, or it is back."""
    overdue_told_ms: int = 0
    tracking: str = ""
    """The carrier's number."""
    replaces: int | None = None
    """The order whose part was dead or lost."""
    warranty_until: str = ""
    """Of the new part; "" = the machine's own holds."""
    sighting: Sighting = Sighting.WAITING
    look_ms: int = 0
    """When inventory is looked at next for it; 0 = never."""
    sighted_ms: int = 0
    sighted_serial: str = ""
    """What inventory showed in its place."""
    back_told_ms: int = 0
    """When it was told that the replaced part is in use again somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders to list; newest first."""

    states: tuple[OrderState, ...] = ()
    """() = all."""
    case: int | None = None
    depot: str = ""
    overdue_at_ms: int = 0
    """Only those whose part should have been back by then; 0 = all."""
    limit: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedUp:
    """A part that was taken out as bad is told by an inventory of the fleet again."""

    order: PartOrder
    asset: int
    part: Part
    seen_ms: int
