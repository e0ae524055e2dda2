"""How good each rule is, from how the cases it had a hand in ended. Pure; asked by the rules command and the pages.

A rule had a hand in a case where a finding of it was given to the case. Drills are left out. A duplicate says nothing
of the rule, and neither does a case whose end nobody told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hardcase_collector.domain.case import Outcome
from hardcase_collector.domain.ports import StateStore, Transaction

_YEAR_MS = 365 * 86_400_000
_FRESH_MS = 15 * 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Cases of one rule, by how they ended."""

    rule: str
    confirmed: int = 0
    """Repaired."""
    accepted: int = 0
    """There was a fault, and the customer lives with it."""
    false_alarm: int = 0
    no_fault_found: int = 0
    duplicate: int = 0
    unknown: int = 0

    @property
    def judged(self) -> int:
        """Of how many it is known whether there was a fault."""
        return self.confirmed + self.accepted + self.false_alarm + self.no_fault_found

    @property
    def cases(self) -> int:
        return self.judged + self.duplicate + self.unknown

    @property
    def share(self) -> float | None:
        """Part of the judged cases in which there was a fault; None where none was judged."""
        return (self.confirmed + self.accepted) / self.judged if self.judged else None


def precision(tx: Transaction, *, customer: str | None, from_ms: int, until_ms: int) -> tuple[Precision, ...]:
    """Of every rule with a case that ended within [from, until), by name."""
    found: dict[str, dict[Outcome, int]] = {}
    for ending in tx.reports.endings(customer=customer, from_ms=from_ms, until_ms=until_ms):
        found.setdefault(ending.rule, {})[ending.outcome] = ending.cases
    return tuple(_of(rule, counts) for rule, counts in sorted(found.items()))


class Confidence:
    """The precision of rules over the last year, for whoever shows advice: over all customers, because a rule is as
    good as it is. Counted anew at most once in a quarter of an hour: many look at cases, and it moves slowly.
    """

    def __init__(self, store: StateStore, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._counting = threading.Lock()
        self._counted_ms: int | None = None
        self._known: Mapping[str, Precision] = {}

    def of(self, rules: Iterable[str]) -> tuple[Precision, ...]:
        """Those of which any case was judged, by name. Blocking: call from a thread."""
        known = self._fresh()
        return tuple(known[rule] for rule in sorted(set(rules)) if rule in known and known[rule].judged)

    def _fresh(self) -> Mapping[str, Precision]:
        now_ms = self._clock_ms()
        with self._counting:
            # A clock that was set back must not keep old numbers for years.
            if self._counted_ms is None or not 0 <= now_ms - self._counted_ms < _FRESH_MS:
                with self._store.read() as tx:
                    found = precision(tx, customer=None, from_ms=now_ms - _YEAR_MS, until_ms=now_ms + 1)
                self._known, self._counted_ms = {one.rule: one for one in found}, now_ms
            return self._known


def _of(rule: str, counts: Mapping[Outcome, int]) -> Precision:
    return Precision(
        rule=rule,
        confirmed=counts.get(Outcome.REPAIRED, 0),
        accepted=counts.get(Outcome.ACCEPTED, 0),
        false_alarm=counts.get(Outcome.FALSE_ALARM, 0),
        no_fault_found=counts.get(Outcome.NO_FAULT_FOUND, 0),
        duplicate=counts.get(Outcome.DUPLICATE, 0),
        unknown=counts.get(Outcome.UNKNOWN, 0),
    )
