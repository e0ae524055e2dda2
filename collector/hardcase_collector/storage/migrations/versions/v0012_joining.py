"""What an enrolment token is bound to, hosts that wait for approval, certificates by key."""

from __future__ import annotations

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
