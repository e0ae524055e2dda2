"""The pages without a browser: who may see and do what, forms, headers, escaping, customer scope."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.placing import Placing
from hardcase_collector.domain.asset import Agent, AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.observation import Coverage, CoverageLine, Stamp
from hardcase_collector.domain.ports import CaseNews, Transaction, User
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web.access import Sessions
from hardcase_collector.web.pages import MAX_BODY, make_pages
from hardcase_collector.web.picture import CurrentReading, Limit
from hardcase_collector.web.ports import Health, Shop

from tests.fakes.empty_store import empty_store

NOW = 1_800_000_000_000
PASSWORD = "correct horse staple"
EVIL = "<img src=x onerror=alert(1)>"


class Nobody:
    def announce(self, tx: Transaction, news: CaseNews) -> None:
        return None


class Browser:
    """Asks the application in this process; keeps cookies, follows nothing."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._cookies = httpx.Cookies()

    def get(self, path: str, **how: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, **how))

    def post(self, path: str, **how: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, **how))

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=("10.0.0.1", 50000))
        async with httpx.AsyncClient(
            transport=transport, base_url="https://collector", cookies=self._cookies, trust_env=False
        ) as client:
            answer = await client.request(method, path, **how)
            self._cookies = client.cookies
            return answer


@dataclass
class Site:
    store: SqlStateStore
    reasons: list[str] = field(default_factory=list)
    readings: list[CurrentReading] = field(default_factory=list)
    now_ms: int = NOW
    numbers: dict[str, str] = field(default_factory=dict)
    assets: dict[str, int] = field(default_factory=dict)

    def client(self) -> Browser:
        announcer = Nobody()
        shop = Shop(
            store=self.store,
            actions=CaseActions(announcer, Placing(announcer, reopen_ms=0, flap_raises=3)),
            readings=lambda tx, asset: self.readings,
            title=lambda fault_class, language: f"{fault_class} {language}",
            clock_ms=lambda: self.now_ms,
        )
        health = Health(reasons=lambda: self.reasons, alive=lambda: True, gauges=lambda: {"open_cases": 2, "lost": 3})
        app = make_pages(shop, Sessions(self.store, hours=1), health, language="en")
        return Browser(app)

    def signed_in(self, name: str) -> Browser:
        client = self.client()
        token = field_of(client.get("/login").text, "form_token")
        form = {"name": name, "password": PASSWORD, "form_token": token, "next": "/"}
        assert client.post("/login", data=form).status_code == 303
        return client


