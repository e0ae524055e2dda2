"""A fault that comes back where a part was replaced: in the new part itself, or in the slot that holds it.

Asked by `placing.py`. Who replaced what is in the part orders; every step is an index search by asset.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.cases.proof import same_serial
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.correlation import Relation, part_of_case
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


def within_slot(
    tx: Transaction, transition: Transition, cases: Sequence[Case], found: tuple[Case, Relation] | None
) -> tuple[Case, Relation] | None:
    """Of the asset's open `cases` the one in which a part was put into this slot, unless the part has a case already.

    `found`: what correlation says. The new part fails before its repair is proven: that is no fault of another part.
    """
    mine = {case.id: case for case in cases if case.repair_group == transition.repair_group}
    if not mine or transition.rehearsal or (found and found[1] in (Relation.SAME_PART, Relation.SAME_PLACE)):
        return found
    for order in tx.spares.replaced(transition.key.asset):
        if order.case in mine and _concerns(order, transition.part):
            return mine[order.case], Relation.SAME_PLACE
    return found


def slot_facts(tx: Transaction, asset: int, part: Part) -> dict[str, Fact]:
    """How often a part was replaced in this slot before; {} where none was."""
    times = sum(_concerns(order, part) for order in tx.spares.replaced(asset))
    return {"slot": part.slot, "replaced_before": times} if times else {}


def part_now(known: Part, told: Part, relation: Relation) -> Part:
    """What a case is about from now on: of another part in the old slot, the one that fails now."""
    other = known.serial and told.serial and not same_serial(known.serial, told.serial)
    return told if other and relation is Relation.SAME_PLACE else part_of_case(known, told, relation)


def _concerns(order: PartOrder, part: Part) -> bool:
    if order.component != part.component:
        return False
    if order.slot and part.slot:
        return order.slot == place_name(part.component, part.slot)
    return same_serial(order.new_serial, part.serial)
