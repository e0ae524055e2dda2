"""The closed list of what may be asked of an agent: for each kind its deed and its arguments. Used by `asking.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.diagnostic import DiagnosticKind as K
from hardcase_collector.domain.errors import DiagnosticRefused
from hardcase_collector.domain.said import Coded, Said

LONGEST_LIGHT_S = 3_600
"""An agent may cut it shorter; it lights a lamp a minute at a time."""
_PARTS = re.compile(r"[a-z0-9_-]{1,30}(,[a-z0-9_-]{1,30}){0,19}")
_DISK_LENGTH = 200
_DIGITS = 20

Check = Callable[[str], str]
"""The argument as it is sent. Raises WrongArgument, saying what it must be."""


class WrongArgument(ValueError):
    def __init__(self, said: Said) -> None:
        super().__init__(str(said))
        self.said = said


def disk_name(model: str, serial: str) -> str:
    """How a request names a disk (diagnostics.proto)."""
    return f"{model}|{serial}"


def _disk(text: str) -> str:
    model, bar, serial = text.strip().partition("|")
    if not bar or not model.strip() or not serial.strip() or not text.isprintable() or len(text) > _DISK_LENGTH:
        raise WrongArgument(Said("a disk is named MODEL|SERIAL, as in the inventory"))
    return text.strip()


def _one_of(*words: str) -> Check:
    def check(text: str) -> str:
        if text not in words:
            raise WrongArgument(Said("one of {words}", {"words": words}))
        return text

    return check


def _seconds(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) <= LONGEST_LIGHT_S):
        raise WrongArgument(Said("0 to {most}; 0 puts it out", {"most": LONGEST_LIGHT_S}))
    return str(int(text))


def _parts(text: str) -> str:
    if not _PARTS.fullmatch(text):
        raise WrongArgument(Said("names of parts with commas between them"))
    return text


@dataclass(frozen=True, slots=True)
class Kind:
    deed: Deed
    arguments: Mapping[str, Check] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    needs_reason: bool = False


KINDS: Mapping[K, Kind] = {
    K.READ_SEL: Kind(Deed.ASK_READING),
    K.READ_SENSORS: Kind(Deed.ASK_READING),
    K.INVENTORY: Kind(Deed.ASK_READING),
    K.SELF_TEST: Kind(
        Deed.ASK_SELF_TEST,
        {"disk": _disk, "test": _one_of("short", "long", "abort")},
        {"test": "short"},
        needs_reason=True,
    ),
    K.IDENTIFY: Kind(
        Deed.ASK_IDENTIFY,
        {"target": _one_of("chassis", "disk"), "disk": _disk, "seconds": _seconds},
        {"target": "chassis", "seconds": "300"},
    ),
    K.CLEAR_SEL: Kind(Deed.ASK_CLEAR_SEL, needs_reason=True),
    K.BUNDLE: Kind(Deed.ASK_BUNDLE, {"parts": _parts}),
}


def checked_arguments(kind: K, given: Mapping[str, str]) -> Mapping[str, str]:
    """As they are sent. Raises DiagnosticRefused for one that is unknown, missing or wrong."""
    known = KINDS[kind]
    told = {**known.defaults, **{name: text for name, text in given.items() if text}}
    if kind is K.IDENTIFY and told["target"] != "disk":
        told.pop("disk", None)
    if unknown := sorted(told.keys() - known.arguments.keys()):
        raise DiagnosticRefused("wrong-argument", "{kind} takes no {unknown}", kind=Coded(kind), unknown=unknown)
    if "disk" not in told and (kind is K.SELF_TEST or told.get("target") == "disk"):
        raise DiagnosticRefused("wrong-argument", "{kind} needs to know which disk: MODEL|SERIAL", kind=Coded(kind))
    checked = {}
    for name, text in told.items():
        try:
            checked[name] = known.arguments[name](text)
        except WrongArgument as wrong:
            raise DiagnosticRefused("wrong-argument", "{name}: {wrong}", name=name, wrong=wrong.said) from None
    return checked


def target_of(kind: K, arguments: Mapping[str, str]) -> str:
    """What of the asset it is about: of one kind and target one request is open at a time."""
    if kind is K.IDENTIFY:
        return arguments.get("disk", "chassis")
    disk = arguments.get("disk", "")
    # A test that runs is aborted while its own request is open.
    return f"abort {disk}" if arguments.get("test") == "abort" else disk
