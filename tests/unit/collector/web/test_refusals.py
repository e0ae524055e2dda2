"""Refusals in the words of whoever asked: on pages, at the control socket, with the words of closed sets in them."""

from __future__ import annotations

from enum import StrEnum

import pytest
from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.diagnostics.kinds import checked_arguments
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import CaseAction, CaseState
from hardcase_collector.domain.diagnostic import DiagnosticKind
from hardcase_collector.domain.errors import DiagnosticRefused, IllegalAction, NotAllowed
from hardcase_collector.domain.said import Coded, Said
from hardcase_collector.domain.spares import Bucket, Freight, OrderState, OrderStep, PartOrder
from hardcase_collector.parts.order_table import next_state
from hardcase_collector.web.refusals import WORDS, in_words, told, word_of
from hardcase_collector.web.texts import LANGUAGES, messages

from tests.unit.collector.web.browsing import Browser
from tests.unit.collector.web.control_client import Socket
from tests.unit.collector.web.night import Night

STEP = "a case that is {state} cannot {action}: it can {legal}"
LEGAL = (CaseAction.CONFIRM, CaseAction.CLOSE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", WORDS, ids=lambda kind: kind.__name__)
def test_every_word_that_a_refusal_may_say_is_in_the_catalogues(kind: type[StrEnum], language: str) -> None:
    assert [one for one in kind if one.value and f"{WORDS[kind]}{one}" not in messages(language)] == []


def test_a_refusal_is_said_in_both_languages_with_the_words_of_closed_sets() -> None:
    error = IllegalAction(STEP, state=CaseState.CLOSED, action=CaseAction.START_REPAIR, legal=LEGAL)

    assert str(error) == told(error, "en") == "a case that is closed cannot start repair: it can confirm, close"
    assert told(error, "zh") == "状态为“已关闭”的工单不能“开始维修”，可以：确认故障、关闭"


def test_a_step_of_a_part_order_is_refused_with_what_can_be_done_instead() -> None:
    order = PartOrder(
        id=7,
        case=1,
        asset=1,
        component="disk",
        slot="3",
        wanted=("P1",),
        state=OrderState.MISSING,
        freight=Freight.OLD,
        requested_ms=1,
        requested_by="li",
    )

    with pytest.raises(IllegalAction) as refused:
        next_state(order, OrderStep.INSTALL)

    assert str(refused.value) == "part order 7 is missing and cannot install: it can receive back"
    assert told(refused.value, "zh") == "备件单 7 状态为“丢失”，不能“备件已安装”，可以：旧件已收回"


def test_a_code_stays_a_code_in_english_and_is_a_word_elsewhere() -> None:
    sentence = "the books of {depot} have no {part_number} that is {bucket}"
    error = IllegalAction(sentence, depot="north", part_number="P1", bucket=Coded(Bucket.IN_TRANSIT))

    assert str(error) == told(error, "en") == "the books of north have no P1 that is in_transit"
    assert told(error, "zh") == "备件库 north 的账上没有“在途”的 P1"


def test_a_wrong_argument_of_a_diagnostic_is_told_in_both_languages() -> None:
    with pytest.raises(DiagnosticRefused) as refused:
        checked_arguments(DiagnosticKind.IDENTIFY, {"seconds": "9" * 5000})
    with pytest.raises(DiagnosticRefused) as unknown:
        checked_arguments(DiagnosticKind.READ_SEL, {"b": "1", "a": "2"})

    assert str(refused.value) == "seconds: 0 to 3600; 0 puts it out"
    assert told(refused.value, "zh") == "seconds：须为 0 至 3600，0 表示熄灭"
    assert str(unknown.value) == "read_sel takes no a, b"
    assert told(unknown.value, "zh") == "“读取事件日志”不接受参数 a、b"


def test_a_refusal_within_a_refusal_is_translated_too() -> None:
    inner = Said("quote {revision} is {state}: a new revision is needed", {"revision": 2, "state": "x"})

    assert in_words(Said("case {case}: {missing}", {"case": "HC-1", "missing": inner}), "zh") == (
        "工单 HC-1：第 2 版报价x，需要新的一版"
    )


def test_a_sentence_without_values_keeps_its_braces_and_one_without_a_translation_its_english() -> None:
    assert told(IllegalAction('{"no": "place"}'), "zh") == str(IllegalAction('{"no": "place"}')) == '{"no": "place"}'
    assert in_words(Said("nobody said {this}", {"this": 1}), "zh") == "nobody said 1"
    assert word_of(Role.ENGINEER, "zh") == "工程师"


def test_who_may_not_is_told_who_may() -> None:
    with pytest.raises(NotAllowed) as refused:
        require(Actor(name="li", role=Role.VIEWER, customer=None), Deed.SEE_AUDIT)

    assert "无权“查看审计日志”" in told(refused.value, "zh")


def test_a_page_refuses_in_the_readers_language(night: Night) -> None:
    with night.store.read() as tx:
        case = tx.cases.get(night.cases[0].id)
    browser = Browser(night.pages(), language="zh").sign_in("mei")

    refused = browser.step(case.number, "priority", priority=str(case.priority), text="why not")

    assert refused.status_code == 409
    assert f"工单 {case.number} 已是 {case.priority}" in refused.text


def test_the_control_socket_answers_in_the_language_that_is_asked_for(night: Night) -> None:
    chinese = Socket(night.store, language="zh").get("/cases/HC-20270101-0001")
    english = Socket(night.store).get("/cases/HC-20270101-0001")

    assert (chinese.status_code, chinese.json()["detail"]) == (404, "没有工单 HC-20270101-0001")
    assert english.json()["detail"] == "there is no case HC-20270101-0001"
