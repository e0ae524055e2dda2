"""Depots, stock, compatible spares, part orders, maintenance records, satisfaction."""

from __future__ import annotations

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
