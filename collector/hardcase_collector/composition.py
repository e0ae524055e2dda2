"""Opens and joins the collector's inner parts: stores, backups, replays, intake, what time decides. Called by `app.py`.

What is judged by is `judging.py`, where people work `desks.py`. Nothing listens here; that is `servers.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from hardcase_collector import __version__
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.config import Mode, Settings
from hardcase_collector.diagnostics.desk import DiagnosticDesk
from hardcase_collector.domain import identity
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.ingest.binding import Binding, JoiningPolicy
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.ingest.liveness import Liveness
from hardcase_collector.inlet import Inlet
from hardcase_collector.opening import locked_state
from hardcase_collector.replay.jobs import Replays
from hardcase_collector.replay.running import Present
from hardcase_collector.roots import Roots
from hardcase_collector.rpc.service import TelemetryService
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.sheet import RuleBook
from hardcase_collector.storage import migrations
from hardcase_collector.storage.backup.archive import FORMAT, About
from hardcase_collector.storage.backup.taking import Backups, Origin
from hardcase_collector.storage.state.snapshot import StateSnapshot
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.storage.telemetry.snapshot import TelemetrySnapshot
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore
from hardcase_collector.storage.telemetry.tables import VERSION, RetentionClass
from hardcase_collector.vitals import DiskReserve

log = structlog.stdlib.get_logger("hardcase_collector")

_HOUR_MS = 3_600_000
FREEZE_WAIT_S = 60.0
"""How long a backup waits for the end of the group at hand."""


@dataclass(frozen=True, slots=True)
class Stores:
    state: SqlStateStore
    telemetry: DuckTelemetryStore

    def freeze_state(self) -> StateSnapshot:
        return self.state.freeze()

    def freeze_telemetry(self, folder: Path) -> TelemetrySnapshot:
        return self.telemetry.freeze(folder)


def backups(
    stores: Stores,
    settings: Settings,
    disk: DiskReserve,
    *,
    ca_fingerprint: Callable[[], str],
    between_groups: Callable[[Callable[[], object]], object],
) -> Backups:
    def about(taken_ms: int) -> About:
        return About(
            format=FORMAT,
            version=__version__,
            schema=migrations.newest(),
            telemetry_version=VERSION,
            taken_ms=taken_ms,
            ca_fingerprint=ca_fingerprint(),
            rows=0,
        )

    origin = Origin(
        data_dir=settings.data_dir, stores=stores, between_groups=between_groups, trouble=disk.trouble, about=about
    )
    return Backups(origin)


@contextmanager
def locked_stores(settings: Settings) -> Iterator[Stores]:
    """Both stores, under the lock. Raises ConfigError, StoreLocked, StoreFailed."""
    with locked_state(settings) as state:
        folder = settings.data_dir / "telemetry"
        folder.mkdir(mode=0o700, exist_ok=True)
        telemetry = DuckTelemetryStore(
            folder,
            memory_mb=settings.telemetry.memory_limit_mb,
            retention_days={
                RetentionClass.SENSORS: settings.telemetry.retention_days,
                RetentionClass.COUNTERS: settings.telemetry.counter_retention_days,
            },
        )
        try:
            yield Stores(state, telemetry)
        finally:
            telemetry.close()


class Ticking(Protocol):
    """Decides what time alone decides; looks only at what is due."""

    def tick(self, tx: Transaction, *, now_ms: int) -> None: ...


def replays(settings: Settings, stores: Stores, desk_settings: DeskSettings, book: Callable[[], RuleBook]) -> Replays:
    """`book`: the sheets in force."""
    present = Present(
        state=stores.state,
        telemetry=stores.telemetry,
        settings=desk_settings,
        book=book,
        folder=settings.data_dir,
    )
    return Replays(present, monotonic=time.monotonic, rest=time.sleep)


class DeskTick:
    """The desk's share of a tick; after a start or a reload also the end of what no rule judges any more."""

    def __init__(
        self,
        desk: CaseDesk,
        intake: Intake,
        state: SqlStateStore,
        clock_ms: Callable[[], int],
        also: Sequence[Ticking],
    ) -> None:
        """`also`: each in a transaction of its own."""
        self._desk = desk
        self._also = also
        self._intake = intake
        self._state = state
        self._clock_ms = clock_ms
        self._retired_for: RuleBook | None = None
        self._skipped: frozenset[str] = frozenset()

    def __call__(self) -> None:
        """On the writer's thread, as a change of the judge is. What a share raises is raised after the others."""
        judge = self._intake.settler.judge
        book = judge.book if isinstance(judge, Engine) else None
        now_ms = self._clock_ms()
        raised: list[Exception] = []
        try:
            with self._state.write() as tx:
                if book is not None and book is not self._retired_for:
                    self._desk.retire(tx, [rule.name for rule in book.rules], now_ms=now_ms)
                self._desk.tick(tx, now_ms=now_ms)
            self._retired_for = book
            self._tell_skipped()
        except Exception as error:
            # A fault in one share must not keep the others from what is due.
            raised.append(error)
        for one in self._also:
            try:
                with self._state.write() as tx:
                    one.tick(tx, now_ms=now_ms)
            except Exception as error:
                raised.append(error)
        if raised:
            raise ExceptionGroup("what time decides failed in part", raised)

    def _tell_skipped(self) -> None:
        """Once for each case that the desk had to leave aside."""
        skipped = self._desk.unreadable
        for number in skipped.keys() - self._skipped:
            log.error("the clocks of a case stand still", case=number, why=skipped[number])
        self._skipped = frozenset(skipped)


def inlet(
    stores: Stores,
    engine: Engine,
    desk: CaseDesk,
    settings: Settings,
    disk: DiskReserve,
    *,
    roots: Roots,
    insecure: bool,
    clock_ms: Callable[[], int],
    also: Sequence[Ticking] = (),
    diagnostics: DiagnosticDesk | None = None,
) -> Inlet:
    policy = JoiningPolicy(
        joining_ms=int(settings.cases.joining_hours * _HOUR_MS), observe=settings.mode is Mode.OBSERVE
    )
    intake = Intake(
        state=stores.state,
        telemetry=stores.telemetry,
        judge=engine,
        desk=desk,
        binding=Binding(identity.identify, policy),
        liveness=Liveness(),
        disk_trouble=disk.trouble,
    )

    service = TelemetryService(
        stores.state,
        intake,
        collector_id=roots.collector_id,
        insecure=insecure,
        tick=DeskTick(desk, intake, stores.state, clock_ms, also),
        wall_ms=clock_ms,
        enrolment_of=roots.enrolment_of,
        trust=roots,
        diagnostics=diagnostics.telling if diagnostics else None,
        receiving=diagnostics.receiving if diagnostics else None,
    )
    return Inlet(intake, service)
