"""From TOML texts to a `RuleBook`: everything that is wrong in any sheet is found in one pass and told together.

`load_sheets` and `check_sheets` read the files (at start and on reload only); `read_sheets` is pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from hardcase_collector.domain.advice import Advice, HotSwap, Safety, Texts
from hardcase_collector.domain.correlation import Join
from hardcase_collector.domain.errors import SheetError
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.noise import StormKind
from hardcase_collector.rules import vocabulary
from hardcase_collector.rules.sheet import FaultClass, Match, Override, RepairGroup, Rule, RuleBook
from hardcase_collector.rules.sheet_rule import read_rule
from hardcase_collector.rules.sheet_storm import read_storm
from hardcase_collector.rules.sheet_values import Mistakes, Table
from hardcase_collector.sheets.files import parse, read_texts

SHIPPED = Path(__file__).with_name("sheets")
"""The sheets that come with the collector."""
_CLASS_NAME = re.compile(r"[a-z]+\.[a-z][a-z0-9_]*")
_SECTIONS = ("group", "class", "rule", "override", "join", "storm", "safety", "advice")


def load_sheets(paths: Iterable[Path] | None = None) -> RuleBook:
    """The shipped sheets and, after them, these files and folders of `*.toml`.

    Raises SheetError with every mistake of every sheet.
    """
    mistakes = Mistakes()
    texts = read_texts(SHIPPED, paths or (), mistakes)
    book = read_sheets(texts, mistakes)
    if mistakes.found:
        raise SheetError(mistakes.lines())
    return book


def check_sheets(paths: Iterable[Path]) -> tuple[str, ...]:
    """Every mistake of these sheets, loaded beside the shipped ones; empty = they may be used (`rules check`)."""
    try:
        load_sheets(paths)
    except SheetError as error:
        return error.mistakes
    return ()


@dataclass(slots=True)
class _Sheets:
    """What all sheets define so far."""

    mistakes: Mistakes
    groups: dict[str, RepairGroup] = field(default_factory=dict)
    classes: dict[str, FaultClass] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    joins: dict[str, Join] = field(default_factory=dict)
    storms: dict[str, StormKind] = field(default_factory=dict)
    advice: dict[str, Advice] = field(default_factory=dict)
    safety: dict[Safety, Texts] = field(default_factory=dict)


def read_sheets(texts: Mapping[str, str], mistakes: Mistakes) -> RuleBook:
    """The book of these texts (file name -> TOML). What is wrong goes to `mistakes`; then the book is not for use."""
    sheets = _Sheets(mistakes)
    parsed = [(file, *parse(file, text, _SECTIONS, mistakes)) for file, text in texts.items()]
    readers = {
        "group": _read_group,
        "class": _read_class,
        "rule": _read_rule,
        "override": _read_override,
        "join": _read_join,
        "storm": _read_storm,
        "safety": _read_safety,
        "advice": _read_advice,
    }
    # Section by section over all sheets: a rule may name a class, and a class a group, of another sheet.
    for section in _SECTIONS:
        for file, tree, lines in parsed:
            entries = tree.get(section, {})
            if not isinstance(entries, Mapping):
                mistakes.add(file, 1, section, "must be a table of tables")
                continue
            for name, values in entries.items():
                if not isinstance(values, Mapping):
                    mistakes.add(file, 1, f"{section}.{name}", "must be a table")
                    continue
                readers[section](sheets, Table(file, (section, name), values, lines, mistakes))
    _check_whole(sheets)
    return RuleBook(
        rules=tuple(sheets.rules.values()),
        classes=sheets.classes,
        groups=sheets.groups,
        overrides=tuple(sheets.overrides.values()),
        joins=tuple(sheets.joins.values()),
        storms=tuple(sheets.storms.values()),
        advice=sheets.advice,
        safety=sheets.safety,
    )


def _read_group(sheets: _Sheets, table: Table) -> None:
    name = table.path[1]
    if name in sheets.groups:
        table.wrong("", "repair group is defined twice")
    sheets.groups[name] = RepairGroup(name=name, title=table.translations("title"))
    table.done()


def _read_class(sheets: _Sheets, table: Table) -> None:
    name = table.path[1]
    if not _CLASS_NAME.fullmatch(name):
        table.wrong("", 'a fault class is "component.symptom"')
    elif name.partition(".")[0] not in vocabulary.COMPONENTS:
        table.wrong("", f"unknown component {name.partition('.')[0]!r}")
    if name in sheets.classes:
        table.wrong("", "fault class is defined twice")
    group = table.text("group", required=True)
    if group and group not in sheets.groups:
        table.wrong("group", f"unknown repair group {group!r}")
    sheets.classes[name] = FaultClass(
        name=name,
        title=table.translations("title"),
        meaning=table.translations("meaning"),
        group=group,
        self_clearing=table.flag("self_clearing", required=True),
        soak_s=table.seconds("soak", required=True),
        reported=table.severity("reported", Severity.CLEARED),
    )
    table.done()


def _read_rule(sheets: _Sheets, table: Table) -> None:
    name = table.path[1]
    rule = read_rule(table, sheets.classes)
    if rule is None:
        return
    if name in sheets.rules:
        first = sheets.rules[name]
        table.wrong("", f"rule is defined twice, first at {first.file}:{first.line}")
        return
    other = sheets.ids.setdefault(rule.id, name)
    if other != name:
        table.wrong("", f"its name has the same check sum as {other!r}: choose another")
    sheets.rules[name] = rule


def _read_join(sheets: _Sheets, table: Table) -> None:
    name = table.path[1]
    if name in sheets.joins:
        table.wrong("", "join is defined twice")
    join = Join(
        name=name,
        reason=table.translations("reason"),
        cause=table.words("cause"),
        effect=table.words("effect"),
        not_named=table.words("not_named"),
    )
    for key, patterns in (("cause", join.cause), ("effect", join.effect)):
        if not patterns:
            table.wrong(key, "must be a list that is not empty")
        for pattern in patterns:
            if not any(fnmatchcase(known, pattern) for known in sheets.classes):
                table.wrong(key, f"no fault class is like {pattern!r}")
    table.done()
    sheets.joins[name] = join


def _read_storm(sheets: _Sheets, table: Table) -> None:
    if table.path[1] in sheets.storms:
        table.wrong("", "storm is defined twice")
    kind = read_storm(table, sheets.classes)
    if kind is not None:
        sheets.storms[kind.name] = kind


def _read_safety(sheets: _Sheets, table: Table) -> None:
    name = table.path[1]
    if name not in tuple(Safety):
        table.wrong("", f"is none of {', '.join(Safety)}")
        return
    sheets.safety[Safety(name)] = table.translations("text")
    table.done()


def _read_advice(sheets: _Sheets, table: Table) -> None:
    checks = table.words("safety")
    swap = table.text("hot_swappable", required=True)
    if swap and swap not in tuple(HotSwap):
        table.wrong("hot_swappable", f"must be one of {', '.join(HotSwap)}")
    for check in checks:
        if check not in tuple(Safety):
            table.wrong("safety", f"{check!r} is none of {', '.join(Safety)}")
    advice = Advice(
        name=table.path[1],
        confirm=table.listed("confirm"),
        likely_part=table.translations("likely_part"),
        hot_swappable=HotSwap(swap) if swap in tuple(HotSwap) else HotSwap.NO,
        steps=table.listed("steps"),
        vendor_asks=table.listed("vendor_asks"),
        safety=tuple(Safety(check) for check in checks if check in tuple(Safety)),
    )
    classes = table.words("classes")
    if not classes:
        table.wrong("classes", "must be a list that is not empty")
    for name in classes:
        if name not in sheets.classes:
            table.wrong("classes", f"unknown fault class {name!r}")
        elif name in sheets.advice:
            table.wrong("classes", f"{name!r} has advice already, of {sheets.advice[name].name!r}")
        sheets.advice.setdefault(name, advice)
    table.done()


def _read_override(sheets: _Sheets, table: Table) -> None:
    name = table.path[1]
    if name in sheets.overrides:
        table.wrong("", "override is defined twice")
    override = Override(
        name=name,
        match=_override_match(table),
        rule=table.text("rule"),
        upper=table.levels("upper", falling=False),
        lower=table.levels("lower", falling=True),
        off=table.flag("off"),
        reason=table.text("reason", required=True),
        file=table.file,
        line=table.line,
    )
    if override.off == (override.upper is not None or override.lower is not None):
        table.wrong("", "needs either upper or lower limits, or off = true")
    if override.rule and override.rule not in sheets.rules:
        table.wrong("rule", f"unknown rule {override.rule!r}")
    table.done()
    sheets.overrides[name] = override


def _override_match(table: Table) -> Match:
    value = table.take("match")
    if not isinstance(value, Mapping) or not value:
        table.wrong("match", "must be a table that is not empty")
        return Match()
    inner = Table(table.file, (*table.path, "match"), value, table.lines, table.mistakes)
    match = Match(
        kind=inner.words("kind"),
        quantity=inner.words("quantity"),
        component=inner.words("component"),
        component_not=inner.words("component_not"),
        source=inner.words("source"),
        asset=inner.words("asset"),
        sensor=inner.words("sensor"),
        name=inner.words("name"),
        slot=inner.words("slot"),
    )
    inner.done()
    return match


def _check_whole(sheets: _Sheets) -> None:
    """A class that nobody tells of is a leftover; one without advice tells people of a fault and not what to do."""
    if sheets.mistakes.found:
        return
    shown = {rule.fault_class.name for rule in sheets.rules.values()}
    shown |= {kind.fault_class for kind in sheets.storms.values()}
    for name, fault_class in sheets.classes.items():
        if name not in shown and not fault_class.reported:
            sheets.mistakes.add("", 1, f"class.{name}", "no rule shows this fault class")
        if name in shown and fault_class.reported:
            sheets.mistakes.add("", 1, f"class.{name}", "people report this fault class: no rule may show it")
        if name not in sheets.advice:
            sheets.mistakes.add("", 1, f"class.{name}", "no advice names this fault class")
    for check in sorted({check for advice in sheets.advice.values() for check in advice.safety} - set(sheets.safety)):
        sheets.mistakes.add("", 1, f"safety.{check}", "advice asks for this check, and it has no text")
