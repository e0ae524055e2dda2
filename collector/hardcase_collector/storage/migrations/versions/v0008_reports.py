"""People's reports, attachments, and how cases ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_OPEN = sa.text("state NOT IN ('closed', 'cancelled')")
_OPEN_PART = sa.text("state NOT IN ('closed', 'cancelled') AND NOT loose")
_ENDED = sa.text("closed_ms > 0")
_KEYED = sa.text("idempotency_key <> ''")
_PART = ["asset", "part_key", "repair_group"]
_REPORT_WORDS = (
    "customer",
    "idempotency_key",
    "digest",
    "category",
    "description",
    "channel",
    "contact_name",
    "contact_mail",
    "contact_phone",
    "asset_told",
    "site",
)


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True)


def _of_case(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return (
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=f"fk_{table}_case_id"),
    )


def upgrade() -> None:
    op.add_column("cases", sa.Column("outcome", sa.Text(), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("loose", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.drop_index("uq_cases_open", "cases")
    op.create_index("uq_cases_open", "cases", _PART, unique=True, sqlite_where=_OPEN_PART, postgresql_where=_OPEN_PART)
    op.create_index("ix_cases_closed", "cases", ["closed_ms"], sqlite_where=_ENDED, postgresql_where=_ENDED)
    op.create_table(
        "reports",
        _number(),
        *_of_case("reports"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _REPORT_WORDS),
        sa.Column("occurred_ms", sa.BigInteger(), nullable=False),
        sa.Column("reported_ms", sa.BigInteger(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("joined", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_reports_case_id", "reports", ["case_id"])
    op.create_index(
        "uq_reports_key",
        "reports",
        ["customer", "idempotency_key"],
        unique=True,
        sqlite_where=_KEYED,
        postgresql_where=_KEYED,
    )
    op.create_table(
        "attachments",
        _number(),
        *_of_case("attachments"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("sha256", "name", "media")),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("attached_by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("case_id", "sha256", name="uq_attachments_case_id_sha256"),
    )
    op.create_index("ix_attachments_sha256", "attachments", ["sha256"])
    op.create_index("ix_attachments_at_ms", "attachments", ["at_ms"])


def downgrade() -> None:
    op.drop_table("attachments")
    op.drop_table("reports")
    op.drop_index("ix_cases_closed", "cases")
    op.drop_index("uq_cases_open", "cases")
    op.drop_column("cases", "loose")
    op.drop_column("cases", "outcome")
    op.create_index("uq_cases_open", "cases", _PART, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
