"""What is stated of recorded SNMP devices holds: `make truth snmp` as tests."""

from __future__ import annotations

from pathlib import Path

from hardcase_collector.rules.offline import OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.truth import snmp
from tests.truth.comparison import Truth
from tests.truth.judging import outcome

EQUAL = 0.99
"""The bar of `make truth`."""


def test_every_difference_from_what_others_expect_is_explained_and_few_are_different(captures: Path) -> None:
    compared = list(snmp.compare(captures))
    different = [one for one in compared if not one.equal]
    assert len(different) <= (1 - EQUAL) * len(compared)
    assert [(one.capture, one.what, one.expected, one.got) for one in different if not one.explained] == []


def test_every_verdict_on_a_device_is_met(captures: Path) -> None:
    judge = OfflineJudge(load_sheets())
    outcomes = [outcome(judge, verdict) for verdict in snmp.verdicts(captures)]
    assert [error for one in outcomes for error in one.unnamed] == []
    assert [one.verdict.name for one in outcomes if not one.right] == []
    assert {one.verdict.truth for one in outcomes} >= {Truth.FAULT, Truth.HEALTHY}
