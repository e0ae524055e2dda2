"""One thing has one word in Chinese too: what the pages, the commands and the refusals call it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hardcase_collector.web.texts import messages

from tests.texts import catalogues

WORDS = {
    r"assets?": ("资产", "设备"),
    r"cases?": ("工单", "个案|病例"),
    r"findings?": ("异常", "发现"),
    r"teams?": ("团队", "班组"),
    r"enroll?(s|ed|ment)?": ("注册", "登记"),
    r"entitlements?": ("服务权益", "保障记录"),
    r"dead letters?": ("未送达的通知", "死信"),
    r"collector": ("采集中心", "采集器|收集器"),
    r"customers?": ("客户", "顾客"),
    r"sites?": ("站点", "地点|场地"),
    r"clocks?": ("时限", "时钟"),
    r"acknowledge(d|s|ment)?": ("受理", "知悉|确认"),
    r"assigned to": ("分派", "指派"),
    r"hand(ed|s)?[- ]over|hand-off": ("移交", "转交|交接"),
    r"depots?": ("备件库", "仓库"),
    r"tokens?": ("令牌", "口令"),
    r"sheets?": ("规则表", "表单|表格"),
    r"baselines?": ("基线", "基准"),
}
"""English -> what it is called, and what else it was or could be called."""
OF_PEOPLE = re.compile(r"\b(machine|device|appliance|found|fault)", re.IGNORECASE)
"""Beside these the Chinese has their words too."""


def pairs() -> Iterator[tuple[str, str]]:
    """English and Chinese of everything that is said."""
    english = messages("en")
    for domain, language, _wanted, _only in catalogues.catalogues():
        if language == "zh":
            for message in catalogues.read(domain, language):
                if message.id:
                    told = message.id if isinstance(message.id, str) else message.id[-1]
                    said = message.string if isinstance(message.string, str) else message.string[0]
                    yield english.get(told, told), said


@pytest.mark.parametrize("word", WORDS)
def test_it_is_called_the_same_everywhere(word: str) -> None:
    called, otherwise = WORDS[word]
    spoken = re.compile(rf"(?<![-{{])\b(?:{word})\b(?![}}=])", re.IGNORECASE)
    told = [(english, chinese) for english, chinese in pairs() if spoken.search(english)]

    assert any(called in chinese for _english, chinese in told)
    strange = [one for one in told if re.search(otherwise, one[1]) and not OF_PEOPLE.search(one[0])]
    assert strange == []
