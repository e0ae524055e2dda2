"""Odd requests at the pages: every route with odd paths, queries, cookies and form fields, by signed-in people and by
nobody. No answer is a server error, and none shows a traceback. Run by `__main__.py`.

The pages' application is asked in this process, over a real store with a night's cases in it.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hardcase_collector.storage.state import SqlStateStore
from hardcase_collector.web.passwords import hash_password

from tests.fakes.empty_store import empty_store
from tests.fuzz.mutation import mutate
from tests.fuzz.running import Failure
from tests.unit.collector.web.browsing import PASSWORD, Browser, field_of
from tests.unit.collector.web.night import Night

PEOPLE = ("mei", "li")
ODD = (
    "", " ", "0", "-1", "1e99", "99999999999999999999999999", "null", "\x00", "\ud7ff", "‮", "'\"><script>", "%00",
    "../../etc/passwd", "HC-20261123-0001", "HC-99999999-9999", "2026-02-30", "2026-11-23T25:61", "A" * 5000, "電源",
    "on", "[]", "{}", "NaN", "-0", "1.2.3", "gold-7x24x4", "P1", "north", "south",
)  # fmt: skip
FIELD = re.compile(r'name="([a-zA-Z_]+)"')
SERVER_ERRORS = range(500, 600)
NAMED_TROUBLE = 503
"""A temporary error, told as one."""


@dataclass
class Site:
    app: FastAPI
    browsers: list[tuple[Browser, str]]
    """With the form token each has to send."""
    routes: list[APIRoute]
    fields: list[str]

    async def ask(self, chance: random.Random) -> str:
        """ "" or what is wrong."""
        route = chance.choice(self.routes)
        method = chance.choice(sorted(route.methods or {"GET"}))
        path = re.sub(r"\{[^}]+\}", lambda _: quote(_odd(chance), safe=""), route.path)
        browser, token = chance.choice(self.browsers)
        how = {} if method == "GET" else _body(chance, self.fields, token)
        if chance.random() < 0.3:
            how["params"] = {chance.choice(self.fields): _odd(chance) for _ in range(chance.randint(1, 4))}
        answer = await browser._ask(method, path, **how)
        if answer.status_code in SERVER_ERRORS and answer.status_code != NAMED_TROUBLE:
            return f"{method} {path[:120]} {str(how)[:300]}: {answer.status_code}"
        if "Traceback (most recent call last)" in answer.text:
            return f"{method} {path[:120]}: a traceback in the answer"
        return ""


def _odd(chance: random.Random) -> str:
    if chance.random() < 0.7:
        return chance.choice(ODD)
    return mutate(chance.choice(ODD).encode(), chance).decode(errors="replace")[:3000]


def _body(chance: random.Random, fields: list[str], token: str) -> dict[str, object]:
    form = {name: _odd(chance) for name in chance.sample(fields, min(len(fields), chance.randint(0, 8)))}
    if chance.random() < 0.9:
        form["form_token"] = token
    match chance.randrange(10):
        case 0:
            return {"content": mutate(json.dumps(form).encode(), chance)}
        case 1:
            return {"data": form, "files": {chance.choice(fields): (_odd(chance)[:50] or "f", b"content")}}
        case _:
            return {"data": form}


def make(folder: Path) -> tuple[Site, SqlStateStore]:
    store = empty_store(folder / "state.db")
    night = Night(store, hash_password(PASSWORD))
    app = night.pages()
    browsers = [(Browser(app), "")]
    fields = {"action"}
    for name in PEOPLE:
        browser = Browser(app).sign_in(name)
        page = browser.get(f"/cases/{night.cases[0].number}").text
        fields |= set(FIELD.findall(page))
        browsers.append((browser, field_of(page, "form_token")))
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.path != "/logout"]
    assert any("POST" in (route.methods or ()) for route in routes), "no form is among the routes"
    return Site(app, browsers, routes, sorted(fields)), store


def run(mutants: range, *, seed: int) -> list[Failure]:
    failures = []
    with tempfile.TemporaryDirectory() as name:
        site, store = make(Path(name))
        for number in mutants:
            try:
                wrong = asyncio.run(site.ask(random.Random(f"{seed}:{number}")))
            except (httpx.InvalidURL, UnicodeEncodeError, ValueError):
                # Not a request that a browser could send.
                wrong = ""
            except Exception:
                wrong = traceback.format_exc(limit=-6)
            if wrong:
                failures.append(Failure("web", "request", number, wrong))
        store.close()
    return failures
