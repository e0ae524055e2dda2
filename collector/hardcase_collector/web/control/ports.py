"""What the control socket needs beyond the pages' `Shop`: joined by `app.py`, faked in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from fastapi import Request

from hardcase_collector.domain.actor import Actor, local
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.replay import ReplayOrder, ReplayReport
from hardcase_collector.web.ports import Health, Shop
from hardcase_collector.web.texts import choose_language


class Replays(Protocol):
    """What other sheets would have opened; see `replay/`."""

    def start(self, order: ReplayOrder) -> ReplayReport:
        """Raises SheetError, and IllegalAction while another one runs."""

    def report(self, id: str) -> ReplayReport:
        """Raises NotFound."""

    def cancel(self, id: str) -> ReplayReport: ...


class AirGap(Protocol):
    """Files of agents without a network; see `airgap.py`."""

    @property
    def largest(self) -> int:
        """Bytes of a file."""

    def take(self, data: bytes, *, by: str, accept_gap: bool, more: bool, customer: str | None) -> object:
        """Raises FileRefused, Cloned, NotBound, TemporaryError."""

    def receipt(self, agent_id: str) -> bytes:
        """Raises NotFound."""

    def enroll(self, request: str, token: str, *, by: str) -> Mapping[str, str]:
        """The file that answers a request for an identity. Raises FileRefused, TokenRefused, NotAllowed."""


class CaKeeper(Protocol):
    """The collector's CAs over time (`rollover.py`). Blocking."""

    @property
    def fingerprint(self) -> str:
        """SHA-256, hex, of the CA that a host which joins is told of."""

    def status(self, *, customer: str | None, now_ms: int) -> Mapping[str, object]: ...
    def rotate(self, *, by: str, now_ms: int) -> str: ...
    def retire(self, *, by: str, force: bool, now_ms: int) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    shop: Shop
    health: Health
    rules: Callable[[], Sequence[Mapping[str, str]]]
    """One row of words per loaded rule."""
    about: Mapping[str, str]
    """Version, addresses, CA fingerprint: what `token` prints for the host to be enrolled."""
    last_reload: Callable[[], object | None]
    """How the last reload went: at_ms, mistakes (empty: taken), settings that wait for a restart. None: there was none.
    """
    revoked: Callable[[int], None]
    """Told the number of an agent that was revoked: its stream ends now."""
    greet_again: Callable[[int], None] = lambda agent: None
    """Told the number of an agent whose customer changed: its stream ends now, and it comes back."""
    baselines_changed: Callable[[int], None]
    """Told the feed whose baselines changed: judging reads them again."""
    backups: Callable[[int], Iterator[bytes]] | None = None
    """A backup taken at this Unix time, ms, in pieces; see `storage/backup`. None: these stores cannot be frozen."""
    replays: Replays | None = None
    """None: this collector keeps no telemetry to judge again."""
    rollover: CaKeeper | None = None
    """None: there is no CA to change."""
    default_customer: str
    air_gap: AirGap | None = None


ACTOR = "hardcase.actor"
"""Of a request's scope: who asks, where it came over the API (`web/api/door.py`)."""


def asker(request: Request) -> str:
    """The local user behind a request, as timelines name him; over the API, whom its token acts as."""
    actor: Actor | None = request.scope.get(ACTOR)
    if actor is not None:
        return actor.name
    return request.client.host if request.client else "unknown"


def language_of(request: Request) -> str:
    """In which refusals are told."""
    return choose_language(accept=request.headers.get("accept-language", ""), default="en")


def who(request: Request) -> Actor:
    """The same as somebody who acts: whoever may use the socket could read the stores themselves."""
    actor: Actor | None = request.scope.get(ACTOR)
    return replace(actor or local(asker(request)), customer=scope_of(request))


def scope_of(request: Request) -> str | None:
    """The one customer that this request is held to, see `scope.py`; None = all of them."""
    return request.query_params.get("customer") or None


def held_to(request: Request, customer: str | None) -> str | None:
    """The customer that is named in a body, within the scope of the request. Raises NotFound for another one."""
    scope = scope_of(request)
    if scope is not None and customer not in (None, "", scope):
        raise NotFound("there is no customer {customer}", customer=customer)
    return scope or customer or None
