"""What somebody may do with a case, as forms: each step has a name, the deed it is, fields, and what it does.

Tables of steps are in `case_steps.py` and its neighbours; `case.py` shows those that are legal now and takes their
forms. Nothing is decided here: a step calls the desk's own actions, which ask the workflow and the role once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.cases.workflow import OPEN_STATES, Deed, may
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.link import NewLink
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.visit import Suggestion
from hardcase_collector.plans.plan import PauseReason
from hardcase_collector.service.desk import ServiceDesk
from hardcase_collector.web.around import Around
from hardcase_collector.web.pages.forms import Answers
from hardcase_collector.web.ports import Shop


class FieldKind(StrEnum):
    LINE = "line"
    TEXT = "text"
    CHOICE = "choice"
    WHEN = "when"
    """Date and hour in the reader's time zone."""
    COUNT = "count"
    MONEY = "money"
    YES = "yes"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    name: str
    kind: FieldKind = FieldKind.LINE
    label: str = ""
    """Key of its message; "" = "field." and the name."""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    """Value and what is shown: a message's key, or the text itself where there is no such key."""
    value: str = ""

    @property
    def key(self) -> str:
        return self.label or f"field.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What forms offer to choose from; read with the case, empty for those who may not choose."""

    people: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    engineers: tuple[Suggestion, ...] = ()
    """Best first."""
    part_numbers: tuple[str, ...] = ()
    """Of the catalogue, best first."""
    paused: tuple[PauseReason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the page knows when it offers steps."""

    shop: Shop
    case: Case
    around: Around
    by: Actor
    legal: Sequence[CaseAction]
    now_ms: int
    choices: Choices = Choices()
    unknown_machine: bool = False
    """It was reported by somebody who could not name the machine so that we know it."""

    @property
    def open(self) -> bool:
        return self.case.state in OPEN_STATES

    @property
    def outside(self) -> bool:
        """A customer's contact: what he says, he says himself."""
        return self.by.role is Role.CUSTOMER_CONTACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """One step being taken, within the transaction that keeps it."""

    shop: Shop
    tx: Transaction
    case: Case
    by: Actor
    now_ms: int
    answers: Answers

    @property
    def outside(self) -> bool:
        return self.by.role is Role.CUSTOMER_CONTACT

    @property
    def desk(self) -> ServiceDesk:
        """Raises IllegalAction where there is none."""
        if self.shop.service is None:
            raise IllegalAction("there is no service desk here")
        return self.shop.service


def nothing_to_fill_in(scene: Scene) -> Sequence[Field]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`offered`: whether the case and what is around it allow it."""

    name: str
    offered: Callable[[Scene], bool]
    do: Callable[[Doing], Sequence[NewLink] | None]
    """Links that it made: shown once, to whoever made them."""
    deed: Deed | None = None
    """None: `offered` asks for the role itself, as `Scene.legal` does."""
    fields: Callable[[Scene], Sequence[Field]] = nothing_to_fill_in
    main: bool = False
    """What most people want next."""
    grave: bool = False
    """Hard to take back."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A step as the page shows it."""

    step: Step
    fields: Sequence[Field] = field(default_factory=tuple)

    @property
    def key(self) -> str:
        return f"action.{self.step.name}"


def offers(steps: Sequence[Step], scene: Scene) -> tuple[Offered, ...]:
    """Those that this person may take now, with their fields."""
    role = scene.by.role
    legal = (step for step in steps if (step.deed is None or may(role, step.deed)) and step.offered(scene))
    return tuple(Offered(step, step.fields(scene)) for step in legal)
