"""One BMC as its five sources share it: who it is, what it can be asked, whether its host is on.

The sources call `prepare` first in every sweep; sampling never runs two of them at once (same `device`).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping

from hardcase_agent.domain.errors import DeviceAbsent, DeviceBusy, MalformedAnswer, Unsupported
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.domain.ports import Clock
from hardcase_agent.sensors.ipmi import cache
from hardcase_agent.sensors.ipmi.commands import (
    DEVICE,
    GET_CHASSIS_STATUS,
    GET_DEVICE_ID,
    GET_DEVICE_SDR_INFO,
    GET_SDR_REPOSITORY_INFO,
    GET_SYSTEM_GUID,
    REPOSITORY,
    Refused,
    SdrStore,
)
from hardcase_agent.sensors.ipmi.conversation import Budget, Conversation
from hardcase_agent.sensors.ipmi.fru import Fru
from hardcase_agent.sensors.ipmi.identity import DeviceId, asset_of, parse_device_id, parse_guid
from hardcase_agent.sensors.ipmi.inventory import read_fru_device
from hardcase_agent.sensors.ipmi.plan import Plan, build_plan
from hardcase_agent.sensors.ipmi.readings import parse_chassis
from hardcase_agent.sensors.ipmi.records import Entity, FruRecord, Record
from hardcase_agent.sensors.ipmi.repository import Repository, Survey, default_limits

log = logging.getLogger(__name__)

CHECK_S = 300.0
"""Between two looks at firmware version and repository stamps (two commands)."""
HOST_ON = 1


class Bmc:
    """State of one BMC. `host` is the asset of the machine we run on; None for a BMC on the LAN.

    `optional`: nobody said that there is one, so that its absence is a finding and not a failure.
    """

    def __init__(
        self,
        talk: Conversation,
        clock: Clock,
        state: cache.StateFile,
        *,
        host: Asset | None,
        address: str = "",
        optional: bool = False,
    ) -> None:
        self.talk = talk
        self.clock = clock
        self.local = host is not None
        self.missing = False
        """An optional BMC is not there."""
        self.plan = Plan()
        self.records: tuple[Record, ...] = ()
        self.inventory_stale = True
        """The FRU source reads everything at its next sweep."""
        self.device: DeviceId | None = None
        self.coverage: tuple[CoverageLine, ...] = ()
        self.absent: frozenset[Entity] | None = None
        """Bays that are empty, by the last sweep of their presence sensors; None before the first."""
        self._state = state
        self._address = address
        self._asset = host
        self._key = ""
        self._store: SdrStore | None = None
        self._repository: Repository | None = None
        self._broken = 0
        self._comparisons: dict[str, int] = {}
        self._survey: Survey | None = None
        self._checked_ms = 0
        self._users = 0
        self._optional = optional
        self._was_on = True

    @property
    def asset(self) -> Asset:
        """Known after the first `prepare` that did not raise."""
        assert self._asset is not None
        return self._asset

    @property
    def known(self) -> bool:
        """Whether `asset` is."""
        return self._asset is not None

    @property
    def progress(self) -> str:
        return self._survey.progress if self._survey is not None else ""

    # ---- getting ready -------------------------------------------------------------------------------------------

    async def prepare(self, budget: Budget) -> bool:
        """Identity, then the plan, from the cache or from the BMC.

        False: the budget ended, it goes on next time; or an optional BMC is `missing`.
        """
        try:
            return await self._prepare(budget)
        except DeviceAbsent:
            self.missing = self._optional
            if self.missing:
                return False
            raise

    async def _prepare(self, budget: Budget) -> bool:
        due = self.clock.now().boot_ms - self._checked_ms >= CHECK_S * 1000
        if self.device is None or due:
            await self._check()
        self.missing = False
        if self._asset is None:
            self._asset = await self._identify()
        if self._repository is None:
            return await self._learn(budget)
        return True

    async def _check(self) -> None:
        device = parse_device_id(await self.talk.ask(GET_DEVICE_ID, "device id"))
        self._store, stamp = await self._find_records()
        key = f"{device.key}/{stamp}"
        if key != self._key:
            self._forget(device, key)
        self._checked_ms = self.clock.now().boot_ms

    async def _find_records(self) -> tuple[SdrStore | None, str]:
        """Where the sensor records are, None for nowhere; and what changes when they do."""
        with contextlib.suppress(Unsupported):
            info = await self.talk.ask(GET_SDR_REPOSITORY_INFO, "SDR repository")
            if len(info) < 13:
                raise MalformedAnswer(f"an SDR repository info cut short: {info.hex()}")
            if any(info[1:3]):
                # Version, count, then free space, which moves without meaning; then the stamps.
                return REPOSITORY, f"{info[:3].hex()}/{info[5:13].hex()}"
        with contextlib.suppress(Unsupported):
            info = await self.talk.ask(GET_DEVICE_SDR_INFO, "device SDRs")
            if any(info[:1]):
                # Count, LUNs, and where sensors come and go the stamp of their last change (35.2).
                return DEVICE, f"device/{info[:6].hex()}"
        return None, "none"

    def _forget(self, device: DeviceId, key: str) -> None:
        self.device, self._key = device, key
        self._repository, self._survey, self.absent = None, None, None
        self.inventory_stale = True

    async def _identify(self) -> Asset:
        assert self.device is not None
        fru = await read_fru_device(self.talk, 0)
        return asset_of(self.device, fru, await self._system_uuid(), self._address)

    async def _system_uuid(self) -> str:
        try:
            return parse_guid(await self.talk.ask(GET_SYSTEM_GUID, "system GUID"))
        except (Unsupported, Refused):
            return ""

    def rename(self, fru: Fru) -> None:
        """FRU 0 was read again: another board behind the same address is another asset."""
        if not self.local and self.device is not None and not fru.empty:
            self._asset = asset_of(self.device, fru, self.asset.uuid, self._address)

    async def _learn(self, budget: Budget) -> bool:
        cached = cache.load(self._state, self._key)
        if cached is not None:
            self._comparisons = dict(cached.comparisons)
            self._adopt(cached.repository)
            return True
        if self._survey is None:
            self._survey = Survey(self.talk, self._store)
            self._comparisons = {}
        try:
            repository = await self._survey.advance(budget)
        except MalformedAnswer:
            self._survey = None
            raise
        if repository is None:
            return False
        self._survey = None
        self._adopt(repository)
        self._save()
        return True

    def _adopt(self, repository: Repository) -> None:
        self.records, self._broken = repository.parsed()
        self._repository = repository
        self._rebuild()

    def _rebuild(self) -> None:
        assert self._repository is not None
        self.plan = build_plan(self.records, default_limits(self._repository), self._comparisons)
        self.coverage = _coverage(self.plan, self._broken) if self.records else (_NO_RECORDS,)

    def first_sight(self, comparisons: Mapping[str, int]) -> None:
        """What the BMC said of its limits when it first gave a value for these sensors. Kept as long as the cache."""
        self._comparisons.update(comparisons)
        self._rebuild()
        self._save()

    def _save(self) -> None:
        assert self._repository is not None
        cached = cache.Cached(key=self._key, repository=self._repository, comparisons=self._comparisons)
        try:
            cache.save(self._state, cached)
        except OSError as error:
            # Without a cache the next start reads the repository again: slower, not wrong.
            log.warning("the SDR cache cannot be written: %s", error.strerror)

    # ---- the host ------------------------------------------------------------------------------------------------

    async def chassis(self) -> int:
        """Bits of CHASSIS_STATES."""
        bits = parse_chassis(await self.talk.ask(GET_CHASSIS_STATUS, "chassis status"))
        self._was_on = bool(bits & HOST_ON)
        return bits

    async def host_on(self) -> bool:
        """Whether host-powered sensors mean something. A BMC that does not tell is taken for what it said last."""
        if self.local:
            return True
        try:
            return bool(await self.chassis() & HOST_ON)
        except (Unsupported, Refused, MalformedAnswer, DeviceBusy):
            return self._was_on

    @property
    def frus(self) -> tuple[FruRecord, ...]:
        """FRU devices by id, each once; 0 is always there by the specification (38)."""
        found = {record.device: record for record in self.records if isinstance(record, FruRecord)}
        return tuple(found.values())

    # ---- its users -----------------------------------------------------------------------------------------------

    def join(self) -> None:
        self._users += 1

    async def leave(self) -> None:
        """The last source to close closes the device."""
        self._users -= 1
        if self._users == 0:
            await self.talk.close()


_NO_RECORDS = CoverageLine(
    component=Component.BMC,
    status=CoverageStatus.UNREADABLE,
    reason="the BMC keeps no sensor records: its event log and the chassis are watched, sensors are not",
    cure="update the BMC's firmware, or load its SDR repository as its maker describes",
)


def _coverage(plan: Plan, broken: int) -> tuple[CoverageLine, ...]:
    watched = {planned.sensor.part.component for planned in (*plan.analogue, *plan.discrete)}
    lines = [CoverageLine(component=component, status=CoverageStatus.WATCHED) for component in sorted(watched)]
    if broken:
        lines.append(
            CoverageLine(
                component=Component.BMC,
                status=CoverageStatus.UNREADABLE,
                reason=f"{broken} sensor records of the BMC do not decode",
                cure="update the BMC's firmware",
            )
        )
    return tuple(lines)
