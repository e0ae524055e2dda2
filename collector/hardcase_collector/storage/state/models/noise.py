"""Tables of windows over many assets, and of storms."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Bytes, Model, Ms, Text_


class PlannedWindowRow(Model):
    __tablename__ = "planned_windows"
    __table_args__ = (
        Index("ix_planned_windows_scope_last_ms", "scope", "last_ms"),
        Index("ix_planned_windows_customer_last_ms", "customer", "last_ms"),
        Index("ix_planned_windows_last_ms", "last_ms"),
    )
    id: Mapped[Bytes] = mapped_column(primary_key=True)
    breadth: Mapped[Text_]
    scope: Mapped[Text_]
    customer: Mapped[Text_]
    subject: Mapped[Text_]
    from_ms: Mapped[Ms]
    until_ms: Mapped[Ms]
    weekly: Mapped[bool]
    time_zone: Mapped[Text_]
    last_ms: Mapped[Ms]
    moved: Mapped[Text_]
    reason: Mapped[Text_]
    opened_by: Mapped[Text_]
    opened_ms: Mapped[Ms]


class StormTableRow(Model):
    """One kind of storm in one scope: what counts towards it, and its case while it lasts."""

    __tablename__ = "storms"
    __table_args__ = (
        Index("ix_storms_due_ms", "due_ms"),
        Index("ix_storms_parent", "parent"),
    )
    kind: Mapped[Text_] = mapped_column(primary_key=True)
    scope: Mapped[Text_] = mapped_column(primary_key=True)
    parent: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("cases.id"))
    last_ms: Mapped[Ms]
    due_ms: Mapped[Ms]
    seen: Mapped[Text_]
