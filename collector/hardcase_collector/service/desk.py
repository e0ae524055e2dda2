"""Everything that people do around a case, joined: what pages, control socket and ticker are given. Made by
`composition.py` through `service_desk`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.link import NewLink
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.report import EvidenceStore
from hardcase_collector.service.briefing import Counsellor
from hardcase_collector.service.engineers import Engineers
from hardcase_collector.service.follow_ups import FollowUps
from hardcase_collector.service.guesses import Guesses
from hardcase_collector.service.inviting import invite
from hardcase_collector.service.link_making import LinkMaker
from hardcase_collector.service.links import Deeds, Links
from hardcase_collector.service.paper import Press
from hardcase_collector.service.proposals import Proposals
from hardcase_collector.service.quotes import Quotes
from hardcase_collector.service.served import PlanNamed
from hardcase_collector.service.service_reports import ServiceReports, Titles
from hardcase_collector.service.site_access import SiteAccesses
from hardcase_collector.service.vendors import Vendors
from hardcase_collector.service.visits import Visits


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDesk:
    proposals: Proposals
    quotes: Quotes
    engineers: Engineers
    visits: Visits
    access: SiteAccesses
    vendors: Vendors
    reports: ServiceReports
    follow_ups: FollowUps
    maker: LinkMaker
    """Makes a link for somebody."""
    links: Links
    """Opens one and does its deed."""

    def invite(
        self, tx: Transaction, case: Case, *, by: Actor, now_ms: int, names: Sequence[str] = ()
    ) -> Sequence[NewLink]:
        """Asks for consent; see `inviting.py`."""
        return invite(tx, case, self.maker, by=by, now_ms=now_ms, names=names)

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        """What time alone decides; looks only at what is due."""
        self.visits.tick(tx, now_ms=now_ms)
        self.access.tick(tx, now_ms=now_ms)
        self.follow_ups.tick(tx, now_ms=now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the desk needs of the rest."""

    announcer: Announcer
    actions: CaseActions
    counsellor: Counsellor
    plan_named: PlanNamed
    press: Press
    evidence: EvidenceStore
    titles: Titles
    tokens: Callable[[], str]
    """A new random token, `link_making.TOKEN_BYTES` long or more."""
    address: Callable[[str], str]
    """Token -> URL of the page behind it."""


def service_desk(needs: Needs) -> ServiceDesk:
    maker = LinkMaker(needs.announcer, tokens=needs.tokens, address=needs.address)
    proposals = Proposals(needs.announcer, counsellor=needs.counsellor, plan_named=needs.plan_named)
    quotes = Quotes(needs.announcer, plan_named=needs.plan_named)
    visits = Visits(needs.announcer, maker)
    reports = ServiceReports(needs.announcer, maker, press=needs.press, evidence=needs.evidence, titles=needs.titles)
    follow_ups = FollowUps(needs.announcer, maker, needs.actions)
    deeds = Deeds(proposals=proposals, quotes=quotes, visits=visits, reports=reports, follow_ups=follow_ups)
    return ServiceDesk(
        proposals=proposals,
        quotes=quotes,
        engineers=Engineers(),
        visits=visits,
        access=SiteAccesses(needs.announcer),
        vendors=Vendors(needs.announcer),
        reports=reports,
        follow_ups=follow_ups,
        maker=maker,
        links=Links(deeds, Guesses()),
    )
