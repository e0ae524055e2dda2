"""Rows on spares from and to text: CSV, one file a kind with a header, or TOML with an array of tables a kind. Pure.

What a spreadsheet would take for a formula is guarded (`sheets/csv_cell.py`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from hardcase_collector.domain.spares import Depot
from hardcase_collector.domain.toml_tree import tree_of
from hardcase_collector.parts.sheet import COLUMNS, FILES, Kind, Line, SpareBooks
from hardcase_collector.registry.cells import SEPARATOR
from hardcase_collector.sheets.csv_cell import bare, guarded
from hardcase_collector.sheets.lines import entry_lines
from hardcase_collector.sheets.table import Mistakes, Table

MAX_TEXT = 8_000_000
"""Characters of all files together: a hundred thousand rows."""
_DELIMITERS = ",;\t"
_KINDS = {stem: kind for kind, stem in FILES.items()}
_SIGNS = (
    # What a header must hold to be of a kind whose file has another name; the first that fits.
    (Kind.SERVICE, {"depot", "travel_minutes"}),
    (Kind.FIT, {"spare"}),
    (Kind.STOCK, {"depot", "part_number"}),
    (Kind.SPARE, {"part_number", "component"}),
    (Kind.DEPOT, {"depot"}),
)


def tables_of(texts: Mapping[str, str], mistakes: Mistakes) -> list[tuple[Kind, Table]]:
    """One table a row of all files (name -> text), in the order in which kinds depend on each other."""
    found: list[tuple[Kind, Table]] = []
    for file, text in texts.items():
        reader = _csv if file.lower().endswith((".csv", ".tsv")) else _toml
        found += reader(file, text.removeprefix("\ufeff"), mistakes)
    order = list(Kind)
    return sorted(found, key=lambda one: order.index(one[0]))


def _csv(file: str, text: str, mistakes: Mistakes) -> Iterator[tuple[Kind, Table]]:
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=head.count), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        kind = _kind_of(file, header)
        if kind is None:
            shown = ", ".join(f"{FILES[one]}: {','.join(COLUMNS[one])}" for one in Kind)
            mistakes.add(file, 1, "", f"the header is of no kind; {shown}")
            return
        for name in header:
            if name not in COLUMNS[kind] or header.count(name) > 1:
                mistakes.add(file, 1, name, f"a file of {FILES[kind]} has each of {', '.join(COLUMNS[kind])} once")
        line = reader.line_num + 1
        for row in reader:
            if any(cell.strip() for cell in row):
                yield kind, _row(file, line, kind, (header, row), mistakes)
            line = reader.line_num + 1
    except csv.Error as error:
        mistakes.add(file, reader.line_num, "", f"not CSV: {error}")


def _kind_of(file: str, header: list[str]) -> Kind | None:
    stem = file.replace("\\", "/").rpartition("/")[2].partition(".")[0].lower()
    return _KINDS.get(stem) or next((kind for kind, signs in _SIGNS if signs <= set(header)), None)


def _row(file: str, line: int, kind: Kind, cells: tuple[list[str], list[str]], mistakes: Mistakes) -> Table:
    header, row = cells
    values = {name: bare(cell) for name, cell in zip(header, row, strict=False) if name in COLUMNS[kind]}
    table = Table(file, (kind.value,), values, {(kind.value,): line}, mistakes)
    if len(row) != len(header):
        table.wrong("", f"has {len(row)} cells, the header {len(header)}")
    return table


def _toml(file: str, text: str, mistakes: Mistakes) -> Iterator[tuple[Kind, Table]]:
    try:
        tree = tree_of(text)
    except ValueError as error:
        where = re.search(r"line (\d+)", str(error))
        mistakes.add(file, int(where[1]) if where else text.count("\n") + 1, "", f"not TOML: {error}")
        return
    for name, entries in tree.items():
        if name not in tuple(Kind):
            mistakes.add(file, 1, name, f"unknown; there are {', '.join(f'[[{kind}]]' for kind in Kind)}")
        elif not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            mistakes.add(file, 1, name, f"must be an array of tables: [[{name}]]")
        else:
            lines = entry_lines(text, name)
            for number, values in enumerate(entries):
                known = lines[number] if len(lines) == len(entries) else {}
                yield Kind(name), Table(file, (name,), values, known, mistakes)


def csv_texts(books: SpareBooks) -> Mapping[str, str]:
    """File name -> text, of the kinds that have rows."""
    return {f"{FILES[kind]}.csv": _csv_text(kind, books) for kind in Kind if books.lines[kind]}


def _csv_text(kind: Kind, books: SpareBooks) -> str:
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    columns = [name for name in COLUMNS[kind] if name != "drop"]
    writer.writerow(columns)
    for key in sorted(books.lines[kind]):
        values = _values(books.lines[kind][key])
        writer.writerow([guarded(_cell(values[column])) for column in columns])
    return written.getvalue()


def toml_text(books: SpareBooks) -> str:
    return "\n".join(
        f"[[{kind}]]\n" + "".join(f"{name} = {_value(value)}\n" for name, value in _values(lines[key]).items())
        for kind, lines in books.lines.items()
        for key in sorted(lines)
    )


def _values(line: Line) -> dict[str, str | int | tuple[str, ...]]:
    values: dict[str, str | int | tuple[str, ...]] = asdict(line)
    if isinstance(line, Depot):
        return {"depot": line.name, **{name: value for name, value in values.items() if name != "name"}}
    return values


def _cell(value: str | int | tuple[str, ...]) -> str:
    return SEPARATOR.join(value) if isinstance(value, tuple) else str(value)


def _value(value: str | int | tuple[str, ...]) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    # JSON's escapes are TOML's (TOML 1.0, basic strings); only DEL is escaped in TOML and not in JSON.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
