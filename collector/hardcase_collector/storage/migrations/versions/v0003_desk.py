"""The desk: findings and why, cases and timeline, outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# SQLite makes a row id only of a column declared exactly INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_case_days()
    _create_cases()
    _create_findings()
    _create_outbox()
    _create_timeline()
    _create_whys()
    _create_finding_changes()


def downgrade() -> None:
    op.drop_table("finding_changes")
    op.drop_table("whys")
    op.drop_table("timeline")
    op.drop_table("outbox")
    op.drop_table("findings")
    op.drop_table("cases")
    op.drop_table("case_days")


def _create_case_days() -> None:
    op.create_table(
        "case_days",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_case_days"),
    )


def _create_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("part_key", sa.Text(), nullable=False),
        sa.Column("slot_key", sa.Text(), nullable=False),
        sa.Column("repair_group", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("fault_classes", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_ms", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=False),
        sa.Column("clear_since_ms", sa.BigInteger(), nullable=False),
        sa.Column("self_clearing", sa.Boolean(), nullable=False),
        sa.Column("soak_s", sa.BigInteger(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("unstable", sa.Boolean(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("linked", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("number", name="uq_cases_number"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_cases_asset"),
        sa.ForeignKeyConstraint(["linked"], ["cases.id"], name="fk_cases_linked"),
    )
    _index_cases()


def _index_cases() -> None:
    opened = "state NOT IN ('closed', 'cancelled')"
    _create_partial("ix_cases_open_id", "cases", ["id"], opened)
    op.create_index("ix_cases_part", "cases", ["asset", "part_key", "repair_group", "closed_ms"], unique=False)
    _create_partial("ix_cases_rehearsed", "cases", ["opened_ms"], f"rehearsal AND {opened}")
    _create_partial("ix_cases_slot", "cases", ["asset", "slot_key", "repair_group"], opened)
    _create_partial("ix_cases_unstable", "cases", ["clear_since_ms"], f"unstable AND {opened}")
    _create_partial("ix_cases_waiting", "cases", ["state"], "state = 'verifying'")
    _create_partial("uq_cases_open", "cases", ["asset", "part_key", "repair_group"], opened, unique=True)


def _create_partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _create_findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("part_key", sa.Text(), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("firing", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("fault_class", sa.Text(), nullable=False),
        sa.Column("repair_group", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("held_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("self_clearing", sa.Boolean(), nullable=False),
        sa.Column("soak_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        sa.UniqueConstraint(
            "asset", "feed", "rule", "part_key", "sensor", name="uq_findings_asset_feed_rule_part_key_sensor"
        ),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_findings_asset"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_findings_case_id"),
    )
    op.create_index("ix_findings_asset_firing", "findings", ["asset", "firing"], unique=False)
    op.create_index("ix_findings_case_id_firing", "findings", ["case_id", "firing"], unique=False)
    op.create_index(
        "ix_findings_held",
        "findings",
        ["held", "held_until_ms"],
        unique=False,
        sqlite_where=sa.text("held <> ''"),
        postgresql_where=sa.text("held <> ''"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("channel", "event_id", name="uq_outbox_channel_event_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_outbox_case_id"),
    )
    op.create_index("ix_outbox_case_id_id", "outbox", ["case_id", "id"], unique=False)
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_try_ms", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'owed'"),
        postgresql_where=sa.text("state = 'owed'"),
    )
    op.create_index(
        "ix_outbox_order",
        "outbox",
        ["case_id", "channel", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'owed'"),
        postgresql_where=sa.text("state = 'owed'"),
    )
    op.create_index("ix_outbox_state_id", "outbox", ["state", "id"], unique=False)


def _create_timeline() -> None:
    op.create_table(
        "timeline",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "version", name="pk_timeline"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_timeline_case_id"),
    )


def _create_whys() -> None:
    op.create_table(
        "whys",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("part_key", sa.Text(), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_whys"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_whys_case_id"),
    )
    op.create_index("ix_whys_asset_id", "whys", ["asset", "id"], unique=False)
    op.create_index("ix_whys_case_id_id", "whys", ["case_id", "id"], unique=False)


def _create_finding_changes() -> None:
    op.create_table(
        "finding_changes",
        sa.Column("finding", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("finding", "time_ms", "change", "severity", name="pk_finding_changes"),
        sa.ForeignKeyConstraint(["finding"], ["findings.id"], name="fk_finding_changes_finding"),
    )
    op.create_index("ix_finding_changes_time_ms", "finding_changes", ["time_ms"], unique=False)
