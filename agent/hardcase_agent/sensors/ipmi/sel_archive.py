"""A BMC's whole event log at once, its clearing, and the identify lamp: only when a person asks for it.

Called through `SelSource`. The ordinary reading, from where it stopped, is `sel_source.py`'s.
IPMI 2.0, 28.5, 31.4, 31.9.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hardcase_agent.domain.diagnostic import Lend, WholeLog
from hardcase_agent.domain.errors import AgentError, DeviceFailed, LogChanged, MalformedAnswer, Unsupported
from hardcase_agent.domain.ports import IpmiRequest
from hardcase_agent.sensors.ipmi.bmc import Bmc
from hardcase_agent.sensors.ipmi.commands import (
    CHASSIS,
    FIRST,
    GET_SEL_INFO,
    LAST,
    NOT_PRESENT,
    RESERVATION_LOST,
    STORAGE,
    Refused,
    get_sel_entry,
    payload,
)
from hardcase_agent.sensors.ipmi.sel import Machine, SelInfo, entry_id, parse_entry, parse_sel_info, split_entry

PORTION = 64
"""Entries read while the BMC is lent: about a second; then the sensors have their turn."""
LEND_S = 120.0
PASSES = 3
"""A log that grows while it is read is read on, this often."""
STEPS = 16
"""Ids behind an unreadable entry that are tried for the next one."""
ERASE_TRIES, ERASE_PAUSE_S = 60, 1.0
"""Erasing 64 kB of flash takes seconds."""
RESERVE_SEL = IpmiRequest(STORAGE, 0x42)
LONGEST_LAMP_S = 255

Pause = Callable[[float], Awaitable[None]]


def chassis_identify(seconds: int) -> IpmiRequest:
    return IpmiRequest(CHASSIS, 0x04, bytes((max(0, min(seconds, LONGEST_LAMP_S)),)))


def clear_sel(reservation: bytes, *, begin: bool) -> IpmiRequest:
    """`begin` False asks how far the erasure has come."""
    return IpmiRequest(STORAGE, 0x47, reservation + b"CLR" + (b"\xaa" if begin else b"\x00"))


def stamp_of(info: SelInfo) -> tuple[int, int, int]:
    return (info.erased, info.added, info.entries)


class _Walk:
    """Entries from the first on, by their own links."""

    def __init__(self, bmc: Bmc) -> None:
        self._bmc = bmc
        self.raws: dict[int, bytes] = {}
        self.unread: list[str] = []
        self._next = FIRST
        self._visited: set[int] = set()

    async def go_on(self) -> bool:
        """Up to PORTION entries; False: that was the last."""
        for _ in range(PORTION):
            if self._next == LAST or self._next in self._visited:
                return False
            asked = self._next
            self._visited.add(asked)
            answer = await self._bmc.talk.ask_raw(get_sel_entry(asked))
            if answer[:1] == bytes((NOT_PRESENT,)):
                return False
            try:
                self._next, raw = split_entry(payload(answer, f"SEL entry 0x{asked:04x}"))
            except (Refused, MalformedAnswer, Unsupported) as error:
                self.unread.append(str(error))
                self._next = await self._behind(asked)
                continue
            self.raws[entry_id(raw)] = raw
        return True

    async def _behind(self, refused: int) -> int:
        for candidate in range(refused + 1, min(refused + 1 + STEPS, LAST)):
            if (await self._bmc.talk.ask_raw(get_sel_entry(candidate)))[:1] == b"\0":
                return candidate
        return LAST

    async def rejoin(self) -> None:
        """The log has grown: only its last entry tells which follows."""
        self._next = FIRST
        if self.raws:
            last = next(reversed(self.raws))
            answer = await self._bmc.talk.ask_raw(get_sel_entry(last))
            self._next = split_entry(answer[1:])[0] if answer[:1] == b"\0" else FIRST
        self._visited.clear()


async def read_whole(bmc: Bmc, source: str, device: str, lend: Lend) -> WholeLog:
    """Raises the device's errors, DeviceBusy, LogChanged where it was erased meanwhile."""
    walk = _Walk(bmc)
    async with lend(device, LEND_S):
        info = parse_sel_info(await bmc.talk.ask(GET_SEL_INFO, "SEL info"))
    erased, stamp = info.erased, stamp_of(info)
    for _ in range(PASSES):
        more = info.entries > 0
        while more:
            async with lend(device, LEND_S):
                more = await walk.go_on()
        async with lend(device, LEND_S):
            now = parse_sel_info(await bmc.talk.ask(GET_SEL_INFO, "SEL info"))
            if now.erased != erased:
                raise LogChanged("the event log was cleared while it was read")
            # Of what was read: entries that came behind the last pass must keep the log from being cleared.
            stamp, info = stamp_of(info), now
            if stamp_of(now) == stamp:
                break
            await walk.rejoin()
    machine = Machine(bmc.asset.vendor, bmc.asset.model)
    events = tuple(parse_entry(raw, erased, bmc.plan.directory, machine) for raw in walk.raws.values())
    return WholeLog(
        asset=bmc.asset,
        source=source,
        entries=tuple(walk.raws.values()),
        events=events,
        stamp=stamp,
        unread=tuple(walk.unread),
    )


async def clear(bmc: Bmc, stamp: tuple[int, int, int], *, pause: Pause = asyncio.sleep) -> None:
    """The caller holds the device. Raises LogChanged where it is not as archived, and the device's errors."""
    reservation = (await bmc.talk.ask(RESERVE_SEL, "SEL reservation"))[:2]
    # After reserving: an entry that comes in between is seen here, or takes the reservation.
    info = parse_sel_info(await bmc.talk.ask(GET_SEL_INFO, "SEL info"))
    if stamp_of(info) != stamp:
        raise LogChanged("the event log got new entries after it was archived")
    answer = await bmc.talk.ask_raw(clear_sel(reservation, begin=True))
    if answer[:1] == bytes((RESERVATION_LOST,)):
        raise LogChanged("the BMC took the reservation back: something was added")
    progress = payload(answer, "clear SEL")
    for _ in range(ERASE_TRIES):
        if progress[:1] and progress[0] & 0x0F == 1:
            return
        await pause(ERASE_PAUSE_S)
        answer = await bmc.talk.ask_raw(clear_sel(reservation, begin=False))
        if answer[:1] == bytes((RESERVATION_LOST,)):
            reservation = (await bmc.talk.ask(RESERVE_SEL, "SEL reservation"))[:2]
            continue
        progress = payload(answer, "clear SEL")
    raise DeviceFailed("the BMC did not say that its log is erased")


async def light(bmc: Bmc, seconds: int) -> None:
    """Raises the device's errors; AccessDenied where the helper does not pass it."""
    answer = await bmc.talk.ask_raw(chassis_identify(seconds))
    try:
        payload(answer, "chassis identify")
    except AgentError:
        if seconds == 0:
            # Some BMCs take no 0: a second is as short as it gets.
            payload(await bmc.talk.ask_raw(chassis_identify(1)), "chassis identify")
            return
        raise
