"""Traps and informs as sources: one a device with its events and counts, one for senders that are in no device list.

Built by `family.py` where `[snmp.traps]` is there. A device's traps arrive also while it does not answer polls, hence a
source beside `SnmpSource`; the asset is the one that source knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hardcase_agent.domain.errors import AgentError, DeviceHung
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.domain.reading import Kind, Number, Sensor, Unit
from hardcase_agent.sensors.snmp.trap_listener import TrapListener
from hardcase_agent.sensors.snmp.traps import Interpreter

_PERIOD_S = 5.0
_DEADLINE_S = 10.0
_UNKNOWN_FOR_MS = 300_000
"""A device that was not polled yet is not known by serial; its traps wait this long for it."""
_NAMED = 8


def _count(name: str, quantity: str) -> Sensor:
    word = quantity.rpartition(".")[2]
    return Sensor(id=f"snmp.traps/{word}", name=name, kind=Kind.COUNT, unit=Unit.ONE, quantity=quantity)


_DEVICE_SENSORS = (
    _count("Traps received", "trap.received"),
    _count("Traps dropped", "trap.dropped"),
    _count("Traps refused", "trap.refused"),
)
_STRANGER_SENSORS = (_count("Traps of unknown senders", "trap.strangers"), _count("Unreadable traps", "trap.unread"))


class TrapSource:
    """`Source` over what one device sends. `asset` gives what polling knows of it, None before it was polled."""

    def __init__(
        self,
        name: str,
        listener: TrapListener,
        interpreter: Interpreter,
        asset: Callable[[], Asset | None],
        fallback: Asset,
    ) -> None:
        self.name = f"snmp.traps@{name}"
        self.device = f"trap:{name}"
        self.period_s = _PERIOD_S
        self.deadline_s = _DEADLINE_S
        self._listener = listener
        self._inbox = listener.inbox(name)
        self._interpreter = interpreter
        self._asset = asset
        self._fallback = fallback
        self._since_ms: int | None = None
        listener.hold()

    async def sweep(self, now: Moment) -> Sweep:
        """Raises what `TrapListener.open` raises; DeviceHung while the device is still to be known."""
        await self._listener.open()
        if self._since_ms is None:
            self._since_ms = now.boot_ms
        asset = self._asset()
        if asset is None:
            if now.boot_ms - self._since_ms < _UNKNOWN_FOR_MS:
                raise DeviceHung(f"{self.name}: listening; the device was not polled yet")
            asset = self._fallback
        events = tuple(self._interpreter.event(told) for told in self._inbox.take())
        counts = (self._inbox.received, self._inbox.dropped, self._inbox.refused)
        return Sweep(
            asset=asset,
            sensors=_DEVICE_SENSORS,
            readings=tuple(Number(float(count)) for count in counts),
            events=events,
            coverage=self._coverage(),
            wide=True,
        )

    def _coverage(self) -> tuple[CoverageLine, ...]:
        if not self._inbox.refused or self._inbox.received:
            return (_watched(f"SNMP traps on port {self._listener.port}"),)
        cure = "give the device the community or user of its credentials profile, or correct the profile"
        return (
            CoverageLine(
                component=Component.NONE,
                status=CoverageStatus.UNREADABLE,
                reason="every trap of the device was refused: community, user, password or clock",
                cure=cure,
            ),
        )

    async def doctor(self) -> Sequence[CoverageLine]:
        try:
            await self._listener.open()
        except AgentError as error:
            return (CoverageLine(component=Component.NONE, status=CoverageStatus.UNREADABLE, reason=str(error)),)
        return self._coverage()

    async def close(self) -> None:
        self._listener.release()


class StrangerSource:
    """Who sends traps here without being in the device list: counted, and named in coverage."""

    def __init__(self, listener: TrapListener, host: Asset) -> None:
        self.name = "snmp.traps"
        self.device = "trap:"
        self.period_s = 60.0
        self.deadline_s = _DEADLINE_S
        self._listener = listener
        self._host = host
        listener.hold()

    async def sweep(self, now: Moment) -> Sweep:
        """Raises what `TrapListener.open` raises."""
        await self._listener.open()
        counts = (sum(self._listener.strangers.values()), self._listener.unread)
        return Sweep(
            asset=self._host,
            sensors=_STRANGER_SENSORS,
            readings=tuple(Number(float(count)) for count in counts),
            coverage=self._coverage(),
            wide=True,
        )

    def _coverage(self) -> tuple[CoverageLine, ...]:
        known = _watched(f"SNMP traps on port {self._listener.port}")
        if not self._listener.strangers:
            return (known,)
        named = ", ".join(f"{sender} ({count})" for sender, count in self._listener.strangers.most_common(_NAMED))
        reason = f"traps of senders that are in no device list were dropped: {named}"
        cure = "list them as [[snmp.device]], or have them send elsewhere"
        line = CoverageLine(component=Component.NONE, status=CoverageStatus.UNREADABLE, reason=reason, cure=cure)
        return (known, line)

    async def doctor(self) -> Sequence[CoverageLine]:
        try:
            await self._listener.open()
        except AgentError as error:
            return (CoverageLine(component=Component.NONE, status=CoverageStatus.UNREADABLE, reason=str(error)),)
        return self._coverage()

    async def close(self) -> None:
        self._listener.release()


def _watched(reason: str) -> CoverageLine:
    return CoverageLine(component=Component.NONE, status=CoverageStatus.WATCHED, reason=reason)
