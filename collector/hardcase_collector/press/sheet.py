"""A service report as headings, rows and tables of finished text: the one source of its HTML and its PDF. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hardcase_collector.press.words import word
from hardcase_collector.service.paper import Paper


@dataclass(frozen=True, slots=True)
class Rows:
    heading: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Prose:
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    heading: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


Section = Rows | Prose | Grid


@dataclass(frozen=True, slots=True)
class Sheet:
    language: str
    title: str
    number: str
    mark: str
    """Printed large where it is no real paper; "" = it is."""
    sections: tuple[Section, ...]


def lay_out(paper: Paper, language: str) -> Sheet:
    """Raises KeyError for another language than zh and en."""
    report = paper.report
    sections: list[Section] = [
        _case(paper, language),
        _machine(paper, language),
        _times(paper, language),
        Prose(word("found", language), report.found),
        Prose(word("done", language), report.done),
    ]
    if report.parts:
        sections.append(_parts(paper, language))
    if paper.facts.lines:
        sections.append(_cost(paper, language))
    result = ((word("result", language), word(f"result.{report.result}", language)),)
    sections.append(Rows(word("result", language), (*result, (word("engineer", language), report.engineer))))
    sections.append(_signature(paper, language))
    mark = word("rehearsal", language) if paper.facts.rehearsal else ""
    return Sheet(language, word("service_report", language), report.number, mark, tuple(sections))


def _rows(heading: str, language: str, rows: Sequence[tuple[str, str]]) -> Rows:
    """What is not known is left out."""
    return Rows(word(heading, language), tuple((word(key, language), text) for key, text in rows if text))


def _case(paper: Paper, language: str) -> Rows:
    facts = paper.facts
    faults = ", ".join(paper.titles.get(fault, fault) for fault in facts.fault_classes)
    rows = [
        ("case", facts.case),
        ("customer", facts.customer),
        ("fault", faults),
        ("part", facts.part),
        ("plan", facts.plan_titles.get(language) or facts.plan or word("none", language)),
        ("contract", facts.contract),
    ]
    return _rows("what", language, rows)


def _machine(paper: Paper, language: str) -> Rows:
    facts = paper.facts
    place = ", ".join(filter(None, (facts.rack, f"U{facts.unit}" if facts.unit else "")))
    rows = [
        ("machine", " ".join(filter(None, (facts.vendor, facts.model)))),
        ("serial", facts.serial),
        ("hostname", facts.hostname),
        ("site", facts.site),
        ("address", facts.address),
        ("place", place),
    ]
    return _rows("where", language, rows)


def _times(paper: Paper, language: str) -> Rows:
    facts = paper.facts
    zone = facts.time_zone
    rows = [
        ("reported", local(facts.reported_ms, zone)),
        ("arrived", local(facts.arrived_ms, zone)),
        ("finished", local(facts.finished_ms, zone)),
        ("time_zone", zone),
    ]
    return _rows("times", language, rows)


def _parts(paper: Paper, language: str) -> Grid:
    columns = ("name", "slot", "part_number", "old_serial", "new_serial")
    lines = tuple(tuple(getattr(part, column) or "-" for column in columns) for part in paper.report.parts)
    return Grid(word("parts", language), tuple(word(column, language) for column in columns), lines)


def _cost(paper: Paper, language: str) -> Grid:
    facts = paper.facts
    lines = [
        (
            ": ".join(filter(None, (word(f"kind.{line.kind}", language), line.text))),
            word(f"why.{line.why}", language),
            f"{line.amount} {facts.currency}",
        )
        for line in facts.lines
    ]
    lines.append((word("total", language), facts.tax_note, f"{facts.total} {facts.currency}"))
    return Grid(
        word("cost", language), tuple(word(key, language) for key in ("item", "reason", "amount")), tuple(lines)
    )


def _signature(paper: Paper, language: str) -> Rows:
    report = paper.report
    if not report.signed_ms:
        return _rows("signature", language, [("signed_by", word("not_signed", language))])
    how = word(f"channel.{report.channel}", language) if report.channel else ""
    rows = [
        ("signed_by", report.signed_by),
        ("signed_at", local(report.signed_ms, paper.facts.time_zone)),
        ("signed_how", how),
    ]
    return _rows("signature", language, rows)


def local(at_ms: int, zone: str) -> str:
    """By the clock of the site; "" where there was no such moment."""
    if not at_ms:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
