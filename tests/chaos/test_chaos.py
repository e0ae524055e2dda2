"""The short form of `make chaos`: thirty kills."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.chaos.run import Plan, run


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(shutil.which("ipmi_sim") is None, reason="the package openipmi is not installed")
def test_thirty_kills_lose_nothing_double_nothing_and_leave_one_case_a_fault(tmp_path: Path) -> None:
    outcome = run(tmp_path, Plan(agents=6, kills=30, seed=20261123))

    assert sum(outcome.kills.values()) == 30
    assert outcome.kept > 100
    assert not outcome.wrong, "\n".join(outcome.wrong)
