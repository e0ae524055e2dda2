"""CaseStore over SQL: cases, their numbers and their timelines. Made by the transaction of `store.py`.

That there is one open case for a part and group is a partial unique index, not only the desk's care.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, insert, or_, select, text, update

from hardcase_collector.domain.case import Case, CaseState, Origin, Outcome, TimelineEntry, Waiting
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import CaseFilter
from hardcase_collector.domain.priority import Priority, ServiceState
from hardcase_collector.domain.spares import Sighting
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.models import AssetRow, CaseDayRow, CaseRow, PartOrderRow, TimelineRow
from hardcase_collector.storage.state.upserts import insert_into, table_of

_ASSETS = table_of(AssetRow)
_CASES = table_of(CaseRow)
_DAYS = table_of(CaseDayRow)
_ORDERS = table_of(PartOrderRow)
_TIMELINE = table_of(TimelineRow)
# Word for word the condition of the partial indexes: SQLite uses one only where it can prove that it applies.
_OPEN_PART = text("cases.state NOT IN ('closed', 'cancelled') AND NOT loose")
OPEN_CASES = text("cases.state NOT IN ('closed', 'cancelled')")

# What every tick asks is built once: building a statement costs more than running it where nothing is due.
_INSTALLED = select(_ORDERS.c.id).where(_ORDERS.c.case_id == _CASES.c.id, _ORDERS.c.installed_ms > 0)
_UNSEEN = _INSTALLED.where(_ORDERS.c.sighting.not_in([str(Sighting.SEEN), str(Sighting.ENTERED)]))
_SOAKED = (
    select(_CASES)
    .where(
        text("cases.state = 'verifying'"),
        _CASES.c.clear_since_ms > 0,
        _CASES.c.clear_since_ms + 1000 * _CASES.c.soak_s <= bindparam("now_ms"),
        or_(_CASES.c.self_clearing, _CASES.c.rehearsal, _INSTALLED.exists()),
        ~_UNSEEN.exists(),
    )
    .order_by(_CASES.c.clear_since_ms, _CASES.c.id)
    .limit(bindparam("limit"))
)
_UNSTABLE = (
    select(_CASES)
    .where(
        text("unstable"),
        OPEN_CASES,
        _CASES.c.clear_since_ms > 0,
        _CASES.c.clear_since_ms <= bindparam("clear_before_ms"),
    )
    # In the order of its index: SQLite would go through all open cases for another one.
    .order_by(_CASES.c.clear_since_ms, _CASES.c.id)
)
_REHEARSALS = (
    select(_CASES)
    .where(text("cases.rehearsal"), OPEN_CASES, _CASES.c.opened_ms < bindparam("opened_before_ms"))
    .order_by(_CASES.c.opened_ms, _CASES.c.id)
)


class SqlCaseStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open_for(self, *, asset: int, part_key: str, repair_group: str) -> Case | None:
        return self._first(select(_CASES).where(*_same_part(asset, part_key, repair_group), _OPEN_PART))

    def open_of(self, asset: int) -> Sequence[Case]:
        """Oldest first."""
        return self._list(select(_CASES).where(_CASES.c.asset == asset, OPEN_CASES).order_by(_CASES.c.id))

    def last_closed_for(self, *, asset: int, part_key: str, repair_group: str, since_ms: int) -> Case | None:
        """The newest closed or cancelled case of this part and group that ended since then."""
        query = select(_CASES).where(*_same_part(asset, part_key, repair_group), _CASES.c.closed_ms >= max(since_ms, 1))
        return self._first(query.order_by(_CASES.c.closed_ms.desc(), _CASES.c.id.desc()))

    def closed_of(self, *, asset: int, repair_group: str, since_ms: int) -> Sequence[Case]:
        query = select(_CASES).where(
            _CASES.c.asset == asset, _CASES.c.repair_group == repair_group, _CASES.c.closed_ms >= max(since_ms, 1)
        )
        return self._list(query.order_by(_CASES.c.closed_ms.desc(), _CASES.c.id.desc()))

    def add(self, case: Case) -> Case:
        values = {**_columns(case), "number": self._next_number(case.opened_ms)}
        return case_of_row(self._connection.execute(insert(_CASES).values(values).returning(_CASES)).mappings().one())

    def _next_number(self, opened_ms: int) -> str:
        day = datetime.fromtimestamp(opened_ms / 1000, UTC).strftime("%Y%m%d")
        counted = insert_into(self._connection.dialect.name, _DAYS).values(day=day, last=1)
        counted = counted.on_conflict_do_update(index_elements=["day"], set_={"last": _DAYS.c.last + 1})
        last = self._connection.execute(counted.returning(_DAYS.c.last)).scalar_one()
        return f"HC-{day}-{last:04d}"

    def save(self, case: Case) -> None:
        done = self._connection.execute(update(_CASES).where(_CASES.c.id == case.id).values(_columns(case)))
        if done.rowcount == 0:
            raise NotFound("there is no case {case}", case=case.id)

    def get(self, case: int) -> Case:
        found = self._first(select(_CASES).where(_CASES.c.id == case))
        if found is None:
            raise NotFound("there is no case {case}", case=case)
        return found

    def by_number(self, number: str, *, customer: str | None) -> Case:
        """Another customer's case is not found: that it exists is nobody else's business."""
        found = self._first(_of_customer(select(_CASES).where(_CASES.c.number == number), customer))
        if found is None:
            raise NotFound("there is no case {number}", number=number)
        return found

    def list(self, which: CaseFilter) -> Sequence[Case]:
        """Newest first."""
        query = _of_customer(select(_CASES), which.customer)
        if which.open_only:
            query = query.where(OPEN_CASES)
        if which.asset is not None:
            query = query.where(_CASES.c.asset == which.asset)
        if which.states:
            query = query.where(_CASES.c.state.in_(which.states))
        if which.rehearsal is not None:
            query = query.where(_CASES.c.rehearsal.is_(which.rehearsal))
        if which.before is not None:
            query = query.where(_CASES.c.id < which.before)
        return self._list(query.order_by(_CASES.c.id.desc()).limit(which.limit))

    def add_entry(self, entry: TimelineEntry) -> None:
        self._connection.execute(
            insert(_TIMELINE).values(
                case_id=entry.case,
                version=entry.version,
                code=entry.code,
                at_ms=entry.at_ms,
                actor=entry.actor,
                parameters=texts.dump_facts(entry.parameters),
            )
        )

    def timeline(self, case: int) -> Sequence[TimelineEntry]:
        """Oldest first."""
        query = select(_TIMELINE).where(_TIMELINE.c.case_id == case).order_by(_TIMELINE.c.version)
        return [
            TimelineEntry(
                case=row.case_id,
                version=row.version,
                code=row.code,
                at_ms=row.at_ms,
                actor=row.actor,
                parameters=texts.load_facts(row.parameters),
            )
            for row in self._connection.execute(query)
        ]

    def soaked(self, *, now_ms: int, limit: int) -> Sequence[Case]:
        return self._list(_SOAKED, now_ms=now_ms, limit=limit)

    def unstable(self, *, clear_before_ms: int) -> Sequence[Case]:
        return self._list(_UNSTABLE, clear_before_ms=clear_before_ms)

    def rehearsals(self, *, opened_before_ms: int) -> Sequence[Case]:
        """Open cases of fire drills that were opened before then."""
        return self._list(_REHEARSALS, opened_before_ms=opened_before_ms)

    def children(self, parent: int) -> Sequence[Case]:
        """Cases under a storm's, oldest first."""
        return self._list(select(_CASES).where(_CASES.c.parent == parent).order_by(_CASES.c.id))

    def _first(self, query: Select[tuple[object, ...]]) -> Case | None:
        row = self._connection.execute(query.limit(1)).mappings().first()
        return None if row is None else case_of_row(row)

    def _list(self, query: Select[tuple[object, ...]], **asked: object) -> Sequence[Case]:
        return [case_of_row(row) for row in self._connection.execute(query, asked).mappings()]


