"""The books as one TOML file: an array of tables a kind, `[[customer]]`, `[[site]]`, `[[asset]]`, ... Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from hardcase_collector.domain.toml_tree import tree_of
from hardcase_collector.registry.shown import shown
from hardcase_collector.registry.written import COLUMNS, Books, Kind
from hardcase_collector.sheets.lines import entry_lines
from hardcase_collector.sheets.table import Mistakes, Table


def tables_of(file: str, text: str, mistakes: Mistakes) -> Iterator[tuple[Kind, Table]]:
    """One table an entry."""
    try:
        tree = tree_of(text.removeprefix("\ufeff"))
    except ValueError as error:
        where = re.search(r"line (\d+)", str(error))
        mistakes.add(file, int(where[1]) if where else text.count("\n") + 1, "", f"not TOML: {error}")
        return
    for name, entries in tree.items():
        if name not in tuple(Kind):
            mistakes.add(file, 1, name, f"unknown; books have {', '.join(f'[[{kind}]]' for kind in Kind)}")
        elif not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            mistakes.add(file, 1, name, f"must be an array of tables: [[{name}]]")
        else:
            yield from _entries(file, text, Kind(name), entries, mistakes)


def _entries(
    file: str, text: str, kind: Kind, entries: list[Mapping[str, object]], mistakes: Mistakes
) -> Iterator[tuple[Kind, Table]]:
    lines = entry_lines(text, kind)
    for number, values in enumerate(entries):
        known = lines[number] if len(lines) == len(entries) else {}
        yield kind, Table(file, (kind.value,), values, known, mistakes)


def text_of(books: Books) -> str:
    return "\n".join(_table(kind, shown(lines[key])) for kind, lines in books.lines.items() for key in sorted(lines))


def _table(kind: Kind, values: Mapping[str, object]) -> str:
    lines = (f"{name} = {_value(values[name])}" for name in COLUMNS[kind])
    return f"[[{kind}]]\n" + "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Decimal):
        return f'"{value:f}"'
    # JSON's escapes are TOML's (TOML 1.0, basic strings); only DEL is escaped in TOML and not in JSON.
    return json.dumps("" if value is None else str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
