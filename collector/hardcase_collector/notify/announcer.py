"""Fills the outbox: one row per case event and channel that wants it, in the desk's transaction. See `Announcer`.

Low stock goes the same way, of no case: `StockAnnouncer`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.live import LiveOf
from hardcase_collector.domain.ports import CaseNews, StockNews, Transaction
from hardcase_collector.notify.events import Sender, cloud_event, event_id
from hardcase_collector.notify.routing import Route
from hardcase_collector.notify.stock_events import stock_event, stock_event_id, subject_of


class OutboxAnnouncer:
    """`routes` may be replaced at any time: a reload counts from the next event on."""

    def __init__(self, sender: Sender, routes: Sequence[Route], *, owed: Callable[[], None]) -> None:
        """`owed` is called for every event, before its commit: the pump's claim waits for the writer's turn anyway."""
        self.routes = tuple(routes)
        self._sender = sender
        self._owed = owed

    def announce(self, tx: Transaction, news: CaseNews) -> None:
        wanted = [route for route in self.routes if route.wants(news.case)]
        if not wanted:
            return
        body = cloud_event(news, self._sender, LiveOf(tx, news.case.asset, now_ms=news.entry.at_ms))
        for route in wanted:
            tx.outbox.owe(
                channel=route.channel,
                case=news.case.id,
                version=news.entry.version,
                event_id=event_id(news, self._sender),
                body=body,
                at_ms=news.entry.at_ms,
                not_before_ms=news.not_before_ms,
                critical=news.case.severity is Severity.CRITICAL,
            )
        self._owed()

    def announce_stock(self, tx: Transaction, news: StockNews) -> None:
        """See `StockAnnouncer`."""
        wanted = [route for route in self.routes if route.wants_stock()]
        if not wanted:
            return
        body = stock_event(news, self._sender)
        for route in wanted:
            tx.outbox.owe(
                channel=route.channel,
                case=None,
                version=news.line.told,
                event_id=stock_event_id(news, self._sender),
                body=body,
                at_ms=news.at_ms,
                not_before_ms=0,
                critical=False,
                subject=subject_of(news),
                customer=news.depot.customer,
            )
        self._owed()
