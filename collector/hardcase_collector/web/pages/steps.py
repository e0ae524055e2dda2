"""What somebody may do with a case, as forms: each step has a name, the deed it is, fields, and what it does.

Tables of steps are in `case_steps.py` and its neighbours; `case.py` shows those that are legal now and takes their
forms. Nothing is decided here: a step calls the desk's own actions, which ask the workflow and the role once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from hardcase_collector.cases.workflow import Deed, may
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.web.around import Around
from hardcase_collector.web.pages.frame import MAX_TEXT, Refused, check_text
from hardcase_collector.web.ports import Shop
from hardcase_collector.web.texts import zone

MAX_LINE = 200


class FieldKind(StrEnum):
    LINE = "line"
    TEXT = "text"
    CHOICE = "choice"
    WHEN = "when"
    """Date and hour in the reader's time zone."""
    COUNT = "count"
    MONEY = "money"
    YES = "yes"


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
class Scene:
    """What the page knows when it offers steps."""

    shop: Shop
    case: Case
    around: Around
    by: Actor
    legal: Sequence[CaseAction]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What somebody filled in. Every getter raises Refused for what cannot be."""

    given: Mapping[str, str]
    time_zone: str

    def text(self, name: str, *, limit: int = MAX_TEXT) -> str:
        return check_text(self.given.get(name, ""), limit)

    def line(self, name: str) -> str:
        return " ".join(self.text(name, limit=MAX_LINE).split())

    def lines(self, name: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in self.text(name).splitlines() if line.strip())

    def needed(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise Refused(400, "error.field_needed", field=name)
        return text

    def yes(self, name: str) -> bool:
        return self.given.get(name, "") == "1"

    def count(self, name: str) -> int:
        text = self.line(name)
        if not text:
            return 0
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise Refused(400, "error.field_wrong", field=name)
        return int(text)

    def money(self, name: str) -> Decimal:
        try:
            amount = Decimal(self.line(name) or "0")
        except InvalidOperation:
            raise Refused(400, "error.field_wrong", field=name) from None
        if not amount.is_finite() or amount < 0:
            raise Refused(400, "error.field_wrong", field=name)
        return amount

    def when_ms(self, name: str) -> int:
        """0 = not told."""
        text = self.line(name)
        if not text:
            return 0
        try:
            at = datetime.fromisoformat(text)
            return int((at if at.tzinfo else at.replace(tzinfo=zone(self.time_zone))).timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            raise Refused(400, "error.field_wrong", field=name) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """One step being taken, within the transaction that keeps it."""

    shop: Shop
    tx: Transaction
    case: Case
    by: Actor
    now_ms: int
    answers: Answers


def nothing_to_fill_in(scene: Scene) -> Sequence[Field]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`offered`: whether the case and what is around it allow it."""

    name: str
    offered: Callable[[Scene], bool]
    do: Callable[[Doing], None]
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
