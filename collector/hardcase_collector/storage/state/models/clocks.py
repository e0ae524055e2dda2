"""Tables of service terms and clocks: what a case is served under, what of it is looked at when, teams and swaps."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Model, Ms, Number, Ref, Text_

_WATCHED = text("look_ms > 0")


class FrozenTermsRow(Model):
    """A frozen text once, however many cases share it."""

    __tablename__ = "frozen_terms"
    hash: Mapped[Text_] = mapped_column(primary_key=True)
    body: Mapped[Text_]


class CaseTermsRow(Model):
    __tablename__ = "case_terms"
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"), primary_key=True, autoincrement=False)
    frozen: Mapped[Text_] = mapped_column(ForeignKey("frozen_terms.hash"))
    plan: Mapped[Text_]
    priority: Mapped[Text_]
    entitlement: Mapped[int | None] = mapped_column(BigInteger)
    vendor: Mapped[Text_]
    contract: Mapped[Text_]
    site: Mapped[Text_]
    entitled_from: Mapped[Text_]
    """ISO date; "" = no entitlement."""
    entitled_until: Mapped[Text_]
    provisional: Mapped[bool]


class CaseClockRow(Model):
    """Only of cases that still owe something."""

    __tablename__ = "case_clocks"
    __table_args__ = (Index("ix_case_clocks_look", "look_ms", sqlite_where=_WATCHED, postgresql_where=_WATCHED),)
    case_id: Mapped[Ref] = mapped_column(ForeignKey("cases.id"), primary_key=True, autoincrement=False)
    kind: Mapped[Text_]
    round: Mapped[int]
    state: Mapped[Text_]
    due_ms: Mapped[Ms]
    left_ms: Mapped[Ms]
    looked_ms: Mapped[Ms]
    look_ms: Mapped[Ms]


class TeamRow(Model):
    __tablename__ = "duty_teams"
    name: Mapped[Text_] = mapped_column(primary_key=True)
    is_default: Mapped[bool]
    body: Mapped[Text_]
    """`Team` as JSON."""


class SwapRow(Model):
    __tablename__ = "duty_swaps"
    __table_args__ = (Index("ix_duty_swaps_team_until_ms", "team", "until_ms"),)
    id: Mapped[Number]
    team: Mapped[Text_] = mapped_column(ForeignKey("duty_teams.name"))
    from_ms: Mapped[Ms]
    until_ms: Mapped[Ms]
    goes_out: Mapped[Text_]
    comes_in: Mapped[Text_]
    reason: Mapped[Text_]
    made_by: Mapped[Text_]


class KnownYearRow(Model):
    __tablename__ = "known_years"
    country: Mapped[Text_] = mapped_column(primary_key=True)
    subdivision: Mapped[Text_] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    days_off: Mapped[Text_]
    """JSON list of ISO dates."""
    workdays: Mapped[Text_]
    made_by: Mapped[Text_]
    at_ms: Mapped[Ms]
