"""What to do about a fault class, and whether it is safe now. Texts come from the sheets, the live check is here. Pure.

Pages, notifications and the command `judge` show it; `rules/sheet_reader.py` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Severity

Texts = Mapping[str, str]
"""Language -> text."""
Lists = Mapping[str, tuple[str, ...]]
"""Language -> texts in their order."""


class HotSwap(StrEnum):
    """May the part be changed while the machine runs?"""

    YES = "yes"
    NO = "no"
    DEPENDS = "depends"
    """On the model: the steps say how to find out."""


class Safety(StrEnum):
    """What is looked at in the live state before somebody touches the part."""

    ARRAY_DEGRADED = "array_degraded"
    OTHER_DISK = "other_disk"
    ARRAYS_UNSEEN = "arrays_unseen"
    SLOT_UNKNOWN = "slot_unknown"
    OTHER_SUPPLY = "other_supply"
    REDUNDANCY_LOST = "redundancy_lost"
    OTHER_FAN = "other_fan"
    MACHINE_HOT = "machine_hot"
    POWER_OFF = "power_off"
    DATA_ON_PART = "data_on_part"
    ON_BATTERY = "on_battery"
    STATE_OLD = "state_old"


class Urgency(StrEnum):
    STOP = "stop"
    """Do not touch the part before this is settled."""
    CAUTION = "caution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Of one or several fault classes."""

    name: str
    confirm: Lists
    """How to confirm it is so."""
    likely_part: Texts
    hot_swappable: HotSwap
    steps: Lists
    vendor_asks: Lists
    """What the vendor will ask for before he sends a part."""
    safety: tuple[Safety, ...]


@dataclass(frozen=True, slots=True)
class Firing:
    """One finding that fires on the asset now."""

    fault_class: str
    part: Part
    severity: Severity


class Live(Protocol):
    """What is known of the asset now. Each is asked for only where a check needs it: it may cost a query."""

    @property
    def firing(self) -> tuple[Firing, ...]: ...
    @property
    def arrays_seen(self) -> bool:
        """Some source tells of arrays and their members."""

    @property
    def silent(self) -> bool:
        """Nothing came from the asset lately: the rest is what was known then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """A `Live` that is known already."""

    firing: tuple[Firing, ...] = ()
    arrays_seen: bool = True
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing to mind before the part is touched."""

    safety: Safety
    urgency: Urgency
    about: str = ""
    """The part that it is about, as people call it."""


@dataclass(frozen=True, slots=True)
class _Look:
    part: Part
    fault_classes: tuple[str, ...]
    live: Live

    def others(self, component: str, *, at_least: Severity = Severity.MINOR) -> Iterable[Firing]:
        """Findings on other parts of this component."""
        return (
            one
            for one in self.live.firing
            if one.part.component == component and one.severity >= at_least and one.part.place() != self.part.place()
        )

    def fires(self, *fault_classes: str) -> Iterable[Firing]:
        return (one for one in self.live.firing if one.fault_class in fault_classes)


_DROPPED = ("disk.failed", "disk.missing")
_ARRAY = ("raid.degraded", "raid.failed", "raid.member")
_NO_FAULT_OF_ITS_OWN = ("psu.redundancy_lost", "psu.configuration")
_HOT = {"thermal.hot", "cpu.hot", "cpu.thermal_trip", "thermal.out_of_range"}


def _array_degraded(look: _Look) -> Warned | None:
    """The one disk that the array has dropped is the one to pull; any other is a second one. "raid.member" is told of
    the members that are left. A drive may call itself failed while the array that lost another one still lives by it.
    """
    if look.part.component == "raid":
        return None
    if set(_DROPPED) & set(look.fault_classes) and not any(
        one.fault_class in _DROPPED for one in look.others("disk", at_least=Severity.WARNING)
    ):
        return None
    return _first(Safety.ARRAY_DEGRADED, Urgency.STOP, look.fires(*_ARRAY))


def _other_disk(look: _Look) -> Warned | None:
    return _first(Safety.OTHER_DISK, Urgency.CAUTION, look.others("disk"))


