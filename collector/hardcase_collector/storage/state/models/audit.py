"""Tables of the audit log: entries, what proves each of them, and why any were changed.

Triggers of migration 0013 refuse every change of the first two while no opening is open; see `audit_store.py`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Model, Ms, Number, Text_


class AuditRow(Model):
    __tablename__ = "audit"
    id: Mapped[Number]
    at_ms: Mapped[Ms]
    actor: Mapped[Text_]
    action: Mapped[Text_]
    subject: Mapped[Text_] = mapped_column(index=True)
    facts: Mapped[Text_]


class AuditSealRow(Model):
    __tablename__ = "audit_seals"
    entry: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    salt: Mapped[Text_]
    seal: Mapped[Text_]
    digest: Mapped[Text_]
    because: Mapped[Text_]


class AuditOpeningRow(Model):
    __tablename__ = "audit_openings"
    because: Mapped[Text_] = mapped_column(primary_key=True)
    is_open: Mapped[bool]
    entries: Mapped[int] = mapped_column(BigInteger)
