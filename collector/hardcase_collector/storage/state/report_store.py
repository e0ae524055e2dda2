"""ReportStore over SQL: people's reports, what is attached to cases, and how the cases of rules ended.

Made by the transaction of `store.py`. The bytes of attachments are `storage/evidence.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, RowMapping, Select, and_, delete, distinct, func, insert, select, text

from hardcase_collector.domain.case import Outcome
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.report import Attachment, AttachmentKind, Caller, Report, ReportChannel, RuleEnding
from hardcase_collector.storage.state.models import (
    AssetRow,
    AttachmentRow,
    CaseRow,
    DiagnosticFileRow,
    ReportRow,
    WhyRow,
)
from hardcase_collector.storage.state.upserts import insert_into, table_of

_ANSWERS = table_of(DiagnosticFileRow)
_ASSETS = table_of(AssetRow)
_ATTACHMENTS = table_of(AttachmentRow)
_CASES = table_of(CaseRow)
_REPORTS = table_of(ReportRow)
_WHYS = table_of(WhyRow)
# Word for word the condition of the partial index.
_ENDED = text("cases.closed_ms > 0")
_IN_ONE_QUERY = 500


class SqlReportStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, report: Report) -> Report:
        row = self._connection.execute(insert(_REPORTS).values(_columns(report)).returning(_REPORTS)).mappings().one()
        return _report(row)

    def by_key(self, key: str, *, customer: str) -> Report | None:
        if not key:
            return None
        keyed = and_(
            _REPORTS.c.customer == customer, _REPORTS.c.idempotency_key == key, text("reports.idempotency_key <> ''")
        )
        row = self._connection.execute(select(_REPORTS).where(keyed)).mappings().first()
        return None if row is None else _report(row)

    def of_case(self, case: int) -> Sequence[Report]:
        query = select(_REPORTS).where(_REPORTS.c.case_id == case).order_by(_REPORTS.c.id)
        return [_report(row) for row in self._connection.execute(query).mappings()]

    def attach(self, attachment: Attachment) -> Attachment:
        values = {
            "case_id": attachment.case,
            "sha256": attachment.sha256,
            "name": attachment.name,
            "media": attachment.media,
            "size": attachment.size,
            "attached_by": attachment.attached_by,
            "at_ms": attachment.at_ms,
            "internal": attachment.internal,
            "kind": str(attachment.kind),
        }
        added = insert_into(self._connection.dialect.name, _ATTACHMENTS).values(values)
        self._connection.execute(added.on_conflict_do_nothing(index_elements=["case_id", "sha256"]))
        same = (_ATTACHMENTS.c.case_id == attachment.case, _ATTACHMENTS.c.sha256 == attachment.sha256)
        return _attachment(self._connection.execute(select(_ATTACHMENTS).where(*same)).mappings().one())

    def attachments(self, case: int, *, internal: bool) -> Sequence[Attachment]:
        query = select(_ATTACHMENTS).where(_ATTACHMENTS.c.case_id == case).order_by(_ATTACHMENTS.c.id)
        if not internal:
            query = query.where(_ATTACHMENTS.c.internal.is_(False))
        return self._attachments(query)

    def attachment(self, id: int, *, customer: str | None) -> Attachment:
        query = select(_ATTACHMENTS).where(_ATTACHMENTS.c.id == id)
        if customer is not None:
            query = query.join(_CASES, _CASES.c.id == _ATTACHMENTS.c.case_id)
            query = query.join(_ASSETS, _ASSETS.c.id == _CASES.c.asset).where(_ASSETS.c.customer == customer)
        row = self._connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("there is no attachment {id}", id=id)
        return _attachment(row)

    def attached_bytes(self, case: int, kind: AttachmentKind) -> int:
        query = select(func.coalesce(func.sum(_ATTACHMENTS.c.size), 0))
        query = query.where(_ATTACHMENTS.c.case_id == case, _ATTACHMENTS.c.kind == str(kind))
        return int(self._connection.execute(query).scalar_one())

    def detach(self, ids: Iterable[int]) -> None:
        self._connection.execute(delete(_ATTACHMENTS).where(_ATTACHMENTS.c.id.in_(list(ids))))

    def expired_attachments(self, *, before_ms: int, limit: int) -> Sequence[Attachment]:
        old = _ATTACHMENTS.c.at_ms < before_ms
        ended = and_(_CASES.c.closed_ms > 0, _CASES.c.closed_ms < before_ms)
        query = select(_ATTACHMENTS).join(_CASES, _CASES.c.id == _ATTACHMENTS.c.case_id).where(old, ended)
        return self._attachments(query.order_by(_ATTACHMENTS.c.id).limit(limit))

    def referenced(self, hashes: Iterable[str]) -> frozenset[str]:
        asked, found = list(hashes), set[str]()
        for start in range(0, len(asked), _IN_ONE_QUERY):
            some = asked[start : start + _IN_ONE_QUERY]
            for column in (_ATTACHMENTS.c.sha256, _ANSWERS.c.sha256):
                found.update(self._connection.execute(select(column).where(column.in_(some)).distinct()).scalars())
        return frozenset(found)

    def endings(self, *, customer: str | None, from_ms: int, until_ms: int) -> Sequence[RuleEnding]:
        query = _endings(from_ms, until_ms)
        if customer is not None:
            query = query.join(_ASSETS, _ASSETS.c.id == _CASES.c.asset).where(_ASSETS.c.customer == customer)
        return [RuleEnding(row[0], Outcome(row[1]), row[2]) for row in self._connection.execute(query)]

    def _attachments(self, query: Select[tuple[object, ...]]) -> Sequence[Attachment]:
        return [_attachment(row) for row in self._connection.execute(query).mappings()]


def _endings(from_ms: int, until_ms: int) -> Select[str, str, int]:
    """A rule had its say in a case where a finding of it was given to the case: the stored why tells of each once."""
    span = and_(_ENDED, _CASES.c.closed_ms >= from_ms, _CASES.c.closed_ms < until_ms)
    return (
        select(_WHYS.c.rule, _CASES.c.outcome, func.count(distinct(_CASES.c.id)))
        .select_from(_CASES)
        .join(_WHYS, _WHYS.c.case_id == _CASES.c.id)
        .where(span, _CASES.c.rehearsal.is_(False), _WHYS.c.opened.is_(True))
        .group_by(_WHYS.c.rule, _CASES.c.outcome)
        .order_by(_WHYS.c.rule, _CASES.c.outcome)
    )


def _columns(report: Report) -> dict[str, object]:
    return {
        "case_id": report.case,
        "customer": report.customer,
        "idempotency_key": report.key,
        "digest": report.digest,
        "category": report.category,
        "description": report.description,
        "channel": str(report.channel),
        "contact_name": report.caller.name,
        "contact_mail": report.caller.mail,
        "contact_phone": report.caller.phone,
        "asset_told": report.asset_told,
        "site": report.site,
        "occurred_ms": report.occurred_ms,
        "reported_ms": report.reported_ms,
        "reported_by": report.reported_by,
        "joined": report.joined,
    }


def _report(row: RowMapping) -> Report:
    return Report(
        id=row["id"],
        case=row["case_id"],
        customer=row["customer"],
        key=row["idempotency_key"],
        digest=row["digest"],
        category=row["category"],
        description=row["description"],
        channel=ReportChannel(row["channel"]),
        caller=Caller(name=row["contact_name"], mail=row["contact_mail"], phone=row["contact_phone"]),
        asset_told=row["asset_told"],
        site=row["site"],
        occurred_ms=row["occurred_ms"],
        reported_ms=row["reported_ms"],
        reported_by=row["reported_by"],
        joined=row["joined"],
    )


def _attachment(row: RowMapping) -> Attachment:
    return Attachment(
        id=row["id"],
        case=row["case_id"],
        sha256=row["sha256"],
        name=row["name"],
        media=row["media"],
        size=row["size"],
        attached_by=row["attached_by"],
        at_ms=row["at_ms"],
        internal=row["internal"],
        kind=AttachmentKind(row["kind"]),
    )
