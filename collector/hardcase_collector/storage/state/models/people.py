"""Tables of people, their web sessions, API tokens and what requests with an idempotency key were answered."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
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
    locked: Mapped[bool]
    must_change: Mapped[bool]


class WebSessionRow(Model):
    __tablename__ = "web_sessions"
    hash: Mapped[Text_] = mapped_column(primary_key=True)
    user_name: Mapped[Text_]
    expires_ms: Mapped[Ms] = mapped_column(index=True)
    address: Mapped[Text_]
    made_ms: Mapped[Ms]
    seen_ms: Mapped[Ms]


class ApiTokenRow(Model):
    __tablename__ = "api_tokens"
    id: Mapped[Number]
    hash: Mapped[Text_] = mapped_column(unique=True)
    user_name: Mapped[str | None] = mapped_column(Words, index=True)
    automation: Mapped[Text_]
    customer: Mapped[str | None] = mapped_column(Words, index=True)
    scopes: Mapped[Text_]
    networks: Mapped[Text_]
    made_by: Mapped[Text_]
    made_ms: Mapped[Ms]
    expires_ms: Mapped[Ms]
    used_ms: Mapped[Ms]
    revoked_ms: Mapped[Ms]


class KeptAnswerRow(Model):
    __tablename__ = "kept_answers"
    token: Mapped[int] = mapped_column(BigInteger, ForeignKey("api_tokens.id"), primary_key=True)
    key: Mapped[Text_] = mapped_column(primary_key=True)
    fingerprint: Mapped[Text_]
    status: Mapped[int]
    body: Mapped[Text_]
    at_ms: Mapped[Ms] = mapped_column(index=True)
