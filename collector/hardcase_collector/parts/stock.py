"""What lies in the depots: goods that come in, counts that are put right, marks. What runs low: `levels.py`.

Called by the control socket and the pages within the caller's transaction; orders move parts through `orders.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import Bucket, StockLine, Unit
from hardcase_collector.parts.levels import Levels

MAX_COUNT = 100_000
"""Of one delivery: more is a slip of the finger."""


class Stock:
    """Everything that changes counts without an order."""

    def __init__(
        self,
        *,
        came: Callable[[Transaction, str, str, int], int] = lambda tx, depot, number, now_ms: 0,
        levels: Levels | None = None,
    ) -> None:
        """`came` is told of parts that became free: orders wait for them."""
        self._came = came
        self._levels = levels or Levels()

    def receive(
        self,
        tx: Transaction,
        depot: str,
        part_number: str,
        *,
        count: int,
        serials: Sequence[str] = (),
        by: Actor,
        now_ms: int,
    ) -> StockLine:
        """Goods came in. `serials`: the known ones, at most `count`. Raises NotFound, IllegalAction, NotAllowed."""
        require(by, Deed.STOCK)
        _of_his(tx, depot, by)
        if tx.spares.spare(part_number) is None:
            raise NotFound("there is no spare {part_number} in the catalogue", part_number=part_number)
        told = [serial.strip() for serial in serials if serial.strip()]
        if len(set(told)) != len(told):
            raise IllegalAction("a serial is given twice")
        if not max(1, len(told)) <= count <= MAX_COUNT:
            raise IllegalAction("a delivery has 1 to {most} parts, and no more serials than parts", most=MAX_COUNT)
        tx.spares.receive(depot, part_number, count=count, serials=told)
        facts: dict[str, Fact] = {"part_number": part_number, "count": count, "serials": ", ".join(told)}
        tx.access.audit(at_ms=now_ms, actor=by.name, action="stock.received", subject=depot, facts=facts)
        # Who waits takes of it first, or stock would be told as filled that is as low as before.
        self._came(tx, depot, part_number, now_ms)
        self._levels.settle(tx, depot, part_number, actor=by.name, now_ms=now_ms)
        return _line(tx, depot, part_number)

    def withdraw(
        self,
        tx: Transaction,
        depot: str,
        part_number: str,
        *,
        count: int = 1,
        serials: Sequence[str] = (),
        reason: str,
        by: Actor,
        now_ms: int,
    ) -> StockLine:
        """Takes free parts out of the books: scrapped, counted wrong. Raises NotFound, IllegalAction, NotAllowed."""
        require(by, Deed.STOCK)
        _of_his(tx, depot, by)
        if not reason.strip():
            raise IllegalAction("say why parts leave the books")
        line = _line(tx, depot, part_number)
        if not max(1, len(serials)) <= count <= line.free:
            raise IllegalAction(
                "{depot} has {free} of {part_number} free", depot=depot, free=line.free, part_number=part_number
            )
        known = [unit for unit in _units(tx, depot, part_number) if unit.order is None]
        if count - len(serials) > line.free - len(known):
            raise IllegalAction(
                "of {part_number} in {depot} the books know serials: name those that leave",
                part_number=part_number,
                depot=depot,
            )
        here = {unit.serial for unit in known}
        for serial in serials:
            if serial not in here or not tx.spares.withdraw_unit(part_number, serial):
                raise IllegalAction(
                    "serial {serial} of {part_number} is not free in the books of {depot}",
                    serial=serial,
                    part_number=part_number,
                    depot=depot,
                )
        for _ in range(count):
            tx.spares.shift(depot, part_number, Bucket.FREE, Bucket.WITHDRAWN)
        facts: dict[str, Fact] = {
            "part_number": part_number,
            "count": count,
            "serials": ", ".join(serials),
            "reason": reason.strip(),
        }
        tx.access.audit(at_ms=now_ms, actor=by.name, action="stock.withdrawn", subject=depot, facts=facts)
        self._levels.settle(tx, depot, part_number, actor=by.name, now_ms=now_ms)
        return _line(tx, depot, part_number)

    def count(
        self,
        tx: Transaction,
        depot: str,
        part_number: str,
        *,
        free: int,
        serials: Sequence[str],
        by: Actor,
        now_ms: int,
    ) -> StockLine:
        """A stocktaking: so many are free, with these serials among them. Raises as `receive` and `withdraw` do."""
        line = tx.spares.stock_line(depot, part_number)
        have = line.free if line else 0
        known = [unit.serial for unit in _units(tx, depot, part_number) if unit.order is None]
        gone = [serial for serial in known if serial not in serials]
        new = [serial for serial in serials if serial not in known]
        # A serial that is exchanged for another one is a part that went and one that came.
        out = max(have - free, len(gone))
        come = free - have + out
        # Serials beyond what came are of parts that lay there unnamed: out without, in with a name.
        named = max(0, len(new) - come)
        out, come = out + named, come + named
        if out:
            self.withdraw(tx, depot, part_number, count=out, serials=gone, reason="counted", by=by, now_ms=now_ms)
        if come:
            self.receive(tx, depot, part_number, count=come, serials=new, by=by, now_ms=now_ms)
        return _line(tx, depot, part_number)

    def mark(
        self,
        tx: Transaction,
        depot: str,
        part_number: str,
        *,
        minimum: int,
        reorder_point: int,
        by: Actor,
        now_ms: int,
    ) -> StockLine:
        """At how many it is told that stock runs low. Raises NotFound, IllegalAction, NotAllowed."""
        require(by, Deed.STOCK)
        _of_his(tx, depot, by)
        if tx.spares.spare(part_number) is None:
            raise NotFound("there is no spare {part_number} in the catalogue", part_number=part_number)
        if not 0 <= minimum <= MAX_COUNT or not 0 <= reorder_point <= MAX_COUNT:
            raise IllegalAction("marks lie between 0 and {most}", most=MAX_COUNT)
        tx.spares.set_marks(depot, part_number, minimum=minimum, reorder_point=reorder_point)
        facts: dict[str, Fact] = {"part_number": part_number, "minimum": minimum, "reorder_point": reorder_point}
        tx.access.audit(at_ms=now_ms, actor=by.name, action="stock.marked", subject=depot, facts=facts)
        self._levels.settle(tx, depot, part_number, actor=by.name, now_ms=now_ms)
        return _line(tx, depot, part_number)


def _of_his(tx: Transaction, depot: str, by: Actor) -> None:
    found = tx.spares.depot(depot)
    if found is None or (by.customer is not None and found.customer != by.customer):
        raise NotFound("there is no depot {depot}", depot=depot)


def _units(tx: Transaction, depot: str, part_number: str) -> Sequence[Unit]:
    return tx.spares.units(customer=None, depot=depot, part_number=part_number)


def _line(tx: Transaction, depot: str, part_number: str) -> StockLine:
    line = tx.spares.stock_line(depot, part_number)
    if line is None:
        raise NotFound("{depot} has never had a {part_number}", depot=depot, part_number=part_number)
    return line
