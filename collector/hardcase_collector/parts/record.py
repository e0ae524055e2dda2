"""The maintenance record of an asset (服务器维修记录): what failed, what was replaced, by whom, when, the result.

Made from cases and part orders when asked for: one truth, nothing to keep in step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.places import place_name
from hardcase_collector.domain.ports import CaseFilter, Transaction
from hardcase_collector.domain.spares import PartOrder

MAX_CASES = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """One part that was put in. Times are ms of Unix time."""

    order: int
    part_number: str
    new_serial: str
    old_serial: str
    at_ms: int
    by: str
    sighting: str
    """How the new part was proven; see `Sighting`."""
    warranty_until: str
    """ISO date of the new part's own warranty; "" = the machine's holds for it."""
    state: str
    """What became of the old part: state of its order."""
    in_use_again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One case of the asset."""

    case: str
    state: str
    outcome: str
    fault_classes: tuple[str, ...]
    component: str
    slot: str
    part: Part
    since_ms: int
    opened_ms: int
    closed_ms: int
    reopened: int
    linked: str
    """Number of the closed case this is a recurrence of."""
    assignee: str
    replaced: tuple[Replaced, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What happened in one place."""

    component: str
    slot: str
    cases: int
    failures: int
    """Cases, and how often they were opened again."""
    replaced: int
    serials: tuple[str, ...]
    """Of the parts that sat there, the oldest first, as far as they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    repairs: tuple[Repair, ...]
    """Newest first; no drills."""
    slots: tuple[Slot, ...]
    """The one with the most failures first."""


def record_of(tx: Transaction, asset: int) -> Record:
    cases = tx.cases.list(CaseFilter(customer=None, open_only=False, asset=asset, rehearsal=False, limit=MAX_CASES))
    orders: dict[int, list[PartOrder]] = {}
    for order in tx.spares.replaced(asset):
        orders.setdefault(order.case, []).append(order)
    numbers = {case.id: case.number for case in cases}
    repairs = tuple(_repair(case, orders.get(case.id, ()), numbers) for case in cases)
    return Record(repairs=repairs, slots=slots_of(repairs))


def slots_of(repairs: Sequence[Repair]) -> tuple[Slot, ...]:
    """`repairs`: newest first. False alarms count as cases of their place, cancelled cases do not."""
    places: dict[tuple[str, str], list[Repair]] = {}
    for repair in reversed(repairs):
        if repair.state != CaseState.CANCELLED:
            places.setdefault((repair.component, repair.slot), []).append(repair)
    return tuple(sorted((_slot(place, mine) for place, mine in places.items()), key=_worst))


def _slot(place: tuple[str, str], mine: Sequence[Repair]) -> Slot:
    replaced = sorted((one for repair in mine for one in repair.replaced), key=lambda one: (one.at_ms, one.order))
    serials = [serial for one in replaced for serial in (one.old_serial, one.new_serial) if serial]
    known = [repair.part.serial for repair in mine if repair.part.serial]
    return Slot(
        component=place[0],
        slot=place[1],
        cases=len(mine),
        failures=sum(1 + repair.reopened for repair in mine),
        replaced=len(replaced),
        serials=tuple(dict.fromkeys([*serials, *known])),
    )


def _worst(slot: Slot) -> tuple[int, str, str]:
    return -slot.failures, slot.component, slot.slot


def _repair(case: Case, orders: Sequence[PartOrder], numbers: Mapping[int, str]) -> Repair:
    return Repair(
        case=case.number,
        state=str(case.state),
        outcome=str(case.outcome),
        fault_classes=case.fault_classes,
        component=case.part.component,
        slot=place_name(case.part.component, case.part.slot),
        part=case.part,
        since_ms=case.since_ms,
        opened_ms=case.opened_ms,
        closed_ms=case.closed_ms,
        reopened=case.reopened,
        linked="" if case.linked is None else numbers.get(case.linked, ""),
        assignee=case.assignee,
        replaced=tuple(_replaced(order) for order in reversed(orders)),
    )


def _replaced(order: PartOrder) -> Replaced:
    return Replaced(
        order=order.id,
        part_number=order.part_number,
        new_serial=order.new_serial,
        old_serial=order.old_serial,
        at_ms=order.installed_ms,
        by=order.installed_by,
        sighting=str(order.sighting),
        warranty_until=order.warranty_until,
        state=str(order.state),
        in_use_again=bool(order.back_told_ms),
    )
