"""Who stands at the API's door: a good token in the Authorization header, and nothing else, lets a request in.

Told before any of its body is read: whose it is, whether his role may do that, whether the token is for it, and how
fast it asks. What goes on from here carries its actor, and the one customer it is held to as `?customer=`, by which the
control socket's own check (`control/scope.py`) goes. Cookies are not looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hardcase_collector.cases.workflow import require
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.errors import NotAllowed, StoreFailed, TemporaryError
from hardcase_collector.domain.pace import Pace
from hardcase_collector.domain.people import ApiToken, day_of, is_api_token
from hardcase_collector.domain.ports import StateStore, User
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.web.addresses import Addresses
from hardcase_collector.web.api.pace import Guesses
from hardcase_collector.web.api.permits import DOCUMENT, PERMITS, Permit
from hardcase_collector.web.api.problems import Problem, problem_of
from hardcase_collector.web.control.ports import ACTOR

ADMITTED = "hardcase.admitted"
"""Of a request's scope: what was looked at; a route asks for it."""
_CHALLENGE = 'Bearer realm="hardcase"'
_TOLD_AGAIN_MS = 3_600_000
"""A refused token is in the audit log once an hour, not at each of its tries."""
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    token: ApiToken
    actor: Actor
    permit: Permit | None
    """None: the document, which every token may read."""
    path: str
    """Of the route, with the names of its parts."""
    address: str


class Door:
    """Blocking: called on threads."""

    def __init__(
        self,
        store: StateStore,
        routes: Sequence[APIRoute],
        *,
        clock_ms: Callable[[], int],
        addresses: Addresses,
        per_minute: int,
    ) -> None:
        self._store = store
        self._routes = routes
        self._clock_ms = clock_ms
        self._addresses = addresses
        self._pace = Pace(per_minute)
        self._guesses = Guesses()
        self._told: dict[str, int] = {}

    def admit(self, request: Request) -> Admitted:
        """Raises Problem, TemporaryError."""
        now_ms, address = self._clock_ms(), self._addresses.of(request)
        token, user = self._known(request.headers.getlist("authorization"), address, now_ms)
        wait_s = self._pace.wait_s(str(token.id), now_ms=now_ms)
        if wait_s:
            raise Problem("too-many-requests", f"ask again in {wait_s} s", Retry_After=str(wait_s))
        customer = token.customer or (user.customer if user else None)
        if user is not None and user.customer not in (None, customer):
            self._refuse(token, "its user is held to another customer", address, now_ms)
        role = Role(user.role) if user else Role.AUTOMATION
        actor = Actor(name=token.name, role=role, customer=customer)
        permit, path = self._permit(request)
        if permit is not None:
            _check(permit, token, actor)
        if token.used_ms != day_of(now_ms):
            # What is read can be read also while nothing can be written.
            with suppress(StoreFailed), self._store.write() as tx:
                tx.access.api_token_used(token.id, day_ms=day_of(now_ms))
        return Admitted(token=token, actor=actor, permit=permit, path=path, address=address)

    def _known(self, told: Sequence[str], address: str, now_ms: int) -> tuple[ApiToken, User | None]:
        """Of a token that may be used now, from there."""
        if self._guesses.too_many(address, now_ms=now_ms):
            raise Problem("too-many-requests", "too many wrong tokens from this address", Retry_After="60")
        kind, _, secret = told[0].partition(" ") if len(told) == 1 else ("", "", "")
        if kind.lower() != "bearer" or not secret.strip():
            raise Problem("token-missing", "send Authorization: Bearer TOKEN", WWW_Authenticate=_CHALLENGE)
        token = user = None
        if is_api_token(secret.strip()):
            with self._store.read() as tx:
                token = tx.access.api_token(secret_hash(secret.strip()))
                user = tx.access.user(token.user) if token and token.user else None
        if token is None:
            self._guesses.wrong(address, now_ms=now_ms)
            self._tell(address, "unknown", "", {"address": address}, now_ms)
            raise _refused("this is no token of this collector")
        why = _trouble(token, user, address, now_ms)
        if why:
            self._refuse(token, why, address, now_ms)
        return token, user

    def _refuse(self, token: ApiToken, why: str, address: str, now_ms: int) -> None:
        facts: dict[str, str | int] = {"address": address, "reason": why, "token": token.id}
        self._tell(f"{token.id} {why}", token.name, token.name, facts, now_ms)
        raise _refused(why)

    def _tell(self, key: str, actor: str, subject: str, facts: Mapping[str, str | int], now_ms: int) -> None:
        """In the audit log, bounded however often it is tried."""
        if now_ms - self._told.get(key, 0) < _TOLD_AGAIN_MS:
            return
        while len(self._told) >= _REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told[key] = now_ms
        with suppress(StoreFailed), self._store.write() as tx:
            tx.access.audit(
                at_ms=now_ms,
                actor=actor or str(facts["address"]),
                action="api_token.refused",
                subject=subject,
                facts=facts,
            )

    def _permit(self, request: Request) -> tuple[Permit | None, str]:
        """Of the route that will take it: they are looked through in the order of the router."""
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        if path == DOCUMENT and request.method == "GET":
            return None, DOCUMENT
        known = [route for route in self._routes if route.path_regex.match(path)]
        for route in known:
            if request.method in (route.methods or ()):
                return PERMITS[request.method, route.path], route.path
        if known:
            allowed = ", ".join(sorted({method for route in known for method in route.methods or ()}))
            raise Problem("method-not-allowed", f"this takes {allowed}", Allow=allowed)
        raise Problem("not-found", "there is no such path; see /api/v1/openapi.json")


