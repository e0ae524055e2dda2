"""One SNMP device as a source: a thorough look now and then, at each sweep only what moves.

Built by `family.py`; asks through `sensors/snmp_client.py`. The look finds the tables the device has, its rows and what
describes them; it is repeated hourly, after a restart of the device, and when an object has vanished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hardcase_agent.domain.errors import AgentError, DeviceHung, MalformedAnswer
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.reading import Gap, GapReason, Reading, Sensor
from hardcase_agent.sensors.snmp.identity import (
    ENTITY_CLASS,
    SYS_DESCR,
    SYS_OBJECT_ID,
    SYS_UPTIME,
    SYSTEM,
    Told,
    chassis,
    chassis_objects,
    identify,
)
from hardcase_agent.sensors.snmp.layout import Item, columns, decode, lay_out, particulars, printable
from hardcase_agent.sensors.snmp.profile import Profile
from hardcase_agent.sensors.snmp.values import Missing, Oid, Value, VarBind, Walk

_LOOK_AGAIN_MS = 3_600_000
_LOOK_AFTER_LOSS_MS = 600_000
"""An object that vanished makes us look again, but not at every sweep where it flaps."""
_BUDGET_SHARE = 5
_OFFSETS_FROM_MS = 1000
_CHASSIS_ROWS = 40
"""The chassis is among the first physical entities; a large switch lists thousands."""
_COLLECTED_ROWS = 64


class Asked(Protocol):
    """What this module needs of `SnmpClient`."""

    @property
    def size(self) -> int: ...

    async def get(self, oids: Sequence[Oid], *, deadline_s: float) -> tuple[VarBind, ...]: ...

    async def walk(self, root: Oid, *, deadline_s: float, limit: int = 5000) -> Walk: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Picture:
    """What the last look found."""

    asset: Asset
    items: tuple[Item, ...]
    sensors: tuple[Sensor, ...]
    parts: tuple[Part, ...]
    coverage: tuple[CoverageLine, ...]
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
        self._picture: _Picture | None = None
        self._uptime = 0
        self._vanished = False
        self._next = 0

    async def sweep(self, now: Moment) -> Sweep:
        """Raises what `SnmpClient` raises when the device answers nothing; ConfigError for an unreadable secret."""
        client = self._open()
        (uptime,) = (value for _, value in await client.get((SYS_UPTIME,), deadline_s=self.deadline_s))
        picture, looked = self._picture, False
        if picture is None or self._is_stale(picture, uptime, now):
            picture = self._keep(await self._look(client, now))
            self._picture, looked, self._vanished = picture, True, False
        self._uptime = uptime if isinstance(uptime, int) else 0
        reader = _Reader(client, self._clock, self.period_s * 1000 / _BUDGET_SHARE, self.deadline_s)
        await reader.read(picture.items, self._next)
        self._next = reader.reached
        self._vanished = self._vanished or reader.vanished
        return Sweep(
            asset=picture.asset,
            sensors=picture.sensors,
            readings=reader.readings,
            offsets_ms=reader.offsets_ms if max(reader.offsets_ms, default=0) >= _OFFSETS_FROM_MS else (),
            parts=picture.parts if looked else None,
            coverage=picture.coverage if looked else None,
            complete=reader.complete,
        )

    async def doctor(self) -> Sequence[CoverageLine]:
        reason, _, remedy = self._warning.partition("; ")
        plain = (_line(Component.NONE, CoverageStatus.WATCHED, reason, remedy),) if reason else ()
        try:
            picture = await self._look(self._open(), self._clock.now())
        except AgentError as error:
            cure = "check address, credentials and the device's list of allowed managers"
            return (*plain, _line(Component.NONE, CoverageStatus.UNREADABLE, str(error), cure))
        return (*plain, *picture.coverage)

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> Asked:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _is_stale(self, picture: _Picture, uptime: Value, now: Moment) -> bool:
        age = now.boot_ms - picture.looked_ms
        # sysUpTime is 32 bits of hundredths of a second: it wraps after 497 days, and one look too many does no harm.
        restarted = isinstance(uptime, int) and uptime < self._uptime
        return restarted or age >= _LOOK_AGAIN_MS or (self._vanished and age >= _LOOK_AFTER_LOSS_MS)

    def _keep(self, picture: _Picture) -> _Picture:
        """With the sensor tuple of the last look where nothing changed: framing knows the catalogue by it."""
        old = self._picture
        if old is None or old.sensors != picture.sensors:
            self._next = 0
            return picture
        return _Picture(picture.asset, picture.items, old.sensors, picture.parts, picture.coverage, picture.looked_ms)

    async def _look(self, client: Asked, now: Moment) -> _Picture:
        objects: dict[Oid, Value] = dict(await client.get(SYSTEM, deadline_s=self.deadline_s))
        found: list[Profile] = []
        items: list[Item] = []
        coverage: list[CoverageLine] = []
        for profile in self._profiles:
            try:
                present = await client.walk(profile.present, deadline_s=self.deadline_s, limit=1)
                if not present.varbinds:
                    continue
                objects.update(await self._rows(client, profile))
                objects.update(await client.get(particulars(profile, objects), deadline_s=self.deadline_s))
            except MalformedAnswer as error:
                coverage.append(_line(profile.component, CoverageStatus.UNREADABLE, f"{profile.title}: {error}"))
                continue
            found.append(profile)
            if own := lay_out(profile, objects):
                items += own
                watched = f"{profile.title}: {len(own)} sensors"
                coverage.append(_line(profile.component, CoverageStatus.WATCHED, watched))
        objects.update(await self._chassis(client))
        asset = identify(objects, found, self._told, self._makers)
        if not items:
            coverage.append(_nothing_known(asset, objects, self._profiles))
        sensors = tuple(item.sensor for item in items)
        parts = tuple(dict.fromkeys(sensor.part for sensor in sensors if sensor.part.slot))
        return _Picture(asset, tuple(items), sensors, parts, tuple(coverage), now.boot_ms)

    async def _rows(self, client: Asked, profile: Profile) -> dict[Oid, Value]:
        rows: dict[Oid, Value] = {}
        for column in columns(profile):
            rows.update((await client.walk(column, deadline_s=self.deadline_s)).varbinds)
        return rows

    async def _chassis(self, client: Asked) -> dict[Oid, Value]:
        try:
            rows = dict((await client.walk(ENTITY_CLASS, deadline_s=self.deadline_s, limit=_CHASSIS_ROWS)).varbinds)
        except MalformedAnswer:
            return {}
        index = chassis(rows)
        if index is not None:
            rows.update(await client.get(chassis_objects(index), deadline_s=self.deadline_s))
        return rows


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


def _line(component: Component, status: CoverageStatus, reason: str, cure: str = "") -> CoverageLine:
    return CoverageLine(component=component, status=status, reason=reason, cure=cure)


def _nothing_known(asset: Asset, objects: Mapping[Oid, Value], profiles: Sequence[Profile]) -> CoverageLine:
    component = Component(asset.kind) if asset.kind in {member.value for member in Component} else Component.HOST
    who = f"{printable(objects.get(SYS_DESCR))!r} ({printable(objects.get(SYS_OBJECT_ID))})"
    return _line(
        component,
        CoverageStatus.UNREADABLE,
        f"it answers as {who}, but with nothing known here: {', '.join(profile.title for profile in profiles)}",
        "its health is not watched: widen the device's SNMP view, or add a profile for it",
    )
