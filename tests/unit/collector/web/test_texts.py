"""Two languages with the same words, and a word for everything the domain can say."""

from __future__ import annotations

import ast
import re
from datetime import UTC
from pathlib import Path

import pytest
from hardcase_collector.cases.admission import Held
from hardcase_collector.domain import customer, link, priority, repair, report, spares, visit
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.asset import AssetMode
from hardcase_collector.domain.case import CaseAction, CaseState, Outcome, Waiting
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.observation import GapReason
from hardcase_collector.plans import clocks, ledger, plan
from hardcase_collector.plans.moments import Code
from hardcase_collector.web.picture import Condition
from hardcase_collector.web.texts import LANGUAGES, Reader, choose_language, messages, zone


def reader(language: str = "en", now_ms: int = 1_800_000_000_000) -> Reader:
    return Reader(language, UTC, now_ms)


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    english, chinese = messages("en"), messages("zh")

    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"{(\w+)}", text)) == sorted(re.findall(r"{(\w+)}", chinese[key])), key


def test_chinese_is_chinese() -> None:
    same = [key for key, text in messages("zh").items() if text == messages("en")[key]]

    assert set(same) <= {"app.title", "component.ups", "component.pdu", "component.pcie", "component.bmc", "plan.none"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_the_domain_can_say_has_a_word(language: str) -> None:
    said = messages(language)
    wanted = [f"state.{one}" for one in CaseState]
    wanted += [f"action.{one}" for one in CaseAction]
    wanted += [f"severity.{one.word}" for one in Severity]
    wanted += [f"gap.{one.name.lower()}" for one in GapReason]
    wanted += [f"mode.{one}" for one in AssetMode]
    wanted += [f"condition.{one}" for one in Condition]
    wanted += [f"role.{one}" for one in Role]
    wanted += [f"why.{one}" for one in Held]

    assert [key for key in wanted if key not in said] == []


CLOSED_SETS = {
    "access": visit.AccessState,
    "channel": report.ReportChannel,
    "clock": plan.ClockKind,
    "clock_state": clocks.ClockState,
    "because": (*plan.PauseReason, *clocks.Waiver, *ledger.Because),
    "consent": repair.ConsentChannel,
    "contact": customer.ContactScope,
    "dispatch": visit.DispatchState,
    "forecast": clocks.Forecast,
    "freight": spares.Freight,
    "importance": priority.Importance,
    "line_why": repair.LineReason,
    "link.act": link.LinkAct,
    "link.done": link.LinkAct,
    "link.title": link.LinkPurpose,
    "manner": repair.Manner,
    "moment": plan.Moment,
    "order": spares.OrderState,
    "outcome": Outcome,
    "priority": priority.Priority,
    "proposal": repair.ProposalState,
    "quote": repair.QuoteState,
    "quote_line": repair.LineKind,
    "result": repair.RepairResult,
    "service": priority.ServiceState,
    "sighting": spares.Sighting,
    "waiting": Waiting,
}


@pytest.mark.parametrize("table", CLOSED_SETS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_service_process_is_said(language: str, table: str) -> None:
    said = messages(language)

    assert [f"{table}.{one}" for one in CLOSED_SETS[table] if one and f"{table}.{one}" not in said] == []


def codes_written(folder: Path) -> set[str]:
    """Timeline codes that stand as literals in calls of `change` and `enter`."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
                literals = [word.value for word in node.args[:4] if isinstance(word, ast.Constant)]
                found |= {word for word in literals if isinstance(word, str)}
    return found


WRITES = ("change", "enter", "_change")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_of_a_case_has_a_title(language: str, root: Path) -> None:
    package, said = root / "collector" / "hardcase_collector", messages(language)
    codes = {str(code) for code in Code}.union(
        *(codes_written(package / name) for name in ("cases", "service", "parts"))
    )

    assert {"assigned", "quoted", "dispatch_requested", "part_requested"} <= codes
    assert [code for code in sorted(codes) if f"timeline.{code}" not in said] == []


@pytest.mark.parametrize(
    ("wishes", "accept", "spoken"),
    [
        (("zh", "en"), "", "zh"),
        (("", ""), "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (("", ""), "de,en;q=0.5,zh;q=0.7", "zh"),
        (("", ""), "zh;q=0,de", "en"),
        (("klingon",), "", "en"),
        (("",), ";;;q=x,,", "en"),
    ],
)
def test_the_language_is_the_readers_choice_then_his_browsers(
    wishes: tuple[str, ...], accept: str, spoken: str
) -> None:
    assert choose_language(*wishes, accept=accept, default="en") == spoken


def test_times_are_told_with_their_age_and_never_is_a_word() -> None:
    now_ms = 1_800_000_000_000

    assert reader().ago(now_ms - 180_000) == "3 min ago"
    assert reader("zh").ago(now_ms - 180_000) == "3 分钟前"
    assert reader().ago(now_ms + 7_200_000) == "in 2 h"
    assert reader().ago(0) == "never"
    assert reader().time(0) == "never"


@pytest.mark.parametrize(
    ("value", "shown"), [(5284.0, "5\u202f284"), (23.714, "23.71"), (0.0, "0"), (-1.5, "-1.5"), (None, "–")]
)
def test_numbers_are_short(value: float | None, shown: str) -> None:
    assert reader().number(value) == shown


def test_a_key_without_a_message_is_shown_not_hidden() -> None:
    assert reader().say("why.some_new_reason") == "some new reason"


def test_an_unknown_time_zone_is_utc() -> None:
    assert zone("Mars/Olympus") is UTC
