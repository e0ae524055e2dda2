"""Tokens of the API on the control socket: made, listed, revoked. What they open is `web/api/`."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.people import (
    API_TOKEN_DAYS,
    LEAST_SCOPES,
    LONGEST_API_TOKEN_DAYS,
    RANDOM_BYTES,
    ApiScope,
    ApiToken,
    api_token,
    networks_of,
    scopes_of,
)
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, scope_of

DAY_MS = 86_400_000
MOST_TOKENS = 50
"""In force, of one user or automation: more are a leak, not a need."""


class TokenBody(BaseModel):
    """`user` or `automation`, one of them."""

    user: str = Field(default="", max_length=64)
    automation: str = Field(default="", pattern=r"^([A-Za-z0-9._@-]{1,64})?$")
    customer: str | None = Field(default=None, max_length=64)
    scopes: Annotated[list[ApiScope], Field(max_length=len(ApiScope))] = list(LEAST_SCOPES)
    days: int = Field(default=API_TOKEN_DAYS, ge=1, le=LONGEST_API_TOKEN_DAYS)
    networks: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=20)] = []


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _make(made, control)
    _list(made, control)
    return made


def _make(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/api-tokens", response_model=None)
    def make(request: Request, body: TokenBody) -> Json:
        secret = api_token(secrets.token_bytes(RANDOM_BYTES))
        now_ms, actor = shop.clock_ms(), asker(request)
        with shop.store.write() as tx:
            token = tx.access.add_api_token(_token(tx, body, secret_hash(secret), actor, now_ms))
            tx.access.audit(
                at_ms=now_ms,
                actor=actor,
                action="api_token.made",
                subject=token.name,
                facts={
                    "token": token.id,
                    "scopes": " ".join(token.scopes),
                    "customer": token.customer or "",
                    "expires_ms": token.expires_ms,
                },
            )
        return {**_line(token), "token": secret}


def _token(tx: Transaction, body: TokenBody, hash: str, actor: str, now_ms: int) -> ApiToken:
    """Raises NotAllowed, NotFound."""
    customer = body.customer or None
    if bool(body.user) == bool(body.automation):
        raise NotAllowed("a token belongs to a user or to an automation: name one of them")
    if not body.scopes:
        raise NotAllowed("a token without a scope opens nothing")
    if body.user:
        user = tx.access.user(body.user)
        if user is None:
            raise NotFound("no user {user}; see hardcase-collector users list", user=body.user)
        customer = customer or user.customer
        if user.customer is not None and customer != user.customer:
            raise NotAllowed("{user} sees customer {customer} alone", user=user.name, customer=user.customer)
    try:
        networks = networks_of(body.networks)
    except ValueError as error:
        raise NotAllowed("this is no network: {error}", error=error) from None
    token = ApiToken(
        hash=hash,
        user=body.user or None,
        automation=body.automation,
        customer=customer,
        scopes=scopes_of(body.scopes),
        networks=networks,
        made_by=actor,
        made_ms=now_ms,
        expires_ms=now_ms + body.days * DAY_MS,
    )
    in_force = [
        one
        for one in tx.access.api_tokens(customer=None)
        if one.name == token.name and not one.revoked_ms and one.expires_ms > now_ms
    ]
    if len(in_force) >= MOST_TOKENS:
        raise NotAllowed(
            "{token} has {in_force} tokens in force: revoke those that nobody needs",
            token=token.name,
            in_force=len(in_force),
        )
    return token


def _list(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/api-tokens", response_model=None)
    def tokens(customer: str | None = None, all: bool = False) -> Json:
        """With `all` also those that are revoked or expired."""
        now_ms = shop.clock_ms()
        with shop.store.read() as tx:
            found = tx.access.api_tokens(customer=customer)
        kept = [one for one in found if all or (not one.revoked_ms and one.expires_ms > now_ms)]
        return {"api_tokens": [_line(one) for one in kept]}

    @made.post("/api-tokens/{id}/revoke", response_model=None)
    def revoke(request: Request, id: int) -> Json:
        """It is refused from now on."""
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            return {"revoked": revoke_token(tx, id, customer=scope_of(request), by=asker(request), now_ms=now_ms)}


def revoke_token(
    tx: Transaction, id: int, *, customer: str | None, user: str | None = None, by: str, now_ms: int
) -> int:
    """Within the scope, and of this user where one is named. Raises NotFound."""
    token = next((one for one in tx.access.api_tokens(customer=customer, user=user) if one.id == id), None)
    if token is None:
        raise NotFound("there is no API token {id}", id=id)
    tx.access.revoke_api_token(id, now_ms=now_ms)
    tx.access.audit(at_ms=now_ms, actor=by, action="api_token.revoked", subject=token.name, facts={"token": id})
    return id


def _line(token: ApiToken) -> dict[str, Json]:
    line = plain(token)
    assert isinstance(line, dict)
    return line
