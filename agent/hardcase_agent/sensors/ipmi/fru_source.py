"""The FRU source: what parts say of themselves, once a day and after a change (a part came, firmware changed).

It looks every five minutes whether it is due, which costs no command.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_agent.domain.errors import DeviceBusy
from hardcase_agent.domain.event import CoverageLine
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.ipmi.bmc import Bmc
from hardcase_agent.sensors.ipmi.commands import get_fru_area_info
from hardcase_agent.sensors.ipmi.diagnosis import diagnose
from hardcase_agent.sensors.ipmi.identity import bmc_part
from hardcase_agent.sensors.ipmi.inventory import fru_parts, read_fru_device
from hardcase_agent.sensors.ipmi.records import Entity, FruRecord
from hardcase_agent.sensors.ipmi.sensor_sources import IpmiSource

LOOK_S = 300.0
BUSY_AGAIN_S = 3600.0
"""Until everything is read once more where a FRU device was busy."""
_MAIN = FruRecord(device=0, entity=Entity(7, 1), name="FRU 0")
"""FRU 0 of a BMC without a locator for it."""


class FruSource(IpmiSource):
    """Inventory of one BMC."""

    def __init__(self, bmc: Bmc, device: str, period_s: float = 86400.0) -> None:
        super().__init__(bmc, "fru", device, min(LOOK_S, period_s))
        self._every_s = self._wait_s = period_s
        self._read_ms: int | None = None
        self._found: dict[int, tuple[Part, ...]] = {}
        """Of the reading under way: FRU devices read so far."""
        self._last: dict[int, tuple[Part, ...]] = {}
        """Of the last reading: what a FRU device said that is busy now."""

    async def sweep(self, now: Moment) -> Sweep:
        budget = self.budget()
        bmc = self.bmc
        if not await bmc.prepare(budget):
            return self.unprepared()
        if not self._due():
            return Sweep(asset=bmc.asset)
        if bmc.inventory_stale:
            self._found.clear()
            bmc.inventory_stale = False
        if not self._found:
            self._wait_s = self._every_s
        devices = {record.device: record for record in (_MAIN, *bmc.frus)}
        for device, record in devices.items():
            if device in self._found:
                continue
            if budget.spent:
                return Sweep(asset=bmc.asset, complete=False)
            self._found[device] = await self._read(device, record)
        parts = [part for found in self._found.values() for part in found]
        if bmc.device is not None:
            parts.append(bmc_part(bmc.device))
        self._last = dict(self._found)
        self._found.clear()
        self._read_ms = bmc.clock.now().boot_ms
        return Sweep(asset=bmc.asset, parts=tuple(parts))

    def refresh(self) -> None:
        """`Refreshable`."""
        self.bmc.inventory_stale = True

    async def _read(self, device: int, record: FruRecord) -> tuple[Part, ...]:
        try:
            fru = await read_fru_device(self.bmc.talk, device)
        except DeviceBusy:
            # A supply without power keeps its EEPROM "busy" for weeks: it must not hide the parts behind it.
            self._wait_s = min(BUSY_AGAIN_S, self._every_s)
            return self._last.get(device, ())
        if device == 0:
            self.bmc.rename(fru)
        return fru_parts(record, fru)

    def _due(self) -> bool:
        if self._read_ms is None or self.bmc.inventory_stale or self._found:
            return True
        return self.bmc.clock.now().boot_ms - self._read_ms >= self._wait_s * 1000

    async def doctor(self) -> Sequence[CoverageLine]:
        return await diagnose(self.bmc.talk, get_fru_area_info(0), Component.BOARD, local=self.bmc.local, quiet=True)
