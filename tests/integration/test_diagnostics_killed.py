"""The desk killed again and again: no request is acted on twice, and each of them ends."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

REQUESTS = 12
KILLS = 12


def run(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.integration.desk_process", str(folder), str(REQUESTS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


@pytest.mark.timeout(900)
def test_killed_at_any_moment_it_acts_on_each_request_once_at_most(tmp_path: Path) -> None:
    dice = random.Random(11)
    finals: dict[str, set[str]] = {}
    complete = False
    for turn in range(KILLS + 1):
        process = run(tmp_path)
        assert process.stdout is not None
        lines_left = 10**9 if turn == KILLS else dice.randrange(1, 14)
        try:
            for line in process.stdout:
                if line.startswith("all ended"):
                    complete = True
                    break
                request, _, state = line.strip().partition(" ")
                if state in ("done", "failed", "refused", "expired"):
                    finals.setdefault(request, set()).add(state)
                lines_left -= 1
                # The first life lasts until one is done, on whatever machine; the others end where the dice say.
                if lines_left <= 0 and (turn or {"done"} in finals.values()):
                    break
        finally:
            process.kill()
            process.wait(timeout=90)
            process.stdout.close()
    assert complete
    assert len(finals) == REQUESTS
    # What was once said to be final is never said to be anything else.
    assert {request: states for request, states in finals.items() if len(states) > 1} == {}
    acts = Counter((tmp_path / "acts").read_text().split("\n")[:-1])
    assert [act for act, times in acts.items() if times > 1] == []
    assert set.union(*finals.values()) <= {"done", "failed"}
    assert {"done"} in finals.values()
