"""Times of `rules why` and `rules replay`, and a replay over nothing."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from hardcase_collector import tongue
from hardcase_collector.commands import asking

NOTHING: dict[str, Any] = {"frames": 0, "events": 0, "cases": []}


@pytest.fixture(autouse=True)
def english() -> None:
    tongue.speak("en")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", "no date and time"),
        ("2026-02-30", "no date and time"),
        ("1960-01-01", "too early or too late"),
        ("0001-01-01", "too early or too late"),
        ("0001-01-01T00:00+14:00", "too early or too late"),
        ("1969-12-31T23:59:59+00:00", "too early or too late"),
    ],
)
def test_a_time_that_cannot_be_asked_for_is_named(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        asking.at_ms(text)
    assert ended.value.exit_code == 2
    told = capsys.readouterr().err
    assert text in told
    assert said in told


def test_times_with_a_zone_are_what_they_say() -> None:
    assert asking.at_ms("") is None
    assert asking.at_ms("1970-01-01T00:00+00:00") == 0
    assert asking.at_ms("2026-01-31T08:00+08:00") == 1_769_817_600_000


def test_a_replay_over_nothing_does_not_call_the_sheets_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    asking._show(NOTHING, False)
    told = capsys.readouterr().out

    assert "Nothing is stored" in told
    assert "No difference" not in told
