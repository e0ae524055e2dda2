"""What an enrolment token is bound to, hosts that wait for approval, certificates by key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_ADDED = {
    "enrolment_tokens": ("site", "networks", "serials", "approve", "revoked_ms", "root"),
    "agents": ("roots", "issuer"),
}


def upgrade() -> None:
    for table, names in _ADDED.items():
        for name in names:
            op.add_column(table, _column(name))
    _create_waiting_hosts()
    _create_issued_by_token()


def downgrade() -> None:
    op.drop_table("issued_by_token")
    op.drop_table("waiting_hosts")
    for table, names in reversed(_ADDED.items()):
        for name in reversed(names):
            op.drop_column(table, name)


def _column(name: str) -> sa.Column[object]:
    if name == "approve":
        return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
    if name == "revoked_ms":
        return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
    none = "[]" if name in ("networks", "serials") else ""
    return sa.Column(name, sa.Text(), nullable=False, server_default=none)


def _create_waiting_hosts() -> None:
    op.create_table(
        "waiting_hosts",
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in (
                "token",
                "key",
                "customer",
                "hostname",
                "vendor",
                "serial",
                "machine_id",
                "dmi_uuid",
                "address",
            )
        ),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("token", "key", name="pk_waiting_hosts"),
    )
    op.create_index("ix_waiting_hosts_customer", "waiting_hosts", ["customer"], unique=False)
    op.create_index("ix_waiting_hosts_asked_ms", "waiting_hosts", ["asked_ms"], unique=False)


def _create_issued_by_token() -> None:
    op.create_table(
        "issued_by_token",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("enrolled_ms", sa.BigInteger(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", "key", name="pk_issued_by_token"),
    )
    op.create_index("ix_issued_by_token_customer", "issued_by_token", ["customer"], unique=False)
    op.create_index("ix_issued_by_token_expires_ms", "issued_by_token", ["expires_ms"], unique=False)
