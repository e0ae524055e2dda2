"""The firmware's inventory of this machine, read once a day: the raw table by itself or the helper, else dmidecode.

`dmi_source.py` tells its parts; the host family's EDAC source takes slots and serials of memory modules from it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.ports import Clock, CommandRunner
from hardcase_agent.sensors.kernel.dmi_inventory import Inventory, read_inventory
from hardcase_agent.sensors.kernel.dmi_structure import Structure
from hardcase_agent.sensors.kernel.smbios_table import LONGEST_TABLE, parse_table, read_entry

DMIDECODE_S = 10.0
AGE_MS = 86_400_000
"""Firmware fills its table at boot: a day is only for what was plugged into a running machine."""
RETRY_MS = 600_000


class DmiTables:
    """`refresh` before use; `inventory` is None where nothing could be read, and `reason` says why."""

    def __init__(self, sysfs: Path, commands: CommandRunner, clock: Clock) -> None:
        self._tables = sysfs / "firmware" / "dmi" / "tables"
        self._ids = sysfs / "class" / "dmi" / "id"
        self._commands = commands
        self._clock = clock
        self._due_ms = 0
        self.inventory: Inventory | None = None
        self.error: AgentError | None = None

    @property
    def present(self) -> bool:
        """Whether the firmware has a table at all; many virtual machines have none."""
        return self._tables.is_dir() or self._ids.is_dir()

    async def refresh(self) -> None:
        """Raises nothing."""
        now_ms = self._clock.now().boot_ms
        if now_ms < self._due_ms or not self.present:
            return
        structures = await self.structures()
        if structures:
            self.inventory, self.error = read_inventory(structures), None
        self._due_ms = now_ms + (AGE_MS if structures else RETRY_MS)

    def expire(self) -> None:
        """The next `refresh` reads the table, however young it is."""
        self._due_ms = 0

    async def structures(self) -> list[Structure]:
        """By the first way that works; [] where none does, and `error` says why. Raises nothing."""
        return self._from_sysfs() or await self._from_helper() or await self._from_dmidecode()

    def _from_sysfs(self) -> list[Structure]:
        with contextlib.suppress(OSError):
            with (self._tables / "DMI").open("rb") as file:
                table = file.read(LONGEST_TABLE)
            entry = read_entry((self._tables / "smbios_entry_point").read_bytes())
            return [item for item in parse_table(table, entry) if isinstance(item, Structure)]
        return []

    async def _from_helper(self) -> list[Structure]:
        with contextlib.suppress(AgentError):
            result = await self._commands.run("smbios-table", (), deadline_s=DMIDECODE_S)
            if result.status == 0:
                return [item for item in parse_table(result.stdout, None) if isinstance(item, Structure)]
        return []

    async def _from_dmidecode(self) -> list[Structure]:
        try:
            result = await self._commands.run("dmidecode", (), deadline_s=DMIDECODE_S)
        except AgentError as error:
            self.error = error
            return []
        # Where the raw table cannot be had: rarely needed, and not worth its memory elsewhere.
        from hardcase_agent.sensors.kernel.dmidecode_text import parse_text

        text = result.stdout.decode("utf-8", "replace")
        return [item for item in parse_text(text) if isinstance(item, Structure)]
