"""The end of a whole call's time, as the error that it is. Used by `sensors/snmp_client.py`."""

from __future__ import annotations

import asyncio
from typing import Any

from hardcase_agent.domain.errors import DeviceHung


class Deadline:
    """Turns the end of a whole call's time into DeviceHung."""

    def __init__(self, label: str, seconds: float) -> None:
        self._label = label
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as timeout:
            raise DeviceHung(f"{self._label}: no end within {self._seconds:g} s") from timeout
