"""Clocks, queue, handling, rota, calendars and comparison as the commands ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hardcase_collector.cases.calendars import Calendars
from hardcase_collector.cases.handling import Handling
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.stored import User
from hardcase_collector.web.control.application import make_control
from hardcase_collector.web.control.ports import Control
from hardcase_collector.web.ports import Health, Shop

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import HOUR, MINUTE, NOON, Bench, raised
from tests.unit.collector.cases.books import covered

NOW = NOON + HOUR


def application(bench: Bench) -> FastAPI:
    shop = Shop(
        store=bench.store,
        actions=bench.actions,
        readings=lambda tx, asset: (),
        title=lambda fault_class, language: fault_class,
        handling=Handling(bench.announcements),
        calendars=Calendars(bench.announcements),
        clock_ms=lambda: NOW,
    )
    return make_control(
        Control(
            shop=shop,
            health=Health(reasons=tuple, alive=lambda: True, gauges=dict),
            rules=tuple,
            about={},
            last_reload=lambda: None,
            revoked=lambda agent: None,
            baselines_changed=lambda feed: None,
            default_customer="north",
        )
    )


class Socket:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._application = application(bench)

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._application, client=("root", 0))
        async with httpx.AsyncClient(transport=transport, base_url="http://collector/v1") as client:
            return await client.request(method, path, **how)

    def get(self, path: str, **query: Any) -> Any:
        answer = asyncio.run(self._ask("GET", path, params=query))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any], status: int = 200) -> Any:
        answer = asyncio.run(self._ask("POST", path, json=body))
        assert answer.status_code == status, answer.text
        return answer.json()

    def handle(self, verb: str, status: int = 200, **told: Any) -> Any:
        return self.post(f"/cases/{self.bench.only_case().number}/handle/{verb}", told, status)

    def clock(self, kind: str) -> dict[str, Any]:
        found = self.get(f"/cases/{self.bench.only_case().number}/clocks")["clocks"]
        return next(clock for clock in found if clock["clock"] == kind)


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    yield from sockets(tmp_path)


@pytest.fixture(scope="module")
def same_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Socket]:
    """One for all that is refused and changes nothing: putting an application together takes longer than asking it."""
    yield from sockets(tmp_path_factory.mktemp("refused"))


def sockets(folder: Path) -> Iterator[Socket]:
    store = empty_store(folder / "state.db")
    bench = Bench(store)
    bench.apply(raised(covered(bench)))
    yield Socket(bench)
    store.close()


def test_clocks_are_told_with_their_plan_and_every_minute(socket: Socket) -> None:
    number = socket.bench.only_case().number
    told = socket.get(f"/cases/{number}/clocks")
    assert (told["plan"], told["site"], told["time_zone"], told["covered"]) == (
        "gold-7x24x4",
        "sh1",
        "Asia/Shanghai",
        True,
    )
    on_site = socket.clock("on_site")
    assert on_site["due"] == "2026-11-25T00:00:00+08:00"
    assert (on_site["used_percent"], on_site["left_ms"], on_site["state"]) == (25, 3 * HOUR, "running")
    assert sum(line["ms"] for line in on_site["ledger"]) == HOUR


def test_the_queue_is_narrowed_and_says_what_is_due(socket: Socket) -> None:
    (line,) = socket.get("/queue")["queue"]
    assert line["case"]["number"] == socket.bench.only_case().number
    assert (line["clock"]["kind"], line["clock"]["due_ms"]) == ("acknowledge", NOON + 30 * MINUTE)
    assert all(line["titles"][tongue] for tongue in ("en", "zh"))
    assert socket.get("/queue", customer="south")["queue"] == []
    assert socket.get("/queue", site="sh1", unassigned=True)["queue"] == [line]


def test_a_case_is_handled(socket: Socket) -> None:
    with socket.bench.store.write() as tx:
        tx.access.add_user(User(name="wang", role=Role.ENGINEER, customer=None, password_hash=""))
    assert socket.handle("assign", assignee="wang")["assignee"] == "wang"
    assert socket.handle("priority", priority="P1", reason="the whole shop stands still")["priority"] == "P1"
    socket.handle("contacted", channel="phone")
    assert socket.clock("remote_response")["state"] == "met"
    assert socket.handle("pause", reason="no_site_access")["waiting"] == "access"
    assert (socket.clock("on_site")["state"], socket.clock("on_site")["held"]) == ("paused", True)
    assert socket.handle("resume", reason="no_site_access")["waiting"] == ""
    socket.handle("agree", time_ms=NOW + HOUR)
    socket.handle("expect", moment="arrived", time_ms=NOW + 9 * HOUR)
    assert socket.clock("on_site")["forecast"] == "late"
    socket.handle("self_repair", text="hot swap")
    assert (socket.clock("on_site")["state"], socket.clock("on_site")["reason"]) == ("waived", "self_repair")
    socket.handle("self_repair", 409)


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("dance", {}),
        ("priority", {"priority": "P9", "reason": "x"}),
        ("priority", {"priority": "P1", "reason": " "}),
        ("pause", {"reason": "lunch"}),
        ("resume", {"reason": "no_site_access"}),
        ("agree", {"time_ms": NOON}),
        ("agree", {}),
        ("expect", {"moment": "someday", "time_ms": NOW + 1}),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    same_socket: Socket, verb: str, told: dict[str, Any]
) -> None:
    before = same_socket.bench.only_case()
    same_socket.handle(verb, 409, **told)
    assert same_socket.bench.only_case() == before


TEAM = {
    "name": "field",
    "title": "Field",
    "zone": "Asia/Shanghai",
    "people": ["wang", "zhao"],
    "manager": "chen",
    "since": "2026-11-23",
    "shifts": [{"name": "night", "days": "every_day", "opens_minute": 1320, "closes_minute": 360, "people": ["ma"]}],
}


def test_a_rota_is_set_swapped_and_asked(socket: Socket) -> None:
    socket.post("/rota", {"team": TEAM})
    (team,) = socket.get("/rota")["teams"]
    assert (team["people"], team["since"], team["duty"]["people"]) == (["wang", "zhao"], "2026-11-23", ["wang", "zhao"])
    made = socket.post(
        "/rota/swap", {"team": "field", "out": "wang", "into": "sun", "from_ms": NOON, "until_ms": NOON + 3 * HOUR}
    )
    assert socket.get("/rota", team="field")["teams"][0]["duty"]["people"] == ["sun", "zhao"]
    # Noon is 20:00 in Shanghai.
    assert socket.get("/rota", team="field", at_ms=NOON + 2 * HOUR)["teams"][0]["duty"]["people"] == ["ma"]
    assert socket.get("/rota", team="field", at_ms=NOON - HOUR)["teams"][0]["duty"]["people"] == ["wang", "zhao"]
    socket.post("/rota/unswap", {"swap": made["id"]})
    assert socket.get("/rota")["teams"][0]["swaps"] == []
    socket.post("/rota/remove", {"team": "field"})
    assert socket.get("/rota")["teams"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"zone": "Asia/Nowhere"},
        {"people": ["wang", "wang"]},
        {"hand_over_weekday": 7},
        {"country": "XX"},
        {"colour": "red"},
        {"since": "someday"},
        {"title": ""},
        {"shifts": [{"name": "x", "days": "sometimes", "opens_minute": 0, "closes_minute": 60}]},
        {"shifts": [{"name": "x", "days": "every_day", "opens_minute": 0, "closes_minute": 2000}]},
    ],
)
def test_a_team_that_cannot_be_is_refused(same_socket: Socket, change: dict[str, Any]) -> None:
    same_socket.post("/rota", {"team": {**TEAM, **change}}, 409)
    assert same_socket.get("/rota")["teams"] == []


@pytest.mark.parametrize(
    "change",
    [{"out": "nobody"}, {"into": "wang"}, {"until_ms": NOON - 1}, {"from_ms": NOW + 9, "until_ms": NOW + 9}],
)
def test_a_swap_that_cannot_be_is_refused(socket: Socket, change: dict[str, Any]) -> None:
    socket.post("/rota", {"team": TEAM})
    swap = {"team": "field", "out": "wang", "into": "sun", "from_ms": NOON, "until_ms": NOON + 2 * HOUR}
    socket.post("/rota/swap", {**swap, **change}, 409)


def test_an_official_year_is_imported_and_listed(socket: Socket) -> None:
    year = {"country": "CN", "year": 2027, "days_off": ["2027-01-01"], "workdays": ["2027-02-06"]}
    assert socket.post("/calendars", {"years": [year]}) == {"years": [2027], "cases": 1, "moved": 0}
    (kept,) = socket.get("/calendars", country="CN")["years"]
    assert (kept["days_off"], kept["workdays"]) == (["2027-01-01"], ["2027-02-06"])


@pytest.mark.parametrize(
    "change",
    [
        {"country": "XX"},
        {"days_off": ["2026-01-01"]},
        {"days_off": ["2027-02-06"]},
        {"year": "soon"},
        {"workdays": ["tomorrow"]},
    ],
)
def test_a_year_that_cannot_be_is_refused(same_socket: Socket, change: dict[str, Any]) -> None:
    year = {"country": "CN", "year": 2027, "days_off": ["2027-01-01"], "workdays": ["2027-02-06"], **change}
    same_socket.post("/calendars", {"years": [year]}, 409)
    assert same_socket.get("/calendars", country="CN")["years"] == []


def test_plans_are_compared_over_what_happened(socket: Socket) -> None:
    socket.handle("contacted", channel="phone")
    found = socket.post("/plans/compare", {"plans": ["gold-7x24x4", "standard-3y"]})
    assert found["cases"] == 1
    assert found["clocks"]["gold-7x24x4"]["acknowledge"]["breached"] == 1
    assert found["clocks"]["gold-7x24x4"]["acknowledge"]["worst_ms"] == 30 * MINUTE
    assert found["clocks"]["standard-3y"]["acknowledge"]["met"] == 1
    assert found["paid"]["gold-7x24x4"] == {"entitlements": 1, "amounts": {}}
    other = socket.post("/plans/compare", {"plans": ["gold-7x24x4"], "customer": "south"})
    assert (other["cases"], other["paid"]["gold-7x24x4"]["entitlements"]) == (0, 0)
    socket.post("/plans/compare", {"plans": ["gold-7x24x4"], "asset": "no such"}, 404)
    socket.post("/plans/compare", {"plans": ["platinum"]}, 404)
