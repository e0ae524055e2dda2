"""Read model of everything around a case: clocks, place, people, proposals, visits, parts, files, and cases near it.

Used by the case's page. Pure reading within one snapshot; the case was found in the asker's scope before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hardcase_collector.cases.clockwork import clocks_of
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.customer import Contact, Custody, Site
from hardcase_collector.domain.errors import TermsUnreadable
from hardcase_collector.domain.ports import CaseFilter, Transaction
from hardcase_collector.domain.repair import (
    FollowUp,
    HandOff,
    Proposal,
    ProposalState,
    Quote,
    QuoteState,
    ServiceReport,
)
from hardcase_collector.domain.report import Attachment, Report
from hardcase_collector.domain.service_terms import CaseTerms
from hardcase_collector.domain.spares import PartOrder
from hardcase_collector.domain.visit import Dispatch, SiteAccess
from hardcase_collector.plans.clocks import Clock
from hardcase_collector.plans.frozen import terms_of
from hardcase_collector.plans.plan import Plan
from hardcase_collector.registry.resolution import contacts_of, site_of

OTHERS_SHOWN = 20

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    terms: CaseTerms | None
    plan: Plan | None
    """As it was when the case was opened."""
    clocks: tuple[Clock, ...]
    custody: Custody | None
    site: Site
    contacts: tuple[Contact, ...]
    unreadable: bool
    """Its frozen terms cannot be read: there are promises, and nobody here knows which."""
    proposals: tuple[Proposal, ...]
    """Newest first, as everything here."""
    quotes: tuple[Quote, ...]
    dispatches: tuple[Dispatch, ...]
    accesses: tuple[SiteAccess, ...]
    hand_offs: tuple[HandOff, ...]
    service_reports: tuple[ServiceReport, ...]
    follow_ups: tuple[FollowUp, ...]
    orders: tuple[PartOrder, ...]
    replaced: tuple[PartOrder, ...]
    """What was replaced in this machine before, whatever the case."""
    reports: tuple[Report, ...]
    attachments: tuple[Attachment, ...]
    linked: Case | None
    """The closed case that this one is a later recurrence of."""
    parent: Case | None
    """The case of the storm that it belongs to."""
    children: tuple[Case, ...]
    others: tuple[Case, ...]
    """Further open cases of the asset."""

    @property
    def quote(self) -> Quote | None:
        """The one that holds, where there is one."""
        return next((one for one in self.quotes if one.state is not QuoteState.SUPERSEDED), None)

    @property
    def in_writing(self) -> bool:
        """The customer has consented to what was proposed last, and to its price where it has one."""
        newest = self.proposals[0] if self.proposals else None
        if newest is None or newest.state is not ProposalState.CONSENTED:
            return False
        quote = next((one for one in self.quotes if one.proposal == newest.id), None)
        return not newest.uncovered if quote is None else quote.settled()

    @property
    def hand_off(self) -> HandOff | None:
        """The one under way."""
        return next((one for one in self.hand_offs if not one.done_ms), None)


def around(tx: Transaction, case: Case, asset: Asset, *, internal: bool, now_ms: int) -> Around:
    """`internal`: also what the customer never sees."""
    open_cases = tx.cases.list(CaseFilter(customer=asset.customer, open_only=True, asset=asset.id, limit=OTHERS_SHOWN))
    terms = tx.clocks.terms(case.id)
    children = tuple(tx.noise.children(case.id))
    plan, clocks, unreadable = _promises(tx, case, terms, now_ms)
    return Around(
        terms=terms,
        plan=plan,
        clocks=clocks,
        unreadable=unreadable,
        custody=tx.registry.custody(asset.id),
        site=site_of(tx, asset),
        contacts=contacts_of(tx, asset),
        proposals=_newest(tx.repairs.proposals(case.id)),
        quotes=_newest(tx.repairs.quotes(case.id)),
        dispatches=_newest(tx.repairs.dispatches(case.id)),
        accesses=_newest(tx.repairs.accesses(case.id)),
        hand_offs=_newest(tx.repairs.hand_offs(case.id)),
        service_reports=_newest(tx.repairs.service_reports(case.id)),
        follow_ups=_newest(tx.repairs.follow_ups(case.id)),
        orders=_newest(tx.spares.orders_of(case.id)),
        replaced=tuple(order for order in tx.spares.replaced(asset.id) if order.case != case.id),
        reports=_newest(tx.reports.of_case(case.id)),
        attachments=_newest(tx.reports.attachments(case.id, internal=internal)),
        linked=tx.cases.get(case.linked) if case.linked else None,
        parent=tx.cases.get(case.parent) if case.parent else None,
        children=children,
        others=tuple(one for one in open_cases if one.id != case.id and one not in children),
    )


def _promises(
    tx: Transaction, case: Case, terms: CaseTerms | None, now_ms: int
) -> tuple[Plan | None, tuple[Clock, ...], bool]:
    """The plan, its clocks, and whether they cannot be read: the page says so, and the rest of it is there."""
    try:
        return (terms_of(terms).plan if terms else None), clocks_of(tx, case, now_ms), False
    except TermsUnreadable:
        return None, (), True


def _newest(found: Sequence[_Row]) -> tuple[_Row, ...]:
    return tuple(reversed(found))
