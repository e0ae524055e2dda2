"""The table of files taken in by import."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Bytes, Model, Ms, Number, Ref, Text_, Wide


class ImportRow(Model):
    """A file is taken once: its number in its epoch cannot be taken again."""

    __tablename__ = "imports"
    __table_args__ = (UniqueConstraint("agent", "epoch", "file"), Index("ix_imports_agent_number", "agent", "number"))
    number: Mapped[Number]
    agent: Mapped[Ref] = mapped_column(ForeignKey("agents.number"))
    epoch: Mapped[Bytes]
    file: Mapped[Wide]
    sha256: Mapped[Bytes]
    first: Mapped[Wide]
    through: Mapped[Wide]
    records: Mapped[Ref]
    duplicates: Mapped[Ref]
    lost: Mapped[Wide]
    rejected: Mapped[Ref]
    rejections: Mapped[Text_]
    made_ms: Mapped[Wide]
    at_ms: Mapped[Ms]
    imported_by: Mapped[Text_]
