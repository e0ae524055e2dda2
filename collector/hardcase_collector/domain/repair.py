"""From confirming to closing: proposal, quote, hand-off to a vendor, service report, follow-up. Values alone.

Kept by `service/`, stored behind `repair_store.py`. Visits and engineers are `visit.py`, links without login `link.py`.
Times are ms of Unix time; 0 = not yet, or not told. Numbers of rows are 0 before they are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from hardcase_collector.domain.asset import Part

_MINOR_UNITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}
"""ISO 4217 currencies whose smallest unit is not a hundredth, as far as machines are repaired for them."""


class Manner(StrEnum):
    """How it is to be repaired."""

    REMOTE = "remote"
    ON_SITE = "on_site"
    PART = "part"
    """A part is replaced, by an engineer on site unless the customer fits it himself."""


class ConsentChannel(StrEnum):
    """How the customer's word came."""

    PHONE = "phone"
    MAIL = "mail"
    CHAT = "chat"
    IN_PERSON = "in_person"
    PAGE = "page"
    """Signed in to the pages."""
    LINK = "link"
    PLAN = "plan"
    """Given beforehand by the service plan."""


class ProposalState(StrEnum):
    OFFERED = "offered"
    CONSENTED = "consented"
    REFUSED = "refused"
    VOIDED = "voided"
    """A newer proposal took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is to be done, when and how long; work starts after the customer's consent."""

    id: int = 0
    case: int
    number: int
    """1, 2, ... within the case."""
    solution: str
    manner: Manner
    self_repair: bool = False
    """The customer fits the part himself."""
    expected_ms: int = 0
    """When it is to be done."""
    duration_s: int = 0
    steps: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    """What to mind first: the safety check of the live state, and what the engineer adds."""
    unsafe: bool = False
    """The safety check forbids touching the part as things are: then no plan's consent stands for the customer's."""
    part: Part = Part()
    """To be replaced, where it is not the case's own."""
    uncovered: tuple[str, ...] = ()
    """Kinds of quote line that the plan does not cover: labour, travel, part. Not empty: a quote is needed."""
    by: str
    made_ms: int
    state: ProposalState = ProposalState.OFFERED
    decided_ms: int = 0
    decided_by: str = ""
    """Who at the customer; for a plan's consent, the plan."""
    channel: ConsentChannel | None = None
    recorded_by: str = ""
    """Whoever on our side wrote the customer's word down; "" for a link."""
    reason: str = ""
    """Why it was refused."""


class LineKind(StrEnum):
    LABOUR = "labour"
    TRAVEL = "travel"
    PART = "part"


class LineReason(StrEnum):
    """Why a line is, or is not, free."""

    COVERED = "covered"
    PHONE_FOR_LIFE = "phone_for_life"
    """Remote help is free for the life of the machine."""
    GOODWILL = "goodwill"
    NO_PLAN = "no_plan"
    ENDED = "ended"
    """The entitlement is over, or has not begun."""
    QUOTED = "quoted"
    """The plan says that it is charged."""
    NOT_INCLUDED = "not_included"
    YEARS_OVER = "years_over"
    """Free for so many years from the purchase, which have passed."""
    CARRY_IN = "carry_in"
    """The machine is to be brought to a service point; a visit is extra."""


FREE = frozenset({LineReason.COVERED, LineReason.PHONE_FOR_LIFE, LineReason.GOODWILL})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLine:
    kind: LineKind
    text: str
    quantity: Decimal
    unit_price: Decimal
    why: LineReason
    part_number: str = ""

    @property
    def free(self) -> bool:
        return self.why in FREE

    def amount(self, currency: str) -> Decimal:
        """What is asked for it, in the smallest unit of the currency; 0 for what is free."""
        return money(Decimal(0) if self.free else self.quantity * self.unit_price, currency)


