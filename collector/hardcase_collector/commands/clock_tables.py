"""A case's clocks and their ledger as tables and CSV, from the facts of `plans/told.py`.

Used by `plans.py` for a timeline in a file and by `clocks.py` for a stored case; times are those of the site.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hardcase_collector.commands import talk
from hardcase_collector.sheets.csv_cell import guarded

if TYPE_CHECKING:
    from hardcase_collector.commands.plan_words import Language

Facts = Mapping[str, Any]


def show(title: str, found: Sequence[Facts], language: Language, *, with_ledger: bool) -> None:
    from hardcase_collector.commands import plan_words as words

    def say(*names: str) -> list[str]:
        return [words.word(name, language) for name in names]

    rows = (
        (
            _name(clock, language),
            *say(clock["state"]),
            *(say(clock["reason"]) if clock["reason"] else "-"),
            words.promised(clock["promise"], language),
            clock["started"],
            clock["due"] + (" *" if clock["provisional"] else ""),
            clock["stopped"] or "-",
            f"{clock['used_percent']} %",
            words.duration(clock["left_ms"]),
            *say(clock["forecast"]),
        )
        for clock in found
    )
    heads = say("clock", "state", "why", "promise", "started", "due", "stopped", "used", "left", "forecast")
    talk.show_table(title, heads, rows, empty=f"{title}: -")
    if any(clock["provisional"] for clock in found):
        talk.say("* " + words.word("provisional", language))
    for clock in found if with_ledger else ():
        _show_ledger(clock, language)


def _show_ledger(clock: Facts, language: Language) -> None:
    from hardcase_collector.commands import plan_words as words

    lines = (
        (
            line["from"],
            line["to"],
            words.duration(line["ms"]),
            words.word(line["reason"], language),
            line["actor"] or "-",
        )
        for line in clock["ledger"]
    )
    heads = [words.word(name, language) for name in ("from", "to", "length", "reason", "by")]
    talk.say()
    talk.show_table(_name(clock, language), heads, lines, empty=_name(clock, language))


def _name(clock: Facts, language: Language) -> str:
    from hardcase_collector.commands import plan_words as words

    name = words.word(clock["clock"], language)
    return f"{name} {clock['round']}" if clock["round"] > 1 else name


def write_csv(number: str, found: Iterable[Facts]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("case", "clock", "round", "from", "to", "seconds", "reason", "counts", "actor", "provisional"))
    for clock in found:
        for line in clock["ledger"]:
            times = (line["from"], line["to"], line["ms"] / 1000)
            told = (line["reason"], int(line["counts"]), guarded(line["actor"] or ""), int(line["provisional"]))
            out.writerow((guarded(number), clock["clock"], clock["round"], *times, *told))
