"""AuditStore over SQL: entries are added and sealed, never changed but within an opening. Part of `access_store.py`.

Triggers (migration 0013) refuse every UPDATE and DELETE of entries and seals while no opening is open; `opened` here is
the only code that opens one: for forgetting a person or a customer, and for entries past their time. A seal is the hash
of the entry and a salt, a digest that of the digest before it and the seal: who noted a digest elsewhere can tell later
that nothing before it was touched. What is forgotten loses its salt, so that its seal gives no name away, and its seal
goes on saying why; digests stay as they were.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, delete, func, insert, select, update

from hardcase_collector.domain.audit import KEPT_LONG_ENOUGH, digest_of, seal_of
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import AuditEntry
from hardcase_collector.domain.stored import AuditFilter, AuditSeal
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.audits import audits_of
from hardcase_collector.storage.state.models import AuditOpeningRow, AuditRow, AuditSealRow
from hardcase_collector.storage.state.models.columns import Words
from hardcase_collector.storage.state.upserts import table_of, upsert

_AT_ONCE = 500
_SALT_BYTES = 16

_AUDIT = table_of(AuditRow)
_OPENINGS = table_of(AuditOpeningRow)
_SEALS = table_of(AuditSealRow)
_WORDS = Words()


class SqlAuditStore:
    _connection: Connection

    def audit(self, *, at_ms: int, actor: str, action: str, subject: str, facts: Mapping[str, Fact]) -> None:
        dialect = self._connection.dialect
        told = [_WORDS.process_bind_param(word, dialect) or "" for word in (actor, action, subject)]
        told.append(texts.dump_facts(facts))
        values = dict(zip(("actor", "action", "subject", "facts"), told, strict=True))
        newest = select(_SEALS.c.entry, _SEALS.c.digest).order_by(_SEALS.c.entry.desc()).limit(1)
        last, before = self._connection.execute(newest).one_or_none() or (0, "")
        # SQLite would give the number of an entry that is gone to the next one, whose seal is still there.
        unsealed = self._connection.execute(select(func.max(_AUDIT.c.id))).scalar_one() or 0
        number = max(last, unsealed) + 1
        self._connection.execute(insert(_AUDIT).values(id=number, at_ms=at_ms, **values))
        salt = secrets.token_hex(_SALT_BYTES)
        seal = seal_of(salt, at_ms, *told)
        sealed = {"entry": number, "salt": salt, "seal": seal, "digest": digest_of(before, seal), "because": ""}
        self._connection.execute(insert(_SEALS).values(sealed))

    def audits(self, *, customer: str | None, limit: int) -> Sequence[AuditEntry]:
        return self.audits_where(AuditFilter(customer=customer, limit=limit))

    def audits_where(self, which: AuditFilter) -> Sequence[AuditEntry]:
        query = select(_AUDIT).where(*_conditions(which)).limit(which.limit)
        query = query.order_by(_AUDIT.c.id.desc() if which.after is None else _AUDIT.c.id)
        return [_entry(row) for row in self._connection.execute(query).mappings()]

    def audit_seals(self, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[AuditEntry | None, AuditSeal]]:
        query: Select[tuple[object, ...]] = (
            select(_SEALS, *_AUDIT.columns)
            .outerjoin(_AUDIT, _AUDIT.c.id == _SEALS.c.entry)
            .where(_SEALS.c.entry > after)
            .order_by(_SEALS.c.entry)
            .limit(limit)
        )
        return [_sealed(row) for row in self._connection.execute(query).mappings()]

    def audit_unsealed(self) -> int:
        sealed = select(_SEALS.c.entry)
        query = select(func.count()).select_from(_AUDIT).where(_AUDIT.c.id.not_in(sealed))
        return int(self._connection.execute(query).scalar_one())

    def audit_openings(self) -> Mapping[str, int]:
        query = select(_OPENINGS.c.because, _OPENINGS.c.entries).order_by(_OPENINGS.c.because)
        return {row.because: row.entries for row in self._connection.execute(query)}


@contextmanager
def opened(connection: Connection, because: str, entries: Collection[int]) -> Iterator[None]:
    """The only way to change or let go of entries: these, which from then on say why."""
    known = connection.execute(select(_OPENINGS.c.entries).where(_OPENINGS.c.because == because)).scalar_one_or_none()
    values = {"because": because, "is_open": True, "entries": (known or 0) + len(entries)}
    connection.execute(upsert(connection, _OPENINGS), values)
    numbers = sorted(entries)
    for start in range(0, len(numbers), _AT_ONCE):
        some = _SEALS.c.entry.in_(numbers[start : start + _AT_ONCE])
        connection.execute(update(_SEALS).where(some).values(salt="", because=because))
    yield
    connection.execute(update(_OPENINGS).where(_OPENINGS.c.because == because).values(is_open=False))


def let_go(connection: Connection, *, before_ms: int, limit: int) -> int:
    """The oldest entries, up to the first that is younger; how many. Their seals go with them."""
    oldest = connection.execute(select(_AUDIT.c.id, _AUDIT.c.at_ms).order_by(_AUDIT.c.id).limit(limit)).all()
    last = 0
    gone: list[int] = []
    for number, at_ms in oldest:
        if at_ms >= before_ms:
            break
        gone.append(number)
        last = number
    if gone:
        with opened(connection, KEPT_LONG_ENOUGH, gone):
            connection.execute(delete(_AUDIT).where(_AUDIT.c.id <= last))
            connection.execute(delete(_SEALS).where(_SEALS.c.entry <= last))
    return len(gone)


def _conditions(which: AuditFilter) -> Iterator[ColumnElement[bool]]:
    if which.customer is not None:
        yield audits_of(which.customer)
    if which.actor:
        yield _AUDIT.c.actor == which.actor
    if which.action.endswith("."):
        yield _AUDIT.c.action.startswith(which.action, autoescape=True)
    elif which.action:
        yield _AUDIT.c.action == which.action
    if which.subject:
        yield _AUDIT.c.subject == which.subject
    if which.from_ms:
        yield _AUDIT.c.at_ms >= which.from_ms
    if which.until_ms:
        yield _AUDIT.c.at_ms < which.until_ms
    if which.after is not None:
        yield _AUDIT.c.id > which.after


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(
        number=row["id"],
        at_ms=row["at_ms"],
        actor=row["actor"],
        action=row["action"],
        subject=row["subject"],
        facts=texts.load_facts(row["facts"]),
    )


def _sealed(row: RowMapping) -> tuple[AuditEntry | None, AuditSeal]:
    entry = None if row["id"] is None else _entry(row)
    holds: bool | None = None
    if not row["because"]:
        told = (row["actor"], row["action"], row["subject"], row["facts"])
        holds = entry is not None and seal_of(row["salt"], row["at_ms"], *told) == row["seal"]
    return entry, AuditSeal(
        number=row["entry"],
        seal=row["seal"],
        salt=row["salt"],
        digest=row["digest"],
        because=row["because"],
        holds=holds,
    )
