"""A customer's contact walks every page there is and finds nothing of another customer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hardcase_collector.diagnostics.asking import Question
from hardcase_collector.domain.case import CaseAction
from hardcase_collector.domain.diagnostic import AgentReport, DiagnosticKind, RequestFilter, RequestState
from starlette.routing import BaseRoute, Route

from tests.unit.collector.web.browsing import Browser, field_of
from tests.unit.collector.web.night import FAULTS, LI, MACHINES, Night

WALKED = {
    "/": ["/", "/?q=gz"],
    "/assets/{number}": ["/assets/{asset}"],
    "/cases": ["/cases", "/cases?all=1", "/cases?view=unassigned", "/cases?site=gz1", "/cases?view=customer"],
    "/cases/{number}": ["/cases/{case}"],
    "/cases/{number}/clocks": ["/cases/{case}/clocks"],
    "/cases/{number}/clocks.csv": ["/cases/{case}/clocks.csv"],
    "/search": ["/search?q=gz-", "/search?q=9XYZ987", "/search?q=C11", "/search?q=ZCSOUTH1", "/search?q=HC-"],
    "/report": ["/report", "/report?q=gz", "/report?asset={asset}"],
    "/attachments/{id}": ["/attachments/{attachment}"],
    "/diagnostics/{id}": ["/diagnostics/{request}"],
    "/diagnostics/{id}/files/{file}": ["/diagnostics/{request}/files/1"],
    "/account": ["/account"],
}
NOT_OF_CUSTOMERS = {
    "/login",
    "/logout",
    "/language",
    "/static/{name}",
    "/livez",
    "/readyz",
    "/metrics",
    "/links/{token}",
}
POSTED = {
    "/account/password",
    "/account/sessions",
    "/account/tokens",
    "/cases/{number}",
    "/assets/{number}/joining",
    "/report",
    "/attach/{number}",
    "/assets/{number}/diagnostics",
    "/diagnostics/{id}",
}


def routes(night: Night) -> Iterator[BaseRoute]:
    """Of the application, those of its included routers too."""

    def walk(found: list[BaseRoute]) -> Iterator[BaseRoute]:
        for one in found:
            # An included router is kept as it was given.
            inner = getattr(one, "original_router", None)
            if inner is not None:
                yield from walk(list(inner.routes))
            else:
                yield one

    yield from walk(list(night.pages().routes))


def secrets(night: Night) -> list[str]:
    """Everything by which the other customer's machines, cases and people could be told."""
    south = next(machine for machine in MACHINES if machine[0] == "south")
    told = ["south", "南方制造", "陈静", "广州", "gz1", "ops@south.example", night.cases[5].number, FAULTS[5][3].serial]
    return [*told, *(str(value) for value in (south[1], south[4], south[5], south[7]))]


@pytest.fixture
def walked(night: Night) -> Night:
    night.busy()
    night.act(5, CaseAction.CONFIRM)
    upload = night.attachments.receive(night.cases[5].number, by=LI, name="gz-erp-01.txt", internal=False)
    upload.write(b"gz-erp-01 south")
    upload.finish(now_ms=night.now_ms)
    agent = night.agent(4, *DiagnosticKind)
    question = Question(asset=night.assets[4], kind=DiagnosticKind.BUNDLE, arguments={}, reason="south")
    asked = night.diagnostics.ask(question, by=LI, now_ms=night.now_ms)
    night.telling.owed(agent.number, now_ms=night.now_ms)
    manifest = b'{"files":[{"name":"gz-erp-01.log"}]}'
    report = AgentReport(id=asked.id, state=RequestState.AWAITS_CONSENT, detail="south", answer=manifest)
    night.telling.take(agent.number, report, now_ms=night.now_ms)
    return night


def requested(night: Night) -> str:
    """The other customer's request."""
    with night.store.read() as tx:
        (asked,) = tx.diagnostics.listed(RequestFilter(customer="south"))
    return asked.name


def test_every_page_that_shows_something_of_a_customer_is_walked(night: Night) -> None:
    known = {*WALKED, *NOT_OF_CUSTOMERS, *POSTED}
    paths = {re.sub(r":\w+}", "}", one.path) for one in routes(night) if isinstance(one, Route)}

    assert paths - known == set()
    assert {*WALKED} - paths == set()


@pytest.mark.parametrize("path", [path for paths in WALKED.values() for path in paths])
def test_nothing_of_the_other_customer_is_on_any_page(walked: Night, path: str) -> None:
    browser = Browser(walked.pages(), language="zh").sign_in("north-contact")
    filled = path.format(asset=walked.assets[4], case=walked.cases[5].number, attachment=1, request=requested(walked))
    answer = browser.get(filled)
    # What he asked for himself stands in the box again, and in the way back.
    said = answer.text.replace(path.partition("=")[2] or "\x00", "").replace(filled, "")

    if "{" in path:
        # Whether he may have such files at all is asked before whose they are.
        assert answer.status_code in ((403, 404) if path.endswith(".csv") else (404,)), filled
    else:
        assert answer.status_code in (200, 303), filled
    assert [secret for secret in secrets(walked) if secret in said] == []
    assert not answer.headers.get("location", "").startswith(f"/assets/{walked.assets[4]}")


@pytest.mark.parametrize(
    "action", ["acknowledge", "note", "consent", "refuse", "rate", "access_approve", "report_sign"]
)
def test_no_step_reaches_the_other_customers_case(walked: Night, action: str) -> None:
    browser = Browser(walked.pages()).sign_in("north-contact")
    token = field_of(browser.get("/cases").text, "form_token")
    before = walked.case(5).version
    answer = browser.post(
        f"/cases/{walked.cases[5].number}", data={"action": action, "form_token": token, "text": "x", "who": "x"}
    )

    assert answer.status_code == 404
    assert walked.case(5).version == before


def test_neither_report_nor_file_reaches_the_other_customers_machines(walked: Night) -> None:
    browser = Browser(walked.pages()).sign_in("north-contact")
    token = field_of(browser.get("/cases").text, "form_token")
    told = {"form_token": token, "category": "disk.reported", "description": "x"}

    assert browser.post("/report", data={**told, "asset": str(walked.assets[4])}).status_code == 404
    assert browser.post("/report", data={**told, "join": walked.cases[5].number}).status_code == 404
    files = {"file": ("a.txt", b"text", "text/plain")}
    sent = browser.post(f"/attach/{walked.cases[5].number}", data={"form_token": token}, files=files)
    assert sent.status_code == 404


def test_the_other_customers_own_contact_sees_it_all(walked: Night) -> None:
    """Otherwise the walk above would prove nothing."""
    browser = Browser(walked.pages(), language="zh").sign_in("south-contact")
    pages = "".join(
        browser.text(
            path.format(asset=walked.assets[4], case=walked.cases[5].number, attachment=1, request=requested(walked))
        )
        for path in (
            "/",
            "/assets/{asset}",
            "/cases",
            "/cases/{case}",
            "/attachments/{attachment}",
            "/diagnostics/{request}",
        )
    )

    assert [secret for secret in secrets(walked) if secret not in pages] == ["南方制造"], "told by its short name"


def test_why_something_opened_is_for_our_own_people(walked: Night) -> None:
    path, headings = f"/assets/{walked.assets[0]}", ("Why did this (not) open a case?", "为什么（没有）开工单？")
    theirs, ours = (Browser(walked.pages()).sign_in(name).get(path).text for name in ("north-contact", "mei"))
    assert not any(heading in theirs for heading in headings)
    assert any(heading in ours for heading in headings)
