"""`serve`: joins every part of the collector, runs it, reloads it, stops it. The composition root; called by `cli.py`.

Inner parts come from `composition.py`, listening ends from `listening.py`, health and numbers from `vitals.py` and
`numbers.py`, what is done every minute and every few hours from `upkeep.py`.
"""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from hardcase_collector import __version__, composition, desks, diagnosing, listening, logs, pki, servers
from hardcase_collector.airgap import AirGap
from hardcase_collector.cases.calendars import Calendars
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.precision import Confidence
from hardcase_collector.cases.reports import Reports
from hardcase_collector.config import Settings
from hardcase_collector.delivering import Delivering, given_up, prepare
from hardcase_collector.domain.advice import Counsel, Live
from hardcase_collector.domain.case import Case
from hardcase_collector.ingest.by_file import FileIntake
from hardcase_collector.judging import Judging, judging_of
from hardcase_collector.notify.events import Sender
from hardcase_collector.numbers import Numbers
from hardcase_collector.reloading import Reloading
from hardcase_collector.rollover import Rollover
from hardcase_collector.roots import Roots, Site
from hardcase_collector.rpc.joining import Enrolment
from hardcase_collector.sdnotify import Notifier
from hardcase_collector.upkeep import Upkeep
from hardcase_collector.vitals import DiskReserve, Heartbeat, Readiness
from hardcase_collector.web.control.ports import Control
from hardcase_collector.web.ports import Health, Shop

log = structlog.stdlib.get_logger("hardcase_collector")

DRAIN_S = 25.0


def clock_ms() -> int:
    """Wall time, ms of Unix time."""
    return time.time_ns() // 1_000_000


async def serve(settings: Settings, *, config_path: Path | None, insecure: bool = False) -> None:
    """Runs until SIGTERM or SIGINT. Raises ConfigError, SheetError, StoreLocked, StoreFailed before it is ready."""
    logs.set_up(settings.log_level, settings.log_format)
    with composition.locked_stores(settings) as stores:
        collector = Collector(settings, config_path, stores, insecure=insecure)
        await collector.run()


