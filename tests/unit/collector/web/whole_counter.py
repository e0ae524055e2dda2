"""The control socket with every service behind the counter, and its routes with a customer's things in them."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi.routing import APIRoute
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.cases.calendars import Calendars
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.opening import Opening, shipped_sheets
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.reports import Reports
from hardcase_collector.diagnostics.asking import Diagnostics
from hardcase_collector.diagnostics.settings import DiagnosticLimits
from hardcase_collector.parts.house import spare_house
from hardcase_collector.service.desk import Needs, service_desk

from tests.fakes.empty_store import empty_store
from tests.fakes.evidence import MemoryEvidence
from tests.unit.collector.scene_of_two_customers import NOW, Half
from tests.unit.collector.service.bench import PlainPress
from tests.unit.collector.web.control_client import Nobody, Socket
from tests.unit.collector.web.night import sheets


def whole_counter(folder: Path) -> Socket:
    """Whoever asks closes its store."""
    store = empty_store(folder / "state.db")
    announcer = Nobody()
    service = service_desk(
        Needs(
            announcer=announcer,
            actions=CaseActions(announcer, Placing(announcer, reopen_ms=0, flap_raises=3)),
            counsellor=lambda case, live: None,
            plan_named=lambda name: None,
            press=PlainPress(),
            evidence=MemoryEvidence(),
            titles=lambda fault_class, language: fault_class,
            tokens=lambda: "token",
            address=lambda token: token,
        )
    )
    spares = spare_house(announcer, components=("disk",), plans=lambda: shipped_sheets().plans.plans)
    asking = Diagnostics(
        store, MemoryEvidence(), announcer, DiagnosticLimits(), fresh_id=lambda: b"asked now, again", nudge=print
    )
    services = {
        "diagnostics": asking,
        "service": service,
        "orders": spares.orders,
        "spares": spares,
        "handling": Handling(announcer),
        "calendars": Calendars(announcer),
        "reports": Reports(announcer, Opening(), sheets().categories),
        "attachments": Attachments(store, MemoryEvidence(), announcer, AttachmentLimits()),
    }
    return Socket(store, now_ms=NOW, services=services)


def noun_of(route: APIRoute) -> str:
    return route.path.split("/")[2]


def named(route: APIRoute, half: Half) -> str | None:
    """The path with this half's things in it; None: it names none."""
    things = {
        "number": {"entitlements": str(half.entitlement), "contacts": str(half.contact)}.get(
            noun_of(route), half.number
        ),
        "name": {
            "customers": half.customer,
            "sites": f"{half.mark}-1",
            "users": f"{half.mark}-li",
            "agents": f"agent-{half.mark}",
        }.get(noun_of(route), half.key),
        "id": {"windows": half.window, "diagnostics": half.request}.get(noun_of(route), "999"),
        "file": str(half.file),
        "order": "999",
        "customer": half.customer,
        "action": "note",
        "verb": "assign",
    }
    if not set(re.findall(r"{(\w+)}", route.path)) & set(things):
        return None
    path = re.sub(r"{(\w+)}", lambda place: things.get(place[1], "x").replace("|", "%7C"), route.path)
    return path.removeprefix("/v1")


def without(text: str, path: str) -> str:
    """What was answered, less what was asked for by name."""
    for asked in re.findall(r"[^/?]+", path):
        text = text.replace(asked.replace("%7C", "|"), "")
    return text


def kept(socket: Socket, half: Half) -> object:
    with socket.store.read() as tx:
        return (
            tx.cases.get(half.case),
            tx.cases.timeline(half.case),
            tx.registry.contacts(customer=half.customer),
            tx.registry.entitlements(half.asset),
            tx.access.users(customer=half.customer),
            tx.agents.all(customer=half.customer),
        )
