"""Part orders and parts of known serial over SQL. The half of `spare_store.py`'s store that is about single parts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, Select, and_, bindparam, insert, or_, select, text, update

from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound
from hardcase_collector.domain.spares import (
    Freight,
    OrderFilter,
    OrderState,
    PartOrder,
    Sighting,
    TurnedUp,
    Unit,
)
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.models import (
    AssetRow,
    CaseRow,
    DepotRow,
    InventoryRow,
    OrderWantRow,
    PartOrderRow,
    UnitRow,
)
from hardcase_collector.storage.state.upserts import insert_into, table_of

_ASSETS = table_of(AssetRow)
_CASES = table_of(CaseRow)
_DEPOTS = table_of(DepotRow)
_INVENTORY = table_of(InventoryRow)
_ORDERS = table_of(PartOrderRow)
_UNITS = table_of(UnitRow)
_WANTS = table_of(OrderWantRow)
# Word for word the conditions of the partial indexes.
_REQUESTED = text("part_orders.state = 'requested'")
_DUE = text("due_back_ms > 0 AND overdue_told_ms = 0")
_OUT = text("old_key <> '' AND installed_ms > 0 AND back_told_ms = 0")
_INSTALLED = text("installed_ms > 0")
_LOOKED_FOR = text("look_ms > 0")
# What every tick asks is built once: building a statement costs more than running it where nothing is due.
# What is back, kept or given up has no day by which it is due.
_OVERDUE = (
    select(_ORDERS)
    .where(_DUE, _ORDERS.c.due_back_ms < bindparam("now_ms"))
    .order_by(_ORDERS.c.due_back_ms, _ORDERS.c.id)
    .limit(bindparam("limit"))
)
_TO_LOOK_FOR = (
    select(_ORDERS)
    .where(_LOOKED_FOR, _ORDERS.c.look_ms <= bindparam("now_ms"))
    .order_by(_ORDERS.c.look_ms, _ORDERS.c.id)
    .limit(bindparam("limit"))
)
_LEFT_OVER = (
    select(_ORDERS)
    .join(_CASES, _CASES.c.id == _ORDERS.c.case_id)
    .where(
        _ORDERS.c.state.in_([str(OrderState.REQUESTED), str(OrderState.RESERVED)]),
        _CASES.c.state.in_(("closed", "cancelled")),
    )
    .order_by(_ORDERS.c.id)
    .limit(bindparam("limit"))
)
_NEXT_OUT = (
    select(_ORDERS.c.id).where(_OUT, _ORDERS.c.id > bindparam("after")).order_by(_ORDERS.c.id).limit(bindparam("limit"))
)


class SqlOrders:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def units(self, *, customer: str | None, depot: str = "", part_number: str = "") -> Sequence[Unit]:
        query = select(_UNITS).order_by(_UNITS.c.part_number, _UNITS.c.serial)
        if customer is not None:
            query = query.join(_DEPOTS, _DEPOTS.c.name == _UNITS.c.depot).where(_DEPOTS.c.customer == customer)
        if depot:
            query = query.where(_UNITS.c.depot == depot)
        if part_number:
            query = query.where(_UNITS.c.part_number == part_number)
        return [_unit(row) for row in self._connection.execute(query).mappings()]

    def unit_of(self, order: int) -> Unit | None:
        row = self._connection.execute(select(_UNITS).where(_UNITS.c.order_id == order)).mappings().first()
        return None if row is None else _unit(row)

    def add_unit(self, depot: str, part_number: str, serial: str) -> bool:
        """False: this serial is known already."""
        added = insert_into(self._connection.dialect.name, _UNITS).values(
            part_number=part_number, serial=serial, depot=depot
        )
        done = self._connection.execute(added.on_conflict_do_nothing().returning(_UNITS.c.id))
        return done.scalar_one_or_none() is not None

    def withdraw_unit(self, part_number: str, serial: str) -> bool:
        gone = _UNITS.delete().where(
            _UNITS.c.part_number == part_number, _UNITS.c.serial == serial, _UNITS.c.order_id.is_(None)
        )
        return self._connection.execute(gone).rowcount == 1

    def hold_unit(self, depot: str, part_number: str, *, order: int) -> Unit | None:
        free = (
            select(_UNITS.c.id)
            .where(_UNITS.c.depot == depot, _UNITS.c.part_number == part_number, _UNITS.c.order_id.is_(None))
            .order_by(_UNITS.c.id)
            .limit(1)
            .scalar_subquery()
        )
        held = update(_UNITS).where(_UNITS.c.id == free, _UNITS.c.order_id.is_(None)).values(order_id=order)
        row = self._connection.execute(held.returning(_UNITS)).mappings().first()
        return None if row is None else _unit(row)

    def free_unit(self, order: int, *, depot: str) -> None:
        freed = update(_UNITS).where(_UNITS.c.order_id == order).values(order_id=None, depot=depot)
        self._connection.execute(freed)

    def name_unit(self, depot: str, part_number: str, serial: str, *, order: int) -> None:
        held = self.unit_of(order)
        if held is not None and (held.part_number, held.serial) == (part_number, serial):
            return
        known = select(_UNITS).where(_UNITS.c.part_number == part_number, _UNITS.c.serial == serial)
        row = self._connection.execute(known).mappings().first()
        if row is not None and row["order_id"] is not None:
            raise NotAllowed(
                "serial {serial} of {part_number} is in part order {order}",
                serial=serial,
                part_number=part_number,
                order=row["order_id"],
            )
        if row is not None and row["depot"] != depot:
            raise NotAllowed(
                "serial {serial} of {part_number} lies in depot {other}, not in {depot}",
                serial=serial,
                part_number=part_number,
                other=row["depot"],
                depot=depot,
            )
        if row is None and held is not None:
            # Of the depot's parts one had another serial than the books said: it is the one in hand.
            renamed = update(_UNITS).where(_UNITS.c.id == held.id)
            self._connection.execute(renamed.values(serial=serial))
            return
        if held is not None:
            self.free_unit(order, depot=depot)
        if row is None:
            self.add_unit(depot, part_number, serial)
        taken = update(_UNITS).where(_UNITS.c.part_number == part_number, _UNITS.c.serial == serial)
        self._connection.execute(taken.values(order_id=order))

    def add_order(self, order: PartOrder) -> PartOrder:
        number = self._connection.execute(insert(_ORDERS).values(_columns(order)).returning(_ORDERS.c.id)).scalar_one()
        wants = [
            {"order_id": number, "part_number": wanted, "place": place}
            for place, wanted in enumerate(dict.fromkeys(order.wanted))
        ]
        if wants:
            self._connection.execute(insert(_WANTS), wants)
        return self.order(number, customer=None)

    def save_order(self, order: PartOrder, *, was: OrderState) -> None:
        changed = update(_ORDERS).where(_ORDERS.c.id == order.id, _ORDERS.c.state == str(was))
        if self._connection.execute(changed.values(_columns(order))).rowcount == 0:
            raise IllegalAction("part order {order} is no longer {state}: look at it again", order=order.id, state=was)

    def order(self, order: int, *, customer: str | None) -> PartOrder:
        """Raises NotFound, also for another customer's."""
        row = self._connection.execute(_of(_select(), customer).where(_ORDERS.c.id == order)).mappings().first()
        if row is None:
            raise NotFound("there is no part order {order}", order=order)
        return _order(row)

    def orders(self, which: OrderFilter, *, customer: str | None) -> Sequence[PartOrder]:
        query = _of(_select(), customer)
        if which.states:
            query = query.where(_ORDERS.c.state.in_([str(state) for state in which.states]))
        if which.case is not None:
            query = query.where(_ORDERS.c.case_id == which.case)
        if which.depot:
            query = query.where(_ORDERS.c.depot == which.depot)
        if which.overdue_at_ms:
            query = query.where(_ORDERS.c.due_back_ms > 0, _ORDERS.c.due_back_ms < which.overdue_at_ms)
        return self._list(query.order_by(_ORDERS.c.id.desc()).limit(which.limit))

    def orders_of(self, case: int) -> Sequence[PartOrder]:
        return self._list(_select().where(_ORDERS.c.case_id == case).order_by(_ORDERS.c.id))

    def waiting_for(self, part_number: str, *, limit: int) -> Sequence[PartOrder]:
        query = (
            _select()
            .join(_WANTS, _WANTS.c.order_id == _ORDERS.c.id)
            .join(_CASES, _CASES.c.id == _ORDERS.c.case_id)
            .where(_WANTS.c.part_number == part_number, _REQUESTED)
            .order_by(_CASES.c.priority, _ORDERS.c.requested_ms, _ORDERS.c.id)
        )
        return self._list(query.limit(limit))

    def overdue(self, now_ms: int, *, limit: int) -> Sequence[PartOrder]:
        return self._list(_OVERDUE, now_ms=now_ms, limit=limit)

    def to_look_for(self, now_ms: int, *, limit: int) -> Sequence[PartOrder]:
        return self._list(_TO_LOOK_FOR, now_ms=now_ms, limit=limit)

    def left_over(self, *, limit: int) -> Sequence[PartOrder]:
        return self._list(_LEFT_OVER, limit=limit)

    def replaced(self, asset: int, *, component: str = "", slot: str = "") -> Sequence[PartOrder]:
        query = _select().where(_ORDERS.c.asset == asset, _INSTALLED)
        if component:
            query = query.where(_ORDERS.c.component == component, _ORDERS.c.slot == slot)
        return self._list(query.order_by(_ORDERS.c.installed_ms.desc(), _ORDERS.c.id.desc()))

    def turned_up(self, *, after: int, limit: int) -> tuple[Sequence[TurnedUp], int]:
        numbers = self._connection.execute(_NEXT_OUT, {"after": after, "limit": limit}).scalars().all()
        if not numbers:
            return (), 0
        # In the machine it came from, the time of its removal is the engineer's word: an inventory of that minute may
        # still have read it. Only one that was read after the new part was in tells that the old one is back.
        query = (
            select(_ORDERS, _INVENTORY.c.asset.label("found_in"), _INVENTORY.c.part, _INVENTORY.c.seen_ms)
            .join(_INVENTORY, _INVENTORY.c.part_key == _ORDERS.c.old_key)
            .where(_ORDERS.c.id.in_(numbers))
            .where(
                or_(
                    and_(_INVENTORY.c.asset != _ORDERS.c.asset, _INVENTORY.c.seen_ms > _ORDERS.c.installed_ms),
                    and_(
                        _INVENTORY.c.asset == _ORDERS.c.asset,
                        _ORDERS.c.sighting == str(Sighting.SEEN),
                        _INVENTORY.c.seen_ms > _ORDERS.c.sighted_ms,
                    ),
                )
            )
            .order_by(_ORDERS.c.id, _INVENTORY.c.seen_ms.desc())
        )
        found: dict[int, TurnedUp] = {}
        for row in self._connection.execute(query).mappings():
            told = TurnedUp(
                order=_order(row), asset=row["found_in"], part=texts.load_part(row["part"]), seen_ms=row["seen_ms"]
            )
            found.setdefault(told.order.id, told)
        return list(found.values()), numbers[-1] if len(numbers) == limit else 0

    def _list(self, query: Select[tuple[object, ...]], **asked: object) -> Sequence[PartOrder]:
        return [_order(row) for row in self._connection.execute(query, asked).mappings()]


