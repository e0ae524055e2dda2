"""What keeps noise from people: maintenance windows over many assets, storms, and the question why. Values only.

Windows are resolved by `cases/windows.py`, storms by `cases/storms.py`; the store's port is `noise_store.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.domain.finding import Severity

NEVER_MS = (1 << 53) - 1
"""A time that does not come: the largest number that JSON's readers agree on."""
STORM_GROUP = "storm"
"""Repair group of the cases that storms open: no finding is ever of it, and none joins such a case."""


class Breadth(StrEnum):
    """Which assets a window is for."""

    ASSET = "asset"
    RACK = "rack"
    SITE = "site"
    TAG = "tag"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWindow:
    """A maintenance window as a person opened it, once or every week. Times are ms of Unix time."""

    id: bytes
    breadth: Breadth
    scope: str
    """What assets look for, see `scope_key`: an asset that joins the site later is inside."""
    customer: str
    subject: str
    """As people name it: "3", "berlin", "berlin/R12", "db"; "" for a whole customer."""
    from_ms: int
    until_ms: int
    """Of the first time."""
    weekly: bool = False
    time_zone: str = "UTC"
    """IANA name; a weekly window keeps its local hours."""
    last_ms: int
    """When it is over for good; NEVER_MS for a weekly one without an end."""
    moved: Mapping[int, int] = field(default_factory=dict)
    """Start of a time -> its end, where it was ended early or prolonged."""
    reason: str = ""
    by: str = ""
    opened_ms: int = 0


def scope_key(breadth: Breadth, *names: str | int) -> str:
    """ "asset:3", "rack:north/berlin/R12", "tag:north/db", "customer:north"."""
    return f"{breadth}:{'/'.join(str(name).replace('%', '%25').replace('/', '%2F') for name in names)}"


class StormScope(StrEnum):
    """What the cases of a storm share."""

    ASSET = "asset"
    ENCLOSURE = "enclosure"
    """Disk shelf of one asset, as the slots' names tell it."""
    FEED = "feed"
    RACK = "rack"
    MESSAGE = "message"
    """One message of firmware or kernel, on assets of one customer."""
    SITE = "site"


class Counted(StrEnum):
    """What must differ for a storm."""

    FINDINGS = "findings"
    CASES = "cases"
    ASSETS = "assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class StormKind:
    """From the sheets: so many of these within so long are one storm."""

    name: str
    scope: StormScope
    fault_class: str
    component: str
    """Of the part that the parent case is about."""
    classes: tuple[str, ...]
    """Patterns of fault classes that count."""
    counted: Counted
    count: int
    window_ms: int
    calm_ms: int
    """Nothing new for so long: it is looked at whether it is over."""
    gone_percent: int
    """So many of its cases are clear: the cause is gone, and what is left has causes of its own."""
    severity: Severity
    """Of the parent at least; it is as severe as its worst case when the storm begins."""
    soak_s: int
    racks: int = 1
    """Sites: of so many racks; an asset of no known rack counts as one."""


@dataclass(frozen=True, slots=True)
class StormSeen:
    """One finding that counts towards a storm."""

    case: int
    asset: int
    finding: int
    at_ms: int
    rack: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What is counted for one kind in one scope, and the case of the storm while there is one."""

    kind: str
    scope: str
    parent: int | None = None
    last_ms: int = 0
    """Commit time of the newest that came."""
    due_ms: int = 0
    """When it is looked at whether the storm is over; without a parent: when the count is stale."""
    seen: tuple[StormSeen, ...] = ()
    """Newest last; bounded by `cases/storms.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyFilter:
    """Which stored answers to list, newest first. `customer` None = every customer, for administrators alone."""

    customer: str | None
    asset: int | None = None
    case: int | None = None
    part: str = ""
    """`Part.key()`, or its beginning up to ":" or "@": a component."""
    rule: str = ""
    reason: str = ""
    from_ms: int = 0
    until_ms: int = NEVER_MS
    """By the time of the reading."""
    opened: bool | None = None
    limit: int = 100
