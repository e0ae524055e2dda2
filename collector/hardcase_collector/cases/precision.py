"""How good each rule is, from how the cases it had a hand in ended. Pure; asked by the rules command and the pages.

A rule had a hand in a case where a finding of it was given to the case. Drills are left out. A duplicate says nothing
of the rule, and neither does a case whose end nobody told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hardcase_collector.domain.case import Outcome
from hardcase_collector.domain.ports import Transaction


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


def precision_of(tx: Transaction, rules: Iterable[str], *, from_ms: int, until_ms: int) -> Mapping[str, Precision]:
    """The same of these rules, over all customers: what is shown beside advice. A rule without cases is left out."""
    counts = tx.reports.endings_of(rules, from_ms=from_ms, until_ms=until_ms)
    return {rule: _of(rule, endings) for rule, endings in counts.items()}


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
