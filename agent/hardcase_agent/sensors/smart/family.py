"""agent.toml's `[smart]` table, and the two sources it asks for. Called through `sensors/catalogue.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.ports import Doors, Source
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.helper.table import Table, is_mailbox
from hardcase_agent.sensors.smart.shelf import Extra, Shelf
from hardcase_agent.sensors.smart.source import ROUNDS, SmartSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartSettings:
    """`[smart]`: which disks are read, and how often."""

    nvme_period_s: float = 600.0
    """NVMe disks; reading the health log costs them nothing."""
    ata_period_s: float = 1800.0
    """SATA and SAS disks: a report costs a disk up to a second of its time."""
    deadline_s: float = 20.0
    """Seconds one disk may take; a disk in error recovery takes 7 to 15."""
    include: tuple[str, ...] = ("*",)
    """Paths that are read, as shell patterns; USB disks only by [[smart.device]]."""
    exclude: tuple[str, ...] = ()
    """Paths that are not read though `include` matches."""
    device: tuple[Extra, ...] = ()
    """Disks that no scan finds: path, and smartctl's -d type."""

    jmb39x: bool = False
    """Whether disks behind a JMicron JMB39x are asked: smartctl talks to that chip by writing to sector 33 of the
    volume (only where it is empty; it is restored). Needs the helper and --allow-jmb39x on its command line too."""

    def __post_init__(self) -> None:
        if not 1 <= self.deadline_s <= 100:
            raise ValueError("deadline_s must be from 1 to 100")
        if min(self.nvme_period_s, self.ata_period_s) < ROUNDS * self.deadline_s / 2:
            raise ValueError(f"periods must be at least {ROUNDS // 2} times deadline_s")
        for entry in self.device:
            if not (self.jmb39x and is_mailbox(entry.type)):
                Table.check_type(entry.type)


def parse(table: Mapping[str, object], mistakes: list[str]) -> SmartSettings:
    return read_settings(SmartSettings, table, path="smart", mistakes=mistakes)


def build(settings: SmartSettings, doors: Doors) -> Sequence[Source]:
    shelf = Shelf(
        doors.commands,
        doors.sysfs,
        include=settings.include,
        exclude=settings.exclude,
        extra=settings.device,
        jmb39x=settings.jmb39x,
        kept_in=doors.state_dir / "smart.json",
    )
    return [
        SmartSource(
            host=doors.host,
            shelf=shelf,
            commands=doors.commands,
            clock=doors.clock,
            nvme=nvme,
            period_s=period_s,
            disk_deadline_s=settings.deadline_s,
        )
        for nvme, period_s in ((True, settings.nvme_period_s), (False, settings.ata_period_s))
    ]
