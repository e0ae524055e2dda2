"""Parameters of the timeline as people read them: named for what they are there, no code and no stamp left bare."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import pytest
from hardcase_collector import tongue
from hardcase_collector.commands import talk
from hardcase_collector.domain.asset import IdentityBasis
from hardcase_collector.domain.case import Origin
from hardcase_collector.web.fact_words import fact_name, show_fact
from hardcase_collector.web.rendering import entry_line
from hardcase_collector.web.texts import LANGUAGES, Reader, messages

NOW_MS = 1_800_000_000_000  # 2027-01-15 08:00 UTC


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    tongue.speak("en")


def reader(language: str = "zh") -> Reader:
    return Reader(language, UTC, NOW_MS)


@pytest.mark.parametrize(
    ("code", "key", "name"),
    [
        ("attached", "name", "文件名"),
        ("detached", "name", "文件名"),
        ("agreed", "time_ms", "约定时间"),
        ("expected", "time_ms", "预计时间"),
        ("opened", "report", "报障记录"),
        ("service_report", "report", "服务单"),
        ("", "name", "传感器"),
    ],
)
def test_a_parameter_is_called_what_it_is_in_that_entry(code: str, key: str, name: str) -> None:
    assert fact_name(reader(), key, code) == name


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("origin", "person", "人工报障"),
        ("uncovered", "part, labour", "配件, 人工"),
        ("cause", "arrived", "工程师已到场"),
        ("channel", "link", "链接"),
        ("solution", "part, labour", "part, labour"),
        ("automatic", True, "✓"),
        ("expected_ms", 0, "–"),
    ],
)
def test_codes_are_words_and_sentences_stay(key: str, value: str | bool, shown: str) -> None:
    assert show_fact(reader(), key, value) == shown


def test_a_reason_that_is_a_code_is_a_word_beside_a_move_too() -> None:
    assert "等待备件" in entry_line(reader(), {"from": "new", "to": "confirmed", "reason": "waiting_for_part"})


def test_commands_show_no_bare_stamp_in_either_language() -> None:
    facts = {"purpose": "consent", "expires_ms": NOW_MS}
    for language in LANGUAGES:
        tongue.speak(language)
        said = talk.pairs(facts, "link_sent")
        assert str(NOW_MS) not in said
        assert "2027-01-15" in said
    assert "请您确认维修方案" in said


def test_parts_are_named_in_words() -> None:
    tongue.speak("zh")
    assert talk.part({"component": "disk", "slot": "Bay 3", "model": "", "serial": ""}) == "硬盘 Bay 3"


def test_a_day_of_another_year_says_its_year() -> None:
    day_ms = 86_400_000
    assert reader().hour(NOW_MS) == "08:00"
    assert reader().hour(NOW_MS + day_ms) == "01-16 08:00"
    assert reader().hour(NOW_MS + 400 * day_ms) == "2028-02-19 08:00"


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_an_asset_is_known_by_and_whoever_opened_a_case_has_a_word(language: str) -> None:
    wanted = [f"basis.{one}" for one in IdentityBasis] + [f"origin.{one}" for one in Origin]
    assert [key for key in wanted if key not in messages(language)] == []
