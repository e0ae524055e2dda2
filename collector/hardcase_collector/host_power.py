"""Whether a machine is on, by what its BMC said to an agent elsewhere: asked when its own agent falls silent.

Joins `rules/` and `cases/`, which know nothing of each other; given to the desk by `app.py`.
"""

from __future__ import annotations

from hardcase_collector.cases.silence import HostPower
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.rules.current import current_readings
from hardcase_collector.rules.feed_row import RowUnreadable

QUANTITY = "chassis.power"
FRESH_MS = 90_000
"""Three sweeps of discrete states; an agent that is silent for as long has told nothing newer itself."""


def host_power(tx: Transaction, asset: int, now_ms: int) -> HostPower:
    """The newest word of any BMC source of the asset within the last moments."""
    feeds = {feed.number: feed for feed in tx.feeds.feeds(asset=asset) if feed.source.startswith("ipmi")}
    rows = sorted(tx.feeds.rows(feeds).values(), key=lambda row: -row.received_ms)
    for row in rows:
        if not row.catalogue or now_ms - row.received_ms > FRESH_MS:
            continue
        catalogue = tx.feeds.catalogue_numbered(row.catalogue)
        if not any(sensor.quantity == QUANTITY for sensor in catalogue.sensors):
            continue
        try:
            told = [one for one in current_readings(row, catalogue) if one.sensor.quantity == QUANTITY]
        except RowUnreadable:
            continue
        for one in told:
            if one.gap is None and one.states is not None:
                return HostPower.ON if "on" in one.states else HostPower.OFF
    return HostPower.UNKNOWN
