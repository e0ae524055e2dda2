"""A BMC of recorded answers, and the recorder that makes one of any real BMC.

.venv/bin/python -m tests.golden.ipmi.record        writes the folders of this directory again
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.ports import IpmiDevice
from hardcase_agent.domain.reading import Gap, Number, Reading, States

from tests.fakes.bmc import FakeClock
from tests.integration.ipmi_rig import Sources


class Recorder:
    """Passes requests on and keeps what was said."""

    def __init__(self, device: IpmiDevice) -> None:
        self.clock = FakeClock()
        self.said: dict[str, str] = {}
        self._device = device

    async def request(self, netfn: int, command: int, data: bytes, *, lun: int = 0, deadline_s: float) -> bytes:
        answer = await self._device.request(netfn, command, data, lun=lun, deadline_s=deadline_s)
        self.said[_key(netfn, lun, command, data)] = answer.hex()
        return answer

    async def close(self) -> None:
        await self._device.close()


class Replay:
    """Answers what was recorded; what was not asked then is an error now."""

    def __init__(self, capture: Path) -> None:
        self.clock = FakeClock()
        self._said: dict[str, str] = json.loads(capture.read_text())

    async def request(self, netfn: int, command: int, data: bytes, *, lun: int = 0, deadline_s: float) -> bytes:
        return bytes.fromhex(self._said[_key(netfn, lun, command, data)])

    async def close(self) -> None:
        return None


def _key(netfn: int, lun: int, command: int, data: bytes) -> str:
    return f"{netfn:02x} {lun} {command:02x} {data.hex()}"


async def read(sources: Sources, clock: FakeClock) -> list[Sweep]:
    return [
        await source.sweep(clock.now()) for source in (sources.analogue, sources.discrete, sources.sel, sources.fru)
    ]


def rendered(sweeps: list[Sweep]) -> dict[str, Any]:
    """Everything read, as plain data."""
    sensors = {
        sensor.id: {
            "name": sensor.name,
            "kind": sensor.kind.value,
            "unit": sensor.unit.value,
            "quantity": sensor.quantity,
            "part": f"{sensor.part.component} {sensor.part.slot}",
            "limits": {name: value for name, value in dataclasses.asdict(sensor.limits).items() if value},
            "comparison": sensor.comparison,
            "host_powered": sensor.host_powered,
            "reading": said(reading, sensor.states),
        }
        for sweep in sweeps
        for sensor, reading in zip(sweep.sensors, sweep.readings, strict=True)
    }
    events = [
        {"id": event.record_id, "code": event.code, "asserted": event.asserted, "sensor": event.sensor,
         "part": f"{event.part.component} {event.part.slot}", "text": event.text}
        for sweep in sweeps for event in sweep.events
    ]  # fmt: skip
    parts = [
        {name: value for name, value in dataclasses.asdict(part).items() if value}
        for sweep in sweeps
        for part in sweep.parts or ()
    ]
    return {"sensors": sensors, "events": events, "parts": parts}


def said(reading: Reading, states: tuple[str, ...]) -> object:
    match reading:
        case Number(value):
            return value
        case States(bits):
            return [name for place, name in enumerate(states) if bits >> place & 1]
        case Gap(reason):
            return f"gap: {reason.value}"
