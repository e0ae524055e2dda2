"""FeedStore over SQL: the hot path. Rows and marks are one executemany each; the rest happens once per catalogue.

Made by the transaction of `store.py`. What was refused or lost is in `loss_store.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import RowMapping, Select, insert, select

from hardcase_collector.domain.errors import NotFound, SessionSuperseded
from hardcase_collector.domain.observation import Catalogue, Sensor
from hardcase_collector.domain.ports import Baseline, EpochKey, Feed, FeedRow, Mark
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.loss_store import SqlLosses
from hardcase_collector.storage.state.models import (
    AgentRow,
    BaselineRow,
    CatalogueRow,
    FeedStateRow,
    FeedTableRow,
    MarkRow,
    SensorRow,
)
from hardcase_collector.storage.state.models.columns import fold
from hardcase_collector.storage.state.upserts import insert_into, table_of, upsert, upsert_many

_AGENTS = table_of(AgentRow)
_BASELINES = table_of(BaselineRow)
_CATALOGUES = table_of(CatalogueRow)
_FEEDS = table_of(FeedTableRow)
_MARKS = table_of(MarkRow)
_ROWS = table_of(FeedStateRow)
_SENSORS = table_of(SensorRow)
# SQLite refuses a statement with over 32,766 parameters; 1,000 keeps the statement cache small as well.
_IN_LIST = 1000


class SqlFeedStore(SqlLosses):
    def marks(self, agent: int) -> Mapping[bytes, Mark]:
        found = self._connection.execute(select(_MARKS).where(_MARKS.c.agent == agent))
        return {bytes(row.epoch): Mark(through=row.through, last_time_ms=row.last_time_ms) for row in found}

    def save_marks(self, marks: Mapping[EpochKey, Mark], *, sessions: Mapping[int, int]) -> None:
        self._require_sessions(sessions)
        if marks:
            upsert_many(
                self._connection,
                _MARKS,
                [(key.agent, key.epoch, fold(mark.through), mark.last_time_ms) for key, mark in marks.items()],
            )

    def _require_sessions(self, sessions: Mapping[int, int]) -> None:
        superseded = []
        for some in _slices(sessions):
            stored = self._connection.execute(
                select(_AGENTS.c.number, _AGENTS.c.session).where(_AGENTS.c.number.in_(some))
            )
            superseded += [number for number, session in stored if session > sessions[number]]
        if superseded:
            raise SessionSuperseded(f"a newer stream was accepted of agents {sorted(superseded)}")

    def feed(self, *, agent: int, asset: int, source: str) -> Feed:
        same = (_FEEDS.c.agent == agent, _FEEDS.c.asset == asset, _FEEDS.c.source == source)
        number = self._connection.execute(select(_FEEDS.c.number).where(*same)).scalar_one_or_none()
        if number is None:
            made = insert(_FEEDS).values(agent=agent, asset=asset, source=source).returning(_FEEDS.c.number)
            number = self._connection.execute(made).scalar_one()
        return Feed(number=number, agent=agent, asset=asset, source=source)

    def feeds(self, *, asset: int | None = None) -> Sequence[Feed]:
        query = select(_FEEDS).order_by(_FEEDS.c.number)
        if asset is not None:
            query = query.where(_FEEDS.c.asset == asset)
        return [
            Feed(number=row.number, agent=row.agent, asset=row.asset, source=row.source)
            for row in self._connection.execute(query)
        ]

    def add_catalogue(
        self,
        *,
        id: bytes,
        feed: Feed,
        period_ms: int,
        value_width: int,
        sensors: Sequence[Sensor],
        rehearsal: bool,
        body: bytes,
    ) -> Catalogue:
        known = self.catalogue(id, agent=feed.agent)
        if known is not None:
            return known
        numbers = self._sensor_numbers(feed.number, [sensor.id for sensor in sensors])
        made = insert(_CATALOGUES).values(
            agent=feed.agent,
            id=id,
            feed=feed.number,
            period_ms=period_ms,
            value_width=value_width,
            rehearsal=rehearsal,
            sensors=texts.dump_sensors(sensors),
            sensor_numbers=texts.dump_numbers([numbers[sensor.id] for sensor in sensors]),
            body=body,
        )
        number = self._connection.execute(made.returning(_CATALOGUES.c.number)).scalar_one()
        return self.catalogue_numbered(number)

    def _sensor_numbers(self, feed: int, ids: Sequence[str]) -> Mapping[str, int]:
        if ids:
            new = insert_into(self._connection.dialect.name, _SENSORS).on_conflict_do_nothing()
            self._connection.execute(new, [{"feed": feed, "id": id} for id in dict.fromkeys(ids)])
        query = select(_SENSORS.c.id, _SENSORS.c.number).where(_SENSORS.c.feed == feed)
        numbers: dict[str, int] = {id: number for id, number in self._connection.execute(query)}
        # What the column cannot hold as sent (NUL, lone surrogates) is stored cleaned: found by its cleaned name.
        return {id: numbers[id] if id in numbers else numbers[_cleaned(id)] for id in ids}

    def catalogue(self, id: bytes, *, agent: int) -> Catalogue | None:
        query = _CATALOGUE_QUERY.where(_CATALOGUES.c.agent == agent, _CATALOGUES.c.id == id)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _catalogue(row)

    def catalogue_numbered(self, number: int) -> Catalogue:
        row = self._connection.execute(_CATALOGUE_QUERY.where(_CATALOGUES.c.number == number)).mappings().first()
        if row is None:
            raise NotFound("there is no catalogue {number}", number=number)
        return _catalogue(row)

    def catalogue_ids(self, agent: int) -> Sequence[bytes]:
        query = select(_CATALOGUES.c.id).where(_CATALOGUES.c.agent == agent).order_by(_CATALOGUES.c.number)
        return [bytes(id) for id in self._connection.execute(query).scalars()]

    def rows(self, feeds: Iterable[int]) -> Mapping[int, FeedRow]:
        found: dict[int, FeedRow] = {}
        for some in _slices(feeds):
            for row in self._connection.execute(select(_ROWS).where(_ROWS.c.feed.in_(some))):
                found[row.feed] = FeedRow(
                    feed=row.feed,
                    catalogue=row.catalogue,
                    state=bytes(row.state),
                    time_ms=row.time_ms,
                    received_ms=row.received_ms,
                )
        return found

    def save_rows(self, rows: Sequence[FeedRow]) -> None:
        if rows:
            upsert_many(
                self._connection,
                _ROWS,
                [(row.feed, row.catalogue, row.state, row.time_ms, row.received_ms) for row in rows],
            )

    def baselines(self, feeds: Iterable[int]) -> Sequence[Baseline]:
        return [
            Baseline(
                asset=row.asset,
                feed=row.feed,
                sensor=row.sensor,
                rule=row.rule,
                value=row.value,
                by=row.accepted_by,
                reason=row.reason,
                at_ms=row.at_ms,
            )
            for some in _slices(feeds)
            for row in self._connection.execute(select(_BASELINES).where(_BASELINES.c.feed.in_(some)))
        ]

    def accept_baseline(self, baseline: Baseline) -> None:
        self._connection.execute(
            upsert(self._connection, _BASELINES),
            {
                "feed": baseline.feed,
                "sensor": baseline.sensor,
                "rule": baseline.rule,
                "asset": baseline.asset,
                "value": baseline.value,
                "accepted_by": baseline.by,
                "reason": baseline.reason,
                "at_ms": baseline.at_ms,
            },
        )


_CATALOGUE_QUERY: Select[tuple[object, ...]] = select(_CATALOGUES, _FEEDS.c.asset, _FEEDS.c.source).join(
    _FEEDS, _FEEDS.c.number == _CATALOGUES.c.feed
)


def _catalogue(row: RowMapping) -> Catalogue:
    return Catalogue(
        number=row["number"],
        id=bytes(row["id"]),
        feed=row["feed"],
        asset=row["asset"],
        source=row["source"],
        period_ms=row["period_ms"],
        value_width=row["value_width"],
        sensors=texts.load_sensors(row["sensors"]),
        sensor_numbers=texts.load_numbers(row["sensor_numbers"]),
        rehearsal=row["rehearsal"],
    )


def _cleaned(id: str) -> str:
    return id.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _slices(numbers: Iterable[int]) -> Iterable[list[int]]:
    some = list(numbers)
    return (some[start : start + _IN_LIST] for start in range(0, len(some), _IN_LIST))
