"""A number that no store holds is a mistake of whoever asks (400, or 404 for a page), not a fault of the store."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from tests.unit.collector.web.browsing import Browser, field_of
from tests.unit.collector.web.control_client import Socket
from tests.unit.collector.web.night import Night

TOO_LARGE = str(1 << 63)


def numbered(routes: list[BaseRoute]) -> Iterator[APIRoute]:
    """Routes with a number in their address."""
    for route in routes:
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from numbered(router.routes)
        elif isinstance(route, APIRoute):
            whole = inspect.signature(route.endpoint).parameters
            if any(str(whole[name].annotation) == "int" for name in re.findall(r"{(\w+)}", route.path)):
                yield route


def addresses(app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method, re.sub(r"{\w+}", TOO_LARGE, route.path))
        for route in numbered(app.routes)
        for method in sorted(route.methods or ())
    ]


def test_in_an_address_of_the_control_socket(night: Night) -> None:
    socket = Socket(night.store)
    reads = [path.removeprefix("/v1") for method, path in addresses(socket.application()) if method == "GET"]

    assert reads
    assert {path: socket.get(path).status_code for path in reads} == dict.fromkeys(reads, 400)
    assert socket.get(f"/assets/{TOO_LARGE}").status_code == 404


def test_in_an_address_of_the_control_socket_that_is_held_to_one_customer(night: Night) -> None:
    socket = Socket(night.store)

    assert socket.get(f"/attachments/{TOO_LARGE}", customer="north").status_code in (400, 404)


def test_in_a_body_of_the_control_socket(night: Night) -> None:
    socket = Socket(night.store)

    assert socket.post("/dead-letters/resend", ids=[1 << 63]).status_code == 400
    assert socket.get("/rota", at_ms=1 << 70).status_code == 400


@pytest.mark.parametrize("number", [TOO_LARGE, f"-{TOO_LARGE}0", "9" * 40])
def test_in_an_address_of_a_page(night: Night, number: str) -> None:
    browser = Browser(night.pages()).sign_in("li")

    assert browser.get(f"/assets/{number}").status_code == 404
    assert browser.get(f"/cases?after=1.{number}.1").status_code == 200
    token = field_of(browser.get("/cases").text, "form_token")
    settled = {"form_token": token, "decision": "open", "reason": "because", "finding": number}
    assert browser.post(f"/assets/{night.assets[0]}/joining", data=settled).status_code in (400, 404)
