"""What sheets say, as frozen values: fault classes, repair groups, rules, overrides, and the book of all of them.

`sheet_reader` makes them from TOML, `compiled` and the judging modules read them, `book.describe()` is what the
`rules` command prints.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from hardcase_collector.domain.advice import Advice, Counsel, Live, Safety, Texts, warnings
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.correlation import Join
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.noise import StormKind
from hardcase_collector.domain.observation import Sensor
from hardcase_collector.domain.report import Category


class Condition(StrEnum):
    """The primitives a rule may use (design: Judging)."""

    LIMITS = "limits"
    GROWTH = "growth"
    RATE = "rate"
    STATE = "state"
    EVENT = "event"
    MISSING = "missing"
    GONE = "gone"
    STATUS = "status"


class Side(StrEnum):
    UPPER = "upper"
    LOWER = "lower"


class Scope(StrEnum):
    """What a `missing` rule counts: one sensor, or everything a source gives."""

    SENSOR = "sensor"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Count:
    """ "2 of 3": k of the last n sweeps."""

    k: int
    n: int

    def __str__(self) -> str:
        return f"{self.k} of {self.n}"


@dataclass(frozen=True, slots=True)
class Flap:
    """This many raises within the window (seconds) make a finding unstable."""

    raises: int
    window_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultClass:
    """`component.symptom`, with its texts by language and how it ends."""

    name: str
    title: Mapping[str, str]
    meaning: Mapping[str, str]
    group: str
    self_clearing: bool
    soak_s: int
    reported: Severity = Severity.CLEARED
    """Above cleared: people report it and no rule shows it; the severity of a report that tells none."""

    @property
    def component(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairGroup:
    """Faults that one repair cures."""

    name: str
    title: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which sensors, sources and parts a rule is for. Empty tuple: any. Sources and names are shell patterns."""

    kind: tuple[str, ...] = ()
    quantity: tuple[str, ...] = ()
    component: tuple[str, ...] = ()
    component_not: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    asset: tuple[str, ...] = ()
    """Overrides only: asset keys ("dell|7ABC123") or numbers."""
    sensor: tuple[str, ...] = ()
    """Overrides only: sensor ids."""
    name: tuple[str, ...] = ()
    """Overrides only: patterns of sensor names."""
    slot: tuple[str, ...] = ()
    """Overrides only: patterns of part slots."""

    def takes_source(self, source: str) -> bool:
        return not self.source or any(fnmatchcase(source, pattern) for pattern in self.source)

    def takes_component(self, component: str) -> bool:
        return (not self.component or component in self.component) and component not in self.component_not

    def takes(self, sensor: Sensor, source: str) -> bool:
        return (
            (not self.kind or sensor.kind in self.kind)
            and (not self.quantity or sensor.quantity in self.quantity)
            and self.takes_component(sensor.part.component)
            and self.takes_source(source)
        )

    def takes_place(self, sensor: Sensor, asset: Sequence[str]) -> bool:
        """The part of an override that tells one sensor or asset from another."""
        return (
            (not self.asset or any(word in self.asset for word in asset))
            and (not self.sensor or sensor.id in self.sensor)
            and (not self.name or any(fnmatchcase(sensor.name, pattern) for pattern in self.name))
            and (not self.slot or any(fnmatchcase(sensor.part.slot, pattern) for pattern in self.slot))
        )


