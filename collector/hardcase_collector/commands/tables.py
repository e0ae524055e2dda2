"""Tables of the commands, drawn by rich. Called through `talk.py` alone, which imports this when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hardcase_collector.commands.talk import Severity, harmless
from hardcase_collector.tongue import word

SEVERITY_STYLE = {"critical": "bold red", "major": "dark_orange3", "minor": "yellow", "warning": "blue"}


def _out() -> Console:
    # Into a pipe nothing is folded or cut short to a width that nobody sees.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 400)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Cells are text; rich's own marks in them mean nothing."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(_cell, row))
    if title:
        # Not as the table's own title, which is folded to the width of the table.
        _out().print(Text(harmless(title), style="italic"))
    _out().print(table)


def show_facts(facts: Mapping[str, object]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in facts.items():
        table.add_row(Text(name, style="dim"), _cell(value))
    _out().print(table)


def _cell(value: object) -> Text:
    if isinstance(value, Severity):
        return Text(word(f"{value.table}.{value.word}"), style=SEVERITY_STYLE.get(value.word, ""))
    return Text(harmless(str(value)))
