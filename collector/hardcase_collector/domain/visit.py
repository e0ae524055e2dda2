"""Engineers, their visits (dispatches) and the way into the machine room. Values; the table is `service/visiting.py`.

Times are ms of Unix time; 0 = not yet, or not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkHours:
    """When somebody works, by the clock of his own place."""

    time_zone: str = "UTC"
    """IANA name."""
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """Monday = 0."""
    opens_minute: int = 0
    closes_minute: int = 1440
    """Minute of the local day; at or below `opens_minute`: a shift through midnight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engineer:
    """Somebody who can be sent."""

    name: str
    """Short and unique; the name he signs in with, if he does."""
    title: str
    """As people call him and as the service report names him."""
    mail: str = ""
    phone: str = ""
    language: str = "en"
    """In which he is written to."""
    languages: tuple[str, ...] = ()
    """That he speaks with customers."""
    components: tuple[str, ...] = ()
    """What he can repair; empty = everything."""
    vendors: tuple[str, ...] = ()
    """Whose machines; empty = everybody's."""
    home: str = ""
    """Site he is at, as "customer/site"."""
    sites: tuple[str, ...] = ()
    """Sites he serves, as "customer/site"; empty = every site."""
    hours: WorkHours = WorkHours()
    team: str = ""
    active: bool = True


class DispatchState(StrEnum):
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    ON_THE_WAY = "on_the_way"
    ARRIVED = "arrived"
    DONE = "done"
    FAILED = "failed"
    DECLINED = "declined"
    """By the engineer, or because he did not answer in time."""
    CANCELLED = "cancelled"


class DispatchAction(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    DEPART = "depart"
    ARRIVE = "arrive"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"


OPEN_VISITS = frozenset(
    {DispatchState.REQUESTED, DispatchState.ACCEPTED, DispatchState.ON_THE_WAY, DispatchState.ARRIVED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """An engineer sent."""

    id: int = 0
    case: int
    number: int
    """1, 2, ... within the case."""
    engineer: str
    state: DispatchState
    by: str
    requested_ms: int
    answer_by_ms: int = 0
    """Unanswered until then it goes to the next one; 0 = no deadline."""
    expected_ms: int = 0
    """When he says, or is told, that he will be there."""
    duration_s: int = 0
    """How long he is expected to be busy there."""
    automatic: bool = True
    """Declined or unanswered it goes on to the next suggestion by itself."""
    accepted_ms: int = 0
    departed_ms: int = 0
    arrived_ms: int = 0
    ended_ms: int = 0
    reason: str = ""
    """Why declined, failed or cancelled."""
    result: str = ""

    @property
    def open(self) -> bool:
        return self.state in OPEN_VISITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One engineer for one case, best first, with what speaks for and against him."""

    engineer: Engineer
    same: bool
    """Was there for the same problem before."""
    skilled: bool
    near: int
    """0 at home on that site, 1 serves it, 2 at home in the same country, 3 elsewhere."""
    speaks: bool
    """A language of the customer."""
    at_work: bool
    """Within his hours now."""
    load: int
    """Open visits."""


class AccessState(StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAccess:
    """入室申请: who may enter the machine room, from when until when."""

    id: int = 0
    case: int
    number: int
    """1, 2, ... within the case."""
    dispatch: int | None = None
    names: tuple[str, ...]
    from_ms: int
    until_ms: int
    state: AccessState = AccessState.APPLIED
    by: str
    applied_ms: int
    decided_ms: int = 0
    decided_by: str = ""
    reference: str = ""
    """The customer's own number of it."""
    reason: str = ""
    paused: bool = False
    """Clocks stand still for it."""
