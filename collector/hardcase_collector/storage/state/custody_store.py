"""Where assets stand and what covers them, over SQL. Inherited by `registry_store.py`.

Every look-up by asset is one index search: the desk asks for each case that it opens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    insert,
    select,
    update,
)

from hardcase_collector.domain.customer import Custody, Entitlement
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.priority import Importance
from hardcase_collector.storage.state.models import (
    AssetRow,
    CustodyFeedRow,
    CustodyRow,
    CustodyTagRow,
    EntitlementRow,
)
from hardcase_collector.storage.state.upserts import table_of, upsert

_ASSETS = table_of(AssetRow)
_CUSTODY = table_of(CustodyRow)
_ENTITLEMENTS = table_of(EntitlementRow)
_FEEDS = table_of(CustodyFeedRow)
_TAGS = table_of(CustodyTagRow)

# The desk's path, and the thousands of an import: built once, for building a statement costs as much as running it.
_CUSTODY_OF = select(_CUSTODY).where(_CUSTODY.c.asset == bindparam("asset"))
_FEEDS_OF = select(_FEEDS.c.feed).where(_FEEDS.c.asset == bindparam("asset"))
_TAGS_OF = select(_TAGS.c.tag).where(_TAGS.c.asset == bindparam("asset"))
_ENTITLEMENTS_OF = select(_ENTITLEMENTS).where(_ENTITLEMENTS.c.asset == bindparam("asset")).order_by(_ENTITLEMENTS.c.id)
_CLEAR = tuple(delete(table).where(table.c.asset == bindparam("of_asset")) for table in (_FEEDS, _TAGS))
_ADD_FEED, _ADD_TAG = insert(_FEEDS), insert(_TAGS)
_ADD_ENTITLEMENT = insert(_ENTITLEMENTS).returning(_ENTITLEMENTS)


class SqlCustody:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def custody(self, asset: int) -> Custody | None:
        row = self._connection.execute(_CUSTODY_OF, {"asset": asset}).mappings().first()
        if row is None:
            return None
        feeds = self._connection.execute(_FEEDS_OF, {"asset": asset}).scalars().all()
        tags = self._connection.execute(_TAGS_OF, {"asset": asset}).scalars().all()
        return _custody(row, feeds, tags)

    def custodies(self, *, customer: str | None) -> Sequence[Custody]:
        """By number of the asset, in a few queries for any number of them."""
        feeds, tags = self._words(_FEEDS, "feed", customer), self._words(_TAGS, "tag", customer)
        query = _of_customer(select(_CUSTODY), _CUSTODY, customer).order_by(_CUSTODY.c.asset)
        rows = self._connection.execute(query).mappings()
        return [_custody(row, feeds.get(row["asset"], ()), tags.get(row["asset"], ())) for row in rows]

    def _words(self, table: Table, word: str, customer: str | None) -> Mapping[int, list[str]]:
        found: defaultdict[int, list[str]] = defaultdict(list)
        query = _of_customer(select(table.c.asset, table.c[word]), table, customer)
        for asset, said in self._connection.execute(query):
            found[asset].append(said)
        return found

    def save_custody(self, custody: Custody) -> None:
        self._clear_words(custody.asset)
        self._connection.execute(
            upsert(self._connection, _CUSTODY),
            {
                "asset": custody.asset,
                "site": custody.site,
                "rack": custody.rack,
                "unit": custody.unit,
                "asset_group": custody.group,
                "importance": str(custody.importance),
                "installed": custody.installed.isoformat() if custody.installed else "",
            },
        )
        for added, word, said in ((_ADD_FEED, "feed", custody.feeds), (_ADD_TAG, "tag", custody.tags)):
            if said:
                self._connection.execute(added, [{"asset": custody.asset, word: one} for one in dict.fromkeys(said)])

    def remove_custody(self, asset: int) -> None:
        self._clear_words(asset)
        self._connection.execute(delete(_CUSTODY).where(_CUSTODY.c.asset == asset))

    def _clear_words(self, asset: int) -> None:
        for clear in _CLEAR:
            self._connection.execute(clear, {"of_asset": asset})

    def assets_where(
        self,
        *,
        customer: str | None,
        site: str | None = None,
        rack: str | None = None,
        group: str | None = None,
        feed: str | None = None,
        tag: str | None = None,
    ) -> Sequence[int]:
        """Numbers of the assets in the books to which all that is given applies. Rack names repeat between sites."""
        query = _of_customer(select(_CUSTODY.c.asset), _CUSTODY, customer)
        for column, wanted in ((_CUSTODY.c.site, site), (_CUSTODY.c.rack, rack), (_CUSTODY.c.asset_group, group)):
            if wanted is not None:
                query = query.where(column == wanted)
        for table, column, wanted in ((_FEEDS, _FEEDS.c.feed, feed), (_TAGS, _TAGS.c.tag, tag)):
            if wanted is not None:
                query = query.where(_CUSTODY.c.asset.in_(select(table.c.asset).where(column == wanted)))
        return list(self._connection.execute(query.order_by(_CUSTODY.c.asset)).scalars())

    def entitlements(self, asset: int) -> Sequence[Entitlement]:
        return [_entitlement(row) for row in self._connection.execute(_ENTITLEMENTS_OF, {"asset": asset}).mappings()]

    def entitlements_of(self, *, customer: str | None) -> Sequence[Entitlement]:
        query = _of_customer(select(_ENTITLEMENTS), _ENTITLEMENTS, customer)
        return self._entitlements(query.order_by(_ENTITLEMENTS.c.asset, _ENTITLEMENTS.c.id))

    def entitlements_ending(self, *, customer: str | None, first: date, last: date) -> Sequence[Entitlement]:
        """Whose last day is one of these, soonest first."""
        query = _of_customer(select(_ENTITLEMENTS), _ENTITLEMENTS, customer).where(
            _ENTITLEMENTS.c.ends.between(first.isoformat(), last.isoformat())
        )
        return self._entitlements(query.order_by(_ENTITLEMENTS.c.ends, _ENTITLEMENTS.c.id))

    def entitlement(self, number: int, *, customer: str | None) -> Entitlement:
        query = _of_customer(select(_ENTITLEMENTS).where(_ENTITLEMENTS.c.id == number), _ENTITLEMENTS, customer)
        found = self._entitlements(query)
        if not found:
            raise NotFound("there is no entitlement {number}", number=number)
        return found[0]

    def save_entitlement(self, entitlement: Entitlement) -> Entitlement:
        """id 0 = a new one; gives the id."""
        values = _columns(entitlement)
        if not entitlement.id:
            return _entitlement(self._connection.execute(_ADD_ENTITLEMENT, values).mappings().one())
        changed = update(_ENTITLEMENTS).where(_ENTITLEMENTS.c.id == entitlement.id).values(values)
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound("there is no entitlement {entitlement}", entitlement=entitlement.id)
        return entitlement

    def remove_entitlement(self, number: int) -> None:
        if self._connection.execute(delete(_ENTITLEMENTS).where(_ENTITLEMENTS.c.id == number)).rowcount == 0:
            raise NotFound("there is no entitlement {number}", number=number)

    def _entitlements(self, query: Select[Any]) -> Sequence[Entitlement]:
        return [_entitlement(row) for row in self._connection.execute(query).mappings()]


def _of_customer(query: Select[Any], table: Table, customer: str | None) -> Select[Any]:
    if customer is None:
        return query
    mine: ColumnElement[bool] = exists().where(_ASSETS.c.id == table.c.asset, _ASSETS.c.customer == customer)
    return query.where(mine)


def _custody(row: RowMapping, feeds: Iterable[str], tags: Iterable[str]) -> Custody:
    return Custody(
        asset=row["asset"],
        site=row["site"],
        rack=row["rack"],
        unit=row["unit"],
        feeds=tuple(sorted(feeds)),
        group=row["asset_group"],
        tags=tuple(sorted(tags)),
        importance=Importance(row["importance"]),
        installed=date.fromisoformat(row["installed"]) if row["installed"] else None,
    )


def _columns(entitlement: Entitlement) -> dict[str, object]:
    return {
        "asset": entitlement.asset,
        "part": entitlement.part,
        "plan": entitlement.plan,
        "vendor": entitlement.vendor,
        "starts": entitlement.starts.isoformat(),
        "ends": entitlement.ends.isoformat(),
        "price": "" if entitlement.price is None else str(entitlement.price),
        "currency": entitlement.currency,
        "contract": entitlement.contract,
    }


def _entitlement(row: RowMapping) -> Entitlement:
    return Entitlement(
        id=row["id"],
        asset=row["asset"],
        part=row["part"],
        plan=row["plan"],
        vendor=row["vendor"],
        starts=date.fromisoformat(row["starts"]),
        ends=date.fromisoformat(row["ends"]),
        price=Decimal(row["price"]) if row["price"] else None,
        currency=row["currency"],
        contract=row["contract"],
    )
