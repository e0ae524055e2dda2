"""ImportStore over SQL: which files were taken. Made by the transaction of `store.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Row, Select, func, insert, select

from hardcase_collector.domain.imports import REJECTED_TOLD, ImportedFile, RejectedRecord
from hardcase_collector.storage.state.models import AgentRow, ImportRow
from hardcase_collector.storage.state.upserts import table_of

_AGENTS = table_of(AgentRow)
_IMPORTS = table_of(ImportRow)


class SqlImportStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, file: ImportedFile) -> ImportedFile:
        made = insert(_IMPORTS).values(
            agent=file.agent,
            epoch=file.epoch,
            file=file.file,
            sha256=file.sha256,
            first=file.first,
            through=file.through,
            records=file.records,
            duplicates=file.duplicates,
            lost=file.lost,
            rejected=file.rejected,
            rejections=json.dumps([asdict(one) for one in file.rejections[:REJECTED_TOLD]]),
            made_ms=file.made_ms,
            at_ms=file.at_ms,
            imported_by=file.by,
        )
        number = self._connection.execute(made.returning(_IMPORTS.c.number)).scalar_one()
        return self._first(select(_IMPORTS).where(_IMPORTS.c.number == number)) or file

    def last(self, agent: int, epoch: bytes) -> ImportedFile | None:
        # The newest row is the one with the highest number: a lower one is not taken any more.
        query = select(_IMPORTS).where(_IMPORTS.c.agent == agent, _IMPORTS.c.epoch == epoch)
        return self._first(query.order_by(_IMPORTS.c.number.desc()))

    def find(self, agent: int, epoch: bytes, file: int) -> ImportedFile | None:
        return self._first(
            select(_IMPORTS).where(_IMPORTS.c.agent == agent, _IMPORTS.c.epoch == epoch, _IMPORTS.c.file == file)
        )

    def of_agent(self, agent: int, *, limit: int) -> Sequence[ImportedFile]:
        query = select(_IMPORTS).where(_IMPORTS.c.agent == agent).order_by(_IMPORTS.c.number.desc()).limit(limit)
        return [_file(row) for row in self._connection.execute(query)]

    def rejected(self, agent: int, epoch: bytes) -> int:
        counted = select(func.coalesce(func.sum(_IMPORTS.c.rejected), 0)).where(
            _IMPORTS.c.agent == agent, _IMPORTS.c.epoch == epoch
        )
        return int(self._connection.execute(counted).scalar_one())

    def all(self, *, customer: str | None, limit: int) -> Sequence[ImportedFile]:
        query = select(_IMPORTS).order_by(_IMPORTS.c.number.desc()).limit(limit)
        if customer is not None:
            theirs = select(_AGENTS.c.number).where(_AGENTS.c.customer == customer)
            query = query.where(_IMPORTS.c.agent.in_(theirs))
        return [_file(row) for row in self._connection.execute(query)]

    def _first(self, query: Select[tuple[object, ...]]) -> ImportedFile | None:
        row = self._connection.execute(query.limit(1)).first()
        return None if row is None else _file(row)


def _file(row: Row[tuple[object, ...]]) -> ImportedFile:
    return ImportedFile(
        number=row.number,
        agent=row.agent,
        epoch=bytes(row.epoch),
        file=row.file,
        sha256=bytes(row.sha256),
        first=row.first,
        through=row.through,
        records=row.records,
        duplicates=row.duplicates,
        lost=row.lost,
        rejected=row.rejected,
        rejections=tuple(RejectedRecord(**one) for one in json.loads(row.rejections)),
        made_ms=row.made_ms,
        at_ms=row.at_ms,
        by=row.imported_by,
    )
