"""The source `kernel.log`: hardware events from the kernel's ring, from where the last sweep stopped.

Records are numbered from 0 at every boot, so the position is (boot, next number). A number that is not there any more
is a counted loss. Like the SEL's, the position is written down at the *next* sweep: a restart in between sends events
twice, under the same identity, and never loses one.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceFailed
from hardcase_agent.domain.event import CoverageLine, CoverageStatus, Event
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.domain.ports import CommandRunner
from hardcase_agent.sensors.device_thread import DeviceThread
from hardcase_agent.sensors.ipmi.cache import StateFile
from hardcase_agent.sensors.kernel.dmi_tables import DmiTables
from hardcase_agent.sensors.kernel.live_names import LiveNames
from hardcase_agent.sensors.kernel.log_line import Line
from hardcase_agent.sensors.kernel.log_reader import Found, LogReader, Told, event_of

log = logging.getLogger(__name__)

DEADLINE_S = 15.0
NAMES_S = 3.0
SAME = 10
"""Events of one code on one part in one sweep; a flood of corrected bus errors is one thing said a thousand times."""
MOST = 256
"""Events in one sweep."""
_RIGHTS = 2
"""Exit status of `helper/kmsg.py` where the kernel refuses its log."""


class KernelLogSource:
    """`Source` of events alone."""

    name = "kernel.log"
    device = "kernel.log"
    deadline_s = DEADLINE_S

    def __init__(
        self,
        asset: Asset,
        commands: CommandRunner,
        tables: DmiTables,
        *,
        sysfs: Path,
        state: StateFile,
        period_s: float,
        boot_id: Path = Path("/proc/sys/kernel/random/boot_id"),
    ) -> None:
        self.period_s = period_s
        self._asset = asset
        self._commands = commands
        self._tables = tables
        self._sysfs = sysfs
        self._state = state
        self._boot_file = boot_id
        # A file of a dying device may block.
        self._thread = DeviceThread(self.name, lambda: None)
        self._reader = LogReader()
        self._boot = ""
        self._next = 0
        self._written: tuple[str, int] = ("", 0)
        self._told_of_loss = False
        self.dropped = 0
        """Events beyond the bounds of a sweep, and records that were overwritten before they were read."""

    async def sweep(self, now: Moment) -> Sweep:
        """Raises AccessDenied, DeviceFailed, or what the runner raises, where the log cannot be read."""
        self._begin()
        lines = await self._read(now)
        for line in lines:
            self._reader.take(line)
        told = self._reader.finish()
        events = await self._events(told) if told else ()
        if lines:
            self._next = lines[-1].number + 1
        return Sweep(asset=self._asset, events=events, coverage=(_WATCHED,))

    def _begin(self) -> None:
        """Writes down what the last sweep brought home; begins at 0 after a boot."""
        boot = self._read_boot()
        if not self._boot:
            content = self._state.load() or {}
            number = content.get("next")
            if content.get("boot") == boot and isinstance(number, int) and number >= 0:
                self._next = number
            self._boot, self._written = boot, (boot, self._next)
        if (self._boot, self._next) == self._written:
            return
        try:
            self._state.save({"boot": self._boot, "next": self._next})
            self._written = (self._boot, self._next)
        except OSError as error:
            log.warning("the position in the kernel's log cannot be written: %s", error.strerror)

    def _read_boot(self) -> str:
        try:
            return self._boot_file.read_text().strip()
        except OSError:
            return "unknown"

    async def _read(self, now: Moment) -> list[Line]:
        result = await self._commands.run("kernel-log", (str(self._next),), deadline_s=DEADLINE_S - 2)
        if result.status == _RIGHTS:
            raise AccessDenied(f"the kernel's log: {_first(result.stderr)}; start hardcase-helper.socket")
        if result.status != 0:
            raise DeviceFailed(f"the kernel's log: {_first(result.stderr)}")
        lines = [line for raw in result.stdout.decode("utf-8", "replace").split("\n") if (line := _line(raw, now))]
        if lines and self._next and lines[0].number > self._next:
            self._lose(lines[0].number - self._next)
        return lines

    def _lose(self, count: int) -> None:
        # Also what processes wrote has numbers, and does not come: the count is an upper bound, told once.
        if count > 1000 and not self._told_of_loss:
            self._told_of_loss = True
            log.warning("up to %d records of the kernel's log were overwritten before they were read", count)
        self.dropped += count if count > 1000 else 0

    async def _events(self, told: Sequence[Told]) -> tuple[Event, ...]:
        await self._tables.refresh()
        names = await self._names()
        stamp = zlib.crc32(self._boot.encode())
        found = (one for one in told if isinstance(one.outcome, Found))
        if names is not None:
            found = (replace(one, outcome=replace(one.outcome, part=names.of(one.outcome.part))) for one in found)
        kept, dropped = bounded(found)
        if dropped:
            self.dropped += dropped
            log.warning("%d events of the kernel's log beyond the bounds of a sweep are not sent", dropped)
        return tuple(event_of(one, erase_stamp=stamp) for one in kept)

    async def _names(self) -> LiveNames | None:
        """None where sysfs does not answer: what the log calls a part then stands for itself."""
        outcome: list[LiveNames] = []
        inventory = self._tables.inventory
        try:
            await self._thread.call(lambda: outcome.append(LiveNames(self._sysfs, inventory)), NAMES_S)
        except AgentError as error:
            log.debug("parts cannot be named: %s", error)
        return outcome[0] if outcome else None

    async def doctor(self) -> Sequence[CoverageLine]:
        try:
            # Past every record: asks for the right to read, and reads nothing.
            result = await self._commands.run("kernel-log", (str(1 << 62),), deadline_s=5.0)
            why = "" if result.status == 0 else _first(result.stderr)
        except AgentError as error:
            why = str(error)
        if not why:
            return (_WATCHED,)
        line = CoverageLine(
            component=Component.HOST,
            status=CoverageStatus.UNREADABLE,
            reason=f"the kernel's log cannot be read: {why}",
            cure="start hardcase-helper.socket; without it, set kernel.dmesg_restrict=0 or give CAP_SYSLOG",
        )
        return (line,)

    async def close(self) -> None:
        self._thread.close()


_WATCHED = CoverageLine(component=Component.HOST, status=CoverageStatus.WATCHED)


def _first(stderr: bytes) -> str:
    return stderr.decode("utf-8", "replace").partition("\n")[0][:160] or "no reason was given"


def _line(raw: str, now: Moment) -> Line | None:
    """A record of /dev/kmsg: priority,number,microseconds since boot,flags;message."""
    head, found, text = raw.partition(";")
    fields = head.split(",")
    if not found or len(fields) < 3 or not (fields[1].isdigit() and fields[2].isdigit()):
        return None
    since_ms = now.boot_ms - int(fields[2]) // 1000
    # The kernel's clock of its log stands still while the machine sleeps; no server sleeps.
    return Line(_unescaped(text), int(fields[1]), now.wall_ms - since_ms if since_ms >= 0 else now.wall_ms)


def _unescaped(text: str) -> str:
    r"""/dev/kmsg writes what is not printable as \xNN."""
    return text.replace("\\x09", "\t").replace("\\x0a", " ") if "\\x" in text else text


def bounded(told: Iterable[Told]) -> tuple[list[Told], int]:
    """The first SAME of each code and part, MOST in all; and how many were left out."""
    counts: dict[tuple[str, str, str], int] = {}
    kept: list[Told] = []
    dropped = 0
    for one in told:
        assert isinstance(one.outcome, Found)
        key = (one.outcome.code, one.outcome.part.slot, one.outcome.part.serial)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] > SAME or len(kept) >= MOST:
            dropped += 1
        else:
            kept.append(one)
    return kept, dropped
