"""No word of a closed set is without its English and its Chinese."""

from __future__ import annotations

from enum import StrEnum

import pytest
from hardcase_collector.commands import plan_words
from hardcase_collector.commands.plan_words import Language
from hardcase_collector.plans.clocks import ClockState, Forecast
from hardcase_collector.plans.ledger import Because
from hardcase_collector.plans.legs import Waiver
from hardcase_collector.plans.plan import ClockKind, Moment, PauseReason
from hardcase_collector.plans.reader import load_plans


@pytest.mark.parametrize("words", [ClockKind, ClockState, Forecast, Waiver, Because, PauseReason, Moment])
def test_every_word_is_said_in_both_languages(words: type[StrEnum]) -> None:
    for one in words:
        english, chinese = (plan_words.word(one, language) for language in Language)
        assert english.isascii()
        assert any("\u4e00" <= character <= "\u9fff" for character in chinese), one


@pytest.mark.parametrize("language", list(Language))
def test_every_shipped_plan_can_be_said(language: Language) -> None:
    for plan in load_plans().plans.values():
        assert all(plan_words.promise(one, language) for one in plan.promises)
        assert all(plan_words.price(one, language) for one in plan.prices)
        assert all(plan_words.coverage(plan.coverage, language).values())


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0m"), (29_999, "0m"), (-29_999, "0m"), (90 * 60_000, "1h30m"), (-7_200_000, "-2h"), (86_400_000, "24h")],
)
def test_durations_are_said_in_hours_and_minutes(ms: int, said: str) -> None:
    assert plan_words.duration(ms) == said
