"""What is refused is written with who asked, each once in a while, and never more than a bound."""

from __future__ import annotations

import pytest
from hardcase_agent.helper.journal import AGAIN_S, BURST, EVERY_S, KINDS, Journal
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def journal(clock: Clock, lines: list[str]) -> Journal:
    return Journal(clock=clock, write=lines.append)


def test_a_refusal_says_who_asked_by_the_kernels_word_and_why(journal: Journal, lines: list[str]) -> None:
    journal.refused(997, 1234, "IPMI Chassis Control is not in the list")
    assert lines == ["refused: uid 997, pid 1234: IPMI Chassis Control is not in the list"]


def test_the_same_refusal_is_written_once_in_a_while_with_how_often_it_was_wanted(
    journal: Journal, clock: Clock, lines: list[str]
) -> None:
    for pid in range(50):
        journal.refused(997, pid, "no")
    clock.now += AGAIN_S
    journal.refused(997, 99, "no")
    assert lines == [
        "refused: uid 997, pid 0: no",
        "refused: uid 997, pid 99: no (49 more like it since the last line)",
    ]


def test_another_user_is_another_line(journal: Journal, lines: list[str]) -> None:
    journal.refused(1, 1, "no")
    journal.refused(2, 1, "no")
    assert len(lines) == 2


def test_ever_new_refusals_are_bounded_and_those_left_out_are_counted(
    journal: Journal, clock: Clock, lines: list[str]
) -> None:
    for number in range(1000):
        journal.refused(1, 1, f"kind {number}")
    assert len(lines) == BURST
    clock.now += EVERY_S
    journal.refused(1, 1, "one more")
    assert lines[-1] == f"refused: uid 1, pid 1: one more ({1000 - BURST} other lines were left out)"
    assert len(lines) == BURST + 1


def test_a_day_of_flooding_stays_within_the_bound_and_keeps_little(
    journal: Journal, clock: Clock, lines: list[str]
) -> None:
    for number in range(86_400):
        clock.now += 1.0
        journal.refused(1, 1, f"kind {number}")
    assert len(lines) <= BURST + 86_400 / EVERY_S + 1
    assert len(journal._kinds) <= KINDS


@given(st.text(max_size=2000))
def test_a_line_is_one_short_line_whatever_it_quotes(said: str) -> None:
    lines: list[str] = []
    Journal(clock=lambda: 0.0, write=lines.append).refused(1, 1, said)
    assert len(lines) == 1
    assert len(lines[0]) <= 600
    assert lines[0].isprintable()
