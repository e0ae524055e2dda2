"""The ports: what ingest, rules, cases and notify ask of stores and channels. One small Protocol per aggregate.

A `Transaction` lives on the writer's thread; a read transaction (`StateStore.read`) on any thread, a snapshot, and
refuses writes. Nothing is visible to others before the `with` block ends well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from hardcase_collector.domain.asset import Agent, Asset, AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, TimelineEntry
from hardcase_collector.domain.finding import Fact, FindingKey, Severity, Transition, Why
from hardcase_collector.domain.observation import (
    Catalogue,
    Coverage,
    CoverageLine,
    Event,
    Frame,
    Inventory,
    Loss,
    Sensor,
    SourceStatus,
)


@dataclass(frozen=True, slots=True)
class EpochKey:
    """One run of one agent: the name space of sequences."""

    agent: int
    epoch: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Everything of the epoch through `through` is stored; `last_time_ms` is its newest corrected time."""

    through: int
    last_time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One source's frames on one asset from one agent."""

    number: int
    agent: int
    asset: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRow:
    """The compact rule-state row of a feed: what judging needs to go on after a restart, and what pages read."""

    feed: int
    catalogue: int
    """Catalogue.number of the last frame."""
    state: bytes
    """Written and read by `rules/feed_state.py` only; carries its own version."""
    time_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """A finding as stored: firing, or cleared."""

    id: int
    key: FindingKey
    firing: bool
    severity: Severity
    fault_class: str
    repair_group: str
    part: Part
    since_ms: int
    changed_ms: int
    case: int | None
    held: str
    """Why it has no open case: "", "joining", "observe", "window", "backlog", "warning", "history"; "accepted" (as
    baseline, by a person), "settled" (its case was closed or cancelled while it fired)."""
    held_until_ms: int
    evidence: Mapping[str, Fact]
    rehearsal: bool = False
    self_clearing: bool = False
    soak_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A maintenance window of an asset; id makes it idempotent."""

    id: bytes
    asset: int
    from_ms: int
    until_ms: int
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """ "Accept this value, tell me only if it grows": who, why, which value."""

    asset: int
    feed: int
    sensor: str
    rule: str
    value: float
    by: str
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One event owed to one channel. Order is kept per (case, channel)."""

    id: int
    channel: str
    case: int
    version: int
    event_id: str
    """Idempotency key; the same in every attempt."""
    body: bytes
    created_ms: int
    attempts: int
    next_try_ms: int
    state: str
    """owed, delivered, dead."""
    last_error: str
    critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A record that was refused for good, kept for people."""

    agent: int
    epoch: bytes
    sequence: int
    status: str
    detail: str
    raw: bytes
    """Its first 16 KiB."""
    at_ms: int


class AgentStore(Protocol):
    def add(self, agent: Agent) -> Agent: ...
    def by_id(self, agent_id: str) -> Agent | None: ...
    def by_number(self, agent: int) -> Agent: ...
    def by_host(self, *, machine_id: str, dmi_uuid: str) -> Agent | None: ...
    def all(self, *, customer: str | None) -> Sequence[Agent]: ...
    def replace(self, agent: Agent) -> None: ...
    def next_session(self, agent: int) -> int:
        """Increments and returns the session number."""

    def session(self, agent: int) -> int: ...
    def seen(self, agent: int, at_ms: int, *, stopped_cleanly: bool) -> None: ...


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
    def joining_over(self, now_ms: int) -> Sequence[Asset]:
        """Assets still marked joining whose joining has ended."""

    def all(self, *, customer: str | None) -> Sequence[Asset]: ...
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
        """True: this very transition (time, change, severity) was saved before."""

    def raises(self, finding: int, *, since_ms: int) -> int:
        """How often it was raised since then."""

    def forget_changes(self, before_ms: int) -> None: ...
    def hold(self, finding: int, *, held: str, held_until_ms: int, case: int | None) -> None: ...
    def firing_of_case(self, case: int) -> Sequence[FindingRow]: ...
    def of_asset(self, asset: int, *, firing: bool | None) -> Sequence[FindingRow]: ...
    def held(self, *, reason: str, until_ms: int) -> Sequence[FindingRow]:
        """Firing findings held for this reason until at most this time."""

    def add_why(self, why: Why) -> None: ...
    def whys(self, *, asset: int | None, case: int | None, limit: int) -> Sequence[Why]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """What to list. `customer` None = every customer, allowed only to the collector's own administrator."""

    customer: str | None
    open_only: bool = True
    asset: int | None = None
    states: tuple[str, ...] = ()
    limit: int = 200
    rehearsal: bool | None = None


class CaseStore(Protocol):
    def open_for(self, *, asset: int, part_key: str, repair_group: str) -> Case | None: ...
    def open_at_slot(self, *, asset: int, slot_key: str, repair_group: str) -> Sequence[Case]:
        """Open cases of whatever part sits in this slot ("psu@PSU2"): a slot's identity is an alias of its part's."""

    def last_closed_for(self, *, asset: int, part_key: str, repair_group: str, since_ms: int) -> Case | None: ...
    def add(self, case: Case) -> Case:
        """Gives id and number (HC-YYYYMMDD-NNNN of opened_ms in UTC)."""

    def save(self, case: Case) -> None: ...
    def get(self, case: int) -> Case: ...
    def by_number(self, number: str, *, customer: str | None) -> Case: ...
    def list(self, which: CaseFilter) -> Sequence[Case]: ...
    def add_entry(self, entry: TimelineEntry) -> None: ...
    def timeline(self, case: int) -> Sequence[TimelineEntry]: ...
    def verifying(self) -> Sequence[Case]:
        """Cases in state verifying, for the soak clock; uses an index."""

    def unstable(self) -> Sequence[Case]: ...
    def rehearsals(self, *, opened_before_ms: int) -> Sequence[Case]:
        """Open cases of fire drills that were opened before then."""


