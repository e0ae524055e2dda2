"""The pages in a browser against a real collector: sign in, walk, act; nothing from outside, both languages."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.peers.chromium import chromium
from tests.peers.collector import NO_RESERVE, CollectorProcess, collector, wait_until

DRILL = """
[asset]
vendor = "Hardcase Rehearsal"
model = "Drill 1U"
serial = "DRILL-PAGES-0001"
hostname = "drill-<b>pages</b>"

[[source]]
name = "bmc"
period_s = 1.0

[[source.sensor]]
id = "psu1"
name = "PSU1 Status"
kind = "state"
quantity = "psu.status"
states = ["present", "failure_detected", "predictive_failure", "input_lost"]
on = ["present"]
part = { component = "psu", slot = "PSU1" }

[[change]]
at = 3
sensor = "psu1"
on = ["present", "input_lost"]
"""


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector with one open case, which an agent rehearses."""
    folder = tmp_path_factory.mktemp("pages")
    with collector(folder, tables=f"[cases]\njoining_hours = 0.0\n{NO_RESERVE}") as made:
        made.start()
        (folder / "drill.toml").write_text(DRILL, encoding="utf-8")
        (folder / "agent.toml").write_text(
            f'state_dir = "{folder / "agent"}"\nmode = "drill"\n[collector]\n'
            f'address = "127.0.0.1:{made.ports["telemetry"]}"\nenrolment = "127.0.0.1:{made.ports["enrolment"]}"\n'
            f'[rehearsal]\ntimeline = "{folder / "drill.toml"}"\n',
            encoding="utf-8",
        )
        agent = [str(Path(sys.executable).parent / "hardcase-agent"), "--config", str(folder / "agent.toml")]
        enroll = [*agent, "enroll", "--ca-fingerprint", made.fingerprint, "--token-file", "-"]
        token = made.ask("token")["token"]
        subprocess.run(enroll, input=token, text=True, check=True, timeout=60, capture_output=True)
        with (folder / "agent.log").open("wb") as log:
            process = subprocess.Popen([*agent, "run"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: bool(made.ask("cases", "list")), within_s=60, what="the drill opens its case")
            yield made
        finally:
            process.terminate()
            process.wait(timeout=90)


def test_a_person_signs_in_reads_and_acts(drilled: CollectorProcess, tmp_path: Path) -> None:
    number = drilled.ask("cases", "list")[0]["number"]
    asked: list[str] = []
    complaints: list[str] = []
    with chromium(tmp_path / "profile") as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{drilled.url}/cases/{number}")
        expect(page).to_have_url(re.compile(f"^{re.escape(drilled.url)}/login"))

        page.fill("input[name=name]", "admin")
        page.fill("input[name=password]", drilled.password)
        page.click("button.main")
        expect(page).to_have_url(f"{drilled.url}/cases/{number}")
        expect(page.locator("h1")).to_contain_text("Power supply input lost")

        page.click("#step-note summary")
        page.fill("#step-note textarea", "<script>alert(1)</script> seen")
        page.click("button[value=note]")
        expect(page.locator(".timeline")).to_contain_text("<script>alert(1)</script> seen")
        page.click("button[value=acknowledge]")
        expect(page.locator("button[value=acknowledge]")).to_have_count(0)
        page.click("button[value=confirm]")
        expect(page.locator(".marks")).to_contain_text("Confirmed")

        page.click("nav >> text=Fleet")
        expect(page.locator("table").first).to_contain_text("drill-<b>pages</b>")
        page.click("text=drill-<b>pages</b>")
        expect(page.locator("main")).to_contain_text("present, input lost")
        page.click("text=中文")
        expect(page.locator("main")).to_contain_text("当前读数")
        page.click("text=退出登录")
        expect(page).to_have_url(re.compile("/login"))
        page.goto(f"{drilled.url}/")
        expect(page).to_have_url(re.compile("/login"))
        cookies = {cookie["name"]: cookie for cookie in browser.cookies()}

    assert {re.match(r"https://[^/]+", url)[0] for url in asked} == {drilled.url}  # type: ignore[index]
    assert complaints == []
    assert all(cookie["secure"] and cookie["httpOnly"] for cookie in cookies.values())
    case = drilled.ask("cases", "show", number)
    assert case["case"]["acknowledged_by"] == "admin"
    assert case["case"]["state"] == "confirmed"


def test_a_phone_shows_every_page_without_scrolling_sideways(drilled: CollectorProcess, tmp_path: Path) -> None:
    number = drilled.ask("cases", "list")[0]["number"]
    with chromium(tmp_path / "profile", language="zh-CN", width=360, height=740, dark=True) as browser:
        page = browser.new_page()
        page.goto(drilled.url)
        page.fill("input[name=name]", "admin")
        page.fill("input[name=password]", drilled.password)
        page.click("button.main")
        expect(page).not_to_have_url(re.compile("/login"))
        for path in ("/", "/cases", "/cases?all=1", f"/cases/{number}", "/report", "/assets/1", "/assets/2"):
            page.goto(drilled.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
