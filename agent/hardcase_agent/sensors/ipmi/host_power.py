"""Captures of a machine that was off: fans at rest and rails without voltage are no faults then.

Pure. The decoders apply it at their end; a live source asks the BMC (`sensor_sources.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hardcase_agent.domain.capture import Decoded, Seen
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, States
from hardcase_agent.sensors.ipmi.plan import CHASSIS_POWER

OFF = Gap(GapReason.HOST_OFF, "the host is off")
SEEMS_OFF = Gap(GapReason.HOST_OFF, "the host seems to be off: all fans rest, and no processor tells a temperature")
SEEMS_DARK = Gap(GapReason.HOST_OFF, "the host seems to be off: its rails are without voltage, and no fan turns")
LEAST_FANS = 2
LEAST_RAILS = 2
DEAD_VOLTS = 0.3
"""Less than any rail of a running host has; what is left on one by its neighbours is less still."""


def gated(decoded: Sequence[Decoded]) -> list[Decoded]:
    """With gaps for what loses its supply with the host, where the capture says or shows that the host is off."""
    gap = _off([one for one in decoded if isinstance(one, Seen)])
    if gap is None:
        return list(decoded)
    return [replace(one, reading=gap) if isinstance(one, Seen) and one.sensor.host_powered else one for one in decoded]


def _off(seen: Sequence[Seen]) -> Gap | None:
    for one in seen:
        if one.sensor.id == CHASSIS_POWER.id and isinstance(one.reading, States):
            return None if one.reading.bits & 1 else OFF
    fans = [one.reading.value for one in seen if _is_fan(one) and isinstance(one.reading, Number)]
    processors = [one.reading for one in seen if _is_processor_temperature(one)]
    rest = len(fans) >= LEAST_FANS and not any(fans)
    silent = bool(processors) and all(isinstance(reading, Gap) for reading in processors)
    if rest and silent:
        return SEEMS_OFF
    rails = [one.reading.value for one in seen if _is_rail(one) and isinstance(one.reading, Number)]
    dark = len(rails) >= LEAST_RAILS and all(abs(volts) < DEAD_VOLTS for volts in rails)
    return SEEMS_DARK if dark and not any(fans) else None


def _is_rail(one: Seen) -> bool:
    return one.sensor.kind is Kind.VOLTAGE and one.sensor.host_powered


def _is_fan(one: Seen) -> bool:
    return one.sensor.kind is Kind.FAN and one.sensor.part.component is not Component.PSU


def _is_processor_temperature(one: Seen) -> bool:
    return one.sensor.kind is Kind.TEMPERATURE and one.sensor.part.component is Component.CPU
