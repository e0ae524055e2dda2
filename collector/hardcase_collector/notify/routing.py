"""Which channels hear of a case event, and of stock. Pure; asked by `announcer.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_collector.domain.case import Case
from hardcase_collector.domain.finding import Severity


class Drills(StrEnum):
    """What a channel does with fire drills."""

    SEND = "send"
    SKIP = "skip"
    ONLY = "only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One channel, and what it wants to hear."""

    channel: str
    min_severity: Severity = Severity.MINOR
    drills: Drills = Drills.SEND

    def wants(self, case: Case) -> bool:
        if case.rehearsal and self.drills is Drills.SKIP:
            return False
        if not case.rehearsal and self.drills is Drills.ONLY:
            return False
        return case.severity >= self.min_severity

    def wants_stock(self) -> bool:
        """Low stock is of no case: minor, at every mark, so that who hears of it also hears that it is over."""
        return self.drills is not Drills.ONLY and self.min_severity <= Severity.MINOR
