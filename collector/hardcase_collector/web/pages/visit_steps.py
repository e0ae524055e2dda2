"""Steps of the way to the machine: engineers sent, and the customer's leave to enter the room."""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.link import NewLink
from hardcase_collector.domain.visit import AccessState, Dispatch, DispatchAction, Suggestion
from hardcase_collector.service.site_access import Application, Decision, access_of
from hardcase_collector.service.visit_table import legal_actions
from hardcase_collector.service.visits import Errand, Word, visit_of
from hardcase_collector.web.pages.steps import Doing, Field, FieldKind, Scene, Step

_DEEDS = {
    DispatchAction.ACCEPT: Deed.ACCEPT_DISPATCH,
    DispatchAction.DECLINE: Deed.ACCEPT_DISPATCH,
    DispatchAction.DEPART: Deed.DEPART,
    DispatchAction.ARRIVE: Deed.ARRIVE,
    DispatchAction.FINISH: Deed.FINISH_DISPATCH,
    DispatchAction.FAIL: Deed.FINISH_DISPATCH,
    DispatchAction.CANCEL: Deed.DISPATCH,
}
_FORWARD = frozenset({DispatchAction.ACCEPT, DispatchAction.DEPART, DispatchAction.ARRIVE, DispatchAction.FINISH})
_SAID = {
    DispatchAction.ACCEPT: (Field(name="expected", kind=FieldKind.WHEN, label="link.expected"),),
    DispatchAction.DEPART: (Field(name="expected", kind=FieldKind.WHEN, label="link.expected"),),
    DispatchAction.FINISH: (Field(name="text", kind=FieldKind.TEXT, label="link.text.done"),),
}
_REASONED = (Field(name="text", kind=FieldKind.TEXT, label="case.reason", required=True),)


def _here(scene: Scene) -> bool:
    return scene.shop.service is not None and scene.open


def _dispatch(doing: Doing) -> Sequence[NewLink]:
    errand = Errand(
        engineer=doing.answers.line("engineer"),
        expected_ms=doing.answers.when_ms("expected"),
        duration_s=doing.answers.count("minutes") * 60,
    )
    asked = doing.desk.visits.dispatch(doing.tx, doing.case, errand, by=doing.by, now_ms=doing.now_ms)
    return (asked.link,)


def _dispatch_fields(scene: Scene) -> Sequence[Field]:
    names = tuple((one.engineer.name, _introduced(one)) for one in scene.choices.engineers)
    return (
        Field(name="engineer", kind=FieldKind.CHOICE, choices=names, value=names[0][0] if names else ""),
        Field(name="expected", kind=FieldKind.WHEN),
        Field(name="minutes", kind=FieldKind.COUNT),
    )


def _introduced(one: Suggestion) -> str:
    """With marks for what speaks for him: * was there before, + skilled, # at work now."""
    marks = "".join(mark for mark, holds in (("*", one.same), ("+", one.skilled), ("#", one.at_work)) if holds)
    return f"{one.engineer.title or one.engineer.name} {marks} ({one.load})"


def _visit(scene: Scene) -> Dispatch | None:
    return next((one for one in scene.around.dispatches if one.open), None)


def _step(action: DispatchAction) -> Step:
    def do(doing: Doing) -> None:
        visit = visit_of(doing.tx, doing.case, None)
        word = Word(text=doing.answers.text("text"), expected_ms=doing.answers.when_ms("expected"))
        doing.desk.visits.step(doing.tx, doing.case, visit, action, word, by=doing.by, now_ms=doing.now_ms)

    def offered(scene: Scene) -> bool:
        visit = _visit(scene)
        return _here(scene) and visit is not None and action in legal_actions(visit.state)

    forward = action in _FORWARD
    return Step(
        name=f"visit_{action}",
        deed=_DEEDS[action],
        offered=offered,
        do=do,
        fields=lambda scene: _SAID.get(action, () if forward else _REASONED),
        main=forward,
        grave=not forward,
    )


def _apply(doing: Doing) -> None:
    asked = Application(
        names=doing.answers.lines("names"),
        from_ms=doing.answers.when_ms("from"),
        until_ms=doing.answers.when_ms("until"),
    )
    doing.desk.access.apply(doing.tx, doing.case, asked, by=doing.by, now_ms=doing.now_ms)


def _apply_fields(scene: Scene) -> Sequence[Field]:
    visit = _visit(scene)
    return (
        Field(name="names", kind=FieldKind.TEXT, required=True, value=visit.engineer if visit else ""),
        Field(name="from", kind=FieldKind.WHEN, required=True),
        Field(name="until", kind=FieldKind.WHEN, required=True),
    )


def _decide(*, approve: bool) -> Step:
    def do(doing: Doing) -> None:
        access = access_of(doing.tx, doing.case, None)
        decision = Decision(
            who=doing.by.name if doing.outside else doing.answers.line("who"),
            reference=doing.answers.line("reference"),
            reason=doing.answers.text("text"),
        )
        decide = doing.desk.access.approve if approve else doing.desk.access.refuse
        decide(doing.tx, doing.case, access, decision, by=doing.by, now_ms=doing.now_ms)

    def fields(scene: Scene) -> Sequence[Field]:
        who = () if scene.outside else (Field(name="who", required=True, label="field.who_customer"),)
        return (*who, Field(name="reference")) if approve else (*who, *_REASONED)

    return Step(
        name="access_approve" if approve else "access_refuse",
        deed=Deed.APPROVE_ACCESS,
        offered=lambda scene: _here(scene) and any(one.state is AccessState.APPLIED for one in scene.around.accesses),
        do=do,
        fields=fields,
        grave=not approve,
    )


STEPS: Sequence[Step] = (
    Step(
        name="dispatch",
        deed=Deed.DISPATCH,
        offered=lambda scene: _here(scene) and _visit(scene) is None,
        do=_dispatch,
        fields=_dispatch_fields,
    ),
    *(_step(action) for action in DispatchAction),
    Step(name="access_apply", deed=Deed.APPLY_ACCESS, offered=_here, do=_apply, fields=_apply_fields),
    _decide(approve=True),
    _decide(approve=False),
)
