"""What the control socket needs beyond the pages' `Shop`: joined by `app.py`, faked in tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from fastapi import Request

from hardcase_collector.domain.actor import Actor, local
from hardcase_collector.domain.replay import ReplayOrder, ReplayReport
from hardcase_collector.web.ports import Health, Shop


class Replays(Protocol):
    """What other sheets would have opened; see `replay/`."""

    def start(self, order: ReplayOrder) -> ReplayReport:
        """Raises SheetError, and IllegalAction while another one runs."""

    def report(self, id: str) -> ReplayReport:
        """Raises NotFound."""

    def cancel(self, id: str) -> ReplayReport: ...


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
    replays: Replays | None = None
    """None: this collector keeps no telemetry to judge again."""
    default_customer: str


def asker(request: Request) -> str:
    """The local user behind a request, as timelines name him."""
    return request.client.host if request.client else "unknown"


def who(request: Request) -> Actor:
    """The same as somebody who acts: whoever may use this socket could read the stores themselves."""
    return replace(local(asker(request)), customer=scope_of(request))


def scope_of(request: Request) -> str | None:
    """The one customer that this request is held to, see `scope.py`; None = all of them."""
    return request.query_params.get("customer") or None
