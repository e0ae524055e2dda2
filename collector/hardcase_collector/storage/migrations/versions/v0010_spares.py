"""Depots, stock, compatible spares, part orders; and an index for serials of inventories."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

# SQLite makes a row id only of a column declared exactly INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BUCKETS = ("free", "reserved", "in_transit", "at_site", "installed", "returned", "lost", "withdrawn")
_TABLES = (
    "depots",
    "depot_services",
    "spares",
    "spare_twins",
    "spare_fits",
    "stock",
    "part_orders",
    "part_order_wants",
    "spare_units",
)


def upgrade() -> None:
    _create_depots()
    _create_depot_services()
    _create_spares()
    _create_spare_twins()
    _create_spare_fits()
    _create_stock()
    _create_part_orders()
    _create_part_order_wants()
    _create_spare_units()
    op.create_index("ix_inventory_part_key", "inventory", ["part_key"])


def downgrade() -> None:
    op.drop_index("ix_inventory_part_key", "inventory")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _words(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), nullable=False) for name in names)


def _numbers(*names: str) -> tuple[sa.Column[int], ...]:
    return tuple(sa.Column(name, sa.BigInteger(), nullable=False) for name in names)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _create_depots() -> None:
    op.create_table(
        "depots",
        *_words("name", "title", "country", "place", "customer"),
        sa.PrimaryKeyConstraint("name", name="pk_depots"),
    )


def _create_depot_services() -> None:
    op.create_table(
        "depot_services",
        *_words("depot", "customer", "site"),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("travel_minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("depot", "customer", "site", name="pk_depot_services"),
        sa.ForeignKeyConstraint(["depot"], ["depots.name"], name="fk_depot_services_depot"),
    )
    op.create_index("ix_depot_services_site", "depot_services", ["customer", "site", "rank"])


def _create_spares() -> None:
    op.create_table(
        "spares",
        *_words("part_number", "component", "title", "vendor"),
        sa.Column("warranty_days", sa.Integer(), nullable=False),
        sa.Column("return_days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("part_number", name="pk_spares"),
    )


def _create_spare_twins() -> None:
    op.create_table(
        "spare_twins",
        *_words("part_number", "other"),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("part_number", "other", name="pk_spare_twins"),
        sa.ForeignKeyConstraint(["part_number"], ["spares.part_number"], name="fk_spare_twins_part_number"),
    )
    op.create_index("ix_spare_twins_other", "spare_twins", ["other"])


def _create_spare_fits() -> None:
    op.create_table(
        "spare_fits",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        *_words("spare", "component", "vendor", "asset_model", "part_model", "part_number"),
        sa.PrimaryKeyConstraint("id", name="pk_spare_fits"),
        sa.ForeignKeyConstraint(["spare"], ["spares.part_number"], name="fk_spare_fits_spare"),
        sa.UniqueConstraint(
            "spare", "component", "vendor", "asset_model", "part_model", "part_number", name="uq_spare_fits_whole"
        ),
    )
    op.create_index("ix_spare_fits_component", "spare_fits", ["component"])


def _create_stock() -> None:
    op.create_table(
        "stock",
        *_words("depot", "part_number"),
        *_numbers(
            "free",
            "reserved",
            "in_transit",
            "at_site",
            "installed",
            "returned",
            "lost",
            "withdrawn",
            "received",
            "minimum",
            "reorder_point",
        ),
        *_words("level"),
        sa.PrimaryKeyConstraint("depot", "part_number", name="pk_stock"),
        sa.ForeignKeyConstraint(["depot"], ["depots.name"], name="fk_stock_depot"),
        sa.ForeignKeyConstraint(["part_number"], ["spares.part_number"], name="fk_stock_part_number"),
        *(sa.CheckConstraint(f"{bucket} >= 0", name=f"ck_stock_{bucket}") for bucket in _BUCKETS),
        sa.CheckConstraint(f"{' + '.join(_BUCKETS)} = received", name="ck_stock_conserved"),
    )
    _partial("ix_stock_level", "stock", ["level"], "level <> ''")
    op.create_index("ix_stock_part_number", "stock", ["part_number"])


def _create_part_orders() -> None:
    op.create_table(
        "part_orders",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        *_numbers("case_id", "asset"),
        *_words("component", "slot", "wanted", "state"),
        *_numbers("requested_ms"),
        *_words("requested_by", "freight", "depot", "part_number", "new_serial", "old", "old_key", "old_serial"),
        *_numbers("reserved_ms", "shipped_ms", "received_ms", "installed_ms"),
        *_words("installed_by"),
        *_numbers("returned_ms", "ended_ms", "due_back_ms", "overdue_told_ms"),
        *_words("tracking"),
        sa.Column("replaces", sa.BigInteger(), nullable=True),
        *_words("warranty_until", "sighting"),
        *_numbers("look_ms", "sighted_ms"),
        *_words("sighted_serial"),
        *_numbers("back_told_ms"),
        sa.PrimaryKeyConstraint("id", name="pk_part_orders"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_part_orders_asset"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_part_orders_case_id"),
    )
    op.create_index("ix_part_orders_case", "part_orders", ["case_id", "id"])
    _partial("ix_part_orders_due", "part_orders", ["due_back_ms"], "due_back_ms > 0 AND overdue_told_ms = 0")
    _partial("ix_part_orders_look", "part_orders", ["look_ms"], "look_ms > 0")
    _partial("ix_part_orders_out", "part_orders", ["id"], "old_key <> '' AND installed_ms > 0 AND back_told_ms = 0")
    _partial("ix_part_orders_requested", "part_orders", ["requested_ms", "id"], "state = 'requested'")
    _partial("ix_part_orders_slot", "part_orders", ["asset", "component", "slot", "installed_ms"], "installed_ms > 0")
    op.create_index("ix_part_orders_state", "part_orders", ["state", "id"])


def _create_part_order_wants() -> None:
    op.create_table(
        "part_order_wants",
        *_numbers("order_id"),
        *_words("part_number"),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "part_number", name="pk_part_order_wants"),
        sa.ForeignKeyConstraint(["order_id"], ["part_orders.id"], name="fk_part_order_wants_order_id"),
    )
    op.create_index("ix_part_order_wants_part_number", "part_order_wants", ["part_number"])


def _create_spare_units() -> None:
    op.create_table(
        "spare_units",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        *_words("part_number", "serial", "depot"),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_spare_units"),
        sa.ForeignKeyConstraint(["depot"], ["depots.name"], name="fk_spare_units_depot"),
        sa.ForeignKeyConstraint(["order_id"], ["part_orders.id"], name="fk_spare_units_order_id"),
        sa.ForeignKeyConstraint(["part_number"], ["spares.part_number"], name="fk_spare_units_part_number"),
        sa.UniqueConstraint("order_id", name="uq_spare_units_order_id"),
        sa.UniqueConstraint("part_number", "serial", name="uq_spare_units_part_number_serial"),
    )
    op.create_index("ix_spare_units_depot", "spare_units", ["depot", "part_number"])
