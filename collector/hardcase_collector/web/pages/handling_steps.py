"""Steps beside the states: whose a case is, how urgent, what was said and agreed, and why its clocks stand still."""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.report import ReportChannel
from hardcase_collector.plans.plan import PauseReason
from hardcase_collector.web.pages.steps import Doing, Field, FieldKind, Scene, Step

_REASON = Field(name="text", kind=FieldKind.TEXT, label="case.reason", required=True)
_PAUSES = tuple((str(one), f"because.{one}") for one in PauseReason)
_CHANNELS = tuple((str(one), f"channel.{one}") for one in ReportChannel if one is not ReportChannel.SYSTEM)


def _here(scene: Scene) -> bool:
    return scene.shop.handling is not None and scene.open


def _handling(doing: Doing) -> Handling:
    if doing.shop.handling is None:
        raise IllegalAction("cases are not handled here")
    return doing.shop.handling


def _take(doing: Doing) -> None:
    _handling(doing).assign(doing.tx, doing.case, by=doing.by, now_ms=doing.now_ms, assignee=doing.by.name)


def _assign(doing: Doing) -> None:
    assignee, team = doing.answers.line("assignee"), doing.answers.line("team")
    _handling(doing).assign(
        doing.tx, doing.case, by=doing.by, now_ms=doing.now_ms, assignee=assignee, team=team or None
    )


def _assign_fields(scene: Scene) -> Sequence[Field]:
    people = tuple((name, name) for name in scene.choices.people)
    fields = [Field(name="assignee", kind=FieldKind.CHOICE, choices=people, value=scene.case.assignee)]
    if scene.choices.teams:
        teams = tuple((name, name) for name in scene.choices.teams)
        fields.append(Field(name="team", kind=FieldKind.CHOICE, choices=teams, value=scene.case.team))
    return fields


def _priority(doing: Doing) -> None:
    priority = doing.answers.choice("priority", Priority)
    reason = doing.answers.text("text")
    _handling(doing).change_priority(doing.tx, doing.case, priority, by=doing.by, now_ms=doing.now_ms, reason=reason)


def _priority_fields(scene: Scene) -> Sequence[Field]:
    others = tuple((str(one), f"priority.{one}") for one in Priority if one is not scene.case.priority)
    return (Field(name="priority", kind=FieldKind.CHOICE, required=True, choices=others), _REASON)


def _contacted(doing: Doing) -> None:
    channel = doing.answers.choice("channel", ReportChannel)
    text = doing.answers.text("text")
    _handling(doing).contacted(doing.tx, doing.case, by=doing.by, now_ms=doing.now_ms, channel=channel, text=text)


def _agree(doing: Doing) -> None:
    at_ms = doing.answers.when_ms("agreed")
    _handling(doing).agree(doing.tx, doing.case, by=doing.by, now_ms=doing.now_ms, time_ms=at_ms)


def _pause(doing: Doing) -> None:
    reason, text = doing.answers.choice("pause", PauseReason), doing.answers.text("text")
    _handling(doing).pause(doing.tx, doing.case, reason, by=doing.by, now_ms=doing.now_ms, text=text)


def _unpause(doing: Doing) -> None:
    reason = doing.answers.choice("pause", PauseReason)
    _handling(doing).unpause(doing.tx, doing.case, reason, by=doing.by, now_ms=doing.now_ms)


def _unpause_fields(scene: Scene) -> Sequence[Field]:
    standing = tuple((str(one), f"because.{one}") for one in scene.choices.paused)
    return (Field(name="pause", kind=FieldKind.CHOICE, required=True, choices=standing, value=standing[0][0]),)


STEPS: Sequence[Step] = (
    Step(
        name="take",
        deed=Deed.ASSIGN,
        offered=lambda scene: _here(scene) and scene.by.name in scene.choices.people and not scene.case.assignee,
        do=_take,
        main=True,
    ),
    Step(name="assign", deed=Deed.ASSIGN, offered=_here, do=_assign, fields=_assign_fields),
    Step(
        name="contacted",
        deed=Deed.CONTACT,
        offered=_here,
        do=_contacted,
        fields=lambda scene: (
            Field(name="channel", kind=FieldKind.CHOICE, required=True, choices=_CHANNELS, value="phone"),
            Field(name="text", kind=FieldKind.TEXT, label="case.note"),
        ),
    ),
    Step(
        name="agree",
        deed=Deed.AGREE,
        offered=_here,
        do=_agree,
        fields=lambda scene: (Field(name="agreed", kind=FieldKind.WHEN, required=True),),
    ),
    Step(name="priority", deed=Deed.CHANGE_PRIORITY, offered=_here, do=_priority, fields=_priority_fields),
    Step(
        name="pause",
        deed=Deed.PAUSE,
        offered=_here,
        do=_pause,
        fields=lambda scene: (
            Field(name="pause", kind=FieldKind.CHOICE, required=True, choices=_PAUSES),
            Field(name="text", kind=FieldKind.TEXT, label="case.reason"),
        ),
    ),
    Step(
        name="unpause",
        deed=Deed.PAUSE,
        offered=lambda scene: _here(scene) and bool(scene.choices.paused),
        do=_unpause,
        fields=_unpause_fields,
    ),
)
