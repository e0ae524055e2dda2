"""Tokens, agents, rules and the collector's own state, on the control socket. People are `people.py`."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request

from hardcase_collector.domain.errors import NotFound
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, scope_of

HOUR_MS = 3_600_000


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _status(made, control)
    _agents(made, control)
    return made


def _status(made: APIRouter, control: Control) -> None:
    @made.get("/status", response_model=None)
    def status() -> Json:
        reasons: list[Json] = list(control.health.reasons())
        return {
            **control.about,
            **_fingerprint(control),
            "ready": not reasons,
            "reasons": reasons,
            "last_reload": plain(control.last_reload()),
            "numbers": plain(dict(control.health.gauges())),
        }

    @made.get("/rules", response_model=None)
    def rules() -> Json:
        return {"rules": plain(tuple(control.rules()))}


def _agents(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/agents", response_model=None)
    def agents(customer: str | None = None) -> Json:
        with shop.store.read() as tx:
            return {"agents": plain(tuple(tx.agents.all(customer=customer)))}

    @made.post("/agents/{name}/revoke", response_model=None)
    def revoke(request: Request, name: str) -> Json:
        """By id or host name. Its stream ends now and its certificate is refused from now on."""
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            found = [agent for agent in tx.agents.all(customer=scope_of(request)) if name in (agent.id, agent.hostname)]
            if len(found) != 1:
                raise NotFound(
                    "{found} agents are called {name}; use the id from hardcase-collector agents list",
                    found=len(found),
                    name=name,
                )
            revoked = replace(found[0], revoked=True)
            tx.agents.replace(revoked)
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="agent.revoked", subject=revoked.id, facts={})
        control.revoked(revoked.number)
        return plain(revoked)


def _fingerprint(control: Control) -> dict[str, Json]:
    """It is another one after a CA has retired."""
    return {} if control.rollover is None else {"ca_fingerprint": f"sha256:{control.rollover.fingerprint}"}
