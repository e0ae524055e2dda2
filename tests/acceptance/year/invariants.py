"""What must hold of everything that the year left in the store. Each function returns what is wrong, one line each."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hardcase_collector.cases.clockwork import BREACHED, FORECAST, clocks_of
from hardcase_collector.cases.workflow import OPEN_STATES, TABLE
from hardcase_collector.domain.case import Case, CaseAction, CaseState, Origin, TimelineEntry
from hardcase_collector.domain.noise import STORM_GROUP
from hardcase_collector.domain.ports import CaseFilter, Transaction
from hardcase_collector.domain.spares import OrderFilter
from hardcase_collector.parts.order_table import TABLE as ORDER_TABLE
from hardcase_collector.plans.plan import ClockKind

ENDS = {"closed": CaseState.CLOSED, "cancelled": CaseState.CANCELLED}


class Records:
    """All cases with their timelines, read once."""

    def __init__(self, tx: Transaction) -> None:
        self.cases: Sequence[Case] = tx.cases.list(CaseFilter(customer=None, open_only=False, limit=100_000))
        self.timelines: Mapping[int, Sequence[TimelineEntry]] = {
            case.id: tx.cases.timeline(case.id) for case in self.cases
        }

    def of_faults(self) -> list[Case]:
        """Neither drills nor the cases of storms themselves."""
        return [
            case
            for case in self.cases
            if not case.rehearsal and case.repair_group != STORM_GROUP and case.origin is Origin.TELEMETRY
        ]

    def reports(self, case: Case) -> int:
        """How often it was opened by telemetry: once, and once more for each time it came back."""
        return sum(entry.code in ("opened", "reopened") for entry in self.timelines[case.id])


def unlike_faults(records: Records, faults: Mapping[tuple[int, str, str], int]) -> Iterator[str]:
    """One case, or one reopening, for each fault in its place; and nothing where there was none."""
    found: Counter[tuple[int, str, str]] = Counter()
    for case in records.of_faults():
        found[case.asset, case.part.component, case.part.slot] += records.reports(case)
    for place in faults.keys() | found.keys():
        if faults.get(place, 0) != found[place]:
            yield f"{place}: {faults.get(place, 0)} faults, told {found[place]} times"


def illegal_moves(records: Records) -> Iterator[str]:
    for case in records.cases:
        state = CaseState.NEW
        for entry in records.timelines[case.id]:
            told = entry.parameters
            if entry.code == "reopened":
                state = CaseState.NEW
            if "action" not in told or "to" not in told:
                continue
            to = TABLE[CaseState(str(told["from"]))].get(CaseAction(str(told["action"])))
            if told["from"] != state or to != told["to"]:
                move = f"{told['from']} -{told['action']}-> {told['to']}"
                yield f"{case.number} version {entry.version}: {move} from {state}"
            state = CaseState(str(told["to"]))
        if state is not case.state:
            yield f"{case.number}: its timeline ends {state}, it is {case.state}"


def broken_timelines(records: Records) -> Iterator[str]:
    for case in records.cases:
        entries = records.timelines[case.id]
        if [entry.version for entry in entries] != list(range(1, case.version + 1)):
            yield f"{case.number}: versions {[entry.version for entry in entries]}"
        if any(late.at_ms < early.at_ms for early, late in itertools.pairwise(entries)):
            yield f"{case.number}: its timeline runs backwards"
        if (case.state in OPEN_STATES) != (case.closed_ms == 0):
            yield f"{case.number}: {case.state}, closed {case.closed_ms}"


def unexplained_clocks(tx: Transaction, records: Records, now_ms: int) -> Iterator[str]:
    """Every instant of every clock is in its ledger, and nothing of a closed case is owed but the follow-up."""
    for case in records.cases:
        for clock in clocks_of(tx, case, now_ms):
            end_ms = clock.stopped_ms if clock.stopped_ms is not None else now_ms
            at_ms = clock.started_ms
            for piece in clock.ledger:
                if piece.from_ms != at_ms:
                    yield f"{case.number} {clock.kind}: a hole at {at_ms}"
                at_ms = piece.to_ms
            if at_ms != end_ms:
                yield f"{case.number} {clock.kind}: explained until {at_ms}, ended {end_ms}"
            if case.state not in OPEN_STATES and clock.owed and clock.kind is not ClockKind.FOLLOW_UP:
                yield f"{case.number} {clock.kind}: {clock.state} although the case is {case.state}"


def unforeseen_breaches(records: Records) -> Iterator[str]:
    """A breach that nobody was told of before it happened."""
    for case in records.cases:
        foreseen = {}
        for entry in records.timelines[case.id]:
            clock = tuple(entry.parameters.get(name) for name in ("clock", "round", "started_ms"))
            if entry.code == FORECAST:
                foreseen[clock] = entry.at_ms
            if entry.code == BREACHED and not foreseen.get(clock, entry.at_ms) < int(entry.parameters["due_ms"] or 0):
                yield f"{case.number}: {clock} breached at {entry.at_ms} unforeseen"


def wrong_stock(tx: Transaction) -> Iterator[str]:
    for line in tx.spares.stock(customer=None):
        where = (line.free, line.reserved, line.in_transit, line.at_site, line.installed, line.returned, line.lost,
                 line.withdrawn)  # fmt: skip
        if min(where) < 0 or sum(where) != line.received:
            yield f"{line.depot} {line.part_number}: {where} of {line.received}"
    orders = tx.spares.orders(OrderFilter(limit=100_000), customer=None)
    held = Counter(order.new_serial for order in orders if order.new_serial and order.state in ORDER_TABLE)
    yield from (f"serial {serial} is in {count} orders" for serial, count in held.items() if count > 1)


def served_drills(tx: Transaction, records: Records) -> Iterator[str]:
    for case in records.cases:
        if case.rehearsal and (tx.clocks.terms(case.id) is not None or tx.spares.orders_of(case.id)):
            yield f"{case.number}: a drill with a plan or a part"


def breaches(records: Records) -> int:
    return sum(entry.code == BREACHED for entries in records.timelines.values() for entry in entries)
