"""Tables of people's reports and of what was attached to cases; the files themselves lie by their hash outside."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Model, Ms, Number, Ref, Text_

_KEYED = text("idempotency_key <> ''")


class ReportRow(Model):
    """What a person or a machine told us; the first of a case opened it, others joined it."""

    __tablename__ = "reports"
    __table_args__ = (
        Index(
            "uq_reports_key",
            "customer",
            "idempotency_key",
            unique=True,
            sqlite_where=_KEYED,
            postgresql_where=_KEYED,
        ),
    )
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"), index=True)
    customer: Mapped[Text_]
    idempotency_key: Mapped[Text_]
    digest: Mapped[Text_]
    """Of what was told, so that one key cannot stand for two things."""
    category: Mapped[Text_]
    description: Mapped[Text_]
    channel: Mapped[Text_]
    contact_name: Mapped[Text_]
    contact_mail: Mapped[Text_]
    contact_phone: Mapped[Text_]
    asset_told: Mapped[Text_]
    site: Mapped[Text_]
    occurred_ms: Mapped[Ms]
    reported_ms: Mapped[Ms]
    reported_by: Mapped[Text_]
    joined: Mapped[bool]


class AttachmentRow(Model):
    __tablename__ = "attachments"
    __table_args__ = (UniqueConstraint("case_id", "sha256"),)
    id: Mapped[Number]
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"))
    sha256: Mapped[Text_] = mapped_column(index=True)
    name: Mapped[Text_]
    media: Mapped[Text_]
    size: Mapped[Ref]
    attached_by: Mapped[Text_]
    at_ms: Mapped[Ms] = mapped_column(index=True)
    internal: Mapped[bool]
    kind: Mapped[Text_] = mapped_column(server_default="file")