def _select() -> Select[tuple[object, ...]]:
    return select(_ORDERS)


def _of(query: Select[tuple[object, ...]], customer: str | None) -> Select[tuple[object, ...]]:
    if customer is None:
        return query
    return query.join(_ASSETS, _ASSETS.c.id == _ORDERS.c.asset).where(_ASSETS.c.customer == customer)


def _unit(row: RowMapping) -> Unit:
    return Unit(
        id=row["id"],
        part_number=row["part_number"],
        serial=row["serial"],
        depot=row["depot"],
        order=row["order_id"],
    )


def _columns(order: PartOrder) -> dict[str, object]:
    """Every column but the id."""
    return {
        "case_id": order.case,
        "asset": order.asset,
        "component": order.component,
        "slot": order.slot,
        "wanted": texts.dump_words(order.wanted),
        "state": str(order.state),
        "requested_ms": order.requested_ms,
        "requested_by": order.requested_by,
        "freight": str(order.freight),
        "depot": order.depot,
        "part_number": order.part_number,
        "new_serial": order.new_serial,
        "old": texts.dump_part(order.old),
        "old_key": order.old.key() if order.old.serial else "",
        "old_serial": order.old_serial,
        "reserved_ms": order.reserved_ms,
        "shipped_ms": order.shipped_ms,
        "received_ms": order.received_ms,
        "installed_ms": order.installed_ms,
        "installed_by": order.installed_by,
        "returned_ms": order.returned_ms,
        "ended_ms": order.ended_ms,
        "due_back_ms": order.due_back_ms,
        "overdue_told_ms": order.overdue_told_ms,
        "tracking": order.tracking,
        "replaces": order.replaces,
        "warranty_until": order.warranty_until,
        "sighting": str(order.sighting),
        "look_ms": order.look_ms,
        "sighted_ms": order.sighted_ms,
        "sighted_serial": order.sighted_serial,
        "back_told_ms": order.back_told_ms,
    }


