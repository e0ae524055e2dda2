"""Terms frozen with a case, watched clocks, teams and duty rotas."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# SQLite makes a row id only of a column declared exactly INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WATCHED = sa.text("look_ms > 0")


def upgrade() -> None:
    op.create_table("frozen_terms", *_words("hash", "body"), sa.PrimaryKeyConstraint("hash", name="pk_frozen_terms"))
    _create_case_terms()
    _create_case_clocks()
    _create_duty()
    op.create_table(
        "known_years",
        *_words("country", "subdivision"),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        *_words("days_off", "workdays", "made_by"),
        *_times("at_ms"),
        sa.PrimaryKeyConstraint("country", "subdivision", "year", name="pk_known_years"),
    )


def downgrade() -> None:
    for table in ("known_years", "duty_swaps", "duty_teams", "case_clocks", "case_terms", "frozen_terms"):
        op.drop_table(table)


def _words(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), nullable=False) for name in names)


def _times(*names: str) -> tuple[sa.Column[int], ...]:
    return tuple(sa.Column(name, sa.BigInteger(), nullable=False) for name in names)


def _create_case_terms() -> None:
    op.create_table(
        "case_terms",
        sa.Column("case_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *_words("frozen", "plan", "priority"),
        sa.Column("entitlement", sa.BigInteger(), nullable=True),
        *_words("vendor", "contract", "site", "entitled_from", "entitled_until"),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_case_terms"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_terms_case_id"),
        sa.ForeignKeyConstraint(["frozen"], ["frozen_terms.hash"], name="fk_case_terms_frozen"),
    )


def _create_case_clocks() -> None:
    op.create_table(
        "case_clocks",
        sa.Column("case_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *_words("kind"),
        sa.Column("round", sa.Integer(), nullable=False),
        *_words("state"),
        *_times("due_ms", "left_ms", "looked_ms", "look_ms"),
        sa.PrimaryKeyConstraint("case_id", name="pk_case_clocks"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_clocks_case_id"),
    )
    op.create_index("ix_case_clocks_look", "case_clocks", ["look_ms"], sqlite_where=_WATCHED, postgresql_where=_WATCHED)


def _create_duty() -> None:
    op.create_table(
        "duty_teams",
        *_words("name"),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        *_words("body"),
        sa.PrimaryKeyConstraint("name", name="pk_duty_teams"),
    )
    op.create_table(
        "duty_swaps",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        *_words("team"),
        *_times("from_ms", "until_ms"),
        *_words("goes_out", "comes_in", "reason", "made_by"),
        sa.PrimaryKeyConstraint("id", name="pk_duty_swaps"),
        sa.ForeignKeyConstraint(["team"], ["duty_teams.name"], name="fk_duty_swaps_team"),
    )
    op.create_index("ix_duty_swaps_team_until_ms", "duty_swaps", ["team", "until_ms"])
