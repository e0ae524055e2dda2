"""Tables of people, enrolment tokens, web sessions and the audit log."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Model, Ms, Number, Text_, Words


class UserRow(Model):
    __tablename__ = "users"
    name: Mapped[Text_] = mapped_column(primary_key=True)
    role: Mapped[Text_]
    customer: Mapped[str | None] = mapped_column(Words, index=True)
    password_hash: Mapped[Text_]
    language: Mapped[Text_]
    time_zone: Mapped[Text_]


class TokenRow(Model):
    __tablename__ = "enrolment_tokens"
    hash: Mapped[Text_] = mapped_column(primary_key=True)
    customer: Mapped[Text_]
    uses_left: Mapped[int]
    expires_ms: Mapped[Ms]
    replaces: Mapped[bool]
    made_by: Mapped[Text_]
    made_ms: Mapped[Ms]


class WebSessionRow(Model):
    __tablename__ = "web_sessions"
    hash: Mapped[Text_] = mapped_column(primary_key=True)
    user_name: Mapped[Text_]
    expires_ms: Mapped[Ms] = mapped_column(index=True)


class AuditRow(Model):
    __tablename__ = "audit"
    id: Mapped[Number]
    at_ms: Mapped[Ms]
    actor: Mapped[Text_]
    action: Mapped[Text_]
    subject: Mapped[Text_] = mapped_column(index=True)
    facts: Mapped[Text_]
