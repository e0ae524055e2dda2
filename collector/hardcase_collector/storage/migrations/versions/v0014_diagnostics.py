"""Requests for diagnostics, how they stand, what agents allow, and the files that came; vendors' own bundles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "diagnostics_allowed",
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", name="pk_diagnostics_allowed"),
        sa.ForeignKeyConstraint(["agent"], ["agents.number"], name="fk_diagnostics_allowed_agent"),
    )
    _requests()
    op.create_table(
        "diagnostic_files",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_diagnostic_files"),
        sa.UniqueConstraint("request", "name", "sha256", name="uq_diagnostic_files_request_name_sha256"),
        sa.ForeignKeyConstraint(["request"], ["diagnostics.id"], name="fk_diagnostic_files_request"),
    )
    op.create_index("ix_diagnostic_files_sha256", "diagnostic_files", ["sha256"])
    op.add_column("attachments", sa.Column("kind", sa.Text(), nullable=False, server_default="file"))


def _requests() -> None:
    op.create_table(
        "diagnostics",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.Boolean(), nullable=False),
        sa.Column("consented_by", sa.Text(), nullable=False),
        sa.Column("consented_ms", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_diagnostics"),
        sa.ForeignKeyConstraint(["agent"], ["agents.number"], name="fk_diagnostics_agent"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_diagnostics_asset"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_diagnostics_case_id"),
    )
    op.create_index("ix_diagnostics_case_id", "diagnostics", ["case_id"])
    op.create_index("ix_diagnostics_asset_asked_ms", "diagnostics", ["asset", "asked_ms"])
    op.create_index("ix_diagnostics_asked_ms", "diagnostics", ["asked_ms"])
    for name, columns, where in (
        ("ix_diagnostics_owed", ["agent", "asked_ms"], "owed"),
        ("ix_diagnostics_open", ["expires_ms"], "ended_ms = 0"),
    ):
        op.create_index(name, "diagnostics", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    # What a schema without kinds cannot tell from an ordinary file goes.
    op.execute(sa.text("DELETE FROM attachments WHERE kind <> 'file'"))
    op.drop_column("attachments", "kind")
    op.drop_table("diagnostic_files")
    op.drop_table("diagnostics")
    op.drop_table("diagnostics_allowed")
