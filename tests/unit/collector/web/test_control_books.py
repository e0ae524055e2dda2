"""The books on the control socket: lists, files, single lines, what is refused, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.state_store import an_agent, an_asset
from tests.fakes.empty_store import empty_store
from tests.unit.collector.web.control_client import NOW, Socket

FILES = {
    "customers.csv": "name,title\nnorth,North AG\nsouth,South AG\n",
    "sites.csv": "customer,name,time_zone\nnorth,ber1,Europe/Berlin\nsouth,bj,Asia/Shanghai\n",
    "assets.csv": "customer,vendor,serial,site,group\nnorth,Dell,7ABC123,ber1,web\nsouth,Dell,9XYZ987,bj,\n",
    "contacts.csv": "customer,scope,subject,name\nnorth,customer,,Ada\nnorth,group,web,Bob\nsouth,site,bj,Cid\n",
    "entitlements.csv": "asset,part,plan,starts,ends,price,currency\n"
    "7ABC123,,gold-7x24x4,2026-01-16,2027-01-15,10.50,EUR\n"
    "7ABC123,disk,bronze,2026-01-16,2027-03-01,,\n"
    "9XYZ987,,bronze,2027-02-01,2028-02-01,,\n",
}


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    store = empty_store(tmp_path / "state.db")
    yield Socket(store)
    store.close()


def load(socket: Socket, files: dict[str, str] = FILES, **how: Any) -> dict[str, Any]:
    answer = socket.post("/books", files=files, **{"dry_run": False, **how})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def audits(socket: Socket) -> list[tuple[str, str]]:
    return [(one["action"], one["subject"]) for one in socket.get("/audit").json()["audit"]]


def test_an_import_is_tried_done_and_written_down(socket: Socket) -> None:
    tried = load(socket, dry_run=True)
    assert (tried["done"], tried["mistakes"]) == (False, [])
    assert socket.get("/customers").json() == {"customers": []}
    done = load(socket)
    assert (done["done"], done["changes"]) == (True, tried["changes"])
    assert done["changes"][0] == {
        "turn": "added",
        "kind": "customer",
        "key": ["north"],
        "fields": {"name": [None, "north"], "title": [None, "North AG"], "language": [None, "en"]},
    }
    assert load(socket)["changes"] == []
    assert audits(socket) == [("books.imported", "")]


def test_mistakes_are_the_answer_and_nothing_is_done(socket: Socket) -> None:
    answer = load(socket, {"customers.csv": "name,language\nnorth,fr\n"})
    assert answer == {
        "done": False,
        "mistakes": ["customers.csv:2: customer.language: must be one of en, zh"],
        "changes": [],
    }
    assert audits(socket) == []


def test_exports_come_back_in_both_forms(socket: Socket) -> None:
    load(socket)
    for form in ("csv", "toml"):
        files = socket.get("/books", form=form).json()["files"]
        assert load(socket, files, remove=True)["changes"] == []
    north = "".join(socket.get("/books", customer="north").json()["files"].values())
    assert "9XYZ987" not in north


def test_lists_tell_what_the_books_hold(socket: Socket) -> None:
    load(socket)
    with socket.store.write() as tx:
        an_asset(tx, key="dell|STRAY55", customer="stray")
    customers = socket.get("/customers").json()["customers"]
    assert [(one["name"], one["assets"], one["in_books"]) for one in customers] == [
        ("north", 1, True),
        ("south", 1, True),
        ("stray", 1, False),
    ]
    assert [one["name"] for one in socket.get("/customers/north").json()["contacts"]] == ["Ada", "Bob"]
    assert socket.get("/customers/stray").status_code == 404
    assert [one["name"] for one in socket.get("/sites", customer="south").json()["sites"]] == ["bj"]
    assert [one["name"] for one in socket.get("/contacts", asset="dell|7ABC123").json()["contacts"]] == ["Bob"]


def test_cover_tells_covered_expired_not_yet_and_uncovered(socket: Socket) -> None:
    load(socket)
    with socket.store.write() as tx:
        an_asset(tx, key="dell|STRAY55", customer="north")

    def covers() -> dict[str, str]:
        return {one["key"]: one["cover"] for one in socket.get("/cover").json()["assets"]}

    assert covers() == {"dell|7ABC123": "covered", "dell|9XYZ987": "not_yet", "dell|STRAY55": "uncovered"}
    # In Berlin the 15th is over an hour before it is in UTC.
    socket.now_ms = NOW + 15 * 3_600_000
    assert covers()["dell|7ABC123"] == "expired"
    socket.now_ms -= 1
    assert covers()["dell|7ABC123"] == "covered"


def test_what_runs_out_is_listed_the_soonest_first_until_it_goes_on(socket: Socket) -> None:
    load(socket)

    def ending(days: int) -> list[tuple[str, int]]:
        found = socket.get("/entitlements/ending", days=days).json()["entitlements"]
        return [(one["part"], one["days_left"]) for one in found]

    assert ending(30) == [("", 1)]
    assert ending(60) == [("", 1), ("disk", 46)]
    more = {"e.csv": "asset,plan,starts,ends\n7ABC123,bronze,2027-01-16,2028-01-15\n"}
    load(socket, more)
    assert ending(60) == [("disk", 46)]


def test_an_entitlement_ends_on_a_day_or_is_removed(socket: Socket) -> None:
    load(socket)
    listed = socket.get("/entitlements", asset="7ABC123").json()["entitlements"]
    whole, disk = (one["id"] for one in listed)
    ended = socket.post(f"/entitlements/{whole}/end", on="2026-06-30").json()
    assert (ended["ends"], ended["cover"]) == ("2026-06-30", "expired")
    assert socket.post(f"/entitlements/{whole}/end", on="2025-01-01").status_code == 409
    assert socket.post(f"/entitlements/{whole}/end", on="2026-06-30", customer="south").status_code == 404
    assert socket.post(f"/entitlements/{disk}/remove").status_code == 200
    assert [one["id"] for one in socket.get("/entitlements", customer="north").json()["entitlements"]] == [whole]
    assert ("entitlement.ended", "dell|7ABC123") in audits(socket)


def test_single_lines_are_added_and_changed(socket: Socket) -> None:
    load(socket)
    put = socket.post
    assert put("/books/customer", values={"name": "east"}, fresh=True).json()["done"]
    assert put("/books/customer", values={"name": "east"}, fresh=True).status_code == 409
    changed = put("/books/asset", values={"asset": "7abc123", "rack": "R1", "unit": 4, "tags": "b;a"})
    assert changed.json()["changes"][0]["fields"] == {"rack": ["", "R1"], "unit": [0, 4], "tags": [[], ["a", "b"]]}
    refused = put("/books/site", values={"customer": "north", "name": "x", "time_zone": "Mars/One"}, fresh=True)
    assert refused.status_code == 409
    assert "as given" in refused.json()["detail"]
    assert put("/books/site", values={"customer": "north", "name": "y", "title": "Y"}, fresh=False).status_code == 409


def test_a_site_with_something_at_it_stays(socket: Socket) -> None:
    load(socket)
    assert socket.post("/sites/south/bj/remove").status_code == 409
    load(socket, {"assets.csv": "asset,site\ndell|9XYZ987,\n"})
    contact = socket.get("/contacts", customer="south").json()["contacts"][0]["id"]
    assert socket.post(f"/contacts/{contact}/remove").status_code == 200
    assert socket.post("/sites/south/bj/remove").status_code == 200
    assert socket.get("/sites", customer="south").json() == {"sites": []}


def test_an_agent_whose_customer_changed_greets_again(socket: Socket) -> None:
    load(socket)
    with socket.store.write() as tx:
        asset = an_asset(tx, key="dell|STRAY55", customer="default")
        agent = an_agent(tx, customer="default")
        tx.assets.bind(asset.id, agent.number)
    moved = socket.post("/books/asset", values={"asset": str(asset.id), "customer": "south"})
    assert moved.json()["done"]
    assert socket.greeted_again == [agent.number]
