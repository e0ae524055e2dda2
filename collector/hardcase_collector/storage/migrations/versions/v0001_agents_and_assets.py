"""Agents and assets: who reports, what is watched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite makes a row id only of a column declared exactly INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_agents()
    _create_assets()
    _create_events()
    _create_source_statuses()
    _create_bindings()
    _create_coverage()
    _create_inventory()
    _create_windows()


def downgrade() -> None:
    op.drop_table("windows")
    op.drop_table("inventory")
    op.drop_table("coverage")
    op.drop_table("bindings")
    op.drop_table("source_statuses")
    op.drop_table("events")
    op.drop_table("assets")
    op.drop_table("agents")


def _create_agents() -> None:
    op.create_table(
        "agents",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("dmi_uuid", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("enrolled_ms", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("stopped_cleanly", sa.Boolean(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_agents"),
        sa.UniqueConstraint("id", name="uq_agents_id"),
    )
    op.create_index("ix_agents_customer", "agents", ["customer"], unique=False)
    op.create_index("ix_agents_dmi_uuid", "agents", ["dmi_uuid"], unique=False)
    op.create_index("ix_agents_machine_id", "agents", ["machine_id"], unique=False)


def _create_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("joined_ms", sa.BigInteger(), nullable=False),
        sa.Column("live_from_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_assets"),
        sa.UniqueConstraint("key", name="uq_assets_key"),
    )
    op.create_index("ix_assets_customer", "assets", ["customer"], unique=False)
    op.create_index("ix_assets_mode_live_from_ms", "assets", ["mode", "live_from_ms"], unique=False)


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("erase_stamp", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("raw_hash", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("device_ms", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("asserted", sa.Boolean(), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("flag", sa.Integer(), nullable=False),
        sa.Column("backlog", sa.Boolean(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint(
            "asset",
            "log",
            "erase_stamp",
            "record_id",
            "raw_hash",
            name="uq_events_asset_log_erase_stamp_record_id_raw_hash",
        ),
    )
    op.create_index("ix_events_asset_id", "events", ["asset", "id"], unique=False)


def _create_source_statuses() -> None:
    op.create_table(
        "source_statuses",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("period_ms", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("flag", sa.Integer(), nullable=False),
        sa.Column("backlog", sa.Boolean(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source_statuses"),
        sa.UniqueConstraint("asset", "source", "agent", name="uq_source_statuses_asset_source_agent"),
    )


def _create_bindings() -> None:
    op.create_table(
        "bindings",
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "agent", name="pk_bindings"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_bindings_asset"),
        sa.ForeignKeyConstraint(["agent"], ["agents.number"], name="fk_bindings_agent"),
    )
    op.create_index("ix_bindings_agent", "bindings", ["agent"], unique=False)


def _create_coverage() -> None:
    op.create_table(
        "coverage",
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cure", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "source", "agent", "component", name="pk_coverage"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_coverage_asset"),
    )


def _create_inventory() -> None:
    op.create_table(
        "inventory",
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("part_key", sa.Text(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "source", "part_key", name="pk_inventory"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_inventory_asset"),
    )


def _create_windows() -> None:
    op.create_table(
        "windows",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", "asset", name="pk_windows"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_windows_asset"),
    )
    op.create_index("ix_windows_asset_until_ms", "windows", ["asset", "until_ms"], unique=False)
    op.create_index("ix_windows_settled_until_ms", "windows", ["settled", "until_ms"], unique=False)
