"""Domain values as plain JSON: enums as words, bytes as hex, dataclasses as objects. Used by the control socket."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum

from hardcase_collector.domain.finding import Severity

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

HIDDEN = frozenset({"password_hash", "hash"})
"""Fields that never leave, whatever holds them."""


def plain(value: object) -> Json:
    """Raises TypeError for what has no plain form."""
    if isinstance(value, Severity):
        return value.word
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal | date):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return {name: plain(getattr(value, name)) for name in names if name not in HIDDEN}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no plain form")
