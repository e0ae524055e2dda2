"""Somebody who asks an application of pages in this process; keeps cookies, follows nothing. Used by the tests here."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any

import httpx
from fastapi import FastAPI

PASSWORD = "correct horse staple"


class Browser:
    def __init__(self, app: FastAPI, *, language: str = "") -> None:
        self._app = app
        self._cookies = httpx.Cookies()
        self._headers = {"Accept-Language": language} if language else {}

    def get(self, path: str, **how: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, **how))

    def post(self, path: str, **how: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, **how))

    def text(self, path: str) -> str:
        """Of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return html.unescape(answer.text)

    def sign_in(self, name: str) -> Browser:
        form = {"name": name, "password": PASSWORD, "form_token": field_of(self.get("/login").text, "form_token")}
        assert self.post("/login", data=form).status_code == 303
        return self

    def step(self, number: str, action: str, **fields: str) -> httpx.Response:
        """Sends the form of a step of this case."""
        path = f"/cases/{number}"
        token = field_of(self.get(path).text, "form_token")
        return self.post(path, data={"action": action, "form_token": token, **fields})

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=("10.0.0.1", 50000))
        async with httpx.AsyncClient(
            transport=transport, base_url="https://collector", cookies=self._cookies, trust_env=False
        ) as client:
            answer = await client.request(method, path, headers=self._headers, **how)
            self._cookies = client.cookies
            return answer


def field_of(page: str, name: str) -> str:
    """Of the last form that has it: the language's comes first on every page."""
    found = re.findall(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return str(found[-1])


def offered(page: str) -> set[str]:
    """Names of the steps that a case's page offers."""
    return set(re.findall(r'name="action" value="([a-z_]+)"', page))
