"""Severity never falls as a state gets worse: over every shipped rule that names states of the specification."""

from __future__ import annotations

import pytest
from hardcase_collector.rules.sheet import Condition, Rule
from hardcase_collector.rules.sheet_reader import load_sheets

LADDERS = (
    ("ok", "non_critical_from_ok", "critical_from_less_severe", "non_recoverable_from_less_severe"),
    ("ok", "non_critical_from_more_severe", "critical_from_non_recoverable", "non_recoverable"),
    ("lower_non_critical", "lower_critical", "lower_non_recoverable"),
    ("upper_non_critical", "upper_critical", "upper_non_recoverable"),
    ("fully_redundant", "redundancy_degraded", "redundancy_lost"),
    ("throttled", "critical_overtemperature"),
    ("almost_full", "full"),
)
"""States of IPMI 2.0, tables 42-2 and 42-3, each list from good to bad."""
RULES = [rule for rule in load_sheets().rules if rule.condition is Condition.STATE and rule.asserted]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_worse_state_has_no_lower_severity(rule: Rule) -> None:
    severity = {state: level for level, states in rule.asserted for state in states}
    for ladder in LADDERS:
        named = [severity[state] for state in ladder if state in severity]
        assert named == sorted(named), ladder


def test_a_state_is_named_once_by_a_rule() -> None:
    for rule in RULES:
        named = [state for _, states in rule.asserted for state in states]
        assert len(named) == len(set(named)), rule.name
