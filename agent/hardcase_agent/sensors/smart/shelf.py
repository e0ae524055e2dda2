"""Which disks there are and which paths lead to each, remembered so that a sleeping disk keeps its name.

Used by `source.py`. Reads sysfs at every sweep, runs smartctl's scan hourly and when the kernel's list changed.
"""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from hardcase_agent.domain.errors import AgentError, ToolMissing
from hardcase_agent.domain.part import Part
from hardcase_agent.domain.ports import CommandRunner
from hardcase_agent.domain.reading import Gap, GapReason, Reading, Sensor
from hardcase_agent.sensors.smart import ladder, memory, report
from hardcase_agent.sensors.smart.blockdevices import BlockDevice, Bus, list_block_devices
from hardcase_agent.sensors.smart.ladder import Climb, Rung
from hardcase_agent.sensors.smart.memory import Memory
from hardcase_agent.sensors.smart.report import DiskReport

AT_A_TIME = 4
"""Disks asked at once, over all sources."""
SCAN_PERIOD_MS = 3600 * 1000
SCAN_RETRY_MS = 300 * 1000
SCAN_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One way to one disk: what smartctl is given."""

    path: str
    kind: str
    """smartctl's -d type; "auto" = it finds out."""
    nvme: bool
    signature: str = ""
    slot: str = ""
    address: str = ""
    suspended: bool = False
    trial: bool = False
    """A rung of the ladder that may lead nowhere: no answer is no trouble."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.path, self.kind if "," in self.kind else "")


@dataclass(slots=True)
class Disk:
    """A disk that has told its name. Sensors once seen stay: an answer without one of them makes it a gap."""

    identity: str
    nvme: bool
    part: Part
    sensors: dict[str, Sensor] = field(default_factory=dict)
    ways: list[Target] = field(default_factory=list)
    readings: dict[str, Reading] = field(default_factory=dict)
    at_ms: int = 0
    """When it was last asked, by CLOCK_BOOTTIME."""

    def absorb(self, told: DiskReport) -> None:
        paths = tuple(sorted({way.path for way in self.ways} | set(told.part.paths)))
        part = replace(told.part, paths=paths, slot=told.part.slot or self.part.slot)
        self.part = part
        self.readings = dict(zip((sensor.id for sensor in told.sensors), told.readings, strict=True))
        for sensor in told.sensors:
            known = self.sensors.get(sensor.id)
            renewed = replace(sensor, part=part)
            if known != renewed:
                self.sensors[sensor.id] = renewed
        missing = Gap(told.trouble.reason, told.trouble.detail) if told.trouble else Gap(GapReason.ERROR, "not told")
        for name in self.sensors:
            self.readings.setdefault(name, missing)

    def fail(self, gap: Gap) -> None:
        self.readings = dict.fromkeys(self.sensors, gap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """A disk named by hand: behind a RAID controller or a USB bridge."""

    path: str
    type: str = "auto"


class Shelf:
    """Shared by the NVMe and the ATA/SAS source of one host."""

    def __init__(
        self,
        commands: CommandRunner,
        sysfs: Path,
        *,
        include: Sequence[str] = ("*",),
        exclude: Sequence[str] = (),
        extra: Sequence[Extra] = (),
        jmb39x: bool = False,
        kept_in: Path | None = None,
    ) -> None:
        """`jmb39x`: the site lets disks behind that chip be asked. `kept_in`: file that keeps what is known over
        restarts; None keeps nothing."""
        self.places = asyncio.Semaphore(AT_A_TIME)
        self.disks: dict[str, Disk] = {}
        self.unreadable: tuple[BlockDevice, ...] = ()
        """Disks that the kernel lists and that are not asked: USB, virtual, others."""
        self._commands = commands
        self._sysfs = sysfs
        self._include = tuple(include)
        self._exclude = tuple(exclude)
        self._extra = tuple(extra)
        self._jmb39x = jmb39x
        self._mailboxes: dict[str, asyncio.Lock] = {}
        self._listed: tuple[BlockDevice, ...] = ()
        self._types: tuple[tuple[str, str], ...] = ()
        self._scanned_ms: int | None = None
        self._owners: dict[tuple[str, str], tuple[str, str]] = {}
        self._climbs: dict[str, Climb] = {}
        self._scanning = asyncio.Lock()
        self._memory = kept_in
        self._remembered: list[Memory] | None = None
        """What the file holds; None = not read yet."""

    async def targets(self, boot_ms: int, *, scan_deadline_s: float = SCAN_DEADLINE_S) -> tuple[Target, ...]:
        """What there is to ask now. Raises ToolMissing where there is a disk to ask; where the kernel lists none, what
        else the scan failed with."""
        async with self._scanning:
            listed = list_block_devices(self._sysfs)
            due = self._scanned_ms is None or boot_ms - self._scanned_ms >= SCAN_PERIOD_MS
            changed = [(device.path, device.signature) for device in listed] != [
                (device.path, device.signature) for device in self._listed
            ]
            self._listed = listed
            self.unreadable = tuple(device for device in listed if not self._is_asked(device))
            if due or changed:
                await self._scan(boot_ms, listed, scan_deadline_s)
            self._recall_climbs(listed)
            found = tuple(self._targets(listed))
        self._recall(found)
        self._forget(found)
        return found

    def owner(self, target: Target) -> Disk | None:
        """The disk last seen this way, if no other came under the name since."""
        identity, signature = self._owners.get(target.key, ("", ""))
        return self.disks.get(identity) if signature == target.signature else None

    def learn(self, target: Target, told: DiskReport) -> Disk:
        """The disk that this answer is of; `told.identity` must not be empty."""
        disk = self.disks.get(told.identity)
        if disk is None:
            disk = self.disks[told.identity] = Disk(told.identity, target.nvme, told.part)
        self._owners[target.key] = (told.identity, target.signature)
        if target not in disk.ways:
            disk.ways = [way for way in disk.ways if way.key != target.key] + [target]
        return disk

    def climb(self, target: Target) -> None:
        """smartctl found no disk it can read here: other types are tried from the next sweep on, each once."""
        device = next((one for one in self._listed if one.path == target.path), None)
        known = self._climbs.get(target.path)
        by_hand = any(extra.path == target.path for extra in self._extra)
        if device is None or by_hand or "," in target.kind or device.bus is not Bus.SCSI:
            return
        if known is None or known.signature != device.signature:
            found = ladder.rungs(device, card=ladder.card_of(device, self._listed), jmb39x=self._jmb39x)
            others = {rung for path, climb in self._climbs.items() for rung in (*climb.waiting, *climb.found)}
            types = {Rung(path, kind) for path, kind in self._types}
            waiting = [rung for rung in found if rung not in others | types and rung.kind != target.kind]
            self._climbs[target.path] = Climb(device.signature, waiting)

    def mailbox(self, target: Target) -> AbstractAsyncContextManager[object]:
        """Held while this way is asked: a volume and the disks behind its JMB39x are asked one after the other."""
        of_chip = target.kind.startswith(ladder.JMB39X)
        if not (of_chip or target.path in self._mailboxes):
            return nullcontext()
        return self._mailboxes.setdefault(target.path, asyncio.Lock())

    def tried(self, target: Target, *, answered: bool) -> None:
        """What became of a trial."""
        for climb in self._climbs.values():
            climb.learn(Rung(target.path, target.kind), answered)

    def remember(self) -> None:
        """Writes down what is known, where that changed."""
        if self._memory is None:
            return
        known = [
            Memory(
                identity=disk.identity,
                nvme=disk.nvme,
                part=disk.part,
                sensors=tuple(disk.sensors.values()),
                ways=tuple((*way.key, way.signature) for way in disk.ways),
            )
            for disk in self.disks.values()
        ]
        if known != self._remembered:
            self._remembered = known
            memory.save(self._memory, known)

    def _recall_climbs(self, listed: Sequence[BlockDevice]) -> None:
        """At the first sweep: ways behind a controller that led to a disk are taken again, and no other is tried."""
        if self._memory is None or self._remembered is not None:
            return
        signatures = {device.path: device.signature for device in listed}
        scanned = {Rung(path, kind) for path, kind in self._types}
        for kept in memory.load(self._memory):
            for path, kind, signature in kept.ways:
                there = signatures.get(path) == signature and Rung(path, kind) not in scanned
                if kind and there and self._may(kind):
                    self._climbs.setdefault(path, Climb(signature, [])).found.append(Rung(path, kind))

    def _recall(self, found: Sequence[Target]) -> None:
        """At the first sweep: disks that are where they were, whether or not they are awake to say so."""
        if self._memory is None or self._remembered is not None:
            return
        self._remembered = list(memory.load(self._memory))
        there = {(*target.key, target.signature): target for target in found}
        for kept in self._remembered:
            ways = [there[way] for way in kept.ways if way in there]
            if ways and kept.identity not in self.disks:
                disk = Disk(kept.identity, kept.nvme, kept.part, {sensor.id: sensor for sensor in kept.sensors}, ways)
                self.disks[kept.identity] = disk
                for way in ways:
                    self._owners[way.key] = (kept.identity, way.signature)

    async def _scan(self, boot_ms: int, listed: Sequence[BlockDevice], deadline_s: float) -> None:
        self._scanned_ms = boot_ms - SCAN_PERIOD_MS + SCAN_RETRY_MS
        try:
            # Scanning opens every disk, and opening wakes one that the kernel suspended: sysfs alone must do then.
            if not any(device.suspended for device in listed):
                self._types = await self._scanned(listed, deadline_s)
                self._scanned_ms = boot_ms
                return
        except ToolMissing:
            # A virtual machine has no disk to ask: no tool is missing there.
            if self._extra or any(self._is_asked(device) for device in listed):
                raise
        except AgentError:
            # A hung disk hangs the scan of all: what the kernel lists is asked one by one all the same.
            if not listed and not self._extra:
                raise
        there = {device.path for device in listed}
        self._types = tuple(
            (path, kind) for path, kind in self._types if path in there or not path.startswith(("/dev/sd", "/dev/nvme"))
        )

    async def _scanned(self, listed: Sequence[BlockDevice], deadline_s: float) -> tuple[tuple[str, str], ...]:
        """A scan that opens each disk tells its type, and wakes many a USB disk: with one there, nothing is opened, and
        each disk's type is found out when it is asked."""
        quiet = any(device.bus is Bus.USB for device in listed)
        answer = await self._commands.run("smartctl-scan", ("listed",) if quiet else (), deadline_s=deadline_s)
        found = report.parse_scan(answer.stdout.decode("utf-8", "replace"))
        return tuple((path, "auto" if quiet and kind == "scsi" else kind) for path, kind in found)

    def _targets(self, listed: Sequence[BlockDevice]) -> Iterable[Target]:
        by_path = {device.path: device for device in listed}
        wanted = {(extra.path, extra.type): True for extra in self._extra}
        named = {extra.path for extra in self._extra}
        for path, kind in self._types:
            device = by_path.get(path)
            if self._may(kind) and path not in named and (device is None or self._is_asked(device)):
                wanted.setdefault((path, kind), False)
        for device in listed:
            if self._is_asked(device) and not any(path == device.path for path, _ in wanted):
                wanted[(device.path, "nvme" if device.bus is Bus.NVME else "auto")] = False
        trials = self._rungs(by_path)
        replaced = {path for path, climb in self._climbs.items() if climb.replaces}
        wanted = {way: by_hand for way, by_hand in wanted.items() if by_hand or "," in way[1] or way[0] not in replaced}
        for (path, kind), by_hand in {**wanted, **dict.fromkeys(trials, False)}.items():
            if not by_hand and not self._is_included(path):
                continue
            device = by_path.get(path)
            yield Target(
                path=path,
                kind=kind,
                nvme=kind.startswith("nvme") or path.startswith("/dev/nvme"),
                signature=device.signature if device else path,
                slot=_slot(device, kind),
                address=device.address if device else "",
                suspended=device is not None and device.suspended,
                trial=trials.get((path, kind), False),
            )

    def _rungs(self, by_path: Mapping[str, BlockDevice]) -> dict[tuple[str, str], bool]:
        """Ways of the ladders to ask now -> whether it is not known yet that they lead anywhere."""
        for path in [path for path, climb in self._climbs.items() if not _is_there(by_path.get(path), climb)]:
            del self._climbs[path]
        return {
            (rung.path, rung.kind): rung not in climb.found for climb in self._climbs.values() for rung in climb.now()
        }

    def _may(self, kind: str) -> bool:
        """One that writes is taken by the site's word alone, whoever names it."""
        return self._jmb39x or not kind.startswith(ladder.JMB39X)

    def _is_asked(self, device: BlockDevice) -> bool:
        # Many USB bridges cannot tell whether the disk sleeps, so that asking would wake it: only by hand.
        by_hand = any(extra.path == device.path for extra in self._extra)
        return by_hand or device.bus in (Bus.NVME, Bus.SCSI)

    def _is_included(self, path: str) -> bool:
        included = any(fnmatch.fnmatchcase(path, pattern) for pattern in self._include)
        return included and not any(fnmatch.fnmatchcase(path, pattern) for pattern in self._exclude)

    def _forget(self, found: Sequence[Target]) -> None:
        """Drops ways that are gone, and disks that no way leads to."""
        there = {target.key: target for target in found}
        for key, (_, signature) in list(self._owners.items()):
            if key not in there or there[key].signature != signature:
                del self._owners[key]
        for identity, disk in list(self.disks.items()):
            owned = {key for key, (owner, _) in self._owners.items() if owner == identity}
            disk.ways = [there[way.key] for way in disk.ways if way.key in owned]
            if not disk.ways:
                del self.disks[identity]


def _is_there(device: BlockDevice | None, climb: Climb) -> bool:
    return device is not None and device.signature == climb.signature and not device.suspended


def _slot(device: BlockDevice | None, kind: str) -> str:
    """A disk behind a controller sits in the controller's slot N, not in that of the volume it is reached through."""
    return report.slot_of(kind) or (device.slot if device else "")
