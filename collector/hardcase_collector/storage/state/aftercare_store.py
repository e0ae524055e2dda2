"""Hand-offs, service reports and follow-ups over SQL: part of the store of `repair_store.py`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, case, func, select, text

from hardcase_collector.domain.repair import LOW_SCORE, FollowUp, HandOff, SatisfactionLine, ServiceReport
from hardcase_collector.domain.said import Said
from hardcase_collector.storage.state.models import AssetRow, CaseRow, FollowUpRow, HandOffRow, ServiceReportRow
from hardcase_collector.storage.state.shelf import Shelf
from hardcase_collector.storage.state.upserts import table_of

_ASSETS, _CASES = table_of(AssetRow), table_of(CaseRow)
_HAND_OFFS = Shelf(HandOff, table_of(HandOffRow), what=Said("hand-off"))
_REPORTS = Shelf(ServiceReport, table_of(ServiceReportRow), what=Said("service report"))
_FOLLOW_UPS = Shelf(FollowUp, table_of(FollowUpRow), what=Said("follow-up"))
_DUE = text("follow_ups.state = 'due'")
# Built once for the tick.
_DUE_BY = (
    select(_FOLLOW_UPS.table)
    .where(_DUE, _FOLLOW_UPS.table.c.due_ms <= bindparam("until_ms"))
    .order_by(_FOLLOW_UPS.table.c.due_ms, _FOLLOW_UPS.table.c.id)
)
_ANSWERED = text("follow_ups.state = 'answered'")


class SqlAftercareStore:
    _connection: Connection

    def add_hand_off(self, hand_off: HandOff) -> HandOff:
        return _HAND_OFFS.add(self._connection, hand_off)

    def save_hand_off(self, hand_off: HandOff) -> None:
        _HAND_OFFS.save(self._connection, hand_off)

    def hand_offs(self, case: int) -> Sequence[HandOff]:
        return _HAND_OFFS.of_case(self._connection, case)

    def add_service_report(self, report: ServiceReport) -> ServiceReport:
        return _REPORTS.add(self._connection, report)

    def save_service_report(self, report: ServiceReport) -> None:
        _REPORTS.save(self._connection, report)

    def service_report(self, row: int) -> ServiceReport:
        return _REPORTS.get(self._connection, row)

    def service_reports(self, case: int) -> Sequence[ServiceReport]:
        return _REPORTS.of_case(self._connection, case)

    def add_follow_up(self, follow_up: FollowUp) -> FollowUp:
        return _FOLLOW_UPS.add(self._connection, follow_up)

    def save_follow_up(self, follow_up: FollowUp) -> None:
        _FOLLOW_UPS.save(self._connection, follow_up)

    def follow_up(self, row: int) -> FollowUp:
        return _FOLLOW_UPS.get(self._connection, row)

    def follow_ups(self, case: int) -> Sequence[FollowUp]:
        return _FOLLOW_UPS.of_case(self._connection, case)

    def follow_ups_due(self, *, until_ms: int) -> Sequence[FollowUp]:
        return _FOLLOW_UPS.list(self._connection, _DUE_BY, until_ms=until_ms)

    def satisfaction(self, *, customer: str | None, by: str, from_ms: int, until_ms: int) -> Sequence[SatisfactionLine]:
        table = _FOLLOW_UPS.table
        name = {"engineer": table.c.engineer, "plan": table.c.plan}[by]
        counts = [func.sum(case((table.c.score == score, 1), else_=0)) for score in range(1, 6)]
        query = (
            select(name, func.count(), *counts)
            .join(_CASES, _CASES.c.id == table.c.case_id)
            .where(_ANSWERED, table.c.answered_ms >= from_ms, table.c.answered_ms < until_ms)
            .where(_CASES.c.rehearsal.is_(False))
        )
        if customer is not None:
            query = query.join(_ASSETS, _ASSETS.c.id == _CASES.c.asset).where(_ASSETS.c.customer == customer)
        return [
            SatisfactionLine(name=who, answers=answers, low=sum(scores[:LOW_SCORE]), scores=tuple(scores))
            for who, answers, *scores in self._connection.execute(query.group_by(name).order_by(name))
        ]
