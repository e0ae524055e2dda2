"""One source of the host: scans now and then, reads every sensor at each sweep, in one thread of its own.

Built by `family.py` over one of the scans (hwmon, EDAC, arrays, NICs, file systems). Each has its own thread, so that a
file system that hangs does not hide the temperatures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hardcase_agent.domain.errors import DeviceHung
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.reading import Gap, GapReason, Reading, Sensor
from hardcase_agent.sensors.device_thread import DeviceThread
from hardcase_agent.sensors.host.probe import Scan

T = TypeVar("T")

_RESCAN_MS = 600_000
"""Parts of a running host come and go rarely; a sensor that vanishes in between is a gap ABSENT at once."""
_BUDGET_SHARE = 5
"""A sweep stops after a fifth of its period and goes on from there at the next one."""
_OFFSETS_FROM_MS = 1000


@dataclass(frozen=True, slots=True)
class _Swept:
    readings: list[Reading]
    offsets_ms: list[int]
    reached: int
    complete: bool


class HostSource:
    """`Source` over one scan of this machine."""

    def __init__(
        self,
        name: str,
        asset: Asset,
        scan: Callable[[], Scan],
        clock: Clock,
        *,
        period_s: float,
        deadline_s: float = 20.0,
        wide: bool = False,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`prepare`: awaited before each look; raises nothing."""
        self.name = name
        self.device = name
        self.period_s = period_s
        self.deadline_s = deadline_s
        self._asset = asset
        self._look = scan
        self._clock = clock
        self._wide = wide
        self._prepare = prepare
        self._thread = DeviceThread(name, lambda: None)
        self._scan: Scan | None = None
        self._sensors: tuple[Sensor, ...] = ()
        self._scanned_ms = 0
        self._next = 0

    async def sweep(self, now: Moment) -> Sweep:
        """Raises DeviceHung while a read that was given up has not returned."""
        looked = self._scan is None or now.boot_ms - self._scanned_ms >= _RESCAN_MS
        if self._scan is None or looked:
            if self._prepare is not None:
                await self._prepare()
            scan = await self._on_thread(self._look)
            sensors = tuple(probe.sensor for probe in scan.probes)
            if sensors != self._sensors:
                # Otherwise the same objects: framing knows the catalogue by them.
                self._sensors, self._next = sensors, 0
            self._scan, self._scanned_ms = scan, now.boot_ms
        scan, start = self._scan, self._next
        swept = await self._on_thread(lambda: self._read(scan, start))
        self._next = swept.reached
        return Sweep(
            asset=self._asset,
            sensors=self._sensors,
            readings=swept.readings,
            offsets_ms=swept.offsets_ms,
            parts=scan.parts if looked else None,
            coverage=scan.coverage if looked else None,
            complete=swept.complete,
            wide=self._wide,
        )

    def refresh(self) -> None:
        """`Refreshable`."""
        self._scan = None

    async def doctor(self) -> Sequence[CoverageLine]:
        try:
            return (await self._on_thread(self._look)).coverage
        except DeviceHung:
            return (
                CoverageLine(
                    component=Component.NONE,
                    status=CoverageStatus.UNREADABLE,
                    reason=f"{self.name}: a file of the kernel did not answer within {self.deadline_s:g} s",
                    cure="look for tasks in state D (ps -eo pid,stat,wchan,cmd) and for the device they wait for",
                ),
            )

    async def close(self) -> None:
        self._thread.close()

    async def _on_thread(self, call: Callable[[], T]) -> T:
        """Raises DeviceHung at the deadline, and at once while an abandoned call has not returned."""
        outcome: list[T] = []
        await self._thread.call(lambda: outcome.append(call()), self.deadline_s)
        return outcome[0]

    def _read(self, scan: Scan, start: int) -> _Swept:
        """On the thread. Begins at sensor `start`, and goes round while the budget lasts."""
        began = self._clock.now().boot_ms
        budget = self.period_s * 1000 / _BUDGET_SHARE
        count = len(scan.probes)
        readings: list[Reading] = [Gap(GapReason.NOT_SWEPT)] * count
        offsets = [0] * count
        elapsed, done = 0, 0
        while done < count and (done == 0 or elapsed < budget):
            index = (start + done) % count
            offsets[index] = elapsed
            readings[index] = scan.probes[index].read()
            done += 1
            elapsed = self._clock.now().boot_ms - began
        slow = elapsed >= _OFFSETS_FROM_MS
        reached = (start + done) % count if count and done < count else 0
        return _Swept(readings, offsets if slow else [], reached, done == count)
