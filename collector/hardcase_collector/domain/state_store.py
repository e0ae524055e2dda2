"""The state store's port: one small Protocol per aggregate, and the transaction that joins them.

A `Transaction` lives on the writer's thread; a read transaction (`StateStore.read`) on any thread, a snapshot, and
refuses writes. Nothing is visible to others before the `with` block ends well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from hardcase_collector.domain.asset import Agent, Asset, AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, TimelineEntry
from hardcase_collector.domain.clock_store import ClockStore
from hardcase_collector.domain.diagnostic_store import DiagnosticStore
from hardcase_collector.domain.finding import FindingKey, Transition, Why
from hardcase_collector.domain.imports import ImportStore
from hardcase_collector.domain.joining_store import JoiningStore
from hardcase_collector.domain.noise_store import NoiseStore
from hardcase_collector.domain.observation import Catalogue, Coverage, CoverageLine, Event, Loss, Sensor, SourceStatus
from hardcase_collector.domain.people_store import AuditStore, PeopleStore
from hardcase_collector.domain.registry_store import ForgettingStore, RegistryStore
from hardcase_collector.domain.repair_store import RepairStore
from hardcase_collector.domain.report import ReportStore
from hardcase_collector.domain.search import SearchStore
from hardcase_collector.domain.spare_store import SpareStore
from hardcase_collector.domain.stored import (
    AssetSummary,
    Baseline,
    CaseFilter,
    EpochKey,
    Feed,
    FeedRow,
    FindingRow,
    Mark,
    OutboxRow,
    Quarantined,
    Window,
)


class AgentStore(Protocol):
    def add(self, agent: Agent) -> Agent: ...
    def by_id(self, agent_id: str) -> Agent | None: ...
    def by_number(self, agent: int) -> Agent: ...
    def by_host(self, *, machine_id: str, dmi_uuid: str) -> Agent | None: ...
    def all(self, *, customer: str | None) -> Sequence[Agent]: ...
    def replace(self, agent: Agent) -> None: ...
    def told_trust(self, agent: int, *, roots: str, issuer: str) -> None:
        """What it says it trusts, and which CA issued the certificate it came with: see `Agent`."""

    def found_copies(self, agent: int, copies: str) -> None:
        """See `Agent.copies`."""

    def standing(self) -> Mapping[int, tuple[int, bool]]:
        """Number -> (`enrolled_ms`, `revoked`) of every agent: whose open stream must end."""

    def next_session(self, agent: int) -> int:
        """Increments and returns the session number."""

    def session(self, agent: int) -> int: ...
    def seen(self, agent: int, at_ms: int, *, stopped_cleanly: bool, by_file: bool = False) -> None: ...


class AssetStore(Protocol):
    def by_number(self, asset: int) -> Asset: ...
    def by_key(self, key: str) -> Asset | None: ...
    def add(
        self,
        *,
        key: str,
        basis: str,
        facts: AssetFacts,
        customer: str,
        mode: AssetMode,
        joined_ms: int,
        live_from_ms: int,
    ) -> Asset: ...
    def update_facts(self, asset: int, facts: AssetFacts) -> None: ...
    def set_mode(self, asset: int, mode: AssetMode, *, live_from_ms: int) -> None: ...
    def join(self, asset: int, mode: AssetMode, *, joined_ms: int, live_from_ms: int) -> None:
        """An agent sees it for the first time: so far only the books knew it (joined_ms 0)."""

    def drop_unseen(self, asset: int) -> None:
        """Lets go of one that no agent ever saw and that nothing happened to; any other stays."""

    def move(self, asset: int, customer: str) -> None:
        """To another customer, with all its history."""

    def joining_over(self, now_ms: int) -> Sequence[Asset]:
        """Assets still marked joining whose joining has ended."""

    def all(self, *, customer: str | None) -> Sequence[Asset]:
        """Without those that stand in for assets that callers could not name."""

    def summaries(self, *, asset: int | None = None) -> Mapping[int, AssetSummary]:
        """Of every asset, or of one, in a few queries for any number. One of which nothing is known is left out."""

    def bind(self, asset: int, agent: int) -> None: ...
    def observers(self, asset: int) -> Sequence[int]: ...
    def observed_by(self, agent: int) -> Sequence[int]: ...
    def save_inventory(self, asset: int, source: str, agent: int, parts: Sequence[Part], at_ms: int) -> None: ...
    def inventory(self, asset: int) -> Sequence[tuple[str, Part, int]]:
        """(source, part, last seen ms)."""

    def save_coverage(self, coverage: Coverage) -> None: ...
    def coverage(self, asset: int) -> Sequence[tuple[str, CoverageLine]]: ...
    def save_source_status(self, status: SourceStatus) -> None: ...
    def source_statuses(self, asset: int) -> Sequence[SourceStatus]: ...
    def add_event(self, event: Event) -> bool:
        """False: known already (same asset, log, erase stamp, record id, raw hash)."""

    def events(self, asset: int, *, limit: int) -> Sequence[Event]: ...
    def events_between(self, asset: int, *, from_ms: int, until_ms: int, limit: int) -> Sequence[Event]:
        """As they arrived; from_ms <= time < until_ms."""

    def open_window(self, window: Window) -> None: ...
    def windows(self, asset: int, at_ms: int) -> Sequence[Window]: ...
    def windows_ended(self, before_ms: int) -> Sequence[Window]:
        """Windows that ended and were not settled yet."""

    def settle_window(self, window: Window) -> None: ...


class FeedStore(Protocol):
    """Catalogues, marks and rule-state rows: the hot path's part of the state store; every save is one executemany."""

    def marks(self, agent: int) -> Mapping[bytes, Mark]: ...
    def save_marks(self, marks: Mapping[EpochKey, Mark], *, sessions: Mapping[int, int]) -> None:
        """Raises SessionSuperseded when an agent's stored session is newer than the one given."""

    def feed(self, *, agent: int, asset: int, source: str) -> Feed:
        """Found or made."""

    def feeds(self, *, asset: int | None = None) -> Sequence[Feed]: ...
    def add_catalogue(
        self,
        *,
        id: bytes,
        feed: Feed,
        period_ms: int,
        value_width: int,
        sensors: Sequence[Sensor],
        rehearsal: bool,
        body: bytes,
    ) -> Catalogue:
        """Found or made; gives numbers to sensors not seen on this feed before."""

    def catalogue(self, id: bytes, *, agent: int) -> Catalogue | None: ...
    def catalogue_numbered(self, number: int) -> Catalogue: ...
    def catalogue_ids(self, agent: int) -> Sequence[bytes]: ...
    def rows(self, feeds: Iterable[int]) -> Mapping[int, FeedRow]: ...
    def save_rows(self, rows: Sequence[FeedRow]) -> None: ...
    def quarantine(
        self, *, agent: int, epoch: bytes, sequence: int, status: str, detail: str, raw: bytes, at_ms: int
    ) -> None:
        """Bounded: the oldest go; what goes is counted."""

    def quarantined(self, *, agent: int | None, limit: int) -> Sequence[Quarantined]: ...
    def quarantine_counts(self) -> Mapping[int, tuple[int, int]]:
        """Per agent: records ever quarantined, and how many of them went for newer ones."""

    def add_loss(self, loss: Loss) -> None: ...
    def losses(self, *, agent: int | None, limit: int) -> Sequence[Loss]: ...
    def baselines(self, feeds: Iterable[int]) -> Sequence[Baseline]: ...
    def accept_baseline(self, baseline: Baseline) -> None: ...


