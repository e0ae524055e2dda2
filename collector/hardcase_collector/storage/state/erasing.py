"""A customer goes: every row of every table that is his. What telemetry numbers refer to stays as an empty shell.

Samples are files that go only whole, by age (`telemetry/upkeep.py`), and name agents, catalogues and sensors by number.
SQLite would give those numbers to the next one, who would then inherit the samples: so the rows stay, emptied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import unquote

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    String,
    Table,
    and_,
    cast,
    delete,
    func,
    literal,
    select,
    update,
)

from hardcase_collector.domain.audit import CUSTOMER_FORGOTTEN
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.audit_store import opened
from hardcase_collector.storage.state.audits import audits_of
from hardcase_collector.storage.state.belonging import belongs, kind_of, tables
from hardcase_collector.storage.state.models import (
    AgentRow,
    AssetRow,
    AttachmentRow,
    AuditRow,
    CaseRow,
    CaseTermsRow,
    CatalogueRow,
    DepotRow,
    DiagnosticFileRow,
    FeedTableRow,
    FrozenTermsRow,
    PartOrderRow,
    SensorRow,
    ServiceReportRow,
    StormTableRow,
)
from hardcase_collector.storage.state.upserts import table_of

_AGENTS = table_of(AgentRow)
_ANSWERS = table_of(DiagnosticFileRow)
_ASSETS = table_of(AssetRow)
_AUDIT = table_of(AuditRow)
_CASES = table_of(CaseRow)
_DEPOTS = table_of(DepotRow)
_FROZEN = table_of(FrozenTermsRow)
_ORDERS = table_of(PartOrderRow)
_STORMS = table_of(StormTableRow)
_TERMS = table_of(CaseTermsRow)
_FEEDS = table_of(FeedTableRow)
_FILES = table_of(AttachmentRow)
_REPORTS = table_of(ServiceReportRow)
_CATALOGUES = table_of(CatalogueRow)
# In the order in which they refer to each other; with what they hold where it is not nothing.
_SHELLS: Mapping[Table, Mapping[str, object]] = {
    table_of(SensorRow): {},
    _CATALOGUES: {"sensors": "[]"},
    _FEEDS: {"source": cast(_FEEDS.c.number, String)},
    _ASSETS: {"basis": "address", "mode": "observe"},
    # What its last stream still brings is refused: it is of an older session.
    _AGENTS: {"revoked": True, "session": _AGENTS.c.session + 1},
}
_NUMBERS = frozenset({"agent", "asset", "feed", "sensor_numbers", "value_width"})
"""What telemetry refers to or is read by."""
_AUDITS_AT_ONCE = 500
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


class SqlErasing:
    """Of one customer. Made by `forgetting_store.py`."""

    def __init__(self, connection: Connection, customer: str) -> None:
        self._connection = connection
        self._bound = {"of_customer": customer}
        self._customer = customer

    def traces(self) -> Mapping[str, int]:
        """Table -> rows that are his, where there are any."""
        found = {}
        for table in tables():
            theirs = belongs(table)
            if theirs is not None:
                found[table.name] = self._count(table, theirs)
        found["audit"] = len(self._audits())
        found["storms"] = found.get("storms", 0) + len(self._counts())
        return {name: rows for name, rows in found.items() if rows}

    def _count(self, table: Table, theirs: object) -> int:
        query = select(func.count()).select_from(table).where(theirs)  # type: ignore[arg-type]  # a condition
        return int(self._connection.execute(query, self._bound).scalar_one())

    def open_orders(self) -> int:
        theirs = belongs(_ORDERS)
        assert theirs is not None
        return self._count(_ORDERS, and_(theirs, _ORDERS.c.ended_ms == 0))

    def agents(self) -> Sequence[int]:
        query = select(_AGENTS.c.number).where(_AGENTS.c.customer == self._customer).order_by(_AGENTS.c.number)
        return list(self._connection.execute(query).scalars())

    def files(self) -> Sequence[str]:
        """SHA-256 of every file that a case of his, or an answer of his agents, refers to."""
        found: set[str] = set()
        for table, column in (
            (_FILES, _FILES.c.sha256),
            (_ANSWERS, _ANSWERS.c.sha256),
            (_REPORTS, _REPORTS.c.files),
        ):
            theirs = belongs(table)
            assert theirs is not None
            for told in self._connection.execute(select(column).where(theirs), self._bound).scalars():
                found.update(_SHA256.findall(told))
        return sorted(found)

    def erase(self) -> Mapping[str, int]:
        """Table -> rows that went."""
        with overwritten(self._connection):
            gone = self._erase()
        return {name: rows for name, rows in gone.items() if rows}

    def _erase(self) -> dict[str, int]:
        gone = {"audit": self._erase_audits(), "storms": self._erase_counts()}
        self._cut_ties()
        for table in reversed(tables()):
            theirs = belongs(table)
            if theirs is not None and table not in _SHELLS:
                done = self._connection.execute(delete(table).where(theirs), self._bound).rowcount
                gone[table.name] = gone.get(table.name, 0) + done
        for table in _SHELLS:
            gone[table.name] = self._empty(table)
        unshared = _FROZEN.c.hash.not_in(select(_TERMS.c.frozen))
        self._connection.execute(delete(_FROZEN).where(unshared))
        self._connection.execute(update(_DEPOTS).where(_DEPOTS.c.customer == self._customer).values(customer=""))
        return gone

    def _cut_ties(self) -> None:
        """Cases of others that refer to his: a storm over several customers may have its parent here."""
        theirs = belongs(_CASES)
        assert theirs is not None
        his = select(_CASES.c.id).where(theirs)
        for column in (_CASES.c.parent, _CASES.c.linked):
            tied = update(_CASES).where(column.in_(his)).values({column.name: None})
            self._connection.execute(tied, self._bound)

    def _empty(self, table: Table) -> int:
        """Every column that is no number of another row gets nothing in it; what must be unique, its own number."""
        theirs = belongs(table)
        assert theirs is not None
        number = next(iter(table.primary_key))
        values = {
            column.name: _nothing(column, number)
            for column in table.columns
            if column.name not in _NUMBERS and column is not number
        }
        emptied = update(table).where(theirs).values({**values, **_SHELLS[table]})
        return self._connection.execute(emptied, self._bound).rowcount

    def _counts(self) -> list[tuple[str, str]]:
        """What is counted for a storm that has no case yet: only its scope says whose it is."""
        his = set(self._connection.execute(select(_ASSETS.c.id).where(_ASSETS.c.customer == self._customer)).scalars())
        owners = {self._customer, *map(str, his)}
        query = select(_STORMS.c.kind, _STORMS.c.scope).where(_STORMS.c.parent.is_(None))
        return [(kind, scope) for kind, scope in self._connection.execute(query) if _owner_of(scope) in owners]

    def _erase_counts(self) -> int:
        counts = self._counts()
        for kind, scope in counts:
            self._connection.execute(delete(_STORMS).where(_STORMS.c.kind == kind, _STORMS.c.scope == scope))
        return len(counts)

    def _erase_audits(self) -> int:
        numbers = self._audits()
        with opened(self._connection, CUSTOMER_FORGOTTEN, numbers):
            for start in range(0, len(numbers), _AUDITS_AT_ONCE):
                some = numbers[start : start + _AUDITS_AT_ONCE]
                self._connection.execute(delete(_AUDIT).where(_AUDIT.c.id.in_(some)))
        return len(numbers)

    def _audits(self) -> list[int]:
        """Entries about him, his things or his people, or by his people."""
        found = set(self._connection.execute(select(_AUDIT.c.id).where(audits_of(self._customer))).scalars())
        telling = select(_AUDIT.c.id, _AUDIT.c.facts).where(_AUDIT.c.facts.contains(self._customer, autoescape=True))
        for number, facts in self._connection.execute(telling):
            if self._customer in texts.load_facts(facts).values():
                found.add(number)
        return sorted(found)


def _owner_of(scope: str) -> str:
    """ "rack:north/berlin/R12" is of north, "asset:3" of whose asset 3 is."""
    return unquote(scope.partition(":")[2].partition("/")[0])


def _nothing(column: Column[object], number: Column[object]) -> object:
    kind = kind_of(column)
    if kind is bytes:
        # A catalogue's id is unique for its agent: its number is as well.
        return cast(cast(number, String), LargeBinary) if column.name == "id" else b""
    if column.name in ("key", "id"):
        return literal("forgotten|") + cast(number, String)
    return kind()


@contextmanager
def overwritten(connection: Connection) -> Iterator[None]:
    """SQLite leaves deleted bytes in its file until the page is used again, unless it is told to overwrite them."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    yield
    if sqlite:
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")
