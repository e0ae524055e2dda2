"""Tables of depots, spare parts, stock and part orders.

What must never happen is refused by the tables themselves: a count below zero, a part that is in no place or in two
(the buckets of a stock line add up to what was ever received), one part in two orders.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.domain.spares import Bucket
from hardcase_collector.storage.state.models.columns import Model, Ms, Number, Ref, Text_

BUCKETS = tuple(str(bucket) for bucket in Bucket)
_LOW = text("level <> ''")
_DUE = text("due_back_ms > 0 AND overdue_told_ms = 0")
_REQUESTED = text("state = 'requested'")
_OUT = text("old_key <> '' AND installed_ms > 0 AND back_told_ms = 0")
_INSTALLED = text("installed_ms > 0")
_LOOKED_FOR = text("look_ms > 0")


class DepotRow(Model):
    __tablename__ = "depots"
    name: Mapped[Text_] = mapped_column(primary_key=True)
    title: Mapped[Text_]
    country: Mapped[Text_]
    place: Mapped[Text_]
    customer: Mapped[Text_]


class DepotServiceRow(Model):
    """Which sites a depot serves; site "" = all of the customer's."""

    __tablename__ = "depot_services"
    __table_args__ = (Index("ix_depot_services_site", "customer", "site", "rank"),)
    depot: Mapped[Text_] = mapped_column(ForeignKey("depots.name"), primary_key=True)
    customer: Mapped[Text_] = mapped_column(primary_key=True)
    site: Mapped[Text_] = mapped_column(primary_key=True)
    rank: Mapped[int]
    travel_minutes: Mapped[int]


class SpareRow(Model):
    __tablename__ = "spares"
    part_number: Mapped[Text_] = mapped_column(primary_key=True)
    component: Mapped[Text_]
    title: Mapped[Text_]
    vendor: Mapped[Text_]
    warranty_days: Mapped[int]
    return_days: Mapped[int]


class SpareTwinRow(Model):
    """Interchangeable numbers, as the catalogue tells them: from one to the other."""

    __tablename__ = "spare_twins"
    __table_args__ = (Index("ix_spare_twins_other", "other"),)
    part_number: Mapped[Text_] = mapped_column(ForeignKey("spares.part_number"), primary_key=True)
    other: Mapped[Text_] = mapped_column(primary_key=True)
    place: Mapped[int]


class SpareFitRow(Model):
    __tablename__ = "spare_fits"
    __table_args__ = (
        UniqueConstraint(
            "spare", "component", "vendor", "asset_model", "part_model", "part_number", name="uq_spare_fits_whole"
        ),
        Index("ix_spare_fits_component", "component"),
    )
    id: Mapped[Number]
    spare: Mapped[Text_] = mapped_column(ForeignKey("spares.part_number"))
    component: Mapped[Text_]
    vendor: Mapped[Text_]
    asset_model: Mapped[Text_]
    part_model: Mapped[Text_]
    part_number: Mapped[Text_]


class StockRow(Model):
    __tablename__ = "stock"
    __table_args__ = (
        *(CheckConstraint(f"{bucket} >= 0", name=f"ck_stock_{bucket}") for bucket in BUCKETS),
        CheckConstraint(f"{' + '.join(BUCKETS)} = received", name="ck_stock_conserved"),
        Index("ix_stock_level", "level", sqlite_where=_LOW, postgresql_where=_LOW),
        Index("ix_stock_part_number", "part_number"),
    )
    depot: Mapped[Text_] = mapped_column(ForeignKey("depots.name"), primary_key=True)
    part_number: Mapped[Text_] = mapped_column(ForeignKey("spares.part_number"), primary_key=True)
    free: Mapped[Ref]
    reserved: Mapped[Ref]
    in_transit: Mapped[Ref]
    at_site: Mapped[Ref]
    installed: Mapped[Ref]
    returned: Mapped[Ref]
    lost: Mapped[Ref]
    withdrawn: Mapped[Ref]
    received: Mapped[Ref]
    minimum: Mapped[Ref]
    reorder_point: Mapped[Ref]
    level: Mapped[Text_]
    told: Mapped[Ref] = mapped_column(server_default="0")
    """How often the level changed; numbers what is told of it."""


class PartOrderRow(Model):
    __tablename__ = "part_orders"
    __table_args__ = (
        Index("ix_part_orders_case", "case_id", "id"),
        Index("ix_part_orders_requested", "requested_ms", "id", sqlite_where=_REQUESTED, postgresql_where=_REQUESTED),
        Index("ix_part_orders_due", "due_back_ms", sqlite_where=_DUE, postgresql_where=_DUE),
        Index("ix_part_orders_look", "look_ms", sqlite_where=_LOOKED_FOR, postgresql_where=_LOOKED_FOR),
        Index("ix_part_orders_out", "id", sqlite_where=_OUT, postgresql_where=_OUT),
        Index(
            "ix_part_orders_slot",
            "asset",
            "component",
            "slot",
            "installed_ms",
            sqlite_where=_INSTALLED,
            postgresql_where=_INSTALLED,
        ),
        Index("ix_part_orders_state", "state", "id"),
    )
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"))
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"))
    component: Mapped[Text_]
    slot: Mapped[Text_]
    wanted: Mapped[Text_]
    state: Mapped[Text_]
    requested_ms: Mapped[Ms]
    requested_by: Mapped[Text_]
    freight: Mapped[Text_]
    depot: Mapped[Text_]
    part_number: Mapped[Text_]
    new_serial: Mapped[Text_]
    old: Mapped[Text_]
    old_key: Mapped[Text_]
    """`Part.key()` of a replaced part with a serial; "" where it can never be told again."""
    old_serial: Mapped[Text_]
    reserved_ms: Mapped[Ms]
    shipped_ms: Mapped[Ms]
    received_ms: Mapped[Ms]
    installed_ms: Mapped[Ms]
    installed_by: Mapped[Text_]
    returned_ms: Mapped[Ms]
    ended_ms: Mapped[Ms]
    due_back_ms: Mapped[Ms]
    overdue_told_ms: Mapped[Ms]
    tracking: Mapped[Text_]
    replaces: Mapped[int | None] = mapped_column(BigInteger)
    warranty_until: Mapped[Text_]
    sighting: Mapped[Text_]
    look_ms: Mapped[Ms]
    sighted_ms: Mapped[Ms]
    sighted_serial: Mapped[Text_]
    back_told_ms: Mapped[Ms]


class OrderWantRow(Model):
    """Which part numbers an order would take, the best first."""

    __tablename__ = "part_order_wants"
    __table_args__ = (Index("ix_part_order_wants_part_number", "part_number"),)
    order_id: Mapped[Ref] = mapped_column(ForeignKey("part_orders.id"), primary_key=True)
    part_number: Mapped[Text_] = mapped_column(primary_key=True)
    place: Mapped[int]


class UnitRow(Model):
    """Parts whose serial is known. One part is in one order, and one order has one part."""

    __tablename__ = "spare_units"
    __table_args__ = (
        UniqueConstraint("part_number", "serial"),
        UniqueConstraint("order_id"),
        Index("ix_spare_units_depot", "depot", "part_number"),
    )
    id: Mapped[Number]
    part_number: Mapped[Text_] = mapped_column(ForeignKey("spares.part_number"))
    serial: Mapped[Text_]
    depot: Mapped[Text_] = mapped_column(ForeignKey("depots.name"))
    order_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("part_orders.id"))