class FindingStore(Protocol):
    def get(self, key: FindingKey) -> FindingRow | None: ...
    def save(self, transition: Transition, *, case: int | None, held: str, held_until_ms: int) -> FindingRow: ...
    def numbered(self, finding: int) -> FindingRow: ...
    def known(self, finding: int, transition: Transition) -> bool:
        """True: a transition of this time to this severity was saved before."""

    def raises(self, finding: int, *, since_ms: int) -> int:
        """How often it was raised since then."""

    def forget_changes(self, before_ms: int) -> None: ...
    def hold(self, finding: int, *, held: str, held_until_ms: int, case: int | None) -> None: ...
    def firing_of_case(self, case: int) -> Sequence[FindingRow]: ...
    def of_asset(self, asset: int, *, firing: bool | None) -> Sequence[FindingRow]: ...
    def firing(self, *, customer: str | None, after: int, limit: int) -> Sequence[FindingRow]:
        """Those with a higher number than `after`, by number."""

    def of_other_rules(self, rules: Iterable[str]) -> Sequence[FindingRow]:
        """Firing findings of rules that are none of these."""

    def held(self, *, reasons: Collection[str], until_ms: int, limit: int) -> Sequence[FindingRow]:
        """Firing findings held for one of these reasons until at most this time, oldest first; uses an index."""

    def add_why(self, why: Why) -> None: ...
    def whys(self, *, asset: int | None, case: int | None, limit: int) -> Sequence[Why]: ...


