"""What lists of assets show, counted by the database in four queries. Called by `asset_store.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, Select, func, select

from hardcase_collector.domain.ports import AssetSummary
from hardcase_collector.storage.state.models import (
    BindingRow,
    CoverageRow,
    FeedStateRow,
    FeedTableRow,
    FindingTableRow,
)
from hardcase_collector.storage.state.upserts import table_of

_BINDINGS = table_of(BindingRow)
_COVERAGE = table_of(CoverageRow)
_FEEDS = table_of(FeedTableRow)
_FINDINGS = table_of(FindingTableRow)
_ROWS = table_of(FeedStateRow)


def summaries(connection: Connection, asset: int | None) -> Mapping[int, AssetSummary]:
    """By number of the asset; None = all."""
    found: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    bound = select(_BINDINGS.c.asset, _BINDINGS.c.agent).order_by(_BINDINGS.c.agent)
    for row in connection.execute(_only(bound, _BINDINGS.c.asset, asset)):
        found[row.asset]["observers"] = (*found[row.asset].get("observers", ()), row.agent)
    told = select(_COVERAGE.c.asset, _COVERAGE.c.status, func.count().label("lines"))
    counted = told.where(_COVERAGE.c.status.in_(("watched", "unreadable"))).group_by(
        _COVERAGE.c.asset, _COVERAGE.c.status
    )
    for row in connection.execute(_only(counted, _COVERAGE.c.asset, asset)):
        found[row.asset][row.status] = row.lines
    firing = select(_FINDINGS.c.asset, func.count().label("findings")).where(_FINDINGS.c.firing)
    for row in connection.execute(_only(firing.group_by(_FINDINGS.c.asset), _FINDINGS.c.asset, asset)):
        found[row.asset]["firing"] = row.findings
    newest = select(_FEEDS.c.asset, func.max(_ROWS.c.time_ms).label("time_ms")).join(
        _ROWS, _ROWS.c.feed == _FEEDS.c.number
    )
    for row in connection.execute(_only(newest.group_by(_FEEDS.c.asset), _FEEDS.c.asset, asset)):
        found[row.asset]["last_reading_ms"] = row.time_ms
    return {number: AssetSummary(**told_of) for number, told_of in found.items()}


def _only(query: Select[Any], column: Column[int], asset: int | None) -> Select[Any]:
    return query if asset is None else query.where(column == asset)
