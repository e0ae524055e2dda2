"""The source `kernel.dmi`: the machine's parts as its firmware lists them. Built by `family.py`."""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.sensors.kernel.dmi_tables import DMIDECODE_S, DmiTables


class DmiSource:
    """`Source` of an inventory, and of what the firmware said of supplies and chassis when it made it."""

    name = "kernel.dmi"
    device = "kernel.dmi"
    deadline_s = 3 * DMIDECODE_S

    def __init__(self, asset: Asset, tables: DmiTables, *, period_s: float) -> None:
        self.period_s = period_s
        self._asset = asset
        self._tables = tables

    async def sweep(self, now: Moment) -> Sweep:
        """Raises what kept the table from being read, where nothing ever was."""
        await self._tables.refresh()
        inventory = self._tables.inventory
        if inventory is None and self._tables.error is not None:
            raise self._tables.error
        if inventory is None:
            return Sweep(asset=self._asset, parts=(), coverage=(self._line(),))
        return Sweep(
            asset=self._asset,
            sensors=tuple(sensor for sensor, _ in inventory.verdicts),
            readings=[states for _, states in inventory.verdicts],
            parts=inventory.parts,
            coverage=(self._line(),),
        )

    def refresh(self) -> None:
        """`Refreshable`."""
        self._tables.expire()

    def _line(self) -> CoverageLine:
        if self._tables.inventory is not None:
            return CoverageLine(component=Component.BOARD, status=CoverageStatus.WATCHED)
        if not self._tables.present:
            status, reason, cure = CoverageStatus.NOT_PRESENT, "the firmware has no SMBIOS table", ""
        else:
            status, reason = CoverageStatus.UNREADABLE, str(self._tables.error or "the SMBIOS table is empty")
            cure = "start hardcase-helper.socket"
        return CoverageLine(component=Component.BOARD, status=status, reason=reason, cure=cure)

    async def doctor(self) -> Sequence[CoverageLine]:
        await self._tables.refresh()
        return (self._line(),)

    async def close(self) -> None:
        return None
