"""Who is held to one customer finds nothing of another: every route of the control socket, by list and by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from tests.unit.collector import scene_of_two_customers as scene
from tests.unit.collector.scene_of_two_customers import NOW, Half, leaks
from tests.unit.collector.web.control_client import Socket
from tests.unit.collector.web.whole_counter import kept, named, noun_of, whole_counter, without

NO_CUSTOMERS = {
    "/v1/backup",
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
"""Lists of the collector itself, its sheets, our own people and depots: no customer's thing is in them. A backup is of
everything, and refused to who is held to one customer."""
OURS = {"books", "engineers", "forget"}
"""First words of paths that name no customer's thing, or are held to a scope by what is sent."""
NEEDED = {"from_ms": 0, "until_ms": NOW * 2, "by": "plan", "days": 30, "limit": 100}


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    """With every service there is behind the counter."""
    made = whole_counter(tmp_path)
    yield made
    made.store.close()


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


def test_ones_own_things_are_found_by_the_same_routes(socket: Socket, halves: tuple[Half, Half]) -> None:
    north, south = halves
    for path in (f"/cases/{north.number}", f"/assets/{north.key}", "/customers/north", f"/repairs/{north.number}"):
        answer = socket.get(path.replace("|", "%7C"), customer="north")
        assert answer.status_code == 200, (path, answer.text)
        assert leaks(answer.text) == []
    assert socket.post(f"/cases/{north.number}/note?customer=north", text="x").status_code == 200
    assert socket.post(f"/cases/{south.number}/note", text="x").status_code == 200


def test_a_host_name_that_two_customers_have_is_each_ones_own(socket: Socket, halves: tuple[Half, Half]) -> None:
    with socket.store.write() as tx:
        for half in halves:
            tx.agents.replace(replace(tx.agents.by_number(half.agent), hostname="db1"))
            asset = tx.assets.by_number(half.asset)
            tx.assets.update_facts(asset.id, replace(asset.facts, hostname="db1"))
    north, south = halves

    assert socket.get("/reports/around/db1", customer="north").status_code == 200
    assert socket.post("/agents/db1/revoke?customer=north").status_code == 200

    with socket.store.read() as tx:
        assert [tx.agents.by_number(half.agent).revoked for half in (north, south)] == [True, False]
