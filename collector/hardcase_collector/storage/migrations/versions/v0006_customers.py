"""Customers, sites, contacts, custody of assets, entitlements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# SQLite makes a row id only of a column declared exactly INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_customers()
    _create_sites()
    _create_contacts()
    _create_custody()
    _create_entitlements()


def downgrade() -> None:
    for table in ("entitlements", "custody_tags", "custody_feeds", "custody", "contacts", "sites", "customers"):
        op.drop_table(table)


def _words(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), nullable=False) for name in names)


def _create_customers() -> None:
    op.create_table(
        "customers", *_words("name", "title", "language"), sa.PrimaryKeyConstraint("name", name="pk_customers")
    )


def _create_sites() -> None:
    op.create_table(
        "sites",
        *_words("customer", "name", "title", "time_zone", "country", "subdivision", "calendar", "address", "depot"),
        sa.PrimaryKeyConstraint("customer", "name", name="pk_sites"),
        sa.ForeignKeyConstraint(["customer"], ["customers.name"], name="fk_sites_customer"),
    )


def _create_contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        *_words("customer", "scope", "subject", "name", "mail", "phone", "language"),
        sa.Column("may_consent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("customer", "scope", "subject", "name", name="uq_contacts_customer_scope_subject_name"),
        sa.ForeignKeyConstraint(["customer"], ["customers.name"], name="fk_contacts_customer"),
    )


def _create_custody() -> None:
    op.create_table(
        "custody",
        sa.Column("asset", sa.BigInteger(), autoincrement=False, nullable=False),
        *_words("site", "rack"),
        sa.Column("unit", sa.Integer(), nullable=False),
        *_words("asset_group", "importance", "installed"),
        sa.PrimaryKeyConstraint("asset", name="pk_custody"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_custody_asset"),
    )
    op.create_index("ix_custody_site_rack", "custody", ["site", "rack"])
    op.create_index("ix_custody_asset_group", "custody", ["asset_group"])
    for table, word in (("custody_feeds", "feed"), ("custody_tags", "tag")):
        op.create_table(
            table,
            sa.Column("asset", sa.BigInteger(), autoincrement=False, nullable=False),
            *_words(word),
            sa.PrimaryKeyConstraint("asset", word, name=f"pk_{table}"),
            sa.ForeignKeyConstraint(["asset"], ["custody.asset"], name=f"fk_{table}_asset"),
        )
        op.create_index(f"ix_{table}_{word}", table, [word])


def _create_entitlements() -> None:
    op.create_table(
        "entitlements",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        *_words("part", "plan", "vendor", "starts", "ends", "price", "currency", "contract"),
        sa.PrimaryKeyConstraint("id", name="pk_entitlements"),
        sa.UniqueConstraint("asset", "part", "plan", "starts", name="uq_entitlements_asset_part_plan_starts"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_entitlements_asset"),
    )
    op.create_index("ix_entitlements_ends", "entitlements", ["ends"])