def _arrays_unseen(look: _Look) -> Warned | None:
    return None if look.live.arrays_seen else Warned(Safety.ARRAYS_UNSEEN, Urgency.CAUTION)


def _slot_unknown(look: _Look) -> Warned | None:
    return None if look.part.slot else Warned(Safety.SLOT_UNKNOWN, Urgency.STOP, look.part.serial)


def _other_supply(look: _Look) -> Warned | None:
    faulty = (one for one in look.others("psu") if one.part.slot and one.fault_class not in _NO_FAULT_OF_ITS_OWN)
    return _first(Safety.OTHER_SUPPLY, Urgency.STOP, faulty)


def _redundancy_lost(look: _Look) -> Warned | None:
    return _first(Safety.REDUNDANCY_LOST, Urgency.CAUTION, look.fires("psu.redundancy_lost", "power.degraded"))


def _other_fan(look: _Look) -> Warned | None:
    return _first(Safety.OTHER_FAN, Urgency.CAUTION, look.others("fan"))


def _machine_hot(look: _Look) -> Warned | None:
    hot = (one for one in look.fires(*_HOT) if one.severity >= Severity.MAJOR)
    return _first(Safety.MACHINE_HOT, Urgency.CAUTION, hot)


def _on_battery(look: _Look) -> Warned | None:
    return _first(Safety.ON_BATTERY, Urgency.STOP, look.fires("ups.on_battery"))


def _always(safety: Safety) -> Callable[[_Look], Warned | None]:
    return lambda _: Warned(safety, Urgency.CAUTION)


_CHECKS: Mapping[Safety, Callable[[_Look], Warned | None]] = {
    Safety.ARRAY_DEGRADED: _array_degraded,
    Safety.OTHER_DISK: _other_disk,
    Safety.ARRAYS_UNSEEN: _arrays_unseen,
    Safety.SLOT_UNKNOWN: _slot_unknown,
    Safety.OTHER_SUPPLY: _other_supply,
    Safety.REDUNDANCY_LOST: _redundancy_lost,
    Safety.OTHER_FAN: _other_fan,
    Safety.MACHINE_HOT: _machine_hot,
    Safety.ON_BATTERY: _on_battery,
    Safety.POWER_OFF: _always(Safety.POWER_OFF),
    Safety.DATA_ON_PART: _always(Safety.DATA_ON_PART),
    Safety.STATE_OLD: lambda look: Warned(Safety.STATE_OLD, Urgency.STOP) if look.live.silent else None,
}


def warnings(part: Part, fault_classes: Sequence[str], asked: Sequence[Safety], live: Live) -> tuple[Warned, ...]:
    """What to mind before this part is touched, what forbids it first. An old picture of the asset is always told."""
    look = _Look(part, tuple(fault_classes), live)
    told = [_CHECKS[safety](look) for safety in dict.fromkeys((*asked, Safety.STATE_OLD))]
    return tuple(sorted((one for one in told if one is not None), key=lambda one: one.urgency is not Urgency.STOP))


def _first(safety: Safety, urgency: Urgency, firing: Iterable[Firing]) -> Warned | None:
    found = next(iter(firing), None)
    if found is None:
        return None
    part = found.part
    return Warned(safety, urgency, part.slot or part.serial or part.model or part.component)


@dataclass(frozen=True, slots=True)
class Counsel:
    """Advice on one case as it stands, for people and for notifications."""

    advice: Advice
    warned: tuple[Warned, ...]
    texts: Mapping[Safety, Texts] = field(default_factory=dict)

    def said(self, language: str) -> dict[str, object]:
        """Everything in one language, ready to be shown."""
        return {
            "safety": [
                {
                    "check": one.safety.value,
                    "urgency": one.urgency.value,
                    "text": self.texts[one.safety][language].replace("{about}", one.about or "?"),
                }
                for one in self.warned
            ],
            "confirm": list(self.advice.confirm[language]),
            "likely_part": self.advice.likely_part[language],
            "hot_swappable": self.advice.hot_swappable.value,
            "steps": list(self.advice.steps[language]),
            "vendor_asks": list(self.advice.vendor_asks[language]),
        }
