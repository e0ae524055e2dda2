"""Pages behind links without login: consent to a proposal, an engineer's visit, a signature, satisfaction.

Each shows what that link needs and nothing else. Opening one changes nothing, as mail programs open links by
themselves; what a click means is `service/links.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from hardcase_collector.domain.advice import Counsel
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.link import LinkAct, LinkAnswer, LinkPurpose, LinkView
from hardcase_collector.domain.live import LiveOf
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import PartOrder
from hardcase_collector.registry.resolution import site_of
from hardcase_collector.service.links import Links
from hardcase_collector.web.addresses import address_of
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.pages.forms import Answers, filled_in
from hardcase_collector.web.pages.frame import Frame, Refused
from hardcase_collector.web.pages.link_parts import parts_of, take_along
from hardcase_collector.web.ports import Shop
from hardcase_collector.web.texts import Reader, zone

PATH = "/links/"
"""Before the token, in the addresses that are sent."""
_NAMED = frozenset({LinkAct.CONSENT, LinkAct.SIGN})
_REASONED = frozenset({LinkAct.REFUSE, LinkAct.DECLINE, LinkAct.FAILED, LinkAct.REOPEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the page shows beside the link's own view."""

    counsel: Counsel | None
    time_zone: str
    parts: Mapping[LinkAct, Sequence[PartOrder]]
    """What the engineer may bring, by the act that it is told with."""


class LinkPages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    @property
    def _desk(self) -> Links:
        if self._shop.service is None:
            raise NotFound("there are no links here")
        return self._shop.service.links

    def open(self, request: Request, token: str) -> HTMLResponse:
        with self._shop.store.read() as tx:
            view = self._desk.open(tx, token, self._shop.clock_ms(), client=_client(request))
            seen = self._seen(tx, view)
        return self._page(request, token, view, seen)

    def act(self, request: Request, token: str, given: Mapping[str, str]) -> HTMLResponse:
        now_ms = self._shop.clock_ms()
        try:
            act = LinkAct(given.get("act", ""))
        except ValueError:
            raise Refused(400, "error.not_found") from None
        with self._shop.store.read() as tx:
            asset = self._desk.open(tx, token, now_ms, client=_client(request)).asset
            zone_name = site_of(tx, asset).time_zone
        answers = Answers(given=given, time_zone=zone_name)
        answer = _answer(act, answers)
        with self._shop.store.write() as tx:
            before = self._desk.open(tx, token, now_ms, client=_client(request))
            parts: tuple[int, ...] = ()
            if self._shop.orders is not None and act in before.acts:
                parts = take_along(tx, self._shop.orders, before, act, answers, now_ms=now_ms)
            view = self._desk.act(tx, token, act, answer, now_ms=now_ms, client=_client(request))
            tx.access.audit(
                at_ms=now_ms,
                actor=view.whom,
                action=f"link.{act}",
                subject=view.case.number,
                facts={"repeated": view.repeated, "parts": ", ".join(str(order) for order in parts)},
            )
            seen = self._seen(tx, view)
        return self._page(request, token, view, seen)

    def _seen(self, tx: Transaction, view: LinkView) -> _Seen:
        return _Seen(
            counsel=self._counsel(tx, view),
            time_zone=site_of(tx, view.asset).time_zone,
            parts={} if self._shop.orders is None else parts_of(tx, view),
        )

    def _counsel(self, tx: Transaction, view: LinkView) -> Counsel | None:
        """What whoever touches the machine must mind now."""
        if view.link.purpose is not LinkPurpose.ENGINEER:
            return None
        return self._shop.counsel(view.case, LiveOf(tx, view.case.asset, now_ms=self._shop.clock_ms()))

    def _page(self, request: Request, token: str, view: LinkView, seen: _Seen) -> HTMLResponse:
        wished = self._frame.reader(request, None, wish=view.language)
        reader = Reader(wished.language, zone(seen.time_zone), wished.now_ms)
        page = self._frame.page(
            request,
            "link.html",
            person=None,
            reader=reader,
            view=view,
            counsel=seen.counsel,
            bringing=seen.parts,
            action=f"{PATH}{token}",
            named=_NAMED,
            reasoned=_REASONED,
        )
        # The address is the key: it goes nowhere, and into nobody's index.
        page.headers["Referrer-Policy"] = "no-referrer"
        page.headers["X-Robots-Tag"] = "noindex"
        return page


def _answer(act: LinkAct, answers: Answers) -> LinkAnswer:
    text = answers.text("text")
    if act in _REASONED and not text:
        raise Refused(400, "error.reason_needed")
    score = answers.count("score")
    if act is LinkAct.RATE and not 1 <= score <= 5:
        raise Refused(400, "error.field_wrong", field="score")
    who = answers.line("who")
    if act in _NAMED and not who:
        raise Refused(400, "error.field_needed", field="who")
    return LinkAnswer(who=who, text=text, score=score, expected_ms=answers.when_ms("expected"))


def _client(request: Request) -> str:
    return address_of(request)


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = LinkPages(shop, frame)

    @made.get(f"{PATH}{{token}}")
    def link(request: Request, token: str) -> HTMLResponse:
        return pages.open(request, token)

    @made.post(f"{PATH}{{token}}")
    def act(request: Request, token: str, given: Annotated[Mapping[str, str], Depends(filled_in)]) -> HTMLResponse:
        return pages.act(request, token, given)

    return made
