"""What somebody filled in: the fields of a form, and getters that refuse what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from fastapi import Request

from hardcase_collector.web.pages.frame import MAX_TEXT, Refused, check_text
from hardcase_collector.web.texts import zone

MAX_FIELDS = 100
MAX_LINE = 200

_Choice = TypeVar("_Choice", bound=StrEnum)


async def filled_in(request: Request) -> Mapping[str, str]:
    """The fields of a form that are texts; of several of one name the last."""
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    return {key: value for key, value in form.multi_items() if isinstance(value, str)}


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

    def choice(self, name: str, kind: type[_Choice]) -> _Choice:
        try:
            return kind(self.line(name))
        except ValueError:
            raise Refused(400, "error.field_wrong", field=name) from None

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
