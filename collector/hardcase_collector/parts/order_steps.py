"""What each step writes down: on the order, and on the timeline of its case. Pure; called by `orders.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.spares import Freight, OrderState, OrderStep, PartOrder, Sighting, Spare
from hardcase_collector.parts.order_table import OVER

MAX_WORD = 200
"""Of a serial or a tracking number."""
MAX_REASON = 2000
_DAY_MS = 86_400_000

DEED: Mapping[OrderStep, Deed] = {
    OrderStep.RESERVE: Deed.RESERVE_PART,
    OrderStep.CANCEL: Deed.RESERVE_PART,
    OrderStep.SHIP: Deed.SHIP_PART,
    OrderStep.RECEIVE: Deed.SHIP_PART,
    OrderStep.INSTALL: Deed.INSTALL_PART,
    OrderStep.DECLARE_DEAD: Deed.INSTALL_PART,
    OrderStep.SEND_BACK: Deed.RETURN_PART,
    OrderStep.RECEIVE_BACK: Deed.RETURN_PART,
    OrderStep.KEEP: Deed.RETURN_PART,
    OrderStep.LOSE: Deed.RETURN_PART,
}
CODE: Mapping[OrderStep, str] = {
    OrderStep.RESERVE: "part_reserved",
    OrderStep.CANCEL: "part_cancelled",
    OrderStep.SHIP: "part_shipped",
    OrderStep.RECEIVE: "part_received",
    OrderStep.INSTALL: "part_installed",
    OrderStep.DECLARE_DEAD: "part_dead",
    OrderStep.SEND_BACK: "part_returned",
    OrderStep.RECEIVE_BACK: "part_return_received",
    OrderStep.KEEP: "part_kept",
    OrderStep.LOSE: "part_missing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What somebody tells with a step."""

    serial: str = ""
    """Of the new part."""
    old_serial: str = ""
    """Of the replaced one."""
    tracking: str = ""
    reason: str = ""
    depot: str = ""
    """With `reserve`: this one and no other."""

    def __post_init__(self) -> None:
        """Raises IllegalAction for a word that cannot be one."""
        for word, longest in ((self.serial, MAX_WORD), (self.old_serial, MAX_WORD), (self.tracking, MAX_WORD)):
            if len(word) > longest:
                raise IllegalAction("a serial or tracking number has at most {longest} characters", longest=longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The entry of a step."""

    code: str
    parameters: Mapping[str, Fact]
    needs_another: bool
    """The part that was to cure the case is dead or lost: it needs a further one."""


def after(
    was: PartOrder,
    step: OrderStep | None,
    details: Details,
    *,
    by: str,
    now_ms: int,
    state: OrderState | None = None,
    freight: Freight | None = None,
    spare: Spare | None = None,
) -> PartOrder:
    """The order after a step; without one, with its serials put right."""
    serial, old_serial = details.serial.strip(), details.old_serial.strip()
    done = replace(
        was,
        state=state or was.state,
        freight=freight or was.freight,
        new_serial=serial or was.new_serial,
        old_serial=old_serial or was.old_serial,
        old=replace(was.old, serial=old_serial) if old_serial else was.old,
        tracking=details.tracking.strip() or was.tracking,
    )
    if step is None:
        return replace(done, sighting=Sighting.WAITING, look_ms=now_ms, sighted_ms=0, sighted_serial="", back_told_ms=0)
    if done.state in OVER or done.state is OrderState.MISSING:
        done = replace(done, ended_ms=now_ms, due_back_ms=0)
    match step:
        case OrderStep.SHIP:
            return replace(done, shipped_ms=now_ms)
        case OrderStep.RECEIVE:
            return replace(done, received_ms=now_ms, ended_ms=0)
        case OrderStep.INSTALL:
            return _installed(done, spare, by, now_ms)
        case OrderStep.DECLARE_DEAD:
            # It is in no machine: what is proven and recorded is the part that comes in its place.
            due_ms = _back_by(spare, now_ms)
            done = replace(done, installed_ms=0, installed_by="", warranty_until="", look_ms=0)
            return replace(done, ended_ms=0, due_back_ms=due_ms)
        case OrderStep.SEND_BACK:
            due_ms = done.due_back_ms or _back_by(spare, now_ms)
            return replace(done, returned_ms=now_ms, ended_ms=0, due_back_ms=due_ms)
        case _:
            return done


def _installed(done: PartOrder, spare: Spare | None, by: str, now_ms: int) -> PartOrder:
    if done.new_serial and done.new_serial == done.old_serial:
        raise IllegalAction("the new part cannot have the serial of the old one, {serial}", serial=done.old_serial)
    days = spare.warranty_days if spare else 0
    ends = (datetime.fromtimestamp(now_ms / 1000, UTC) + timedelta(days=days)).date().isoformat() if days else ""
    due_ms = _back_by(spare, now_ms)
    return replace(
        done,
        installed_ms=now_ms,
        installed_by=by,
        warranty_until=ends,
        due_back_ms=due_ms,
        # Where nothing has to come back, nothing is owed any more.
        ended_ms=0 if due_ms else now_ms,
        sighting=Sighting.WAITING,
        look_ms=now_ms,
    )


def _back_by(spare: Spare | None, now_ms: int) -> int:
    return now_ms + spare.return_days * _DAY_MS if spare and spare.return_days else 0


def entry_of(was: PartOrder, done: PartOrder, step: OrderStep, details: Details) -> Told:
    parameters: dict[str, Fact] = {"order": done.id, "part_number": done.part_number, "freight": str(done.freight)}
    told: dict[str, Fact] = {
        "depot": done.depot,
        "new_serial": done.new_serial,
        "tracking": details.tracking.strip(),
        "reason": details.reason.strip()[:MAX_REASON],
    }
    if step in (OrderStep.INSTALL, OrderStep.SEND_BACK, OrderStep.RECEIVE_BACK, OrderStep.KEEP, OrderStep.LOSE):
        told |= {"old_serial": done.old_serial, "due_back_ms": done.due_back_ms}
    if step is OrderStep.INSTALL:
        told |= {"slot": done.old.slot, "warranty_until": done.warranty_until}
    parameters |= {name: value for name, value in told.items() if value}
    dead = step is OrderStep.DECLARE_DEAD
    lost = step is OrderStep.LOSE and done.freight is Freight.NEW
    return Told(code=CODE[step], parameters=parameters, needs_another=dead or lost)
