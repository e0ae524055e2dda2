"""The ledger of a case: every clock with a reason for each minute, as a page and as a file for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from hardcase_collector.cases.workflow import Deed, may, require
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.plans.clocks import Clock
from hardcase_collector.sheets.csv_cell import guarded
from hardcase_collector.web.access import Person
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.around import Around, around
from hardcase_collector.web.pages.frame import Frame, Visitor
from hardcase_collector.web.ports import Shop

COLUMNS = ("case", "clock", "round", "from", "to", "seconds", "reason", "counts", "actor", "provisional")
"""As `cases clocks --csv` writes them."""


class LedgerPages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    def page(self, request: Request, person: Person, number: str) -> HTMLResponse:
        internal = may(person.role, Deed.SEE_INTERNAL)
        with self._shop.store.read() as tx:
            case, near = self._read(tx, person, number)
        return self._frame.page(
            request, "clocks.html", person=person, case=case, around=near, internal=internal, here="cases"
        )

    def file(self, person: Person, number: str) -> Response:
        """Raises NotAllowed, NotFound."""
        require(person.actor, Deed.EXPORT)
        with self._shop.store.read() as tx:
            case, near = self._read(tx, person, number)
        name = f'attachment; filename="{case.number}-clocks.csv"'
        text = as_csv(case.number, near.clocks, near.site.time_zone)
        return Response(
            # The mark makes spreadsheets read it as UTF-8.
            text.encode("utf-8-sig"),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": name, "Cache-Control": "no-store"},
        )

    def _read(self, tx: Transaction, person: Person, number: str) -> tuple[Case, Around]:
        case = tx.cases.by_number(number, customer=person.customer)
        internal = may(person.role, Deed.SEE_INTERNAL)
        asset = tx.assets.by_number(case.asset)
        return case, around(tx, case, asset, internal=internal, now_ms=self._shop.clock_ms())


def as_csv(number: str, clocks: Iterable[Clock], time_zone: str) -> str:
    """One line for each interval of each clock, with times of the site."""
    zone, out = ZoneInfo(time_zone), io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for clock in clocks:
        for one in clock.ledger:
            times = (_at(one.from_ms, zone), _at(one.to_ms, zone), one.length_ms / 1000)
            told = (str(one.reason), int(one.counts), guarded(one.actor), int(one.provisional))
            lines.writerow((guarded(number), str(clock.kind), clock.round, *times, *told))
    return out.getvalue()


def _at(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="seconds")


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = LedgerPages(shop, frame)

    @made.get("/cases/{number}/clocks")
    def ledger(request: Request, person: Visitor, number: str) -> HTMLResponse:
        return pages.page(request, person, number)

    @made.get("/cases/{number}/clocks.csv")
    def file(person: Visitor, number: str) -> Response:
        return pages.file(person, number)

    return made
