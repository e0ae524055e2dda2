"""Runs the fixed tools in this process: the `CommandRunner` for an agent with device rights of its own (and for tests).

What may run is `helper/table.py`'s matter, how one run is bounded and killed `helper/process.py`'s. An agent without
device rights uses `helper_client.py` instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hardcase_agent.domain.errors import DeviceBusy, DeviceHung, OutputFlood
from hardcase_agent.domain.ports import CommandResult
from hardcase_agent.helper.process import Run
from hardcase_agent.helper.table import Command, Table

AT_A_TIME = 4
"""Tools at once: enough for twelve disks within seconds, few enough for a controller that handles them one by one."""
_REAP_S = 0.01
_STUCK_S = 1.0


class DirectCommands:
    """`CommandRunner`. A device whose process outlives its kill is hung until that process is gone."""

    def __init__(self, *, table: Table | None = None, at_a_time: int = AT_A_TIME) -> None:
        self._table = table or Table()
        self._places = asyncio.Semaphore(at_a_time)
        self._busy: set[str] = set()
        self._stuck: dict[str, Run] = {}
        self._reaper: asyncio.TimerHandle | None = None

    @property
    def stuck(self) -> tuple[str, ...]:
        """Devices with a process that was killed and has not gone."""
        return tuple(self._stuck)

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        """Raises AccessDenied, ToolMissing, DeviceAbsent, DeviceBusy, DeviceHung, OutputFlood, DeviceFailed."""
        command = self._table.command(tool, arguments)
        if command.read is not None:
            return CommandResult(*command.read())
        self._reap()
        stuck = self._stuck.get(command.device)
        if stuck is not None:
            raise DeviceHung(f"{command.device}: process {stuck.pid} of an earlier call has not ended")
        if command.device in self._busy:
            raise DeviceBusy(f"{command.device} is being asked")
        self._busy.add(command.device)
        try:
            return await self._run_in_turn(command, deadline_s)
        finally:
            self._busy.discard(command.device)

    async def close(self) -> None:
        """Stops looking after what is stuck; everything running was killed by the cancellation of its call."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None

    async def _run_in_turn(self, command: Command, deadline_s: float) -> CommandResult:
        deadline = asyncio.get_running_loop().time() + deadline_s
        try:
            # Half the time at most: what is started is given a fair chance, and is not called hung for the queue.
            async with asyncio.timeout(deadline_s / 2):
                await self._places.acquire()
        except TimeoutError as error:
            raise DeviceBusy("every place to run a tool was taken for too long") from error
        try:
            return await self._run_until(command, deadline)
        finally:
            self._places.release()

    async def _run_until(self, command: Command, deadline: float) -> CommandResult:
        run = Run(command)
        settled = False
        try:
            async with asyncio.timeout_at(deadline):
                await _read_to_end(run)
                while not run.flooded and not run.settle():  # noqa: ASYNC110  (an exit is no event: SIGCHLD is not ours)
                    await asyncio.sleep(_REAP_S)
            settled = not run.flooded
        except TimeoutError as error:
            raise DeviceHung(f"{command.device}: {command.argv[0]} did not end by its deadline") from error
        finally:
            if not settled:
                run.abandon()
                self._stuck[command.device] = run
                self._reap()
        if run.flooded:
            raise OutputFlood(f"{command.argv[0]} printed more than its limit")
        return CommandResult(run.status, bytes(run.stdout), bytes(run.stderr))

    def _reap(self) -> None:
        for device in [device for device, run in self._stuck.items() if run.gone()]:
            del self._stuck[device]
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        if self._stuck:
            self._reaper = asyncio.get_running_loop().call_later(_STUCK_S, self._reap)


async def _read_to_end(run: Run) -> None:
    """Returns when both pipes are at their end, or one has flooded."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def take(fd: int) -> None:
        if run.pump(fd):
            loop.remove_reader(fd)
            run.close_pipe(fd)
        if (run.flooded or not run.pipes) and not done.done():
            done.set_result(None)

    for fd in run.pipes:
        loop.add_reader(fd, take, fd)
    try:
        await done
    finally:
        for fd in run.pipes:
            loop.remove_reader(fd)
