"""Identify lamps: chassis and drive bay, for as long as asked, put out at the end. Called by `desk.py`.

A chassis lamp goes out by the BMC's own time; it is lit for a minute at a time, so that an agent that was killed leaves
it burning for no longer. A bay's lamp is put out by the helper after the time it was given.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from hardcase_agent.diagnostics.bench import Made, Work, door_of
from hardcase_agent.diagnostics.disks import find_disk
from hardcase_agent.domain.diagnostic import ChassisDoor
from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceAbsent, DiagnosticRefused, Unsupported

LIT_S = 60
"""Of one command to the lamp."""
RENEW_S = 45.0
LEND_S = 30.0
OUT_S = 2.0
"""To put it out at the end, also when the agent stops."""
DEFAULT_S = 300

Light = Callable[[int], Awaitable[None]]


async def identify(work: Work) -> Made:
    """Raises DiagnosticRefused where there is no lamp to light here, and says why."""
    target = work.argument("target", "chassis")
    seconds = _seconds(work)
    if target == "chassis":
        door: ChassisDoor = door_of(work, ChassisDoor)

        async def chassis(lit_s: int) -> None:
            async with work.bench.lend(door.device, LEND_S):
                await door.identify(lit_s)

        await _burn(chassis, seconds, "the chassis lamp", work)
        where = "the chassis lamp"
    elif target == "disk":
        disks, disk = find_disk(work)

        async def bay(lit_s: int) -> None:
            await disks.identify_bay(disk, lit_s)

        where = f"the lamp of {disk.part.slot or disk.path}"
        await _burn(bay, seconds, where, work)
    else:
        raise DiagnosticRefused(f"target {target[:40]!r} is neither chassis nor disk")
    detail = f"{where} is out" if seconds == 0 else f"{where} burned for {seconds} s and is out"
    return Made(detail=detail, answer={"target": target, "seconds": seconds})


def _seconds(work: Work) -> int:
    told = work.argument("seconds", str(DEFAULT_S))
    if not told.isdecimal() or len(told) > 6:
        raise DiagnosticRefused("seconds is a whole number; 0 puts the lamp out")
    return min(int(told), work.settings.identify_max_s)


async def _burn(light: Light, seconds: int, where: str, work: Work) -> None:
    with _named(where):
        if seconds == 0:
            await light(0)
            return
        async with _put_out(light):
            left = seconds
            await light(min(left, LIT_S))
            work.tell(f"{where} is lit for {seconds} s")
            while left > 0:
                nap = min(left, int(RENEW_S))
                await work.bench.pause(nap)
                left -= nap
                if left > 0:
                    await light(min(left, LIT_S))


@asynccontextmanager
async def _put_out(light: Light) -> AsyncIterator[None]:
    try:
        yield
    finally:
        # It goes out by itself within a minute where this fails.
        with contextlib.suppress(AgentError, TimeoutError):
            async with asyncio.timeout(OUT_S):
                await light(0)


@contextlib.contextmanager
def _named(where: str):  # type: ignore[no-untyped-def]  # a generator of nothing
    try:
        yield
    except (AccessDenied, DeviceAbsent, Unsupported) as error:
        raise DiagnosticRefused(f"{where} cannot be lit here: {error}") from error
