"""How findings are held against verdicts: what counts as right must be right for the right reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_agent.domain.capture import Capture
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.captured import AssetName
from hardcase_collector.rules.offline import Found

from tests.truth.comparison import Truth, Verdict
from tests.truth.judging import Outcome, says

VERDICT = Verdict(
    name="one", truth=Truth.FAULT, captures=(("sel", Capture("c", {"": b""})),), classes=("memory",), part=("A1",)
)
FOUND = Found(
    asset=AssetName(),
    source="sel",
    part=Part(component="memory", slot="DIMM_A1"),
    fault_class="memory.uncorrectable",
    repair_group="memory",
    rule="r",
    severity=Severity.CRITICAL,
    opens=True,
    self_clearing=False,
    since_ms=None,
)


@pytest.mark.parametrize(
    ("name", "word", "stands"),
    [
        ("DIMM_A1", "A1", True),
        ("P1-DIMMA1", "a1", True),
        ("DIMM_A10", "A1", False),
        ("12", "1", False),
        ("Bay 1:2", "1:2", True),
        ("Bay 11:2", "1:2", False),
        ("DIMM_A1", "", False),
    ],
)
def test_a_word_stands_in_a_name_but_not_within_a_longer_number(name: str, word: str, stands: bool) -> None:
    assert says(name, word) is stands


def test_a_fault_is_found_only_by_the_right_class_on_the_right_part() -> None:
    def right(**changes: object) -> bool:
        return Outcome(VERDICT, found=[replace(FOUND, **changes)], lines=1).right  # type: ignore[arg-type]  # by name

    assert right()
    assert not right(part=Part(component="memory", slot="DIMM_A10"))
    assert not right(fault_class="disk.failed")
    assert not right(severity=Severity.WARNING)
    assert not right(opens=False)
    assert not right(firing=False, self_clearing=True)
    assert right(firing=False)
    assert not Outcome(VERDICT, lines=1).right


def test_an_accused_neighbour_makes_a_found_fault_wrong() -> None:
    verdict = replace(VERDICT, innocent=("A2",))
    neighbour = replace(FOUND, part=Part(component="memory", slot="DIMM_A2"))
    assert Outcome(verdict, found=[FOUND], lines=1).right
    assert not Outcome(verdict, found=[FOUND, neighbour], lines=1).right


def test_a_machine_of_which_nothing_came_is_not_counted_as_healthy() -> None:
    verdict = replace(VERDICT, truth=Truth.HEALTHY)
    assert not Outcome(verdict).right
    assert Outcome(verdict, lines=1).right
    assert not Outcome(verdict, found=[FOUND], lines=1).right
