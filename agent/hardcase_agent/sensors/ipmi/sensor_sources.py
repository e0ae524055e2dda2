"""The two sources of sensors: analogue values every minute, discrete states (with chassis power) every 30 s.

`family.py` builds them; `bmc.py` is what they share.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_agent.domain.errors import AgentError, DeviceBusy, MalformedAnswer, Unsupported
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Reading, Sensor, States
from hardcase_agent.sensors.ipmi.bmc import HOST_ON, Bmc
from hardcase_agent.sensors.ipmi.commands import GET_CHASSIS_STATUS, GET_DEVICE_ID, Refused
from hardcase_agent.sensors.ipmi.conversation import REQUEST_S, Budget
from hardcase_agent.sensors.ipmi.diagnosis import diagnose, no_bmc
from hardcase_agent.sensors.ipmi.plan import CHASSIS_POWER, Planned
from hardcase_agent.sensors.ipmi.presence import absent_entities, as_present, tells_presence
from hardcase_agent.sensors.ipmi.readings import comparison
from hardcase_agent.sensors.ipmi.records import Entity
from hardcase_agent.sensors.ipmi.sweeping import HOST_OFF, Walk, Walked

SHARE = 0.2
"""Of its period a sweep may take."""
LEAST_S = 1.0
"""A sweep's budget where the period is set to seconds."""
GRACE_S = 3 * REQUEST_S
"""From the end of the budget to the deadline: the request under way, and a log-in with its repetition."""
OFFSETS_FROM_MS = 1000


class IpmiSource:
    """What the five sources have in common: names, times, coverage told when it changed."""

    def __init__(self, bmc: Bmc, kind: str, device: str, period_s: float) -> None:
        self.bmc = bmc
        self._name = f"ipmi.{kind}@{device}"
        self._device = f"ipmi@{device}"
        self._period_s = period_s
        self._share_s = max(LEAST_S, period_s * SHARE)
        self._told: tuple[CoverageLine, ...] | None = None
        self._open = True
        bmc.join()

    @property
    def name(self) -> str:
        return self._name

    @property
    def device(self) -> str:
        return self._device

    @property
    def period_s(self) -> float:
        return self._period_s

    @property
    def deadline_s(self) -> float:
        return self._share_s + GRACE_S

    def budget(self) -> Budget:
        return Budget(self.bmc.clock, self._share_s)

    def tell(self, lines: tuple[CoverageLine, ...]) -> tuple[CoverageLine, ...] | None:
        """The lines where they changed since they were last told, else None."""
        if lines == self._told:
            return None
        self._told = lines
        return lines

    def unprepared(self) -> Sweep:
        """What a sweep says while the sensor list is still being read, and where there is no BMC."""
        if self.bmc.missing:
            lines = self._without()
            return Sweep(asset=self.bmc.asset, coverage=self.tell(lines) if lines else None)
        line = CoverageLine(
            component=Component.BMC,
            status=CoverageStatus.UNREADABLE,
            reason=f"the sensor list is still being read: {self.bmc.progress}",
            cure="none needed; it goes on in the next sweep",
        )
        return Sweep(asset=self.bmc.asset, coverage=(line,), complete=False)

    def _without(self) -> tuple[CoverageLine, ...]:
        """One of the four speaks for an absent BMC."""
        return ()

    async def close(self) -> None:
        if self._open:
            self._open = False
            await self.bmc.leave()


