"""The picture of a case's states and the table of deeds in ARCHITECTURE.md are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hardcase_collector.cases.diagram import state_diagram
from hardcase_collector.cases.workflow import TABLE

from tests.diagram import BEGINS, ENDS, drawn


def test_the_page_is_as_make_diagram_draws_it(root: Path) -> None:
    page = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert drawn(page) == page, "run make diagram"


def test_every_legal_step_is_an_arrow_and_every_arrow_a_legal_step() -> None:
    arrows = {(source, to) for source, to in re.findall(r"^    (\w+) --> (\w+): ", state_diagram(), re.MULTILINE)}
    assert arrows == {(str(state), str(to)) for state, row in TABLE.items() for to in row.values()}


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="has no marks"):
        drawn("# Architecture\n")
    assert drawn(f"{BEGINS}old\n{ENDS}rest").endswith(f"{ENDS}rest")
