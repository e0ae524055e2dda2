"""What is owed to a channel may be of a depot's stock and of no case; how often a line of stock was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("case_id", existing_type=sa.BigInteger(), nullable=True)
        outbox.add_column(sa.Column("subject", sa.Text(), nullable=False, server_default=""))
        outbox.add_column(sa.Column("customer", sa.Text(), nullable=False, server_default=""))
    op.add_column("stock", sa.Column("told", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("stock", "told")
    op.execute("DELETE FROM outbox WHERE case_id IS NULL")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_column("customer")
        outbox.drop_column("subject")
        outbox.alter_column("case_id", existing_type=sa.BigInteger(), nullable=False)
