"""Tables of the hot path: feeds, catalogues, marks and rule-state rows; and what was lost or refused on the way."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Bytes, Model, Ms, Number, Ref, StampColumns, Text_, Wide


class FeedTableRow(Model):
    __tablename__ = "feeds"
    __table_args__ = (UniqueConstraint("agent", "asset", "source"), Index("ix_feeds_asset", "asset"))
    number: Mapped[Number]
    agent: Mapped[Ref] = mapped_column(ForeignKey("agents.number"))
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"))
    source: Mapped[Text_]


class SensorRow(Model):
    """Gives each (feed, sensor id) its small integer, the key of the telemetry store."""

    __tablename__ = "sensors"
    __table_args__ = (UniqueConstraint("feed", "id"),)
    number: Mapped[Number]
    feed: Mapped[Ref] = mapped_column(ForeignKey("feeds.number"))
    id: Mapped[Text_]


class CatalogueRow(Model):
    __tablename__ = "catalogues"
    __table_args__ = (UniqueConstraint("agent", "id"),)
    number: Mapped[Number]
    agent: Mapped[Ref] = mapped_column(ForeignKey("agents.number"))
    id: Mapped[Bytes]
    feed: Mapped[Ref] = mapped_column(ForeignKey("feeds.number"))
    period_ms: Mapped[Ms]
    value_width: Mapped[int]
    rehearsal: Mapped[bool]
    sensors: Mapped[Text_]
    sensor_numbers: Mapped[Text_]
    body: Mapped[Bytes]


class FeedStateRow(Model):
    """One compact row per feed, rewritten with every batch. No foreign keys: the hot path names only known feeds."""

    __tablename__ = "feed_rows"
    feed: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    catalogue: Mapped[Ref]
    state: Mapped[Bytes]
    time_ms: Mapped[Ms]
    received_ms: Mapped[Ms]


class MarkRow(Model):
    __tablename__ = "marks"
    agent: Mapped[Ref] = mapped_column(primary_key=True)
    epoch: Mapped[Bytes] = mapped_column(primary_key=True)
    through: Mapped[Wide]
    last_time_ms: Mapped[Ms]


class QuarantineRow(Model):
    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_agent_id", "agent", "id"),)
    id: Mapped[Number]
    agent: Mapped[Ref]
    epoch: Mapped[Bytes]
    sequence: Mapped[Wide]
    status: Mapped[Text_]
    detail: Mapped[Text_]
    raw: Mapped[Bytes]
    at_ms: Mapped[Ms]


class QuarantineCountRow(Model):
    __tablename__ = "quarantine_counts"
    agent: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    total: Mapped[Ref]
    """Records ever put into quarantine."""
    dropped: Mapped[Ref]
    """Of those, how many had to go for newer ones."""


class LossRow(StampColumns, Model):
    __tablename__ = "losses"
    __table_args__ = (Index("ix_losses_agent_id", "agent", "id"),)
    id: Mapped[Number]
    lost_epoch: Mapped[Bytes]
    first: Mapped[Wide]
    through: Mapped[Wide]
    records: Mapped[Wide]
    cause: Mapped[Text_]


class BaselineRow(Model):
    __tablename__ = "baselines"
    feed: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    sensor: Mapped[Text_] = mapped_column(primary_key=True)
    rule: Mapped[Text_] = mapped_column(primary_key=True)
    asset: Mapped[Ref]
    value: Mapped[float]
    accepted_by: Mapped[Text_]
    reason: Mapped[Text_]
    at_ms: Mapped[Ms]
