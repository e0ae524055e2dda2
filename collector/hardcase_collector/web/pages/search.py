"""The search box: any serial, address, host name, rack or case number. One hit is gone to at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from hardcase_collector.domain.search import SHORTEST, Hit, HitKind
from hardcase_collector.web.access import Person
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.pages.frame import Frame, Visitor
from hardcase_collector.web.ports import Shop

HITS_SHOWN = 50


class SearchPages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    def find(self, request: Request, person: Person, sought: str) -> Response:
        with self._shop.store.read() as tx:
            hits = tx.search.find(sought, customer=person.customer, limit=HITS_SHOWN + 1)
        if only := the_only(hits):
            return RedirectResponse(only, 303)
        found: Mapping[HitKind, Sequence[Hit]] = {
            kind: [hit for hit in hits if hit.kind is kind][:HITS_SHOWN] for kind in HitKind
        }
        return self._frame.page(
            request,
            "search.html",
            person=person,
            sought=sought,
            found={kind: of_kind for kind, of_kind in found.items() if of_kind},
            more=any(sum(1 for hit in hits if hit.kind is kind) > HITS_SHOWN for kind in HitKind),
            short=len(sought) < SHORTEST,
        )


def target(hit: Hit) -> str:
    """The page that a hit leads to."""
    return f"/cases/{hit.case}" if hit.case else f"/assets/{hit.asset}"


def the_only(hits: Sequence[Hit]) -> str:
    """Where there is no doubt what was meant: one page for all that is exactly this, else for all that holds it."""

    meant = [hit for hit in hits if hit.exact] or list(hits)
    pages = list(dict.fromkeys(target(hit) for hit in meant))
    return pages[0] if len(pages) == 1 else ""


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = SearchPages(shop, frame)

    @made.get("/search")
    def search(request: Request, person: Visitor, q: Annotated[str, Query(max_length=200)] = "") -> Response:
        return pages.find(request, person, q.strip())

    return made
