"""Tables of repairs: proposals, quotes, links, engineers, visits, site access, hand-offs, service reports, follow-ups.

Columns are named like the fields of the values in domain/{repair,visit,link}.py, `case` being `case_id`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Model, Ms, Number, Ref, Text_

OPEN_VISIT = "state IN ('requested', 'accepted', 'on_the_way', 'arrived')"


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class ProposalRow(Model):
    __tablename__ = "proposals"
    __table_args__ = (UniqueConstraint("case_id", "number"),)
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    solution: Mapped[Text_]
    manner: Mapped[Text_]
    self_repair: Mapped[bool]
    expected_ms: Mapped[Ms]
    duration_s: Mapped[Ms]
    steps: Mapped[Text_]
    risks: Mapped[Text_]
    unsafe: Mapped[bool]
    part: Mapped[Text_]
    uncovered: Mapped[Text_]
    by: Mapped[Text_]
    made_ms: Mapped[Ms]
    state: Mapped[Text_]
    decided_ms: Mapped[Ms]
    decided_by: Mapped[Text_]
    channel: Mapped[Text_]
    recorded_by: Mapped[Text_]
    reason: Mapped[Text_]


class QuoteRow(Model):
    __tablename__ = "quotes"
    __table_args__ = (UniqueConstraint("case_id", "revision"),)
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"))
    proposal: Mapped[Ref] = mapped_column(ForeignKey("proposals.id"))
    revision: Mapped[int]
    currency: Mapped[Text_]
    lines: Mapped[Text_]
    """JSON; amounts as text."""
    tax_note: Mapped[Text_]
    valid_until_ms: Mapped[Ms]
    by: Mapped[Text_]
    made_ms: Mapped[Ms]
    state: Mapped[Text_]
    decided_ms: Mapped[Ms]
    decided_by: Mapped[Text_]
    channel: Mapped[Text_]
    recorded_by: Mapped[Text_]
    reason: Mapped[Text_]


class LinkRow(Model):
    __tablename__ = "links"
    id: Mapped[Number]
    hash: Mapped[Text_] = mapped_column(unique=True)
    purpose: Mapped[Text_]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"), index=True)
    subject: Mapped[Ref]
    quote: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("quotes.id"))
    whom: Mapped[Text_]
    language: Mapped[Text_]
    by: Mapped[Text_]
    made_ms: Mapped[Ms]
    expires_ms: Mapped[Ms]
    used: Mapped[Text_]
    used_ms: Mapped[Ms]
    revoked_ms: Mapped[Ms]


class EngineerRow(Model):
    __tablename__ = "engineers"
    name: Mapped[Text_] = mapped_column(primary_key=True)
    title: Mapped[Text_]
    mail: Mapped[Text_]
    phone: Mapped[Text_]
    language: Mapped[Text_]
    languages: Mapped[Text_]
    components: Mapped[Text_]
    vendors: Mapped[Text_]
    home: Mapped[Text_]
    sites: Mapped[Text_]
    hours: Mapped[Text_]
    """JSON."""
    team: Mapped[Text_]
    active: Mapped[bool]


class DispatchRow(Model):
    __tablename__ = "dispatches"
    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        _partial("uq_dispatches_open", "case_id", "engineer", where=OPEN_VISIT, unique=True),
        _partial("ix_dispatches_open", "engineer", "id", where=OPEN_VISIT),
        _partial("ix_dispatches_unanswered", "answer_by_ms", where="state = 'requested'"),
    )
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    engineer: Mapped[Text_] = mapped_column(ForeignKey("engineers.name"))
    state: Mapped[Text_]
    by: Mapped[Text_]
    requested_ms: Mapped[Ms]
    answer_by_ms: Mapped[Ms]
    expected_ms: Mapped[Ms]
    duration_s: Mapped[Ms]
    automatic: Mapped[bool]
    accepted_ms: Mapped[Ms]
    departed_ms: Mapped[Ms]
    arrived_ms: Mapped[Ms]
    ended_ms: Mapped[Ms]
    reason: Mapped[Text_]
    result: Mapped[Text_]


class SiteAccessRow(Model):
    __tablename__ = "site_access"
    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        _partial("ix_site_access_opening", "from_ms", where="paused AND state = 'approved'"),
    )
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    dispatch: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("dispatches.id"))
    names: Mapped[Text_]
    from_ms: Mapped[Ms]
    until_ms: Mapped[Ms]
    state: Mapped[Text_]
    by: Mapped[Text_]
    applied_ms: Mapped[Ms]
    decided_ms: Mapped[Ms]
    decided_by: Mapped[Text_]
    reference: Mapped[Text_]
    reason: Mapped[Text_]
    paused: Mapped[bool]


class HandOffRow(Model):
    __tablename__ = "hand_offs"
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"), index=True)
    vendor: Mapped[Text_]
    vendor_case: Mapped[Text_]
    rma: Mapped[Text_]
    contract: Mapped[Text_]
    promised_ms: Mapped[Ms]
    by: Mapped[Text_]
    handed_ms: Mapped[Ms]
    updated_ms: Mapped[Ms]
    done_ms: Mapped[Ms]
    result: Mapped[Text_]


class ServiceReportRow(Model):
    __tablename__ = "service_reports"
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"), index=True)
    number: Mapped[Text_] = mapped_column(unique=True)
    dispatch: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("dispatches.id"))
    found: Mapped[Text_]
    done: Mapped[Text_]
    result: Mapped[Text_]
    engineer: Mapped[Text_]
    parts: Mapped[Text_]
    """JSON."""
    facts: Mapped[Text_]
    """JSON: a frozen copy."""
    by: Mapped[Text_]
    made_ms: Mapped[Ms]
    signed_ms: Mapped[Ms]
    signed_by: Mapped[Text_]
    channel: Mapped[Text_]
    sent_ms: Mapped[Ms]
    files: Mapped[Text_]


class FollowUpRow(Model):
    __tablename__ = "follow_ups"
    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        _partial("ix_follow_ups_due", "due_ms", where="state = 'due'"),
        _partial("ix_follow_ups_answered", "answered_ms", where="state = 'answered'"),
    )
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    state: Mapped[Text_]
    due_ms: Mapped[Ms]
    asked_ms: Mapped[Ms]
    asked: Mapped[Text_]
    answered_ms: Mapped[Ms]
    score: Mapped[int]
    comment: Mapped[Text_]
    channel: Mapped[Text_]
    recorded_by: Mapped[Text_]
    engineer: Mapped[Text_]
    plan: Mapped[Text_]
