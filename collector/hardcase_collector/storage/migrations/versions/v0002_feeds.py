"""Feeds: catalogues, marks, rule-state rows, what was refused or lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# SQLite makes a row id only of a column declared exactly INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_baselines()
    _create_feed_rows()
    _create_losses()
    _create_marks()
    _create_quarantine()
    _create_quarantine_counts()
    _create_feeds()
    _create_catalogues()
    _create_sensors()


def downgrade() -> None:
    op.drop_table("sensors")
    op.drop_table("catalogues")
    op.drop_table("feeds")
    op.drop_table("quarantine_counts")
    op.drop_table("quarantine")
    op.drop_table("marks")
    op.drop_table("losses")
    op.drop_table("feed_rows")
    op.drop_table("baselines")


def _create_baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("feed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "sensor", "rule", name="pk_baselines"),
    )


def _create_feed_rows() -> None:
    op.create_table(
        "feed_rows",
        sa.Column("feed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("catalogue", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="pk_feed_rows"),
    )


def _create_losses() -> None:
    op.create_table(
        "losses",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("lost_epoch", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_losses"),
    )
    op.create_index("ix_losses_agent_id", "losses", ["agent", "id"], unique=False)


def _create_marks() -> None:
    op.create_table(
        "marks",
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("last_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "epoch", name="pk_marks"),
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_index("ix_quarantine_agent_id", "quarantine", ["agent", "id"], unique=False)


def _create_quarantine_counts() -> None:
    op.create_table(
        "quarantine_counts",
        sa.Column("agent", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", name="pk_quarantine_counts"),
    )


def _create_feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_feeds"),
        sa.UniqueConstraint("agent", "asset", "source", name="uq_feeds_agent_asset_source"),
        sa.ForeignKeyConstraint(["agent"], ["agents.number"], name="fk_feeds_agent"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_feeds_asset"),
    )
    op.create_index("ix_feeds_asset", "feeds", ["asset"], unique=False)


def _create_catalogues() -> None:
    op.create_table(
        "catalogues",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("feed", sa.BigInteger(), nullable=False),
        sa.Column("period_ms", sa.BigInteger(), nullable=False),
        sa.Column("value_width", sa.Integer(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("sensors", sa.Text(), nullable=False),
        sa.Column("sensor_numbers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_catalogues"),
        sa.UniqueConstraint("agent", "id", name="uq_catalogues_agent_id"),
        sa.ForeignKeyConstraint(["agent"], ["agents.number"], name="fk_catalogues_agent"),
        sa.ForeignKeyConstraint(["feed"], ["feeds.number"], name="fk_catalogues_feed"),
    )


def _create_sensors() -> None:
    op.create_table(
        "sensors",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("feed", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sensors"),
        sa.UniqueConstraint("feed", "id", name="uq_sensors_feed_id"),
        sa.ForeignKeyConstraint(["feed"], ["feeds.number"], name="fk_sensors_feed"),
    )
