"""The source of sensors that controllers behind the BMC own: an ME, a chassis manager, a blade's own controller.

The BMC passes each question on (Send Message). Slow and optional, so it stands apart from the BMC's own sensors: a
silent controller costs one question in ten minutes, and its own sensors a named gap. `family.py` builds it.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.ports import Controller
from hardcase_agent.domain.reading import Gap, GapReason, Reading
from hardcase_agent.sensors.ipmi.bmc import Bmc
from hardcase_agent.sensors.ipmi.commands import completion
from hardcase_agent.sensors.ipmi.conversation import Budget
from hardcase_agent.sensors.ipmi.plan import Planned
from hardcase_agent.sensors.ipmi.sensor_sources import IpmiSource
from hardcase_agent.sensors.ipmi.sweeping import HOST_OFF, NOT_SWEPT, gap_of

UNREACHED = {
    0x80: "the BMC's session for it is not valid",
    0x81: "the bus behind the BMC was lost to another master",
    0x82: "error on the bus behind the BMC",
    0x83: "nobody acknowledges at its address",
    0xC3: "it does not answer",
    0xD3: "it is not there",
}
"""Completion codes that speak of the whole controller (Send Message, 22.7; timeout; destination unavailable)."""
REFUSED = {0xC1: "the BMC passes no messages on", 0xD4: "the account may not have messages passed on"}
QUIET_MS = 600_000
"""Until a controller that did not answer is asked again: each try holds the BMC for two seconds."""


class BehindSource(IpmiSource):
    """Readings and states of every controller behind one BMC that its sensor records name."""

    def __init__(self, bmc: Bmc, device: str, period_s: float = 60.0, *, asked: bool = True) -> None:
        """`asked` False: the configuration forbids it, and coverage says so."""
        super().__init__(bmc, "behind", device, period_s)
        self._asked = asked
        self._silent: dict[Controller, tuple[int, Gap]] = {}
        """When it may be asked again, and why it is not now."""
        self._begin = 0

    async def sweep(self, now: Moment) -> Sweep:
        budget = self.budget()
        bmc = self.bmc
        if not await bmc.prepare(budget):
            return self.unprepared()
        if not bmc.plan.behind:
            return Sweep(asset=bmc.asset, coverage=self.tell(()))
        plan = [(controller, planned) for controller, those in bmc.plan.behind.items() for planned in those]
        readings = await self._read(plan, budget, now, host_on=await bmc.host_on())
        return Sweep(
            asset=bmc.asset,
            sensors=tuple(planned.sensor for _, planned in plan),
            readings=readings,
            coverage=self.tell(tuple(self._coverage(*one) for one in bmc.plan.behind.items())),
            complete=NOT_SWEPT not in readings,
        )

    async def _read(
        self, plan: Sequence[tuple[Controller, Planned]], budget: Budget, now: Moment, *, host_on: bool
    ) -> list[Reading]:
        """From where the last sweep's budget ended. Raises the BMC's error only where nothing at all was answered."""
        readings: list[Reading] = [NOT_SWEPT] * len(plan)
        begin, self._begin = self._begin % len(plan), 0
        failed: AgentError | None = None
        answered = False
        for index in (*range(begin, len(plan)), *range(begin)):
            controller, planned = plan[index]
            why = self._why_not(controller, now)
            if why is not None:
                readings[index] = why
            elif planned.sensor.host_powered and not host_on:
                readings[index] = HOST_OFF
            elif failed is not None:
                readings[index] = gap_of(failed)
            elif budget.spent:
                self._begin = self._begin or index
            else:
                try:
                    answer = await self.bmc.talk.ask_behind(controller, planned.request)
                except AgentError as error:
                    failed = error
                    readings[index] = gap_of(error)
                    continue
                answered = True
                readings[index] = self._take(controller, planned, answer, now)
        if failed is not None and not answered:
            raise failed
        return readings

    def _take(self, controller: Controller, planned: Planned, answer: bytes, now: Moment) -> Reading:
        why = silence_of(answer)
        if why is None:
            self._silent.pop(controller, None)
            return planned.read(answer)
        self._silent[controller] = (now.boot_ms + QUIET_MS, why)
        return why

    def _why_not(self, controller: Controller, now: Moment) -> Gap | None:
        if not self._asked:
            return Gap(GapReason.UNSUPPORTED, "controllers behind the BMC are not asked (ipmi.behind = false)")
        if not self.bmc.talk.bridges:
            return Gap(GapReason.UNSUPPORTED, "this way to the BMC passes no messages on")
        until_ms, why = self._silent.get(controller, (0, None))
        return why if now.boot_ms < until_ms else None

    def _coverage(self, controller: Controller, plan: Sequence[Planned]) -> CoverageLine:
        _, silent = self._silent.get(controller, (0, None))
        if self._asked and self.bmc.talk.bridges and silent is None:
            return CoverageLine(component=Component.BMC, status=CoverageStatus.WATCHED)
        name = f"the controller at {controller.address:02X}h on channel {controller.channel}"
        if silent is not None:
            why = silent.detail
            cure = "look whether it is powered and updated; its events are read from the BMC's log meanwhile"
        else:
            why = "it is not asked"
            cure = "set ipmi.behind = true" if not self._asked else "read this BMC over the LAN or through the helper"
        return CoverageLine(
            component=Component.BMC,
            status=CoverageStatus.UNREADABLE,
            reason=f"{len(plan)} sensors of {name}: {why}",
            cure=cure,
        )

    async def doctor(self) -> Sequence[CoverageLine]:
        """The other sources speak for the BMC; what stands behind it is known after the first sweep."""
        return [self._coverage(*one) for one in self.bmc.plan.behind.items() if one[0] in self._silent]


def silence_of(answer: bytes) -> Gap | None:
    """Why none of a controller's sensors can be read, by one answer; None where that says nothing of the others."""
    code = answer[0] if answer else 0xC3
    if code in REFUSED:
        return Gap(GapReason.UNSUPPORTED if code == 0xC1 else completion(code).reason, REFUSED[code])
    if code in UNREACHED:
        return Gap(GapReason.HUNG if code == 0xC3 else GapReason.ABSENT, UNREACHED[code])
    return None
