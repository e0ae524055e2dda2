"""Opens and joins the collector's inner parts: stores, rules, desk, intake. Called by `app.py`, and by `init` for the
state store. Nothing listens here; that is `servers.py`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog

from hardcase_collector import __version__
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.opening import Opening, TermSheets, shipped_sheets
from hardcase_collector.cases.opening import load_sheets as load_sheets_of_terms
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.cases.storms import Storms
from hardcase_collector.config import Mode, Settings
from hardcase_collector.diagnostics.desk import DiagnosticDesk
from hardcase_collector.domain import identity
from hardcase_collector.domain.correlation import Join
from hardcase_collector.domain.errors import CollectorError, ConfigError, NotFound
from hardcase_collector.domain.noise import StormKind
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.host_power import host_power
from hardcase_collector.ingest.binding import Binding, JoiningPolicy
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.ingest.liveness import Liveness
from hardcase_collector.inlet import Inlet
from hardcase_collector.notify.announcer import OutboxAnnouncer
from hardcase_collector.opening import locked_state
from hardcase_collector.parts.house import SpareHouse, spare_house
from hardcase_collector.parts.levels import Levels
from hardcase_collector.plans.almanac import country_trouble
from hardcase_collector.plans.plan import PlanBook
from hardcase_collector.press import ReportPress
from hardcase_collector.readings import Readings
from hardcase_collector.registry.written import World
from hardcase_collector.replay.jobs import Replays
from hardcase_collector.replay.running import Present
from hardcase_collector.roots import Roots
from hardcase_collector.rpc.service import TelemetryService
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.sheet import RuleBook
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.rules.vocabulary import COMPONENTS
from hardcase_collector.service.desk import Needs, ServiceDesk, service_desk
from hardcase_collector.service.link_making import TOKEN_BYTES
from hardcase_collector.storage import migrations
from hardcase_collector.storage.backup.archive import FORMAT, About
from hardcase_collector.storage.backup.taking import Backups, Origin
from hardcase_collector.storage.evidence import EvidenceFiles
from hardcase_collector.storage.state.snapshot import StateSnapshot
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.storage.telemetry.snapshot import TelemetrySnapshot
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore
from hardcase_collector.storage.telemetry.tables import VERSION, RetentionClass
from hardcase_collector.vitals import DiskReserve
from hardcase_collector.web.pages.links import PATH as LINK_PATH

log = structlog.stdlib.get_logger("hardcase_collector")

HOUR_MS = 3_600_000
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


def rule_book(settings: Settings) -> RuleBook:
    """Built-in sheets and the site's. Raises SheetError with every mistake."""
    folder = settings.rules.sheets_dir
    return load_sheets([folder] if folder.is_dir() else None)


@dataclass(slots=True)
class Judging:
    """What a reload replaces together."""

    book: RuleBook
    engine: Engine
    readings: Readings
    terms: TermSheets

    def title(self, fault_class: str, language: str) -> str:
        return self.book.text(fault_class, language)[0]


def judging(book: RuleBook, state: SqlStateStore, terms: TermSheets | None = None) -> Judging:
    """`terms` None: plans and service states as they are shipped."""
    keys = asset_keys(state)
    readings = Readings(Engine(book, asset_key=keys))
    return Judging(book, Engine(book, asset_key=keys), readings, terms or shipped_sheets())


def judging_of(settings: Settings, state: SqlStateStore) -> Judging:
    """By built-in sheets and the site's. Raises SheetError with every mistake, ConfigError."""
    return judging(rule_book(settings), state, term_sheets(settings))


def term_sheets(settings: Settings) -> TermSheets:
    """Built-in plans and service states, and the site's. Raises SheetError with every mistake, ConfigError."""
    folder = settings.plans.sheets_dir
    try:
        return load_sheets_of_terms([folder] if folder.is_dir() else (), settings.plans.uncovered)
    except NotFound as error:
        raise ConfigError((f"plans.uncovered: {error}",)) from None