Levels = tuple[tuple[Severity, float], ...]
Words = tuple[tuple[Severity, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One condition that shows one fault class. Fields that the condition does not use keep their defaults."""

    name: str
    fault_class: FaultClass
    condition: Condition
    match: Match
    side: Side = Side.UPPER
    ceiling: Severity = Severity.CRITICAL
    """Limits: what the device's own may come to at most; the operator's say what they mean."""
    levels: Levels = ()
    """Mildest first: class-default limits, growth since the baseline, or count in the window."""
    asserted: Words = ()
    deasserted: Words = ()
    """States whose absence is the fault (polarity): "present", "fully_redundant"."""
    after_change: bool = False
    """Only once the sensor was seen without the fault: a port never plugged in is no lost link."""
    codes: Words = ()
    count: int = 1
    window_s: int = 0
    clear_after_s: int = 0
    """Events: quiet time after which the finding clears by itself; 0 = only by a deassertion."""
    holds: bool = False
    """Events: a deassertion ends nothing. A disk that took its fault back is still bad."""
    settle_s: int = 0
    """Events: what the device takes back within this time raises nothing."""
    ended_by: tuple[str, ...] = ()
    """Events: codes whose assertion on the same sensor ends the finding, with "-" before it their deassertion."""
    ended_anywhere_by: tuple[str, ...] = ()
    """The same of any part of the asset: redundancy regained says that every supply is back."""
    scope: Scope = Scope.SENSOR
    periods: int = 0
    severity: Severity = Severity.MINOR
    statuses: Words = ()
    cleared_by: tuple[str, ...] = ()
    debounce: Count | None = None
    clear: Count | None = None
    flap: Flap | None = None
    opens_at: Severity = Severity.MINOR
    """Findings below it are watch items. X.733 warning opens nothing unless the sheet says so."""
    file: str = ""
    line: int = 0

    @property
    def id(self) -> int:
        """CRC-32 of the name: how a stored row names its rule. The reader refuses two rules with one id."""
        return zlib.crc32(self.name.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """The operator's word on limits. A side that is given replaces that side whole; `off` stops judging it."""

    name: str
    match: Match
    rule: str = ""
    upper: Levels | None = None
    lower: Levels | None = None
    off: bool = False
    reason: str = ""
    file: str = ""
    line: int = 0

    def takes(self, sensor: Sensor, source: str, asset: Sequence[str]) -> bool:
        return self.match.takes(sensor, source) and self.match.takes_place(sensor, asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """Every sheet that was loaded, checked as one."""

    rules: tuple[Rule, ...] = ()
    classes: Mapping[str, FaultClass] = field(default_factory=dict)
    groups: Mapping[str, RepairGroup] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    joins: tuple[Join, ...] = ()
    storms: tuple[StormKind, ...] = ()
    advice: Mapping[str, Advice] = field(default_factory=dict)
    """By fault class; every class has one."""
    safety: Mapping[Safety, Texts] = field(default_factory=dict)

    def categories(self) -> tuple[Category, ...]:
        """What people may report."""
        return tuple(
            Category(fault_class=one.name, group=one.group, severity=one.reported)
            for one in self.classes.values()
            if one.reported
        )

    def rule(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.name == name), None)

    def text(self, fault_class: str, language: str) -> tuple[str, str]:
        """(title, meaning) of a class; English where the language is not known, the code where the class is not."""
        known = self.classes.get(fault_class)
        if known is None:
            return fault_class, ""
        return known.title.get(language, known.title["en"]), known.meaning.get(language, known.meaning["en"])

    def group_title(self, group: str, language: str) -> str:
        known = self.groups.get(group)
        return known.title.get(language, known.title["en"]) if known else group

    def counsel(self, part: Part, fault_classes: Sequence[str], live: Live) -> Counsel | None:
        """What to do about a case of these classes; the one that is worst now leads. None where none is known."""
        worst = {
            name: max((one.severity for one in live.firing if one.fault_class == name), default=0)
            for name in fault_classes
        }
        for fault_class in sorted(fault_classes, key=lambda name: -worst[name]):
            advice = self.advice.get(fault_class)
            if advice is not None:
                return Counsel(advice, warnings(part, fault_classes, advice.safety, live), self.safety)
        return None

    def describe(self) -> list[dict[str, str]]:
        """One row per rule for the `rules` command: words and numbers, no prose but the title."""
        return [_described(rule) for rule in self.rules]


def _described(rule: Rule) -> dict[str, str]:
    return {
        "rule": rule.name,
        "class": rule.fault_class.name,
        "condition": rule.condition.value + (f" {rule.side.value}" if rule.condition is Condition.LIMITS else ""),
        "group": rule.fault_class.group,
        "levels": _levels_text(rule),
        "debounce": str(rule.debounce) if rule.debounce else "default",
        "clear": str(rule.clear) if rule.clear else "default",
        "opens": rule.opens_at.word,
        "self_clearing": "yes" if rule.fault_class.self_clearing else "no",
        "title_en": rule.fault_class.title["en"],
        "title_zh": rule.fault_class.title["zh"],
        "from": f"{rule.file}:{rule.line}",
    }


def _levels_text(rule: Rule) -> str:
    if rule.levels:
        return ", ".join(f"{severity.word} {number:g}" for severity, number in rule.levels)
    words = rule.asserted + rule.codes + rule.statuses
    if words or rule.deasserted:
        told = [f"{severity.word} {'|'.join(names)}" for severity, names in words]
        told += [f"{severity.word} not {'|'.join(names)}" for severity, names in rule.deasserted]
        return ", ".join(told)
    if rule.condition is Condition.LIMITS:
        worst = "" if rule.ceiling is Severity.CRITICAL else f", at most {rule.ceiling.word}"
        return f"the device's own{worst}"
    return rule.severity.word
