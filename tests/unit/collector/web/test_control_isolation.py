"""Who is held to one customer finds nothing of another: every route of the control socket, by list and by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.cases.calendars import Calendars
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.opening import shipped_sheets
from hardcase_collector.cases.placing import Placing
from hardcase_collector.parts.house import spare_house
from hardcase_collector.service.desk import Needs, service_desk

from tests.fakes.empty_store import empty_store
from tests.fakes.evidence import MemoryEvidence
from tests.unit.collector import scene_of_two_customers as scene
from tests.unit.collector.scene_of_two_customers import NOW, Half, leaks
from tests.unit.collector.service.bench import PlainPress
from tests.unit.collector.web.control_client import Nobody, Socket

NO_CUSTOMERS = {
    "/v1/audit/verify",
    "/v1/calendars",
    "/v1/engineers",
    "/v1/parts",
    "/v1/parts/export",
    "/v1/reports/categories",
    "/v1/rota",
    "/v1/rules",
    "/v1/status",
}
"""Lists of the collector itself, its sheets, our own people and depots: no customer's thing is in them."""
OURS = {"books", "engineers", "forget"}
"""First words of paths that name no customer's thing, or are held to a scope by what is sent."""
NEEDED = {"from_ms": 0, "until_ms": NOW * 2, "by": "plan", "days": 30, "limit": 100}


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    """With every service there is behind the counter."""
    store = empty_store(tmp_path / "state.db")
    announcer = Nobody()
    service = service_desk(
        Needs(
            announcer=announcer,
            actions=CaseActions(announcer, Placing(announcer, reopen_ms=0, flap_raises=3)),
            counsellor=lambda tx, case, now_ms: None,
            plan_named=lambda name: None,
            press=PlainPress(),
            evidence=MemoryEvidence(),
            titles=lambda fault_class, language: fault_class,
            tokens=lambda: "token",
            address=lambda token: token,
        )
    )
    spares = spare_house(announcer, components=("disk",), plans=lambda: shipped_sheets().plans.plans)
    services = {
        "service": service,
        "orders": spares.orders,
        "spares": spares,
        "handling": Handling(announcer),
        "calendars": Calendars(announcer),
        "attachments": Attachments(store, MemoryEvidence(), announcer, AttachmentLimits()),
    }
    yield Socket(store, now_ms=NOW, services=services)
    store.close()


@pytest.fixture
def halves(socket: Socket) -> tuple[Half, Half]:
    return scene.make(socket.store)


def routes(socket: Socket, method: str) -> list[APIRoute]:
    found: list[APIRoute] = []
    for one in socket.application().routes:
        # An included router is kept as it was given.
        inner = getattr(getattr(one, "original_router", None), "routes", [one])
        found += [route for route in inner if isinstance(route, APIRoute) and method in route.methods]
    assert found
    return found


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
        "id": half.window if noun_of(route) == "windows" else "999",
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


def test_every_list_takes_a_customer_and_keeps_to_him(socket: Socket, halves: tuple[Half, Half]) -> None:
    walked, unscoped = 0, []
    for route in routes(socket, "GET"):
        if "{" in route.path or route.path in NO_CUSTOMERS:
            continue
        if "customer" not in [parameter.name for parameter in route.dependant.query_params]:
            unscoped.append(route.path)
            continue
        wanted = [one.name for one in route.dependant.query_params if one.field_info.is_required()]
        answer = socket.get(route.path.removeprefix("/v1"), customer="north", **{name: NEEDED[name] for name in wanted})
        assert answer.status_code == 200, (route.path, answer.text)
        assert leaks(answer.text) == [], route.path
        walked += 1
    assert unscoped == []
    assert walked >= 20


def test_lists_do_show_either_to_whom_it_belongs(socket: Socket, halves: tuple[Half, Half]) -> None:
    """Otherwise the walk above would prove nothing."""
    lists = ("/cases", "/assets", "/agents", "/users", "/tokens", "/audit", "/dead-letters", "/sites", "/why")
    for path in (*lists, "/customers", "/contacts", "/entitlements", "/cover", "/books", "/queue", "/windows"):
        assert leaks(socket.get(path).text), path
        assert leaks(socket.get(path, customer="south").text), path
        assert "north" in socket.get(path, customer="north").text.lower(), path


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_anothers_is_not_found_by_any_route_that_names_it(
    socket: Socket, halves: tuple[Half, Half], method: str
) -> None:
    _, south = halves
    before = kept(socket, south)
    walked = 0
    for route in routes(socket, method):
        path = named(route, south)
        if path is None or noun_of(route) in OURS:
            continue
        if method == "GET":
            answer = socket.get(path, customer="north")
        else:
            answer = socket.post(f"{path}?customer=north", text="")
        assert answer.status_code == 404, (route.path, path, answer.text)
        assert leaks(without(answer.text, path)) == [], route.path
        walked += 1
    assert walked >= (10 if method == "GET" else 25)
    assert kept(socket, south) == before


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


def test_ones_own_things_are_found_by_the_same_routes(socket: Socket, halves: tuple[Half, Half]) -> None:
    north, south = halves
    for path in (f"/cases/{north.number}", f"/assets/{north.key}", "/customers/north", f"/repairs/{north.number}"):
        answer = socket.get(path.replace("|", "%7C"), customer="north")
        assert answer.status_code == 200, (path, answer.text)
        assert leaks(answer.text) == []
    assert socket.post(f"/cases/{north.number}/note?customer=north", text="x").status_code == 200
    assert socket.post(f"/cases/{south.number}/note", text="x").status_code == 200