def _order(row: RowMapping) -> PartOrder:
    return PartOrder(
        id=row["id"],
        case=row["case_id"],
        asset=row["asset"],
        component=row["component"],
        slot=row["slot"],
        wanted=texts.load_words(row["wanted"]),
        state=OrderState(row["state"]),
        requested_ms=row["requested_ms"],
        requested_by=row["requested_by"],
        freight=Freight(row["freight"]),
        depot=row["depot"],
        part_number=row["part_number"],
        new_serial=row["new_serial"],
        old=texts.load_part(row["old"]),
        old_serial=row["old_serial"],
        reserved_ms=row["reserved_ms"],
        shipped_ms=row["shipped_ms"],
        received_ms=row["received_ms"],
        installed_ms=row["installed_ms"],
        installed_by=row["installed_by"],
        returned_ms=row["returned_ms"],
        ended_ms=row["ended_ms"],
        due_back_ms=row["due_back_ms"],
        overdue_told_ms=row["overdue_told_ms"],
        tracking=row["tracking"],
        replaces=row["replaces"],
        warranty_until=row["warranty_until"],
        sighting=Sighting(row["sighting"]),
        look_ms=row["look_ms"],
        sighted_ms=row["sighted_ms"],
        sighted_serial=row["sighted_serial"],
        back_told_ms=row["back_told_ms"],
    )
