"""The list of cases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hardcase_collector.domain.ports import CaseFilter
from hardcase_collector.web import picture
from hardcase_collector.web.access import Person
from hardcase_collector.web.pages.frame import Frame, Visitor
from hardcase_collector.web.ports import Shop

CASES_SHOWN = 500


class QueuePages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    def cases(self, request: Request, person: Person, *, everything: bool) -> HTMLResponse:
        with self._shop.store.read() as tx:
            found = tx.cases.list(CaseFilter(customer=person.customer, open_only=not everything, limit=CASES_SHOWN + 1))
            more, found = len(found) > CASES_SHOWN, found[:CASES_SHOWN]
            assets = {number: tx.assets.by_number(number).facts for number in {case.asset for case in found}}
        names = {
            number: facts.hostname or facts.address or facts.serial or str(number) for number, facts in assets.items()
        }
        cases = sorted(found, key=lambda case: (not picture.is_open(case), -case.severity, case.opened_ms))
        return self._frame.page(
            request,
            "cases.html",
            person=person,
            cases=cases,
            names=names,
            everything=everything,
            more=CASES_SHOWN if more else 0,
            here="cases",
        )


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter()
    pages = QueuePages(shop, frame)

    @made.get("/cases")
    def cases(request: Request, person: Visitor, all: Annotated[str, Query(max_length=1)] = "") -> HTMLResponse:
        return pages.cases(request, person, everything=all == "1")

    return made
