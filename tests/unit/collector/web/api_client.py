"""The API in this process, mounted as the collector mounts it, for tests of who may ask for what."""

from __future__ import annotations

import asyncio
import functools
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from hardcase_collector.domain.people import RANDOM_BYTES, ApiScope, ApiToken, api_token
from hardcase_collector.domain.ports import User
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.web.access import Sessions
from hardcase_collector.web.addresses import Addresses
from hardcase_collector.web.api import make_api
from hardcase_collector.web.pages import make_pages

from tests.unit.collector.web.control_client import NOW, Socket

EVERY = tuple(ApiScope)
DAY_MS = 86_400_000


@dataclass
class Api:
    """Asks with a token; `answer.json()["name"]` of a refusal is its name."""

    socket: Socket
    per_minute: int = 10_000
    proxies: tuple[str, ...] = ()
    token: str = ""
    address: str = "10.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)

    @functools.cached_property
    def app(self) -> FastAPI:
        control, addresses = self.socket.control(), Addresses(self.proxies)
        return make_pages(
            control.shop,
            Sessions(self.socket.store, hours=1),
            control.health,
            language="en",
            addresses=addresses,
            api=make_api(control, addresses=addresses, per_minute=self.per_minute),
        )

    def user(self, name: str, role: str, customer: str | None = None, *, locked: bool = False) -> str:
        with self.socket.store.write() as tx:
            tx.access.add_user(User(name=name, role=role, customer=customer, password_hash="x", locked=locked))
        return name

    def make(
        self,
        *scopes: ApiScope,
        user: str | None = None,
        customer: str | None = None,
        days: int = 90,
        networks: tuple[str, ...] = (),
        automation: str = "bridge",
    ) -> str:
        """A token, in use from now on; of every scope where none is named."""
        secret = api_token(secrets.token_bytes(RANDOM_BYTES))
        with self.socket.store.write() as tx:
            tx.access.add_api_token(
                ApiToken(
                    hash=secret_hash(secret),
                    user=user,
                    automation="" if user else automation,
                    customer=customer,
                    scopes=scopes or EVERY,
                    networks=networks,
                    made_by="root",
                    made_ms=NOW,
                    expires_ms=NOW + days * DAY_MS,
                )
            )
        self.token = secret
        return secret

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.ask("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, *, key: str = "", **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.ask("POST", path, json=body, headers=headers)

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
        return asyncio.run(self.ask_now(method, path, headers=headers, **how))

    async def ask_now(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **how: Any
    ) -> httpx.Response:
        sent = {**self.headers, **(headers or {})}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        transport = httpx.ASGITransport(self.app, client=(self.address, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="https://collector", trust_env=False) as client:
            return await client.request(method, f"/api/v1{path}", headers=sent, **how)

    def audits(self, action: str) -> list[Any]:
        with self.socket.store.read() as tx:
            return [one for one in tx.access.audits(customer=None, limit=1000) if one.action == action]
