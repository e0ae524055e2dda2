"""The short form of `make fuzz`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

import pytest
from hardcase_agent.helper.switches import IDENTIFY, SEL_CLEAR, SELF_TEST
from hardcase_collector.rules.offline import OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.fuzz import carried, enrolment, helper_socket, stream, web_forms
from tests.fuzz.__main__ import FIXTURES
from tests.fuzz.running import Failure, run
from tests.fuzz.seeds import seeds


class Target(Protocol):
    def run(self, mutants: range, *, seed: int) -> list[Failure]: ...


@pytest.mark.timeout(900)
def test_damaged_captures_neither_crash_nor_hang_a_decoder_or_the_rules(root: Path) -> None:
    captures = seeds(FIXTURES, root / "tests" / "golden")
    assert captures
    failures = run(captures, range(1500), seed=2, judge=OfflineJudge(load_sheets()), judged_of=10)
    assert not failures, "\n".join(f"{one.kind} {one.capture} mutant {one.mutant}: {one.what}" for one in failures)


def test_damaged_frames_neither_crash_the_helper_nor_get_anything_past_its_lists() -> None:
    failures = helper_socket.run(range(4000), seed=2) + helper_socket.run_process(range(500), seed=2)
    assert not failures, "\n".join(f"{one.kind} {one.capture} mutant {one.mutant}: {one.what}" for one in failures)


@pytest.mark.parametrize(
    ("switch", "what"), [(IDENTIFY, "command 04|locate="), (SEL_CLEAR, "command 47"), (SELF_TEST, "--json=co")]
)
def test_a_helper_that_lets_something_through_is_found_out(switch: str, what: str) -> None:
    failures = helper_socket.run_server(range(4000), 2, switched=False, on={switch})
    assert failures
    assert all(re.search(what, one.what) for one in failures)


@pytest.mark.timeout(900)
def test_damaged_files_of_hosts_without_a_network_are_refused_by_name_or_make_sense() -> None:
    failures = carried.run(range(1500), seed=2)
    assert not failures, "\n".join(f"{one.capture} mutant {one.mutant}: {one.what}" for one in failures)


@pytest.mark.parametrize(
    ("target", "mutants"), [(stream, 3000), (enrolment, 1000), (web_forms, 800)], ids=["stream", "enrolment", "web"]
)
def test_what_strangers_send_is_refused_by_name_and_shows_no_traceback(target: Target, mutants: int) -> None:
    failures = target.run(range(mutants), seed=2)
    assert not failures, "\n".join(f"{one.capture} mutant {one.mutant}: {one.what}" for one in failures)
