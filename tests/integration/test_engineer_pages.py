"""The engineer's pages in a browser, as a night shift uses them: queue, case, links; both languages, desk and phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hardcase_collector.domain.case import CaseState
from hardcase_collector.web.passwords import hash_password
from playwright.sync_api import BrowserContext, Page, expect

from tests.fakes.empty_store import empty_store
from tests.peers.chromium import chromium
from tests.peers.pages import served
from tests.unit.collector.web.browsing import PASSWORD
from tests.unit.collector.web.night import Night


@dataclass
class Shift:
    night: Night
    url: str


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    folder = tmp_path_factory.mktemp("shift")
    store = empty_store(folder / "state.sqlite")
    night = Night(store, hash_password(PASSWORD))
    night.busy()
    with served(night.pages(), folder) as url:
        yield Shift(night, url)
    store.close()


def signed_in(browser: BrowserContext, shift: Shift, name: str) -> Page:
    page = browser.new_page()
    page.goto(f"{shift.url}/login")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("button.main")
    expect(page).not_to_have_url(re.compile("/login"))
    return page


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def big_enough(page: Page, selector: str, least: int = 24) -> bool:
    """What a thumb has to hit: WCAG 2.2 asks for 24 pixels at least (2.5.8)."""
    boxes = [one.bounding_box() for one in page.locator(selector).all() if one.is_visible()]
    return bool(boxes) and all(box is not None and box["height"] >= least for box in boxes)


def test_an_engineer_works_a_case_at_the_desk_in_english(shift: Shift, tmp_path: Path) -> None:
    number, asked, complaints = shift.night.cases[1].number, [], []
    with chromium(tmp_path / "profile", language="en-US") as browser:
        page = signed_in(browser, shift, "root")
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))

        page.click("nav >> text=Cases")
        expect(page.locator(".queue li")).to_have_count(6)
        assert page.locator(".queue li.late").count() >= 3
        page.click("text=Unassigned")
        expect(page).to_have_url(f"{shift.url}/cases?view=unassigned")
        expect(page.locator(".queue li")).to_have_count(5)
        page.fill("input[type=search]", number)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{shift.url}/cases/{number}")
        expect(page.locator("h1")).to_contain_text("Power supply input lost")
        expect(page.locator("#clocks")).to_contain_text("18 min left")

        page.click("button[value=acknowledge]")
        expect(page.locator("button[value=acknowledge]")).to_have_count(0)
        page.click(".more-steps > summary")
        page.click("#step-priority summary")
        page.select_option("#step-priority select", "P1")
        page.fill("#step-priority textarea", "Month end")
        page.click("#step-priority button")
        expect(page.locator(".marks .prio")).to_have_text("P1")
        page.click("button[value=confirm]")
        expect(page.locator(".marks")).to_contain_text("Confirmed")
        page.click("#step-propose summary")
        page.fill("#step-propose textarea[name=solution]", "Look at the feed, then change the supply")
        page.select_option("#step-propose select", "part")
        page.click("#step-propose button")
        expect(page.locator("#repair")).to_contain_text("waits for the customer")

        page.click("text=Every minute explained")
        expect(page.locator("main")).to_contain_text("counted")
        expect(page.locator("main")).to_contain_text("acknowledge")
    assert shift.night.case(1).state is CaseState.PROPOSED
    assert {re.match(r"https://[^/]+", url)[0] for url in asked} == {shift.url}  # type: ignore[index]
    assert complaints == []


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 360), ("en-US", 390)])
def test_on_a_phone_every_page_fits_and_can_be_hit(shift: Shift, tmp_path: Path, language: str, width: int) -> None:
    numbers = [case.number for case in shift.night.cases]
    with chromium(tmp_path / "profile", language=language, width=width, height=740, dark=True) as browser:
        page = signed_in(browser, shift, "li" if language == "zh-CN" else "root")
        for path in ("/cases", "/cases?all=1", "/search?q=sh-", "/report", f"/report?asset={shift.night.assets[0]}"):
            page.goto(shift.url + path)
            assert fits(page), path
        for number in numbers:
            page.goto(f"{shift.url}/cases/{number}")
            assert fits(page), number
            for summary in page.locator("details > summary").all():
                if summary.is_visible():
                    summary.click()
            assert fits(page), number
            assert big_enough(page, ".steps button, .step > summary"), number
        page.goto(f"{shift.url}/cases/{numbers[0]}/clocks")
        assert fits(page)
        page.goto(f"{shift.url}/cases")
        words = "超时" if language == "zh-CN" else "over"
        expect(page.locator(".queue li").first).to_contain_text(words)


def test_a_customer_consents_on_his_phone_without_signing_in(shift: Shift, tmp_path: Path) -> None:
    night = shift.night
    with chromium(tmp_path / "desk", language="zh-CN") as browser:
        page = signed_in(browser, shift, "li")
        page.goto(f"{shift.url}/cases/{night.cases[0].number}")
        page.click("button[value=ask_consent]")
        address = page.locator("input.address").first.input_value()
    path = address.removeprefix("https://desk.example")

    with chromium(tmp_path / "phone", language="zh-CN", width=360, height=740) as phone:
        page = phone.new_page()
        page.goto(shift.url + path)
        expect(page.locator("h1")).to_contain_text("请您确认维修方案")
        assert fits(page)
        expect(page.locator("nav")).to_have_count(0)
        page.click("button[value=consent]")
        expect(page.locator("main")).to_contain_text("您已同意")
        expect(page.locator("button[value=consent]")).to_have_count(0)
    assert night.case(0).state is CaseState.CONSENTED
