"""Reads one `[rule.NAME]` table: which keys each condition takes, and what they may hold. Used by `sheet_reader`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules import vocabulary
from hardcase_collector.rules.sheet import Condition, Count, FaultClass, Match, Rule, Scope, Side
from hardcase_collector.rules.sheet_values import MAX_EVENTS, Table


def read_rule(table: Table, classes: Mapping[str, FaultClass]) -> Rule | None:
    """The rule, or None where its class or condition is not known; mistakes go to the table's list."""
    fault_class = classes.get(table.text("class", required=True))
    if fault_class is None:
        table.wrong("class", f"unknown fault class {table.values.get('class')!r}")
    word = table.text("condition", required=True)
    if word not in set(Condition):
        table.wrong("condition", f"must be one of {', '.join(Condition)}")
        return None
    condition = Condition(word)
    rule = Rule(
        name=table.path[1],
        fault_class=fault_class or _nothing(),
        condition=condition,
        match=_read_match(table, condition),
        opens_at=table.severity("opens_at", Severity.MINOR),
        flap=table.flap("flap"),
        file=table.file,
        line=table.line,
    )
    rule = _READERS[condition](table, rule)
    table.done()
    return rule if fault_class is not None else None


def _nothing() -> FaultClass:
    return FaultClass(name="", title={}, meaning={}, group="", self_clearing=False, soak_s=0)


def _read_match(table: Table, condition: Condition) -> Match:
    value = table.take("match")
    if value is None:
        if condition is not Condition.EVENT:
            table.wrong("match", "is missing")
        return Match()
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
    )
    inner.done()
    for key, words, known in (
        ("kind", match.kind, vocabulary.KINDS),
        ("component", match.component, vocabulary.COMPONENTS),
        ("component_not", match.component_not, vocabulary.COMPONENTS),
    ):
        for word in words:
            if word not in known:
                inner.wrong(key, f"unknown {key.removesuffix('_not')} {word!r}")
    for word in match.quantity:
        if not vocabulary.known_quantity(word):
            inner.wrong("quantity", f"unknown quantity {word!r}")
    return match


def _damped(table: Table, rule: Rule) -> Rule:
    debounce, clear = table.count("debounce"), table.count("clear")
    raised, cleared = debounce or Count(1, 1), clear or Count(3, 3)
    # Else the sweeps that clear a finding would be enough to raise it again at once.
    if raised.k + cleared.k <= max(raised.n, cleared.n):
        table.wrong("clear" if clear else "debounce", f'"{raised}" and clear "{cleared}" may hold at the same time')
    return replace(rule, debounce=debounce, clear=clear)


def _limits(table: Table, rule: Rule) -> Rule:
    side = table.text("side", required=True)
    if side not in set(Side):
        table.wrong("side", "must be upper or lower")
        side = Side.UPPER.value
    levels = table.levels("levels", falling=side == Side.LOWER.value)
    ceiling = table.severity("ceiling", Severity.CRITICAL)
    return _damped(table, replace(rule, side=Side(side), levels=levels or (), ceiling=ceiling))


def _counted(table: Table, rule: Rule) -> Rule:
    levels = table.levels("levels", falling=False)
    if not levels or levels[0][1] <= 0:
        table.wrong("levels", "needs numbers above 0")
    return _damped(table, replace(rule, levels=levels or ()))


def _rate(table: Table, rule: Rule) -> Rule:
    window_s = table.seconds("window", required=True)
    if window_s < 60:
        table.wrong("window", "must be at least 1m")
        window_s = 60
    return replace(_counted(table, rule), window_s=window_s)


def _state(table: Table, rule: Rule) -> Rule:
    asserted, deasserted = table.words_by_severity("asserted"), table.words_by_severity("deasserted")
    if not asserted and not deasserted:
        table.wrong("asserted", "needs asserted or deasserted states")
    for key, entries in (("asserted", asserted), ("deasserted", deasserted)):
        for severity, states in entries:
            for state in states:
                if rule.match.quantity and not vocabulary.known_state(rule.match.quantity, state):
                    table.wrong(f"{key}.{severity.word}", f"none of its quantities has a state {state!r}")
    return _damped(
        table,
        replace(rule, asserted=asserted, deasserted=deasserted, after_change=table.flag("after_change")),
    )


def _event(table: Table, rule: Rule) -> Rule:
    codes, deasserted = table.words_by_severity("codes"), table.words_by_severity("deasserted")
    if not codes and not deasserted:
        table.wrong("codes", "is missing")
    settle_s, clear_after_s = table.seconds("settle"), table.seconds("clear_after", required=True)
    if clear_after_s and settle_s >= clear_after_s:
        table.wrong("settle", "must be shorter than clear_after")
    count = table.number("count", default=1, low=1, high=MAX_EVENTS)
    window_s = table.seconds("window", required=count > 1)
    if settle_s and count > 1:
        table.wrong("settle", "says nothing of counted events")
    return replace(
        rule,
        codes=codes,
        deasserted=deasserted,
        count=count,
        window_s=window_s,
        clear_after_s=clear_after_s,
        holds=table.flag("holds"),
        settle_s=settle_s,
        ended_by=table.words("ended_by"),
        ended_anywhere_by=table.words("ended_anywhere_by"),
    )


def _missing(table: Table, rule: Rule) -> Rule:
    scope = table.text("scope", required=True)
    if scope not in set(Scope):
        table.wrong("scope", f"must be one of {', '.join(Scope)}")
        scope = Scope.SENSOR.value
    periods = table.number("periods", default=0, low=2, high=1000)
    if not periods:
        table.wrong("periods", "is missing")
    severity = table.severity("severity", Severity.MINOR)
    return replace(rule, scope=Scope(scope), periods=periods or 5, severity=severity)


def _gone(table: Table, rule: Rule) -> Rule:
    return _damped(table, replace(rule, severity=table.severity("severity", Severity.MINOR)))


def _status(table: Table, rule: Rule) -> Rule:
    statuses, cleared_by = table.words_by_severity("statuses"), table.words("cleared_by")
    if not statuses:
        table.wrong("statuses", "is missing")
    for word in [word for _, words in statuses for word in words] + list(cleared_by):
        if word not in vocabulary.STATUSES:
            table.wrong("statuses", f"unknown status {word!r}")
    return replace(rule, statuses=statuses, cleared_by=cleared_by)


_READERS: Mapping[Condition, Callable[[Table, Rule], Rule]] = {
    Condition.LIMITS: _limits,
    Condition.GROWTH: _counted,
    Condition.RATE: _rate,
    Condition.STATE: _state,
    Condition.EVENT: _event,
    Condition.MISSING: _missing,
    Condition.GONE: _gone,
    Condition.STATUS: _status,
}
