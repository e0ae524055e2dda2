"""One SNMP device as a source: a thorough look now and then, at each sweep only what moves.

Built by `family.py`; asks through `sensors/snmp_client.py`. The look (`look.py`) finds the tables the device has, its
rows and what describes them; it is repeated hourly, after a restart of the device, and when an object has vanished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.errors import AgentError, DeviceHung
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.reading import Gap, GapReason, Reading, Sensor
from hardcase_agent.sensors.snmp.identity import SYS_UPTIME, Told
from hardcase_agent.sensors.snmp.layout import Item
from hardcase_agent.sensors.snmp.look import Asked, Look, Picture, unreadable
from hardcase_agent.sensors.snmp.measure import decode
from hardcase_agent.sensors.snmp.specs import Profile
from hardcase_agent.sensors.snmp.values import Missing, Oid, Value

_LOOK_AGAIN_MS = 3_600_000
_LOOK_AFTER_LOSS_MS = 600_000
"""An object that vanished makes us look again, but not at every sweep where it flaps."""
_BUDGET_SHARE = 5
_OFFSETS_FROM_MS = 1000
_COLLECTED_ROWS = 64
_LOOK_SHARE = 0.5
"""Of the deadline; what is found by then is read, and the look goes on at the next sweep."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the last look found, and when."""

    picture: Picture
    sensors: tuple[Sensor, ...]
    looked_ms: int


class SnmpSource:
    """`Source` over one device. `connect` makes the client, reading the secrets; it is called at the first sweep."""

    def __init__(
        self,
        name: str,
        told: Told,
        connect: Callable[[], Asked],
        profiles: Sequence[Profile],
        makers: Mapping[int, str],
        clock: Clock,
        *,
        period_s: float,
        deadline_s: float,
        warning: str = "",
    ) -> None:
        self.name = f"snmp@{name}"
        self.device = told.address
        self.period_s = period_s
        self.deadline_s = deadline_s
        self._told = told
        self._connect = connect
        self._profiles = profiles
        self._makers = makers
        self._clock = clock
        self._warning = warning
        self._client: Asked | None = None
        self._known: _Known | None = None
        self._look: Look | None = None
        self._uptime = 0
        self._vanished = False
        self._next = 0

    @property
    def asset(self) -> Asset | None:
        """What the device was found to be; None before the first look at it."""
        return self._known.picture.asset if self._known is not None else None

    async def sweep(self, now: Moment) -> Sweep:
        """Raises what `SnmpClient` raises when the device answers nothing; ConfigError for an unreadable secret."""
        client = self._open()
        (uptime,) = (value for _, value in await client.get((SYS_UPTIME,), deadline_s=self.deadline_s))
        known, looked = self._known, False
        if self._look is not None or known is None or self._is_stale(known, uptime, now):
            try:
                looked = await self._look_on(client, now)
            except AgentError:
                # What is known is read all the same; a device that is gone raises there.
                if known is None:
                    raise
        known = self._known
        self._uptime = uptime if isinstance(uptime, int) else 0
        if known is None:
            raise DeviceHung(f"{self.name}: nothing of it is known yet; the look at it goes on at the next sweep")
        reader = _Reader(client, self._clock, self.period_s * 1000 / _BUDGET_SHARE, self.deadline_s)
        await reader.read(known.picture.items, self._next)
        self._next = reader.reached
        self._vanished = self._vanished or reader.vanished
        return Sweep(
            asset=known.picture.asset,
            sensors=known.sensors,
            readings=reader.readings,
            offsets_ms=reader.offsets_ms if max(reader.offsets_ms, default=0) >= _OFFSETS_FROM_MS else (),
            parts=known.picture.parts if looked else None,
            coverage=known.picture.coverage if looked else None,
            complete=reader.complete,
        )

    async def doctor(self) -> Sequence[CoverageLine]:
        reason, _, remedy = self._warning.partition("; ")
        plain = (
            (CoverageLine(component=Component.NONE, status=CoverageStatus.WATCHED, reason=reason, cure=remedy),)
            if reason
            else ()
        )
        look = Look(self._open(), self._profiles, self.deadline_s)
        try:
            await look.run(self._within(self.deadline_s))
        except AgentError as error:
            cure = "check address, credentials and the device's list of allowed managers"
            return (*plain, unreadable(Component.NONE, str(error), cure))
        return (*plain, *look.picture(self._told, self._makers).coverage)

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> Asked:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _is_stale(self, known: _Known, uptime: Value, now: Moment) -> bool:
        age = now.boot_ms - known.looked_ms
        # sysUpTime is 32 bits of hundredths of a second: it wraps after 497 days, and one look too many does no harm.
        restarted = isinstance(uptime, int) and uptime < self._uptime
        return restarted or age >= _LOOK_AGAIN_MS or (self._vanished and age >= _LOOK_AFTER_LOSS_MS)

    async def _look_on(self, client: Asked, now: Moment) -> bool:
        """Begins a look or goes on with the one under way; True where it brought something to tell. A look that is not
        done keeps what the one before it knew."""
        if self._look is None:
            self._look = Look(client, self._profiles, self.deadline_s)
        look = self._look
        await look.run(self._within(self.deadline_s * _LOOK_SHARE))
        if look.finished:
            self._look, self._vanished = None, False
        elif self._known is not None and self._known.looked_ms:
            return False
        picture = look.picture(self._told, self._makers)
        sensors = tuple(item.sensor for item in picture.items)
        old = self._known
        if old is not None and old.sensors == sensors:
            # The same tuple where nothing changed: framing knows the catalogue by it.
            sensors = old.sensors
        else:
            self._next = 0
        if not look.finished and not sensors:
            return False
        self._known = _Known(picture, sensors, now.boot_ms if look.finished else 0)
        return True

    def _within(self, seconds: float) -> Callable[[], bool]:
        end = self._clock.now().boot_ms + seconds * 1000
        return lambda: self._clock.now().boot_ms < end


