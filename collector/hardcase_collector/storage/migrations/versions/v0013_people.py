"""People who are locked or must change their password, sessions with their times, API tokens, kept answers; and an
audit log whose entries are sealed and refuse to be changed.
"""

from __future__ import annotations

import hashlib
import json
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_GUARDED = ("audit", "audit_seals")
_REFUSAL = "entries of the audit log are not changed"
_FUNCTION = f"""
CREATE FUNCTION audit_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit_openings WHERE is_open) THEN
    RAISE EXCEPTION '{_REFUSAL}';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$
"""


def upgrade() -> None:
    # Sessions have no times yet: everybody signs in again.
    op.execute(sa.text("DELETE FROM web_sessions"))
    for table, column, kind, default in _COLUMNS:
        op.add_column(table, sa.Column(column, kind, nullable=False, server_default=default))
    _tokens()
    op.create_table(
        "audit_seals",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_audit_seals"),
    )
    op.create_table(
        "audit_openings",
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("because", name="pk_audit_openings"),
    )
    _seal_what_is_there()
    _guard()


_COLUMNS = (
    ("users", "locked", sa.Boolean(), sa.false()),
    ("users", "must_change", sa.Boolean(), sa.false()),
    ("web_sessions", "address", sa.Text(), ""),
    ("web_sessions", "made_ms", sa.BigInteger(), "0"),
    ("web_sessions", "seen_ms", sa.BigInteger(), "0"),
)


def _tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("automation", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("networks", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.UniqueConstraint("hash", name="uq_api_tokens_hash"),
    )
    op.create_index("ix_api_tokens_user_name", "api_tokens", ["user_name"])
    op.create_index("ix_api_tokens_customer", "api_tokens", ["customer"])
    op.create_table(
        "kept_answers",
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", "key", name="pk_kept_answers"),
        sa.ForeignKeyConstraint(["token"], ["api_tokens.id"], name="fk_kept_answers_token"),
    )
    op.create_index("ix_kept_answers_at_ms", "kept_answers", ["at_ms"])


def _seal_what_is_there() -> None:
    """As they are now: what happened to them before nobody can say."""
    connection = op.get_bind()
    digest = ""
    for row in connection.execute(sa.text("SELECT * FROM audit ORDER BY id")).mappings().all():
        salt = secrets.token_hex(16)
        told = [salt, row["at_ms"], row["actor"], row["action"], row["subject"], row["facts"]]
        seal = hashlib.sha256(json.dumps(told, separators=(",", ":")).encode("ascii")).hexdigest()
        digest = hashlib.sha256(f"{digest}{seal}".encode("ascii")).hexdigest()
        sealed = sa.text("INSERT INTO audit_seals VALUES (:entry, :salt, :seal, :digest, '')")
        connection.execute(sealed, {"entry": row["id"], "salt": salt, "seal": seal, "digest": digest})


def _guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(_FUNCTION))
        for table in _GUARDED:
            op.execute(
                sa.text(
                    f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION audit_is_open()"
                )
            )
            op.execute(
                sa.text(
                    f"CREATE TRIGGER {table}_stays_whole BEFORE TRUNCATE ON {table} "
                    "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_open()"
                )
            )
        return
    for table in _GUARDED:
        for turn in ("update", "delete"):
            op.execute(
                sa.text(
                    f"CREATE TRIGGER {table}_stays_at_{turn} BEFORE {turn} ON {table} "
                    "WHEN NOT EXISTS (SELECT 1 FROM audit_openings WHERE is_open) "
                    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
                )
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in _GUARDED:
            op.execute(sa.text(f"DROP TRIGGER {table}_stays ON {table}"))
            op.execute(sa.text(f"DROP TRIGGER {table}_stays_whole ON {table}"))
        op.execute(sa.text("DROP FUNCTION audit_is_open()"))
    else:
        for table in _GUARDED:
            for turn in ("update", "delete"):
                op.execute(sa.text(f"DROP TRIGGER {table}_stays_at_{turn}"))
    for table in ("audit_openings", "audit_seals", "kept_answers", "api_tokens"):
        op.drop_table(table)
    for table, column, _, _ in reversed(_COLUMNS):
        op.drop_column(table, column)
