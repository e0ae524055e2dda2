"""Tables of requests for diagnostics, of what agents allow, and of files that came; the bytes lie by hash outside."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Bytes, Model, Ms, Number, Ref, Text_

_OWED = text("owed")
_OPEN = text("ended_ms = 0")


class DiagnosticAllowedRow(Model):
    """What an agent's own configuration allows."""

    __tablename__ = "diagnostics_allowed"
    agent: Mapped[Ref] = mapped_column(ForeignKey("agents.number"), primary_key=True)
    kinds: Mapped[Text_]
    told_ms: Mapped[Ms]


class DiagnosticRow(Model):
    __tablename__ = "diagnostics"
    __table_args__ = (
        Index("ix_diagnostics_asset_asked_ms", "asset", "asked_ms"),
        Index("ix_diagnostics_asked_ms", "asked_ms"),
        # Small however many requests there were: a new stream asks for nothing else.
        Index("ix_diagnostics_owed", "agent", "asked_ms", sqlite_where=_OWED, postgresql_where=_OWED),
        Index("ix_diagnostics_open", "expires_ms", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )
    id: Mapped[Bytes] = mapped_column(primary_key=True)
    agent: Mapped[Ref] = mapped_column(ForeignKey("agents.number"))
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"))
    kind: Mapped[Text_]
    arguments: Mapped[Text_]
    target: Mapped[Text_]
    serial: Mapped[Text_]
    asked_by: Mapped[Text_]
    role: Mapped[Text_]
    reason: Mapped[Text_]
    case_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("cases.id"), index=True)
    asked_ms: Mapped[Ms]
    expires_ms: Mapped[Ms]
    state: Mapped[Text_]
    detail: Mapped[Text_]
    changed_ms: Mapped[Ms]
    ended_ms: Mapped[Ms]
    """0 = open."""
    sent_ms: Mapped[Ms]
    owed: Mapped[bool]
    consented_by: Mapped[Text_]
    consented_ms: Mapped[Ms]
    answer: Mapped[Bytes]


class DiagnosticFileRow(Model):
    __tablename__ = "diagnostic_files"
    __table_args__ = (UniqueConstraint("request", "name", "sha256"),)
    id: Mapped[Number]
    request: Mapped[Bytes] = mapped_column(ForeignKey("diagnostics.id"))
    name: Mapped[Text_]
    size: Mapped[Ref]
    sha256: Mapped[Text_] = mapped_column(index=True)
    at_ms: Mapped[Ms]
