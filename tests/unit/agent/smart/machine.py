"""A machine made for the tests: disks in a sysfs tree, and a `CommandRunner` that answers for them from a table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hardcase_agent.domain.errors import AgentError, DeviceBusy, DeviceHung
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import CommandResult
from hardcase_agent.sensors.smart.shelf import Extra, Shelf
from hardcase_agent.sensors.smart.source import SmartSource

from tests.fakes.clock import FakeClock
from tests.unit.agent.smart.documents import as_text, document, scan

NONE = document("", status=2, messages=("INQUIRY failed",))
HOST = Asset(vendor="Maker", serial="HOST1")


class Machine:
    """`CommandRunner` too. `answers[path]`, or `answers["path type"]`, is a document, a text, an error, or None: it
    never answers. Nothing is behind a controller's slot that has no answer of its own."""

    def __init__(self, sysfs: Path) -> None:
        self.sysfs = sysfs
        self.clock = FakeClock()
        self.answers: dict[str, dict[str, Any] | str | AgentError | None] = {}
        self.types: dict[str, str] = {}
        """What the scan finds: path to type."""
        self.scan_error: AgentError | None = None
        self.scan_hangs = False
        self.scans = 0
        self.quiet_scans = 0
        """Of these, those that opened no disk."""
        self.asked: list[tuple[str, str]] = []
        """(path, type) of every report asked for."""
        self.asking = asyncio.Event()
        self.at_once = 0
        self.most_at_once = 0
        self.takes_ms = 0
        self.busy_once = False
        self._sequence = 0

    def plug(self, name: str, answer: dict[str, Any] | str | AgentError | None, *, kind: str = "sat") -> str:
        """A disk the kernel lists and the scan finds; gives its path."""
        path = f"/dev/{name}"
        self.list_disk(name)
        self.types[path] = kind
        self.answers[path] = answer
        return path

    def drive_by(self, name: str, driver: str) -> None:
        """Tells the kernel driver of a disk's SCSI host."""
        host = (self.sysfs / "block" / name / "device").resolve().name.partition(":")[0]
        folder = self.sysfs / "class" / "scsi_host" / f"host{host}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "proc_name").write_text(f"{driver}\n")

    def call(self, name: str, model: str) -> None:
        """Tells the model of a disk as the kernel has it."""
        (self.sysfs / "block" / name / "device" / "model").write_text(f"{model:16.16}\n")

    def add_processor(self, name: str, *, host: int) -> None:
        """A generic node of a controller's own device, SCSI type 3."""
        device = self.sysfs / "devices" / "processor" / f"{host}:0:16:0"
        device.mkdir(parents=True, exist_ok=True)
        (device / "type").write_text("3\n")
        node = self.sysfs / "class" / "scsi_generic" / name
        node.mkdir(parents=True, exist_ok=True)
        (node / "device").symlink_to(device)

    def list_disk(self, name: str, *, usb: bool = False, slot: str = "", suspended: bool = False) -> None:
        self._sequence += 1
        if name.startswith("nvme"):
            controller = self.sysfs / "class" / "nvme" / name
            controller.mkdir(parents=True, exist_ok=True)
            (controller / "address").write_text("0000:65:00.0\n")
            (controller / "serial").write_text(f"serial-{self._sequence}\n")
            return
        bus = "pci0000:00/usb1/1-1/host9/target9:0:0" if usb else "pci0000:00/ata1/host0/target0:0:0"
        address = f"{9 if usb else 0}:0:{self._sequence}:0"
        device = self.sysfs / "devices" / bus / address
        block = device / "block" / name
        (device / "power").mkdir(parents=True, exist_ok=True)
        block.mkdir(parents=True)
        (device / "power" / "runtime_status").write_text("suspended\n" if suspended else "active\n")
        (block / "diskseq").write_text(f"{self._sequence}\n")
        (block / "size").write_text("1000\n")
        (block / "device").symlink_to(device)
        if slot:
            (device / f"enclosure_device:{slot}").mkdir()
        link = self.sysfs / "block" / name
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(block)

    def pull(self, name: str) -> None:
        path = f"/dev/{name}"
        self.types.pop(path, None)
        self.answers.pop(path, None)
        if name.startswith("nvme"):
            controller = self.sysfs / "class" / "nvme" / name
            for file in controller.iterdir():
                file.unlink()
            controller.rmdir()
        else:
            (self.sysfs / "block" / name).unlink()

    def suspend(self, name: str, status: str = "suspended") -> None:
        (self.sysfs / "block" / name / "device" / "power" / "runtime_status").write_text(status)

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        await asyncio.sleep(0)
        if tool == "smartctl-version":
            return CommandResult(0, b"smartctl 7.3 2022-02-28 r5338\n", b"")
        if tool == "smartctl-scan":
            self.scans += 1
            self.quiet_scans += list(arguments) == ["listed"]
            if self.scan_hangs:
                await asyncio.sleep(deadline_s)
                self.clock.advance(round(deadline_s * 1000))
                raise DeviceHung("the scan did not end by its deadline")
            if self.scan_error is not None:
                raise self.scan_error
            return CommandResult(0, as_text(scan(*self.types.items())).encode(), b"")
        assert tool == "smartctl-report"
        path, kind = arguments
        self.asked.append((path, kind))
        self.asking.set()
        if self.busy_once:
            self.busy_once = False
            raise DeviceBusy("somebody else asks")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            way = f"{path} {kind}"
            answer = self.answers[way] if way in self.answers else NONE if "," in kind else self.answers[path]
            if answer is None:
                await asyncio.Event().wait()
            await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        self.clock.advance(self.takes_ms)
        if isinstance(answer, AgentError):
            raise answer
        text = answer if isinstance(answer, str) else as_text(answer or {})
        return CommandResult(0, text.encode(), b"")

    def shelf(self, **options: Any) -> Shelf:
        return Shelf(self, self.sysfs, **options)

    def source(self, shelf: Shelf | None = None, *, nvme: bool = False, disk_deadline_s: float = 20.0) -> SmartSource:
        return SmartSource(
            host=HOST,
            shelf=shelf or self.shelf(),
            commands=self,
            clock=self.clock,
            nvme=nvme,
            period_s=600.0,
            disk_deadline_s=disk_deadline_s,
            busy_wait_s=0.0,
        )


__all__ = ["HOST", "Extra", "Machine"]
