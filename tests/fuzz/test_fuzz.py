"""The short form of `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_collector.rules.offline import OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.fuzz.__main__ import FIXTURES
from tests.fuzz.running import run
from tests.fuzz.seeds import seeds


@pytest.mark.timeout(240)
def test_damaged_captures_neither_crash_nor_hang_a_decoder_or_the_rules(root: Path) -> None:
    captures = seeds(FIXTURES, root / "tests" / "golden")
    assert captures
    failures = run(captures, range(1500), seed=2, judge=OfflineJudge(load_sheets()), judged_of=10)
    assert not failures, "\n".join(f"{one.kind} {one.capture} mutant {one.mutant}: {one.what}" for one in failures)
