"""Joins schedule, breaker and framing for a set of sources: what to ask, and the records that follow from an answer.

`app.py` runs the calls and the deadlines; this decides. A record is returned with the moment it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.event import SourceState, SourceStatus
from hardcase_agent.domain.frame import Body, Catalogue, Moment, Sweep
from hardcase_agent.domain.part import Asset
from hardcase_agent.sampling.breaker import NEVER, Breaker, Verdict
from hardcase_agent.sampling.framing import Framer
from hardcase_agent.sampling.schedule import SWEEP_SHARE, Planned, Schedule

REFUSED_UNTIL_MS = 2**62
"""Further than any uptime: a refused source waits for a new configuration."""
SHORTEST_REST_MS = 1_000
"""An incomplete sweep goes on before its next period, but the device gets a breath: four times what the portion took,
so that it is never asked for more than a fifth of the time, and a second at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one finished call means."""

    bodies: tuple[Body, ...]
    verdict: Verdict

    @property
    def told(self) -> bool:
        """The condition changed: log it once."""
        return self.verdict.changed


class _Sampled:
    def __init__(self, planned: Planned, catalogue_id: Callable[[Catalogue], bytes]) -> None:
        self.planned = planned
        self.breaker = Breaker()
        self.framer = Framer(planned.name, catalogue_id)
        self.started: Moment | None = None
        self.spent_ms = 0
        """Portions of the sweep under way that came back incomplete."""
        self.open_until_ms = 0
        """Until then the breaker is open."""
        self.why = ""


class Sampler:
    """State of every source of one configuration. `host` stands for a source that never told its asset."""

    def __init__(
        self,
        sources: Iterable[Planned],
        *,
        host: Asset,
        seed: str,
        now_ms: int,
        catalogue_id: Callable[[Catalogue], bytes],
    ) -> None:
        planned = tuple(sources)
        self._host = host
        self._catalogue_id = catalogue_id
        self.schedule = Schedule(planned, seed=seed, now_ms=now_ms)
        self._sampled = {one.name: _Sampled(one, catalogue_id) for one in planned}

    def replan(self, sources: Iterable[Planned], *, kept: Collection[str], now_ms: int) -> None:
        """A new configuration. Sources named in `kept` are the same as before and keep everything."""
        planned = tuple(sources)
        self.schedule.replan(planned, kept=kept, now_ms=now_ms)
        self._sampled = {
            one.name: self._sampled[one.name] if one.name in kept else _Sampled(one, self._catalogue_id)
            for one in planned
        }

    def due(self, now_ms: int) -> Sequence[str]:
        return self.schedule.due(now_ms)

    def started(self, name: str, now: Moment) -> None:
        self._sampled[name].started = now
        self.schedule.started(name, now.boot_ms)

    def succeeded(self, name: str, sweep: Sweep, now: Moment) -> Outcome:
        sampled = self._sampled[name]
        started = sampled.started or now
        portion_ms = max(0, now.boot_ms - started.boot_ms)
        took_ms = sampled.spent_ms + portion_ms
        sampled.spent_ms = 0 if sweep.complete else took_ms
        self.schedule.measured(name, started.boot_ms, took_ms)
        if not sweep.complete:
            rest_ms = max(SHORTEST_REST_MS, portion_ms * (SWEEP_SHARE - 1))
            self.schedule.hasten(name, now.boot_ms + rest_ms)
        period_ms = self.schedule.period_ms(name)
        stretched = self.schedule.stretched(name)
        detail = f"a sweep took {took_ms} ms, period is now {period_ms} ms" if stretched else ""
        sampled.open_until_ms = 0
        # First: what cannot be framed was no success.
        bodies = sampled.framer.bodies(sweep, started, period_ms)
        verdict = sampled.breaker.succeeded(stretched=stretched, detail=detail)
        return Outcome(bodies=(*self._status(sampled, verdict, period_ms), *bodies), verdict=verdict)

    def failed(self, name: str, error: BaseException, now: Moment) -> Outcome:
        """The call raised, or was abandoned at its deadline (then `error` is DeviceHung)."""
        sampled = self._sampled[name]
        sampled.spent_ms = 0
        verdict = sampled.breaker.failed(error, now.boot_ms)
        sampled.why = verdict.detail
        if verdict.retry_ms is not None:
            sampled.open_until_ms = REFUSED_UNTIL_MS if verdict.retry_ms == NEVER else verdict.retry_ms
            self.schedule.postpone(name, sampled.open_until_ms)
        bodies = self._status(sampled, verdict, self.schedule.period_ms(name))
        return Outcome(bodies=tuple(bodies), verdict=verdict)

    def assets(self, name: str) -> Sequence[Asset]:
        """What this source reads, as far as it has told."""
        return self._sampled[name].framer.assets() if name in self._sampled else ()

    def hasten(self, name: str, now_ms: int) -> str:
        """Due now, out of turn. Returns why not: the breaker is open, for good reason."""
        sampled = self._sampled[name]
        if sampled.open_until_ms > now_ms:
            return f"not asked before its time, because it failed again and again: {sampled.why}"
        self.schedule.hasten(name, now_ms)
        return ""

    def returned(self, name: str) -> None:
        """The call is over in fact: the device may be asked again."""
        self.schedule.returned(name)

    def _status(self, sampled: _Sampled, verdict: Verdict, period_ms: int) -> list[Body]:
        if not verdict.changed:
            return []
        assets = sampled.framer.assets() or (self._host,)
        return [
            SourceStatus(
                asset=asset,
                source=sampled.planned.name,
                state=verdict.state,
                detail=verdict.detail,
                period_ms=period_ms,
                failures=verdict.failures,
            )
            for asset in assets
        ]


def is_failure(state: SourceState) -> bool:
    """True for the states in which nothing is read."""
    return state not in (SourceState.OK, SourceState.STRETCHED)
