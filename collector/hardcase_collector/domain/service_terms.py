"""What a case is served under and how its clocks stand, as the store keeps it; teams and who is on duty. Values alone.

Written by `cases/`; what the frozen text holds is `plans/frozen.py`, who is on duty when is `plans/rota.py`. Times are
ms of Unix time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from hardcase_collector.domain.case import Case, Waiting
from hardcase_collector.domain.priority import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTerms:
    """Frozen when the case was opened; a case that is opened again keeps them."""

    case: int
    plan: str
    """Name of the plan; its rows as they were then are in `frozen`."""
    frozen: str
    """Plan, windows, zone and calendars as they were known then: JSON, the same text for all cases of like terms."""
    priority: Priority
    """When it was opened."""
    entitlement: int | None = None
    """None: nothing covered the part."""
    vendor: str = ""
    contract: str = ""
    site: str = ""
    entitled_from: date | None = None
    entitled_until: date | None = None
    provisional: bool = False
    """A year of its calendars was not official yet."""


class Standing(StrEnum):
    """How the nearest clock of a case stands."""

    RUNNING = "running"
    """Its due time is fixed while nothing happens; in the past: it is breached and what it promised is still owed."""
    PAUSED = "paused"
    """Somebody's reason holds it: what is left stands still, and when it is due shows when it goes on."""
    WATCHED = "watched"
    """No clock: its plan promises no acknowledgement, and by its due time somebody is called where nobody answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClock:
    """One row for each case that still owes something: the clock that is nearest, and when to look again."""

    case: int
    kind: str
    """`plans.plan.ClockKind`."""
    round: int
    state: Standing
    due_ms: int
    """Of a paused clock: if it went on at once, when it was looked at."""
    left_ms: int
    """When it was looked at; below 0 = overdue."""
    looked_ms: int
    look_ms: int
    """The next moment at which something is to be told; 0 = only after something happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """What of the queue to list. `customer` None = every customer, for those alone who may see all."""

    customer: str | None
    assignee: str | None = None
    """None: whoever works on it."""
    visiting: str | None = None
    """Beside his own (`assignee`) those that this engineer is asked to visit, or on his way to."""
    unassigned: bool = False
    waiting: Waiting | None = None
    team: str | None = None
    site: str | None = None
    priority: Priority | None = None
    asset: int | None = None
    rehearsal: bool | None = None
    children: bool = False
    """True: also the cases of a storm, whose parent alone runs clocks."""
    follow_ups: bool = False
    """True: closed cases whose follow-up is owed, in place of open ones."""
    after: tuple[int, int, int] | None = None
    """`QueueLine.place` of the last line seen: what comes after it."""
    limit: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """A case in the queue: what is due first, then paused ones by what is left, then those without clocks."""

    case: Case
    clock: CaseClock | None
    customer: str
    asset_name: str
    place: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueGroup:
    """So many open cases are alike in everything that the queue can be narrowed to."""

    count: int
    overdue: int
    """Of them, those whose nearest clock runs and is past its time."""
    assignee: str
    waiting: Waiting
    team: str
    site: str
    priority: Priority


class ShiftDays(StrEnum):
    WORKDAYS = "workdays"
    REST_DAYS = "rest_days"
    """Weekends and public holidays."""
    EVERY_DAY = "every_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Hours of a team's local day with people of their own. A shift that closes at or before it opens ends next day."""

    name: str
    days: ShiftDays
    opens_minute: int
    closes_minute: int
    people: tuple[str, ...] = ()
    """In their order; empty = the team's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People on duty by turns (值班), and which cases are theirs. Every condition that is given must hold."""

    name: str
    title: str
    zone: str
    """IANA name of the zone in which shifts and hand-over are meant."""
    people: tuple[str, ...]
    """In their order: one more week, one further."""
    manager: str = ""
    country: str = ""
    """Whose holidays are days of rest; ISO 3166-1 alpha-2, "" = none."""
    hand_over_weekday: int = 0
    """Monday = 0."""
    hand_over_minute: int = 9 * 60
    since: date = date(2026, 1, 5)
    """In the week of this day the first person is first."""
    shifts: tuple[Shift, ...] = ()
    """The first that covers a moment counts; outside all of them the team's own order."""
    default: bool = False
    """Takes what no other team takes."""
    customers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    """What they are skilled in: of the part's class, such as disk."""
    unacknowledged_s: int = 0
    """So long after the report an unacknowledged case goes to the next person; 0 = at half of its clock, or after four
    hours where its plan promises no acknowledgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """From (included) to (excluded) somebody else is there in a person's place."""

    id: int
    team: str
    from_ms: int
    until_ms: int
    out: str
    into: str
    """ "" = nobody: he is away, the next in order is first."""
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownYear:
    """An official calendar that was imported."""

    country: str
    subdivision: str
    year: int
    days_off: tuple[date, ...] = field(default_factory=tuple)
    workdays: tuple[date, ...] = field(default_factory=tuple)
    """Days of rest that are worked."""
    by: str = ""
    at_ms: int = 0
