"""A frozen value as a row whose columns are named like its fields, and back. Used by the stores beside it.

Enums become their words, tuples of words and nested values JSON, None of an enum the empty text; a foreign key that is
None stays NULL.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from sqlalchemy import Connection, RowMapping, Select, Table, insert, select, update

from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.said import Said

T = TypeVar("T")
_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_COLUMNS = {"case": "case_id"}
Codec = tuple[Callable[[Any], object], Callable[[Any], object]]
"""From a field to its column, and back."""
# The domain imports annotations lazily; these are their types. Looking takes longer than reading a row.
_hints: Callable[[Any], Mapping[str, Any]] = functools.cache(get_type_hints)


class Shelf(Generic[T]):
    """Rows of one table as values of one kind. `key`: the column by which one is found and saved."""

    def __init__(self, kind: type[T], table: Table, *, what: Said, key: str = "id") -> None:
        self.table = table
        self._kind, self._what, self._key = kind, what, key
        hints = _hints(kind)
        self._codecs = {name: (_COLUMNS.get(name, name), _codec(hints[name])) for name in _names(kind)}

    def columns(self, value: T) -> dict[str, object]:
        return {column: there(getattr(value, name)) for name, (column, (there, _)) in self._codecs.items()}

    def value(self, row: RowMapping) -> T:
        return self._kind(**{name: back(row[column]) for name, (column, (_, back)) in self._codecs.items()})

    def add(self, connection: Connection, value: T) -> T:
        """The value with the id that it got."""
        columns = self.columns(value)
        del columns["id"]
        added = insert(self.table).values(columns).returning(self.table)
        return self.value(connection.execute(added).mappings().one())

    def save(self, connection: Connection, value: T) -> None:
        """Raises NotFound."""
        columns = self.columns(value)
        key = columns.pop(self._key)
        changed = update(self.table).where(self.table.c[self._key] == key).values(columns)
        if connection.execute(changed).rowcount == 0:
            raise NotFound("there is no {what} {key}", what=self._what, key=key)

    def get(self, connection: Connection, key: object) -> T:
        """Raises NotFound."""
        found = self.first(connection, select(self.table).where(self.table.c[self._key] == key))
        if found is None:
            raise NotFound("there is no {what} {key}", what=self._what, key=key)
        return found

    def first(self, connection: Connection, query: Select[Any]) -> T | None:
        row = connection.execute(query.limit(1)).mappings().first()
        return None if row is None else self.value(row)

    def list(self, connection: Connection, query: Select[Any], **asked: object) -> Sequence[T]:
        return [self.value(row) for row in connection.execute(query, asked).mappings()]

    def of_case(self, connection: Connection, case: int) -> Sequence[T]:
        """Oldest first."""
        return self.list(connection, select(self.table).where(self.table.c.case_id == case).order_by(self.table.c.id))


def _names(kind: type) -> Sequence[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _same(value: Any) -> object:
    return value


def _codec(hint: Any) -> Codec:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return str, hint
    if get_origin(hint) in (types.UnionType, Union):
        (inner,) = [one for one in get_args(hint) if one is not type(None)]
        if issubclass(inner, StrEnum):
            return (lambda value: "" if value is None else str(value)), (lambda text: inner(text) if text else None)
        return _same, _same
    if get_origin(hint) is tuple or dataclasses.is_dataclass(hint):
        return (lambda value: _json(_loose(value))), (lambda text: _tight(hint, json.loads(text)))
    return _same, _same


def _loose(value: Any) -> object:
    """As JSON takes it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: _loose(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, tuple):
        return [_loose(one) for one in value]
    return str(value) if isinstance(value, Decimal | StrEnum) else value


def _tight(hint: Any, loose: Any) -> object:
    if get_origin(hint) is tuple:
        return tuple(_tight(get_args(hint)[0], one) for one in loose)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints, told = _hints(hint), dict(_told(loose))
        return hint(**{name: _tight(hints[name], value) for name, value in told.items() if name in hints})
    if isinstance(hint, type) and issubclass(hint, Decimal | StrEnum):
        return hint(loose)
    return loose


def _told(loose: Any) -> Mapping[str, Any]:
    assert isinstance(loose, dict)
    return loose
