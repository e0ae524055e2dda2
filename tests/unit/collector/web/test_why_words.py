"""A stored answer is a sentence that people read, in both languages, whatever facts it has."""

from __future__ import annotations

import re

import pytest
from hardcase_collector.domain.finding import Fact, Why
from hardcase_collector.web.texts import LANGUAGES
from hardcase_collector.web.why_words import sentence

NOON = 1_795_521_600_000
REASONS = (
    "opened", "joined", "reopened", "rehearsal", "storm", "warning_only", "joining", "observe", "window", "backlog",
    "backlog_cleared", "history", "accepted", "host_off", "rule_removed", "nothing_new",
)  # fmt: skip
NUMBER: dict[str, Fact] = {
    "count": "2 of 3",
    "name": "Inlet",
    "value": 81.5,
    "unit": "Cel",
    "limit": 80.0,
    "limit_source": "bmc",
}


def why(reason: str, facts: dict[str, Fact]) -> Why:
    return Why(
        asset=1, rule="thermal-upper", part="board@inlet", sensor="t1", time_ms=NOON, decided_ms=NOON, opened=False,
        case=None, reason=reason, facts=facts,
    )  # fmt: skip


def test_a_window_is_told_with_who_why_and_until_when() -> None:
    facts = {**NUMBER, "by": "li", "window_reason": "fans", "until_ms": NOON + 3_600_000}
    assert sentence(why("window", facts), "", "en") == (
        "Rule thermal-upper on board@inlet: Inlet at 81.5 Cel, limit 80 (from bmc), seen 2 of 3: a maintenance window "
        "of li (fans) holds until 2026-11-24 13:00:00 UTC: no case before."
    )
    chinese = sentence(why("window", facts), "", "zh")
    assert "li 的维护窗口（fans）至 2026-11-24 13:00:00 UTC" in chinese
    assert "81.5" in chinese


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("facts", [{}, NUMBER, {"state": "failure_detected", "count": "1 of 1"}])
def test_every_answer_is_a_whole_sentence_even_without_its_facts(
    reason: str, language: str, facts: dict[str, Fact]
) -> None:
    said = sentence(why(reason, facts), "HC-20261124-0001", language)
    assert not re.search(r"[{}]|_ms|None", said)
    assert said.endswith("." if language == "en" else "。")
    assert (reason in ("opened", "joined", "reopened", "rehearsal", "storm")) == ("HC-20261124-0001" in said)


def test_a_reason_without_a_sentence_is_told_by_its_word() -> None:
    assert sentence(why("limits_rejected", {}), "", "en").endswith("the device's limits are not sane.")