class AnalogueSource(IpmiSource):
    """Temperatures, fans, voltages, currents, powers."""

    def __init__(self, bmc: Bmc, device: str, period_s: float = 60.0, *, plain_text: bool = False) -> None:
        super().__init__(bmc, "analogue", device, period_s)
        self._walk = Walk(bmc.talk)
        self._plain_text = plain_text
        self._sensors: tuple[Sensor, ...] = ()
        self._of: tuple[Planned, ...] = ()

    async def sweep(self, now: Moment) -> Sweep:
        budget = self.budget()
        bmc = self.bmc
        if not await bmc.prepare(budget):
            return self.unprepared()
        host_on = await bmc.host_on()
        walked = await self._walk.run(bmc.plan.analogue, budget, host_on=host_on)
        if host_on and walked.error is None and not await self._still_on():
            # Switched off under the sweep: what was read meanwhile may be a rail on its way down.
            for index, planned in enumerate(bmc.plan.analogue):
                if planned.sensor.host_powered:
                    walked.readings[index] = HOST_OFF
        self._remember_first_sight(walked)
        absent = bmc.absent if bmc.absent is not None else await self._look_for_parts(budget)
        for index, planned in enumerate(bmc.plan.analogue):
            walked.readings[index] = as_present(planned, walked.readings[index], absent)
        return self._swept(walked)

    async def _look_for_parts(self, budget: Budget) -> frozenset[Entity]:
        """Before the first sweep of states: a zero from an empty bay must not count as a part that was there."""
        bmc = self.bmc
        presence = [planned for planned in bmc.plan.discrete if tells_presence(planned)]
        walked = await Walk(bmc.talk).run(presence, budget, host_on=True)
        if walked.complete and walked.error is None:
            bmc.absent = absent_entities(zip(presence, walked.readings, strict=True))
        return bmc.absent or frozenset()

    async def _still_on(self) -> bool:
        try:
            return await self.bmc.host_on()
        except AgentError:
            return True

    def _remember_first_sight(self, walked: Walked) -> None:
        new: dict[str, int] = {}
        for index, answer in walked.answers.items():
            sensor = self.bmc.plan.analogue[index].sensor
            if sensor.comparison is not None or isinstance(walked.readings[index], Gap):
                continue
            bits = comparison(answer)
            if bits is not None:
                new[sensor.id] = bits
        if new:
            self.bmc.first_sight(new)

    def _swept(self, walked: Walked) -> Sweep:
        if self._of is not self.bmc.plan.analogue:
            self._of = self.bmc.plan.analogue
            self._sensors = tuple(planned.sensor for planned in self._of)
        slow = max(walked.offsets_ms, default=0) >= OFFSETS_FROM_MS
        return Sweep(
            asset=self.bmc.asset,
            sensors=self._sensors,
            readings=walked.readings,
            offsets_ms=walked.offsets_ms if slow else (),
            coverage=self.tell(self.bmc.coverage),
            complete=walked.complete,
        )

    def _without(self) -> tuple[CoverageLine, ...]:
        return (no_bmc("no BMC is reachable from this machine"),)

    async def doctor(self) -> Sequence[CoverageLine]:
        """Speaks for the BMC as a whole; the other sources only for what they read."""
        lines = await diagnose(self.bmc.talk, GET_DEVICE_ID, Component.BMC, local=self.bmc.local)
        if lines[0].status is CoverageStatus.WATCHED and self._plain_text:
            lines.append(
                CoverageLine(
                    component=Component.BMC,
                    status=CoverageStatus.WATCHED,
                    reason="RMCP (IPMI 1.5): readings and events travel as plain text",
                    cure="set interface = 'rmcpplus' where the BMC speaks IPMI 2.0",
                )
            )
        return lines


class DiscreteSource(IpmiSource):
    """State sensors, and the chassis."""

    def __init__(self, bmc: Bmc, device: str, period_s: float = 30.0) -> None:
        super().__init__(bmc, "discrete", device, period_s)
        self._walk = Walk(bmc.talk)
        self._sensors: tuple[Sensor, ...] = ()
        self._of: tuple[Planned, ...] | None = None
        self._present: dict[str, bool] = {}

    async def sweep(self, now: Moment) -> Sweep:
        budget = self.budget()
        bmc = self.bmc
        if not await bmc.prepare(budget):
            return self.unprepared()
        chassis = await self._chassis()
        host_on = bmc.local or not isinstance(chassis, States) or bool(chassis.bits & HOST_ON)
        walked = await self._walk.run(bmc.plan.discrete, budget, host_on=host_on)
        self._take_presence(walked)
        if self._of is not bmc.plan.discrete:
            self._of = bmc.plan.discrete
            self._sensors = (CHASSIS_POWER, *(planned.sensor for planned in self._of))
        self._watch_presence(walked.readings)
        slow = max(walked.offsets_ms, default=0) >= OFFSETS_FROM_MS
        return Sweep(
            asset=bmc.asset,
            sensors=self._sensors,
            readings=[chassis, *walked.readings],
            offsets_ms=[0, *walked.offsets_ms] if slow else (),
            complete=walked.complete,
        )

    def _take_presence(self, walked: Walked) -> None:
        told = list(zip(self.bmc.plan.discrete, walked.readings, strict=True))
        absent = absent_entities(told, self.bmc.absent or frozenset())
        self.bmc.absent = absent
        walked.readings[:] = [as_present(planned, reading, absent) for planned, reading in told]

    async def _chassis(self) -> Reading:
        try:
            return States(await self.bmc.chassis())
        except Unsupported as error:
            return Gap(GapReason.UNSUPPORTED, str(error))
        except DeviceBusy as error:
            return Gap(GapReason.BUSY, str(error))
        except (Refused, MalformedAnswer) as error:
            return Gap(GapReason.ERROR, str(error))

    def _watch_presence(self, readings: Sequence[Reading]) -> None:
        """A part that came or went has another serial number behind it: the inventory is read again."""
        for sensor, reading in zip(self._sensors[1:], readings, strict=True):
            if "present" not in sensor.states or not isinstance(reading, States):
                continue
            present = bool(reading.bits >> sensor.states.index("present") & 1)
            if self._present.get(sensor.id, present) != present:
                self.bmc.inventory_stale = True
            self._present[sensor.id] = present

    async def doctor(self) -> Sequence[CoverageLine]:
        return await diagnose(self.bmc.talk, GET_CHASSIS_STATUS, Component.POWER, local=self.bmc.local, quiet=True)
