"""Service states: which row of the sheet says what a fault does to what its asset is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_collector.cases.priorities import load_service, read_service
from hardcase_collector.domain.advice import Firing
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.priority import ServiceState
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.sheets.table import Mistakes

SHEET = load_service()
BAY1, BAY2 = (Part(component="disk", slot=f"Bay {number}") for number in (1, 2))


def state(fault_class: str, part: Part, *firing: tuple[str, Part]) -> ServiceState:
    fires = tuple(Firing(one, where, Severity.MAJOR) for one, where in firing)
    return SHEET.state_of((fault_class,), part, lambda: fires)[0]


@pytest.mark.parametrize(
    ("fault_class", "expected"),
    [
        ("disk.failed", ServiceState.REDUNDANCY_HOLDS),
        ("disk.predicted", ServiceState.PREDICTED),
        ("raid.failed", ServiceState.DOWN),
        ("raid.degraded", ServiceState.REDUNDANCY_LOST),
        ("psu.failed", ServiceState.REDUNDANCY_HOLDS),
        ("memory.corrected", ServiceState.PREDICTED),
        ("memory.uncorrectable", ServiceState.DOWN),
        ("fan.redundancy_lost", ServiceState.REDUNDANCY_LOST),
        ("host.crashed", ServiceState.DOWN),
        ("application.broken", ServiceState.REDUNDANCY_HOLDS),
    ],
)
def test_alone_a_class_says_by_itself(fault_class: str, expected: ServiceState) -> None:
    assert state(fault_class, BAY1) is expected


def test_the_same_fault_is_worse_where_the_array_is_degraded() -> None:
    assert state("disk.failed", BAY1, ("raid.degraded", Part(component="raid"))) is ServiceState.REDUNDANCY_LOST


def test_another_disk_counts_and_the_disk_itself_does_not() -> None:
    assert state("disk.failed", BAY1, ("disk.failed", BAY2)) is ServiceState.REDUNDANCY_LOST
    assert state("disk.failed", BAY1, ("disk.missing", BAY1)) is ServiceState.REDUNDANCY_HOLDS


def test_the_worst_class_of_a_case_counts_whatever_came_first() -> None:
    for classes in (("disk.predicted", "raid.degraded"), ("raid.degraded", "disk.predicted")):
        assert SHEET.state_of(classes, BAY1, tuple)[0] is ServiceState.REDUNDANCY_LOST


def test_the_live_state_is_asked_only_where_a_row_wants_to_know() -> None:
    def asked() -> tuple[Firing, ...]:
        raise AssertionError

    assert SHEET.state_of(("memory.corrected",), Part(component="memory"), asked)[0] is ServiceState.PREDICTED


def test_every_row_names_only_classes_that_rules_can_raise() -> None:
    """A slip of the pen would be a row that never fits."""
    raised = {rule.fault_class.name for rule in load_sheets(None).rules}
    for row in SHEET.rows:
        for name in (*row.classes, *row.together, *row.elsewhere):
            assert "*" in name or name in raised, (row.name, name)


def test_a_sites_rows_come_first(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[service.ours]\nclasses = ["disk.failed"]\nstate = "down"\n')
    assert load_service([file]).state_of(("disk.failed",), BAY1, tuple) == (ServiceState.DOWN, "ours")


def test_mistakes_have_their_line() -> None:
    mistakes = Mistakes()
    read_service({"x.toml": '[service.a]\nclasses = []\nstate = "sleeping"\nwhen = 1\n'}, mistakes)
    assert [line.split(": ")[0] for line in mistakes.lines()] == ["x.toml:2", "x.toml:3", "x.toml:4"]
