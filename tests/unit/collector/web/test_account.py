"""One's own account on the pages, and what a form, a header and a cache must never let happen: every page is walked."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hardcase_collector.web.rendering import SECURITY_HEADERS
from starlette.routing import Route

from tests.unit.collector.web.browsing import PASSWORD, Browser, field_of
from tests.unit.collector.web.night import Night
from tests.unit.collector.web.test_isolation import POSTED, WALKED, routes

NEW = "another horse staple"
WITHOUT_TOKEN = {"/language": "sets a cookie with nothing but the language", "/links/{token}": "the path is the secret"}
PUBLIC = {"/static/style.css", "/static/icon.svg"}


def must_change(night: Night, name: str) -> None:
    with night.store.write() as tx:
        user = tx.access.user(name)
        assert user is not None
        tx.access.change_user(replace(user, must_change=True))


def changed(browser: Browser, old: str, new: str, again: str) -> str:
    """Where the form led, or what the page said."""
    form = {"old": old, "new": new, "again": again, "form_token": field_of(browser.get("/account").text, "form_token")}
    answer = browser.post("/account/password", data=form)
    return answer.headers.get("location") or re.findall(r'role="alert">([^<]*)<', answer.text)[-1]


def test_whose_password_somebody_else_knows_sees_nothing_until_he_has_another(night: Night) -> None:
    must_change(night, "root")
    browser = Browser(night.pages()).sign_in("root")
    for path in ("/", "/cases", "/search?q=x", "/cases/HC-1", "/report"):
        assert browser.get(path).headers["location"] == "/account", path
    page = browser.text("/account")
    assert "Somebody else knows this password" in page
    assert "API tokens" not in page
    token = field_of(page, "form_token")
    assert browser.post("/account/sessions", data={"form_token": token}).headers["location"] == "/account"
    assert "differ" in changed(browser, PASSWORD, NEW, NEW + "x")
    assert "another one" in changed(browser, "wrong wrong wrong", NEW, NEW)
    assert "is the present one" in changed(browser, PASSWORD, PASSWORD, PASSWORD)
    assert "too plain" in changed(browser, PASSWORD, "a" * 20, "a" * 20)
    assert changed(browser, PASSWORD, NEW, NEW) == "/"
    assert browser.get("/cases").status_code == 200


def test_a_password_is_guessed_on_the_account_page_no_faster_than_at_the_door(night: Night) -> None:
    browser = Browser(night.pages()).sign_in("root")
    said = [changed(browser, "wrong wrong wrong", NEW, NEW) for _ in range(7)]
    assert ("another one" in said[0], "Too many" in said[-1]) == (True, True)


def test_one_sees_and_ends_ones_other_sessions(night: Night) -> None:
    app = night.pages()
    elsewhere, here = Browser(app).sign_in("root"), Browser(app).sign_in("root")
    page = here.text("/account")
    assert (page.count("10.0.0.1"), page.count("this one")) == (2, 1)
    here.post("/account/sessions", data={"form_token": field_of(page, "form_token"), "session": ""})
    assert elsewhere.get("/cases").headers["location"].startswith("/login")
    assert here.get("/cases").status_code == 200


def filled(night: Night, path: str) -> str:
    """Of things that are there."""
    return path.format(asset=night.assets[0], case=night.cases[0].number, attachment=1, request="1")


def test_every_page_has_the_strict_headers_and_what_is_personal_lies_in_no_cache(night: Night) -> None:
    night.busy()
    browser = Browser(night.pages()).sign_in("root")
    walked = [filled(night, path) for paths in WALKED.values() for path in paths]
    for path in (*walked, "/login", "/nothing", "/livez", "/readyz", "/metrics", "/links/x", *PUBLIC):
        answer = browser.get(path)
        wanted = dict(SECURITY_HEADERS)
        if path in PUBLIC:
            wanted["Cache-Control"] = "public, max-age=3600"
        found = {name: answer.headers.get(name, "") for name in wanted}
        if path.startswith("/attachments/") and answer.status_code == 200:
            wanted["Content-Security-Policy"] = "default-src 'none'; sandbox"
        assert found == wanted, path
        assert "unsafe" not in found["Content-Security-Policy"]
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert not re.search(r"<script|\sstyle=|\son[a-z]+=|javascript:|https?://(?!www\.w3\.org)", answer.text), (
                path
            )
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert re.search(r"max-age=(\d+)", SECURITY_HEADERS["Strict-Transport-Security"])[1] == "31536000"  # type: ignore[index]


def posts(night: Night) -> list[str]:
    found = {
        re.sub(r":\w+}", "}", one.path) for one in routes(night) if isinstance(one, Route) and "POST" in one.methods
    }
    assert found >= POSTED
    return sorted(found - {*WITHOUT_TOKEN})


@pytest.mark.parametrize("token", ["", "x", "of another"])
def test_no_form_is_taken_without_the_token_of_its_own_session(night: Night, token: str) -> None:
    app = night.pages()
    browser, other = Browser(app).sign_in("root"), Browser(app).sign_in("root")
    foreign = field_of(other.get("/account").text, "form_token") if token == "of another" else token
    before = [night.case(number) for number in range(len(night.cases))]
    told = {"action": "note", "text": "x", "old": PASSWORD, "new": NEW, "again": NEW, "token": "1", "session": ""}
    told |= {
        "name": "root",
        "password": PASSWORD,
        "category": "disk.reported",
        "decision": "accept",
        "reason": "x",
        "description": "x",
        "form_token": foreign,
    }
    for path in posts(night):
        number = str(night.assets[0]) if path.startswith("/assets/") else night.cases[0].number
        there = re.sub(r"{\w+}", number, path)
        files = {"file": ("a.txt", b"text", "text/plain")} if path.startswith("/attach/") else None
        answer = browser.post(there, data={"form_token": foreign} if files else told, files=files)
        assert answer.status_code == (303 if path == "/logout" else 403), (path, answer.status_code)
    assert [night.case(number) for number in range(len(night.cases))] == before
    assert Browser(app).sign_in("root").get("/cases").status_code == 200
    assert other.get("/cases").status_code == 200


def test_no_form_of_another_site_is_taken_whatever_it_holds(night: Night) -> None:
    browser = Browser(night.pages()).sign_in("root")
    token = field_of(browser.get("/account").text, "form_token")
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303)):
        browser._headers = {"Sec-Fetch-Site": site}
        answer = browser.post("/account/sessions", data={"form_token": token, "session": ""})
        assert answer.status_code == status, site
