"""Engineers, visits and site access over SQL: part of the store of `repair_store.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select, text

from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.said import Said
from hardcase_collector.domain.visit import Dispatch, DispatchState, Engineer, SiteAccess
from hardcase_collector.storage.state.models import AssetRow, CaseRow, DispatchRow, EngineerRow, SiteAccessRow
from hardcase_collector.storage.state.models.repairs import OPEN_VISIT
from hardcase_collector.storage.state.shelf import Shelf
from hardcase_collector.storage.state.upserts import insert_into, table_of

_ASSETS, _CASES = table_of(AssetRow), table_of(CaseRow)
_ENGINEERS = Shelf(Engineer, table_of(EngineerRow), what=Said("engineer"), key="name")
_DISPATCHES = Shelf(Dispatch, table_of(DispatchRow), what=Said("dispatch"))
_ACCESS = Shelf(SiteAccess, table_of(SiteAccessRow), what=Said("site access"))
# Word for word the conditions of the partial indexes: SQLite uses one only where it can prove that it applies.
_OPEN = text(OPEN_VISIT.replace("state", "dispatches.state"))
_REQUESTED = text("dispatches.state = 'requested'")
_STANDING = text("site_access.paused AND site_access.state = 'approved'")
# What every tick asks is built once: building a statement costs more than running it where nothing is due.
_UNANSWERED = (
    select(_DISPATCHES.table)
    .where(
        _REQUESTED,
        _DISPATCHES.table.c.answer_by_ms > 0,
        _DISPATCHES.table.c.answer_by_ms <= bindparam("until_ms"),
    )
    .order_by(_DISPATCHES.table.c.answer_by_ms, _DISPATCHES.table.c.id)
)
# In the order of the index of open visits, or SQLite would read every visit ever made.
_STRANDED = (
    select(_DISPATCHES.table)
    .join(_CASES, _CASES.c.id == _DISPATCHES.table.c.case_id)
    .where(
        _OPEN,
        _DISPATCHES.table.c.state != str(DispatchState.ARRIVED),
        _CASES.c.state.in_(("closed", "cancelled")),
    )
    .order_by(_DISPATCHES.table.c.engineer, _DISPATCHES.table.c.id)
    .limit(bindparam("limit"))
)
_OPENING = (
    select(_ACCESS.table)
    .where(_STANDING, _ACCESS.table.c.from_ms <= bindparam("until_ms"))
    .order_by(_ACCESS.table.c.from_ms, _ACCESS.table.c.id)
)


class SqlVisitStore:
    _connection: Connection

    def add_engineer(self, engineer: Engineer) -> None:
        table = _ENGINEERS.table
        added = insert_into(self._connection.dialect.name, table).values(_ENGINEERS.columns(engineer))
        done = self._connection.execute(added.on_conflict_do_nothing().returning(table.c.name))
        if done.scalar_one_or_none() is None:
            raise NotAllowed("there is an engineer {engineer} already", engineer=engineer.name)

    def save_engineer(self, engineer: Engineer) -> None:
        _ENGINEERS.save(self._connection, engineer)

    def engineer(self, name: str) -> Engineer:
        return _ENGINEERS.get(self._connection, name)

    def engineers(self, *, active_only: bool) -> Sequence[Engineer]:
        query = select(_ENGINEERS.table).order_by(_ENGINEERS.table.c.name)
        if active_only:
            query = query.where(_ENGINEERS.table.c.active.is_(True))
        return _ENGINEERS.list(self._connection, query)

    def add_dispatch(self, dispatch: Dispatch) -> Dispatch:
        return _DISPATCHES.add(self._connection, dispatch)

    def save_dispatch(self, dispatch: Dispatch) -> None:
        _DISPATCHES.save(self._connection, dispatch)

    def dispatch(self, row: int) -> Dispatch:
        return _DISPATCHES.get(self._connection, row)

    def dispatches(self, case: int) -> Sequence[Dispatch]:
        return _DISPATCHES.of_case(self._connection, case)

    def open_dispatches(self, *, customer: str | None, engineer: str | None = None) -> Sequence[Dispatch]:
        table = _DISPATCHES.table
        query = select(table).where(_OPEN).order_by(table.c.id)
        if engineer is not None:
            query = query.where(table.c.engineer == engineer)
        if customer is not None:
            query = query.join(_CASES, _CASES.c.id == table.c.case_id).join(_ASSETS, _ASSETS.c.id == _CASES.c.asset)
            query = query.where(_ASSETS.c.customer == customer)
        return _DISPATCHES.list(self._connection, query)

    def unanswered(self, *, until_ms: int) -> Sequence[Dispatch]:
        """A deadline of 0 is none."""
        return _DISPATCHES.list(self._connection, _UNANSWERED, until_ms=until_ms)

    def stranded(self, *, limit: int) -> Sequence[Dispatch]:
        return _DISPATCHES.list(self._connection, _STRANDED, limit=limit)

    def loads(self) -> Mapping[str, int]:
        table = _DISPATCHES.table
        query = select(table.c.engineer, func.count()).where(_OPEN).group_by(table.c.engineer)
        return {name: count for name, count in self._connection.execute(query)}

    def visited(self, *, asset: int, repair_group: str, limit: int) -> Sequence[str]:
        table = _DISPATCHES.table
        query = (
            select(table.c.engineer)
            .join(_CASES, _CASES.c.id == table.c.case_id)
            .where(_CASES.c.asset == asset, _CASES.c.repair_group == repair_group, table.c.arrived_ms > 0)
            .group_by(table.c.engineer)
            .order_by(func.max(table.c.arrived_ms).desc(), table.c.engineer)
        )
        return list(self._connection.execute(query.limit(limit)).scalars())

    def add_access(self, access: SiteAccess) -> SiteAccess:
        return _ACCESS.add(self._connection, access)

    def save_access(self, access: SiteAccess) -> None:
        _ACCESS.save(self._connection, access)

    def accesses(self, case: int) -> Sequence[SiteAccess]:
        return _ACCESS.of_case(self._connection, case)

    def access_opening(self, *, until_ms: int) -> Sequence[SiteAccess]:
        return _ACCESS.list(self._connection, _OPENING, until_ms=until_ms)
