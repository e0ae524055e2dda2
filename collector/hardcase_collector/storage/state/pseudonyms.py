"""A person becomes a pseudonym: in every column that names people, in every frozen copy, in what people wrote.

`PEOPLE` and `COPIES` are held to the schema by a test: a new column that names people must be in them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    RowMapping,
    Table,
    and_,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from hardcase_collector.domain.audit import PERSON_FORGOTTEN
from hardcase_collector.domain.registry_store import Paper, PaperKind
from hardcase_collector.storage.state.audit_store import opened
from hardcase_collector.storage.state.belonging import belongs
from hardcase_collector.storage.state.erasing import overwritten
from hardcase_collector.storage.state.models import (
    ApiTokenRow,
    AttachmentRow,
    AuditRow,
    CaseRow,
    ContactRow,
    DispatchRow,
    EngineerRow,
    KeptAnswerRow,
    Model,
    ServiceReportRow,
    UserRow,
    WebSessionRow,
)
from hardcase_collector.storage.state.names_in_text import FILE_NAMES, WRITTEN, Names
from hardcase_collector.storage.state.upserts import table_of

PEOPLE: Mapping[str, tuple[str, ...]] = {
    "api_tokens": ("made_by",),
    "attachments": ("attached_by",),
    "audit": ("actor", "subject"),
    "baselines": ("accepted_by",),
    "cases": ("acknowledged_by", "assignee"),
    "diagnostics": ("asked_by", "consented_by"),
    "dispatches": ("by",),
    "duty_swaps": ("goes_out", "comes_in", "made_by"),
    "enrolment_tokens": ("made_by",),
    "follow_ups": ("asked", "recorded_by", "engineer"),
    "hand_offs": ("by",),
    "imports": ("imported_by",),
    "known_years": ("made_by",),
    "links": ("whom", "by"),
    "part_orders": ("requested_by", "installed_by"),
    "planned_windows": ("opened_by",),
    "proposals": ("by", "decided_by", "recorded_by"),
    "quotes": ("by", "decided_by", "recorded_by"),
    "reports": ("contact_name", "contact_mail", "contact_phone", "reported_by"),
    "service_reports": ("engineer", "by", "signed_by"),
    "site_access": ("by", "decided_by"),
    "timeline": ("actor",),
    "waiting_hosts": ("decided_by",),
    "windows": ("opened_by",),
}
"""Columns with nothing in them but a name (or an address) of one person."""
COPIES: Mapping[str, tuple[str, ...]] = {
    "audit": ("facts",),
    "duty_teams": ("body",),
    "outbox": ("body",),
    "proposals": ("risks", "steps"),
    "quotes": ("lines",),
    "service_reports": ("parts", "facts"),
    "site_access": ("names",),
    "timeline": ("parameters",),
}
"""JSON columns in which a name may stand as a value, or within one."""
REMOVED = ("api_tokens", "contacts", "engineers", "users", "web_sessions")
"""Tables whose rows are the person himself."""

_CONTACTS = table_of(ContactRow)
_DISPATCHES = table_of(DispatchRow)
_ENGINEERS = table_of(EngineerRow)
_SESSIONS = table_of(WebSessionRow)
_ANSWERS = table_of(KeptAnswerRow)
_TOKENS = table_of(ApiTokenRow)
_USERS = table_of(UserRow)
_AUDIT = table_of(AuditRow)
_CASES = table_of(CaseRow)
_FILES = table_of(AttachmentRow)
_REPORTS = table_of(ServiceReportRow)

Condition = ColumnElement[bool]


class SqlPseudonyms:
    """Of one person, known by name and, where he is in the books, by mail and phone. Made by `forgetting_store.py`.

    `customer`: only what is this customer's, for two customers may have people of one name. None = everywhere.
    """

    def __init__(self, connection: Connection, name: str, *, customer: str | None) -> None:
        self._connection = connection
        self._name = name
        self._customer = customer
        self._bound = {} if customer is None else {"of_customer": customer}
        self._said = self._identifiers()
        self._names = Names(self._said)

    def customers(self) -> Sequence[str]:
        """Whose contact or user somebody of this name is; the scope plays no part."""
        found = set(
            self._connection.execute(select(_CONTACTS.c.customer).where(_CONTACTS.c.name == self._name)).scalars()
        )
        mine = select(_USERS.c.customer).where(_USERS.c.name == self._name, _USERS.c.customer.is_not(None))
        return sorted(found | set(self._connection.execute(mine).scalars()))

    def _identifiers(self) -> tuple[str, ...]:
        said = {self._name}
        for table, words in ((_CONTACTS, ("mail", "phone")), (_ENGINEERS, ("title", "mail", "phone"))):
            mine = table.c.name == self._name
            if self._customer is not None:
                theirs = belongs(table)
                if theirs is None:
                    continue
                mine = and_(mine, theirs)
            for row in self._connection.execute(select(*(table.c[word] for word in words)).where(mine), self._bound):
                said.update(word for word in row if word)
        return tuple(sorted(said - self._titles_of_others()))

    def _titles_of_others(self) -> set[str]:
        """A title that others bear too ("engineer") is not his name."""
        query = select(_ENGINEERS.c.title).where(_ENGINEERS.c.name != self._name)
        return set(self._connection.execute(query).scalars())

    def traces(self) -> Mapping[str, int]:
        """Table -> rows that name him, where there are any."""
        found = {name: self._count_columns(Model.metadata.tables[name], columns) for name, columns in PEOPLE.items()}
        for name, columns in COPIES.items():
            copies = sum(len(self._copies(Model.metadata.tables[name], column)) for column in columns)
            found[name] = found.get(name, 0) + copies
        for name, columns in WRITTEN.items():
            wrote = sum(len(self._written(Model.metadata.tables[name], column)) for column in columns)
            found[name] = found.get(name, 0) + wrote
        for table in (_CONTACTS, _ENGINEERS, _USERS):
            found[table.name] = self._count(table, table.c.name == self._name)
        return {name: rows for name, rows in sorted(found.items()) if rows}

    def _count_columns(self, table: Table, columns: Iterable[str]) -> int:
        return self._count(table, or_(*(table.c[column].in_(self._said) for column in columns)))

    def _count(self, table: Table, condition: Condition) -> int:
        query = select(func.count()).select_from(table).where(self._scoped(table, condition))
        return int(self._connection.execute(query, self._bound).scalar_one())

    def _scoped(self, table: Table, condition: Condition) -> Condition:
        if self._customer is None:
            return condition
        if table is _AUDIT:
            return and_(condition, _AUDIT.c.actor.in_(self._said))
        theirs = belongs(table)
        return and_(condition, theirs) if theirs is not None else false()

    def replace(self, pseudonym: str) -> Mapping[str, int]:
        """Table -> rows in which he became the pseudonym, or that went because they were himself."""
        before = self.traces()
        with overwritten(self._connection), opened(self._connection, PERSON_FORGOTTEN, self._audits()):
            self._replace(pseudonym)
        return before

    def _audits(self) -> set[int]:
        """Numbers of the entries of the audit log that name him."""
        named = or_(*(_AUDIT.c[column].in_(self._said) for column in PEOPLE["audit"]))
        query = select(_AUDIT.c.id).where(self._scoped(_AUDIT, named))
        found = set(self._connection.execute(query, self._bound).scalars())
        for column in COPIES["audit"]:
            found.update(int(str(key)) for (key,), _ in self._copies(_AUDIT, column))
        return found

    def _replace(self, pseudonym: str) -> None:
        # What was answered to requests that may come again is for a day: whom it names is not looked for.
        self._connection.execute(delete(_ANSWERS))
        for name, columns in PEOPLE.items():
            table = Model.metadata.tables[name]
            for column in columns:
                named = self._scoped(table, table.c[column].in_(self._said))
                self._connection.execute(update(table).where(named).values({column: pseudonym}), self._bound)
        for name, columns in COPIES.items():
            for column in columns:
                self._rewrite(Model.metadata.tables[name], column, pseudonym)
        for name, columns in WRITTEN.items():
            for column in columns:
                self._write_over(Model.metadata.tables[name], column, pseudonym)
        self._remove(pseudonym)

    def _remove(self, pseudonym: str) -> None:
        self._retire_engineer(pseudonym)
        if self._count(_USERS, _USERS.c.name == self._name):
            self._connection.execute(delete(_SESSIONS).where(_SESSIONS.c.user_name == self._name))
            self._connection.execute(delete(_TOKENS).where(_TOKENS.c.user_name == self._name))
        for table in (_CONTACTS, _USERS):
            mine = self._scoped(table, table.c.name == self._name)
            self._connection.execute(delete(table).where(mine), self._bound)

    def _retire_engineer(self, pseudonym: str) -> None:
        """His visits go on naming somebody: an engineer who is no more."""
        mine = self._scoped(_ENGINEERS, _ENGINEERS.c.name == self._name)
        row = self._connection.execute(select(_ENGINEERS).where(mine), self._bound).mappings().first()
        if row is None:
            return
        bare = {**row, "name": pseudonym, "title": pseudonym, "mail": "", "phone": "", "active": False}
        self._connection.execute(insert(_ENGINEERS).values(bare))
        self._connection.execute(
            update(_DISPATCHES).where(_DISPATCHES.c.engineer == self._name).values(engineer=pseudonym)
        )
        self._connection.execute(delete(_ENGINEERS).where(_ENGINEERS.c.name == self._name))

    def _copies(self, table: Table, column: str) -> list[tuple[tuple[object, ...], Any]]:
        """(key of the row, its JSON) where one of his names stands in it as a value."""
        keys = list(table.primary_key)
        found = []
        rows = self._connection.execute(
            select(*keys, table.c[column]).where(self._scoped(table, self._telling(table, column))), self._bound
        )
        for row in rows:
            tree = _loaded(row[-1])
            if tree is not None and self._names.in_tree(tree):
                found.append((tuple(row[:-1]), tree))
        return found

    def _written(self, table: Table, column: str) -> list[tuple[tuple[object, ...], str]]:
        """(key of the row, its text) where one of his names stands in what somebody wrote."""
        keys, telling = list(table.primary_key), self._telling(table, column)
        query = select(*keys, table.c[column]).where(self._scoped(table, telling))
        rows = self._connection.execute(query, self._bound)
        file = (table.name, column) in FILE_NAMES
        return [(tuple(row[:-1]), row[-1]) for row in rows if self._names.in_text(row[-1], file=file)]

    def _write_over(self, table: Table, column: str, pseudonym: str) -> None:
        file = (table.name, column) in FILE_NAMES
        for key, text in self._written(table, column):
            same = and_(*(one == value for one, value in zip(table.primary_key, key, strict=True)))
            said = self._names.put(text, pseudonym, file=file)
            self._connection.execute(update(table).where(same).values({column: said}))

    def papers(self, limit: int, pseudonym: str) -> Sequence[Paper]:
        """Printed reports that name him, and files that he attached or that bear his name."""
        printed = _REPORTS.c.files.not_in(("", "{}", "[]"))
        told = (*WRITTEN["service_reports"], *COPIES["service_reports"])
        reports = self._papers(_REPORTS, (*PEOPLE["service_reports"], *told), limit, printed)
        files = self._papers(_FILES, (*PEOPLE["attachments"], *WRITTEN["attachments"]), limit, true())
        return [
            *(
                Paper(kind=PaperKind.SERVICE_REPORT, case=row["case"], id=row["id"], name=row["number"])
                for row in reports
            ),
            *(
                Paper(
                    kind=PaperKind.ATTACHMENT,
                    case=row["case"],
                    id=row["id"],
                    name=self._names.put(row["name"], pseudonym, file=True) if pseudonym else row["name"],
                )
                for row in files
            ),
        ]

    def _papers(self, table: Table, columns: Sequence[str], limit: int, condition: Condition) -> list[RowMapping]:
        named = or_(*(self._telling(table, column) for column in columns))
        query = select(table, _CASES.c.number.label("case")).where(_CASES.c.id == table.c.case_id, condition)
        rows = self._connection.execute(query.where(self._scoped(table, named)).order_by(table.c.id), self._bound)
        mine = (
            row
            for row in rows.mappings()
            if any(self._names.in_text(row[one], file=(table.name, one) in FILE_NAMES) for one in columns)
        )
        return list(islice(mine, limit))

    def _telling(self, table: Table, column: str) -> Condition:
        """A quick look: JSON may write a name in two ways, with escapes or without."""
        if isinstance(table.c[column].type, LargeBinary):
            return table.c[column].is_not(None)
        ways = {word for said in self._said for word in (said, json.dumps(said)[1:-1])}
        return or_(*(table.c[column].contains(word, autoescape=True) for word in sorted(ways)))

    def _rewrite(self, table: Table, column: str, pseudonym: str) -> None:
        binary = isinstance(table.c[column].type, LargeBinary)
        for key, tree in self._copies(table, column):
            text = json.dumps(self._names.put_in_tree(tree, pseudonym), separators=(",", ":"))
            same = and_(*(one == value for one, value in zip(table.primary_key, key, strict=True)))
            written: object = text.encode("utf-8") if binary else text
            self._connection.execute(update(table).where(same).values({column: written}))


def _loaded(kept: str | bytes) -> Any:
    try:
        tree = json.loads(kept)
    except ValueError:
        return None
    return tree if isinstance(tree, dict | list) else None
