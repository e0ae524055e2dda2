"""Reads one TOML table into a frozen settings dataclass and collects every mistake with its key path.

Called by `config.py` and by each sensor family for its own table. No I/O: files are opened by `config.py`.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_SCALARS: dict[type, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a string"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


def read_settings(cls: type[T], table: Mapping[str, object], *, path: str, mistakes: list[str]) -> T:
    """`cls` is a frozen dataclass whose fields are str, bool, int, float, Path, an enum, a tuple of one of these or of
    dataclasses, `X | None`, or a dataclass. Defaults are its fields' defaults. `__post_init__` may raise ValueError.

    Appends one line per mistake ("ipmi.bmc[0].port: must be a whole number, is '623'") and goes on; what it returns
    after a mistake is only good for finding more of them.
    """
    hints = _hints(cls)
    known = {field.name: field for field in dataclasses.fields(cls)}
    before = len(mistakes)
    for key in table:
        if key not in known:
            mistakes.append(f"{path}.{key}: unknown key; known are {', '.join(sorted(known))}")
    values: dict[str, object] = {}
    for name, field in known.items():
        if name in table:
            values[name] = _read(hints[name], table[name], f"{path}.{name}", mistakes)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            mistakes.append(f"{path}.{name}: missing")
    if len(mistakes) > before:
        return _unchecked(cls, values)
    try:
        return cls(**values)
    except ValueError as error:
        mistakes.append(f"{path}: {error}")
        return _unchecked(cls, values)


@cache
def _hints(cls: type) -> dict[str, Any]:
    """Resolved once a class: a profile of SNMP has a hundred tables of one."""
    return get_type_hints(cls)


def read_named(cls: type[T], value: object, *, path: str, mistakes: list[str]) -> dict[str, T]:
    """Tables named by the site: `[ipmi.profiles.NAME]`. As `read_settings`."""
    if not isinstance(value, Mapping):
        mistakes.append(f"{path}: must be tables [{path}.NAME]")
        return {}
    found: dict[str, T] = {}
    for name, table in value.items():
        if isinstance(table, Mapping):
            found[name] = read_settings(cls, table, path=f"{path}.{name}", mistakes=mistakes)
        else:
            mistakes.append(f"{path}.{name}: must be a table")
    return found


def _unchecked(cls: type[T], values: Mapping[str, object]) -> T:
    broken = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(broken, name, value)
    return broken


def _read(hint: Any, value: object, path: str, mistakes: list[str]) -> object:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (arm for arm in get_args(hint) if arm is not type(None))
        return _read(inner, value, path, mistakes)
    if origin is tuple:
        return _read_tuple(get_args(hint)[0], value, path, mistakes)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            mistakes.append(f"{path}: must be a table, is {_kind(value)}")
            return None
        return read_settings(hint, value, path=path, mistakes=mistakes)
    return _read_scalar(hint, value, path, mistakes)


def _read_tuple(item: Any, value: object, path: str, mistakes: list[str]) -> tuple[object, ...]:
    if not isinstance(value, list):
        mistakes.append(f"{path}: must be a list, is {_kind(value)}")
        return ()
    return tuple(_read(item, entry, f"{path}[{index}]", mistakes) for index, entry in enumerate(value))


def _read_scalar(hint: Any, value: object, path: str, mistakes: list[str]) -> object:
    if hint is Path:
        if isinstance(value, str):
            return Path(value)
        mistakes.append(f"{path}: must be a path in quotes, is {_kind(value)}")
        return None
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError:
            said = repr(value[:40]) if isinstance(value, str) else _kind(value)
            mistakes.append(f"{path}: must be one of {', '.join(str(member.value) for member in hint)}, is {said}")
            return None
    accepted, words = _SCALARS[hint]
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        mistakes.append(f"{path}: must be {words}, is {_kind(value)}")
        return None
    return float(value) if hint is float and isinstance(value, int) else value


def _kind(value: object) -> str:
    """A secret may stand where it does not belong, deep inside a table: its type is said, never its text."""
    words = {"dict": "a table", "list": "a list", "str": "a string"}
    return words.get(type(value).__name__, type(value).__name__)
