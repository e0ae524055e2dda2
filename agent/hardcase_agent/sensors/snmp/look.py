"""One look at a device, step by step: which profiles fit, their rows, and what describes them.

`source.py` runs it within a budget; a look that is not done, or whose sweep was cancelled, goes on at the next sweep
where it stopped. A table at which a device falls silent twice is left out, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hardcase_agent.domain.errors import DeviceFailed, DeviceHung, MalformedAnswer
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.sensors.snmp.identity import (
    ENTITY_CLASS,
    SYS_DESCR,
    SYS_OBJECT_ID,
    SYSTEM,
    Told,
    chassis,
    chassis_objects,
    identify,
)
from hardcase_agent.sensors.snmp.layout import (
    Item,
    columns,
    fits,
    lay_out,
    look_rounds,
    particulars,
    parts_of,
    without_replaced,
)
from hardcase_agent.sensors.snmp.objects import Objects
from hardcase_agent.sensors.snmp.reference import printable
from hardcase_agent.sensors.snmp.specs import Profile
from hardcase_agent.sensors.snmp.values import Missing, Oid, Value, VarBind, Walk

_CHASSIS_ROWS = 40
"""The chassis is among the first physical entities; a large switch lists thousands."""
_CHUNK = 100
"""Rows walked between two looks at the clock."""
_COLUMN_ROWS = 5000
_PROBED = 20
"""Profiles asked for in one datagram; the client asks for fewer where the device cannot answer as many."""
_SILENCES = 2


class Asked(Protocol):
    """What a look and a sweep need of `SnmpClient`."""

    @property
    def size(self) -> int: ...

    async def get(self, oids: Sequence[Oid], *, deadline_s: float) -> tuple[VarBind, ...]: ...

    async def next_of(self, roots: Sequence[Oid], *, deadline_s: float) -> tuple[VarBind, ...]: ...

    async def walk(self, root: Oid, *, deadline_s: float, limit: int = 5000, after: Oid | None = None) -> Walk: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Picture:
    """What a look found."""

    asset: Asset
    items: tuple[Item, ...]
    parts: tuple[Part, ...]
    coverage: tuple[CoverageLine, ...]


@dataclass(slots=True)
class _Progress:
    """How far the look at one profile is."""

    profile: Profile
    columns: list[Oid]
    after: Oid | None = None
    rows: int = 0
    rounds: int = 0
    done: bool = False
    failure: str = ""


@dataclass(slots=True)
class Look:
    """Runs once. `objects` grows with every step."""

    client: Asked
    profiles: Sequence[Profile]
    deadline_s: float
    objects: dict[Oid, Value] = field(default_factory=dict)
    finished: bool = False
    _to_probe: list[Oid] = field(default_factory=list)
    _answered: set[Oid] = field(default_factory=set)
    _progress: list[_Progress] = field(default_factory=list)
    _walked: set[Oid] = field(default_factory=set)
    _stage: int = 0
    _silences: int = 0

    async def run(self, goes_on: Callable[[], bool]) -> None:
        """Until it is finished or `goes_on` says no. Raises what the client raises; it may be run again then."""
        while not self.finished:
            try:
                await self._step()
                self._silences = 0
            except (DeviceHung, MalformedAnswer, DeviceFailed) as error:
                self._silences += 1
                if not self._give_up(error):
                    raise
            if not goes_on():
                return

    def picture(self, told: Told, makers: Mapping[int, str]) -> Picture:
        """Of the profiles looked at so far."""
        shown = Objects(self.objects)
        done = [progress for progress in self._progress if progress.done and not progress.failure]
        found = without_replaced((progress.profile, lay_out(progress.profile, shown)) for progress in done)
        asset = identify(shown, [profile for profile, _ in found], told, makers)
        coverage = [
            watched(profile.component, f"{profile.title}: {len(items)} sensors") for profile, items in found if items
        ]
        coverage += [
            unreadable(progress.profile.component, f"{progress.profile.title}: {progress.failure}")
            for progress in self._progress
            if progress.failure
        ]
        if not self.finished:
            left = sum(not progress.done for progress in self._progress)
            coverage.append(unreadable(Component.NONE, f"the first look is under way: {left} tables to go"))
        elif not any(items and not profile.generic for profile, items in found):
            coverage.append(_nothing_known(asset, self.objects, self.profiles))
        parts = [part for profile, _ in found for part in parts_of(profile, shown)]
        parts += [item.sensor.part for _, items in found for item in items if item.sensor.part.slot]
        items = tuple(item for _, own in found for item in own)
        return Picture(asset, items, tuple(dict.fromkeys(parts)), tuple(coverage))

    async def _step(self) -> None:
        if self._stage == 0:
            self.objects.update(await self.client.get(SYSTEM, deadline_s=self.deadline_s))
            wanted = [oid for profile in self.profiles if fits(profile, self.objects) for oid in profile.present]
            self._to_probe = list(dict.fromkeys(wanted))
            self._stage = 1
        elif self._stage == 1:
            await self._probe()
        elif self._stage == 2:
            await self._next_of_profiles()
        else:
            await self._chassis()
            self.finished = True

    async def _probe(self) -> None:
        batch = self._to_probe[:_PROBED]
        if batch:
            found = await self.client.next_of(batch, deadline_s=self.deadline_s)
            for root, (oid, value) in zip(batch, found, strict=False):
                if oid[: len(root)] == root and not isinstance(value, Missing):
                    self._answered.add(root)
            del self._to_probe[: len(batch)]
        if not self._to_probe:
            self._progress = [
                _Progress(profile, list(columns(profile)))
                for profile in self.profiles
                if fits(profile, self.objects) and any(oid in self._answered for oid in profile.present)
            ]
            self._stage = 2

    async def _next_of_profiles(self) -> None:
        progress = next((one for one in self._progress if not one.done), None)
        if progress is None:
            self._stage = 3
        elif progress.columns:
            await self._rows(progress)
        else:
            await self._particulars(progress)

    async def _rows(self, progress: _Progress) -> None:
        column = progress.columns[0]
        walk = Walk(())
        if column not in self._walked:
            walk = await self.client.walk(column, deadline_s=self.deadline_s, limit=_CHUNK, after=progress.after)
            self.objects.update(walk.varbinds)
            progress.rows += len(walk.varbinds)
        if walk.complete or progress.rows >= _COLUMN_ROWS:
            self._walked.add(column)
            progress.columns.pop(0)
            progress.after, progress.rows = None, 0
        else:
            progress.after = walk.varbinds[-1][0]

    async def _particulars(self, progress: _Progress) -> None:
        wanted = particulars(progress.profile, self.objects)[:_CHUNK]
        if wanted:
            self.objects.update(await self.client.get(wanted, deadline_s=self.deadline_s))
            # What is asked for is in `objects` afterwards, so only references that lead on can make this endless.
            for oid in wanted:
                self.objects.setdefault(oid, Missing.NO_SUCH_INSTANCE)
        if len(wanted) < _CHUNK:
            progress.rounds += 1
        progress.done = not wanted or progress.rounds > look_rounds()

    async def _chassis(self) -> None:
        try:
            walk = await self.client.walk(ENTITY_CLASS, deadline_s=self.deadline_s, limit=_CHASSIS_ROWS)
        except MalformedAnswer:
            return
        self.objects.update(walk.varbinds)
        index = chassis(self.objects)
        if index is not None:
            self.objects.update(await self.client.get(chassis_objects(index), deadline_s=self.deadline_s))

    def _give_up(self, error: Exception) -> bool:
        """Leaves out what the device cannot answer: at once where it answers nonsense, else at the second silence."""
        if self._stage != 2 or (isinstance(error, DeviceHung) and self._silences < _SILENCES):
            return False
        progress = next((one for one in self._progress if not one.done), None)
        if progress is None:
            return False
        progress.done, progress.failure, self._silences = True, str(error), 0
        return not isinstance(error, DeviceHung)


def watched(component: Component, reason: str) -> CoverageLine:
    return CoverageLine(component=component, status=CoverageStatus.WATCHED, reason=reason)


def unreadable(component: Component, reason: str, cure: str = "") -> CoverageLine:
    return CoverageLine(component=component, status=CoverageStatus.UNREADABLE, reason=reason, cure=cure)


def _nothing_known(asset: Asset, objects: Mapping[Oid, Value], profiles: Sequence[Profile]) -> CoverageLine:
    component = Component(asset.kind) if asset.kind in {member.value for member in Component} else Component.HOST
    return unreadable(
        component,
        f"{answers_as(objects)}, but with nothing known here: {', '.join(profile.title for profile in profiles)}",
        "its health is not watched: widen the device's SNMP view, or add a profile for it",
    )


def answers_as(objects: Mapping[Oid, Value]) -> str:
    """Who the device says it is."""
    return f"it answers as {printable(objects.get(SYS_DESCR))!r} ({printable(objects.get(SYS_OBJECT_ID))})"
