"""FindingStore over SQL: findings, every transition once, and why each did or did not open a case.

Made by the transaction of `store.py`. Every look-up of the desk's path is one index search.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache

from sqlalchemy import Connection, RowMapping, Select, bindparam, delete, func, insert, select, text, update
from sqlalchemy.sql.dml import ReturningInsert

from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.finding import Change, FindingKey, Severity, Transition, Why
from hardcase_collector.domain.ports import FindingRow
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.models import AssetRow, FindingChangeRow, FindingTableRow, WhyRow
from hardcase_collector.storage.state.upserts import Insert, insert_into, table_of

_ASSETS = table_of(AssetRow)
_FINDINGS = table_of(FindingTableRow)
_CHANGES = table_of(FindingChangeRow)
_WHYS = table_of(WhyRow)
_KEY = ("asset", "feed", "rule", "part_key", "sensor")

# The statements of the desk's path are built once: building one costs as much as running it.
_BY_KEY = select(_FINDINGS).where(*(_FINDINGS.c[name] == bindparam(name) for name in _KEY))
# Without the change's name: the desk stores what a transition did to this finding, whatever the rules called it.
_OUTCOME = ("finding", "time_ms", "severity")
_KNOWN = select(_CHANGES.c.finding).where(*(_CHANGES.c[name] == bindparam(name) for name in _OUTCOME))
_RAISES = select(func.count()).where(
    _CHANGES.c.finding == bindparam("finding"),
    _CHANGES.c.time_ms >= bindparam("since_ms"),
    _CHANGES.c.change == str(Change.RAISED),
)
_FIRING_OF_CASE = (
    select(_FINDINGS)
    .where(_FINDINGS.c.case_id == bindparam("case"), _FINDINGS.c.firing.is_(True))
    .order_by(_FINDINGS.c.id)
)
_HELD = (
    select(_FINDINGS)
    .where(
        _FINDINGS.c.held.in_(bindparam("reasons", expanding=True)),
        # Word for word the condition of the partial index: SQLite uses it only where it can prove that it applies.
        text("findings.held <> ''"),
        _FINDINGS.c.held_until_ms > 0,
        _FINDINGS.c.held_until_ms <= bindparam("until_ms"),
        _FINDINGS.c.firing.is_(True),
    )
    .order_by(_FINDINGS.c.id)
    .limit(bindparam("limit"))
)
_FORGET_CHANGES = delete(_CHANGES).where(_CHANGES.c.time_ms < bindparam("before_ms"))
_HOLD = (
    update(_FINDINGS)
    .where(_FINDINGS.c.id == bindparam("finding"))
    .values({name: bindparam(name) for name in ("held", "held_until_ms", "case_id")})
)
_ADD_WHY = insert(_WHYS)


@cache
def _save(dialect: str, *, fresh: bool) -> ReturningInsert[tuple[object, ...]]:
    """`since` begins anew where the finding is raised, and is kept while it goes on firing."""
    saved = insert_into(dialect, _FINDINGS)
    kept = {"id", *_KEY} if fresh else {"id", "since_ms", *_KEY}
    changed = {column.name: saved.excluded[column.name] for column in _FINDINGS.columns if column.name not in kept}
    return saved.on_conflict_do_update(index_elements=list(_KEY), set_=changed).returning(_FINDINGS)


@cache
def _remember(dialect: str) -> Insert:
    return insert_into(dialect, _CHANGES).on_conflict_do_nothing()


class SqlFindingStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: FindingKey) -> FindingRow | None:
        row = self._connection.execute(_BY_KEY, _key(key)).mappings().first()
        return None if row is None else _finding(row)

    def numbered(self, finding: int) -> FindingRow:
        row = self._connection.execute(select(_FINDINGS).where(_FINDINGS.c.id == finding)).mappings().first()
        if row is None:
            raise NotFound("there is no finding {finding}", finding=finding)
        return _finding(row)

    def save(self, transition: Transition, *, case: int | None, held: str, held_until_ms: int) -> FindingRow:
        """Writes the finding as the transition leaves it. `since` is kept while it goes on firing."""
        firing = transition.change is not Change.CLEARED
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
            "opens": transition.opens,
            "device_asserted": transition.device_asserted,
        }
        named = {**_key(transition.key), **values, "since_ms": transition.time_ms}
        saved = _save(self._connection.dialect.name, fresh=transition.change is Change.RAISED)
        row = self._connection.execute(saved, named).mappings().one()
        self._remember(row["id"], transition)
        return _finding(row)

    def _remember(self, finding: int, transition: Transition) -> None:
        self._connection.execute(_remember(self._connection.dialect.name), _change(finding, transition))

    def known(self, finding: int, transition: Transition) -> bool:
        """True: a transition of this time to this severity was saved before."""
        change = _change(finding, transition)
        return self._connection.execute(_KNOWN, {name: change[name] for name in _OUTCOME}).first() is not None

    def raises(self, finding: int, *, since_ms: int) -> int:
        """How often it was raised since then."""
        return int(self._connection.execute(_RAISES, {"finding": finding, "since_ms": since_ms}).scalar_one())

    def forget_changes(self, before_ms: int) -> None:
        self._connection.execute(_FORGET_CHANGES, {"before_ms": before_ms})

    def hold(self, finding: int, *, held: str, held_until_ms: int, case: int | None) -> None:
        done = self._connection.execute(
            _HOLD, {"finding": finding, "held": held, "held_until_ms": held_until_ms, "case_id": case}
        )
        if done.rowcount == 0:
            raise NotFound("there is no finding {finding}", finding=finding)

    def firing_of_case(self, case: int) -> Sequence[FindingRow]:
        return [_finding(row) for row in self._connection.execute(_FIRING_OF_CASE, {"case": case}).mappings()]

    def of_asset(self, asset: int, *, firing: bool | None) -> Sequence[FindingRow]:
        query = select(_FINDINGS).where(_FINDINGS.c.asset == asset)
        if firing is not None:
            query = query.where(_FINDINGS.c.firing.is_(firing))
        return self._list(query)

    def firing(self, *, customer: str | None, after: int, limit: int) -> Sequence[FindingRow]:
        query = select(_FINDINGS).where(_FINDINGS.c.firing.is_(True), _FINDINGS.c.id > after)
        if customer is not None:
            his = select(_ASSETS.c.id).where(_ASSETS.c.customer == customer)
            query = query.where(_FINDINGS.c.asset.in_(his))
        return self._list(query.order_by(_FINDINGS.c.id).limit(limit))

    def of_other_rules(self, rules: Iterable[str]) -> Sequence[FindingRow]:
        """Firing findings of rules that are none of these."""
        return self._list(
            select(_FINDINGS).where(_FINDINGS.c.firing.is_(True), _FINDINGS.c.rule.not_in(sorted(set(rules))))
        )

    def held(self, *, reasons: Collection[str], until_ms: int, limit: int) -> Sequence[FindingRow]:
        """0 = held without end, never listed."""
        asked = {"reasons": sorted(reasons), "until_ms": until_ms, "limit": limit}
        return [_finding(row) for row in self._connection.execute(_HELD, asked).mappings()]

    def add_why(self, why: Why) -> None:
        self._connection.execute(
            _ADD_WHY,
            {
                "asset": why.asset,
                "rule": why.rule,
                "part_key": why.part,
                "sensor": why.sensor,
                "time_ms": why.time_ms,
                "decided_ms": why.decided_ms,
                "opened": why.opened,
                "case_id": why.case,
                "reason": why.reason,
                "facts": texts.dump_facts(why.facts),
            },
        )

    def whys(self, *, asset: int | None, case: int | None, limit: int) -> Sequence[Why]:
        """Newest first."""
        query = select(_WHYS).order_by(_WHYS.c.id.desc()).limit(limit)
        if asset is not None:
            query = query.where(_WHYS.c.asset == asset)
        if case is not None:
            query = query.where(_WHYS.c.case_id == case)
        return [why_of(row) for row in self._connection.execute(query).mappings()]

    def _list(self, query: Select[tuple[object, ...]]) -> Sequence[FindingRow]:
        return [_finding(row) for row in self._connection.execute(query.order_by(_FINDINGS.c.id)).mappings()]


def _key(key: FindingKey) -> dict[str, object]:
    return {"asset": key.asset, "feed": key.feed, "rule": key.rule, "part_key": key.part, "sensor": key.sensor}


def _change(finding: int, transition: Transition) -> dict[str, object]:
    return {
        "finding": finding,
        "time_ms": transition.time_ms,
        "change": str(transition.change),
        "severity": int(transition.severity),
    }


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
        opens=row["opens"],
        device_asserted=row["device_asserted"],
    )


def why_of(row: RowMapping) -> Why:
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
