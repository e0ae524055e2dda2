"""Sources that open doors to a BMC, disks and arrays for diagnostics; they do as told and keep what was done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from hardcase_agent.domain.diagnostic import KnownDisk, Lend, SelfTestStatus, TestState, WholeLog
from hardcase_agent.domain.errors import AgentError, LogChanged
from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Asset, Component, Part

from tests.fakes.sources import FakeSource

BMC_ASSET = Asset(vendor="Example", serial="HOST1")
DISK = KnownDisk(
    part=Part(component=Component.DISK, model="ST1000", serial="Z1D5", slot="3"), path="/dev/sda", type="sat"
)


class FakeBmcSource(FakeSource):
    """`EventLogDoor` and `ChassisDoor`."""

    def __init__(self, entries: int = 3, *, asset: Asset = BMC_ASSET, name: str = "ipmi.sel@local") -> None:
        super().__init__(name, device="ipmi@local")
        self.told = asset
        self.entries = [bytes((number + 1, 0, 2)) + bytes(13) for number in range(entries)]
        self.erased = 0
        self.lamp: list[int] = []
        self.changes_before_clear = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.reads = 0
        self.unread: tuple[str, ...] = ()
        self.uncounted = 0
        """Entries that the BMC counts and does not give."""
        self.lamp_error: AgentError | None = None

    def watched_asset(self) -> Asset:
        return self.told

    async def whole_log(self, lend: Lend) -> WholeLog:
        self.reads += 1
        async with lend(self.device, 1.0):
            await self.gate.wait()
        return WholeLog(
            asset=self.told,
            source=self.name,
            entries=tuple(self.entries),
            events=tuple(Event(log="sel", record_id=raw[0], raw=raw, text="said") for raw in self.entries),
            stamp=self.stamp,
            unread=self.unread,
        )

    @property
    def stamp(self) -> tuple[int, int, int]:
        return (self.erased, len(self.entries), len(self.entries) + self.uncounted)

    async def clear_log(self, stamp: tuple[int, int, int], lend: Lend) -> None:
        async with lend(self.device, 1.0):
            if self.changes_before_clear:
                self.changes_before_clear -= 1
                self.entries.append(bytes((len(self.entries) + 1, 0, 2)) + bytes(13))
            if stamp != self.stamp:
                raise LogChanged("new entries")
            self.entries.clear()
            self.erased += 1

    async def identify(self, seconds: int) -> None:
        if self.lamp_error is not None:
            raise self.lamp_error
        self.lamp.append(seconds)


class FakeDisks(FakeSource):
    """`DiskDoor`. `statuses`: what the next looks say; the last one stays."""

    def __init__(self, *disks: KnownDisk) -> None:
        super().__init__("smart.ata")
        self.disks = list(disks or (DISK,))
        self.statuses: list[SelfTestStatus | AgentError] = [
            SelfTestStatus(part=self.disks[0].part, count="0", minutes={"short": 1, "long": 1})
        ]
        self.tests: list[str] = []
        self.bays: list[tuple[str, int]] = []
        self.bay_error: AgentError | None = None

    def known_disks(self) -> Sequence[KnownDisk]:
        return self.disks

    async def raw_report(self, disk: KnownDisk) -> bytes:
        return b'{"serial_number": "' + disk.part.serial.encode() + b'"}'

    async def self_test_status(self, disk: KnownDisk) -> SelfTestStatus:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, AgentError):
            raise status
        return status

    async def self_test(self, disk: KnownDisk, test: str) -> str:
        self.tests.append(test)
        return "started"

    async def identify_bay(self, disk: KnownDisk, seconds: int) -> None:
        if self.bay_error is not None:
            raise self.bay_error
        self.bays.append((disk.path, seconds))

    def told(self, state: TestState, **fields: object) -> SelfTestStatus:
        return replace(SelfTestStatus(part=self.disks[0].part, newest=state), **fields)  # type: ignore[arg-type]


class FakeArrays(FakeSource):
    """`ArrayDoor`."""

    def __init__(self) -> None:
        super().__init__("arrays")
        self.at_work = ""
        self.outputs: list[tuple[str, str, str]] = []

    async def tool_outputs(self) -> Sequence[tuple[str, str, str]]:
        return self.outputs

    def work_on(self, disk: KnownDisk) -> str:
        return self.at_work
