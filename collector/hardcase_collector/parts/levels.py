"""When stock of a depot falls to a mark, and when it is filled again: audited, and told to the channels, once each.

Called by `stock.py` and `orders.py` after every change of what is free, in its transaction.
"""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import StockAnnouncer, StockNews, Transaction
from hardcase_collector.domain.spares import StockLevel

_DEPTH = {StockLevel.ENOUGH: 0, StockLevel.REORDER: 1, StockLevel.LOW: 2}


class Levels:
    def __init__(self, announcer: StockAnnouncer | None = None) -> None:
        """`announcer` None: told to no channel."""
        self._announcer = announcer

    def settle(self, tx: Transaction, depot: str, part_number: str, *, actor: str, now_ms: int) -> StockLevel:
        """Tells once when stock falls to a mark, and once when it is above all marks again.

        From low up to the reorder point is quiet: it still has to be ordered. A fall after it is told anew.
        """
        line = tx.spares.stock_line(depot, part_number)
        if line is None:
            return StockLevel.ENOUGH
        level = line.present_level
        if level is line.level:
            return level
        tx.spares.set_level(depot, part_number, level)
        fell = _DEPTH[level] > _DEPTH[line.level]
        if not fell and level is not StockLevel.ENOUGH:
            return level
        facts: dict[str, Fact] = {
            "part_number": part_number,
            "level": str(level),
            "free": line.free,
            "minimum": line.minimum,
            "reorder_point": line.reorder_point,
        }
        action = "stock.low" if fell else "stock.enough"
        tx.access.audit(at_ms=now_ms, actor=actor, action=action, subject=depot, facts=facts)
        spare, place = tx.spares.spare(part_number), tx.spares.depot(depot)
        if self._announcer is not None and spare is not None and place is not None:
            now = replace(line, level=level, told=line.told + 1)
            news = StockNews(line=now, was=line.level, spare=spare, depot=place, actor=actor, at_ms=now_ms)
            self._announcer.announce_stock(tx, news)
        return level
