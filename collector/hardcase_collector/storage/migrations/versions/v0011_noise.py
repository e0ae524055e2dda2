"""Windows over many assets, storms, what a held finding may open, and indexes for asking why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_WHY_INDEXES = (("rule", "id"), ("reason", "id"), ("time_ms",))


def upgrade() -> None:
    op.create_table(
        "planned_windows",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("breadth", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("weekly", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("moved", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_planned_windows"),
    )
    op.create_index("ix_planned_windows_scope_last_ms", "planned_windows", ["scope", "last_ms"])
    op.create_index("ix_planned_windows_customer_last_ms", "planned_windows", ["customer", "last_ms"])
    op.create_index("ix_planned_windows_last_ms", "planned_windows", ["last_ms"])
    op.create_table(
        "storms",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("parent", sa.BigInteger(), nullable=True),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "scope", name="pk_storms"),
        sa.ForeignKeyConstraint(["parent"], ["cases.id"], name="fk_storms_parent"),
    )
    op.create_index("ix_storms_due_ms", "storms", ["due_ms"])
    op.create_index("ix_storms_parent", "storms", ["parent"])
    for columns in _WHY_INDEXES:
        op.create_index(f"ix_whys_{'_'.join(columns)}", "whys", list(columns))
    op.add_column("findings", sa.Column("opens", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("findings", sa.Column("device_asserted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(sa.text("UPDATE findings SET opens = false WHERE held = 'warning'"))


def downgrade() -> None:
    for column in ("device_asserted", "opens"):
        op.drop_column("findings", column)
    for columns in reversed(_WHY_INDEXES):
        op.drop_index(f"ix_whys_{'_'.join(columns)}", "whys")
    op.drop_table("storms")
    op.drop_table("planned_windows")