class OutboxStore(Protocol):
    def owe(
        self,
        *,
        channel: str,
        case: int,
        version: int,
        event_id: str,
        body: bytes,
        at_ms: int,
        not_before_ms: int,
        critical: bool,
    ) -> None: ...
    def claim(
        self, *, owner: str, now_ms: int, lease_ms: int, limit: int, channel: str | None = None
    ) -> Sequence[OutboxRow]:
        """Due rows, oldest per (case, channel) only, whose lease is free or over; takes the lease."""

    def channels_owed(self) -> Sequence[str]:
        """Channels to which anything is owed, also such as are no longer configured."""

    def delivered(self, row: int, *, owner: str, at_ms: int) -> bool:
        """False: the lease was lost meanwhile."""

    def failed(self, row: int, *, owner: str, error: str, next_try_ms: int, dead: bool) -> bool: ...
    def release(self, *, owner: str) -> None:
        """Gives back every lease of this owner untried."""

    def dead_letters(self, *, limit: int) -> Sequence[OutboxRow]: ...
    def of_case(self, case: int) -> Sequence[OutboxRow]: ...
    def resend(self, row: int, *, now_ms: int) -> None: ...
    def counts(self) -> Mapping[str, int]: ...
    def oldest_owed_ms(self) -> int | None: ...
    def release_backlog(self, *, agent_assets: Sequence[int], now_ms: int) -> None:
        """Notifications that waited for an agent to catch up become due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    name: str
    role: str
    customer: str | None
    password_hash: str
    language: str = "en"
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentToken:
    """Stored by the SHA-256 of its secret; the secret is shown once."""

    hash: str
    customer: str
    uses_left: int
    expires_ms: int
    replace: bool
    made_by: str
    made_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to whom, when."""

    at_ms: int
    actor: str
    action: str
    subject: str
    facts: Mapping[str, Fact]


class AccessStore(Protocol):
    """People, enrolment tokens, web sessions and the audit log."""

    def add_user(self, user: User) -> None: ...
    def user(self, name: str) -> User | None: ...
    def users(self) -> Sequence[User]: ...
    def add_token(self, token: EnrolmentToken) -> None: ...
    def use_token(self, hash: str, *, now_ms: int) -> EnrolmentToken:
        """Takes one use. Raises TokenRefused, saying which of wrong, used up, expired."""

    def tokens(self) -> Sequence[EnrolmentToken]: ...
    def add_session(self, *, hash: str, user: str, expires_ms: int) -> None: ...
    def session_user(self, hash: str, *, now_ms: int) -> User | None: ...
    def end_session(self, hash: str) -> None: ...
    def end_sessions_before(self, now_ms: int) -> None: ...
    def audit(self, *, at_ms: int, actor: str, action: str, subject: str, facts: Mapping[str, Fact]) -> None: ...
    def audits(self, *, limit: int) -> Sequence[AuditEntry]: ...
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


class StateStore(Protocol):
    def write(self) -> AbstractContextManager[Transaction]:
        """One at a time: BEGIN IMMEDIATE, synchronous=FULL. Raises StoreFailed; then nothing of it was kept."""

    def read(self) -> AbstractContextManager[Transaction]: ...
    def healthy(self) -> str:
        """ "" or one line saying what is wrong and what to do."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One stored sample, for pages and recounts (never on the hot path). value None = a gap, with its reason."""

    time_ms: int
    value: float | None
    states: int | None
    gap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """What the telemetry store holds, counted from the data: frames, samples, and frames stored more than once."""

    frames: int
    samples: int
    doubled: int
    by_epoch: Mapping[EpochKey, int] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What a channel says of one attempt. delivered False + permanent True: dead letter at once."""

    delivered: bool
    permanent: bool = False
    detail: str = ""
    retry_after_s: float | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNews:
    """One case event as it is told: the case after it, and what is known of its cause."""

    case: Case
    asset: Asset
    entry: TimelineEntry
    findings: tuple[FindingRow, ...]
    """Those of the case that fire."""
    why: Why | None
    not_before_ms: int
    """An agent catches up: nobody is told before this. 0 = at once."""


class Announcer(Protocol):
    """Writes the outbox rows of a case event (`notify/announcer.py`), in the desk's transaction."""

    def announce(self, tx: Transaction, news: CaseNews) -> None: ...


class Desk(Protocol):
    """The case desk, as intake and the ticker use it (`cases/desk.py`)."""

    def apply(self, tx: Transaction, transitions: Sequence[Transition], *, now_ms: int) -> None:
        """Findings, cases, timeline, why and outbox rows of these transitions, all in `tx`."""

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        """What time alone decides: backlog and window holds that end, joining that ends, verifying that closes."""

    def caught_up(self, tx: Transaction, *, assets: Sequence[int], now_ms: int) -> None:
        """An agent's backlog ended: what still fires opens now, its waiting notifications become due."""
