"""The first schema of the state store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite makes a row id only of a column declared exactly INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_agents()
    _create_assets()
    _create_audit()
    _create_baselines()
    _create_case_days()
    _create_enrolment_tokens()
    _create_events()
    _create_feed_rows()
    _create_losses()
    _create_marks()
    _create_quarantine()
    _create_quarantine_counts()
    _create_source_statuses()
    _create_users()
    _create_web_sessions()
    _create_bindings()
    _create_cases()
    _create_coverage()
    _create_feeds()
    _create_inventory()
    _create_windows()
    _create_catalogues()
    _create_findings()
    _create_outbox()
    _create_sensors()
    _create_timeline()
    _create_whys()
    _create_finding_changes()


def downgrade() -> None:
    op.drop_table("finding_changes")
    op.drop_table("whys")
    op.drop_table("timeline")
    op.drop_table("sensors")
    op.drop_table("outbox")
    op.drop_table("findings")
    op.drop_table("catalogues")
    op.drop_table("windows")
    op.drop_table("inventory")
    op.drop_table("feeds")
    op.drop_table("coverage")
    op.drop_table("cases")
    op.drop_table("bindings")
    op.drop_table("web_sessions")
    op.drop_table("users")
    op.drop_table("source_statuses")
    op.drop_table("quarantine_counts")
    op.drop_table("quarantine")
    op.drop_table("marks")
    op.drop_table("losses")
    op.drop_table("feed_rows")
    op.drop_table("events")
    op.drop_table("enrolment_tokens")
    op.drop_table("case_days")
    op.drop_table("baselines")
    op.drop_table("audit")
    op.drop_table("assets")
    op.drop_table("agents")


def _create_agents() -> None:
    op.create_table(
        "agents",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("dmi_uuid", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("enrolled_ms", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("stopped_cleanly", sa.Boolean(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_agents"),
        sa.UniqueConstraint("id", name="uq_agents_id"),
    )
    op.create_index("ix_agents_customer", "agents", ["customer"], unique=False)
    op.create_index("ix_agents_dmi_uuid", "agents", ["dmi_uuid"], unique=False)
    op.create_index("ix_agents_machine_id", "agents", ["machine_id"], unique=False)


def _create_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("joined_ms", sa.BigInteger(), nullable=False),
        sa.Column("live_from_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_assets"),
        sa.UniqueConstraint("key", name="uq_assets_key"),
    )
    op.create_index("ix_assets_customer", "assets", ["customer"], unique=False)
    op.create_index("ix_assets_mode_live_from_ms", "assets", ["mode", "live_from_ms"], unique=False)


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)


def _create_baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("feed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "sensor", "rule", name="pk_baselines"),
    )


def _create_case_days() -> None:
    op.create_table(
        "case_days",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_case_days"),
    )


def _create_enrolment_tokens() -> None:
    op.create_table(
        "enrolment_tokens",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("replaces", sa.Boolean(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_enrolment_tokens"),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("erase_stamp", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("raw_hash", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("device_ms", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("asserted", sa.Boolean(), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("flag", sa.Integer(), nullable=False),
        sa.Column("backlog", sa.Boolean(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint(
            "asset",
            "log",
            "erase_stamp",
            "record_id",
            "raw_hash",
            name="uq_events_asset_log_erase_stamp_record_id_raw_hash",
        ),
    )
    op.create_index("ix_events_asset_id", "events", ["asset", "id"], unique=False)


def _create_feed_rows() -> None:
    op.create_table(
        "feed_rows",
        sa.Column("feed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("catalogue", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="pk_feed_rows"),
    )


def _create_losses() -> None:
    op.create_table(
        "losses",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("lost_epoch", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("flag", sa.Integer(), nullable=False),
        sa.Column("backlog", sa.Boolean(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_losses"),
    )
    op.create_index("ix_losses_agent_id", "losses", ["agent", "id"], unique=False)


def _create_marks() -> None:
    op.create_table(
        "marks",
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("last_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "epoch", name="pk_marks"),
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_index("ix_quarantine_agent_id", "quarantine", ["agent", "id"], unique=False)


def _create_quarantine_counts() -> None:
    op.create_table(
        "quarantine_counts",
        sa.Column("agent", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", name="pk_quarantine_counts"),
    )


def _create_source_statuses() -> None:
    op.create_table(
        "source_statuses",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("period_ms", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("flag", sa.Integer(), nullable=False),
        sa.Column("backlog", sa.Boolean(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source_statuses"),
        sa.UniqueConstraint("asset", "source", "agent", name="uq_source_statuses_asset_source_agent"),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_index("ix_users_customer", "users", ["customer"], unique=False)


def _create_web_sessions() -> None:
    op.create_table(
        "web_sessions",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_web_sessions"),
    )
    op.create_index("ix_web_sessions_expires_ms", "web_sessions", ["expires_ms"], unique=False)


def _create_bindings() -> None:
    op.create_table(
        "bindings",
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "agent", name="pk_bindings"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_bindings_asset"),
        sa.ForeignKeyConstraint(["agent"], ["agents.number"], name="fk_bindings_agent"),
    )
    op.create_index("ix_bindings_agent", "bindings", ["agent"], unique=False)


def _create_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("part_key", sa.Text(), nullable=False),
        sa.Column("slot_key", sa.Text(), nullable=False),
        sa.Column("repair_group", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("fault_classes", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_ms", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=False),
        sa.Column("clear_since_ms", sa.BigInteger(), nullable=False),
        sa.Column("self_clearing", sa.Boolean(), nullable=False),
        sa.Column("soak_s", sa.BigInteger(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("unstable", sa.Boolean(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("linked", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("number", name="uq_cases_number"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_cases_asset"),
        sa.ForeignKeyConstraint(["linked"], ["cases.id"], name="fk_cases_linked"),
    )
    op.create_index(
        "ix_cases_open_id",
        "cases",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state NOT IN ('closed', 'cancelled')"),
        postgresql_where=sa.text("state NOT IN ('closed', 'cancelled')"),
    )
    op.create_index("ix_cases_part", "cases", ["asset", "part_key", "repair_group", "closed_ms"], unique=False)
    op.create_index(
        "ix_cases_rehearsed",
        "cases",
        ["opened_ms"],
        unique=False,
        sqlite_where=sa.text("rehearsal AND state NOT IN ('closed', 'cancelled')"),
        postgresql_where=sa.text("rehearsal AND state NOT IN ('closed', 'cancelled')"),
    )
    op.create_index(
        "ix_cases_slot",
        "cases",
        ["asset", "slot_key", "repair_group"],
        unique=False,
        sqlite_where=sa.text("state NOT IN ('closed', 'cancelled')"),
        postgresql_where=sa.text("state NOT IN ('closed', 'cancelled')"),
    )
    op.create_index(
        "ix_cases_unstable",
        "cases",
        ["clear_since_ms"],
        unique=False,
        sqlite_where=sa.text("unstable AND state NOT IN ('closed', 'cancelled')"),
        postgresql_where=sa.text("unstable AND state NOT IN ('closed', 'cancelled')"),
    )
    op.create_index(
        "ix_cases_waiting",
        "cases",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state = 'verifying'"),
        postgresql_where=sa.text("state = 'verifying'"),
    )
    op.create_index(
        "uq_cases_open",
        "cases",
        ["asset", "part_key", "repair_group"],
        unique=True,
        sqlite_where=sa.text("state NOT IN ('closed', 'cancelled')"),
        postgresql_where=sa.text("state NOT IN ('closed', 'cancelled')"),
    )


def _create_coverage() -> None:
    op.create_table(
        "coverage",
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cure", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "source", "agent", "component", name="pk_coverage"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_coverage_asset"),
    )


def _create_feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_feeds"),
        sa.UniqueConstraint("agent", "asset", "source", name="uq_feeds_agent_asset_source"),
        sa.ForeignKeyConstraint(["agent"], ["agents.number"], name="fk_feeds_agent"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_feeds_asset"),
    )
    op.create_index("ix_feeds_asset", "feeds", ["asset"], unique=False)


def _create_inventory() -> None:
    op.create_table(
        "inventory",
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("part_key", sa.Text(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "source", "part_key", name="pk_inventory"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_inventory_asset"),
    )


def _create_windows() -> None:
    op.create_table(
        "windows",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", "asset", name="pk_windows"),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_windows_asset"),
    )
    op.create_index("ix_windows_asset_until_ms", "windows", ["asset", "until_ms"], unique=False)
    op.create_index("ix_windows_settled_until_ms", "windows", ["settled", "until_ms"], unique=False)


def _create_catalogues() -> None:
    op.create_table(
        "catalogues",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("feed", sa.BigInteger(), nullable=False),
        sa.Column("period_ms", sa.BigInteger(), nullable=False),
        sa.Column("value_width", sa.Integer(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("sensors", sa.Text(), nullable=False),
        sa.Column("sensor_numbers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_catalogues"),
        sa.UniqueConstraint("agent", "id", name="uq_catalogues_agent_id"),
        sa.ForeignKeyConstraint(["agent"], ["agents.number"], name="fk_catalogues_agent"),
        sa.ForeignKeyConstraint(["feed"], ["feeds.number"], name="fk_catalogues_feed"),
    )


def _create_findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("part_key", sa.Text(), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("firing", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("fault_class", sa.Text(), nullable=False),
        sa.Column("repair_group", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("held_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("self_clearing", sa.Boolean(), nullable=False),
        sa.Column("soak_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        sa.UniqueConstraint(
            "asset", "feed", "rule", "part_key", "sensor", name="uq_findings_asset_feed_rule_part_key_sensor"
        ),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name="fk_findings_asset"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_findings_case_id"),
    )
    op.create_index("ix_findings_asset_firing", "findings", ["asset", "firing"], unique=False)
    op.create_index("ix_findings_case_id_firing", "findings", ["case_id", "firing"], unique=False)
    op.create_index(
        "ix_findings_held",
        "findings",
        ["held", "held_until_ms"],
        unique=False,
        sqlite_where=sa.text("held <> ''"),
        postgresql_where=sa.text("held <> ''"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("channel", "event_id", name="uq_outbox_channel_event_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_outbox_case_id"),
    )
    op.create_index("ix_outbox_case_id_id", "outbox", ["case_id", "id"], unique=False)
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_try_ms", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'owed'"),
        postgresql_where=sa.text("state = 'owed'"),
    )
    op.create_index(
        "ix_outbox_order",
        "outbox",
        ["case_id", "channel", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'owed'"),
        postgresql_where=sa.text("state = 'owed'"),
    )
    op.create_index("ix_outbox_state_id", "outbox", ["state", "id"], unique=False)


def _create_sensors() -> None:
    op.create_table(
        "sensors",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("feed", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sensors"),
        sa.UniqueConstraint("feed", "id", name="uq_sensors_feed_id"),
        sa.ForeignKeyConstraint(["feed"], ["feeds.number"], name="fk_sensors_feed"),
    )


def _create_timeline() -> None:
    op.create_table(
        "timeline",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "version", name="pk_timeline"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_timeline_case_id"),
    )


def _create_whys() -> None:
    op.create_table(
        "whys",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("asset", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("part_key", sa.Text(), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_whys"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_whys_case_id"),
    )
    op.create_index("ix_whys_asset_id", "whys", ["asset", "id"], unique=False)
    op.create_index("ix_whys_case_id_id", "whys", ["case_id", "id"], unique=False)


def _create_finding_changes() -> None:
    op.create_table(
        "finding_changes",
        sa.Column("finding", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("finding", "time_ms", "change", "severity", name="pk_finding_changes"),
        sa.ForeignKeyConstraint(["finding"], ["findings.id"], name="fk_finding_changes_finding"),
    )
    op.create_index("ix_finding_changes_time_ms", "finding_changes", ["time_ms"], unique=False)
