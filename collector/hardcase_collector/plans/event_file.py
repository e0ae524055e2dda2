"""A case's timeline from a TOML file, for `plans ledger`: case, site and `[[event]]` tables, mistakes with their lines.

What the codes mean is in `moments.py`; the file is described in collector/README.md. Pure but for the reading of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from hardcase_collector.domain.case import CaseAction, CaseState, TimelineEntry
from hardcase_collector.domain.errors import SheetError
from hardcase_collector.domain.finding import Fact, Severity
from hardcase_collector.domain.priority import Importance, Priority, ServiceState
from hardcase_collector.plans.almanac import calendar_of
from hardcase_collector.plans.calendar import Calendar, ms_of
from hardcase_collector.plans.moments import Code
from hardcase_collector.plans.plan import Moment, PauseReason
from hardcase_collector.plans.priority import priority_of
from hardcase_collector.plans.reader import choice, read_calendar
from hardcase_collector.sheets.files import parse, read_texts
from hardcase_collector.sheets.lines import entry_lines
from hardcase_collector.sheets.table import Mistakes, Table

_TIMES = {Code.AGREED: "time", Code.EXPECTED: "time", Code.HANDED_TO_VENDOR: "promised"}
_FREE = frozenset({"note", "finding_cleared", "finding_raised", "joined", "severity_raised", "notified"})
"""Codes of a timeline that clocks pass over; anything else unknown is a slip of the pen."""
_SEVERITIES = {severity.word: severity for severity in Severity if severity is not Severity.CLEARED}
_OVER = {CaseState.CLOSED: Code.CLOSED, CaseState.CANCELLED: Code.CANCELLED}
D = TypeVar("D", date, datetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledCase:
    """What the file says."""

    number: str
    priority: Priority
    entitled_from: date | None
    zone: ZoneInfo
    calendar: Calendar
    events: tuple[TimelineEntry, ...]


def load_case(path: Path) -> FiledCase:
    """Raises SheetError with every mistake."""
    mistakes = Mistakes()
    texts = read_texts(None, [path], mistakes)
    filed = [read_case(file, text, mistakes) for file, text in texts.items()]
    if not filed and not mistakes.found:
        mistakes.add(str(path), 1, "", "is a folder: one file is one case")
    if mistakes.found:
        raise SheetError(mistakes.lines())
    return filed[0]


def read_case(file: str, text: str, mistakes: Mistakes) -> FiledCase:
    """What is wrong goes to `mistakes`; then the case is not for use."""
    tree, lines = parse(file, text, ("case", "site", "event"), mistakes)
    case, site = (_section(file, tree, lines, mistakes, name) for name in ("case", "site"))
    calendar = calendar_of(read_calendar(site))
    filed = FiledCase(
        number=case.text("number", default="-"),
        priority=_priority(case),
        entitled_from=_day(case, "entitled_from"),
        zone=_zone(site),
        calendar=calendar,
        events=_events(file, text, tree, mistakes),
    )
    case.done()
    site.done()
    return filed


def _section(
    file: str, tree: Mapping[str, object], lines: dict[tuple[str, ...], int], mistakes: Mistakes, name: str
) -> Table:
    value = tree.get(name)
    if tree and not isinstance(value, Mapping):
        mistakes.add(file, 1, name, "needs a table")
    return Table(file, (name,), value if isinstance(value, Mapping) else {}, lines, mistakes)


def _priority(table: Table) -> Priority:
    """Given, or by the table of severity, service state and importance."""
    if "priority" in table.values:
        return choice(table, "priority", Priority, Priority.P3)
    word = table.text("severity", required=True)
    if word and word not in _SEVERITIES:
        table.wrong("severity", f"must be one of {', '.join(_SEVERITIES)}; or give priority")
    service = choice(table, "service_state", ServiceState, ServiceState.REDUNDANCY_HOLDS)
    importance = Importance.NORMAL
    if "importance" in table.values:
        importance = choice(table, "importance", Importance, Importance.NORMAL)
    return priority_of(_SEVERITIES.get(word, Severity.MAJOR), service, importance)


def _zone(table: Table) -> ZoneInfo:
    name = table.text("time_zone", required=True)
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError, KeyError):
        table.wrong("time_zone", f'there is no time zone {name!r}; one is "Asia/Shanghai"')
        return ZoneInfo("UTC")


def _day(table: Table, key: str) -> date | None:
    value = table.take(key)
    if value is not None and type(value) is not date:
        table.wrong(key, "must be a date such as 2027-01-01")
        return None
    return value if type(value) is date else None


def _events(file: str, text: str, tree: Mapping[str, object], mistakes: Mistakes) -> tuple[TimelineEntry, ...]:
    listed = tree.get("event", [])
    if not isinstance(listed, list) or not listed or not all(isinstance(one, Mapping) for one in listed):
        if tree:
            mistakes.add(file, 1, "event", 'needs [[event]] tables, the first with code = "opened"')
        return ()
    lines = entry_lines(text, "event")
    if len(lines) != len(listed):
        lines = [{} for _ in listed]
    events = [
        _event(Table(file, ("event",), values, known, mistakes), version)
        for version, (values, known) in enumerate(zip(listed, lines, strict=True), 1)
    ]
    if events[0].code != Code.OPENED or any(event.at_ms < events[0].at_ms for event in events):
        mistakes.add(file, lines[0].get(("event",), 1), "event", "the first and earliest must be opened")
    return tuple(events)


def _event(table: Table, version: int) -> TimelineEntry:
    code = table.text("code", required=True)
    if code and code not in tuple(Code) and code not in _FREE:
        table.wrong("code", f"must be one of {', '.join(Code)}")
    parameters = _parameters(table, Code(code)) if code in tuple(Code) else {}
    told = parameters.get("to")
    entry = TimelineEntry(
        case=0,
        version=version,
        # As the desk writes it: a move that ends a case has the code of its end.
        code=_OVER.get(CaseState(str(told)), code) if code == Code.MOVED and told in tuple(CaseState) else code,
        at_ms=_instant(table, "at"),
        actor=table.text("actor", required=True),
        parameters=parameters,
    )
    table.text("text")
    table.done()
    return entry


def _parameters(table: Table, code: Code) -> dict[str, Fact]:
    told: dict[str, Fact] = {}
    if code is Code.MOVED:
        told["to"] = str(choice(table, "to", CaseState, CaseState.NEW))
        if "action" in table.values:
            told["action"] = str(choice(table, "action", CaseAction, CaseAction.CONFIRM))
    if code in (Code.PAUSED, Code.RESUMED):
        told["reason"] = str(choice(table, "reason", PauseReason, PauseReason.CUSTOMER_DEFERRAL))
    if code is Code.PRIORITY_CHANGED:
        told["priority"] = str(choice(table, "priority", Priority, Priority.P3))
        told["reason"] = table.text("reason", required=True)
    if code is Code.EXPECTED:
        told["moment"] = str(choice(table, "moment", Moment, Moment.ARRIVED))
    if code in _TIMES and (code is not Code.HANDED_TO_VENDOR or "promised" in table.values):
        told[f"{_TIMES[code]}_ms"] = _instant(table, _TIMES[code])
    return told


def _instant(table: Table, key: str) -> int:
    value = table.take(key)
    if not isinstance(value, datetime) or value.tzinfo is None:
        table.wrong(key, "must be a time with its offset such as 2026-11-23T09:00:00+08:00")
        return 0
    return ms_of(value)
