"""Tables of agents and assets: who reports, what is watched, what is in it, what happened to it."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Bytes, Model, Ms, Number, Ref, StampColumns, Text_, Wide


class AgentRow(Model):
    __tablename__ = "agents"
    number: Mapped[Number]
    id: Mapped[Text_] = mapped_column(unique=True)
    customer: Mapped[Text_] = mapped_column(index=True)
    hostname: Mapped[Text_]
    machine_id: Mapped[Text_] = mapped_column(index=True)
    dmi_uuid: Mapped[Text_] = mapped_column(index=True)
    fingerprint: Mapped[Text_]
    enrolled_ms: Mapped[Ms]
    session: Mapped[Ref]
    last_seen_ms: Mapped[Ms]
    stopped_cleanly: Mapped[bool]
    revoked: Mapped[bool]
    by_file: Mapped[bool]
    roots: Mapped[Text_] = mapped_column(server_default="")
    issuer: Mapped[Text_] = mapped_column(server_default="")
    copies: Mapped[Text_] = mapped_column(server_default="")


class AssetRow(Model):
    __tablename__ = "assets"
    __table_args__ = (Index("ix_assets_mode_live_from_ms", "mode", "live_from_ms"),)
    id: Mapped[Number]
    key: Mapped[Text_] = mapped_column(unique=True)
    basis: Mapped[Text_]
    vendor: Mapped[Text_]
    model: Mapped[Text_]
    serial: Mapped[Text_]
    uuid: Mapped[Text_]
    machine_id: Mapped[Text_]
    node: Mapped[Text_]
    hostname: Mapped[Text_]
    kind: Mapped[Text_]
    rehearsal: Mapped[bool]
    address: Mapped[Text_]
    customer: Mapped[Text_] = mapped_column(index=True)
    mode: Mapped[Text_]
    joined_ms: Mapped[Ms]
    live_from_ms: Mapped[Ms]


class BindingRow(Model):
    """Which agents observe an asset."""

    __tablename__ = "bindings"
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    agent: Mapped[Ref] = mapped_column(ForeignKey("agents.number"), primary_key=True, index=True)


class InventoryRow(Model):
    __tablename__ = "inventory"
    __table_args__ = (Index("ix_inventory_part_key", "part_key"),)
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    source: Mapped[Text_] = mapped_column(primary_key=True)
    part_key: Mapped[Text_] = mapped_column(primary_key=True)
    agent: Mapped[Ref]
    part: Mapped[Text_]
    seen_ms: Mapped[Ms]


class CoverageRow(Model):
    __tablename__ = "coverage"
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    source: Mapped[Text_] = mapped_column(primary_key=True)
    agent: Mapped[Ref] = mapped_column(primary_key=True)
    component: Mapped[Text_] = mapped_column(primary_key=True)
    status: Mapped[Text_]
    reason: Mapped[Text_]
    cure: Mapped[Text_]
    at_ms: Mapped[Ms]


class SourceStatusRow(StampColumns, Model):
    """The newest status of each source; transitions are on the timeline of the cases they open."""

    __tablename__ = "source_statuses"
    __table_args__ = (UniqueConstraint("asset", "source", "agent"),)
    id: Mapped[Number]
    state: Mapped[Text_]
    detail: Mapped[Text_]
    period_ms: Mapped[Ms]
    failures: Mapped[Wide]


class EventRow(StampColumns, Model):
    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("asset", "log", "erase_stamp", "record_id", "raw_hash"),
        Index("ix_events_asset_id", "asset", "id"),
    )
    id: Mapped[Number]
    log: Mapped[Text_]
    erase_stamp: Mapped[Wide]
    record_id: Mapped[Wide]
    raw_hash: Mapped[Bytes]
    raw: Mapped[Bytes]
    device_ms: Mapped[Wide]
    part: Mapped[Text_]
    code: Mapped[Text_]
    asserted: Mapped[bool]
    sensor: Mapped[Text_]
    text: Mapped[Text_]


class WindowRow(Model):
    __tablename__ = "windows"
    __table_args__ = (
        Index("ix_windows_asset_until_ms", "asset", "until_ms"),
        Index("ix_windows_settled_until_ms", "settled", "until_ms"),
    )
    id: Mapped[Bytes] = mapped_column(primary_key=True)
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    from_ms: Mapped[Ms]
    until_ms: Mapped[Ms]
    reason: Mapped[Text_]
    opened_by: Mapped[Text_]
    settled: Mapped[bool]
