"""What is stated of captured disks holds: the short form of `make truth smart`, without the whole fleet."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from hardcase_collector.rules.offline import OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.truth import smart
from tests.truth.judging import outcome

OF_THE_FLEET = 400


def test_every_difference_from_what_others_read_is_explained(captures: Path) -> None:
    different = [one for one in smart.compare(captures) if not one.equal and not one.explained]
    assert [(one.capture, one.what, one.expected, one.got) for one in different] == []


def test_every_verdict_on_a_disk_is_met(captures: Path) -> None:
    judge = OfflineJudge(load_sheets())
    outcomes = [outcome(judge, verdict) for verdict in smart.verdicts(captures)]
    assert [error for one in outcomes for error in one.unnamed] == []
    assert [one.verdict.name for one in outcomes if not one.right] == []


def test_of_a_fleet_the_failed_are_found_and_the_signless_left_alone(captures: Path) -> None:
    judge = OfflineJudge(load_sheets())
    wrong = [
        one.verdict.name
        for drive in islice(smart.fleet(captures), OF_THE_FLEET)
        if not (one := outcome(judge, drive)).right
    ]
    assert wrong == []
