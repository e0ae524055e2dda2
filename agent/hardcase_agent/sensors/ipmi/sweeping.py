"""Walking a plan within a budget: chunks, busy sensors asked again, resuming where the last sweep stopped.

`sensor_sources.py` runs it; no I/O but through the conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hardcase_agent.domain.errors import AccessDenied, AgentError, CredentialsRefused, DeviceHung
from hardcase_agent.domain.ports import IpmiAnswers
from hardcase_agent.domain.reading import Gap, GapReason, Reading
from hardcase_agent.sensors.ipmi.commands import get_sensor_factors
from hardcase_agent.sensors.ipmi.conversation import BUSY_TRIES, Budget, Conversation, is_busy
from hardcase_agent.sensors.ipmi.plan import Planned
from hardcase_agent.sensors.ipmi.readings import is_reading, parse_number

CHUNK = 64
"""Requests per call of the device: a call's thread change costs as much as half a request on loopback."""
MOST_FACTORS = 4096
"""Of non-linear sensors: 256 raw readings of 16 sensors, more than any board has."""
HOST_OFF = Gap(GapReason.HOST_OFF)
NOT_SWEPT = Gap(GapReason.NOT_SWEPT)


@dataclass(slots=True)
class Walked:
    """What one walk brought home: a reading per planned sensor."""

    readings: list[Reading]
    answers: dict[int, bytes] = field(default_factory=dict)
    offsets_ms: list[int] = field(default_factory=list)
    complete: bool = True
    error: AgentError | None = None
    """Why it stopped before its end, if the device failed."""


class Walk:
    """Remembers where to begin. One per source."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk
        self._begin = 0
        self._factors: dict[tuple[str, int], bytes] = {}

    async def run(self, plan: Sequence[Planned], budget: Budget, *, host_on: bool) -> Walked:
        """Raises the device's error only when no sensor was read at all."""
        walked = Walked([NOT_SWEPT] * len(plan), offsets_ms=[0] * len(plan))
        started = budget.left_s
        begin = self._begin if self._begin < len(plan) else 0
        order = [(begin + step) % len(plan) for step in range(len(plan))]
        asked = [index for index in order if host_on or not plan[index].sensor.host_powered]
        if not host_on:
            _mark_off(plan, walked)
        done = await self._ask(plan, asked, walked, budget, started)
        self._begin = 0
        if done < len(asked):
            self._stop(asked, done, walked)
        if walked.error is not None and not walked.answers:
            raise walked.error
        busy = [index for index, answer in walked.answers.items() if is_busy(answer)]
        if busy and walked.error is None:
            await self._again(plan, busy, walked, budget, started)
        curved = [index for index in walked.answers if plan[index].curve is not None]
        if curved and walked.error is None:
            await self._on_curves(plan, curved, walked, budget)
        return walked

    async def _on_curves(self, plan: Sequence[Planned], curved: Sequence[int], walked: Walked, budget: Budget) -> None:
        """Non-linear sensors: their factors at each raw reading, asked once per reading and kept."""
        good = [index for index in curved if is_reading(walked.answers[index])]
        places = {index: (plan[index].sensor.id, walked.answers[index][1]) for index in good}
        missing = [index for index in good if places[index] not in self._factors]
        requests = [
            get_sensor_factors(plan[index].request.data[0], places[index][1], plan[index].request.lun)
            for index in missing
        ]
        outcome = await self._talk.ask_many(requests, budget) if requests else IpmiAnswers(())
        if len(self._factors) + len(missing) > MOST_FACTORS:
            self._factors.clear()
        for index, answer in zip(missing, outcome.answers, strict=False):
            if answer[:1] == b"\0":
                self._factors[places[index]] = answer[1:]
        for index in good:
            curve, factors = plan[index].curve, self._factors.get(places[index])
            linear = curve.with_factors(factors) if curve is not None and factors is not None else None
            if linear is not None:
                walked.readings[index] = parse_number(walked.answers[index], linear)

    async def _ask(
        self, plan: Sequence[Planned], asked: Sequence[int], walked: Walked, budget: Budget, started: float
    ) -> int:
        """How many of `asked` were answered."""
        done = 0
        while done < len(asked) and not budget.spent:
            chunk = asked[done : done + CHUNK]
            outcome = await self._talk.ask_many([plan[index].request for index in chunk], budget)
            at = round((started - budget.left_s) * 1000)
            for index, answer in zip(chunk, outcome.answers, strict=False):
                walked.answers[index] = answer
                walked.readings[index] = plan[index].read(answer)
                walked.offsets_ms[index] = at
            done += len(outcome.answers)
            if outcome.error is not None:
                walked.error = outcome.error
                break
        return done

    def _stop(self, asked: Sequence[int], done: int, walked: Walked) -> None:
        if walked.error is None:
            self._begin = asked[done]
            walked.complete = False
            return
        # One sensor that hangs the BMC must not hide those behind it: the next sweep begins after it.
        self._begin = asked[(done + 1) % len(asked)]
        gap = gap_of(walked.error)
        for index in asked[done:]:
            walked.readings[index] = gap

    async def _again(
        self, plan: Sequence[Planned], busy: list[int], walked: Walked, budget: Budget, started: float
    ) -> None:
        for _ in range(BUSY_TRIES - 1):
            if not busy or budget.spent:
                return
            await self._talk.pause()
            await self._ask(plan, busy, walked, budget, started)
            if walked.error is not None:
                return
            busy = [index for index in busy if is_busy(walked.answers[index])]


def _mark_off(plan: Sequence[Planned], walked: Walked) -> None:
    for index, planned in enumerate(plan):
        if planned.sensor.host_powered:
            walked.readings[index] = HOST_OFF


def gap_of(error: AgentError) -> Gap:
    """Why a sensor has no value, from the device's error."""
    if isinstance(error, DeviceHung):
        return Gap(GapReason.HUNG, str(error))
    if isinstance(error, AccessDenied | CredentialsRefused):
        return Gap(GapReason.DENIED, str(error))
    return Gap(GapReason.ERROR, str(error))
