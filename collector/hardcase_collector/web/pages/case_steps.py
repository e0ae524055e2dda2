"""Steps of the workflow itself: acknowledge, note, and every action of the table that has no richer form elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hardcase_collector.cases.workflow import OPEN_STATES, Deed, may
from hardcase_collector.domain.case import CaseAction, CaseState, Outcome
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.web.pages.frame import Refused
from hardcase_collector.web.pages.steps import Doing, Field, FieldKind, Scene, Step

_REASON = Field(name="text", kind=FieldKind.TEXT, label="case.reason")
_REASONED = Field(name="text", kind=FieldKind.TEXT, label="case.reason", required=True)


def _acknowledge(doing: Doing) -> None:
    doing.shop.actions.acknowledge(doing.tx, doing.case, by=doing.by, now_ms=doing.now_ms)


def _note(doing: Doing) -> None:
    text = doing.answers.text("text")
    if not text:
        raise Refused(400, "error.reason_needed")
    internal = doing.answers.yes("internal")
    doing.shop.actions.note(doing.tx, doing.case, by=doing.by, text=text, now_ms=doing.now_ms, internal=internal)


def _note_fields(scene: Scene) -> Sequence[Field]:
    inside = Field(name="internal", kind=FieldKind.YES, label="case.internal")
    return (_REASONED, inside) if may(scene.by.role, Deed.NOTE_INTERNAL) else (_REASONED,)


def _close(doing: Doing) -> None:
    try:
        outcome = Outcome(doing.answers.line("outcome"))
    except ValueError:
        raise Refused(400, "error.field_wrong", field="outcome") from None
    doing.shop.actions.act(
        doing.tx,
        doing.case,
        CaseAction.CLOSE,
        by=doing.by,
        reason=doing.answers.text("text"),
        now_ms=doing.now_ms,
        outcome=outcome,
        duplicate_of=doing.answers.line("duplicate_of"),
    )


def _close_fields(scene: Scene) -> Sequence[Field]:
    known = tuple((str(one), f"outcome.{one}") for one in Outcome if one is not Outcome.UNKNOWN)
    return (
        Field(name="outcome", kind=FieldKind.CHOICE, label="case.outcome", required=True, choices=known),
        Field(name="duplicate_of", label="case.duplicate_of"),
        _REASON,
    )


def _act(action: CaseAction, *, needs_reason: bool = False, main: bool = False) -> Step:
    """An action as it stands in the table: with a reason or nothing."""

    def do(doing: Doing) -> None:
        reason = doing.answers.text("text")
        if needs_reason and not reason:
            raise Refused(400, "error.reason_needed")
        doing.shop.actions.act(doing.tx, doing.case, action, by=doing.by, reason=reason, now_ms=doing.now_ms)

    return Step(
        name=str(action),
        offered=lambda scene: action in scene.legal,
        do=do,
        fields=lambda scene: (_REASONED,) if needs_reason else (),
        main=main,
        grave=action is CaseAction.CANCEL,
    )


def _identify(doing: Doing) -> None:
    """The one machine that these words lead to."""
    reports = doing.shop.reports
    if reports is None:
        raise IllegalAction("nothing is reported here")
    customer = doing.tx.assets.by_number(doing.case.asset).customer
    hits = doing.tx.search.find(doing.answers.needed("machine"), customer=customer, limit=20)
    found = {hit.asset for hit in hits if hit.exact} or {hit.asset for hit in hits}
    if len(found) != 1:
        raise Refused(409, "error.not_one_machine", n=len(found))
    slot = doing.answers.line("slot")
    reports.identify(doing.tx, doing.case, found.pop(), by=doing.by, now_ms=doing.now_ms, slot=slot)


STEPS: Sequence[Step] = (
    Step(
        name="acknowledge",
        deed=Deed.ACKNOWLEDGE,
        offered=lambda scene: not scene.case.acknowledged_ms and scene.case.state in OPEN_STATES,
        do=_acknowledge,
        main=True,
    ),
    replace(
        _act(CaseAction.CONFIRM, main=True),
        # Of a proposed case it is the customer's no, which has a form of its own.
        offered=lambda scene: CaseAction.CONFIRM in scene.legal and scene.case.state is not CaseState.PROPOSED,
    ),
    replace(
        _act(CaseAction.START_REPAIR, main=True),
        offered=lambda scene: CaseAction.START_REPAIR in scene.legal and scene.around.in_writing,
    ),
    _act(CaseAction.FINISH_REPAIR, main=True),
    _act(CaseAction.VERIFY),
    _act(CaseAction.RESUME, main=True),
    Step(name="note", deed=Deed.NOTE, offered=lambda scene: True, do=_note, fields=_note_fields),
    Step(
        name="identify",
        deed=Deed.IDENTIFY,
        offered=lambda scene: scene.unknown_machine and scene.open and scene.shop.reports is not None,
        do=_identify,
        fields=lambda scene: (
            Field(name="machine", required=True),
            Field(name="slot", label="report.slot"),
        ),
        main=True,
    ),
    _act(CaseAction.DEFER, needs_reason=True),
    Step(
        name="close",
        offered=lambda scene: CaseAction.CLOSE in scene.legal,
        do=_close,
        fields=_close_fields,
        grave=True,
    ),
    _act(CaseAction.REOPEN, needs_reason=True),
    _act(CaseAction.CANCEL, needs_reason=True),
)
