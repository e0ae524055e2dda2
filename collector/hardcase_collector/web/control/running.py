"""Tokens, users, agents, rules and the collector's own state, on the control socket."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request

from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import EnrolmentToken, Transaction, User
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.web.access import hash_password
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker

HOUR_MS = 3_600_000


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _status(made, control)
    _tokens(made, control)
    _users(made, control)
    _agents(made, control)
    return made


def _status(made: APIRouter, control: Control) -> None:
    @made.get("/status", response_model=None)
    def status() -> Json:
        reasons: list[Json] = list(control.health.reasons())
        return {
            **control.about,
            "ready": not reasons,
            "reasons": reasons,
            "last_reload": plain(control.last_reload()),
            "numbers": plain(dict(control.health.gauges())),
        }

    @made.get("/rules", response_model=None)
    def rules() -> Json:
        return {"rules": plain(tuple(control.rules()))}


def _tokens(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/tokens", response_model=None)
    def token(
        request: Request,
        uses: Annotated[int, Body(embed=True, ge=1, le=10_000)] = 1,
        hours: Annotated[float, Body(embed=True, gt=0, le=8760)] = 24.0,
        replace: Annotated[bool, Body(embed=True)] = False,
        customer: Annotated[str, Body(embed=True, max_length=64)] = "",
    ) -> Json:
        secret = f"hct_{secrets.token_urlsafe(24)}"
        now_ms, actor = shop.clock_ms(), asker(request)
        made_token = EnrolmentToken(
            hash=secret_hash(secret),
            customer=customer or control.default_customer,
            uses_left=uses,
            expires_ms=now_ms + int(hours * HOUR_MS),
            replace=replace,
            made_by=actor,
            made_ms=now_ms,
        )
        with shop.store.write() as tx:
            tx.access.add_token(made_token)
            tx.access.audit(
                at_ms=now_ms,
                actor=actor,
                action="token.made",
                subject=made_token.customer,
                facts={"uses": uses, "expires_ms": made_token.expires_ms, "replace": replace},
            )
        answer = plain(made_token)
        assert isinstance(answer, dict)
        return {**answer, "token": secret, **control.about}

    @made.get("/tokens", response_model=None)
    def tokens(customer: str | None = None) -> Json:
        with shop.store.read() as tx:
            return {"tokens": plain(tuple(tx.access.tokens(customer=customer)))}


def _users(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/users", response_model=None)
    def users(customer: str | None = None) -> Json:
        with shop.store.read() as tx:
            return {"users": plain(tuple(tx.access.users(customer=customer)))}

    @made.post("/users", response_model=None)
    def add(
        request: Request,
        name: Annotated[str, Body(embed=True, pattern=r"^[A-Za-z0-9._@-]{1,64}$")],
        role: Annotated[Role, Body(embed=True)],
        password: Annotated[str, Body(embed=True, max_length=1024)],
        customer: Annotated[str | None, Body(embed=True, max_length=64)] = None,
        language: Annotated[str, Body(embed=True, pattern="^(en|zh|)$")] = "",
        time_zone: Annotated[str, Body(embed=True, max_length=64)] = "UTC",
    ) -> Json:
        _whose(role, customer)
        user = User(
            name=name,
            role=str(role),
            customer=customer,
            password_hash=hash_password(password),
            language=language,
            time_zone=time_zone,
        )
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            tx.access.add_user(user)
            tx.access.audit(
                at_ms=now_ms, actor=asker(request), action="user.added", subject=name, facts={"role": str(role)}
            )
        return plain(user)

    _change_users(made, control)


def _change_users(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/users/{name}", response_model=None)
    def change(
        request: Request,
        name: str,
        role: Annotated[Role | None, Body(embed=True)] = None,
        password: Annotated[str | None, Body(embed=True, max_length=1024)] = None,
    ) -> Json:
        """His sessions end: whoever knew the old password or role is out."""
        hashed = hash_password(password) if password is not None else None
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            user = _user(tx, name)
            changed = replace(user, role=str(role or user.role), password_hash=hashed or user.password_hash)
            _whose(Role(changed.role), changed.customer)
            if changed.role != Role.ADMINISTRATOR:
                _keep_an_administrator(tx, but=name)
            tx.access.change_user(changed)
            facts: dict[str, Fact] = {"role": changed.role, "password": hashed is not None}
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="user.changed", subject=name, facts=facts)
        return plain(changed)

    @made.post("/users/{name}/remove", response_model=None)
    def remove(request: Request, name: str) -> Json:
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            user = _user(tx, name)
            _keep_an_administrator(tx, but=name)
            tx.access.remove_user(name)
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="user.removed", subject=name, facts={})
        return plain(user)

    @made.get("/audit", response_model=None)
    def audit(customer: str | None = None, limit: Annotated[int, Query(ge=1, le=5000)] = 100) -> Json:
        with shop.store.read() as tx:
            return {"audit": plain(tuple(tx.access.audits(customer=customer, limit=limit)))}


def _whose(role: Role, customer: str | None) -> None:
    """Raises NotAllowed: a customer's contact who belongs to no customer would see all of them."""
    if role is Role.CUSTOMER_CONTACT and not customer:
        raise NotAllowed("a customer contact belongs to a customer: name it with --customer")


def _user(tx: Transaction, name: str) -> User:
    user = tx.access.user(name)
    if user is None:
        raise NotFound(f"no user {name}; see hardcase-collector users list")
    return user


def _keep_an_administrator(tx: Transaction, *, but: str) -> None:
    if not any(user.role == Role.ADMINISTRATOR for user in tx.access.users(customer=None) if user.name != but):
        raise NotAllowed(f"{but} is the last administrator; make another one first")


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
            found = [agent for agent in tx.agents.all(customer=None) if name in (agent.id, agent.hostname)]
            if len(found) != 1:
                raise NotFound(f"{len(found)} agents are called {name}; use the id from hardcase-collector agents list")
            revoked = replace(found[0], revoked=True)
            tx.agents.replace(revoked)
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="agent.revoked", subject=revoked.id, facts={})
        control.revoked(revoked.number)
        return plain(revoked)
