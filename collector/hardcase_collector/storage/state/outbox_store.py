"""OutboxStore over SQL: what is owed to the channels, claimed by lease, oldest per (case or subject, channel) first.

Made by the transaction of `store.py`; pumped by `notify/delivery.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping, and_, delete, exists, func, insert, or_, select, text, update

from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.ports import OutboxRow
from hardcase_collector.storage.state.models import AssetRow, CaseRow, OutboxTableRow
from hardcase_collector.storage.state.upserts import table_of

_ASSETS = table_of(AssetRow)
_CASES = table_of(CaseRow)
_OUTBOX = table_of(OutboxTableRow)
_OWED = text("outbox.state = 'owed'")
_OWE = insert(_OUTBOX)
_OLDER = _OUTBOX.alias("older")
_WAITS_BEFORE = (
    _OLDER.c.channel == _OUTBOX.c.channel,
    text("older.state = 'owed'"),
    _OLDER.c.id < _OUTBOX.c.id,
)
_FIRST_OF_ALL = (
    ~exists(select(_OLDER.c.id).where(_OLDER.c.case_id == _OUTBOX.c.case_id, *_WAITS_BEFORE)),
    # NULL equals nothing: what is of no case waits for what is of the same subject.
    or_(
        _OUTBOX.c.case_id.is_not(None),
        ~exists(
            select(_OLDER.c.id).where(_OLDER.c.case_id.is_(None), _OLDER.c.subject == _OUTBOX.c.subject, *_WAITS_BEFORE)
        ),
    ),
)
# An error is for people: the head of it says what is wrong.
_ERROR_KEPT = 500


class SqlOutboxStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def owe(
        self,
        *,
        channel: str,
        case: int | None,
        version: int,
        event_id: str,
        body: bytes,
        at_ms: int,
        not_before_ms: int,
        critical: bool,
        subject: str = "",
        customer: str = "",
    ) -> None:
        if critical and case is not None:
            self._hurry_older(channel, case, at_ms)
        self._connection.execute(
            _OWE,
            {
                "channel": channel,
                "case_id": case,
                "subject": subject,
                "customer": customer,
                "version": version,
                "event_id": event_id,
                "body": body,
                "created_ms": at_ms,
                "attempts": 0,
                "next_try_ms": max(at_ms, not_before_ms),
                "state": "owed",
                "last_error": "",
                "critical": critical,
                "owner": "",
                "lease_until_ms": 0,
                "done_ms": 0,
            },
        )

    def _hurry_older(self, channel: str, case: int, at_ms: int) -> None:
        """A critical event waits for no backlog, so neither may the older events of its case, which go before it."""
        self._connection.execute(
            update(_OUTBOX)
            .where(
                _OUTBOX.c.case_id == case,
                _OUTBOX.c.channel == channel,
                _OWED,
                _OUTBOX.c.attempts == 0,
                _OUTBOX.c.next_try_ms > at_ms,
            )
            .values(next_try_ms=at_ms)
        )

    def claim(
        self, *, owner: str, now_ms: int, lease_ms: int, limit: int, channel: str | None = None
    ) -> Sequence[OutboxRow]:
        due = (
            select(_OUTBOX.c.id)
            .where(_OWED, _OUTBOX.c.next_try_ms <= now_ms, _OUTBOX.c.lease_until_ms <= now_ms, *_FIRST_OF_ALL)
            .order_by(_OUTBOX.c.next_try_ms, _OUTBOX.c.id)
            .limit(limit)
        )
        if channel is not None:
            due = due.where(_OUTBOX.c.channel == channel)
        taken = (
            update(_OUTBOX)
            .where(_OUTBOX.c.id.in_(due))
            .values(owner=owner, lease_until_ms=now_ms + lease_ms)
            .returning(_OUTBOX)
        )
        rows = [_row(row) for row in self._connection.execute(taken).mappings()]
        return sorted(rows, key=lambda row: row.id)

    def channels_owed(self) -> Sequence[str]:
        query = select(_OUTBOX.c.channel).where(_OWED).distinct().order_by(_OUTBOX.c.channel)
        return list(self._connection.execute(query).scalars())

    def delivered(self, row: int, *, owner: str, at_ms: int) -> bool:
        return self._finish(
            row,
            owner,
            {
                "state": "delivered",
                "attempts": _OUTBOX.c.attempts + 1,
                "last_error": "",
                "done_ms": at_ms,
                "owner": "",
                "lease_until_ms": 0,
            },
        )

    def failed(self, row: int, *, owner: str, error: str, next_try_ms: int, dead: bool) -> bool:
        """`next_try_ms` of a dead row is when it was given up."""
        return self._finish(
            row,
            owner,
            {
                "state": "dead" if dead else "owed",
                "attempts": _OUTBOX.c.attempts + 1,
                "last_error": error[:_ERROR_KEPT],
                "next_try_ms": next_try_ms,
                "done_ms": next_try_ms if dead else 0,
                "owner": "",
                "lease_until_ms": 0,
            },
        )

    def release(self, *, owner: str) -> None:
        """Gives back every lease of this owner untried: it is stopping."""
        self._connection.execute(
            update(_OUTBOX).where(_OWED, _OUTBOX.c.owner == owner).values(owner="", lease_until_ms=0)
        )

    def _finish(self, row: int, owner: str, values: Mapping[str, object]) -> bool:
        mine = update(_OUTBOX).where(_OUTBOX.c.id == row, _OUTBOX.c.owner == owner, _OWED).values(dict(values))
        return self._connection.execute(mine).rowcount == 1

    def dead_letters(self, *, customer: str | None, limit: int) -> Sequence[OutboxRow]:
        """Oldest first."""
        query = select(_OUTBOX).where(_OUTBOX.c.state == "dead").order_by(_OUTBOX.c.id).limit(limit)
        if customer is not None:
            cases = _OUTBOX.outerjoin(_CASES, _CASES.c.id == _OUTBOX.c.case_id)
            assets = cases.outerjoin(_ASSETS, _ASSETS.c.id == _CASES.c.asset)
            theirs = or_(_ASSETS.c.customer == customer, _OUTBOX.c.customer == customer)
            query = query.select_from(assets).where(theirs)
        return [_row(row) for row in self._connection.execute(query).mappings()]

    def of_case(self, case: int) -> Sequence[OutboxRow]:
        query = select(_OUTBOX).where(_OUTBOX.c.case_id == case).order_by(_OUTBOX.c.id)
        return [_row(row) for row in self._connection.execute(query).mappings()]

    def withdraw(self, case: int, *, now_ms: int) -> bool:
        """Takes back what is owed of a case of which nothing went out or is on its way. False: somebody may know."""
        rows = self._connection.execute(
            select(_OUTBOX.c.state, _OUTBOX.c.attempts, _OUTBOX.c.lease_until_ms).where(_OUTBOX.c.case_id == case)
        ).all()
        if any(state != "owed" or attempts or lease_ms > now_ms for state, attempts, lease_ms in rows):
            return False
        if rows:
            self._connection.execute(delete(_OUTBOX).where(_OUTBOX.c.case_id == case))
        return True

    def resend(self, row: int, *, now_ms: int) -> None:
        done = self._connection.execute(
            update(_OUTBOX)
            .where(_OUTBOX.c.id == row, _OUTBOX.c.state == "dead")
            .values(state="owed", attempts=0, next_try_ms=now_ms, done_ms=0, owner="", lease_until_ms=0)
        )
        if done.rowcount == 0:
            raise NotFound("there is no dead letter {row}", row=row)

    def counts(self) -> Mapping[str, int]:
        query = select(_OUTBOX.c.state, func.count()).group_by(_OUTBOX.c.state)
        found = {state: number for state, number in self._connection.execute(query)}
        return {state: found.get(state, 0) for state in ("owed", "delivered", "dead")}

    def oldest_owed_ms(self) -> int | None:
        found = self._connection.execute(select(func.min(_OUTBOX.c.created_ms)).where(_OWED)).scalar_one()
        return None if found is None else int(found)

    def release_backlog(self, *, agent_assets: Sequence[int], now_ms: int) -> None:
        if not agent_assets:
            return
        of_assets = select(_CASES.c.id).where(_CASES.c.asset.in_(list(agent_assets)))
        waiting = and_(_OWED, _OUTBOX.c.attempts == 0, _OUTBOX.c.next_try_ms > now_ms)
        self._connection.execute(
            update(_OUTBOX).where(waiting, _OUTBOX.c.case_id.in_(of_assets)).values(next_try_ms=now_ms)
        )


def _row(row: RowMapping) -> OutboxRow:
    return OutboxRow(
        id=row["id"],
        channel=row["channel"],
        case=row["case_id"],
        version=row["version"],
        event_id=row["event_id"],
        body=bytes(row["body"]),
        created_ms=row["created_ms"],
        attempts=row["attempts"],
        next_try_ms=row["next_try_ms"],
        state=row["state"],
        last_error=row["last_error"],
        critical=row["critical"],
        subject=row["subject"],
    )
