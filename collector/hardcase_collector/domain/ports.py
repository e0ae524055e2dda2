"""The ports: what ingest, rules, cases and notify ask of stores, channels and each other. One small Protocol each.

The state store's port is in `state_store.py`, the values in `stored.py`; both are to be had from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.observation import Catalogue, Event, Frame, Inventory, SourceStatus
from hardcase_collector.domain.state_store import (
    AccessStore,
    AgentStore,
    AssetStore,
    CaseStore,
    FeedStore,
    FindingStore,
    OutboxStore,
    StateStore,
    Transaction,
)
from hardcase_collector.domain.stored import (
    AssetSummary,
    AuditEntry,
    Baseline,
    CaseFilter,
    CaseNews,
    DeliveryResult,
    EnrolmentToken,
    EpochKey,
    Feed,
    FeedRow,
    FindingRow,
    Mark,
    OutboxRow,
    Quarantined,
    Recount,
    Sample,
    StockNews,
    User,
    Window,
)

__all__ = [
    "AccessStore",
    "AgentStore",
    "Announcer",
    "AssetStore",
    "AssetSummary",
    "AuditEntry",
    "Baseline",
    "CaseFilter",
    "CaseNews",
    "CaseStore",
    "Channel",
    "DeliveryResult",
    "Desk",
    "EnrolmentToken",
    "EpochKey",
    "Feed",
    "FeedRow",
    "FeedState",
    "FeedStore",
    "FindingRow",
    "FindingStore",
    "Judge",
    "Mark",
    "OutboxRow",
    "OutboxStore",
    "Quarantined",
    "Recount",
    "Sample",
    "StateStore",
    "StockAnnouncer",
    "StockNews",
    "TelemetryStore",
    "Transaction",
    "User",
    "Window",
]


class TelemetryStore(Protocol):
    def append(self, frames: Sequence[Frame], marks: Mapping[EpochKey, Mark]) -> None:
        """One transaction, synced on return. Frames at or below its own mark are passed over: never doubled.

        Raises StoreFailed; then nothing was kept and the store has been reopened or says unhealthy.
        """

    def marks(self, agent: int) -> Mapping[bytes, Mark]: ...
    def series(self, sensor_number: int, *, from_ms: int, until_ms: int, limit: int) -> Sequence[Sample]: ...
    def maintain(self, now_ms: int) -> None:
        """Seals days that are over, compacts, drops files past retention; bounded work per call."""

    def recount(self) -> Recount: ...
    def healthy(self) -> str: ...
    def close(self) -> None: ...


class Channel(Protocol):
    """A way out. Never retries by itself, never raises for a refused delivery, never holds a transaction."""

    @property
    def name(self) -> str: ...

    async def deliver(self, row: OutboxRow, *, now_ms: int) -> DeliveryResult: ...

    async def close(self) -> None: ...


class FeedState(Protocol):
    """Judging state of one (agent, asset, source), in memory. Made by `Judge.open_feed`, changed only by the judge."""

    @property
    def feed(self) -> Feed: ...

    @property
    def catalogue(self) -> Catalogue | None:
        """None: this source has sent no frame yet (events, status or inventory only)."""


class Judge(Protocol):
    """The rules, as intake and the ticker use them (`rules/engine.py`). Pure: no I/O, no clock.

    Each call changes `state` in place and returns what moved, mostly nothing. When the batch's transaction fails, the
    caller throws the states of the batch away and opens them again from their stored rows.
    """

    def open_feed(
        self,
        feed: Feed,
        catalogue: Catalogue | None,
        row: FeedRow | None,
        baselines: Sequence[Baseline],
        *,
        rehearsal: bool,
    ) -> FeedState: ...

    def use_catalogue(self, state: FeedState, catalogue: Catalogue) -> None:
        """The feed's sensors changed; state is carried over by sensor identity."""

    def use_baselines(self, state: FeedState, baselines: Sequence[Baseline]) -> None: ...

    def frame(self, state: FeedState, frame: Frame) -> Sequence[Transition]:
        """The hot path. Raises BadRecord where lengths contradict the catalogue; then state is unchanged."""

    def event(self, state: FeedState, event: Event, *, history: bool) -> Sequence[Transition]:
        """`history`: older than the asset's joining: recorded, raises nothing."""

    def inventory(self, state: FeedState, inventory: Inventory) -> Sequence[Transition]: ...

    def status(self, state: FeedState, status: SourceStatus) -> Sequence[Transition]:
        """Also liveness and clock offset: source "liveness", states "silent", "stopped", "clock_off", "ok"."""

    def tick(self, state: FeedState, *, now_ms: int, silent: bool) -> Sequence[Transition]:
        """What time alone decides: missing data (judged only while its agent is not silent), windows that ran out."""

    def row(self, state: FeedState, *, received_ms: int) -> FeedRow: ...


class Announcer(Protocol):
    """Writes the outbox rows of a case event (`notify/announcer.py`), in the desk's transaction."""

    def announce(self, tx: Transaction, news: CaseNews) -> None: ...


class StockAnnouncer(Protocol):
    """Writes the outbox rows of what is told of a depot's stock (`notify/announcer.py`)."""

    def announce_stock(self, tx: Transaction, news: StockNews) -> None: ...


class Desk(Protocol):
    """The case desk, as intake and the ticker use it (`cases/desk.py`)."""

    def apply(self, tx: Transaction, transitions: Sequence[Transition], *, now_ms: int) -> None:
        """Findings, cases, timeline, why and outbox rows of these transitions, all in `tx`."""

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        """What time alone decides: backlog and window holds that end, joining that ends, verifying that closes."""

    def caught_up(self, tx: Transaction, *, assets: Sequence[int], now_ms: int) -> None:
        """An agent's backlog ended: what still fires opens now, its waiting notifications become due."""
