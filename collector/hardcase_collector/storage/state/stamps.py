"""The stamp columns shared by events, losses and source statuses. Used by the stores beside it."""

from __future__ import annotations

from sqlalchemy import RowMapping

from hardcase_collector.domain.observation import Stamp


def stamp_columns(stamp: Stamp) -> dict[str, object]:
    return {
        "agent": stamp.agent,
        "asset": stamp.asset,
        "source": stamp.source,
        "epoch": stamp.epoch,
        "sequence": stamp.sequence,
        "time_ms": stamp.time_ms,
        "received_ms": stamp.received_ms,
        "flag": stamp.flag,
        "backlog": stamp.backlog,
        "rehearsal": stamp.rehearsal,
    }


def stamp_of(row: RowMapping) -> Stamp:
    return Stamp(
        agent=row["agent"],
        asset=row["asset"],
        source=row["source"],
        epoch=bytes(row["epoch"]),
        sequence=row["sequence"],
        time_ms=row["time_ms"],
        received_ms=row["received_ms"],
        flag=row["flag"],
        backlog=row["backlog"],
        rehearsal=row["rehearsal"],
    )
