"""Diagnostics in a real browser: an engineer asks from a case, a customer reads the manifest on a phone and agrees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.diagnostics.asking import Question
from hardcase_collector.domain.diagnostic import AgentReport, DiagnosticKind, RequestFilter, RequestState
from hardcase_collector.web.passwords import hash_password
from playwright.sync_api import expect

from tests.fakes.empty_store import empty_store
from tests.integration.test_engineer_pages import Shift, big_enough, fits, signed_in
from tests.peers.chromium import chromium
from tests.peers.pages import served
from tests.unit.collector.web.browsing import PASSWORD
from tests.unit.collector.web.night import LI, Night

MANIFEST = {
    "asset": {"vendor": "Dell", "model": "PowerEdge R750", "serial": "[serial 1]"},
    "made_ms": 1_795_458_600_000,
    "files": [
        {
            "name": f"smart/ST4000NM0035-{n}.json", "part": "smart", "bytes": 20_480, "sha256": "ab" * 32,
            "collected_ms": 1_795_458_600_000, "hidden": {"serials": 3},
        }
        for n in range(8)
    ],
    "left_out": [{"part": "lspci", "reason": "not installed"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    folder = tmp_path_factory.mktemp("shift")
    store = empty_store(folder / "state.sqlite")
    night = Night(store, hash_password(PASSWORD))
    night.agent(0, DiagnosticKind.READ_SEL, DiagnosticKind.SELF_TEST, DiagnosticKind.IDENTIFY, DiagnosticKind.BUNDLE)
    with served(night.pages(), folder) as url:
        yield Shift(night, url)
    store.close()


def test_an_engineer_asks_for_a_self_test_from_the_case(shift: Shift, tmp_path: Path) -> None:
    night, complaints = shift.night, []
    with chromium(tmp_path / "profile", language="en-US") as browser:
        page = signed_in(browser, shift, "root")
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{shift.url}/cases/{night.cases[0].number}")
        page.click("#ask-self_test summary")
        page.select_option("#ask-self_test select[name=disk]", "ST4000NM0035|ZC16R0QX")
        page.select_option("#ask-self_test select[name=test]", "long")
        page.fill("#ask-self_test input[name=reason]", "Clicking")
        page.click("#ask-self_test button")
        page.wait_for_url(f"{shift.url}/cases/{night.cases[0].number}#diagnostics")
        expect(page.locator("#diagnostics")).to_contain_text("waits for the agent")
        page.click("#diagnostics table a")
        expect(page.locator("details.grave summary")).to_have_count(1)
        expect(page.locator("main")).to_contain_text("ST4000NM0035 ZC16R0QX")
        page.click("details.grave summary")
        page.fill("details.grave input[name=text]", "Wrong disk")
        page.click("button[value=withdraw]")
        expect(page.locator(".marks")).to_contain_text("withdrawn")
        assert fits(page)
    with night.store.read() as tx:
        (asked,) = tx.diagnostics.listed(RequestFilter(customer=None))
    assert (asked.arguments["test"], asked.state, asked.detail) == ("long", RequestState.WITHDRAWN, "Wrong disk")
    assert complaints == []


@pytest.mark.parametrize("width", [360, 1280])
def test_a_customer_reads_the_manifest_and_agrees(shift: Shift, tmp_path: Path, width: int) -> None:
    night = shift.night
    question = Question(asset=night.assets[0], kind=DiagnosticKind.BUNDLE, arguments={}, reason="厂商需要")
    asked = night.diagnostics.ask(question, by=LI, now_ms=night.now_ms)
    night.telling.owed(asked.agent, now_ms=night.now_ms)
    answer = json.dumps(MANIFEST).encode()
    awaits = AgentReport(id=asked.id, state=RequestState.AWAITS_CONSENT, detail="8 files", answer=answer)
    night.telling.take(asked.agent, awaits, now_ms=night.now_ms)
    with chromium(tmp_path / "profile", language="zh-CN", width=width, height=740, dark=width == 360) as browser:
        page = signed_in(browser, shift, "north-contact")
        page.goto(f"{shift.url}/assets/{night.assets[0]}")
        assert fits(page)
        page.click(f"a[href='/diagnostics/{asked.name}']")
        expect(page.locator("#answer")).to_contain_text("[serial 1]")
        expect(page.locator("#answer")).to_contain_text("smart/ST4000NM0035-7.json")
        assert fits(page)
        assert big_enough(page, "#steps button, .step > summary")
        page.click("button[value=consent]")
        expect(page.locator("button[value=consent]")).to_have_count(0)
        expect(page.locator(".facts.card")).to_contain_text("north-contact")
    with night.store.read() as tx:
        found = tx.diagnostics.request(asked.id)
    assert found is not None
    assert found.consented_by == "north-contact"
    done = AgentReport(id=asked.id, state=RequestState.FAILED, detail="the test is over")
    night.telling.take(asked.agent, done, now_ms=night.now_ms)
