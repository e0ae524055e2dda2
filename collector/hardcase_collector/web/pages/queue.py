"""The queue: open cases by the time left on their nearest clock, narrowed by links and one small form; and all cases.

Which cases and in which order is the store's (`ClockStore.queue`); this page asks and counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hardcase_collector.cases.time_left import as_of_now
from hardcase_collector.cases.workflow import OPEN_STATES, Deed, may
from hardcase_collector.domain.case import Waiting
from hardcase_collector.domain.ports import CaseFilter, Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.service_terms import QueueFilter, QueueGroup
from hardcase_collector.web.access import Person
from hardcase_collector.web.again import LARGEST, AgainRoute
from hardcase_collector.web.pages.frame import Frame, Visitor
from hardcase_collector.web.ports import Shop

CASES_SHOWN = 500
LINES_SHOWN = 100


class View(StrEnum):
    """What the queue is narrowed to by one click."""

    ALL = "all"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    CUSTOMER = "customer"
    PART = "part"
    VENDOR = "vendor"
    ACCESS = "access"
    FOLLOW_UP = "follow_up"


_WAITING = {
    View.CUSTOMER: Waiting.CUSTOMER,
    View.PART: Waiting.PART,
    View.VENDOR: Waiting.VENDOR,
    View.ACCESS: Waiting.ACCESS,
}
_INSIDE = frozenset({View.MINE, View.UNASSIGNED, View.FOLLOW_UP})
"""Nothing that a customer's contact works with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to see, as it stands in the address of the page."""

    view: View = View.ALL
    priority: str = ""
    team: str = ""
    site: str = ""
    after: str = ""

    def link(self, **other: str) -> str:
        """The address of the queue with other wishes; what comes after a line is only where it is given."""
        kept = {"view": str(self.view), "priority": self.priority, "team": self.team, "site": self.site, **other}
        if kept["view"] == View.ALL:
            del kept["view"]
        query = urlencode({key: value for key, value in kept.items() if value})
        return f"/cases?{query}" if query else "/cases"

    def filter(self, person: Person) -> QueueFilter:
        return QueueFilter(
            customer=person.customer,
            assignee=person.user.name if self.view is View.MINE else None,
            visiting=person.user.name if self.view is View.MINE else None,
            unassigned=self.view is View.UNASSIGNED,
            waiting=_WAITING.get(self.view),
            team=self.team or None,
            site=self.site or None,
            priority=Priority(self.priority) if self.priority in tuple(Priority) else None,
            follow_ups=self.view is View.FOLLOW_UP,
            after=_place(self.after),
            limit=LINES_SHOWN + 1,
        )


class QueuePages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    def queue(self, request: Request, person: Person, wish: Wish) -> HTMLResponse:
        inside = may(person.role, Deed.SEE_INTERNAL)
        if not inside:
            wish = replace(wish, view=View.ALL if wish.view in _INSIDE else wish.view, team="")
        with self._shop.store.read() as tx:
            now_ms = self._shop.clock_ms()
            found = tx.clocks.queue(wish.filter(person))
            more = found[LINES_SHOWN - 1].place if len(found) > LINES_SHOWN else None
            lines = as_of_now(tx, found[:LINES_SHOWN], now_ms)
            groups = tx.clocks.queue_groups(customer=person.customer, now_ms=now_ms)
            visits = _asked_of(tx, person) if inside else 0
        return self._frame.page(
            request,
            "queue.html",
            person=person,
            here="cases",
            wish=wish,
            lines=lines,
            views=_views(groups, person.user.name, visits, inside=inside),
            overdue=sum(one.overdue for one in groups),
            choices=_choices(groups, inside=inside),
            several=person.customer is None,
            next=wish.link(after=".".join(map(str, more))) if more else "",
        )

    def everything(self, request: Request, person: Person) -> HTMLResponse:
        """Closed and cancelled ones too, the newest first."""
        with self._shop.store.read() as tx:
            found = tx.cases.list(CaseFilter(customer=person.customer, open_only=False, limit=CASES_SHOWN + 1))
            more, found = len(found) > CASES_SHOWN, found[:CASES_SHOWN]
            assets = {number: tx.assets.by_number(number).facts for number in {case.asset for case in found}}
        names = {
            number: facts.hostname or facts.address or facts.serial or str(number) for number, facts in assets.items()
        }
        return self._frame.page(
            request,
            "cases.html",
            person=person,
            cases=found,
            names=names,
            more=CASES_SHOWN if more else 0,
            here="cases",
        )


def _asked_of(tx: Transaction, person: Person) -> int:
    """Cases of others that he is asked to visit: they are his in the queue too."""
    name = person.user.name
    visits = {one.case for one in tx.repairs.open_dispatches(customer=person.customer, engineer=name)}
    cases = [tx.cases.get(case) for case in visits]
    return sum(one.state in OPEN_STATES and one.assignee != name and one.parent is None for one in cases)


def _views(groups: Sequence[QueueGroup], name: str, visits: int, *, inside: bool) -> Mapping[View, int | None]:
    """How many cases each view holds; None: it is not counted."""
    counted: Mapping[View, Callable[[QueueGroup], bool]] = {
        View.ALL: lambda one: True,
        View.MINE: lambda one: one.assignee == name,
        View.UNASSIGNED: lambda one: not one.assignee,
        **{view: _waits_for(waiting) for view, waiting in _WAITING.items()},
    }
    found: dict[View, int | None] = {
        view: sum(one.count for one in groups if counts(one)) for view, counts in counted.items()
    }
    found[View.MINE] = visits + (found[View.MINE] or 0)
    found[View.FOLLOW_UP] = None
    return {view: count for view, count in found.items() if inside or view not in _INSIDE}


def _waits_for(waiting: Waiting) -> Callable[[QueueGroup], bool]:
    return lambda one: one.waiting is waiting


def _choices(groups: Sequence[QueueGroup], *, inside: bool) -> Mapping[str, Sequence[tuple[str, int]]]:
    """What the form offers, with counts; a choice of one is none."""
    found = {
        "priority": _counts((str(one.priority), one.count) for one in groups),
        "team": _counts((one.team, one.count) for one in groups) if inside else [],
        "site": _counts((one.site, one.count) for one in groups),
    }
    return {key: choices for key, choices in found.items() if len(choices) > 1}


def _counts(pairs: Iterable[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    counted: Counter[str] = Counter()
    for name, count in pairs:
        if name:
            counted[name] += count
    return sorted(counted.items())


def _place(text: str) -> tuple[int, int, int] | None:
    """Where a line stood in the queue; None for what no page of ours wrote."""
    try:
        rank, key, number = map(int, text.split("."))
    except ValueError:
        return None
    return (rank, key, number) if max(abs(rank), abs(key), abs(number)) <= LARGEST else None


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = QueuePages(shop, frame)

    @made.get("/cases")
    def cases(
        request: Request,
        person: Visitor,
        view: View = View.ALL,
        priority: Annotated[str, Query(max_length=2)] = "",
        team: Annotated[str, Query(max_length=200)] = "",
        site: Annotated[str, Query(max_length=200)] = "",
        after: Annotated[str, Query(max_length=80)] = "",
        all: Annotated[str, Query(max_length=1)] = "",
    ) -> HTMLResponse:
        if all == "1":
            return pages.everything(request, person)
        return pages.queue(request, person, Wish(view=view, priority=priority, team=team, site=site, after=after))

    return made
