"""What stands on a service report beyond found, done and result: frozen as text when it is written. Pure.

Printed by `press/`, which turns it into HTML and PDF in the reader's language and the site's time zone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Protocol

from hardcase_collector.domain.case import Case
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.repair import Quote, ServiceReport
from hardcase_collector.domain.visit import Dispatch
from hardcase_collector.registry.resolution import site_of
from hardcase_collector.service.served import served


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLine:
    """A line of the quote, as it was accepted."""

    kind: str
    text: str
    amount: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFacts:
    """Times are ms of Unix time; 0 = there was no such moment."""

    case: str
    customer: str
    site: str
    address: str
    rack: str
    unit: int
    time_zone: str
    vendor: str
    model: str
    serial: str
    hostname: str
    fault_classes: tuple[str, ...]
    part: str
    plan: str
    contract: str
    reported_ms: int
    arrived_ms: int
    finished_ms: int
    written_ms: int
    lines: tuple[PaperLine, ...] = ()
    total: str = ""
    currency: str = ""
    tax_note: str = ""
    rehearsal: bool = False
    plan_titles: Mapping[str, str] = field(default_factory=dict)
    """Language -> what `plan` is called; none in what an earlier release froze."""

    def text(self) -> str:
        """The frozen copy."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def facts_of(text: str) -> PaperFacts:
    """What was frozen."""
    told = json.loads(text)
    lines = tuple(PaperLine(**line) for line in told.pop("lines"))
    return PaperFacts(**{**told, "fault_classes": tuple(told.pop("fault_classes")), "lines": lines})


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One service report, ready for printing."""

    report: ServiceReport
    facts: PaperFacts
    titles: Mapping[str, str]
    """Fault class -> its title in the language."""


class Press(Protocol):
    """Prints papers; the same paper always gives the same bytes."""

    def html(self, paper: Paper, language: str) -> bytes: ...
    def pdf(self, paper: Paper, language: str) -> bytes: ...


def gather(tx: Transaction, case: Case, visit: Dispatch | None, quote: Quote | None, *, now_ms: int) -> PaperFacts:
    """As things are now."""
    asset = tx.assets.by_number(case.asset)
    site, custody, customer = site_of(tx, asset), tx.registry.custody(asset.id), tx.registry.customer(asset.customer)
    terms = served(tx, case)
    lines: tuple[PaperLine, ...] = ()
    if quote is not None:
        lines = tuple(
            PaperLine(kind=str(one.kind), text=one.text, amount=str(one.amount(quote.currency)), why=str(one.why))
            for one in quote.lines
        )
    return PaperFacts(
        case=case.number,
        customer=customer.title if customer else asset.customer,
        site=site.title or site.name,
        address=site.address,
        rack=custody.rack if custody else "",
        unit=custody.unit if custody else 0,
        time_zone=site.time_zone,
        vendor=asset.facts.vendor,
        model=asset.facts.model,
        serial=asset.facts.serial,
        hostname=asset.facts.hostname,
        fault_classes=case.fault_classes,
        part=" ".join(filter(None, (case.part.component, case.part.slot, case.part.model, case.part.part_number))),
        plan=terms.plan,
        plan_titles=dict(terms.title),
        contract=terms.contract,
        reported_ms=case.opened_ms,
        arrived_ms=visit.arrived_ms if visit else 0,
        finished_ms=(visit.ended_ms if visit else 0) or now_ms,
        written_ms=now_ms,
        lines=lines,
        total=str(quote.total) if quote else "",
        currency=quote.currency if quote else "",
        tax_note=quote.tax_note if quote else "",
        rehearsal=case.rehearsal,
    )
