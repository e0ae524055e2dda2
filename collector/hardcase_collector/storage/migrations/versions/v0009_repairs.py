"""Proposals, quotes, signed links, engineers, dispatches, site access, hand-off to vendors."""

from __future__ import annotations

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
