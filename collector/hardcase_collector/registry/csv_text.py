"""The books as CSV: one file a kind, with a header. Pure; files are read and written by the commands.

What a spreadsheet would take for a formula is guarded (`sheets/csv_cell.py`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal

from hardcase_collector.registry.cells import SEPARATOR
from hardcase_collector.registry.shown import shown
from hardcase_collector.registry.written import COLUMNS, FILES, Books, Kind
from hardcase_collector.sheets.csv_cell import bare, guarded
from hardcase_collector.sheets.table import Mistakes, Table

_DELIMITERS = ",;\t"
_KINDS = {stem: kind for kind, stem in FILES.items()}
_SIGNS = (
    # What a header must hold to be of a kind whose file has another name; the first that fits.
    (Kind.ENTITLEMENT, {"plan", "asset"}),
    (Kind.CONTACT, {"scope", "name"}),
    (Kind.ASSET, {"asset"}),
    (Kind.ASSET, {"serial"}),
    (Kind.SITE, {"customer", "name"}),
    (Kind.CUSTOMER, {"name"}),
)


def tables_of(file: str, text: str, mistakes: Mistakes) -> Iterator[tuple[Kind, Table]]:
    """One table a row. Comma, semicolon or tab: whichever the header has."""
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        kind = _kind_of(file, header)
        if kind is None:
            mistakes.add(
                file, 1, "", f"the header is of no kind; headers begin such as {','.join(COLUMNS[Kind.ASSET])}"
            )
            return
        _check_header(file, header, kind, mistakes)
        line = reader.line_num + 1
        for row in reader:
            if any(cell.strip() for cell in row):
                yield kind, _table(file, line, kind, header, row, mistakes)
            line = reader.line_num + 1
    except csv.Error as error:
        mistakes.add(file, reader.line_num, "", f"not CSV: {error}")


def _kind_of(file: str, header: list[str]) -> Kind | None:
    stem = file.replace("\\", "/").rpartition("/")[2].partition(".")[0].lower()
    if stem in _KINDS:
        return _KINDS[stem]
    return next((kind for kind, signs in _SIGNS if signs <= set(header)), None)


def _check_header(file: str, header: list[str], kind: Kind, mistakes: Mistakes) -> None:
    for name in header:
        if name not in COLUMNS[kind]:
            mistakes.add(file, 1, name, f"unknown column; a file of {FILES[kind]} has {', '.join(COLUMNS[kind])}")
    for name in {name for name in header if header.count(name) > 1}:
        mistakes.add(file, 1, name, "stands in the header twice")


def _table(file: str, line: int, kind: Kind, header: list[str], row: list[str], mistakes: Mistakes) -> Table:
    values = {name: bare(cell) for name, cell in zip(header, row, strict=False) if name in COLUMNS[kind]}
    table = Table(file, (kind.value,), values, {(kind.value,): line}, mistakes)
    if len(row) != len(header):
        table.wrong("", f"has {len(row)} cells, the header {len(header)}")
    return table


def texts_of(books: Books) -> Mapping[str, str]:
    """File name -> text, of the kinds that have rows."""
    return {f"{FILES[kind]}.csv": text for kind in Kind if (text := _text(books, kind))}


def _text(books: Books, kind: Kind) -> str:
    lines = books.lines[kind]
    if not lines:
        return ""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS[kind])
    for key in sorted(lines):
        values = shown(lines[key])
        writer.writerow([guarded(_cell(values[column])) for column in COLUMNS[kind]])
    return written.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return SEPARATOR.join(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else str(value)
