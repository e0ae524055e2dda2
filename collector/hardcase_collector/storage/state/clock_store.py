"""ClockStore over SQL: terms frozen with a case, watched clocks and the queue. Made by the transaction of `store.py`.

Teams, swaps and imported calendars are in `duty_store.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    union,
)

from hardcase_collector.domain.case import Case, CaseState, TimelineEntry, Waiting
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.service_terms import (
    CaseClock,
    CaseTerms,
    QueueFilter,
    QueueGroup,
    QueueLine,
    Standing,
)
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.case_store import OPEN_CASES, case_of_row
from hardcase_collector.storage.state.duty_store import SqlDuty
from hardcase_collector.storage.state.models import (
    AssetRow,
    CaseClockRow,
    CaseRow,
    CaseTermsRow,
    DispatchRow,
    FrozenTermsRow,
    TimelineRow,
)
from hardcase_collector.storage.state.models.repairs import OPEN_VISIT
from hardcase_collector.storage.state.upserts import insert_into, table_of, upsert

_ASSETS = table_of(AssetRow)
_CASES = table_of(CaseRow)
_CLOCKS = table_of(CaseClockRow)
_DISPATCHES = table_of(DispatchRow)
_FROZEN = table_of(FrozenTermsRow)
_TERMS = table_of(CaseTermsRow)
_TIMELINE = table_of(TimelineRow)
_OVER = _CASES.c.state.in_([str(CaseState.CLOSED), str(CaseState.CANCELLED)])
_TERM_COLUMNS = (_TERMS, _FROZEN.c.body)
_OPEN_VISIT = OPEN_VISIT.replace("state", "dispatches.state")
# Built once for the tick. Both conditions, or SQLite cannot prove that its partial index applies.
_DUE = (
    select(_CLOCKS)
    .where(_CLOCKS.c.look_ms > 0, _CLOCKS.c.look_ms <= bindparam("now_ms"))
    .order_by(_CLOCKS.c.look_ms)
    .limit(bindparam("limit"))
)
# Running clocks before paused ones before cases that owe nothing by a time.
_RANK = case((_CLOCKS.c.state == Standing.RUNNING, 0), (_CLOCKS.c.state == Standing.PAUSED, 1), else_=2)
_KEY = case(
    (_CLOCKS.c.state == Standing.RUNNING, _CLOCKS.c.due_ms),
    (_CLOCKS.c.state == Standing.PAUSED, _CLOCKS.c.left_ms),
    else_=_CASES.c.opened_ms,
)


class SqlClockStore(SqlDuty):
    def freeze(self, terms: CaseTerms) -> None:
        hash = hashlib.sha256(terms.frozen.encode()).hexdigest()
        shared = insert_into(self._connection.dialect.name, _FROZEN).values(hash=hash, body=terms.frozen)
        self._connection.execute(shared.on_conflict_do_nothing(index_elements=["hash"]))
        self._connection.execute(
            upsert(self._connection, _TERMS),
            {
                "case_id": terms.case,
                "frozen": hash,
                "plan": terms.plan,
                "priority": str(terms.priority),
                "entitlement": terms.entitlement,
                "vendor": terms.vendor,
                "contract": terms.contract,
                "site": terms.site,
                "entitled_from": _day_text(terms.entitled_from),
                "entitled_until": _day_text(terms.entitled_until),
                "provisional": terms.provisional,
            },
        )

    def terms(self, case: int) -> CaseTerms | None:
        row = self._connection.execute(_terms().where(_TERMS.c.case_id == case)).mappings().first()
        return None if row is None else _terms_of(row)

    def provisional(self) -> Sequence[CaseTerms]:
        # From the few that still owe something: every second case that ever was had a provisional year.
        owing = union(select(_CASES.c.id).where(OPEN_CASES), select(_CLOCKS.c.case_id))
        query = _terms().where(_TERMS.c.case_id.in_(owing), _TERMS.c.provisional).order_by(_TERMS.c.case_id)
        return [_terms_of(row) for row in self._connection.execute(query).mappings()]

    def terms_since(
        self, since_ms: int, *, customer: str | None, asset: int | None
    ) -> Sequence[tuple[Case, CaseTerms]]:
        query = select(_CASES, *_labelled()).join(_TERMS, _TERMS.c.case_id == _CASES.c.id)
        query = query.join(_FROZEN, _FROZEN.c.hash == _TERMS.c.frozen)
        query = query.where(_CASES.c.opened_ms >= since_ms, ~_CASES.c.rehearsal, _CASES.c.parent.is_(None))
        if asset is not None:
            query = query.where(_CASES.c.asset == asset)
        if customer is not None:
            query = query.join(_ASSETS, _ASSETS.c.id == _CASES.c.asset).where(_ASSETS.c.customer == customer)
        rows = self._connection.execute(query.order_by(_CASES.c.id)).mappings()
        return [(case_of_row(row), _terms_of(row, "terms_")) for row in rows]

    def history(self, case: int, codes: Collection[str]) -> Sequence[TimelineEntry]:
        query = select(_TIMELINE).where(_TIMELINE.c.case_id == case, _TIMELINE.c.code.in_(sorted(codes)))
        return [
            TimelineEntry(
                case=row.case_id,
                version=row.version,
                code=row.code,
                at_ms=row.at_ms,
                actor=row.actor,
                parameters=texts.load_facts(row.parameters),
            )
            for row in self._connection.execute(query.order_by(_TIMELINE.c.version))
        ]

    def save(self, clock: CaseClock) -> None:
        self._connection.execute(
            upsert(self._connection, _CLOCKS),
            {
                "case_id": clock.case,
                "kind": clock.kind,
                "round": clock.round,
                "state": str(clock.state),
                "due_ms": clock.due_ms,
                "left_ms": clock.left_ms,
                "looked_ms": clock.looked_ms,
                "look_ms": clock.look_ms,
            },
        )

    def drop(self, case: int) -> None:
        self._connection.execute(delete(_CLOCKS).where(_CLOCKS.c.case_id == case))

    def clock(self, case: int) -> CaseClock | None:
        row = self._connection.execute(select(_CLOCKS).where(_CLOCKS.c.case_id == case)).mappings().first()
        return None if row is None else _clock(row)

    def due(self, now_ms: int, *, limit: int) -> Sequence[CaseClock]:
        found = self._connection.execute(_DUE, {"now_ms": now_ms, "limit": limit})
        return [_clock(row) for row in found.mappings()]

    def queue(self, which: QueueFilter) -> Sequence[QueueLine]:
        query = select(_CASES, *_clock_columns(), _ASSETS.c.customer.label("of_customer"), *_names(), _RANK, _KEY)
        query = query.join(_ASSETS, _ASSETS.c.id == _CASES.c.asset)
        query = query.join(_CLOCKS, _CLOCKS.c.case_id == _CASES.c.id, isouter=not which.follow_ups)
        # Of closed cases the few that are watched, not all that ever were.
        watched = _CASES.c.id.in_(select(_CLOCKS.c.case_id))
        query = query.where(*((_OVER, watched) if which.follow_ups else (OPEN_CASES,)), *_wanted(which))
        if which.site is not None:
            query = query.join(_TERMS, _TERMS.c.case_id == _CASES.c.id).where(_TERMS.c.site == which.site)
        if which.after is not None:
            query = query.where(tuple_(_RANK, _KEY, _CASES.c.id) > which.after)
        query = query.order_by(_RANK, _KEY, _CASES.c.id).limit(which.limit)
        return [_line(row) for row in self._connection.execute(query).mappings()]

    def queue_groups(self, *, customer: str | None, now_ms: int) -> Sequence[QueueGroup]:
        site = func.coalesce(_TERMS.c.site, "").label("site")
        alike = (_CASES.c.assignee, _CASES.c.waiting, _CASES.c.team, site, _CASES.c.priority)
        late = and_(_CLOCKS.c.state == Standing.RUNNING, _CLOCKS.c.due_ms < now_ms)
        query = select(func.count().label("cases"), func.sum(case((late, 1), else_=0)).label("overdue"), *alike)
        query = query.select_from(_CASES).join(_ASSETS, _ASSETS.c.id == _CASES.c.asset)
        query = query.join(_CLOCKS, _CLOCKS.c.case_id == _CASES.c.id, isouter=True)
        query = query.join(_TERMS, _TERMS.c.case_id == _CASES.c.id, isouter=True)
        query = query.where(OPEN_CASES, *_wanted(QueueFilter(customer=customer))).group_by(*alike).order_by(*alike)
        return [
            QueueGroup(
                count=row.cases,
                overdue=int(row.overdue),
                assignee=row.assignee,
                waiting=Waiting(row.waiting),
                team=row.team,
                site=row.site,
                priority=Priority(row.priority),
            )
            for row in self._connection.execute(query)
        ]


def _wanted(which: QueueFilter) -> Sequence[ColumnElement[bool]]:
    equal = {
        _ASSETS.c.customer: which.customer,
        _CASES.c.waiting: None if which.waiting is None else str(which.waiting),
        _CASES.c.team: which.team,
        _CASES.c.priority: None if which.priority is None else str(which.priority),
        _CASES.c.asset: which.asset,
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if which.unassigned or which.assignee is not None:
        whose = _CASES.c.assignee == ("" if which.unassigned else which.assignee)
        found.append(whose if which.visiting is None else or_(whose, _CASES.c.id.in_(_visited_by(which.visiting))))
    if which.rehearsal is not None:
        found.append(_CASES.c.rehearsal.is_(which.rehearsal))
    if not which.children:
        found.append(_CASES.c.parent.is_(None))
    return found


def _visited_by(engineer: str) -> Select[tuple[int]]:
    """Cases with a visit of his that is not over."""
    return select(_DISPATCHES.c.case_id).where(_DISPATCHES.c.engineer == engineer, text(_OPEN_VISIT))


def _terms() -> Select[tuple[object, ...]]:
    return select(*_TERM_COLUMNS).join(_FROZEN, _FROZEN.c.hash == _TERMS.c.frozen)


def _labelled() -> tuple[ColumnElement[object], ...]:
    return (*(column.label(f"terms_{column.name}") for column in _TERMS.c), _FROZEN.c.body.label("terms_body"))


def _clock_columns() -> tuple[ColumnElement[object], ...]:
    return tuple(column.label(f"clock_{column.name}") for column in _CLOCKS.c)


def _names() -> tuple[ColumnElement[object], ...]:
    return tuple(_ASSETS.c[name].label(f"of_{name}") for name in ("hostname", "address", "serial"))


def _terms_of(row: RowMapping, prefix: str = "") -> CaseTerms:
    def told(name: str) -> str:
        return str(row[prefix + name])

    return CaseTerms(
        case=row[f"{prefix}case_id"],
        plan=told("plan"),
        frozen=told("body"),
        priority=Priority(told("priority")),
        entitlement=row[f"{prefix}entitlement"],
        vendor=told("vendor"),
        contract=told("contract"),
        site=told("site"),
        entitled_from=_day(told("entitled_from")),
        entitled_until=_day(told("entitled_until")),
        provisional=bool(row[f"{prefix}provisional"]),
    )


def _clock(row: RowMapping, prefix: str = "") -> CaseClock:
    return CaseClock(
        case=row[f"{prefix}case_id"],
        kind=row[f"{prefix}kind"],
        round=row[f"{prefix}round"],
        state=Standing(row[f"{prefix}state"]),
        due_ms=row[f"{prefix}due_ms"],
        left_ms=row[f"{prefix}left_ms"],
        looked_ms=row[f"{prefix}looked_ms"],
        look_ms=row[f"{prefix}look_ms"],
    )


def _line(row: RowMapping) -> QueueLine:
    clock = None if row["clock_case_id"] is None else _clock(row, "clock_")
    if clock is not None and clock.state is Standing.WATCHED:
        clock = None
    case = case_of_row(row)
    if clock is None:
        place = (2, case.opened_ms, case.id)
    elif clock.state is Standing.RUNNING:
        place = (0, clock.due_ms, case.id)
    else:
        place = (1, clock.left_ms, case.id)
    name = row["of_hostname"] or row["of_address"] or row["of_serial"] or str(case.asset)
    return QueueLine(case=case, clock=clock, customer=row["of_customer"], asset_name=name, place=place)


def _day_text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
