"""FindingStore over SQL: findings, every transition once, and why each did or did not open a case.

Made by the transaction of `store.py`. Every look-up of the desk's path is one index search.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, update

from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.finding import Change, FindingKey, Severity, Transition, Why
from hardcase_collector.domain.ports import FindingRow
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.models import FindingChangeRow, FindingTableRow, WhyRow
from hardcase_collector.storage.state.upserts import insert_into, table_of

_FINDINGS = table_of(FindingTableRow)
_CHANGES = table_of(FindingChangeRow)
_WHYS = table_of(WhyRow)
_KEY = ["asset", "feed", "rule", "part_key", "sensor"]


class SqlFindingStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: FindingKey) -> FindingRow | None:
        query = select(_FINDINGS).where(
            _FINDINGS.c.asset == key.asset,
            _FINDINGS.c.feed == key.feed,
            _FINDINGS.c.rule == key.rule,
            _FINDINGS.c.part_key == key.part,
            _FINDINGS.c.sensor == key.sensor,
        )
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _finding(row)

    def numbered(self, finding: int) -> FindingRow:
        row = self._connection.execute(select(_FINDINGS).where(_FINDINGS.c.id == finding)).mappings().first()
        if row is None:
            raise NotFound(f"there is no finding {finding}")
        return _finding(row)

    def save(self, transition: Transition, *, case: int | None, held: str, held_until_ms: int) -> FindingRow:
        """Writes the finding as the transition leaves it. `since` is kept while it goes on firing."""
        firing = transition.change is not Change.CLEARED
        fresh = transition.change is Change.RAISED
        values = {
            "firing": firing,
            "severity": int(transition.severity),
            "fault_class": transition.fault_class,
            "repair_group": transition.repair_group,
            "part": texts.dump_part(transition.part),
            "changed_ms": transition.time_ms,
            "case_id": case,
            "held": held,
            "held_until_ms": held_until_ms,
            "evidence": texts.dump_facts(transition.evidence),
            "rehearsal": transition.rehearsal,
            "self_clearing": transition.self_clearing,
            "soak_s": transition.soak_s,
        }
        key = transition.key
        named = {"asset": key.asset, "feed": key.feed, "rule": key.rule, "part_key": key.part, "sensor": key.sensor}
        saved = insert_into(self._connection, _FINDINGS).values(**named, since_ms=transition.time_ms, **values)
        changed = {**values, "since_ms": transition.time_ms} if fresh else values
        saved = saved.on_conflict_do_update(index_elements=_KEY, set_=changed)
        row = self._connection.execute(saved.returning(_FINDINGS)).mappings().one()
        self._remember(row["id"], transition)
        return _finding(row)

    def _remember(self, finding: int, transition: Transition) -> None:
        seen = insert_into(self._connection, _CHANGES).values(
            finding=finding,
            time_ms=transition.time_ms,
            change=str(transition.change),
            severity=int(transition.severity),
        )
        self._connection.execute(seen.on_conflict_do_nothing())

    def known(self, finding: int, transition: Transition) -> bool:
        """True: this very transition was saved before."""
        query = select(_CHANGES.c.finding).where(
            _CHANGES.c.finding == finding,
            _CHANGES.c.time_ms == transition.time_ms,
            _CHANGES.c.change == str(transition.change),
            _CHANGES.c.severity == int(transition.severity),
        )
        return self._connection.execute(query).first() is not None

    def raises(self, finding: int, *, since_ms: int) -> int:
        """How often it was raised since then."""
        query = select(func.count()).where(
            _CHANGES.c.finding == finding, _CHANGES.c.time_ms >= since_ms, _CHANGES.c.change == str(Change.RAISED)
        )
        return int(self._connection.execute(query).scalar_one())

    def forget_changes(self, before_ms: int) -> None:
        self._connection.execute(delete(_CHANGES).where(_CHANGES.c.time_ms < before_ms))

    def hold(self, finding: int, *, held: str, held_until_ms: int, case: int | None) -> None:
        done = self._connection.execute(
            update(_FINDINGS)
            .where(_FINDINGS.c.id == finding)
            .values(held=held, held_until_ms=held_until_ms, case_id=case)
        )
        if done.rowcount == 0:
            raise NotFound(f"there is no finding {finding}")

    def firing_of_case(self, case: int) -> Sequence[FindingRow]:
        return self._list(select(_FINDINGS).where(_FINDINGS.c.case_id == case, _FINDINGS.c.firing.is_(True)))

    def of_asset(self, asset: int, *, firing: bool | None) -> Sequence[FindingRow]:
        query = select(_FINDINGS).where(_FINDINGS.c.asset == asset)
        if firing is not None:
            query = query.where(_FINDINGS.c.firing.is_(firing))
        return self._list(query)

    def held(self, *, reason: str, until_ms: int) -> Sequence[FindingRow]:
        """Firing findings held for this reason until at most this time; 0 = held without end, never listed."""
        return self._list(
            select(_FINDINGS).where(
                _FINDINGS.c.held == reason,
                _FINDINGS.c.held != "",
                _FINDINGS.c.held_until_ms > 0,
                _FINDINGS.c.held_until_ms <= until_ms,
                _FINDINGS.c.firing.is_(True),
            )
        )

    def add_why(self, why: Why) -> None:
        self._connection.execute(
            insert(_WHYS).values(
                asset=why.asset,
                rule=why.rule,
                part_key=why.part,
                sensor=why.sensor,
                time_ms=why.time_ms,
                decided_ms=why.decided_ms,
                opened=why.opened,
                case_id=why.case,
                reason=why.reason,
                facts=texts.dump_facts(why.facts),
            )
        )

    def whys(self, *, asset: int | None, case: int | None, limit: int) -> Sequence[Why]:
        """Newest first."""
        query = select(_WHYS).order_by(_WHYS.c.id.desc()).limit(limit)
        if asset is not None:
            query = query.where(_WHYS.c.asset == asset)
        if case is not None:
            query = query.where(_WHYS.c.case_id == case)
        return [_why(row) for row in self._connection.execute(query).mappings()]

    def _list(self, query: Select[tuple[object, ...]]) -> Sequence[FindingRow]:
        return [_finding(row) for row in self._connection.execute(query.order_by(_FINDINGS.c.id)).mappings()]


def _finding(row: RowMapping) -> FindingRow:
    return FindingRow(
        id=row["id"],
        key=FindingKey(
            asset=row["asset"], feed=row["feed"], rule=row["rule"], part=row["part_key"], sensor=row["sensor"]
        ),
        firing=row["firing"],
        severity=Severity(row["severity"]),
        fault_class=row["fault_class"],
        repair_group=row["repair_group"],
        part=texts.load_part(row["part"]),
        since_ms=row["since_ms"],
        changed_ms=row["changed_ms"],
        case=row["case_id"],
        held=row["held"],
        held_until_ms=row["held_until_ms"],
        evidence=texts.load_facts(row["evidence"]),
        rehearsal=row["rehearsal"],
        self_clearing=row["self_clearing"],
        soak_s=row["soak_s"],
    )


def _why(row: RowMapping) -> Why:
    return Why(
        asset=row["asset"],
        rule=row["rule"],
        part=row["part_key"],
        sensor=row["sensor"],
        time_ms=row["time_ms"],
        decided_ms=row["decided_ms"],
        opened=row["opened"],
        case=row["case_id"],
        reason=row["reason"],
        facts=texts.load_facts(row["facts"]),
    )