class _Reader:
    """One round over the items: as many to a datagram as the device takes, until the budget is used up."""

    def __init__(self, client: Asked, clock: Clock, budget_ms: float, deadline_s: float) -> None:
        self._client = client
        self._clock = clock
        self._budget_ms = budget_ms
        self._deadline_s = deadline_s
        self.readings: list[Reading] = []
        self.offsets_ms: list[int] = []
        self.reached = 0
        self.complete = True
        self.vanished = False

    async def read(self, items: Sequence[Item], start: int) -> None:
        """Beginning at item `start`. A failure after the first answer makes gaps of the rest, not an error."""
        count = len(items)
        self.readings = [Gap(GapReason.NOT_SWEPT)] * count
        self.offsets_ms = [0] * count
        began = self._clock.now().boot_ms
        order = [(start + step) % count for step in range(count)] if count else []
        elapsed = 0
        while order and (elapsed == 0 or elapsed < self._budget_ms):
            batch, order = self._batch(items, order)
            try:
                objects = await self._ask([items[index] for index in batch])
            except AgentError as error:
                reason = GapReason.HUNG if isinstance(error, DeviceHung) else GapReason.ERROR
                for index in (*batch, *order):
                    self.readings[index] = Gap(reason, str(error))
                return
            for index in batch:
                self.readings[index] = decode(items[index], objects)
                self.offsets_ms[index] = elapsed
                gone = objects.get(items[index].oid) in (Missing.NO_SUCH_INSTANCE, Missing.NO_SUCH_OBJECT)
                self.vanished = self.vanished or gone
            elapsed = self._clock.now().boot_ms - began
        self.complete = not order
        self.reached = order[0] if order else 0

    def _batch(self, items: Sequence[Item], order: list[int]) -> tuple[list[int], list[int]]:
        taken, objects = 0, 0
        while taken < len(order):
            item = items[order[taken]]
            if taken and (objects + len(item.objects) > self._client.size or item.spec.collect):
                break
            objects += len(item.objects)
            taken += 1
            if item.spec.collect:
                break
        return order[:taken], order[taken:]

    async def _ask(self, items: Sequence[Item]) -> dict[Oid, Value]:
        if items[0].spec.collect:
            walk = await self._client.walk(items[0].oid, deadline_s=self._deadline_s, limit=_COLLECTED_ROWS)
            return dict(walk.varbinds)
        wanted = tuple(dict.fromkeys(oid for item in items for oid in item.objects))
        return dict(await self._client.get(wanted, deadline_s=self._deadline_s))