def slot_key(case: Case) -> str:
    return case.part.place() if case.part.slot else ""


def _same_part(asset: int, part_key: str, repair_group: str) -> tuple[ColumnElement[bool], ...]:
    return _CASES.c.asset == asset, _CASES.c.part_key == part_key, _CASES.c.repair_group == repair_group


def _of_customer(query: Select[tuple[object, ...]], customer: str | None) -> Select[tuple[object, ...]]:
    if customer is None:
        return query
    return query.join(_ASSETS, _ASSETS.c.id == _CASES.c.asset).where(_ASSETS.c.customer == customer)


def _columns(case: Case) -> dict[str, object]:
    """Every column but id and number, which never change."""
    return {
        "asset": case.asset,
        "part": texts.dump_part(case.part),
        "part_key": case.part.key(),
        "slot_key": slot_key(case),
        "repair_group": case.repair_group,
        "state": str(case.state),
        "severity": int(case.severity),
        "fault_classes": texts.dump_words(case.fault_classes),
        "since_ms": case.since_ms,
        "opened_ms": case.opened_ms,
        "version": case.version,
        "acknowledged_ms": case.acknowledged_ms,
        "acknowledged_by": case.acknowledged_by,
        "closed_ms": case.closed_ms,
        "clear_since_ms": case.clear_since_ms,
        "self_clearing": case.self_clearing,
        "soak_s": case.soak_s,
        "reopened": case.reopened,
        "unstable": case.unstable,
        "rehearsal": case.rehearsal,
        "linked": case.linked,
        "origin": str(case.origin),
        "title": case.title,
        "priority": str(case.priority),
        "service": str(case.service),
        "assignee": case.assignee,
        "team": case.team,
        "waiting": str(case.waiting),
        "parent": case.parent,
        "outcome": str(case.outcome),
        "loose": case.loose,
    }


def case_of_row(row: RowMapping) -> Case:
    return Case(
        id=row["id"],
        number=row["number"],
        asset=row["asset"],
        part=texts.load_part(row["part"]),
        repair_group=row["repair_group"],
        state=CaseState(row["state"]),
        severity=Severity(row["severity"]),
        fault_classes=texts.load_words(row["fault_classes"]),
        since_ms=row["since_ms"],
        opened_ms=row["opened_ms"],
        version=row["version"],
        acknowledged_ms=row["acknowledged_ms"],
        acknowledged_by=row["acknowledged_by"],
        closed_ms=row["closed_ms"],
        clear_since_ms=row["clear_since_ms"],
        self_clearing=row["self_clearing"],
        soak_s=row["soak_s"],
        reopened=row["reopened"],
        unstable=row["unstable"],
        rehearsal=row["rehearsal"],
        linked=row["linked"],
        origin=Origin(row["origin"]),
        title=row["title"],
        priority=Priority(row["priority"]),
        service=ServiceState(row["service"]),
        assignee=row["assignee"],
        team=row["team"],
        waiting=Waiting(row["waiting"]),
        parent=row["parent"],
        outcome=Outcome(row["outcome"]),
        loose=row["loose"],
    )
