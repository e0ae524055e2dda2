"""A fault that comes back where a part was replaced: in the new part itself, or in the slot that holds it.

Asked by `placing.py`. Who replaced what is in the part orders; every step is an index search by asset.
"""

from __future__ import annotations

from hardcase_collector.cases.proof import same_serial
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.finding import Fact, Transition
from hardcase_collector.domain.places import place_name
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import PartOrder


def case_of_slot(tx: Transaction, transition: Transition) -> Case | None:
    """The newest closed case of this group in which the part was put in, or another one into its slot."""
    if transition.rehearsal:
        return None
    for order in tx.spares.replaced(transition.key.asset):
        if _concerns(order, transition.part):
            case = tx.cases.get(order.case)
            if case.repair_group == transition.repair_group and case.state is CaseState.CLOSED:
                return case
    return None


def slot_facts(tx: Transaction, asset: int, part: Part) -> dict[str, Fact]:
    """How often a part was replaced in this slot before; {} where none was."""
    times = sum(_concerns(order, part) for order in tx.spares.replaced(asset))
    return {"slot": part.slot, "replaced_before": times} if times else {}


def part_again(known: Part, told: Part) -> Part | None:
    """The part that a reopened case is about where it is another one than before: the new part in the old slot."""
    other = known.serial and told.serial and not same_serial(known.serial, told.serial)
    return told if other else None


def _concerns(order: PartOrder, part: Part) -> bool:
    if order.component != part.component:
        return False
    if order.slot and part.slot:
        return order.slot == place_name(part.component, part.slot)
    return same_serial(order.new_serial, part.serial)
