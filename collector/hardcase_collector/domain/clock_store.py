"""The port of what cases are served under: frozen terms, watched clocks, the queue, teams, official calendars.

Part of the transaction of `state_store.py`; the values are in `service_terms.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from hardcase_collector.domain.case import Case, TimelineEntry
from hardcase_collector.domain.service_terms import (
    CaseClock,
    CaseTerms,
    KnownYear,
    QueueFilter,
    QueueGroup,
    QueueLine,
    Swap,
    Team,
)


class ClockStore(Protocol):
    """Terms frozen with cases, clocks to be looked at, teams and duty rotas."""

    def freeze(self, terms: CaseTerms) -> None:
        """Once for a case; again only where its calendars became known."""

    def terms(self, case: int) -> CaseTerms | None: ...
    def provisional(self) -> Sequence[CaseTerms]:
        """Of cases that are open or still owe something, those with a year that was not official."""

    def terms_since(
        self, since_ms: int, *, customer: str | None, asset: int | None
    ) -> Sequence[tuple[Case, CaseTerms]]:
        """Of the cases opened since then but drills and children of storms, oldest first."""

    def history(self, case: int, codes: Collection[str]) -> Sequence[TimelineEntry]:
        """Entries of these codes, oldest first."""

    def save(self, clock: CaseClock) -> None: ...
    def drop(self, case: int) -> None:
        """Nothing is owed any more."""

    def clock(self, case: int) -> CaseClock | None: ...
    def due(self, now_ms: int, *, limit: int) -> Sequence[CaseClock]:
        """Those to be looked at by now, the longest waiting first."""

    def queue(self, which: QueueFilter) -> Sequence[QueueLine]: ...
    def queue_groups(self, *, customer: str | None, now_ms: int) -> Sequence[QueueGroup]:
        """Open cases without children of storms, counted by what the queue can be narrowed to."""

    def save_team(self, team: Team) -> None:
        """Found or made by its name. Where it is the default, no other is any more."""

    def remove_team(self, name: str) -> None:
        """With its swaps. Raises NotFound."""

    def team(self, name: str) -> Team | None: ...
    def teams(self) -> Sequence[Team]: ...
    def add_swap(self, swap: Swap) -> Swap: ...
    def remove_swap(self, swap: int) -> None:
        """Raises NotFound."""

    def swaps(self, team: str, *, after_ms: int) -> Sequence[Swap]:
        """Those not over at that time, earliest first."""

    def know_year(self, year: KnownYear) -> None: ...
    def known_years(self, country: str, subdivision: str) -> Sequence[KnownYear]: ...