def _trouble(token: ApiToken, user: User | None, address: str, now_ms: int) -> str:
    """Why it is not taken; "" = it is."""
    if token.revoked_ms:
        return "this token was revoked"
    if token.expires_ms <= now_ms:
        return "this token has expired"
    if token.user and (user is None or user.locked):
        return "the user of this token is locked or gone"
    if not token.taken_from(address):
        return "this token is not taken from this address"
    return ""


def _refused(why: str) -> Problem:
    return Problem("token-refused", why, WWW_Authenticate=f'{_CHALLENGE}, error="invalid_token"')


def _check(permit: Permit, token: ApiToken, actor: Actor) -> None:
    """Raises Problem."""
    if permit.scope not in token.scopes:
        challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{permit.scope}"'
        raise Problem("scope-missing", f"this takes scope {permit.scope}", WWW_Authenticate=challenge)
    if actor.customer is not None and not permit.held:
        raise Problem("not-allowed", "this token is held to one customer, and this is of all of them")
    try:
        require(actor, permit.deed)
    except NotAllowed as error:
        raise problem_of(error) from None


def held_query(query: bytes, customer: str | None) -> bytes:
    """With the customer that the token is held to. Raises Problem for another one."""
    if customer is None:
        return query
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if any(name == "customer" and value not in ("", customer) for name, value in pairs):
        raise Problem("not-found", "there is no such customer")
    kept = [(name, value) for name, value in pairs if name != "customer"]
    return urlencode([*kept, ("customer", customer)]).encode("ascii")


Admit = Callable[[Request], Admitted]


class Doorway:
    """In front of the API's application."""

    def __init__(self, app: ASGIApp, admit: Admit) -> None:
        self._app = app
        self._admit = admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            admitted = await asyncio.to_thread(self._admit, Request(scope, receive))
            query = held_query(scope["query_string"], admitted.actor.customer)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        except TemporaryError as error:
            await problem_of(error).response()(scope, receive, send)
            return
        let_in = {**scope, "query_string": query, ACTOR: admitted.actor, ADMITTED: admitted}
        await self._app(let_in, receive, send)
