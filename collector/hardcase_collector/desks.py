"""The desks at which people work, made from the settings: cases, files, service, spare parts. Called by `app.py`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.cases.storms import Storms
from hardcase_collector.config import Settings
from hardcase_collector.domain.correlation import Join
from hardcase_collector.domain.noise import StormKind
from hardcase_collector.domain.ports import Announcer
from hardcase_collector.host_power import host_power
from hardcase_collector.judging import Judging
from hardcase_collector.notify.announcer import OutboxAnnouncer
from hardcase_collector.parts.house import SpareHouse, spare_house
from hardcase_collector.parts.levels import Levels
from hardcase_collector.plans.almanac import country_trouble
from hardcase_collector.plans.plan import PlanBook
from hardcase_collector.press import ReportPress
from hardcase_collector.registry.written import World
from hardcase_collector.rules.vocabulary import COMPONENTS
from hardcase_collector.service.desk import Needs, ServiceDesk, service_desk
from hardcase_collector.service.link_making import TOKEN_BYTES
from hardcase_collector.storage.evidence import EvidenceFiles
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.vitals import DiskReserve
from hardcase_collector.web.pages.links import PATH as LINK_PATH

HOUR_MS = 3_600_000


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
