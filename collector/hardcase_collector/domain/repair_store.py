"""The state store's port for repairs: proposals, quotes, links, engineers, visits, site access, hand-offs, reports, and
follow-ups. Part of `state_store.py`; implemented by `storage/state/repair_store.py`.

`add_*` gives the row its id; `save_*` writes everything but the id and raises NotFound. What is asked by a case was
found in the asker's scope before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hardcase_collector.domain.link import Link, LinkPurpose
from hardcase_collector.domain.repair import FollowUp, HandOff, Proposal, Quote, SatisfactionLine, ServiceReport
from hardcase_collector.domain.visit import Dispatch, Engineer, SiteAccess


class ProposalStore(Protocol):
    def add_proposal(self, proposal: Proposal) -> Proposal: ...
    def save_proposal(self, proposal: Proposal) -> None: ...
    def proposal(self, row: int) -> Proposal:
        """Raises NotFound."""

    def proposals(self, case: int) -> Sequence[Proposal]:
        """Oldest first."""

    def add_quote(self, quote: Quote) -> Quote: ...
    def save_quote(self, quote: Quote) -> None: ...
    def quote(self, row: int) -> Quote:
        """Raises NotFound."""

    def quotes(self, case: int) -> Sequence[Quote]:
        """Oldest first."""


class LinkStore(Protocol):
    def add_link(self, link: Link) -> Link: ...
    def save_link(self, link: Link) -> None: ...
    def link_by_hash(self, hash: str) -> Link | None: ...
    def links(self, case: int) -> Sequence[Link]:
        """Oldest first."""

    def revoke_link(self, row: int, *, now_ms: int) -> None: ...
    def revoke_links_of(self, case: int, purpose: LinkPurpose, subject: int, *, now_ms: int) -> None: ...
    def revoke_links(self, case: int, purposes: Sequence[LinkPurpose], *, now_ms: int) -> int:
        """Takes back what is neither revoked nor used up; how many."""


class VisitStore(Protocol):
    def add_engineer(self, engineer: Engineer) -> None:
        """Raises NotAllowed where the name is taken."""

    def save_engineer(self, engineer: Engineer) -> None:
        """Everything but the name. Raises NotFound."""

    def engineer(self, name: str) -> Engineer:
        """Raises NotFound."""

    def engineers(self, *, active_only: bool) -> Sequence[Engineer]:
        """By name."""

    def add_dispatch(self, dispatch: Dispatch) -> Dispatch: ...
    def save_dispatch(self, dispatch: Dispatch) -> None: ...
    def dispatch(self, row: int) -> Dispatch:
        """Raises NotFound."""

    def dispatches(self, case: int) -> Sequence[Dispatch]:
        """Oldest first."""

    def open_dispatches(self, *, customer: str | None, engineer: str | None = None) -> Sequence[Dispatch]:
        """Oldest first; uses an index."""

    def unanswered(self, *, until_ms: int) -> Sequence[Dispatch]:
        """Requested, and due an answer at or before then; uses an index."""

    def stranded(self, *, limit: int) -> Sequence[Dispatch]:
        """Visits that nobody began yet of cases that are over; looks at open visits only."""

    def loads(self) -> Mapping[str, int]:
        """Open visits per engineer; who has none is left out."""

    def visited(self, *, asset: int, repair_group: str, limit: int) -> Sequence[str]:
        """Engineers who arrived for this problem before, the newest first; uses an index."""

    def add_access(self, access: SiteAccess) -> SiteAccess: ...
    def save_access(self, access: SiteAccess) -> None: ...
    def accesses(self, case: int) -> Sequence[SiteAccess]:
        """Oldest first."""

    def access_opening(self, *, until_ms: int) -> Sequence[SiteAccess]:
        """Approved, clocks still standing, and its window open at that time; uses an index."""


class AftercareStore(Protocol):
    def add_hand_off(self, hand_off: HandOff) -> HandOff: ...
    def save_hand_off(self, hand_off: HandOff) -> None: ...
    def hand_offs(self, case: int) -> Sequence[HandOff]:
        """Oldest first."""

    def add_service_report(self, report: ServiceReport) -> ServiceReport: ...
    def save_service_report(self, report: ServiceReport) -> None: ...
    def service_report(self, row: int) -> ServiceReport:
        """Raises NotFound."""

    def service_reports(self, case: int) -> Sequence[ServiceReport]:
        """Oldest first."""

    def add_follow_up(self, follow_up: FollowUp) -> FollowUp: ...
    def save_follow_up(self, follow_up: FollowUp) -> None: ...
    def follow_up(self, row: int) -> FollowUp:
        """Raises NotFound."""

    def follow_ups(self, case: int) -> Sequence[FollowUp]:
        """Oldest first."""

    def follow_ups_due(self, *, until_ms: int) -> Sequence[FollowUp]:
        """In state due, at or before then; uses an index."""

    def satisfaction(self, *, customer: str | None, by: str, from_ms: int, until_ms: int) -> Sequence[SatisfactionLine]:
        """Answers of that time, by "engineer" or "plan"; drills do not count."""


class RepairStore(ProposalStore, LinkStore, VisitStore, AftercareStore, Protocol):
    """Proposals, quotes, signed links, engineers, dispatches, site access, hand-off to vendors, aftercare."""
