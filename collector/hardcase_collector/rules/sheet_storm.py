"""Reads one `[storm.NAME]` table: when many faults are one storm. Used by `sheet_reader`; applied by the case desk."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.noise import STORM_GROUP, Counted, StormKind, StormScope
from hardcase_collector.rules.sheet import FaultClass
from hardcase_collector.rules.sheet_values import Table

_MOST = 50
"""What must be seen before a storm is one; the desk remembers little more."""


def read_storm(table: Table, classes: Mapping[str, FaultClass]) -> StormKind | None:
    """None where class, scope or what is counted is not known; mistakes go to the table's list."""
    fault_class = classes.get(table.text("class", required=True))
    if fault_class is None:
        table.wrong("class", f"unknown fault class {table.values.get('class')!r}")
    elif fault_class.group != STORM_GROUP or not fault_class.self_clearing:
        table.wrong("class", f"must be of the repair group {STORM_GROUP!r}, and self_clearing")
    scope, counted = table.text("scope", required=True), table.text("counted", default=Counted.CASES)
    for key, word, words in (("scope", scope, tuple(StormScope)), ("counted", counted, tuple(Counted))):
        if word not in words:
            table.wrong(key, f"must be one of {', '.join(words)}")
    patterns = table.words("classes")
    if not patterns:
        table.wrong("classes", "must be a list that is not empty")
    for pattern in patterns:
        if not any(fnmatchcase(known.name, pattern) for known in classes.values() if known.group != STORM_GROUP):
            table.wrong("classes", f"no fault class is like {pattern!r}")
    count = table.number("count", default=0, low=2, high=_MOST)
    window_s, calm_s = table.seconds("window", required=True), table.seconds("calm", required=True)
    if not count:
        table.wrong("count", "is missing")
    gone = table.number("gone_percent", default=50, low=1, high=100)
    racks = table.number("racks", default=1, low=1, high=_MOST)
    severity = table.severity("severity", Severity.MAJOR)
    table.done()
    if fault_class is None or scope not in tuple(StormScope) or counted not in tuple(Counted):
        return None
    return StormKind(
        name=table.path[1],
        scope=StormScope(scope),
        fault_class=fault_class.name,
        component=fault_class.component,
        classes=patterns,
        counted=Counted(counted),
        count=count,
        window_ms=window_s * 1000,
        calm_ms=calm_s * 1000,
        gone_percent=gone,
        severity=severity,
        soak_s=fault_class.soak_s,
        racks=racks,
    )
