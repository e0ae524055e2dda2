"""The sweeps: `smart.nvme` and `smart.ata` ask their disks a few at a time, each with its own deadline.

Built by `family.py`. A hung or sleeping disk costs its own sensors a gap and the others nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hardcase_agent.domain.diagnostic import KnownDisk, SelfTestStatus
from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    DeviceBusy,
    DeviceFailed,
    ToolMissing,
)
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.ports import Clock, CommandResult, CommandRunner
from hardcase_agent.domain.reading import Gap, GapReason, Sensor
from hardcase_agent.sensors.smart import report
from hardcase_agent.sensors.smart.outcome import Outcome, line_of, raise_if_nothing, unasked_line, unreadable
from hardcase_agent.sensors.smart.report import DiskReport
from hardcase_agent.sensors.smart.shelf import SCAN_DEADLINE_S, Disk, Shelf, Target

ROUNDS = 6
"""A sweep may take this many times one disk's deadline: four hung disks at a time, then twenty others."""
BUSY_WAIT_S = 1.0
"""Before a disk that somebody else (a doctor, another agent) is just asking is asked once more."""
DOCTOR_DISK_S = 10.0
DOCTOR_SCAN_S = 8.0
DOCTOR_S = 25.0


class SmartSource:
    """`Source` over the NVMe or the other disks of a shelf."""

    def __init__(
        self,
        *,
        host: Asset,
        shelf: Shelf,
        commands: CommandRunner,
        clock: Clock,
        nvme: bool,
        period_s: float,
        disk_deadline_s: float,
        busy_wait_s: float = BUSY_WAIT_S,
    ) -> None:
        self._host = host
        self._shelf = shelf
        self._commands = commands
        self._clock = clock
        self._nvme = nvme
        self._period_s = period_s
        self._disk_deadline_s = disk_deadline_s
        self._busy_wait_s = busy_wait_s
        self._asked_ms: dict[tuple[str, str], int] = {}
        self._sensors: tuple[Sensor, ...] = ()
        self._parts: tuple[Part, ...] = ()

    @property
    def name(self) -> str:
        return "smart.nvme" if self._nvme else "smart.ata"

    @property
    def device(self) -> str:
        return self.name

    @property
    def period_s(self) -> float:
        return self._period_s

    @property
    def deadline_s(self) -> float:
        return ROUNDS * self._disk_deadline_s

    async def sweep(self, now: Moment) -> Sweep:
        """Raises ToolMissing, AccessDenied or DeviceFailed where no disk at all could be asked."""
        # A hung disk hangs the scan too: it gets a third of the time, so that the others are asked all the same.
        scan_s = min(SCAN_DEADLINE_S, self.deadline_s / 3)
        before_ms = self._clock.now().boot_ms
        found = await self._shelf.targets(now.boot_ms, scan_deadline_s=scan_s)
        targets = [target for target in found if target.nvme == self._nvme]
        spent_s = (self._clock.now().boot_ms - before_ms) / 1000
        outcomes = await self._ask_all(targets, budget_s=self.deadline_s - self._disk_deadline_s / 2 - spent_s)
        raise_if_nothing([outcome for outcome in outcomes if not outcome.target.trial])
        for outcome in outcomes:
            self._settle(outcome)
        self._shelf.remember()
        # A rung that leads nowhere is no disk that could not be read; one that may not be taken is told, once a volume.
        refused = {outcome.target.path: outcome for outcome in outcomes if outcome.refused}
        outcomes = [one for one in outcomes if not one.target.trial or one.gap is None or one in refused.values()]
        return self._sweep_of(now, outcomes)

    async def doctor(self) -> Sequence[CoverageLine]:
        try:
            async with asyncio.timeout(DOCTOR_S):
                return await self._examine()
        except TimeoutError:
            return (unreadable("the disks did not answer in time", "look for a hung disk in the kernel's log"),)
        except ToolMissing as error:
            return (unreadable(str(error), report.CURE),)
        except AccessDenied as error:
            return (unreadable(str(error), "read disks through the helper"),)
        except AgentError as error:
            return (unreadable(str(error), ""),)

    # When a person asks (`DiskDoor`)

    def known_disks(self) -> Sequence[KnownDisk]:
        disks = [self._shelf.disks[key] for key in sorted(self._shelf.disks)]
        return [
            KnownDisk(part=disk.part, path=way.path, type=way.kind, suspended=way.suspended)
            for disk in disks
            if disk.nvme == self._nvme
            for way in disk.ways[:1]
        ]

    async def raw_report(self, disk: KnownDisk) -> bytes:
        return (await self._run_again("smartctl-report", (disk.path, disk.type))).stdout

    async def _run_again(self, tool: str, arguments: Sequence[str]) -> CommandResult:
        """A disk that somebody else is just asking is asked once more."""
        try:
            return await self._commands.run(tool, arguments, deadline_s=self._disk_deadline_s)
        except DeviceBusy:
            await asyncio.sleep(self._busy_wait_s)
            return await self._commands.run(tool, arguments, deadline_s=self._disk_deadline_s)

    async def self_test_status(self, disk: KnownDisk) -> SelfTestStatus:
        from hardcase_agent.sensors.smart import self_test

        if disk.suspended:
            return SelfTestStatus(part=disk.part, asleep=True)
        output = await self.raw_report(disk)
        return self_test.status_of(output.decode("utf-8", "replace"), path=disk.path)

    async def self_test(self, disk: KnownDisk, test: str) -> str:
        from hardcase_agent.sensors.smart import self_test

        result = await self._commands.run(
            "smartctl-selftest", (disk.path, disk.type, test), deadline_s=self._disk_deadline_s
        )
        refused = self_test.refusal(result.stdout.decode("utf-8", "replace"))
        if refused or result.status < 0:
            raise DeviceFailed(f"smartctl: {refused or f'ended by signal {-result.status}'}")
        return " ".join(result.stdout.decode("utf-8", "replace").split())[:500]

    async def identify_bay(self, disk: KnownDisk, seconds: int) -> None:
        await self._commands.run("identify-bay", (disk.path, str(seconds)), deadline_s=DOCTOR_DISK_S)

    async def close(self) -> None:
        """Nothing is open between sweeps; a call in flight ends with its own cancellation."""

    async def _examine(self) -> tuple[CoverageLine, ...]:
        version = await self._commands.run("smartctl-version", (), deadline_s=5.0)
        report.check_banner(version.stdout.decode("utf-8", "replace"))
        found = await self._shelf.targets(self._clock.now().boot_ms, scan_deadline_s=DOCTOR_SCAN_S)
        targets = [target for target in found if target.nvme == self._nvme]
        outcomes = await self._ask_all(targets, budget_s=DOCTOR_DISK_S + 2)
        lines = [line_of(outcome) for outcome in outcomes]
        return (*lines, *self._unasked()) or (self._nothing(),)

    async def _ask_all(self, targets: Sequence[Target], *, budget_s: float) -> list[Outcome]:
        """One outcome per disk or unknown way; those that the last sweep had no time for come first."""
        groups: dict[str, list[Target]] = {}
        for target in targets:
            disk = self._shelf.owner(target)
            groups.setdefault(disk.identity if disk else f"{target.path} {target.kind}", []).append(target)
        ordered = sorted(groups.values(), key=lambda group: self._asked_ms.get(group[0].key, 0))
        tasks = {asyncio.create_task(self._ask(group)): group[0] for group in ordered}
        if not tasks:
            return []
        unfinished = set(tasks)
        try:
            _, unfinished = await asyncio.wait(tasks, timeout=budget_s)
        finally:
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished)
        return [Outcome(target) if task in unfinished else task.result() for task, target in tasks.items()]

    async def _ask(self, ways: Sequence[Target]) -> Outcome:
        """Asks by the first way that answers."""
        outcome = Outcome(ways[0])
        for target in ways:
            async with self._shelf.mailbox(target), self._shelf.places:
                self._asked_ms[target.key] = self._clock.now().boot_ms
                outcome = await self._ask_one(target)
                if isinstance(outcome.error, DeviceBusy):
                    await asyncio.sleep(self._busy_wait_s)
                    outcome = await self._ask_one(target)
                outcome.at_ms = self._clock.now().boot_ms
            if outcome.told is not None and (outcome.gap is None or outcome.gap.reason is GapReason.ASLEEP):
                break
        return outcome

    async def _ask_one(self, target: Target) -> Outcome:
        if target.suspended:
            asleep = Gap(GapReason.ASLEEP, "suspended by the kernel; left asleep")
            part = Part(component=Component.DISK, slot=target.slot, paths=(target.path,))
            return Outcome(target, told=DiskReport(part=part, identity="", protocol="", trouble=asleep))
        try:
            answer = await self._commands.run(
                "smartctl-report", (target.path, target.kind), deadline_s=self._disk_deadline_s
            )
            output = answer.stdout.decode("utf-8", "replace")
            told = report.parse_report(output, path=target.path, slot=target.slot, address=target.address)
            return Outcome(target, told=told)
        except AgentError as error:
            return Outcome(target, error=error)

    def _settle(self, outcome: Outcome) -> None:
        told = outcome.told
        disk = self._shelf.owner(outcome.target)
        if told is not None and told.trouble is None:
            disk = self._shelf.learn(outcome.target, told)
            disk.absorb(told)
        elif disk is not None and outcome.gap is not None:
            disk.fail(outcome.gap)
        elif told is not None and told.trouble is not None and told.trouble.reason is GapReason.UNSUPPORTED:
            self._shelf.climb(outcome.target)
        if outcome.target.trial and outcome.at_ms and not isinstance(outcome.error, DeviceBusy) and not outcome.refused:
            self._shelf.tried(outcome.target, answered=told is not None and told.trouble is None)
        if disk is not None:
            disk.at_ms = outcome.at_ms

    def _sweep_of(self, now: Moment, outcomes: Sequence[Outcome]) -> Sweep:
        disks = [
            self._shelf.disks[key] for key in sorted(self._shelf.disks) if self._shelf.disks[key].nvme == self._nvme
        ]
        pairs = [(sensor, disk) for disk in disks for sensor in disk.sensors.values()]
        pairs.sort(key=lambda pair: bool(pair[0].states))
        sensors = tuple(sensor for sensor, _ in pairs)
        if sensors != self._sensors:
            self._sensors = sensors
        parts = tuple(disk.part for disk in disks)
        if parts != self._parts:
            self._parts = parts
        last_ms = max((disk.at_ms for disk in disks), default=0)
        offsets = [max(0, disk.at_ms - now.boot_ms) for _, disk in pairs]
        return Sweep(
            asset=self._host,
            sensors=self._sensors,
            readings=tuple(disk.readings.get(sensor.id, Gap(GapReason.NOT_SWEPT)) for sensor, disk in pairs),
            offsets_ms=offsets if last_ms - now.boot_ms >= 1000 else (),
            parts=self._parts if self._is_whole(outcomes) else None,
            coverage=self._coverage(disks, outcomes),
            complete=all(outcome.at_ms for outcome in outcomes),
            wide=True,
        )

    def _is_whole(self, outcomes: Sequence[Outcome]) -> bool:
        """False while a disk that is there has not told its name (asleep or hung since the start): it is not gone."""
        silent = (
            GapReason.ASLEEP,
            GapReason.HUNG,
            GapReason.BUSY,
            GapReason.ERROR,
            GapReason.DENIED,
            GapReason.NOT_SWEPT,
        )
        return not any(
            outcome.gap is not None and outcome.gap.reason in silent and self._shelf.owner(outcome.target) is None
            for outcome in outcomes
        )

    def _coverage(self, disks: Sequence[Disk], outcomes: Sequence[Outcome]) -> tuple[CoverageLine, ...]:
        lines = [
            line_of(outcome)
            for outcome in sorted(outcomes, key=lambda outcome: outcome.target.key)
            if self._shelf.owner(outcome.target) is None
        ]
        if disks:
            watched = f"{len(disks)} disk{'s' if len(disks) > 1 else ''}"
            lines.insert(0, CoverageLine(component=Component.DISK, status=CoverageStatus.WATCHED, reason=watched))
        return (*lines, *self._unasked()) or (self._nothing(),)

    def _unasked(self) -> list[CoverageLine]:
        """Disks that the kernel lists and nobody asks; told once, by the source that is not NVMe's."""
        return [] if self._nvme else [unasked_line(device) for device in self._shelf.unreadable]

    def _nothing(self) -> CoverageLine:
        kind = "NVMe disk" if self._nvme else "ATA or SAS disk"
        return CoverageLine(component=Component.DISK, status=CoverageStatus.NOT_PRESENT, reason=f"no {kind} here")
