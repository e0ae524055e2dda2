"""The body of a notification about a depot's stock: CloudEvents 1.0 JSON. Pure; built at commit by `announcer.py`.

Of one depot and part number the event with the highest `data.stock.version` is what holds.
"""

from __future__ import annotations

import hashlib
import json

from hardcase_collector.domain.ports import StockNews
from hardcase_collector.domain.spares import StockLevel
from hardcase_collector.notify.events import Sender, rfc3339

_ENOUGH = "enough"
"""What `StockLevel.ENOUGH`, an empty word in the books, is called where it is told."""


def subject_of(news: StockNews) -> str:
    return f"{news.line.depot}/{news.line.part_number}"


def stock_event_id(news: StockNews, sender: Sender) -> str:
    """The same in every attempt and on every channel. No dot, as `event_id`; names may have some."""
    place = hashlib.sha256(subject_of(news).encode()).hexdigest()[:16]
    return f"{sender.source.rpartition(':')[2][:8]}-stock-{place}-v{news.line.told}"


def stock_event(news: StockNews, sender: Sender) -> bytes:
    """UTF-8 JSON."""
    line, at = news.line, rfc3339(news.at_ms)
    body = {
        "specversion": "1.0",
        "id": stock_event_id(news, sender),
        "source": sender.source,
        "type": f"io.hardcase.stock.{_word(line.level)}.v1",
        "subject": subject_of(news),
        "time": at,
        "datacontenttype": "application/json",
        "data": {
            "rehearsal": False,
            "stock": {
                "depot": line.depot,
                "depot_title": news.depot.title,
                "customer": news.depot.customer or None,
                "part_number": line.part_number,
                "title": news.spare.title,
                "component": news.spare.component,
                "version": line.told,
                "level": _word(line.level),
                "was": _word(news.was),
                "free": line.free,
                "minimum": line.minimum,
                "reorder_level": line.reorder_point,
            },
            "event": {"code": f"stock_{_word(line.level)}", "actor": news.actor, "at": at, "parameters": {}},
        },
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def _word(level: StockLevel) -> str:
    return str(level) or _ENOUGH
