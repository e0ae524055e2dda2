"""Asking one BMC within a time budget: busy answers asked again, batches where the device takes them.

`bmc.py` and the sources talk through it; it knows no command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.ports import (
    BatchIpmiDevice,
    BridgingIpmiDevice,
    Clock,
    Controller,
    IpmiAnswers,
    IpmiDevice,
    IpmiRequest,
)
from hardcase_agent.sensors.ipmi.commands import completion, payload

REQUEST_S = 5.0
"""Deadline of one request: a BMC writing its flash answers after 2 to 3 s."""
BUSY_TRIES = 3
BUSY_PAUSE_S = 0.1
"""IPMI 2.0, table 5-2 names no time for "node busy"; BMCs seen were free again within 50 ms."""

Pause = Callable[[float], Awaitable[None]]


class Budget:
    """Time that may still be spent in one sweep."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._until_ms = clock.now().boot_ms + round(seconds * 1000)

    @property
    def left_s(self) -> float:
        return (self._until_ms - self._clock.now().boot_ms) / 1000

    @property
    def spent(self) -> bool:
        return self.left_s <= 0


class Conversation:
    """One BMC, asked one thing after the other."""

    def __init__(self, device: IpmiDevice, pause: Pause = asyncio.sleep) -> None:
        self._device = device
        self._batch = device if isinstance(device, BatchIpmiDevice) else None
        self._bridge = device if isinstance(device, BridgingIpmiDevice) else None
        self._pause = pause

    @property
    def bridges(self) -> bool:
        """Whether controllers behind the BMC can be asked."""
        return self._bridge is not None

    async def ask_behind(self, controller: Controller, request: IpmiRequest) -> bytes:
        """The answer with its completion code, asked for once: the bus behind a BMC is slow, and shared."""
        assert self._bridge is not None
        return await self._bridge.request_behind(controller, request, deadline_s=REQUEST_S)

    async def ask(self, request: IpmiRequest, what: str) -> bytes:
        """The data of a good answer. Raises what `payload` raises, and the device's errors."""
        answer = await self.ask_raw(request)
        return payload(answer, what)

    async def ask_raw(self, request: IpmiRequest) -> bytes:
        """The answer with its completion code; a busy BMC is asked up to BUSY_TRIES times."""
        for _ in range(BUSY_TRIES - 1):
            answer = await self._send(request)
            if not is_busy(answer):
                return answer
            await self._pause(BUSY_PAUSE_S)
        return await self._send(request)

    async def _send(self, request: IpmiRequest) -> bytes:
        return await self._device.request(
            request.netfn, request.command, request.data, lun=request.lun, deadline_s=REQUEST_S
        )

    async def ask_many(self, requests: Sequence[IpmiRequest], budget: Budget) -> IpmiAnswers:
        """Answers as far as they came; busy ones are left to the caller."""
        if self._batch is not None:
            return await self._batch.request_many(requests, deadline_s=max(0.0, budget.left_s))
        answers: list[bytes] = []
        for request in requests:
            try:
                answers.append(await self._send(request))
            except AgentError as error:
                return IpmiAnswers(tuple(answers), error)
            if budget.spent:
                break
        return IpmiAnswers(tuple(answers))

    async def pause(self) -> None:
        await self._pause(BUSY_PAUSE_S)

    async def close(self) -> None:
        await self._device.close()


def is_busy(answer: bytes) -> bool:
    """Worth asking again within the sweep."""
    return bool(answer) and answer[0] != 0 and completion(answer[0]).retry