def asset_keys(state: SqlStateStore) -> Callable[[int], str]:
    """Number of an asset -> its key, remembered: overrides name assets by key. Keys never change."""
    known: dict[int, str] = {}

    def key_of(number: int) -> str:
        if number not in known:
            try:
                with state.read() as tx:
                    known[number] = tx.assets.by_number(number).key
            except CollectorError:
                # An asset made in the very transaction that judges it is seen a frame later.
                return ""
        return known[number]

    return key_of


def desk_settings(settings: Settings) -> DeskSettings:
    return replace(DeskSettings(), reopen_ms=int(settings.cases.reopen_hours * HOUR_MS))


def case_actions(
    announcer: Announcer,
    settings: DeskSettings,
    *,
    joins: Callable[[], Sequence[Join]] = tuple,
    storms: Callable[[], Sequence[StormKind]] = tuple,
    opening: Opening | None = None,
    baselines_changed: Callable[[int], None] = lambda _: None,
) -> CaseActions:
    return CaseActions(
        announcer,
        Placing(
            announcer,
            reopen_ms=settings.reopen_ms,
            flap_raises=settings.flap_raises,
            joins=joins,
            opening=opening,
        ),
        baselines_changed=baselines_changed,
        storms=Storms(announcer, storms, opening or Opening()),
    )


def attachments(settings: Settings, state: SqlStateStore, announcer: Announcer, disk: DiskReserve) -> Attachments:
    """Files on cases, below data_dir. Raises StoreFailed."""
    given = settings.attachments
    return Attachments(
        state,
        EvidenceFiles(settings.data_dir / "evidence", trouble=disk.trouble),
        announcer,
        AttachmentLimits(
            file_bytes=given.max_file_mb << 20,
            case_bytes=given.max_case_mb << 20,
            bundle_bytes=given.max_vendor_bundle_mb << 20,
            kept_ms=int(given.keep_days * 24 * HOUR_MS),
        ),
    )


def books_world(book: PlanBook) -> World:
    """What the books may name."""
    return World(plans=book.plans, calendars=book.calendars, country_trouble=country_trouble)


def service(
    settings: Settings,
    disk: DiskReserve,
    announcer: Announcer,
    actions: CaseActions,
    judging: Callable[[], Judging],
    pages_url: Callable[[], str],
) -> ServiceDesk:
    """What people do around a case. `judging`: as it is now; `pages_url`: where people reach the pages."""
    return service_desk(
        Needs(
            announcer=announcer,
            actions=actions,
            counsellor=lambda case, live: judging().book.counsel(case.part, case.fault_classes, live),
            plan_named=lambda name: judging().terms.plans.plans.get(name),
            press=ReportPress(),
            evidence=EvidenceFiles(settings.data_dir / "evidence", trouble=disk.trouble),
            titles=lambda fault, language: judging().title(fault, language),
            tokens=lambda: secrets.token_urlsafe(TOKEN_BYTES),
            address=lambda token: f"{pages_url()}{LINK_PATH}{token}",
        )
    )


def spares(announcer: OutboxAnnouncer, judging: Callable[[], Judging]) -> SpareHouse:
    """Depots, stock and orders. `judging`: as the sheets say now."""
    return spare_house(
        announcer,
        components=COMPONENTS,
        levels=Levels(announcer),
        plans=lambda: judging().terms.plans.plans,
        wearing=lambda tx, asset: [
            (reading.part, reading.worn_out_ms) for reading in judging().readings(tx, asset) if reading.worn_out_ms
        ],
    )


class Ticking(Protocol):
    """Decides what time alone decides; looks only at what is due."""

    def tick(self, tx: Transaction, *, now_ms: int) -> None: ...


def case_desk(
    announcer: Announcer, settings: DeskSettings, judging: Callable[[], Judging], opening: Opening
) -> CaseDesk:
    """`judging`: the sheets as they are now."""
    return CaseDesk(
        announcer,
        settings,
        joins=lambda: judging().book.joins,
        storms=lambda: judging().book.storms,
        power_of=host_power,
        opening=opening,
    )


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
        joining_ms=int(settings.cases.joining_hours * HOUR_MS), observe=settings.mode is Mode.OBSERVE
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
