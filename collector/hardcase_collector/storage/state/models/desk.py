"""Tables of the desk: findings and why, cases and timeline, outbox."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Bytes, Model, Ms, Number, Ref, Text_

_OPEN_PART = text("state NOT IN ('closed', 'cancelled') AND NOT loose")
_ENDED = text("closed_ms > 0")
_OPEN = text("state NOT IN ('closed', 'cancelled')")


class FindingTableRow(Model):
    __tablename__ = "findings"
    __table_args__ = (
        UniqueConstraint("asset", "feed", "rule", "part_key", "sensor"),
        Index("ix_findings_case_id_firing", "case_id", "firing"),
        Index("ix_findings_asset_firing", "asset", "firing"),
        Index(
            "ix_findings_held",
            "held",
            "held_until_ms",
            sqlite_where=text("held <> ''"),
            postgresql_where=text("held <> ''"),
        ),
    )
    id: Mapped[Number]
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"))
    feed: Mapped[Ref]
    rule: Mapped[Text_]
    part_key: Mapped[Text_]
    sensor: Mapped[Text_]
    firing: Mapped[bool]
    severity: Mapped[int]
    fault_class: Mapped[Text_]
    repair_group: Mapped[Text_]
    part: Mapped[Text_]
    since_ms: Mapped[Ms]
    changed_ms: Mapped[Ms]
    case_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("cases.id"))
    held: Mapped[Text_]
    held_until_ms: Mapped[Ms]
    evidence: Mapped[Text_]
    rehearsal: Mapped[bool]
    self_clearing: Mapped[bool]
    soak_s: Mapped[Ref]
    opens: Mapped[bool] = mapped_column(server_default=true())
    device_asserted: Mapped[bool] = mapped_column(server_default=false())


class FindingChangeRow(Model):
    """Every transition once: tells a repeated transition from a new one, and counts how often a finding flaps."""

    __tablename__ = "finding_changes"
    finding: Mapped[Ref] = mapped_column(ForeignKey("findings.id"), primary_key=True)
    time_ms: Mapped[Ms] = mapped_column(primary_key=True, index=True)
    change: Mapped[Text_] = mapped_column(primary_key=True)
    severity: Mapped[int] = mapped_column(primary_key=True)


class WhyRow(Model):
    __tablename__ = "whys"
    __table_args__ = (
        Index("ix_whys_asset_id", "asset", "id"),
        Index("ix_whys_case_id_id", "case_id", "id"),
        Index("ix_whys_rule_id", "rule", "id"),
        Index("ix_whys_reason_id", "reason", "id"),
        Index("ix_whys_time_ms", "time_ms"),
    )
    id: Mapped[Number]
    asset: Mapped[Ref]
    rule: Mapped[Text_]
    part_key: Mapped[Text_]
    sensor: Mapped[Text_]
    time_ms: Mapped[Ms]
    decided_ms: Mapped[Ms]
    opened: Mapped[bool]
    case_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("cases.id"))
    reason: Mapped[Text_]
    facts: Mapped[Text_]


class CaseDayRow(Model):
    """The last case number given on a UTC day."""

    __tablename__ = "case_days"
    day: Mapped[Text_] = mapped_column(primary_key=True)
    last: Mapped[Ref]


class CaseRow(Model):
    __tablename__ = "cases"
    __table_args__ = (
        Index(
            "uq_cases_open",
            "asset",
            "part_key",
            "repair_group",
            unique=True,
            sqlite_where=_OPEN_PART,
            postgresql_where=_OPEN_PART,
        ),
        Index("ix_cases_closed", "closed_ms", sqlite_where=_ENDED, postgresql_where=_ENDED),
        Index("ix_cases_part", "asset", "part_key", "repair_group", "closed_ms"),
        Index("ix_cases_slot", "asset", "slot_key", "repair_group", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_cases_open_id", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(
            "ix_cases_waiting",
            "state",
            sqlite_where=text("state = 'verifying'"),
            postgresql_where=text("state = 'verifying'"),
        ),
        Index(
            "ix_cases_unstable",
            "clear_since_ms",
            sqlite_where=text("unstable AND state NOT IN ('closed', 'cancelled')"),
            postgresql_where=text("unstable AND state NOT IN ('closed', 'cancelled')"),
        ),
        Index(
            "ix_cases_parent",
            "parent",
            sqlite_where=text("parent IS NOT NULL"),
            postgresql_where=text("parent IS NOT NULL"),
        ),
        Index(
            "ix_cases_rehearsed",
            "opened_ms",
            sqlite_where=text("rehearsal AND state NOT IN ('closed', 'cancelled')"),
            postgresql_where=text("rehearsal AND state NOT IN ('closed', 'cancelled')"),
        ),
    )
    id: Mapped[Number]
    number: Mapped[Text_] = mapped_column(unique=True)
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"))
    part: Mapped[Text_]
    part_key: Mapped[Text_]
    slot_key: Mapped[Text_]
    """ "psu@PSU2", also where the part is known by serial: a slot's identity is an alias of its part's."""
    repair_group: Mapped[Text_]
    state: Mapped[Text_]
    severity: Mapped[int]
    fault_classes: Mapped[Text_]
    since_ms: Mapped[Ms]
    opened_ms: Mapped[Ms]
    version: Mapped[Ref]
    acknowledged_ms: Mapped[Ms]
    acknowledged_by: Mapped[Text_]
    closed_ms: Mapped[Ms]
    clear_since_ms: Mapped[Ms]
    self_clearing: Mapped[bool]
    soak_s: Mapped[Ref]
    reopened: Mapped[int]
    unstable: Mapped[bool]
    rehearsal: Mapped[bool]
    linked: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("cases.id"))
    origin: Mapped[Text_] = mapped_column(server_default="telemetry")
    title: Mapped[Text_] = mapped_column(server_default="")
    priority: Mapped[Text_] = mapped_column(server_default="P3")
    service: Mapped[Text_] = mapped_column(server_default="redundancy_holds")
    assignee: Mapped[Text_] = mapped_column(server_default="")
    team: Mapped[Text_] = mapped_column(server_default="")
    waiting: Mapped[Text_] = mapped_column(server_default="")
    parent: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[Text_] = mapped_column(server_default="")
    loose: Mapped[bool] = mapped_column(server_default=text("false"))


class TimelineRow(Model):
    __tablename__ = "timeline"
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    version: Mapped[Ref] = mapped_column(primary_key=True)
    code: Mapped[Text_]
    at_ms: Mapped[Ms]
    actor: Mapped[Text_]
    parameters: Mapped[Text_]


class OutboxTableRow(Model):
    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("channel", "event_id"),
        Index(
            "ix_outbox_due",
            "next_try_ms",
            "id",
            sqlite_where=text("state = 'owed'"),
            postgresql_where=text("state = 'owed'"),
        ),
        Index(
            "ix_outbox_order",
            "case_id",
            "channel",
            "id",
            sqlite_where=text("state = 'owed'"),
            postgresql_where=text("state = 'owed'"),
        ),
        Index("ix_outbox_state_id", "state", "id"),
        Index("ix_outbox_case_id_id", "case_id", "id"),
    )
    id: Mapped[Number]
    channel: Mapped[Text_]
    case_id: Mapped[Ref | None] = mapped_column(ForeignKey("cases.id"))
    """None: what is told is of no case, but of `subject`."""
    subject: Mapped[Text_] = mapped_column(server_default="")
    customer: Mapped[Text_] = mapped_column(server_default="")
    """Whose it is, where no case says so."""
    version: Mapped[Ref]
    event_id: Mapped[Text_]
    body: Mapped[Bytes]
    created_ms: Mapped[Ms]
    attempts: Mapped[int]
    next_try_ms: Mapped[Ms]
    state: Mapped[Text_]
    last_error: Mapped[Text_]
    critical: Mapped[bool]
    owner: Mapped[Text_]
    lease_until_ms: Mapped[Ms]
    done_ms: Mapped[Ms]
    """When it was delivered or given up; 0 while owed."""
