"""Steps of spare parts: wanting one, and where each order of the case goes from here."""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.spares import OrderStep, PartOrder
from hardcase_collector.parts.order_steps import Details
from hardcase_collector.parts.orders import PartOrders
from hardcase_collector.web.pages.steps import Doing, Field, FieldKind, Scene, Step

_REASONED = frozenset({OrderStep.DECLARE_DEAD, OrderStep.LOSE, OrderStep.CANCEL, OrderStep.KEEP})
_FORWARD = frozenset({OrderStep.SHIP, OrderStep.RECEIVE, OrderStep.INSTALL})


def _orders(doing: Doing) -> PartOrders:
    if doing.shop.orders is None:
        raise IllegalAction("there are no spare parts here")
    return doing.shop.orders


def _request(doing: Doing) -> None:
    number = doing.answers.line("part_number")
    _orders(doing).request(doing.tx, doing.case, by=doing.by, now_ms=doing.now_ms, part_number=number)


def _request_fields(scene: Scene) -> Sequence[Field]:
    known = tuple((number, number) for number in scene.choices.part_numbers)
    if known:
        kind, value = FieldKind.CHOICE, known[0][0]
    else:
        kind, value = FieldKind.LINE, scene.case.part.part_number
    return (Field(name="part_number", kind=kind, choices=known, value=value, label="asset.part_number"),)


def _of(scene: Scene, step: OrderStep) -> Sequence[PartOrder]:
    """Orders of the case with which this may be done now."""
    orders = scene.shop.orders
    return [one for one in scene.around.orders if step in orders.legal(one, by=scene.by)] if orders else []


def _step(step: OrderStep) -> Step:
    def do(doing: Doing) -> None:
        order = doing.answers.count("order")
        if all(one.id != order for one in doing.tx.spares.orders_of(doing.case.id)):
            raise NotFound("case {case} has no such part order", case=doing.case.number)
        details = Details(
            serial=doing.answers.line("serial"),
            old_serial=doing.answers.line("old_serial"),
            tracking=doing.answers.line("tracking"),
            reason=doing.answers.text("text"),
        )
        _orders(doing).step(doing.tx, order, step, by=doing.by, now_ms=doing.now_ms, details=details)

    return Step(
        name=f"part_{step}",
        offered=lambda scene: bool(_of(scene, step)),
        do=do,
        fields=lambda scene: _fields(scene, step),
        main=step in _FORWARD,
        grave=step in (OrderStep.CANCEL, OrderStep.LOSE),
    )


def _fields(scene: Scene, step: OrderStep) -> Sequence[Field]:
    orders = tuple((str(one.id), f"{one.slot or one.component} {one.part_number}".strip()) for one in _of(scene, step))
    kind = FieldKind.HIDDEN if len(orders) == 1 else FieldKind.CHOICE
    fields = [Field(name="order", kind=kind, choices=orders, value=orders[0][0], required=True)]
    if step is OrderStep.SHIP:
        fields.append(Field(name="tracking"))
    if step is OrderStep.INSTALL:
        fields += [
            Field(name="serial", label="repair.new_serial"),
            Field(name="old_serial", label="repair.old_serial", value=scene.case.part.serial),
        ]
    if step in _REASONED:
        fields.append(Field(name="text", kind=FieldKind.TEXT, label="case.reason", required=True))
    return fields


STEPS: Sequence[Step] = (
    Step(
        name="part_request",
        deed=Deed.RESERVE_PART,
        offered=lambda scene: scene.shop.orders is not None and scene.open and not scene.case.rehearsal,
        do=_request,
        fields=_request_fields,
    ),
    *(_step(step) for step in OrderStep),
)
