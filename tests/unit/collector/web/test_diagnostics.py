"""Diagnostics on the pages: what a role is offered, how a request is shown, consent by the customer, downloads."""

from __future__ import annotations

import html
import json
import re

import pytest
from hardcase_collector.diagnostics.kinds import KINDS
from hardcase_collector.domain.diagnostic import (
    AgentReport,
    DiagnosticFile,
    DiagnosticRequest,
    RequestFilter,
    RequestState,
)
from hardcase_collector.domain.diagnostic import DiagnosticKind as K
from hardcase_collector.web.answer_tables import MOST_ROWS, Facts, Table, answer_of, loaded
from hardcase_collector.web.texts import messages

from tests.unit.collector.web.browsing import Browser, field_of
from tests.unit.collector.web.night import Night

MANIFEST = {
    "made_ms": 1_795_458_600_000,
    "files": [{"name": "dmesg.txt", "bytes": 2048, "sha256": "ab" * 32, "hidden": {"serials": 3}}],
    "left_out": [{"part": "lspci", "reason": "<script>alert(1)</script>"}],
}


def offered(page: str) -> set[str]:
    return set(re.findall(r'name="kind" value="([a-z_]+)"', page))


def requests(night: Night) -> list[DiagnosticRequest]:
    with night.store.read() as tx:
        return list(tx.diagnostics.listed(RequestFilter(customer=None)))


def ask(browser: Browser, night: Night, **fields: str) -> int:
    page = browser.get(f"/assets/{night.assets[0]}").text
    told = {"form_token": field_of(page, "form_token"), **fields}
    return browser.post(f"/assets/{night.assets[0]}/diagnostics", data=told).status_code


def report(
    night: Night, asked: DiagnosticRequest, state: RequestState, answer: object = None, detail: str = ""
) -> None:
    night.telling.owed(asked.agent, now_ms=night.now_ms)
    raw = b"" if answer is None else json.dumps(answer).encode()
    said = AgentReport(id=asked.id, state=state, detail=detail, answer=raw)
    night.telling.take(asked.agent, said, now_ms=night.now_ms)


@pytest.fixture
def allowed(night: Night) -> Night:
    night.agent(0, K.READ_SEL, K.SELF_TEST, K.IDENTIFY, K.BUNDLE, K.CLEAR_SEL)
    return night


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("li", {"read_sel", "self_test", "identify", "bundle"}),
        ("root", {"read_sel", "self_test", "identify", "bundle", "clear_sel"}),
        ("mei", set()),
        ("eve", set()),
        ("north-contact", set()),
    ],
)
def test_a_role_is_offered_what_it_may_ask_and_the_agent_allows(allowed: Night, name: str, kinds: set[str]) -> None:
    browser = Browser(allowed.pages(), language="en").sign_in(name)
    for path in (f"/assets/{allowed.assets[0]}", f"/cases/{allowed.cases[0].number}"):
        page = browser.text(path)
        assert offered(page) == kinds
        assert not re.search(r"<label>[a-z_]+[ <]", page), "every field has its word"


def test_a_page_says_what_the_agent_allows_and_what_is_switched_off(allowed: Night) -> None:
    page = Browser(allowed.pages(), language="zh").sign_in("li").text(f"/assets/{allowed.assets[0]}")
    assert "允许：" in page
    assert "代理自身配置中未开启：" in page
    assert "读取部件清单" in page
    other = Browser(allowed.pages(), language="zh").sign_in("li").text(f"/assets/{allowed.assets[1]}")
    assert 'id="diagnostics"' not in other, "nobody watches it"


