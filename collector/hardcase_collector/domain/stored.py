"""What the stores hand out and take in: marks, feeds, findings, outbox rows, people. Frozen values, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case, TimelineEntry
from hardcase_collector.domain.finding import Fact, FindingKey, Severity, Why
from hardcase_collector.domain.spares import Depot, Spare, StockLevel, StockLine


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
    opens: bool = True
    """As severe as it is now, it may open a case."""
    device_asserted: bool = False


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
    """One event owed to one channel. Order is kept per (case, channel), or per (subject, channel) where it has none."""

    id: int
    channel: str
    case: int | None
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
    subject: str = ""
    """What it is about, where that is no case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockNews:
    """Stock of a depot fell to a mark, or is above all of them again."""

    line: StockLine
    """As it is now; `told` numbers the news of this line."""
    was: StockLevel
    spare: Spare
    depot: Depot
    actor: str
    at_ms: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """What to list. `customer` None = every customer, allowed only to the collector's own administrator."""

    customer: str | None
    open_only: bool = True
    asset: int | None = None
    states: tuple[str, ...] = ()
    limit: int = 200
    rehearsal: bool | None = None
    before: int | None = None
    """Only cases with a lower id: how a long list goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    name: str
    role: str
    customer: str | None
    password_hash: str
    language: str = "en"
    time_zone: str = "UTC"
    locked: bool = False
    """May not sign in; his sessions ended, his API tokens are refused."""
    must_change: bool = False
    """Somebody else knows the password: nothing is shown to him until he has changed it."""


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
    site: str = ""
    """Where the books put an asset that joins by it, unless they say so already."""
    networks: tuple[str, ...] = ()
    """From where it is taken, as `joining.read_networks` writes them; () = from everywhere."""
    serials: tuple[str, ...] = ()
    """Which hosts may use it, as `joining.read_serials` writes them; () = any."""
    approve: bool = False
    """Each host waits for a person."""
    revoked_ms: int = 0
    root: str = ""
    """SHA-256 of the CA whose fingerprint was printed with it, hex."""

    @property
    def id(self) -> str:
        """What a person types: the start of its hash."""
        return self.hash[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSummary:
    """What a list of assets shows of one beside its facts and cases."""

    observers: tuple[int, ...] = ()
    """Numbers of the agents that may write for it."""
    watched: int = 0
    unreadable: int = 0
    """Lines of coverage with that status."""
    firing: int = 0
    """Findings, with or without a case."""
    last_reading_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to whom, when."""

    at_ms: int
    actor: str
    action: str
    subject: str
    facts: Mapping[str, Fact]
    number: int = 0
    """In the order in which they were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries; "" and 0 = no matter. `after`: those with a higher number, oldest first."""

    customer: str | None
    actor: str = ""
    action: str = ""
    """The action, or with a dot at its end all that begin so."""
    subject: str = ""
    from_ms: int = 0
    until_ms: int = 0
    after: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSeal:
    """What proves that an entry is as it was written."""

    number: int
    seal: str
    """SHA-256 of the entry and the salt."""
    salt: str
    digest: str
    """SHA-256 of the digest before it and this seal."""
    because: str
    """Why the entry was changed since; "" = it was not."""
    holds: bool | None
    """Whether the entry is what was sealed; None: it is gone, or was changed."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What a channel says of one attempt. delivered False + permanent True: dead letter at once."""

    delivered: bool
    permanent: bool = False
    detail: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentLink:
    """A link without login on its way to its person. Its token is in this notification, and nowhere else."""

    purpose: str
    url: str
    whom: str
    mail: str = ""
    language: str = "en"


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
    storm: str = ""
    """Number of the case of the storm that this one belongs to."""
    link: SentLink | None = None
