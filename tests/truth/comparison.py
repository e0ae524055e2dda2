"""The two kinds of statement that a family makes of captures. Families make them, `__main__.py` counts them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_agent.domain.capture import Capture


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One value or state of one capture, beside what somebody else expects of the same capture."""

    capture: str
    """Path below the folder of captures."""
    what: str
    """The sensor, attribute or state that is compared."""
    expected: str
    got: str
    equal: bool
    explained: str = ""
    """Why the difference is right, from the family's reviewed list; "" = it is not explained."""


class Truth(StrEnum):
    FAULT = "fault"
    """Documented as broken: a finding of the right class on the right part must be raised."""
    FALSE_ALARM = "false alarm"
    """Documented as no fault though it looks like one: nothing at minor or above."""
    HEALTHY = "healthy"
    """Nothing at minor or above; what is raised at warning is listed."""
    UNKNOWN = "unknown"
    """Only decoded and judged: nobody says what was wrong, and nothing is counted against it but errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is documented about one machine, drive or log."""

    name: str
    truth: Truth
    captures: tuple[tuple[str, Capture], ...]
    """(kind of decoding, capture); all of one asset, judged together."""
    classes: tuple[str, ...] = ()
    """Fault classes ("memory.uncorrectable") or components ("memory"), any of which is right."""
    part: tuple[str, ...] = ()
    """Words any of which must stand in slot, serial or model of the part accused; empty: not documented."""
    innocent: tuple[str, ...] = ()
    """Words of parts that must not be accused at minor or above: healthy neighbours."""
    why: str = ""
    """Where the verdict comes from."""
