"""Reporting a fault: which machine, what is known of it already, and the report, or joining a case that is open.

What a report becomes is `cases/reports.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from hardcase_collector.cases.reports import Reports, Telling
from hardcase_collector.cases.workflow import Deed, may, require
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.report import Caller, ReportChannel
from hardcase_collector.domain.search import Hit, HitKind
from hardcase_collector.web import picture
from hardcase_collector.web.access import Person
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.pages.forms import Answers, filled_in
from hardcase_collector.web.pages.frame import Frame, Refused, Visitor, check_form
from hardcase_collector.web.ports import Shop

HITS_SHOWN = 30
_SEVERITIES = {one.word: one for one in (Severity.MINOR, Severity.MAJOR, Severity.CRITICAL)}
_CHANNELS = tuple(one for one in ReportChannel if one is not ReportChannel.SYSTEM)


class ReportPages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    @property
    def _reports(self) -> Reports:
        if self._shop.reports is None:
            raise NotFound("nothing is reported here")
        return self._shop.reports

    def form(self, request: Request, person: Person, *, asset: int, sought: str) -> HTMLResponse:
        require(person.actor, Deed.REPORT)
        with self._shop.store.read() as tx:
            known = picture.asset_in_scope(tx, asset, person.customer) if asset else None
            around = self._reports.around(tx, asset, by=person.actor) if known else None
            hits = self._machines(tx, person, sought) if sought and known is None else ()
            customers = tx.registry.customers(customer=person.customer) if known is None else ()
        reader = self._frame.reader(request, person)
        return self._frame.page(
            request,
            "report.html",
            person=person,
            here="report",
            asset=known,
            around=around,
            q=sought,
            hits=hits,
            customers=[one.name for one in customers],
            categories=self._categories(reader.language),
            severities=_SEVERITIES,
            channels=_CHANNELS,
            inside=may(person.role, Deed.SEE_INTERNAL),
            key=secrets.token_urlsafe(16),
        )

    def tell(self, person: Person, given: Mapping[str, str]) -> str:
        """The number of the case that the report became or joined."""
        answers, now_ms = Answers(given=given, time_zone=person.user.time_zone), self._shop.clock_ms()
        with self._shop.store.write() as tx:
            asset = self._asset(tx, person, answers.count("asset"))
            told = self._telling(answers, asset, person)
            if joined := answers.line("join"):
                case = tx.cases.by_number(joined, customer=person.customer)
                made = self._reports.join(tx, case, told, by=person.actor, now_ms=now_ms)
            else:
                made = self._reports.report(tx, told, by=person.actor, now_ms=now_ms)
            if made.fresh:
                facts = {"report": made.report.id}
                action = "case.join" if joined else "case.report"
                tx.access.audit(
                    at_ms=now_ms, actor=person.user.name, action=action, subject=made.case.number, facts=facts
                )
        return made.case.number

    def _asset(self, tx: Transaction, person: Person, number: int) -> Asset | None:
        return picture.asset_in_scope(tx, number, person.customer) if number else None

    def _telling(self, answers: Answers, asset: Asset | None, person: Person) -> Telling:
        inside = may(person.role, Deed.SEE_INTERNAL)
        caller = Caller(name=answers.line("name"), mail=answers.line("mail"), phone=answers.line("phone"))
        severity = answers.line("severity")
        if severity and severity not in _SEVERITIES:
            raise Refused(400, "error.field_wrong", field="severity")
        return Telling(
            category=answers.needed("category"),
            description=answers.needed("description"),
            channel=answers.choice("channel", ReportChannel) if inside else ReportChannel.WEB,
            asset=asset.id if asset else None,
            slot=answers.line("slot"),
            customer=person.customer or answers.line("customer"),
            asset_told=answers.line("asset_told"),
            caller=caller,
            occurred_ms=answers.when_ms("occurred"),
            title=answers.line("title"),
            severity=_SEVERITIES.get(severity),
            key=answers.line("key"),
        )

    def _machines(self, tx: Transaction, person: Person, sought: str) -> Sequence[Hit]:
        """One line for each machine that the words lead to, however they lead there."""
        hits = tx.search.find(sought, customer=person.customer, limit=HITS_SHOWN)
        found = {hit.asset: hit for hit in reversed(hits) if hit.kind is not HitKind.CASE}
        return tuple(reversed(found.values()))

    def _categories(self, language: str) -> Sequence[tuple[str, str]]:
        return [(one.fault_class, self._shop.title(one.fault_class, language)) for one in self._reports.categories()]


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = ReportPages(shop, frame)

    @made.get("/report")
    def form(
        request: Request,
        person: Visitor,
        asset: Annotated[int, Query(ge=0)] = 0,
        q: Annotated[str, Query(max_length=200)] = "",
    ) -> HTMLResponse:
        return pages.form(request, person, asset=asset, sought=q.strip())

    @made.post("/report")
    def tell(person: Visitor, given: Annotated[Mapping[str, str], Depends(filled_in)]) -> RedirectResponse:
        check_form(person, given.get("form_token", ""))
        return RedirectResponse(f"/cases/{quote(pages.tell(person, given), safe='')}", 303)

    return made