class CaseStore(Protocol):
    def open_for(self, *, asset: int, part_key: str, repair_group: str) -> Case | None: ...
    def open_of(self, asset: int) -> Sequence[Case]:
        """Every open case of the asset, oldest first; uses an index."""

    def last_closed_for(self, *, asset: int, part_key: str, repair_group: str, since_ms: int) -> Case | None: ...
    def closed_of(self, *, asset: int, repair_group: str, since_ms: int) -> Sequence[Case]:
        """Cases of the asset and group that ended since then, the newest first; uses an index."""

    def add(self, case: Case) -> Case:
        """Gives id and number (HC-YYYYMMDD-NNNN of opened_ms in UTC)."""

    def save(self, case: Case) -> None: ...
    def get(self, case: int) -> Case: ...
    def by_number(self, number: str, *, customer: str | None) -> Case: ...
    def list(self, which: CaseFilter) -> Sequence[Case]: ...
    def add_entry(self, entry: TimelineEntry) -> None: ...
    def timeline(self, case: int) -> Sequence[TimelineEntry]: ...
    def soaked(self, *, now_ms: int, limit: int) -> Sequence[Case]:
        """Verifying cases that are clear for as long as they must and may close by themselves; those clear longest
        first. Not those that wait for a person, or for a replaced part to be seen; uses an index."""

    def unstable(self, *, clear_before_ms: int) -> Sequence[Case]:
        """Open cases marked unstable of which nothing fires since then; uses an index."""

    def rehearsals(self, *, opened_before_ms: int) -> Sequence[Case]:
        """Open cases of fire drills that were opened before then."""


class OutboxStore(Protocol):
    def owe(
        self,
        *,
        channel: str,
        case: int | None,
        version: int,
        event_id: str,
        body: bytes,
        at_ms: int,
        not_before_ms: int,
        critical: bool,
        subject: str = "",
        customer: str = "",
    ) -> None:
        """Of a case; or, with None, of `subject`, which is `customer`'s ("" = nobody's)."""

    def claim(
        self, *, owner: str, now_ms: int, lease_ms: int, limit: int, channel: str | None = None
    ) -> Sequence[OutboxRow]:
        """Due rows, oldest per (case or subject, channel) only, whose lease is free or over; takes the lease."""

    def channels_owed(self) -> Sequence[str]:
        """Channels to which anything is owed, also such as are no longer configured."""

    def delivered(self, row: int, *, owner: str, at_ms: int) -> bool:
        """False: the lease was lost meanwhile."""

    def failed(self, row: int, *, owner: str, error: str, next_try_ms: int, dead: bool) -> bool: ...
    def release(self, *, owner: str) -> None:
        """Gives back every lease of this owner untried."""

    def dead_letters(self, *, customer: str | None, limit: int) -> Sequence[OutboxRow]: ...
    def of_case(self, case: int) -> Sequence[OutboxRow]: ...
    def withdraw(self, case: int, *, now_ms: int) -> bool:
        """Takes back all that is owed of a case of which nothing was tried yet. False: somebody may know of it."""

    def resend(self, row: int, *, now_ms: int) -> None: ...
    def counts(self) -> Mapping[str, int]: ...
    def oldest_owed_ms(self) -> int | None: ...
    def release_backlog(self, *, agent_assets: Sequence[int], now_ms: int) -> None:
        """Notifications that waited for an agent to catch up become due."""


class AccessStore(PeopleStore, AuditStore, JoiningStore, Protocol):
    """People, enrolment tokens, web sessions, API tokens and the audit log."""

    def probe(self) -> None:
        """Writes a row and takes it back: proves that the store can write."""


class Transaction(Protocol):
    @property
    def agents(self) -> AgentStore: ...
    @property
    def assets(self) -> AssetStore: ...
    @property
    def feeds(self) -> FeedStore: ...
    @property
    def findings(self) -> FindingStore: ...
    @property
    def cases(self) -> CaseStore: ...
    @property
    def outbox(self) -> OutboxStore: ...
    @property
    def access(self) -> AccessStore: ...
    @property
    def registry(self) -> RegistryStore: ...
    @property
    def forgetting(self) -> ForgettingStore: ...
    @property
    def clocks(self) -> ClockStore: ...
    @property
    def reports(self) -> ReportStore: ...
    @property
    def repairs(self) -> RepairStore: ...
    @property
    def spares(self) -> SpareStore: ...
    @property
    def noise(self) -> NoiseStore: ...
    @property
    def search(self) -> SearchStore: ...
    @property
    def diagnostics(self) -> DiagnosticStore: ...
    @property
    def imports(self) -> ImportStore: ...
    def forget(self, *, now_ms: int, limit: int) -> int:
        """Lets go of old events, whys, audit entries and delivered notifications, at most `limit` of each."""


class StateStore(Protocol):
    def write(self) -> AbstractContextManager[Transaction]:
        """One at a time: BEGIN IMMEDIATE, synchronous=FULL. Raises StoreFailed; then nothing of it was kept."""

    def read(self) -> AbstractContextManager[Transaction]: ...
    def healthy(self) -> str:
        """ "" or one line saying what is wrong and what to do."""

    def close(self) -> None: ...
