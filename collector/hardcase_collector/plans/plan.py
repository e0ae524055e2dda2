"""What a service plan says: promises as rows of a table by priority, what it covers, what it costs. Values alone.

Made by `reader.py` from sheets; `clocks.py` holds a case against them, `comparison.py` plans against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from hardcase_collector.domain.priority import Priority

Texts = Mapping[str, str]


class ClockKind(StrEnum):
    """Which promise."""

    ACKNOWLEDGE = "acknowledge"
    REMOTE_RESPONSE = "remote_response"
    DISPATCH = "dispatch"
    ON_SITE = "on_site"
    REPAIR = "repair"
    FOLLOW_UP = "follow_up"
    VENDOR = "vendor"


class Moment(StrEnum):
    """What happens to a case that can start or stop a clock."""

    REPORTED = "reported"
    """Opened, or opened again after it was closed: the case is committed at the collector."""
    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    """A specialist speaks with the customer for the first time."""
    CONFIRMED = "confirmed"
    CONSENTED = "consented"
    AGREED = "agreed"
    """The time that was agreed with the customer has come; a later agreement replaces an earlier one."""
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    REPAIRED = "repaired"
    """An engineer says so."""
    VERIFIED = "verified"
    """Nothing fires any more, or a person tested it."""
    HANDED_TO_VENDOR = "handed_to_vendor"
    VENDOR_DONE = "vendor_done"
    CLOSED = "closed"
    FOLLOWED_UP = "followed_up"


class PauseReason(StrEnum):
    """Why a clock may stand still. Only if the promise allows that reason."""

    CUSTOMER_DEFERRAL = "customer_deferral"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    """Proposed, and not yet consented."""
    WAITING_FOR_PART = "waiting_for_part"
    WAITING_FOR_VENDOR = "waiting_for_vendor"
    NO_SITE_ACCESS = "no_site_access"
    FORCE_MAJEURE = "force_majeure"


class DayRule(StrEnum):
    WORKDAYS = "workdays"
    EVERY_DAY = "every_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hours in which time counts, by the site's local clock."""

    name: str
    days: DayRule
    opens_minute: int
    """Minute of the local day."""
    closes_minute: int
    """1440 = midnight at the end of the day."""

    @property
    def always(self) -> bool:
        return self.days is DayRule.EVERY_DAY and self.opens_minute == 0 and self.closes_minute == 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One row. Due after `within_s` of counted time or, where `coverage_days` > 0, at the end of a day: a date rule."""

    clock: ClockKind
    priorities: tuple[Priority, ...]
    start: Moment
    stop: tuple[Moment, ...]
    within_s: int
    """Seconds of counted time; 0 with a date rule."""
    coverage_days: int
    """Due at the close of the window on that many coverage days after the day on which the report counts as made."""
    window: Window
    cut_off_minute: int | None = None
    """A start later on a coverage day counts as made on the next one. Minute of the local day."""
    calendar: str = "site"
    """Whose holidays: the site's own, or a calendar of the sheets by name."""
    pauses: frozenset[PauseReason] = frozenset()
    self_repair_waives: bool = False
    """It no longer applies once the customer takes the part to fit it himself."""
    set_up_days: int = 0
    """It does not hold for reports in the first days of an entitlement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is free, for how long. Years count from the date of purchase; 0 = never."""

    parts_years: int = 0
    labour_years: int = 0
    on_site_years: int = 0
    provider: str = "vendor"
    """vendor, agent or either."""
    carry_in: bool = False
    """The machine is brought to a service point."""
    same_engineer: bool = False
    """Repeated calls on one problem go to the same engineer."""
    phone_for_life: bool = False
    quoted: tuple[str, ...] = ()
    """What is quoted and accepted before it is done: labour, parts, travel."""
    pre_consent: tuple[str, ...] = ()
    """What may begin without asking the customer again: remote, on_site, part. Never what is quoted or unsafe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What it costs for a kind of machine. Where only a range was published, both ends of it."""

    machine: Texts
    currency: str
    """ISO 4217."""
    low: Decimal
    high: Decimal
    years: int
    """For this many years together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    name: str
    title: Texts
    source: str
    """Where its figures come from."""
    coverage: Coverage
    promises: tuple[Promise, ...] = ()
    prices: tuple[Price, ...] = ()
    file: str = ""
    line: int = 0

    def promise(self, clock: ClockKind, priority: Priority) -> Promise | None:
        for promise in self.promises:
            if promise.clock is clock and priority in promise.priorities:
                return promise
        return None

    def clocks(self) -> tuple[ClockKind, ...]:
        """Those that it promises anything about, in the order in which they run."""
        promised = {promise.clock for promise in self.promises}
        return tuple(kind for kind in ClockKind if kind in promised)


@dataclass(frozen=True, slots=True)
class PlanBook:
    """All plans, windows and calendars of the sheets."""

    plans: Mapping[str, Plan]
    windows: Mapping[str, Window]
    calendars: Mapping[str, CalendarSheet] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSheet:
    """A calendar as a sheet names it: a country's, with years that were imported."""

    country: str
    """ISO 3166-1 alpha-2; "" = no public holidays."""
    subdivision: str = ""
    weekend: frozenset[int] | None = None
    """Days of rest, Monday = 0; None = the country's."""
    years: Mapping[int, YearSheet] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class YearSheet:
    """An imported official year, as ISO dates: what is off, and which days of rest are worked."""

    days_off: tuple[str, ...]
    workdays: tuple[str, ...]
