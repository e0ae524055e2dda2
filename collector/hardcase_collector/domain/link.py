"""Links without login: what one is for, what a page shows behind it, what a click may do. Values.

Made, opened and acted on by `service/links.py`. A link is stored by the hash of its token alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.repair import FollowUp, Proposal, Quote, ServiceReport
from hardcase_collector.domain.visit import Dispatch, Engineer, SiteAccess


class LinkPurpose(StrEnum):
    CONSENT = "consent"
    """The customer consents to a proposal, and accepts its quote."""
    ENGINEER = "engineer"
    """The engineer answers for one visit."""
    SIGNATURE = "signature"
    """The customer signs a service report."""
    SATISFACTION = "satisfaction"
    """The customer says whether it is really solved."""


class LinkAct(StrEnum):
    CONSENT = "consent"
    REFUSE = "refuse"
    ACCEPT = "accept"
    DECLINE = "decline"
    ON_THE_WAY = "on_the_way"
    ARRIVED = "arrived"
    DONE = "done"
    FAILED = "failed"
    SIGN = "sign"
    RATE = "rate"
    REOPEN = "reopen"
    """After a low score: look at it again."""


class LinkState(StrEnum):
    OPEN = "open"
    DONE = "done"
    """What it was for is done; `LinkView.done` says what."""
    EXPIRED = "expired"
    REVOKED = "revoked"
    """Taken back, or a newer one took its place."""
    VOID = "void"
    """The case went on without it: a newer proposal, a case that is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    id: int = 0
    hash: str
    """SHA-256 of the token, hex."""
    purpose: LinkPurpose
    case: int
    subject: int
    """Row of the proposal, visit, service report or follow-up."""
    quote: int | None = None
    """Row of the quote that is accepted with it."""
    whom: str
    """The person it was made for, as timelines name him."""
    language: str = "en"
    by: str
    made_ms: int
    expires_ms: int
    used: str = ""
    """The last act done with it; "" = none."""
    used_ms: int = 0
    revoked_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A link just made: the only time that its token is known."""

    link: Link
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAnswer:
    """What the page sends along with a click; each act takes what it needs."""

    who: str = ""
    """Typed name: consent, refuse, sign."""
    text: str = ""
    """Reason (refuse, decline, failed), result (done), comment (rate, reopen)."""
    score: int = 0
    """1 to 5: rate."""
    expected_ms: int = 0
    """Expected arrival: accept, on_the_way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """Everything that the page behind a link shows."""

    link: Link
    state: LinkState
    acts: tuple[LinkAct, ...]
    """Legal now; empty unless `state` is open."""
    done: LinkAct | None
    """What was done with it last, at `link.used_ms`: a second click is answered with this."""
    repeated: bool = False
    """This click came after the deed was done; nothing changed."""
    case: Case
    asset: Asset
    whom: str
    language: str
    proposal: Proposal | None = None
    quote: Quote | None = None
    dispatch: Dispatch | None = None
    engineer: Engineer | None = None
    access: SiteAccess | None = None
    report: ServiceReport | None = None
    follow_up: FollowUp | None = None
    site: Mapping[str, Fact] = field(default_factory=dict)
    """Where the asset stands, for the engineer: title, address, time_zone, rack, unit."""
