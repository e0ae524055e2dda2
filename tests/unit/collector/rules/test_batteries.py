"""No battery of a board or a controller is ever critical: what it keeps is lost at the next loss of power, not now."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.observation import Limits, Sensor
from hardcase_collector.rules import limits, vocabulary
from hardcase_collector.rules.sheet import Condition, Rule
from hardcase_collector.rules.sheet_reader import load_sheets
from hypothesis import given
from hypothesis import strategies as st

RULES = load_sheets().rules
CELL = Part(component="battery", slot="VBAT")


def of_a_cell(rule: Rule) -> bool:
    """May this rule judge a clock's cell: by its voltage, its states or what the log has of it?"""
    if not rule.match.takes_component("battery"):
        return False
    if rule.condition is Condition.EVENT:
        codes = [code for _, told in rule.codes for code in told]
        return any(code.partition(".")[0] in ("battery", "voltage") for code in codes)
    return any(
        rule.match.takes(Sensor(id="s", name="VBAT", kind=kind, unit="V", quantity=quantity, part=CELL), source)
        for source in ("ipmi.analogue", "ipmi.discrete", "snmp", "host.hwmon")
        for kind, quantity in (("voltage", ""), *(("state", one) for one in QUANTITIES))
    )


QUANTITIES = ("battery.status", "battery.health", "voltage.health", "ipmi.voltage")


def worst(rule: Rule) -> Severity:
    if rule.condition is Condition.LIMITS:
        return max([rule.ceiling, *(severity for severity, _ in rule.levels)])
    return max((severity for severity, _ in rule.asserted + rule.deasserted + rule.codes), default=rule.severity)


def test_every_way_to_tell_of_a_cell_has_a_rule_and_none_is_critical() -> None:
    judging = {rule.name: worst(rule) for rule in RULES if of_a_cell(rule)}
    assert {"battery-voltage", "battery-low", "battery-event", "battery-low-event", "battery-health-failed"} <= set(
        judging
    )
    assert [name for name, severity in judging.items() if severity > Severity.MAJOR] == []


@pytest.mark.parametrize("name", ["battery-voltage", "battery-low", "battery-event", "battery-voltage-event"])
def test_a_cell_that_a_board_itself_tells_of_is_minor_at_most(name: str) -> None:
    assert worst(next(rule for rule in RULES if rule.name == name)) is Severity.MINOR


VOLTS = st.floats(0.0, 5.0, allow_nan=False)


@given(bounds=st.lists(VOLTS, min_size=3, max_size=3), values=st.lists(VOLTS, min_size=2, max_size=2))
def test_severity_never_falls_as_the_voltage_does_and_stays_at_its_ceiling(
    bounds: list[float], values: list[float]
) -> None:
    last, critical, first = sorted(bounds)
    told = Limits(lower_non_critical=first, lower_critical=critical, lower_non_recoverable=last, source="bmc")
    sensor = Sensor(id="s", name="VBAT", kind="voltage", unit="V", quantity="", part=CELL, limits=told)
    rule = next(rule for rule in RULES if rule.name == "battery-voltage")
    ladder = limits.ladder(rule, sensor, (), width=8, believed=True)
    assert ladder is not None
    worse, better = (ladder.level(value, 0) for value in sorted(values))
    assert Severity.MINOR >= worse >= better


def test_the_vocabulary_has_what_a_cell_tells_by() -> None:
    assert all(vocabulary.known_quantity(quantity) for quantity in QUANTITIES)
