"""Enrolment tokens, hosts that wait for approval, and the collector's CAs, on the control socket."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body, Request

from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.joining import WaitingHost, read_networks, read_serials
from hardcase_collector.domain.ports import EnrolmentToken, Transaction
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import CaKeeper, Control, asker, held_to, scope_of

HOUR_MS = 3_600_000
LONGEST_LIST = 10_000


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _make(made, control)
    _tokens(made, control)
    _waiting(made, control)
    _ca(made, control)
    return made


def find_token(tx: Transaction, id: str, *, customer: str | None) -> EnrolmentToken:
    """By the start of its hash, at least eight digits. Raises NotFound."""
    found = [one for one in tx.access.tokens(customer=customer) if len(id) >= 8 and one.hash.startswith(id)]
    if len(found) != 1:
        raise NotFound("{found} tokens are called {id}; see hardcase-collector token list", found=len(found), id=id)
    return found[0]


def find_waiting(tx: Transaction, name: str, *, customer: str | None) -> WaitingHost:
    """By id, by the key's whole fingerprint, or by host name where only one has it. Raises NotFound."""
    name = name.removeprefix("sha256:")
    hosts = tx.access.waiting(customer=customer)
    found = [one for one in hosts if name in (one.id, one.key)] or [one for one in hosts if one.hostname == name]
    if len(found) != 1:
        raise NotFound(
            "{found} hosts that wait are called {name}; see hardcase-collector token waiting",
            found=len(found),
            name=name,
        )
    return found[0]


def _facts_of(token: EnrolmentToken) -> dict[str, Fact]:
    """What the audit log says of a new token: never its secret, and of what was not asked for nothing."""
    return {
        "uses": token.uses_left,
        "expires_ms": token.expires_ms,
        "replace": token.replace,
        "token": token.id,
        **({"site": token.site} if token.site else {}),
        **({"networks": " ".join(token.networks)} if token.networks else {}),
        **({"serials": len(token.serials)} if token.serials else {}),
        **({"approve": True} if token.approve else {}),
    }


