"""The composition root: joins clock, doors, sources, sampling, spool and uplink, and runs them until told to stop.

The way of a reading: `sweeps.py` asks a source, `sampling/` makes records, `uplink/codec.py` seals them, the spool
keeps them, the uplink sends them (`link.py`). This file only ties the ends.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import signal
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hardcase_agent import __version__, logs
from hardcase_agent.airgap import serving
from hardcase_agent.clock import MachineClock, boot_id
from hardcase_agent.config import Settings, SpoolSettings, load_config
from hardcase_agent.control import ControlServer
from hardcase_agent.domain.errors import AgentError, ConfigError, RecordTooLarge
from hardcase_agent.domain.event import Maintenance
from hardcase_agent.domain.frame import Body, Moment
from hardcase_agent.domain.ports import Clock, Doors, Source
from hardcase_agent.domain.stream import EPOCH_BYTES
from hardcase_agent.footprint import forget_files
from hardcase_agent.helper.memory import give_back
from hardcase_agent.host_asset import seed_of
from hardcase_agent.link import Link
from hardcase_agent.machine import Machine
from hardcase_agent.self_report import measure
from hardcase_agent.sensors.catalogue import FAMILIES
from hardcase_agent.sensors.host.self_source import SelfSource
from hardcase_agent.spool.files import DiskFiles
from hardcase_agent.spool.spool import Spool, SpoolLimits
from hardcase_agent.spool.worker import SpoolWorker
from hardcase_agent.sweeps import Sweeps, close_sources
from hardcase_agent.systemd import Notifier
from hardcase_agent.uplink import codec
from hardcase_agent.workbench import Workbench, make_bench

log = logging.getLogger(__name__)

STOP_S = 2.5
"""For the last records and the goodbye; the whole stop takes under 5 s whatever hangs."""
SPOOL_CLOSE_S = 1.0
PULSE_S = 10.0
"""How often the spool is asked to answer and the status line is made, where no watchdog asks for more."""
LATE_TURNS = 3
"""The loop counts as stuck if it has not turned for this many of its longest turns (5 s)."""
TRIM_FIRST_S, TRIM_S = 30.0, 600.0
"""When memory of start-up is given back (costs about 20 ms): after the first sweeps, which use much that later ones do
not, then after twice the time, up to every ten minutes."""
LONGEST_WINDOW_S = 90 * 24 * 3600
"""A longer maintenance window is a mistake; the asset belongs out of service."""


class Agent:
    """One run of `hardcase-agent run`. Raises AgentError from `run` if it cannot start at all."""

    def __init__(self, config_path: Path, *, missing_is_default: bool, insecure: bool) -> None:
        self._config_path = config_path
        self._missing_is_default = missing_is_default
        self._insecure = insecure
        self._clock: Clock = MachineClock()
        self._notifier = Notifier()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; SIGHUP reloads."""
        self._watch_signals()
        self._settings = load_config(self._config_path, missing_is_default=self._missing_is_default)
        logs.set_up(self._settings.core.log_level, self._settings.core.log_form)
        self._machine = Machine(self._settings.core, self._clock)
        self._host = await self._machine.host()
        self._spool = self._open_spool()
        self._spool_state = await self._spool.state()
        self._self_source = SelfSource(self._host, lambda: measure(self._spool_state, self._sweeps.took_ms))
        self._built = self._build(self._settings, {})
        self._sweeps = Sweeps(
            self._all_sources(),
            host=self._host,
            seed=seed_of(self._host),
            clock=self._clock,
            catalogue_id=codec.catalogue_id,
            keep=self._keep,
        )
        self._link, self._workbench = self._join_collector()
        control = ControlServer(self._settings.core.state_dir, self._answer)
        await control.start()
        self._link.start(self._settings.core.collector)
        self._workbench.start()
        self._tasks += [
            asyncio.create_task(self._sweeps.run(), name="sweeps"),
            asyncio.create_task(self._pulse(), name="pulse"),
            asyncio.create_task(self._link.join_when_told(), name="joining"),
            asyncio.create_task(self._link.renew_when_due(), name="renewals"),
            asyncio.create_task(_trim(), name="trim"),
        ]
        # What start-up made lives as long as the process: never walked again by the collector.
        gc.collect()
        gc.freeze()
        log.info("agent runs: version=%s sources=%d", __version__, len(self._sweeps.sources))
        self._notifier.ready()
        try:
            await self._until_stopped()
        finally:
            await self._shut_down(control)

    # Life

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    async def _until_stopped(self) -> None:
        stop = asyncio.create_task(self._stop.wait())
        while not self._stop.is_set():
            reload = asyncio.create_task(self._reload.wait())
            await asyncio.wait({stop, reload, *self._loops()}, return_when=asyncio.FIRST_COMPLETED)
            reload.cancel()
            if self._reload.is_set():
                self._reload.clear()
                await self._reload_config()
            for task in self._loops():
                if task.done():
                    # A loop that ends by itself is a defect; systemd starts us anew, the spool has everything.
                    task.result()
                    raise RuntimeError(f"{task.get_name()} ended by itself")
        stop.cancel()

    def _loops(self) -> list[asyncio.Task[None]]:
        """What must never end before the agent does. The uplink's is another after a reload."""
        return [*self._tasks, *([self._link.task] if self._link.task is not None else [])]

    async def _shut_down(self, control: ControlServer) -> None:
        self._notifier.stopping()
        await self._workbench.stop()
        self._sweeps.stop()
        await self._link.stop("clean stop", deadline_s=STOP_S)
        for task in self._tasks:
            task.cancel()
        await control.close()
        await close_sources(self._sweeps.sources)
        await self._spool.close(deadline_s=SPOOL_CLOSE_S)
        log.info("agent stopped")

    async def _reload_config(self) -> None:
        """All or nothing: a file with a mistake changes nothing and is told."""
        now_us = self._clock.now().boot_ms * 1000
        self._notifier.reloading(now_us)
        try:
            settings = load_config(self._config_path, missing_is_default=self._missing_is_default)
            if (
                settings.core.state_dir != self._settings.core.state_dir
                or settings.core.mode != self._settings.core.mode
            ):
                raise ConfigError(("state_dir and mode cannot change while the agent runs: restart it",))
            built = self._build(settings, self._built)
        except AgentError as error:
            log.error("configuration is not taken, the old one stays: %s", error)
            self._notifier.ready()
            return
        self._settings, self._built = settings, built
        logs.set_up(settings.core.log_level, settings.core.log_form)
        await self._spool.limit(_limits(settings.core.spool))
        await close_sources(self._sweeps.replace(self._all_sources()))
        await self._link.use(settings.core.collector, deadline_s=STOP_S)
        log.info("configuration reloaded: sources=%d", len(self._sweeps.sources))
        self._notifier.ready()

    # Parts

    def _open_spool(self) -> SpoolWorker:
        core = self._settings.core
        spool = Spool(
            DiskFiles(core.state_dir / "spool"),
            _limits(core.spool),
            epoch=secrets.token_bytes(EPOCH_BYTES),
            boot_id=boot_id(),
            seal_loss=codec.seal_loss,
            now=self._clock.now(),
        )
        return SpoolWorker(spool, self._clock)

    def _build(
        self, settings: Settings, before: Mapping[str, tuple[Any, Sequence[Source]]]
    ) -> dict[str, tuple[Any, Sequence[Source]]]:
        """Sources by family. A family whose settings did not change keeps its source objects. Raises AgentError."""
        built = {}
        for family in FAMILIES:
            if family.name not in settings.families:
                continue
            wanted = settings.families[family.name]
            known = before.get(family.name)
            if known is not None and known[0] == wanted:
                built[family.name] = known
            else:
                built[family.name] = (wanted, tuple(family.module().build(wanted, self._doors())))
        names = [source.name for _, sources in built.values() for source in sources]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ConfigError(tuple(f"two sources are named {name}" for name in doubled))
        return built

    def _join_collector(self) -> tuple[Link, Workbench]:
        core = self._settings.core
        link = Link(
            host=self._host,
            backlog=self._spool,
            clock=self._clock,
            state_dir=core.state_dir,
            insecure=self._insecure,
            allowed=lambda: self._settings.core.diagnostics.allowed(),
            ask=lambda request: self._workbench.asked(request),
            upload_bytes_per_s=lambda: self._settings.core.diagnostics.upload_max_kib_s * 1024,
        )
        bench = partial(
            make_bench,
            host=self._host,
            clock=self._clock,
            commands=self._machine.commands,
            sources=lambda: self._sweeps.sources,
            assets_of=self._sweeps.assets_of,
            lend=self._sweeps.lend,
            ask_now=self._sweeps.ask_now,
            config_path=self._config_path,
            facts=lambda: {"failing": dict(self._sweeps.failing), "took_ms": dict(self._sweeps.took_ms)},
        )
        return link, Workbench(
            state_dir=core.state_dir,
            settings=lambda: self._settings.core.diagnostics,
            bench=bench,
            uploader=link.uploads,
            say=link.say,
        )

    def _doors(self) -> Doors:
        return self._machine.doors(self._host)

    def _all_sources(self) -> list[Source]:
        sources = [source for _, family in self._built.values() for source in family]
        return [*sources, self._self_source]

    # Records

    async def _keep(self, records: Sequence[tuple[Body, Moment]]) -> None:
        if not records:
            return
        sealed = [codec.seal(body, moment) for body, moment in records]
        try:
            await self._spool.append(sealed)
        except RecordTooLarge as error:
            log.error("record refused: %s", error)
        self._link.notify()

    async def _answer(self, request: Mapping[str, Any], user: str) -> Mapping[str, Any]:
        match request.get("ask"):
            case "maintenance":
                return await self._open_window(request, user)
            case "status":
                return await self._describe()
            case "diagnostics":
                return await self._workbench.here(request, user)
            case ask if ask in serving.ASKS:
                return await serving.answer(self._spool, request, user)
            case _:
                raise ConfigError(("this agent does not know the request",))

    async def _open_window(self, request: Mapping[str, Any], user: str) -> Mapping[str, Any]:
        duration, reason = request.get("duration_s"), request.get("reason")
        if not isinstance(duration, int) or not 0 <= duration <= LONGEST_WINDOW_S or not isinstance(reason, str):
            raise ConfigError((f"a window lasts 0 to {LONGEST_WINDOW_S} s and has a reason",))
        window = Maintenance(
            asset=self._host, window_id=secrets.token_bytes(16), duration_s=duration, reason=reason[:500], by=user
        )
        await self._keep([(window, self._clock.now())])
        log.info("maintenance window asked for: duration_s=%d by=%s", duration, user)
        return {"window_id": window.window_id.hex(), "duration_s": duration}

    async def _describe(self) -> Mapping[str, Any]:
        self._spool_state = state = await self._spool.state()
        status = self._link.status()
        return {
            "version": __version__,
            "connected": bool(status and status.connected),
            "reason": status.reason if status else "no collector.address",
            "streams": status.streams if status else 0,
            "rejected": status.rejected if status else 0,
            "reports_dropped": status.reports_dropped if status else 0,
            "spool_records": state.records,
            "spool_bytes": state.bytes,
            "lost": state.lost,
            "failing": dict(self._sweeps.failing),
        }

    # Health

    async def _pulse(self) -> None:
        """Tells systemd that the loop turns and the spool answers. A full disk is an answer: restarting would not
        empty it, and what waits in memory would be gone."""
        period = min(PULSE_S, (self._notifier.watchdog_s or PULSE_S * 3) / 3)
        while True:
            try:
                async with asyncio.timeout(period):
                    await self._spool.flush()
                    described = await self._describe()
            except TimeoutError:
                log.error("spool does not answer: its disk hangs")
                self._notifier.status("the spool's disk hangs")
            else:
                late_ms = self._clock.now().boot_ms - self._sweeps.turned_ms
                if late_ms < LATE_TURNS * 5000:
                    self._notifier.alive()
                self._notifier.status(_status_line(described))
            await asyncio.sleep(period)


async def _trim() -> None:
    pause_s = TRIM_FIRST_S
    while True:
        await asyncio.sleep(pause_s)
        give_back()
        if pause_s == TRIM_FIRST_S:
            forget_files()
        pause_s = min(TRIM_S, pause_s * 2)


def _limits(spool: SpoolSettings) -> SpoolLimits:
    return SpoolLimits(max_bytes=spool.max_mib * 1024 * 1024, max_age_ms=int(spool.max_age_days * 86_400_000))


def _status_line(described: Mapping[str, Any]) -> str:
    link = "streaming" if described["connected"] else f"not streaming ({described['reason']})"
    failing = len(described["failing"])
    return f"{link}; {failing} sources cannot be read; {described['spool_records']} records wait"
