"""AssetStore over SQL: assets, who observes them, what is in them, what happened to them.

Made by the transaction of `store.py`. Maintenance windows are in `window_store.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, RowMapping, bindparam, delete, exists, insert, select, update

from hardcase_collector.domain.asset import Asset, AssetFacts, AssetMode, IdentityBasis, Part
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.observation import Coverage, CoverageLine, Event, SourceStatus
from hardcase_collector.domain.ports import AssetSummary
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.models import (
    AssetRow,
    BindingRow,
    CaseRow,
    CoverageRow,
    EntitlementRow,
    EventRow,
    InventoryRow,
    SourceStatusRow,
    WindowRow,
)
from hardcase_collector.storage.state.stamps import stamp_columns, stamp_of
from hardcase_collector.storage.state.summaries import summaries
from hardcase_collector.storage.state.upserts import insert_into, table_of, upsert
from hardcase_collector.storage.state.window_store import SqlWindows

_ASSETS = table_of(AssetRow)
_BINDINGS = table_of(BindingRow)
_CASES = table_of(CaseRow)
_ENTITLEMENTS = table_of(EntitlementRow)
_WINDOWS = table_of(WindowRow)
_COVERAGE = table_of(CoverageRow)
_EVENTS = table_of(EventRow)
_INVENTORY = table_of(InventoryRow)
_STATUSES = table_of(SourceStatusRow)
_BY_NUMBER = select(_ASSETS).where(_ASSETS.c.id == bindparam("asset"))
_BY_KEY = select(_ASSETS).where(_ASSETS.c.key == bindparam("key"))
_JOINING_OVER = select(_ASSETS).where(
    _ASSETS.c.mode == str(AssetMode.JOINING), _ASSETS.c.live_from_ms <= bindparam("now_ms")
)
_ADD = insert(_ASSETS).returning(_ASSETS)


class SqlAssetStore(SqlWindows):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._known: dict[int, Asset] = {}

    def by_number(self, asset: int) -> Asset:
        """Read once in a transaction: the desk asks for every entry of every case."""
        known = self._known.get(asset)
        if known is None:
            row = self._connection.execute(_BY_NUMBER, {"asset": asset}).mappings().first()
            if row is None:
                raise NotFound("there is no asset {asset}", asset=asset)
            known = self._known[asset] = _asset(row)
        return known

    def by_key(self, key: str) -> Asset | None:
        row = self._connection.execute(_BY_KEY, {"key": key}).mappings().first()
        return None if row is None else _asset(row)

    def add(
        self,
        *,
        key: str,
        basis: str,
        facts: AssetFacts,
        customer: str,
        mode: AssetMode,
        joined_ms: int,
        live_from_ms: int,
    ) -> Asset:
        values = {
            "key": key,
            "basis": str(basis),
            **asdict(facts),
            "customer": customer,
            "mode": str(mode),
            "joined_ms": joined_ms,
            "live_from_ms": live_from_ms,
        }
        return _asset(self._connection.execute(_ADD, values).mappings().one())

    def update_facts(self, asset: int, facts: AssetFacts) -> None:
        self._change(asset, asdict(facts))

    def set_mode(self, asset: int, mode: AssetMode, *, live_from_ms: int) -> None:
        self._change(asset, {"mode": str(mode), "live_from_ms": live_from_ms})

    def join(self, asset: int, mode: AssetMode, *, joined_ms: int, live_from_ms: int) -> None:
        self._change(asset, {"mode": str(mode), "joined_ms": joined_ms, "live_from_ms": live_from_ms})

    def drop_unseen(self, asset: int) -> None:
        self._known.pop(asset, None)
        used = [exists().where(column == asset) for column in (_CASES.c.asset, _WINDOWS.c.asset, _ENTITLEMENTS.c.asset)]
        unseen = (_ASSETS.c.id == asset, _ASSETS.c.joined_ms == 0, *(~use for use in used))
        self._connection.execute(delete(_ASSETS).where(*unseen))

    def move(self, asset: int, customer: str) -> None:
        self._change(asset, {"customer": customer})

    def joining_over(self, now_ms: int) -> Sequence[Asset]:
        return [_asset(row) for row in self._connection.execute(_JOINING_OVER, {"now_ms": now_ms}).mappings()]

    def all(self, *, customer: str | None) -> Sequence[Asset]:
        # Without the empty shells of forgotten ones, which are nobody's, and those that only stand in for unknown ones.
        real = (_ASSETS.c.customer != "", _ASSETS.c.basis != str(IdentityBasis.UNKNOWN))
        query = select(_ASSETS).where(*real).order_by(_ASSETS.c.id)
        if customer is not None:
            query = query.where(_ASSETS.c.customer == customer)
        return [_asset(row) for row in self._connection.execute(query).mappings()]

    def summaries(self, *, asset: int | None = None) -> Mapping[int, AssetSummary]:
        return summaries(self._connection, asset)

    def bind(self, asset: int, agent: int) -> None:
        bound = insert_into(self._connection.dialect.name, _BINDINGS).values(asset=asset, agent=agent)
        self._connection.execute(bound.on_conflict_do_nothing())

    def observers(self, asset: int) -> Sequence[int]:
        query = select(_BINDINGS.c.agent).where(_BINDINGS.c.asset == asset).order_by(_BINDINGS.c.agent)
        return list(self._connection.execute(query).scalars())

    def observed_by(self, agent: int) -> Sequence[int]:
        query = select(_BINDINGS.c.asset).where(_BINDINGS.c.agent == agent).order_by(_BINDINGS.c.asset)
        return list(self._connection.execute(query).scalars())

    def save_inventory(self, asset: int, source: str, agent: int, parts: Sequence[Part], at_ms: int) -> None:
        """A part not named any more keeps the time it was last seen."""
        rows = {
            part.key(): {
                "asset": asset,
                "source": source,
                "part_key": part.key(),
                "agent": agent,
                "part": texts.dump_part(part),
                "seen_ms": at_ms,
            }
            for part in parts
        }
        if rows:
            self._connection.execute(upsert(self._connection, _INVENTORY), list(rows.values()))

    def inventory(self, asset: int) -> Sequence[tuple[str, Part, int]]:
        query = select(_INVENTORY).where(_INVENTORY.c.asset == asset)
        found = self._connection.execute(query.order_by(_INVENTORY.c.source, _INVENTORY.c.part_key)).mappings()
        return [(row["source"], texts.load_part(row["part"]), row["seen_ms"]) for row in found]

    def save_coverage(self, coverage: Coverage) -> None:
        """What this agent said of this source before is replaced whole."""
        stamp = coverage.stamp
        self._connection.execute(
            delete(_COVERAGE).where(
                _COVERAGE.c.asset == stamp.asset, _COVERAGE.c.source == stamp.source, _COVERAGE.c.agent == stamp.agent
            )
        )
        rows = {
            line.component: {
                "asset": stamp.asset,
                "source": stamp.source,
                "agent": stamp.agent,
                **asdict(line),
                "at_ms": stamp.time_ms,
            }
            for line in coverage.lines
        }
        if rows:
            self._connection.execute(insert(_COVERAGE), list(rows.values()))

    def coverage(self, asset: int) -> Sequence[tuple[str, CoverageLine]]:
        query = select(_COVERAGE).where(_COVERAGE.c.asset == asset)
        ordered = query.order_by(_COVERAGE.c.source, _COVERAGE.c.agent, _COVERAGE.c.component)
        return [
            (
                row["source"],
                CoverageLine(component=row["component"], status=row["status"], reason=row["reason"], cure=row["cure"]),
            )
            for row in self._connection.execute(ordered).mappings()
        ]

    def save_source_status(self, status: SourceStatus) -> None:
        values = {
            **stamp_columns(status.stamp),
            "state": status.state,
            "detail": status.detail,
            "period_ms": status.period_ms,
            "failures": status.failures,
        }
        saved = insert_into(self._connection.dialect.name, _STATUSES).values(values)
        self._connection.execute(saved.on_conflict_do_update(index_elements=["asset", "source", "agent"], set_=values))

    def source_statuses(self, asset: int) -> Sequence[SourceStatus]:
        query = select(_STATUSES).where(_STATUSES.c.asset == asset).order_by(_STATUSES.c.source, _STATUSES.c.agent)
        return [
            SourceStatus(
                stamp=stamp_of(row),
                state=row["state"],
                detail=row["detail"],
                period_ms=row["period_ms"],
                failures=row["failures"],
            )
            for row in self._connection.execute(query).mappings()
        ]

    def add_event(self, event: Event) -> bool:
        values = {
            **stamp_columns(event.stamp),
            "log": event.log,
            "erase_stamp": event.erase_stamp,
            "record_id": event.record_id,
            "raw_hash": hashlib.sha256(event.raw).digest(),
            "raw": event.raw,
            "device_ms": event.device_ms,
            "part": texts.dump_part(event.part),
            "code": event.code,
            "asserted": event.asserted,
            "sensor": event.sensor,
            "text": event.text,
        }
        added = insert_into(self._connection.dialect.name, _EVENTS).on_conflict_do_nothing()
        return self._connection.execute(added.returning(_EVENTS.c.id), values).scalar_one_or_none() is not None

    def events(self, asset: int, *, limit: int) -> Sequence[Event]:
        """Newest first."""
        query = select(_EVENTS).where(_EVENTS.c.asset == asset).order_by(_EVENTS.c.id.desc()).limit(limit)
        return [_event(row) for row in self._connection.execute(query).mappings()]

    def events_between(self, asset: int, *, from_ms: int, until_ms: int, limit: int) -> Sequence[Event]:
        """As they arrived, by the corrected time of their arrival at the agent."""
        query = select(_EVENTS).where(
            _EVENTS.c.asset == asset, _EVENTS.c.time_ms >= from_ms, _EVENTS.c.time_ms < until_ms
        )
        return [_event(row) for row in self._connection.execute(query.order_by(_EVENTS.c.id).limit(limit)).mappings()]

    def _change(self, asset: int, values: dict[str, object]) -> None:
        self._known.pop(asset, None)
        done = self._connection.execute(update(_ASSETS).where(_ASSETS.c.id == asset).values(values))
        if done.rowcount == 0:
            raise NotFound("there is no asset {asset}", asset=asset)


def _asset(row: RowMapping) -> Asset:
    return Asset(
        id=row["id"],
        key=row["key"],
        basis=IdentityBasis(row["basis"]),
        facts=AssetFacts(
            vendor=row["vendor"],
            model=row["model"],
            serial=row["serial"],
            uuid=row["uuid"],
            machine_id=row["machine_id"],
            node=row["node"],
            hostname=row["hostname"],
            kind=row["kind"],
            rehearsal=row["rehearsal"],
            address=row["address"],
        ),
        customer=row["customer"],
        mode=AssetMode(row["mode"]),
        joined_ms=row["joined_ms"],
        live_from_ms=row["live_from_ms"],
    )


def _event(row: RowMapping) -> Event:
    return Event(
        stamp=stamp_of(row),
        log=row["log"],
        erase_stamp=row["erase_stamp"],
        record_id=row["record_id"],
        raw=bytes(row["raw"]),
        device_ms=row["device_ms"],
        part=texts.load_part(row["part"]),
        code=row["code"],
        asserted=row["asserted"],
        sensor=row["sensor"],
        text=row["text"],
    )