class QuoteState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    """By a revision, or with its proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a proposal costs the customer."""

    id: int = 0
    case: int
    proposal: int
    """Row of the proposal."""
    revision: int
    """1, 2, ... within the case."""
    currency: str
    """ISO 4217."""
    lines: tuple[QuoteLine, ...]
    tax_note: str = ""
    valid_until_ms: int
    by: str
    made_ms: int
    state: QuoteState = QuoteState.OPEN
    decided_ms: int = 0
    decided_by: str = ""
    channel: ConsentChannel | None = None
    recorded_by: str = ""
    reason: str = ""

    @property
    def total(self) -> Decimal:
        """Sum of the lines as they are shown, so that nobody finds a cent between them."""
        return sum((line.amount(self.currency) for line in self.lines), money(Decimal(0), self.currency))

    def settled(self) -> bool:
        """Nothing stands between it and the repair."""
        return self.state is QuoteState.ACCEPTED or (self.state is QuoteState.OPEN and self.total == 0)

    def valid(self, now_ms: int) -> bool:
        return self.state is QuoteState.OPEN and now_ms < self.valid_until_ms


def money(amount: Decimal, currency: str) -> Decimal:
    """Rounded half up to the smallest unit of the currency."""
    return amount.quantize(Decimal(1).scaleb(-_MINOR_UNITS.get(currency, 2)), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """The repair is a vendor's now."""

    id: int = 0
    case: int
    vendor: str
    vendor_case: str = ""
    rma: str = ""
    contract: str = ""
    promised_ms: int = 0
    by: str
    handed_ms: int
    updated_ms: int = 0
    done_ms: int = 0
    result: str = ""


class RepairResult(StrEnum):
    """What a service report says came of it."""

    REPAIRED = "repaired"
    PARTLY = "partly"
    NOT_REPAIRED = "not_repaired"
    NO_FAULT_FOUND = "no_fault_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedPart:
    """As a service report tells it."""

    name: str
    slot: str = ""
    part_number: str = ""
    old_serial: str = ""
    new_serial: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReport:
    """服务单: what was found, done and replaced, and what the customer signs. Its files are kept by their hash."""

    id: int = 0
    case: int
    number: str
    """Number of the case and of the report within it: HC-20260101-0001-R1."""
    dispatch: int | None = None
    found: str
    done: str
    result: RepairResult
    engineer: str
    parts: tuple[ReplacedPart, ...] = ()
    facts: str = ""
    """Frozen copy (JSON) of everything else on the paper: asset, times, site, quote."""
    by: str
    made_ms: int
    signed_ms: int = 0
    signed_by: str = ""
    """The name that the customer typed."""
    channel: ConsentChannel | None = None
    sent_ms: int = 0
    """When it went to the customer: the feedback stage."""
    files: tuple[str, ...] = ()
    """As "zh.pdf=<sha256>", newest last; a signature makes new ones."""


class FollowUpState(StrEnum):
    DUE = "due"
    """To be asked at `due_ms`."""
    ASKED = "asked"
    ANSWERED = "answered"
    DROPPED = "dropped"
    """The case was opened again, or the customer wishes no further question."""


LOW_SCORE = 2
"""1 and 2 of 5 ask for another look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """回访: one question after the repair whether it is really solved."""

    id: int = 0
    case: int
    number: int
    """1, 2, ... within the case: it is asked until the customer is satisfied."""
    state: FollowUpState
    due_ms: int
    asked_ms: int = 0
    asked: str = ""
    """Who was asked."""
    answered_ms: int = 0
    score: int = 0
    """1 to 5."""
    comment: str = ""
    channel: ConsentChannel | None = None
    recorded_by: str = ""
    engineer: str = ""
    """Who repaired it, as statistics count."""
    plan: str = ""

    @property
    def low(self) -> bool:
        return 0 < self.score <= LOW_SCORE


@dataclass(frozen=True, slots=True, kw_only=True)
class SatisfactionLine:
    """Statistics of answers: of one engineer or one plan."""

    name: str
    answers: int
    low: int
    scores: tuple[int, int, int, int, int] = field(default=(0, 0, 0, 0, 0))
    """How often each of 1 to 5 was given."""

    @property
    def mean(self) -> Decimal:
        """To a hundredth."""
        total = sum(score * count for score, count in enumerate(self.scores, 1))
        return (Decimal(total) / self.answers).quantize(Decimal("0.01"), ROUND_HALF_UP)
