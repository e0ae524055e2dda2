"""Silence counts only while this collector serves."""

from __future__ import annotations

from hardcase_collector.ingest.liveness import LARGEST_STEP_MS, Condition, Liveness


def run(known: Liveness, seconds: int, *, start_s: int = 0, serving: bool = True) -> list[tuple[int, Condition]]:
    changes: list[tuple[int, Condition]] = []
    for at in range(start_s, start_s + seconds + 1, 5):
        changes.extend(known.look(at * 1000, serving=serving))
    return changes


def test_an_agent_that_says_nothing_is_silent_after_a_minute_and_a_half() -> None:
    known = Liveness()
    known.heard(1, clock_off=False)
    assert run(known, 90) == [(1, Condition.OK)]
    assert run(known, 5, start_s=90) == [(1, Condition.SILENT)]
    assert known.silent(1)
    assert known.count_silent() == 1
    assert run(known, 600, start_s=95) == []


def test_a_word_ends_the_silence() -> None:
    known = Liveness()
    known.watch(1)
    run(known, 200)
    known.heard(1, clock_off=False)
    assert run(known, 5, start_s=200) == [(1, Condition.OK)]


def test_goodbye_is_no_silence() -> None:
    known = Liveness()
    known.heard(1, clock_off=False)
    known.stopped(1)
    assert run(known, 1_000) == [(1, Condition.STOPPED)]
    assert known.silent(1)
    assert known.count_silent() == 0
    known.heard(1, clock_off=False)
    assert run(known, 5, start_s=1_000) == [(1, Condition.OK)]


def test_time_in_which_this_collector_did_not_run_counts_for_nobody() -> None:
    known = Liveness()
    known.heard(1, clock_off=False)
    known.look(0, serving=True)
    assert known.look(3_600_000, serving=True) == []
    assert not known.silent(1)
    assert known.look(3_600_000 + 90_000 - LARGEST_STEP_MS, serving=True) == []


def test_time_in_which_nothing_could_be_stored_counts_for_nobody() -> None:
    known = Liveness()
    known.heard(1, clock_off=False)
    assert run(known, 600, serving=False) == [(1, Condition.OK)]
    assert not known.silent(1)


def test_an_agent_known_from_before_gets_its_time_again_after_a_restart() -> None:
    known = Liveness()
    known.watch(1)
    known.watch(2, stopped=True)
    assert run(known, 60) == [(2, Condition.STOPPED)]
    assert run(known, 60, start_s=60) == [(1, Condition.SILENT)]


def test_an_agent_that_was_silent_before_a_restart_and_comes_back_is_told_to_be_well() -> None:
    known = Liveness()
    known.watch(1)
    assert run(known, 10) == []
    known.heard(1, clock_off=False)
    assert run(known, 10, start_s=10) == [(1, Condition.OK)]
    assert run(known, 10, start_s=20) == []


def test_a_wrong_clock_is_told_once_and_its_end_too() -> None:
    known = Liveness()
    known.heard(1, clock_off=True)
    assert run(known, 10) == [(1, Condition.CLOCK_OFF)]
    known.heard(1, clock_off=False)
    assert run(known, 10, start_s=10) == [(1, Condition.OK)]


def test_what_could_not_be_stored_is_told_again() -> None:
    known = Liveness()
    known.heard(1, clock_off=True)
    assert run(known, 5) == [(1, Condition.CLOCK_OFF)]
    known.untell([1])
    assert run(known, 5, start_s=5) == [(1, Condition.CLOCK_OFF)]


def test_a_revoked_agent_is_not_waited_for() -> None:
    known = Liveness()
    known.watch(1)
    known.drop(1)
    assert run(known, 500) == []
