"""The SEL source: one command every 15 s; entries only when the log changed, from where it stopped, in portions.

The position is written down at the *next* sweep, when what this one returned has been spooled: a restart in between
sends an entry twice (the collector knows it again) and never loses one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hardcase_agent.domain.diagnostic import Lend, WholeLog
from hardcase_agent.domain.errors import AgentError, DeviceAbsent, MalformedAnswer, Unsupported
from hardcase_agent.domain.event import CoverageLine, CoverageStatus, Event
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.domain.reading import Number, Sensor
from hardcase_agent.sensors.ipmi.bmc import Bmc
from hardcase_agent.sensors.ipmi.cache import StateFile
from hardcase_agent.sensors.ipmi.commands import (
    FIRST,
    GET_SEL_INFO,
    LAST,
    NOT_PRESENT,
    Refused,
    get_sel_entry,
    payload,
)
from hardcase_agent.sensors.ipmi.conversation import Budget
from hardcase_agent.sensors.ipmi.diagnosis import diagnose
from hardcase_agent.sensors.ipmi.plan import SEL_USED
from hardcase_agent.sensors.ipmi.sel import (
    LOG,
    Machine,
    SelInfo,
    entry_id,
    not_after,
    parse_entry,
    parse_sel_info,
    split_entry,
)
from hardcase_agent.sensors.ipmi.sel_clock import clock_line
from hardcase_agent.sensors.ipmi.sensor_sources import IpmiSource

log = logging.getLogger(__name__)

PORTION = 64
"""Entries per sweep: a log of 1,200 entries takes a slow BMC 15 s, but here five minutes of short sweeps."""
RECHECK_S = 600.0
"""The last entry is looked at again although nothing changed: a full ring keeps its count, its stamp has 1 s."""
TRIES = 3
"""Sweeps in which an entry refuses to be read before it is stepped over: a BMC under load refuses for a while."""
STEPS = 16
"""Ids behind such an entry that are tried for the next one: only an entry itself tells which id follows it."""
PREPARE_TRIES = 20
"""Portions of a slow BMC's sensor list, of at least a second each, before a whole log is read without it."""
_SENSORS: tuple[Sensor, ...] = (SEL_USED,)
_SELF = CoverageLine(component=Component.BMC, status=CoverageStatus.WATCHED)
_FULL = CoverageLine(
    component=Component.BMC,
    status=CoverageStatus.UNREADABLE,
    reason="the event log is full: the BMC drops new events",
    cure="save the log and clear it (ipmitool sel save FILE; ipmitool sel clear)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where in which log. `digest` is the last entry's: another entry under the same id is another log."""

    erased: int = -1
    added: int = -1
    entries: int = -1
    last: int = FIRST
    digest: str = ""

    def stands(self, info: SelInfo) -> bool:
        """Whether the log is as it was when everything up to `last` had been read."""
        return (self.erased, self.added, self.entries) == (info.erased, info.added, info.entries)

    @classmethod
    def of(cls, content: dict[str, Any] | None) -> Position:
        try:
            content = content or {}
            return cls(**{name: type(getattr(cls(), name))(content[name]) for name in cls.__slots__})
        except (KeyError, TypeError, ValueError):
            return cls()


class SelSource(IpmiSource):
    """Events, and how full the log is."""

    def __init__(self, bmc: Bmc, device: str, state: StateFile, period_s: float = 15.0) -> None:
        super().__init__(bmc, "sel", device, period_s)
        self._state = state
        self._position: Position | None = None
        self._written: Position | None = None
        self._checked_ms = 0
        self._refusals: dict[int, int] = {}
        """Entry id -> how often it refused to be read, in this log."""

    async def sweep(self, now: Moment) -> Sweep:
        budget = self.budget()
        if not await self.bmc.prepare(budget):
            return self.unprepared()
        if self._position is None:
            self._position = self._written = Position.of(self._state.load())
        self._write_down()
        info = parse_sel_info(await self.bmc.talk.ask(GET_SEL_INFO, "SEL info"))
        before = self._position
        try:
            events, complete = await self._news(info, budget)
            events = [not_after(event, now.wall_ms) for event in events]
        except BaseException:
            # Also at the deadline, which cancels: entries read and not returned are read again.
            self._position = before
            raise
        return Sweep(
            asset=self.bmc.asset,
            sensors=_SENSORS,
            readings=(Number(info.used_percent),),
            events=tuple(events),
            coverage=self.tell((_SELF, _FULL) if info.overflow else (_SELF,)),
            complete=complete,
        )

    def _write_down(self) -> None:
        if self._position == self._written or self._position is None:
            return
        position = self._position
        try:
            self._state.save({name: getattr(position, name) for name in Position.__slots__})
        except OSError as error:
            log.warning("the SEL position cannot be written: %s", error.strerror)
            return
        self._written = position

    async def _news(self, info: SelInfo, budget: Budget) -> tuple[list[Event], bool]:
        assert self._position is not None
        recent = self.bmc.clock.now().boot_ms - self._checked_ms < RECHECK_S * 1000
        if self._position.stands(info) and recent:
            return [], True
        if self._position.erased != info.erased:
            self._position = Position(erased=info.erased)
            self._refusals.clear()
        events: list[Event] = []
        try:
            complete = await self._read_on(info, events, budget)
        except AgentError as error:
            # What was read is kept; a device that failed at once is the sweep's failure.
            if not events:
                raise
            log.debug("SEL reading stopped: %s", error)
            return events, False
        if complete:
            self._checked_ms = self.bmc.clock.now().boot_ms
            self._position = replace(self._position, added=info.added, entries=info.entries)
        return events, complete

    async def _read_on(self, info: SelInfo, events: list[Event], budget: Budget) -> bool:
        """Reads from the position on into `events`. False: stopped at the portion's or the budget's end."""
        if info.entries == 0:
            self._position = Position(erased=info.erased)
            return True
        following = await self._resume(info.erased)
        machine = Machine(self.bmc.asset.vendor, self.bmc.asset.model)
        seen: set[int] = set()
        while following != LAST:
            if budget.spent or len(events) >= PORTION:
                return False
            answer = await self.bmc.talk.ask_raw(get_sel_entry(following))
            if answer[:1] == bytes((NOT_PRESENT,)):
                return True
            try:
                next_id, raw = split_entry(payload(answer, f"SEL entry 0x{following:04x}"))
            except (Refused, MalformedAnswer, Unsupported) as error:
                following = await self._step_over(following, info.erased, events, error)
                continue
            if entry_id(raw) in seen:
                return True
            seen.add(entry_id(raw))
            events.append(parse_entry(raw, info.erased, self.bmc.plan.directory, machine))
            self._position = Position(erased=info.erased, last=entry_id(raw), digest=_digest(raw))
            following = next_id
        return True

    async def _step_over(self, refused: int, erased: int, events: list[Event], error: AgentError) -> int:
        """The id of the next entry behind one that refuses to be read; LAST where there is none.

        Raises its error while it may still be one that passes. An entry that is given up is told once, as one
        that could not be read.
        """
        tries = self._refusals[refused] = min(self._refusals.get(refused, 0) + 1, TRIES + 1)
        if tries < TRIES:
            raise error
        if tries == TRIES:
            text = f"the BMC does not give this entry: {error}"
            events.append(Event(log=LOG, erase_stamp=erased, record_id=refused, raw=b"", text=text))
        for candidate in range(refused + 1, min(refused + 1 + STEPS, LAST)):
            if (await self.bmc.talk.ask_raw(get_sel_entry(candidate)))[:1] == b"\0":
                return candidate
        return LAST

    async def _resume(self, erased: int) -> int:
        """The id after the position, or the log's first where the position is not in it any more."""
        assert self._position is not None
        if self._position.last == FIRST:
            return FIRST
        answer = await self.bmc.talk.ask_raw(get_sel_entry(self._position.last))
        if answer[:1] == b"\0":
            following, raw = split_entry(answer[1:])
            if _digest(raw) == self._position.digest:
                return following
        self._position = Position(erased=erased)
        return FIRST

    # When a person asks (`EventLogDoor`, `ChassisDoor`)

    def watched_asset(self) -> Asset:
        """Raises DeviceAbsent before the BMC was found."""
        if self.bmc.missing or not self.bmc.known:
            raise DeviceAbsent(f"{self.device}: this BMC has not answered yet, or there is none")
        return self.bmc.asset

    async def whole_log(self, lend: Lend) -> WholeLog:
        from hardcase_agent.sensors.ipmi import sel_archive

        await self._ready(lend)
        return await sel_archive.read_whole(self.bmc, self.name, self.device, lend)

    async def clear_log(self, stamp: tuple[int, int, int], lend: Lend) -> None:
        from hardcase_agent.sensors.ipmi import sel_archive

        async with lend(self.device, sel_archive.LEND_S):
            await sel_archive.clear(self.bmc, stamp)

    async def identify(self, seconds: int) -> None:
        from hardcase_agent.sensors.ipmi import sel_archive

        await sel_archive.light(self.bmc, seconds)

    async def _ready(self, lend: Lend) -> None:
        """Knows the sensors, which name the places of the entries. Raises DeviceAbsent."""
        for _ in range(PREPARE_TRIES):
            async with lend(self.device, self.deadline_s * 2):
                if await self.bmc.prepare(self.budget()):
                    return
            if self.bmc.missing:
                break
        # With a BMC whose sensor list cannot be had the log is told without the sensors' names.
        if self.bmc.missing or not self.bmc.known:
            raise DeviceAbsent(f"{self.device}: there is no BMC")

    async def doctor(self) -> Sequence[CoverageLine]:
        lines = await diagnose(self.bmc.talk, GET_SEL_INFO, Component.BMC, local=self.bmc.local, quiet=True)
        clock = await clock_line(self.bmc.talk, self.bmc.clock) if lines[:1] else None
        return [*lines, *([clock] if clock is not None else [])]


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]
