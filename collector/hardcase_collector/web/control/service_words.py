"""Repairs as plain JSON: a quote with its amounts, a link with its address shown this once. For the routes here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.link import NewLink
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.repair import Quote
from hardcase_collector.service.desk import ServiceDesk
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control


def desk_of(control: Control) -> ServiceDesk:
    """Raises NotFound where this collector has none."""
    if control.shop.service is None:
        raise NotFound("this collector has no service desk")
    return control.shop.service


def quote_told(quote: Quote) -> Json:
    told = plain(quote)
    assert isinstance(told, dict)
    lines: list[Json] = []
    for line in quote.lines:
        shown = plain(line)
        assert isinstance(shown, dict)
        lines.append({**shown, "free": line.free, "amount": str(line.amount(quote.currency))})
    return {**told, "lines": lines, "total": str(quote.total)}


def links_told(links: Sequence[NewLink], address: Callable[[str], str]) -> list[Json]:
    """The only place that ever shows the address again after it went out: the answer to who made it."""
    return [
        {
            "purpose": str(one.link.purpose),
            "whom": one.link.whom,
            "expires_ms": one.link.expires_ms,
            "url": address(one.token),
        }
        for one in links
    ]


def whole(tx: Transaction, case: int) -> Json:
    """Everything about the repair of a case."""
    store = tx.repairs
    return {
        "proposals": plain(store.proposals(case)),
        "quotes": [quote_told(quote) for quote in store.quotes(case)],
        "visits": plain(store.dispatches(case)),
        "access": plain(store.accesses(case)),
        "hand_offs": plain(store.hand_offs(case)),
        "service_reports": plain(store.service_reports(case)),
        "follow_ups": plain(store.follow_ups(case)),
        "links": plain(store.links(case)),
    }
