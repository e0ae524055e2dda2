"""Cases in service: origin, priority, who works on them, what they wait for, the storm they belong to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_WORDS = (
    ("origin", "telemetry"),
    ("title", ""),
    ("priority", "P3"),
    ("service", "redundancy_holds"),
    ("assignee", ""),
    ("team", ""),
    ("waiting", ""),
)
_CHILDREN = sa.text("parent IS NOT NULL")


def upgrade() -> None:
    for name, default in _WORDS:
        op.add_column("cases", sa.Column(name, sa.Text(), nullable=False, server_default=default))
    op.add_column("cases", sa.Column("parent", sa.BigInteger(), nullable=True))
    op.create_index("ix_cases_parent", "cases", ["parent"], sqlite_where=_CHILDREN, postgresql_where=_CHILDREN)


def downgrade() -> None:
    op.drop_index("ix_cases_parent", "cases")
    for name in ("parent", *(name for name, _ in reversed(_WORDS))):
        op.drop_column("cases", name)