def _make(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/tokens", response_model=None)
    def token(
        request: Request,
        uses: Annotated[int, Body(embed=True, ge=1, le=10_000)] = 1,
        hours: Annotated[float, Body(embed=True, gt=0, le=8760)] = 24.0,
        replace: Annotated[bool, Body(embed=True)] = False,
        customer: Annotated[str, Body(embed=True, max_length=64)] = "",
        site: Annotated[str, Body(embed=True, max_length=64)] = "",
        networks: Annotated[list[str], Body(embed=True, max_length=100)] = [],  # noqa: B006  # read, never changed
        serials: Annotated[list[str], Body(embed=True, max_length=LONGEST_LIST)] = [],  # noqa: B006  # as above
        approve: Annotated[bool, Body(embed=True)] = False,
    ) -> Json:
        secret = f"hct_{secrets.token_urlsafe(24)}"
        now_ms, actor = shop.clock_ms(), asker(request)
        made_token = EnrolmentToken(
            hash=secret_hash(secret),
            customer=held_to(request, customer) or control.default_customer,
            uses_left=uses,
            expires_ms=now_ms + int(hours * HOUR_MS),
            replace=replace,
            made_by=actor,
            made_ms=now_ms,
            site=site,
            networks=read_networks(networks),
            serials=read_serials(serials),
            approve=approve,
            root="" if control.rollover is None else control.rollover.fingerprint,
        )
        with shop.store.write() as tx:
            if site and tx.registry.site(customer=made_token.customer, name=site) is None:
                raise NotFound(
                    "customer {customer} has no site {site}; see hardcase-collector sites list",
                    customer=made_token.customer,
                    site=site,
                )
            tx.access.add_token(made_token)
            facts = _facts_of(made_token)
            tx.access.audit(at_ms=now_ms, actor=actor, action="token.made", subject=made_token.customer, facts=facts)
        return {**_token(made_token), "token": secret, **_about(control)}


def _tokens(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/tokens", response_model=None)
    def tokens(customer: str | None = None) -> Json:
        with shop.store.read() as tx:
            return {"tokens": [_token(one) for one in tx.access.tokens(customer=customer)]}

    @made.post("/tokens/{token}/revoke", response_model=None)
    def revoke(request: Request, token: str) -> Json:
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            revoked = tx.access.revoke_token(find_token(tx, token, customer=scope_of(request)).hash, now_ms=now_ms)
            tx.access.audit(
                at_ms=now_ms,
                actor=asker(request),
                action="token.revoked",
                subject=revoked.customer,
                facts={"token": revoked.id},
            )
        return _token(revoked)


def _waiting(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/waiting", response_model=None)
    def waiting(customer: str | None = None) -> Json:
        now_ms = shop.clock_ms()
        with shop.store.read() as tx:
            hosts = [one for one in tx.access.waiting(customer=customer) if one.expires_ms > now_ms]
        return {"waiting": [_host(one) for one in hosts]}

    @made.post("/waiting/{host}/approve", response_model=None)
    def approve(request: Request, host: str) -> Json:
        return _decide(request, host, "approved", "")

    @made.post("/waiting/{host}/refuse", response_model=None)
    def refuse(request: Request, host: str, reason: Annotated[str, Body(embed=True, max_length=500)] = "") -> Json:
        return _decide(request, host, "refused", reason)

    def _decide(request: Request, host: str, decision: str, reason: str) -> Json:
        now_ms, actor = shop.clock_ms(), asker(request)
        with shop.store.write() as tx:
            found = find_waiting(tx, host, customer=scope_of(request))
            if found.expires_ms <= now_ms:
                raise NotFound("{hostname} waits no longer; it asks again when its agent runs", hostname=found.hostname)
            decided = replace(found, decision=decision, decided_by=actor, decided_ms=now_ms, reason=reason)
            tx.access.save_waiting(decided)
            facts: dict[str, Fact] = {"hostname": found.hostname, "customer": found.customer, "key": found.key}
            tx.access.audit(
                at_ms=now_ms, actor=actor, action=f"agent.{decision}", subject=found.id, facts={**facts, "why": reason}
            )
        return _host(decided)


def _ca(made: APIRouter, control: Control) -> None:
    def keeper() -> CaKeeper:
        if control.rollover is None:
            raise NotAllowed("this collector has no CA of its own")
        return control.rollover

    @made.get("/ca", response_model=None)
    def status(customer: str | None = None) -> Json:
        if control.rollover is None:
            return {}
        return plain(control.rollover.status(customer=customer, now_ms=control.shop.clock_ms()))

    @made.post("/ca/rotate", response_model=None)
    def rotate(request: Request) -> Json:
        now_ms = control.shop.clock_ms()
        _check_whole(request)
        keeper().rotate(by=asker(request), now_ms=now_ms)
        return plain(keeper().status(customer=None, now_ms=now_ms))

    @made.post("/ca/retire", response_model=None)
    def retire(request: Request, force: Annotated[bool, Body(embed=True)] = False) -> Json:
        now_ms = control.shop.clock_ms()
        _check_whole(request)
        gone = keeper().retire(by=asker(request), force=force, now_ms=now_ms)
        return {"retired": f"sha256:{gone}", "enrolment_fingerprint": f"sha256:{keeper().fingerprint}"}


def _check_whole(request: Request) -> None:
    """Raises NotAllowed for who is held to one customer: the CA is everybody's."""
    if scope_of(request) is not None:
        raise NotAllowed("the CA is every customer's: ask without --customer")


def _about(control: Control) -> dict[str, Json]:
    about: dict[str, Json] = dict(control.about)
    if control.rollover is not None:
        about["ca_fingerprint"] = f"sha256:{control.rollover.fingerprint}"
    return about


def _token(token: EnrolmentToken) -> dict[str, Json]:
    told = plain(token)
    assert isinstance(told, dict)
    return {"id": token.id, **told}


def _host(host: WaitingHost) -> dict[str, Json]:
    told = plain(host)
    assert isinstance(told, dict)
    return {"id": host.id, "expires_ms": host.expires_ms, **told}
