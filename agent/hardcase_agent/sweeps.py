"""The loop: asks due sources, each as its own task with a deadline, and hands on the records that follow.

`app.py` runs it; what is due and what follows is decided by `sampling/`. A deadline abandons a call, it never waits.
This holds the one catch-all of the agent's sources.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from hardcase_agent.domain.diagnostic import Asked
from hardcase_agent.domain.errors import DeviceBusy, DeviceHung
from hardcase_agent.domain.event import SourceState
from hardcase_agent.domain.frame import Body, Catalogue, Moment, Sweep
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Clock, Source
from hardcase_agent.sampling.sampler import Outcome, Sampler, is_failure
from hardcase_agent.sampling.schedule import Planned

log = logging.getLogger(__name__)

TURN_S = 5.0
"""The loop turns at least this often: asyncio's clock stands still during suspend, CLOCK_BOOTTIME does not."""
SHORTEST_S = 0.005
CLOSE_S = 0.5
FREE_LOOK_S = 0.05
"""How often a device is tried that somebody wants to borrow."""

Keep = Callable[[Sequence[tuple[Body, Moment]]], Awaitable[None]]


class Sweeps:
    """`keep` takes records in order; it must not raise."""

    def __init__(
        self,
        sources: Iterable[Source],
        *,
        host: Asset,
        seed: str,
        clock: Clock,
        catalogue_id: Callable[[Catalogue], bytes],
        keep: Keep,
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._clock = clock
        self._keep = keep
        self._sampler = Sampler(
            _planned(self._sources.values()),
            host=host,
            seed=seed,
            now_ms=clock.now().boot_ms,
            catalogue_id=catalogue_id,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Task[Sweep]] = set()
        self._changed = asyncio.Event()
        self._waiting: dict[str, list[asyncio.Future[Asked]]] = {}
        self._stopping = False
        self.turned_ms = clock.now().boot_ms
        """When the loop turned last."""
        self.took_ms: dict[str, int] = {}
        """How long the newest sweep of each source took."""
        self.failing: dict[str, str] = {}
        """Sources that cannot be read now, and why."""

    @property
    def sources(self) -> Sequence[Source]:
        return tuple(self._sources.values())

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stopping:
            self._changed.clear()
            now = self._clock.now()
            self.turned_ms = now.boot_ms
            for name in self._sampler.due(now.boot_ms):
                self._start(name, now)
            due_ms = self._sampler.schedule.next_due_ms()
            wait_s = TURN_S if due_ms is None else min(TURN_S, max(SHORTEST_S, (due_ms - now.boot_ms) / 1000))
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def replace(self, sources: Iterable[Source]) -> list[Source]:
        """Take these from now on. A source object that was there before keeps its phase, breaker and catalogues.
        Returns the sources that are no longer used; the caller closes them."""
        fresh = {source.name: source for source in sources}
        for name in [name for name in self._waiting if fresh.get(name) is not self._sources.get(name)]:
            self._answer(name, Asked(name, None, "the configuration changed meanwhile"))
        gone = [source for name, source in self._sources.items() if fresh.get(name) is not source]
        kept = {name for name, source in fresh.items() if self._sources.get(name) is source}
        self._sources = fresh
        self._sampler.replan(_planned(fresh.values()), kept=kept, now_ms=self._clock.now().boot_ms)
        self.failing = {name: why for name, why in self.failing.items() if name in kept}
        self._changed.set()
        return gone

    @asynccontextmanager
    async def lend(self, device: str, within_s: float) -> AsyncIterator[None]:
        """No source asks this device inside. Raises DeviceBusy where it does not come free in time."""
        try:
            async with asyncio.timeout(within_s):
                while not self._sampler.schedule.lend(device):  # noqa: ASYNC110  (a device has no event of its own)
                    await asyncio.sleep(FREE_LOOK_S)
        except TimeoutError as error:
            raise DeviceBusy(f"{device} did not come free within {within_s:g} s") from error
        try:
            yield
        finally:
            self._sampler.schedule.give_back(device)
            self._changed.set()

    async def ask_now(self, names: Sequence[str], within_s: float) -> Sequence[Asked]:
        """Each of these sources once, out of turn, by the rules of every sweep: one call a device, breakers hold. What
        is under way counts."""
        now_ms = self._clock.now().boot_ms
        answers: dict[str, asyncio.Future[Asked]] = {}
        for name in names:
            answers[name] = answer = asyncio.get_running_loop().create_future()
            why = self._sampler.hasten(name, now_ms) if name in self._sources else "not a source of this agent"
            if why:
                answer.set_result(Asked(name, None, why))
            else:
                self._waiting.setdefault(name, []).append(answer)
        self._changed.set()
        try:
            if answers:
                await asyncio.wait(answers.values(), timeout=within_s)
        finally:
            for name, answer in answers.items():
                if not answer.done():
                    self._waiting[name].remove(answer)
                    answer.set_result(Asked(name, None, f"no answer within {within_s:g} s"))
        return [answer.result() for answer in answers.values()]

    def assets_of(self, name: str) -> Sequence[Asset]:
        """What this source reads, as far as it has told."""
        return self._sampler.assets(name)

    def _answer(self, name: str, asked: Asked) -> None:
        for waiting in self._waiting.pop(name, ()):
            if not waiting.done():
                waiting.set_result(asked)

    def stop(self) -> None:
        """Abandon every call; nothing is waited for."""
        self._stopping = True
        self._changed.set()
        for call in self._calls:
            call.cancel()
        for task in self._tasks:
            task.cancel()

    def _start(self, name: str, now: Moment) -> None:
        source = self._sources[name]
        self._sampler.started(name, now)
        task = asyncio.create_task(self._sweep(source, now), name=f"sweep {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self, source: Source, started: Moment) -> None:
        call = asyncio.create_task(source.sweep(started), name=f"call {source.name}")
        self._calls.add(call)
        call.add_done_callback(lambda done: self._returned(source, done))
        done, _ = await asyncio.wait({call}, timeout=source.deadline_s)
        now = self._clock.now()
        error: BaseException | None
        if done:
            error = asyncio.CancelledError("cancelled") if call.cancelled() else call.exception()
        else:
            call.cancel()
            error = DeviceHung(f"no answer within {source.deadline_s:g} s")
        if self._stopping or self._sources.get(source.name) is not source:
            return
        self.took_ms[source.name] = now.boot_ms - started.boot_ms
        if error is None:
            outcome, moment = self._take(source, call.result(), now), started
        else:
            outcome, moment = self._sampler.failed(source.name, error, now), now
        self._tell(source.name, outcome, error)
        await self._keep([(body, moment) for body in outcome.bodies])
        # After keeping: who asked for it finds it in the spool.
        failed = outcome.verdict.detail if is_failure(outcome.verdict.state) else ""
        self._answer(source.name, Asked(source.name, call.result() if error is None and not failed else None, failed))
        self._changed.set()

    def _take(self, source: Source, sweep: Sweep, now: Moment) -> Outcome:
        try:
            return self._sampler.succeeded(source.name, sweep, now)
        except Exception as error:
            # The one catch-all per source: a sweep that cannot be framed is this source's failure, not the agent's.
            if source.name not in self.failing:
                log.exception("sweep cannot be framed: source=%s", source.name)
            return self._sampler.failed(source.name, error, now)

    def _returned(self, source: Source, call: asyncio.Task[Sweep]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()
        if self._sources.get(source.name) is source:
            self._sampler.returned(source.name)
            self._changed.set()

    def _tell(self, name: str, outcome: Outcome, error: BaseException | None) -> None:
        """The first failure and the recovery are logged, not each repeat."""
        verdict = outcome.verdict
        failing = is_failure(verdict.state)
        known = self.failing.get(name)
        if failing:
            self.failing[name] = verdict.detail
        else:
            self.failing.pop(name, None)
        if not outcome.told:
            return
        if failing:
            log.warning("source cannot be read: source=%s state=%s reason=%s", name, verdict.state, verdict.detail)
            if error is not None and verdict.state is SourceState.FAILING:
                log.debug("source failed: source=%s", name, exc_info=error)
        elif known is not None:
            log.info("source can be read again: source=%s", name)
        elif verdict.state is SourceState.STRETCHED:
            log.warning("source is slow: source=%s %s", name, verdict.detail)


async def close_sources(sources: Iterable[Source]) -> None:
    """Lets go of devices; one that hangs is not waited for."""
    tasks = [asyncio.create_task(source.close()) for source in sources]
    if tasks:
        done, pending = await asyncio.wait(tasks, timeout=CLOSE_S)
        for task in pending:
            task.cancel()
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                log.debug("source did not close", exc_info=task.exception())


def _planned(sources: Iterable[Source]) -> list[Planned]:
    return [
        Planned(name=source.name, device=source.device, period_ms=max(1, round(source.period_s * 1000)))
        for source in sources
    ]
