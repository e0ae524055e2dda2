"""The store's port for windows, storms and the question why: part of `Transaction`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from hardcase_collector.domain.case import Case
from hardcase_collector.domain.finding import Why
from hardcase_collector.domain.noise import PlannedWindow, Storm, WhyFilter
from hardcase_collector.domain.stored import Window


class NoiseStore(Protocol):
    """Planned windows, storms, stored answers."""

    def save_window(self, window: PlannedWindow) -> None:
        """Under its id: a new one, or changed."""

    def window(self, id: bytes, *, customer: str | None) -> PlannedWindow | None: ...
    def windows_in(self, scopes: Iterable[str], *, at_ms: int) -> Sequence[PlannedWindow]:
        """Those of these scopes that have begun by then and are not over for good; uses an index."""

    def windows(self, *, customer: str | None, over_since_ms: int, limit: int) -> Sequence[PlannedWindow]:
        """Those not over for good before then, soonest first."""

    def host_windows(self, *, customer: str | None, over_since_ms: int, limit: int) -> Sequence[Window]:
        """The same of windows that agents opened on their hosts."""

    def host_window(self, id: bytes, *, customer: str | None) -> Sequence[Window]:
        """One row for each asset that it is for."""

    def release(self, *, held: str, until_ms: int, at_ms: int) -> int:
        """Findings held exactly until then are held until `at_ms` instead; how many."""

    def storm(self, kind: str, scope: str) -> Storm | None: ...
    def storm_of(self, parent: int) -> Storm | None:
        """The storm whose case this is, while it lasts; uses an index."""

    def save_storm(self, storm: Storm) -> None: ...
    def storms_due(self, *, now_ms: int, limit: int) -> Sequence[Storm]:
        """Storms to be looked at, and counts gone stale, longest due first; uses an index."""

    def drop_storm(self, storm: Storm) -> None: ...
    def children(self, parent: int) -> Sequence[Case]:
        """Cases under this one, oldest first; uses an index."""

    def whys(self, which: WhyFilter) -> Sequence[Why]:
        """Newest first."""
