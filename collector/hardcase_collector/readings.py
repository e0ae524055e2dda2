"""Current readings of an asset for pages and commands: the rule-state rows, with the limits the rules hold to.

Joins `rules/` and `web/`, which know nothing of each other; built by `app.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from hardcase_collector.domain.observation import Catalogue
from hardcase_collector.domain.ports import Feed, FeedRow, Transaction
from hardcase_collector.rules.current import CurrentReading as Judged
from hardcase_collector.rules.current import current_readings
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.feed_row import RowUnreadable
from hardcase_collector.rules.forecast import worn_out
from hardcase_collector.web.picture import CurrentReading, Limit


class Readings:
    """Reads with an engine of its own: judging's is the writer thread's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()

    def __call__(self, tx: Transaction, asset: int) -> Sequence[CurrentReading]:
        """In the order of sources and catalogues. A row that cannot be read shows nothing; judging reports it."""
        feeds = {feed.number: feed for feed in tx.feeds.feeds(asset=asset)}
        found: list[CurrentReading] = []
        for number, row in tx.feeds.rows(feeds).items():
            if not row.catalogue:
                continue
            catalogue = tx.feeds.catalogue_numbered(row.catalogue)
            try:
                found.extend(self._of_feed(tx, feeds[number], catalogue, row))
            except RowUnreadable:
                continue
        return sorted(found, key=lambda reading: reading.source)

    def _of_feed(self, tx: Transaction, feed: Feed, catalogue: Catalogue, row: FeedRow) -> Iterable[CurrentReading]:
        readings = current_readings(row, catalogue)
        with self._lock:
            baselines = tx.feeds.baselines([feed.number])
            state = self._engine.open_feed(feed, catalogue, row, baselines, rehearsal=catalogue.rehearsal)
            limits = [
                _limits(fact for rule in self._engine.explain(state, reading.sensor.id) for fact in rule.facts.items())
                for reading in readings
            ]
        ends = worn_out(readings)
        return [
            _shown(feed, reading, of, ends.get(reading.sensor.id, 0))
            for reading, of in zip(readings, limits, strict=True)
        ]


def _limits(facts: Iterable[tuple[str, object]]) -> tuple[Limit, ...]:
    """An explanation names each limit twice: "upper_critical" and "upper_critical_source"."""
    table = dict(facts)
    found = []
    for key, source in table.items():
        name = key.removesuffix("_source")
        value = table.get(name)
        if key != name and isinstance(value, int | float):
            found.append(Limit(name=name, value=float(value), severity="", source=str(source)))
    return tuple(found)


def _shown(feed: Feed, reading: Judged, limits: tuple[Limit, ...], worn_out_ms: int) -> CurrentReading:
    sensor = reading.sensor
    last_ms = reading.gap_since_ms
    return CurrentReading(
        source=feed.source,
        sensor=sensor.id,
        name=sensor.name,
        kind=sensor.kind,
        unit=sensor.unit,
        part=sensor.part,
        value=reading.value,
        states=reading.states or (),
        has_states=bool(sensor.states),
        gap=reading.gap.name.lower() if reading.gap is not None else "",
        gap_age_s=(reading.time_ms - last_ms) // 1000 if last_ms else None,
        time_ms=reading.time_ms,
        severity=reading.level,
        limits=limits,
        worn_out_ms=worn_out_ms,
    )
