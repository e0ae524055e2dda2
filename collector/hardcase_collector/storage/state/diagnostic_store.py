"""DiagnosticStore over SQL: requests, what agents allow, answers, files. Made by the transaction of `store.py`.

The bytes of files are `storage/evidence.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, insert, or_, select, text, update

from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.diagnostic import (
    ID_BYTES,
    Allowed,
    DiagnosticFile,
    DiagnosticKind,
    DiagnosticRequest,
    RequestFilter,
    RequestState,
)
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.storage.state.models import (
    AssetRow,
    DiagnosticAllowedRow,
    DiagnosticFileRow,
    DiagnosticRow,
)
from hardcase_collector.storage.state.upserts import insert_into, table_of, upsert

_ALLOWED = table_of(DiagnosticAllowedRow)
_ASSETS = table_of(AssetRow)
_FILES = table_of(DiagnosticFileRow)
_REQUESTS = table_of(DiagnosticRow)
_SHOWN = [column for column in _REQUESTS.columns if column.name != "answer"]
"""Answers are large, and asked for one by one."""
# Word for word the conditions of the partial indexes.
_OWED = text("diagnostics.owed")
_OPEN = text("diagnostics.ended_ms = 0")
_HEX = re.compile(r"[0-9a-f]{4,32}")


class SqlDiagnosticStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def allow(self, allowed: Allowed) -> None:
        row = {"agent": allowed.agent, "kinds": ",".join(allowed.kinds), "told_ms": allowed.told_ms}
        self._connection.execute(upsert(self._connection, _ALLOWED), row)

    def allowed(self, agent: int) -> Allowed | None:
        row = self._connection.execute(select(_ALLOWED).where(_ALLOWED.c.agent == agent)).mappings().first()
        if row is None:
            return None
        kinds = tuple(DiagnosticKind(word) for word in row["kinds"].split(",") if word)
        return Allowed(agent=agent, kinds=kinds, told_ms=row["told_ms"])

    # ------------------------------------------------------------------ requests

    def add(self, request: DiagnosticRequest) -> None:
        self._connection.execute(insert(_REQUESTS).values(**_columns(request), answer=b""))

    def save(self, request: DiagnosticRequest) -> None:
        columns = _columns(request)
        key = columns.pop("id")
        if self._connection.execute(update(_REQUESTS).where(_REQUESTS.c.id == key).values(columns)).rowcount == 0:
            raise NotFound("there is no request {request}", request=request.name)

    def request(self, id: bytes) -> DiagnosticRequest | None:
        found = self._requests(select(*_SHOWN).where(_REQUESTS.c.id == id))
        return found[0] if found else None

    def find(self, name: str, *, customer: str | None) -> DiagnosticRequest:
        wanted = name.strip().lower()
        if not _HEX.fullmatch(wanted):
            raise NotFound("{name!r} names no request: four digits of its id (0-9, a-f) or more do", name=name)
        digits = ID_BYTES * 2
        first, last = (bytes.fromhex(wanted.ljust(digits, filler)) for filler in "0f")
        query = _scoped(select(*_SHOWN), customer).where(_REQUESTS.c.id.between(first, last))
        found = self._requests(query.order_by(_REQUESTS.c.id).limit(2))
        if not found:
            raise NotFound("there is no request {request}", request=name)
        if len(found) > 1:
            raise NotFound("{name} begins the ids of several requests: give more of it", name=name)
        return found[0]

    def listed(self, which: RequestFilter) -> Sequence[DiagnosticRequest]:
        query = _scoped(select(*_SHOWN), which.customer)
        if which.asset is not None:
            query = query.where(_REQUESTS.c.asset == which.asset)
        if which.case is not None:
            query = query.where(_REQUESTS.c.case_id == which.case)
        if which.open_only:
            query = query.where(_OPEN)
        if which.kinds != frozenset(DiagnosticKind):
            query = query.where(_REQUESTS.c.kind.in_(sorted(which.kinds)))
        return self._requests(query.order_by(_REQUESTS.c.asked_ms.desc(), _REQUESTS.c.id).limit(which.limit))

    def open_for(self, agent: int, asset: int, kind: DiagnosticKind, target: str) -> DiagnosticRequest | None:
        same = and_(
            _OPEN,
            _REQUESTS.c.agent == agent,
            _REQUESTS.c.asset == asset,
            _REQUESTS.c.kind == str(kind),
            _REQUESTS.c.target == target,
        )
        found = self._requests(select(*_SHOWN).where(same).limit(1))
        return found[0] if found else None

    def open_count(self, agent: int) -> int:
        query = select(func.count()).select_from(_REQUESTS).where(_OPEN, _REQUESTS.c.agent == agent)
        return int(self._connection.execute(query).scalar_one())

    def owed(self, agent: int, *, limit: int) -> Sequence[DiagnosticRequest]:
        query = select(*_SHOWN).where(_OWED, _REQUESTS.c.agent == agent)
        return self._requests(query.order_by(_REQUESTS.c.asked_ms, _REQUESTS.c.id).limit(limit))

    def agents_waiting(self) -> Sequence[int]:
        query = select(_REQUESTS.c.agent).where(_OPEN, _REQUESTS.c.state == str(RequestState.ASKED)).distinct()
        return list(self._connection.execute(query).scalars())

    def run_out(self, *, asked_before_ms: int, sent_before_ms: int, limit: int) -> Sequence[DiagnosticRequest]:
        unsent = and_(_REQUESTS.c.state == str(RequestState.ASKED), _REQUESTS.c.expires_ms <= asked_before_ms)
        out = or_(unsent, _REQUESTS.c.expires_ms <= sent_before_ms)
        query = select(*_SHOWN).where(_OPEN, _REQUESTS.c.expires_ms <= max(asked_before_ms, sent_before_ms), out)
        return self._requests(query.order_by(_REQUESTS.c.expires_ms, _REQUESTS.c.id).limit(limit))

    def counts(self) -> Mapping[RequestState, int]:
        query = select(_REQUESTS.c.state, func.count()).group_by(_REQUESTS.c.state)
        found = {RequestState(state): int(number) for state, number in self._connection.execute(query)}
        return {state: found.get(state, 0) for state in RequestState}

    # ------------------------------------------------------------------ answers and files

    def answer(self, id: bytes) -> bytes:
        found = self._connection.execute(select(_REQUESTS.c.answer).where(_REQUESTS.c.id == id)).scalar_one_or_none()
        return bytes(found or b"")

    def keep_answer(self, id: bytes, answer: bytes) -> None:
        self._connection.execute(update(_REQUESTS).where(_REQUESTS.c.id == id).values(answer=answer))

    def add_file(self, file: DiagnosticFile) -> DiagnosticFile:
        values = {
            "request": file.request,
            "name": file.name,
            "size": file.size,
            "sha256": file.sha256,
            "at_ms": file.at_ms,
        }
        added = insert_into(self._connection.dialect.name, _FILES).values(values)
        self._connection.execute(added.on_conflict_do_nothing(index_elements=["request", "name", "sha256"]))
        same = and_(_FILES.c.request == file.request, _FILES.c.name == file.name, _FILES.c.sha256 == file.sha256)
        return _file(self._connection.execute(select(_FILES).where(same)).mappings().one())

    def files(self, request: bytes) -> Sequence[DiagnosticFile]:
        query = select(_FILES).where(_FILES.c.request == request).order_by(_FILES.c.id)
        return [_file(row) for row in self._connection.execute(query).mappings()]

    def file(self, id: int, *, customer: str | None) -> DiagnosticFile:
        query = select(_FILES).join(_REQUESTS, _REQUESTS.c.id == _FILES.c.request).where(_FILES.c.id == id)
        row = self._connection.execute(_scoped(query, customer)).mappings().first()
        if row is None:
            raise NotFound("there is no file {id} of an answer", id=id)
        return _file(row)

    def forget_before(self, before_ms: int, *, limit: int) -> Sequence[str]:
        # By the time of asking, which has an index: nothing ended before it was asked.
        old = and_(_REQUESTS.c.asked_ms < before_ms, _REQUESTS.c.ended_ms > 0, _REQUESTS.c.ended_ms < before_ms)
        ids = list(self._connection.execute(select(_REQUESTS.c.id).where(old).limit(limit)).scalars())
        if not ids:
            return ()
        theirs = _FILES.c.request.in_(ids)
        hashes = list(self._connection.execute(select(_FILES.c.sha256).where(theirs).distinct()).scalars())
        self._connection.execute(delete(_FILES).where(theirs))
        self._connection.execute(delete(_REQUESTS).where(_REQUESTS.c.id.in_(ids)))
        return hashes

    def _requests(self, query: Select[tuple[object, ...]]) -> Sequence[DiagnosticRequest]:
        return [_request(row) for row in self._connection.execute(query).mappings()]


def _scoped(query: Select[tuple[object, ...]], customer: str | None) -> Select[tuple[object, ...]]:
    """An asset that changes hands takes what was asked of it along, as it does its cases."""
    if customer is None:
        return query
    return query.join(_ASSETS, _ASSETS.c.id == _REQUESTS.c.asset).where(_ASSETS.c.customer == customer)


def _columns(request: DiagnosticRequest) -> dict[str, object]:
    return {
        "id": request.id,
        "agent": request.agent,
        "asset": request.asset,
        "kind": str(request.kind),
        "arguments": json.dumps(dict(request.arguments), ensure_ascii=False, sort_keys=True),
        "target": request.target,
        "serial": request.serial,
        "asked_by": request.asked_by,
        "role": str(request.role),
        "reason": request.reason,
        "case_id": request.case,
        "asked_ms": request.asked_ms,
        "expires_ms": request.expires_ms,
        "state": str(request.state),
        "detail": request.detail,
        "changed_ms": request.changed_ms,
        "ended_ms": request.changed_ms if request.state.final else 0,
        "sent_ms": request.sent_ms,
        "owed": request.owed,
        "consented_by": request.consented_by,
        "consented_ms": request.consented_ms,
    }


def _request(row: RowMapping) -> DiagnosticRequest:
    return DiagnosticRequest(
        id=bytes(row["id"]),
        agent=row["agent"],
        asset=row["asset"],
        kind=DiagnosticKind(row["kind"]),
        arguments=json.loads(row["arguments"]),
        target=row["target"],
        serial=row["serial"],
        asked_by=row["asked_by"],
        role=Role(row["role"]),
        reason=row["reason"],
        case=row["case_id"],
        asked_ms=row["asked_ms"],
        expires_ms=row["expires_ms"],
        state=RequestState(row["state"]),
        detail=row["detail"],
        changed_ms=row["changed_ms"],
        sent_ms=row["sent_ms"],
        owed=row["owed"],
        consented_by=row["consented_by"],
        consented_ms=row["consented_ms"],
    )


def _file(row: RowMapping) -> DiagnosticFile:
    return DiagnosticFile(
        id=row["id"],
        request=bytes(row["request"]),
        name=row["name"],
        size=row["size"],
        sha256=row["sha256"],
        at_ms=row["at_ms"],
    )
