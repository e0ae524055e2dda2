"""Test sheets: a series in, transitions out. Reads `[[case]]` tables and plays them through the real judge.

A case names a rule; its sensor is made from what the rule matches, `sensor` overriding. One step per period; each
step is followed by a tick. `expect` holds "STEP CHANGE SEVERITY" of that rule alone, empty = it does not fire.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.observation import (
    Catalogue,
    Event,
    Frame,
    GapReason,
    Inventory,
    Limits,
    Sensor,
    SourceStatus,
    Stamp,
)
from hardcase_collector.domain.ports import Baseline, Feed
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.replay import Step, Tick, replay
from hardcase_collector.rules.sheet import Condition, Rule, RuleBook
from hardcase_collector.rules.vocabulary import STATES

START_MS = 1_790_000_000_000
HERE = Path(__file__).parent
UNITS = {"temperature": "Cel", "voltage": "V", "current": "A", "power": "W", "fan": "RPM", "percentage": "%"}


@dataclass(frozen=True)
class SheetCase:
    file: str
    rule: str
    name: str
    series: tuple[Any, ...]
    expect: tuple[str, ...]
    period_s: int = 60
    sensor: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    baseline: float | None = None
    component: str = ""

    @property
    def title(self) -> str:
        return f"{self.file}:{self.rule}:{self.name}"


def read_cases(folder: Path = HERE) -> list[SheetCase]:
    cases = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            series = tuple(entry.pop("series"))
            cases.append(SheetCase(file=path.name, series=series, expect=tuple(entry.pop("expect")), **entry))
    return cases


def outcome(case: SheetCase, book: RuleBook) -> list[str]:
    """What the rule told, as "STEP CHANGE SEVERITY"."""
    rule = book.rule(case.rule)
    assert rule is not None, f"{case.title}: no such rule"
    source = case.source or (rule.match.source[0].replace("*", ".x") if rule.match.source else "test.source")
    catalogue = _catalogue(case, rule, source)
    feed = Feed(number=7, agent=1, asset=1, source=source)
    baselines = []
    if case.baseline is not None:
        baselines.append(
            Baseline(asset=1, feed=7, sensor="s", rule=rule.name, value=case.baseline, by="a", reason="b", at_ms=1)
        )
    engine = Engine(book)
    state = engine.open_feed(feed, catalogue, None, baselines, rehearsal=False)
    steps: list[Step] = []
    for index, entry in enumerate(case.series):
        at_ms = START_MS + index * case.period_s * 1000
        steps += [_step(case, rule, catalogue, index, entry, at_ms), Tick(at_ms)]
    told = [(index // 2, made) for index, made in replay(engine, state, steps) if made.key.rule == rule.name]
    return [f"{index} {made.change} {made.severity.word}" for index, made in told]


def _catalogue(case: SheetCase, rule: Rule, source: str) -> Catalogue:
    given = dict(case.sensor)
    quantity = given.pop("quantity", rule.match.quantity[0] if rule.match.quantity else "")
    states = tuple(given.pop("states", STATES.get(quantity, ()) if rule.condition is Condition.STATE else ()))
    kind = given.pop("kind", rule.match.kind[0] if rule.match.kind else ("state" if states else "count"))
    component = case.component or (rule.match.component[0] if rule.match.component else "board")
    sensor = Sensor(
        id="s",
        name="Sensor",
        kind=kind,
        unit=given.pop("unit", UNITS.get(kind, "1")),
        quantity=quantity,
        states=states,
        part=Part(component=component, slot="1", serial="A"),
        limits=Limits(source="bmc", **given.pop("limits", {})),
        **given,
    )
    return Catalogue(
        number=1,
        id=bytes(16),
        feed=7,
        asset=1,
        source=source,
        period_ms=case.period_s * 1000,
        value_width=8,
        sensors=(sensor,),
        sensor_numbers=(1,),
    )


def _step(case: SheetCase, rule: Rule, catalogue: Catalogue, index: int, entry: Any, at_ms: int) -> Step:
    stamp = Stamp(
        agent=1,
        asset=1,
        source=catalogue.source,
        epoch=bytes(16),
        sequence=index + 1,
        time_ms=at_ms,
        received_ms=at_ms,
        flag=0,
        backlog=False,
    )
    if entry == "-":
        return Tick(at_ms)
    if rule.condition is Condition.STATUS:
        return SourceStatus(stamp=stamp, state=entry, detail="", period_ms=case.period_s * 1000, failures=1)
    if rule.condition is Condition.EVENT:
        return Event(
            stamp=stamp,
            log="sel",
            erase_stamp=0,
            record_id=index,
            raw=b"",
            device_ms=at_ms,
            part=Part(component=case.component, slot="1"),
            code=entry[1:],
            asserted=entry[0] == "+",
            sensor="s",
            text="",
        )
    if isinstance(entry, dict):
        component = case.component or rule.match.component[0]
        parts = tuple(Part(component=component, slot=slot, serial=serial) for slot, serial in entry.items())
        return Inventory(stamp=stamp, parts=parts)
    return _frame(catalogue, index, entry, at_ms)


def _frame(catalogue: Catalogue, index: int, entry: Any, at_ms: int) -> Frame:
    (sensor,) = catalogue.sensors
    gap = GapReason[entry.upper()] if isinstance(entry, str) else None
    number = float("nan") if gap else (0.0 if sensor.states else float(entry))
    bits = sum(1 << sensor.states.index(state) for state in entry) if sensor.states and not gap else 0
    return Frame(
        catalogue=catalogue,
        agent=1,
        epoch=bytes(16),
        sequence=index + 1,
        time_ms=at_ms,
        wall_ms=at_ms,
        received_ms=at_ms,
        flag=0,
        backlog=False,
        values=b"" if sensor.states else np.array([number], dtype="<f8").tobytes(),
        states=np.array([bits], dtype="<u4").tobytes() if sensor.states else b"",
        gap_index=b"\0\0" if gap else b"",
        gap_reason=bytes([gap]) if gap else b"",
        gap_age_s=np.array([60], dtype="<u4").tobytes() if gap else b"",
        offsets_ms=b"",
    )