def field_of(page: str, name: str) -> str:
    """Of the last form that has it: the language's comes first on every page."""
    found = re.findall(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return str(found[-1])


def add_asset(tx: Transaction, customer: str, hostname: str) -> int:
    return tx.assets.add(
        key=f"dell|{customer}",
        basis="serial",
        facts=AssetFacts(vendor="Dell", model="R750", serial=customer, hostname=hostname),
        customer=customer,
        mode=AssetMode.LIVE,
        joined_ms=NOW,
        live_from_ms=NOW,
    ).id


def add_case(tx: Transaction, asset: int) -> str:
    return tx.cases.add(
        Case(
            id=0,
            number="",
            asset=asset,
            part=Part(component="psu", slot=EVIL),
            repair_group="psu",
            state=CaseState.NEW,
            severity=Severity.MAJOR,
            fault_classes=("psu.input_lost",),
            since_ms=NOW - 5000,
            opened_ms=NOW,
            version=1,
        )
    ).number


async def endless() -> AsyncIterator[bytes]:
    yield b"x"


@pytest.fixture
def site(tmp_path: Path, hashed: str) -> Iterator[Site]:
    store = empty_store(tmp_path / "state.sqlite")
    made = Site(store)
    with store.write() as tx:
        for name, role, customer in (
            ("root", "administrator", None),
            ("li", "engineer", "acme"),
            ("han", "viewer", "acme"),
        ):
            tx.access.add_user(User(name=name, role=role, customer=customer, password_hash=hashed))
        for customer in ("acme", "other"):
            made.assets[customer] = add_asset(tx, customer, f"host-{customer}")
            made.numbers[customer] = add_case(tx, made.assets[customer])
    yield made
    store.close()


@pytest.mark.parametrize("path", ["/", "/cases", "/cases/HC-20270115-0001", "/assets/1", "/nowhere"])
def test_without_signing_in_there_is_nothing_to_see(site: Site, path: str) -> None:
    answer = site.client().get(path)

    assert answer.status_code in (303, 404)
    assert "host-acme" not in answer.text


def test_after_signing_in_the_reader_is_where_he_wanted_to_be_but_never_elsewhere(site: Site) -> None:
    client = site.client()
    wanted = client.get("/cases?all=1").headers["location"]
    assert field_of(client.get(wanted).text, "next") == "/cases?all=1"

    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example"):
        assert field_of(client.get("/login", params={"next": elsewhere}).text, "next") == "/"


def test_a_login_form_from_elsewhere_is_refused(site: Site) -> None:
    client = site.client()
    client.get("/login")

    assert client.post("/login", data={"name": "li", "password": PASSWORD}).status_code == 403
    assert client.post("/login", data={"name": "li", "password": PASSWORD, "form_token": "x"}).status_code == 403


def test_wrong_passwords_are_answered_alike_for_somebody_and_nobody_then_blocked(site: Site) -> None:
    client = site.client()
    token = field_of(client.get("/login").text, "form_token")
    form = {"password": "wrong", "form_token": token}
    answers = [client.post("/login", data={**form, "name": name}) for name in ("li", "nobody")]

    assert [answer.status_code for answer in answers] == [401, 401]
    for _ in range(4):
        client.post("/login", data={**form, "name": "li"})
    assert client.post("/login", data={**form, "name": "li", "password": PASSWORD}).status_code == 429


def test_a_customer_sees_and_touches_only_what_is_his(site: Site) -> None:
    client = site.signed_in("li")
    token = field_of(client.get("/").text, "form_token")

    assert "host-acme" in client.get("/").text
    assert "host-other" not in client.get("/").text
    assert site.numbers["other"] not in client.get("/cases").text
    assert client.get(f"/cases/{site.numbers['other']}").status_code == 404
    assert client.get(f"/assets/{site.assets['other']}").status_code == 404
    form = {"action": "acknowledge", "form_token": token}
    assert client.post(f"/cases/{site.numbers['other']}", data=form).status_code == 404
    joining = {"decision": "open", "reason": "because", "form_token": token}
    assert client.post(f"/assets/{site.assets['other']}/joining", data=joining).status_code == 404
    assert "host-other" in site.signed_in("root").get("/").text


def test_an_action_needs_the_form_token_of_this_session(site: Site) -> None:
    client, other = site.signed_in("li"), site.signed_in("li")
    path = f"/cases/{site.numbers['acme']}"
    foreign = field_of(other.get(path).text, "form_token")

    assert client.post(path, data={"action": "acknowledge"}).status_code == 403
    assert client.post(path, data={"action": "acknowledge", "form_token": foreign}).status_code == 403
    with site.store.read() as tx:
        assert tx.cases.by_number(site.numbers["acme"], customer=None).acknowledged_ms == 0
    own = field_of(client.get(path).text, "form_token")
    assert client.post(path, data={"action": "acknowledge", "form_token": own}).status_code == 303
    with site.store.read() as tx:
        assert tx.cases.by_number(site.numbers["acme"], customer=None).acknowledged_by == "li"
        assert tx.access.audits(customer=None, limit=1)[0].action == "case.acknowledge"


def test_a_viewer_has_no_buttons_and_no_way_round_them(site: Site) -> None:
    client = site.signed_in("han")
    page = client.get(f"/cases/{site.numbers['acme']}").text
    form = {"action": "close", "text": "x", "form_token": field_of(page, "form_token")}

    assert 'name="action"' not in page
    assert client.post(f"/cases/{site.numbers['acme']}", data=form).status_code == 403


def test_only_legal_actions_are_offered_and_illegal_ones_say_why(site: Site) -> None:
    client = site.signed_in("li")
    path = f"/cases/{site.numbers['acme']}"
    page = client.get(path).text
    token = field_of(page, "form_token")

    assert 'value="confirm"' in page
    assert 'value="finish_repair"' not in page
    answer = client.post(path, data={"action": "finish_repair", "form_token": token})
    assert answer.status_code == 409
    assert "cannot finish repair" in answer.text
    assert client.post(path, data={"action": "cancel", "form_token": token}).status_code == 400
    assert client.post(path, data={"action": "explode", "form_token": token}).status_code == 409


def test_what_hardware_says_is_text_and_never_markup(site: Site) -> None:
    client = site.signed_in("li")
    with site.store.write() as tx:
        tx.assets.update_facts(site.assets["acme"], AssetFacts(hostname=EVIL, model=EVIL))

    for path in ("/", "/cases", f"/cases/{site.numbers['acme']}", f"/assets/{site.assets['acme']}"):
        text = client.get(path).text
        assert "&lt;img src=x" in text, path
        assert "<img src=x" not in text, path


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/static/style.css", "/livez"])
def test_every_answer_forbids_scripts_frames_and_foreign_content(site: Site, path: str) -> None:
    headers = site.client().get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_no_page_loads_anything_from_outside_or_runs_a_script(site: Site) -> None:
    client = site.signed_in("li")
    for path in ("/", "/cases", f"/cases/{site.numbers['acme']}", f"/assets/{site.assets['acme']}", "/login"):
        text = client.get(path).text
        assert "<script" not in text
        assert all(target.startswith("/") for target in re.findall(r'(?:src|href|action)="([^"#]+)"', text)), path


def test_a_large_or_endless_body_is_turned_away_unread(site: Site) -> None:
    client = site.client()

    assert client.post("/login", content=b"x" * (MAX_BODY + 1)).status_code == 413
    assert client.post("/login", content=endless()).status_code in (411, 413)


def test_without_data_an_asset_is_never_green(site: Site) -> None:
    with site.store.write() as tx:
        quiet = add_asset(tx, "quiet", "host-quiet")
    page = site.signed_in("root").get("/").text
    row = page[page.index(f'/assets/{quiet}"') - 400 : page.index(f'/assets/{quiet}"')]

    assert "mark no_data" in row
    assert "mark good" not in row


def test_an_asset_shows_gaps_with_age_and_limits_with_their_source(site: Site) -> None:
    part = Part(component="fan", slot="FAN2")
    shown = {"source": "bmc", "kind": "fan", "unit": "RPM", "part": part, "states": (), "has_states": False}
    shown |= {"time_ms": NOW - 30_000, "severity": Severity.CLEARED}
    site.readings = [
        CurrentReading(sensor="1", name="FAN1", value=5200.0, gap="", gap_age_s=None,
                       limits=(Limit(name="lower_critical", value=1200, severity="", source="device"),), **shown),
        CurrentReading(sensor="2", name="FAN2", value=None, gap="hung", gap_age_s=600, **shown),
    ]  # fmt: skip
    with site.store.write() as tx:
        agent = tx.agents.add(
            Agent(
                id="a",
                number=0,
                customer="acme",
                hostname="h",
                machine_id="m",
                dmi_uuid="",
                fingerprint="",
                enrolled_ms=1,
            )
        )
        stamp = Stamp(agent=agent.number, asset=site.assets["acme"], source="bmc", epoch=b"e" * 16, sequence=1,
                      time_ms=NOW, received_ms=NOW, flag=0, backlog=False)  # fmt: skip
        line = CoverageLine(component="disk", status="unreadable", reason="no right", cure="start the helper")
        tx.assets.save_coverage(Coverage(stamp=stamp, lines=(line,)))
    text = re.sub(
        r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", site.signed_in("li").get(f"/assets/{site.assets['acme']}").text)
    )

    assert "5\u202f200\u202fRPM" in text
    assert "lower critical 1\u202f200 device" in text
    assert "No value: no answer by the deadline last value 10 min ago" in text
    assert "no right What to do: start the helper" in text


def test_a_worn_disk_shows_the_month_of_its_end(site: Site) -> None:
    shown = {"source": "smart.nvme", "kind": "percentage", "unit": "%", "part": Part(component="disk"), "states": ()}
    shown |= {"time_ms": NOW, "severity": Severity.CLEARED, "has_states": False, "gap": "", "gap_age_s": None}
    site.readings = [
        CurrentReading(sensor="1", name="Endurance used", value=50.0, worn_out_ms=1_893_456_000_000, **shown),
        CurrentReading(sensor="2", name="Endurance used", value=1.0, **shown),
    ]
    text = site.signed_in("li").get(f"/assets/{site.assets['acme']}").text

    assert re.findall(r"(?:worn out about|预计) (\d{4}-\d\d)", text) == ["2030-01"]


def test_ready_says_why_not_and_metrics_are_open_to_the_scraper(site: Site) -> None:
    client = site.client()
    assert client.get("/readyz").text == "ready\n"
    site.reasons.append("the disk is full")

    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz", headers={"accept": "application/json"}).json()["reasons"] == ["the disk is full"]
    text = client.get("/metrics").text
    assert "hardcase_open_cases 2.0" in text
    assert "hardcase_lost_total 3.0" in text
    assert "hardcase_ready 0.0" in text
    # What was not told is left out: an invented 0 would look like health.
    assert "hardcase_outbox_age_seconds " not in text


def test_a_list_that_leaves_cases_out_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = site.signed_in("root")
    assert "cases list --limit" not in client.get("/cases?all=1").text
    monkeypatch.setattr("hardcase_collector.web.pages.queue.CASES_SHOWN", 1)
    assert "cases list --limit" in client.get("/cases?all=1").text