class Collector:
    """One running collector."""

    def __init__(
        self, settings: Settings, config_path: Path | None, stores: composition.Stores, *, insecure: bool
    ) -> None:
        self._settings = settings
        self._config_path = config_path
        self._stores = stores
        self._insecure = insecure
        self._notifier = Notifier()
        self._stopping = asyncio.Event()
        self._reloading = Reloading(
            settings,
            config_path,
            stores.state,
            self._notifier,
            rules=self._take_rules,
            channels=lambda channels: self._delivering.use(channels),
            clock_ms=clock_ms,
        )
        self._files = pki.ServerFiles.below(settings.data_dir)
        tls = settings.tls
        self._roots = Roots(self._files, Site(tls.certificate, tls.key, tls.ca, tls.client_ca))
        self._rollover = Rollover(self._roots, stores.state, tell=lambda retired: self._inlet.tell_trust(retired))
        self._upkeep = Upkeep(
            stores,
            self._roots,
            self._rollover,
            clock_ms=clock_ms,
            expire=lambda now_ms: (self._attachments.expire(now_ms), self._diagnostics.receiving.expire(now_ms)),
        )
        self._upkeep.renew_certificate()
        self._disk = DiskReserve(settings.data_dir, settings.disk)
        self._build_deciding()
        self._build_keeping()
        self._build_taking()

    # ------------------------------------------------------------------ building

    def _build_deciding(self) -> None:
        """What decides and tells: rules, channels, cases."""
        settings, stores = self._settings, self._stores
        self._judging = judging_of(settings, stores.state)
        self._opening = Opening(lambda: self._judging.terms)
        self._delivering = Delivering(
            prepare(settings.channel),
            stores.state,
            Sender(
                source=f"urn:hardcase:{self._roots.collector_id}",
                page_url=f"{self._pages_url()}/cases/",
                title=self._title,
                counsel=self._counsel,
            ),
            clock_ms=clock_ms,
        )
        self._calendars = Calendars(self._delivering.announcer)
        self._actions = desks.case_actions(
            self._delivering.announcer,
            desks.desk_settings(settings),
            joins=lambda: self._judging.book.joins,
            storms=lambda: self._judging.book.storms,
            opening=self._opening,
            baselines_changed=lambda feed: self._inlet.reread_feed(feed),
        )
        self._reports = Reports(self._delivering.announcer, self._opening, lambda: self._judging.book.categories())
        self._spares = desks.spares(self._delivering.announcer, lambda: self._judging)
        self._service = desks.service(
            settings, self._disk, self._delivering.announcer, self._actions, lambda: self._judging, self._pages_url
        )

    def _build_keeping(self) -> None:
        """What keeps files: of cases, of agents' answers."""
        settings, stores = self._settings, self._stores
        self._attachments = desks.attachments(settings, stores.state, self._delivering.announcer, self._disk)
        self._diagnostics = diagnosing.diagnostics(
            settings,
            stores.state,
            self._delivering.announcer,
            self._attachments,
            self._disk,
            nudge=lambda agent: self._inlet.ask(agent),
        )
        self._attachments.tidy()
        self._diagnostics.receiving.tidy()

    def _build_taking(self) -> None:
        """What takes from agents, and what works on the writer's thread beside it."""
        settings, stores, desk_settings = self._settings, self._stores, desks.desk_settings(self._settings)
        desk = desks.case_desk(self._delivering.announcer, desk_settings, lambda: self._judging, self._opening)
        self._inlet = composition.inlet(
            stores,
            self._judging.engine,
            desk,
            settings,
            self._disk,
            roots=self._roots,
            insecure=self._insecure,
            clock_ms=clock_ms,
            also=(self._service, self._spares, self._calendars, self._diagnostics.telling),
            diagnostics=self._diagnostics,
        )
        self._replays = composition.replays(settings, stores, desk_settings, lambda: self._judging.book)
        self._backups = composition.backups(
            stores,
            settings,
            self._disk,
            ca_fingerprint=lambda: self._roots.issuing.fingerprint,
            between_groups=lambda work: self._inlet.writer.submit(work).result(composition.FREEZE_WAIT_S),
        )
        self._heartbeat = Heartbeat(self._inlet.writer.submit)
        self._air_gap = AirGap(
            stores.state,
            FileIntake(self._inlet.intake),
            self._roots,
            submit=self._inlet.writer.submit,
            enrolment=Enrolment(stores.state, self._roots),
            clock_ms=clock_ms,
        )
        self._build_watching(desk)

    def _build_watching(self, desk: CaseDesk) -> None:
        """What says how all of it is."""
        stores = self._stores
        self._readiness = Readiness(
            (
                stores.state.healthy,
                stores.telemetry.healthy,
                self._disk.trouble,
                lambda: self._inlet.intake.trouble,
                self._heartbeat.writer_trouble,
            )
        )
        self._numbers = Numbers(
            state=stores.state,
            inlet=self._inlet,
            delivering=self._delivering,
            disk=self._disk,
            diagnostics=self._diagnostics,
            certificate=self._files.chain,
            ca=self._files.ca,
            clock_ms=clock_ms,
            unreadable_terms=lambda: len(desk.unreadable),
        )

    def _title(self, fault_class: str, language: str) -> str:
        return self._judging.title(fault_class, language)

    def _counsel(self, case: Case, live: Live) -> Counsel | None:
        return self._judging.book.counsel(case.part, case.fault_classes, live)

    def _pages_url(self) -> str:
        """What people type: the setting, or the first name of the server certificate with the port of the pages."""
        if self._settings.web.public_url:
            return self._settings.web.public_url.rstrip("/")
        return f"https://{servers.reached_at(self._roots.names[0], self._settings.listen.web)}"

    def _shop(self) -> Shop:
        return Shop(
            store=self._stores.state,
            actions=self._actions,
            readings=lambda tx, asset: self._judging.readings(tx, asset),
            title=self._title,
            group=lambda name, language: self._judging.book.group_title(name, language),
            counsel=self._counsel,
            books_world=lambda: desks.books_world(self._judging.terms.plans),
            handling=Handling(self._delivering.announcer),
            reports=self._reports,
            attachments=self._attachments,
            diagnostics=self._diagnostics.asking,
            confidence=Confidence(self._stores.state, clock_ms).of,
            calendars=self._calendars,
            terms=lambda: self._judging.terms,
            service=self._service,
            orders=self._spares.orders,
            spares=self._spares,
            clock_ms=clock_ms,
        )

    def _health(self) -> Health:
        return Health(reasons=self._readiness.reasons, alive=self._heartbeat.alive, gauges=self._numbers.read)

    def _control(self, ends: servers.Ends) -> Control:
        return Control(
            shop=self._shop(),
            health=self._health(),
            rules=lambda: self._judging.book.describe(),
            about=listening.about(ends, self._settings, self._roots, self._pages_url()),
            rollover=self._rollover,
            last_reload=lambda: self._reloading.last,
            revoked=self._inlet.revoke,
            greet_again=self._inlet.greet_again,
            baselines_changed=self._inlet.reread_feed,
            backups=self._backups.take,
            replays=self._replays,
            air_gap=self._air_gap,
            default_customer=self._settings.customer,
        )

    # ------------------------------------------------------------------ running

    async def run(self) -> None:
        """Starts everything, says READY, waits for the signal, drains."""
        self._catch_signals()
        async with AsyncExitStack() as stack:
            ends = await self._open_ends(stack)
            tasks = [
                asyncio.create_task(work, name=name)
                for name, work in (
                    ("heartbeat", self._heartbeat.beat()),
                    ("watchdog", self._watchdog()),
                    ("maintenance", self._upkeep.maintain_stores()),
                    ("certificate", self._upkeep.look_after_certificate(self._renewed)),
                    ("standing", self._upkeep.look_after_standing(self._inlet.service.hold_to)),
                    ("delivery", self._delivering.run(given_up(self._actions))),
                )
            ]
            log.info("ready", version=__version__, telemetry=ends.telemetry, enrolment=ends.enrolment, web=ends.web)
            self._notifier.ready(f"Serving on {ends.telemetry}, pages on {ends.web}")
            await self._until_stopped(tasks)
            self._notifier.stopping()
            self._readiness.draining = True
            log.info("draining")
            try:
                async with asyncio.timeout(DRAIN_S):
                    await self._drain(tasks)
                    await stack.aclose()
            except TimeoutError:
                log.error("draining took too long; what was not acknowledged comes again", seconds=DRAIN_S)
        log.info("stopped")

    async def _open_ends(self, stack: AsyncExitStack) -> servers.Ends:
        behind = listening.Behind(
            settings=self._settings,
            insecure=self._insecure,
            state=self._stores.state,
            roots=self._roots,
            inlet=self._inlet,
            shop=self._shop(),
            health=self._health(),
            control=self._control,
            clock_ms=clock_ms,
        )
        ends, self._tls = await listening.open_ends(stack, behind)
        return ends

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        self._reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            task = loop.create_task(self._reloading.reload())
            self._reloads.add(task)
            task.add_done_callback(self._reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        """Until the signal; a background task that ends by itself stops the collector, so that it starts anew."""
        stop = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                log.critical("a background task ended", task=task.get_name(), exc_info=task.exception())

    async def _drain(self, tasks: list[asyncio.Task[None]]) -> None:
        await asyncio.to_thread(self._replays.stop)
        await self._inlet.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._delivering.close()

    async def _watchdog(self) -> None:
        while True:
            if self._heartbeat.alive():
                self._notifier.alive()
            await asyncio.sleep(self._notifier.watchdog_s or 60.0)

    def _renewed(self) -> None:
        """The pages show the new certificate from now on, unless they have one of their own."""
        if self._settings.web.certificate is None:
            servers.show(self._tls, *listening.shown_on_pages(self._settings.web, self._roots))

    async def _take_rules(self, fresh: Judging) -> None:
        await asyncio.wrap_future(self._inlet.use_judge(fresh.engine))
        self._judging = fresh
