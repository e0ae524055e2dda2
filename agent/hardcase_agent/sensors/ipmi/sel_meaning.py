"""What an event says, from its sensor type, event/reading type, offset and direction: one code, begun or ended.

Pure; the one place for both doors: `sel.py` has the four from bytes, `sel_text.py` from words. Opposite states of one
thing ("device absent", "device present") become one code that begins or ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.ipmi.records import THRESHOLD
from hardcase_agent.sensors.ipmi.states import (
    PREDICTIVE,
    PRESENCE,
    SENSOR_SPECIFIC,
    THRESHOLD_EVENTS,
    Meaning,
    meaning,
)

LOGGING_TYPE = 0x10
"""Sensor type "event logging disabled": what happened to the log itself."""
WATCHDOGS = (0x11, 0x23)
_BINARY = {0x03: "state_asserted", PREDICTIVE: "predictive_failure", 0x05: "limit_exceeded", 0x06: "performance_lags",
           PRESENCE: "present", 0x09: "enabled"}  # fmt: skip
"""Event types of two offsets: the state at offset 1, which offset 0 ends."""
SEVERITY = 0x07
_MEMORY_LOGGING = ("memory_error_logging_disabled", "memory.logging_disabled")
"""The BIOS stops telling corrected errors because there are too many: it speaks of a module, not of the log."""


@dataclass(frozen=True, slots=True)
class Said:
    """One event's meaning."""

    code: str
    """Of protos/README.md; "" = not known."""
    asserted: bool
    text: str
    component: Component


def said_by(kind: int, code: int, offset: int, *, asserted: bool, measured: str = "") -> Said:
    """`kind`: sensor type; `code`: event/reading type; `measured`: the sensor's kind where its record is known."""
    says = meaning(kind, code)
    if code == THRESHOLD:
        return _threshold(says, offset, asserted, measured)
    if code in _BINARY and offset == 0:
        # "Device absent, asserted" is the end of "present", whatever its direction bit says.
        offset, asserted = 1, not asserted
    state = says.states[offset] if offset < len(says.states) else ""
    if code in _BINARY and offset == 1:
        state = _BINARY[code]
    if not state or state.startswith("offset_"):
        return Said("", asserted, f"{says.quantity} offset {offset}{_ended(asserted)}", says.component)
    words = state.replace("_", " ") + _ended(asserted)
    if kind == LOGGING_TYPE and code == SENSOR_SPECIFIC:
        if state == _MEMORY_LOGGING[0]:
            return Said(_MEMORY_LOGGING[1], asserted, words, Component.MEMORY)
        return Said(f"sel.{state}", asserted, words, says.component)
    if code == SEVERITY:
        state = _severity(state)
    return Said(f"{_prefix(says, kind, code)}{state}", asserted, words, says.component)


def _threshold(says: Meaning, offset: int, asserted: bool, measured: str) -> Said:
    if offset >= len(THRESHOLD_EVENTS):
        return Said("", asserted, f"threshold event {offset}", says.component)
    limit, outwards = THRESHOLD_EVENTS[offset]
    what = measured or says.quantity.removeprefix("ipmi.")
    # "Lower critical going high, asserted" is the return, whatever its direction bit says.
    holds = asserted == outwards
    return Said(f"{what}.{limit}", holds, limit.replace("_", " ") + _ended(holds), says.component)


def _severity(state: str) -> str:
    """ "critical_from_less_severe" is "transition_critical": where from is history, where to is the state."""
    for level in ("non_recoverable", "non_critical", "critical"):
        if state.startswith(level):
            return f"transition_{level}"
    return f"transition_{state}"


def _prefix(says: Meaning, kind: int, code: int) -> str:
    if kind in WATCHDOGS and code == SENSOR_SPECIFIC:
        return "host.watchdog_"
    own = "." in says.quantity.removeprefix("ipmi.")
    return (says.quantity.split(".")[0] if own else says.component.value) + "."


def _ended(asserted: bool) -> str:
    return "" if asserted else ", deasserted"
