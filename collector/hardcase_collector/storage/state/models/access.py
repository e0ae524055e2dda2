"""Tables of joining: enrolment tokens, hosts that wait, certificates by key. People are in `people.py`."""

from __future__ import annotations

from sqlalchemy import false
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Model, Ms, Text_


class TokenRow(Model):
    __tablename__ = "enrolment_tokens"
    hash: Mapped[Text_] = mapped_column(primary_key=True)
    customer: Mapped[Text_]
    uses_left: Mapped[int]
    expires_ms: Mapped[Ms]
    replaces: Mapped[bool]
    made_by: Mapped[Text_]
    made_ms: Mapped[Ms]
    site: Mapped[Text_] = mapped_column(server_default="")
    networks: Mapped[Text_] = mapped_column(server_default="[]")
    serials: Mapped[Text_] = mapped_column(server_default="[]")
    approve: Mapped[bool] = mapped_column(server_default=false())
    revoked_ms: Mapped[Ms] = mapped_column(server_default="0")
    root: Mapped[Text_] = mapped_column(server_default="")


class WaitingHostRow(Model):
    """Known by its token and its key; the token's conditions are read anew when it asks."""

    __tablename__ = "waiting_hosts"
    token: Mapped[Text_] = mapped_column(primary_key=True)
    key: Mapped[Text_] = mapped_column(primary_key=True)
    customer: Mapped[Text_] = mapped_column(index=True)
    hostname: Mapped[Text_]
    vendor: Mapped[Text_]
    serial: Mapped[Text_]
    machine_id: Mapped[Text_]
    dmi_uuid: Mapped[Text_]
    address: Mapped[Text_]
    asked_ms: Mapped[Ms] = mapped_column(index=True)
    seen_ms: Mapped[Ms]
    decision: Mapped[Text_]
    decided_by: Mapped[Text_]
    decided_ms: Mapped[Ms]
    reason: Mapped[Text_]


class IssuedRow(Model):
    """What a token was answered with, for each key: the same again where the answer was lost."""

    __tablename__ = "issued_by_token"
    token: Mapped[Text_] = mapped_column(primary_key=True)
    key: Mapped[Text_] = mapped_column(primary_key=True)
    customer: Mapped[Text_] = mapped_column(index=True)
    agent_id: Mapped[Text_]
    enrolled_ms: Mapped[Ms]
    certificate: Mapped[Text_]
    expires_ms: Mapped[Ms] = mapped_column(index=True)
