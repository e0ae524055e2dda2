"""The control socket's application in this process, on a real store, for tests of its routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.placing import Placing
from hardcase_collector.domain.ports import CaseNews, Transaction
from hardcase_collector.registry.written import World
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web.control.application import make_control
from hardcase_collector.web.control.ports import Control
from hardcase_collector.web.ports import Health, Shop

NOW = 1_800_000_000_000
"""2027-01-15 08:00 UTC."""
WORLD = World(plans=("gold-7x24x4", "bronze"), calendars=("works",))


class Nobody:
    def announce(self, tx: Transaction, news: CaseNews) -> None:
        return None


@dataclass
class Socket:
    """Asks as `root` would."""

    store: SqlStateStore
    now_ms: int = NOW
    greeted_again: list[int] = field(default_factory=list)
    revoked: list[int] = field(default_factory=list)
    services: dict[str, Any] = field(default_factory=dict)
    """Further fields of the shop, by name."""

    language: str = "en"

    _made: FastAPI | None = None

    def application(self) -> FastAPI:
        """Made once: putting it together costs more than most requests."""
        if self._made is None:
            self._made = make_control(self.control())
        return self._made

    def control(self) -> Control:
        announcer = Nobody()
        shop = Shop(
            store=self.store,
            actions=CaseActions(announcer, Placing(announcer, reopen_ms=0, flap_raises=3)),
            readings=lambda tx, asset: (),
            title=lambda fault_class, language: f"{fault_class} {language}",
            books_world=lambda: WORLD,
            clock_ms=lambda: self.now_ms,
            **self.services,
        )
        return Control(
            shop=shop,
            health=Health(reasons=lambda: (), alive=lambda: True, gauges=dict),
            rules=_no_rules,
            about={},
            last_reload=lambda: None,
            revoked=self.revoked.append,
            greet_again=self.greeted_again.append,
            baselines_changed=lambda feed: None,
            default_customer="default",
        )

    def get(self, path: str, **query: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, params={k: v for k, v in query.items() if v is not None}))

    def post(self, path: str, **body: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, json=body))

    def send(self, path: str, body: bytes, **query: Any) -> httpx.Response:
        """`body` as it is, in pieces."""

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 1000):
                yield body[start : start + 1000]

        return asyncio.run(self._ask("POST", path, content=pieces(), params=query))

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.application(), client=("root", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://collector", trust_env=False) as client:
            return await client.request(method, f"/v1{path}", headers={"Accept-Language": self.language}, **how)


def _no_rules() -> Sequence[dict[str, str]]:
    return ()