def test_a_self_test_is_asked_for_from_a_case(allowed: Night) -> None:
    browser = Browser(allowed.pages()).sign_in("li")
    number = allowed.cases[0].number
    page = browser.text(f"/cases/{number}")
    disk = re.search(r'<option value="([^"]+\|[^"]+)"', page)
    assert disk is not None
    told = {"kind": "self_test", "disk": disk[1], "test": "long", "reason": "异响", "case": number}
    answer = browser.post(
        f"/assets/{allowed.assets[0]}/diagnostics", data={**told, "form_token": field_of(page, "form_token")}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{number}#diagnostics")
    (asked,) = requests(allowed)
    assert asked.arguments == {"disk": "ST4000NM0035|ZC16R0QX", "test": "long"}
    assert asked.asked_by == "li"
    told_again = browser.text(f"/cases/{number}")
    assert "请求远程诊断" in told_again or "Diagnostics asked for" in told_again
    assert asked.name in told_again


def test_a_lamp_of_a_disk_is_asked_for_by_its_name(allowed: Night) -> None:
    browser = Browser(allowed.pages()).sign_in("li")
    assert ask(browser, allowed, kind="identify", lamp="ST4000NM0035|ZC16R0QX", seconds="30") == 303
    assert requests(allowed)[0].arguments == {"target": "disk", "disk": "ST4000NM0035|ZC16R0QX", "seconds": "30"}
    assert ask(browser, allowed, kind="identify", lamp="chassis", seconds="30") == 303
    assert {one.target for one in requests(allowed)} == {"chassis", "ST4000NM0035|ZC16R0QX"}


def test_what_is_refused_is_told_with_its_reason(allowed: Night) -> None:
    browser = Browser(allowed.pages()).sign_in("li")
    assert ask(browser, allowed, kind="clear_sel", reason="r") == 403
    assert ask(browser, allowed, kind="inventory") == 409
    assert ask(browser, allowed, kind="shell") == 400
    assert ask(browser, allowed, kind="read_sel") == 303
    assert ask(browser, allowed, kind="read_sel") == 409
    assert browser.post(f"/assets/{allowed.assets[0]}/diagnostics", data={"kind": "bundle"}).status_code == 403
    assert len(requests(allowed)) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_answer_is_shown_as_tables_and_nothing_of_it_is_obeyed(allowed: Night, language: str) -> None:
    browser = Browser(allowed.pages()).sign_in("li" if language == "zh" else "root")
    ask(browser, allowed, kind="bundle")
    (asked,) = requests(allowed)
    report(allowed, asked, RequestState.DONE, MANIFEST, detail="1 file")
    with allowed.store.write() as tx:
        sha256 = "cd" * 32
        allowed.evidence.files[sha256] = b"\x1f\x8bbundle"
        tx.diagnostics.add_file(
            DiagnosticFile(id=0, request=asked.id, name="bundle.tar.gz", size=8, sha256=sha256, at_ms=allowed.now_ms)
        )
    raw = browser.get(f"/diagnostics/{asked.name}").text
    page = html.unescape(raw)
    assert "<script>" not in raw
    for said in ("dmesg.txt", "2 KiB", "ab" * 32, "serials: 3", "lspci", "bundle.tar.gz"):
        assert said in page
    assert ("采集时间" in page or "诊断包清单" in page) == (language == "zh")
    answer = browser.get(f"/diagnostics/{asked.name}/files/1")
    assert answer.content == b"\x1f\x8bbundle"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert browser.get(f"/diagnostics/{'ff' * 16}/files/1").status_code == 404
    viewer = Browser(allowed.pages()).sign_in("eve")
    assert "bundle.tar.gz" not in viewer.text(f"/diagnostics/{asked.name}")
    assert viewer.get(f"/diagnostics/{asked.name}/files/1").status_code == 404


def test_a_contact_sees_the_manifest_and_agrees(allowed: Night) -> None:
    ask(Browser(allowed.pages()).sign_in("li"), allowed, kind="bundle")
    (asked,) = requests(allowed)
    report(allowed, asked, RequestState.AWAITS_CONSENT, MANIFEST)
    contact = Browser(allowed.pages(), language="zh").sign_in("north-contact")
    assert f"/diagnostics/{asked.name}" in contact.text(f"/assets/{allowed.assets[0]}")
    page = contact.text(f"/diagnostics/{asked.name}")
    assert "dmesg.txt" in page
    assert "同意发送" in page
    assert 'value="withdraw"' not in page
    token = field_of(page, "form_token")
    stranger = Browser(allowed.pages()).sign_in("south-contact")
    assert stranger.get(f"/diagnostics/{asked.name}").status_code == 404
    told = {"action": "consent", "form_token": token}
    assert contact.post(f"/diagnostics/{asked.name}", data=told).status_code == 303
    assert requests(allowed)[0].consented_by == "north-contact"
    assert "north-contact" in contact.text(f"/diagnostics/{asked.name}")
    assert 'value="consent"' not in contact.text(f"/diagnostics/{asked.name}")


def test_a_contact_who_does_not_agree_ends_it(allowed: Night) -> None:
    ask(Browser(allowed.pages()).sign_in("li"), allowed, kind="bundle")
    (asked,) = requests(allowed)
    report(allowed, asked, RequestState.AWAITS_CONSENT, MANIFEST)
    contact = Browser(allowed.pages(), language="zh").sign_in("north-contact")
    token = field_of(contact.text(f"/diagnostics/{asked.name}"), "form_token")
    told = {"action": "refuse", "text": "太多", "form_token": token}
    assert contact.post(f"/diagnostics/{asked.name}", data=told).status_code == 303
    assert requests(allowed)[0].state is RequestState.WITHDRAWN
    assert "客户不同意发送, 太多" in contact.text(f"/diagnostics/{asked.name}")
    assert contact.post(f"/diagnostics/{asked.name}", data=told).status_code == 409


def test_an_engineer_says_who_agreed_and_withdraws(allowed: Night) -> None:
    browser = Browser(allowed.pages(), language="en").sign_in("li")
    ask(browser, allowed, kind="bundle")
    (asked,) = requests(allowed)
    report(allowed, asked, RequestState.AWAITS_CONSENT, MANIFEST)
    token = field_of(browser.text(f"/diagnostics/{asked.name}"), "form_token")

    def act(action: str, text: str = "") -> int:
        told = {"action": action, "text": text, "form_token": token}
        return browser.post(f"/diagnostics/{asked.name}", data=told).status_code

    assert act("consent") == 409
    assert act("consent", "Wang Min") == 303
    assert act("explode") == 409
    assert act("withdraw", "not needed") == 303
    found = requests(allowed)[0]
    assert (found.consented_by, found.state, found.detail) == ("Wang Min", RequestState.WITHDRAWN, "not needed")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_that_can_be_said_of_a_request_has_a_word(language: str) -> None:
    said = messages(language)
    wanted = [f"diagnostic.{table}.{kind}" for table in ("kind", "help") for kind in K]
    wanted += [f"diagnostic.state.{state}" for state in RequestState]
    wanted += [f"diagnostic.cause.{cause}" for cause in ("not_sent", "no_report", "consent_refused", "file_missing")]
    wanted += [f"timeline.diagnostic_{step}" for step in ("asked", "consented", "ended")]
    wanted += [f"fact.{name}" for name in ("diagnostic", "request", "ended", "detail", "files", "who", "reason")]
    wanted += [f"fact.{name}" for kind in KINDS.values() for name in kind.arguments]
    assert [key for key in wanted if key not in said] == []


def test_any_json_becomes_tables_within_bounds() -> None:
    rows = [{"sensor": f"s{n}", "value": n} for n in range(MOST_ROWS + 5)]
    answer = answer_of(
        json.dumps({"count": 2, "sensors": rows, "bmc": {"vendor": "Dell", "lines": ["a", "b"]}}).encode()
    )
    facts, sensors, bmc, lines = answer.parts
    assert isinstance(facts, Facts)
    assert facts.values == {"count": 2}
    assert isinstance(sensors, Table)
    assert (sensors.path, sensors.columns, len(sensors.rows), sensors.left_out) == (
        ("sensors",), ("sensor", "value"), MOST_ROWS, 5,
    )  # fmt: skip
    assert bmc == Facts(path=("bmc",), values={"vendor": "Dell"})
    assert lines == Table(path=("bmc", "lines"), columns=("",), rows=(("a",), ("b",)))


def test_lists_of_lists_come_one_by_one() -> None:
    answer = answer_of(
        b'{"sources":[{"source":"fru","parts":[{"class":"psu"}]},{"source":"x","error":"gone","parts":[]}]}'
    )
    assert [part.path for part in answer.parts] == [("sources", "1"), ("sources", "1", "parts"), ("sources", "2")]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\xff\xfe", b"[" * 100_000, b"{", b'"\\ud800"', b"NaN", b"[1e999]", b'{"a":' * 50 + b"1" + b"}" * 50,
        b"null", b"[[],{}]",
    ],
)  # fmt: skip
def test_whatever_comes_is_shown_somehow(raw: bytes) -> None:
    answer = answer_of(raw)
    told = json.dumps([getattr(part, "values", None) or part.rows for part in answer.parts], allow_nan=True)  # type: ignore[union-attr]  # one or the other
    assert told.encode("utf-8")
    assert (answer.text + told).encode("utf-8")


def test_half_a_surrogate_pair_can_be_sent_on() -> None:
    assert json.dumps(loaded(b'{"a":"\\ud800"}'), ensure_ascii=False).encode("utf-8") == b'{"a": "?"}'
    assert loaded(b"[NaN, Infinity]") == [None, None]
