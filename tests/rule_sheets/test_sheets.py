"""Every shipped rule fires on what it should and stays quiet on what it should not."""

from __future__ import annotations

import pytest
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.rule_sheets.player import SheetCase, outcome, read_cases

BOOK = load_sheets()
CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_series_gives_the_transitions_its_sheet_says(case: SheetCase) -> None:
    assert outcome(case, BOOK) == list(case.expect)


@pytest.mark.parametrize("rule", [rule.name for rule in BOOK.rules])
def test_every_shipped_rule_has_a_case_that_fires_and_one_that_does_not(rule: str) -> None:
    of_rule = [case for case in CASES if case.rule == rule]

    assert any(case.expect for case in of_rule), f"no case in tests/rule_sheets in which {rule} fires"
    assert any(not case.expect for case in of_rule), f"no case in tests/rule_sheets in which {rule} stays quiet"


def test_case_names_are_told_apart() -> None:
    assert len({case.title for case in CASES}) == len(CASES)
