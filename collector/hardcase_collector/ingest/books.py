"""What intake remembers of each agent and feed between groups: marks, catalogues, judging states, clock.

All of it can be thrown away at any time and read again from the stores; that is what happens when a commit fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hardcase_collector.domain.asset import AssetFacts
from hardcase_collector.domain.observation import Catalogue
from hardcase_collector.domain.ports import Feed, FeedState, Mark
from hardcase_collector.ingest.clock_offset import ClockOffset
from hardcase_collector.ingest.incoming import RejectionStatus

NO_MARK = Mark(through=0, last_time_ms=0)


@dataclass(slots=True)
class FeedBook:
    """One feed in memory. `state` is None until its row is read."""

    feed: Feed
    rehearsal: bool
    state: FeedState | None = None
    catalogue_number: int = 0
    """Catalogue the state is made for; 0 = none yet."""
    received_ms: int = 0
    """Receive time of its newest record that was judged."""


@dataclass(slots=True)
class CatalogueBook:
    """One catalogue and what every frame of it must measure."""

    catalogue: Catalogue
    feed: FeedBook
    sensors: int
    values_length: int
    states_length: int

    @classmethod
    def of(cls, catalogue: Catalogue, feed: FeedBook) -> CatalogueBook:
        numbers = catalogue.numbers
        total = len(catalogue.sensors)
        return cls(catalogue, feed, total, numbers * catalogue.value_width, (total - numbers) * 4)


@dataclass(slots=True)
class Blocked:
    """The stream went on past a record that was not taken; what follows is passed over until it comes again."""

    epoch: bytes
    sequence: int
    since_ms: int
    catalogue_id: bytes = b""
    """The missing catalogue, or empty after a hold."""
    passed: tuple[bytes, int] | None = None
    """Epoch and first sequence of the newest batch passed over: going back from it is a resend, too."""


@dataclass(slots=True)
class AgentBook:
    """One admitted agent."""

    agent: int
    session: int
    customer: str
    state_marks: dict[bytes, Mark]
    telemetry_marks: dict[bytes, Mark]
    clock: ClockOffset
    received_ms: int = 0
    """Receive time of the last message."""
    backlog: bool = False
    by_file: bool = False
    """It takes in a file: nobody speaks now, and the book ends with the file."""
    complete: bool = False
    """Every feed of the agent that the store knows is in memory."""
    blocked: Blocked | None = None
    catalogues: dict[bytes, CatalogueBook] = field(default_factory=dict)
    refused: dict[bytes, tuple[RejectionStatus, str]] = field(default_factory=dict)
    never: dict[bytes, tuple[RejectionStatus, str]] = field(default_factory=dict)
    """Catalogues that will not come, however often the group is done again: those a file does not hold."""
    feeds: dict[tuple[int, str], FeedBook] = field(default_factory=dict)
    assets: dict[AssetFacts, int] = field(default_factory=dict)
    losses: list[tuple[bytes, int, int]] | None = None
    """Ranges counted as lost already; None until first needed."""

    def remember(self, stored: Catalogue) -> CatalogueBook:
        """Takes up a catalogue that the state store holds, and its feed."""
        feed = self.feeds.get((stored.asset, stored.source))
        if feed is None:
            known = Feed(number=stored.feed, agent=self.agent, asset=stored.asset, source=stored.source)
            feed = self.feeds[stored.asset, stored.source] = FeedBook(known, stored.rehearsal)
        found = self.catalogues[stored.id] = CatalogueBook.of(stored, feed)
        return found

    def forget(self) -> None:
        """Drops what a failed commit may have left wrong; marks, session and clock stay."""
        self.catalogues.clear()
        self.refused = dict(self.never)
        self.feeds.clear()
        self.assets.clear()
        self.losses = None
        self.complete = False

    def assets_seen(self) -> list[int]:
        """Numbers of the assets it wrote for since it was admitted."""
        return sorted({asset for asset, _ in self.feeds} | set(self.assets.values()))

    def position(self, epoch: bytes) -> Mark:
        """Through where both stores have this epoch."""
        ours = self.state_marks.get(epoch, NO_MARK)
        theirs = self.telemetry_marks.get(epoch, NO_MARK)
        return ours if ours.through <= theirs.through else theirs
