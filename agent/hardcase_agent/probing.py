"""Asks every source once, for `probe` and `doctor`. Called by `cli.py`; printing is `tables.py`'s matter."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hardcase_agent.config import Settings
from hardcase_agent.doctor.findings import findings
from hardcase_agent.doctor.place import Place
from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceHung, ToolMissing
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.ports import Clock, Source
from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading, Sensor, States
from hardcase_agent.machine import Machine
from hardcase_agent.sampling.breaker import describe
from hardcase_agent.sensors.catalogue import FAMILIES
from hardcase_agent.sweeps import close_sources

DOCTOR_S = 30.0
"""One source's own examination; a BMC over a WAN needs ten seconds for its SDR."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What one source said; `error` = it said nothing."""

    source: str
    sweep: Sweep | None
    error: str = ""
    device: str = ""
    """What was asked; sources of one device share it."""
    permitted: bool = True
    """False: this user may not ask, or the tool is not installed: that is `doctor`'s matter, not the device's."""


@dataclass(frozen=True, slots=True)
class Examined:
    source: str
    lines: tuple[CoverageLine, ...]


async def sources_of(settings: Settings, clock: Clock) -> tuple[list[Source], list[Examined]]:
    """Every configured source, and what kept a family from building its own."""
    machine = Machine(settings.core, clock)
    doors = machine.doors(await machine.host())
    sources: list[Source] = []
    broken: list[Examined] = []
    for family in FAMILIES:
        if family.name not in settings.families:
            continue
        try:
            sources += family.module().build(settings.families[family.name], doors)
        except AgentError as error:
            broken.append(
                Examined(family.name, (_line(Component.AGENT, describe(error), "correct the configuration"),))
            )
    return sources, broken


async def probe(settings: Settings, clock: Clock) -> list[Probed]:
    """Each source once; sources of one device one after the other."""
    sources, broken = await sources_of(settings, clock)
    devices: dict[str, list[Source]] = {}
    for source in sources:
        devices.setdefault(source.device, []).append(source)
    found = await asyncio.gather(*(_probe_device(group, clock) for group in devices.values()))
    await close_sources(sources)
    told = [Probed(one.source, None, one.lines[0].reason) for one in broken]
    return [*(one for group in found for one in group), *told]


async def _probe_device(sources: Sequence[Source], clock: Clock) -> list[Probed]:
    found = []
    for source in sources:
        try:
            sweep = await _bounded(source.sweep(clock.now()), source.deadline_s)
            found.append(Probed(source.name, sweep, device=source.device))
        except Exception as error:
            permitted = not isinstance(error, AccessDenied | ToolMissing)
            found.append(Probed(source.name, None, describe(error), source.device, permitted))
    return found


def silent_devices(found: Sequence[Probed]) -> list[str]:
    """Devices that were asked and of which no source said anything, and families that could not be built."""
    heard = {one.device for one in found if one.sweep is not None or not one.permitted}
    return list(dict.fromkeys(one.device or one.source for one in found if one.device not in heard))


async def _bounded(call: Any, deadline_s: float) -> Any:
    """Abandons at the deadline, as the service does."""
    task = asyncio.ensure_future(call)
    done, _ = await asyncio.wait({task}, timeout=deadline_s)
    if not done:
        task.cancel()
        raise DeviceHung(f"no answer within {deadline_s:g} s")
    return task.result()


async def examine(settings: Settings, clock: Clock, place: Place | None = None) -> list[Examined]:
    """What concerns the installation first, then every source's own. `place`: another root than this machine's."""
    told = await findings(settings, clock, place or Place())
    sources, broken = await sources_of(settings, clock)
    found = [*(Examined(name, tuple(lines)) for name, lines in told.items() if lines), *broken]
    for source in sources:
        try:
            lines = tuple(await _bounded(source.doctor(), DOCTOR_S))
        except Exception as error:
            lines = (_line(Component.AGENT, describe(error), "see the log of the agent"),)
        found.append(Examined(source.name, lines))
    await close_sources(sources)
    return found


def _line(component: Component, reason: str, cure: str) -> CoverageLine:
    return CoverageLine(component=component, status=CoverageStatus.UNREADABLE, reason=reason, cure=cure)


def say(sensor: Sensor, reading: Reading) -> Mapping[str, Any]:
    """One reading for people and for JSON: a gap is said as a gap, with its reason."""
    if isinstance(reading, Gap):
        return {"gap": reading.reason.value, "detail": reading.detail}
    if isinstance(reading, Number):
        return {"value": reading.value, "unit": sensor.unit.value}
    assert isinstance(reading, States)
    return {"states": [name for bit, name in enumerate(sensor.states) if name and reading.bits >> bit & 1]}


def reading_at(sweep: Sweep, index: int) -> Reading:
    return sweep.readings[index] if index < len(sweep.readings) else Gap(GapReason.NOT_SWEPT)
