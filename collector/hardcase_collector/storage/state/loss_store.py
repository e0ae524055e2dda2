"""What never made it into the stores: quarantined records and losses. Inherited by `feed_store.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from hardcase_collector.domain.observation import Loss
from hardcase_collector.domain.ports import Quarantined
from hardcase_collector.storage.state.models import LossRow, QuarantineCountRow, QuarantineRow
from hardcase_collector.storage.state.stamps import stamp_columns, stamp_of
from hardcase_collector.storage.state.upserts import insert_into, table_of

_COUNTS = table_of(QuarantineCountRow)
_LOSSES = table_of(LossRow)
_QUARANTINE = table_of(QuarantineRow)
# 200 records of at most 16 KiB: 3 MB for an agent gone mad, and more than enough to see what it does.
KEPT_PER_AGENT = 200
RAW_KEPT = 16 * 1024
# Losses are rare and small; ten thousand of one agent are a fault of their own, told by their number.
LOSSES_PER_AGENT = 10_000


class SqlLosses:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def quarantine(
        self, *, agent: int, epoch: bytes, sequence: int, status: str, detail: str, raw: bytes, at_ms: int
    ) -> None:
        self._connection.execute(
            insert(_QUARANTINE).values(
                agent=agent,
                epoch=epoch,
                sequence=sequence,
                status=status,
                detail=detail,
                raw=raw[:RAW_KEPT],
                at_ms=at_ms,
            )
        )
        counted = insert_into(self._connection.dialect.name, _COUNTS).values(agent=agent, total=1, dropped=0)
        counted = counted.on_conflict_do_update(index_elements=["agent"], set_={"total": _COUNTS.c.total + 1})
        total, dropped = self._connection.execute(counted.returning(_COUNTS.c.total, _COUNTS.c.dropped)).one()
        if total - dropped > KEPT_PER_AGENT:
            self._drop_oldest(agent, total - dropped - KEPT_PER_AGENT)

    def _drop_oldest(self, agent: int, excess: int) -> None:
        oldest = select(_QUARANTINE.c.id).where(_QUARANTINE.c.agent == agent).order_by(_QUARANTINE.c.id).limit(excess)
        gone = self._connection.execute(delete(_QUARANTINE).where(_QUARANTINE.c.id.in_(oldest))).rowcount
        self._connection.execute(
            update(_COUNTS).where(_COUNTS.c.agent == agent).values(dropped=_COUNTS.c.dropped + gone)
        )

    def quarantined(self, *, agent: int | None, limit: int) -> Sequence[Quarantined]:
        """Newest first."""
        query = select(_QUARANTINE).order_by(_QUARANTINE.c.id.desc()).limit(limit)
        if agent is not None:
            query = query.where(_QUARANTINE.c.agent == agent)
        return [
            Quarantined(
                agent=row.agent,
                epoch=bytes(row.epoch),
                sequence=row.sequence,
                status=row.status,
                detail=row.detail,
                raw=bytes(row.raw),
                at_ms=row.at_ms,
            )
            for row in self._connection.execute(query)
        ]

    def quarantine_counts(self) -> Mapping[int, tuple[int, int]]:
        return {row.agent: (row.total, row.dropped) for row in self._connection.execute(select(_COUNTS))}

    def add_loss(self, loss: Loss) -> None:
        self._connection.execute(
            insert(_LOSSES).values(
                **stamp_columns(loss.stamp),
                lost_epoch=loss.epoch,
                first=loss.first,
                through=loss.through,
                records=loss.records,
                cause=loss.cause,
            )
        )
        kept = self._connection.execute(
            select(func.count()).select_from(_LOSSES).where(_LOSSES.c.agent == loss.stamp.agent)
        ).scalar_one()
        if kept > LOSSES_PER_AGENT:
            mine = select(_LOSSES.c.id).where(_LOSSES.c.agent == loss.stamp.agent)
            oldest = mine.order_by(_LOSSES.c.id).limit(kept - LOSSES_PER_AGENT)
            self._connection.execute(delete(_LOSSES).where(_LOSSES.c.id.in_(oldest)))

    def losses(self, *, agent: int | None, limit: int) -> Sequence[Loss]:
        """Newest first."""
        query = select(_LOSSES).order_by(_LOSSES.c.id.desc()).limit(limit)
        if agent is not None:
            query = query.where(_LOSSES.c.agent == agent)
        return [
            Loss(
                stamp=stamp_of(row),
                epoch=bytes(row["lost_epoch"]),
                first=row["first"],
                through=row["through"],
                records=row["records"],
                cause=row["cause"],
            )
            for row in self._connection.execute(query).mappings()
        ]
