"""Tables of the books: customers, sites, contacts, custody of assets, entitlements.

Whose an asset is stands in `assets.customer` alone; dates are ISO texts, prices decimal texts.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hardcase_collector.storage.state.models.columns import Model, Number, Ref, Text_


class CustomerRow(Model):
    __tablename__ = "customers"
    name: Mapped[Text_] = mapped_column(primary_key=True)
    title: Mapped[Text_]
    language: Mapped[Text_]


class SiteRow(Model):
    __tablename__ = "sites"
    customer: Mapped[Text_] = mapped_column(ForeignKey("customers.name"), primary_key=True)
    name: Mapped[Text_] = mapped_column(primary_key=True)
    title: Mapped[Text_]
    time_zone: Mapped[Text_]
    country: Mapped[Text_]
    subdivision: Mapped[Text_]
    calendar: Mapped[Text_]
    address: Mapped[Text_]
    depot: Mapped[Text_]


class ContactRow(Model):
    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("customer", "scope", "subject", "name"),)
    id: Mapped[Number]
    customer: Mapped[Text_] = mapped_column(ForeignKey("customers.name"))
    scope: Mapped[Text_]
    subject: Mapped[Text_]
    name: Mapped[Text_]
    mail: Mapped[Text_]
    phone: Mapped[Text_]
    language: Mapped[Text_]
    may_consent: Mapped[bool]


class CustodyRow(Model):
    __tablename__ = "custody"
    __table_args__ = (
        Index("ix_custody_site_rack", "site", "rack"),
        Index("ix_custody_asset_group", "asset_group"),
    )
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"), primary_key=True, autoincrement=False)
    site: Mapped[Text_]
    rack: Mapped[Text_]
    unit: Mapped[int]
    asset_group: Mapped[Text_]
    importance: Mapped[Text_]
    installed: Mapped[Text_]
    """ISO date; "" = not told."""


class CustodyFeedRow(Model):
    """A power feed that an asset hangs on."""

    __tablename__ = "custody_feeds"
    __table_args__ = (ForeignKeyConstraint(["asset"], ["custody.asset"]), Index("ix_custody_feeds_feed", "feed"))
    asset: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    feed: Mapped[Text_] = mapped_column(primary_key=True)


class CustodyTagRow(Model):
    __tablename__ = "custody_tags"
    __table_args__ = (ForeignKeyConstraint(["asset"], ["custody.asset"]), Index("ix_custody_tags_tag", "tag"))
    asset: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    tag: Mapped[Text_] = mapped_column(primary_key=True)


class EntitlementRow(Model):
    __tablename__ = "entitlements"
    __table_args__ = (
        UniqueConstraint("asset", "part", "plan", "starts"),
        Index("ix_entitlements_ends", "ends"),
    )
    id: Mapped[Number]
    asset: Mapped[Ref] = mapped_column(ForeignKey("assets.id"))
    part: Mapped[Text_]
    plan: Mapped[Text_]
    vendor: Mapped[Text_]
    starts: Mapped[Text_]
    ends: Mapped[Text_]
    price: Mapped[Text_]
    """Decimal; "" = not told."""
    currency: Mapped[Text_]
    contract: Mapped[Text_]
