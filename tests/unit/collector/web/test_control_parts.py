"""Spare parts on the control socket: books, stock, orders from request to return, risk, record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.customer import Customer
from hardcase_collector.domain.finding import Severity
from hardcase_collector.parts.house import spare_house
from hardcase_collector.plans.reader import load_plans
from hardcase_collector.rules.vocabulary import COMPONENTS

from tests.contracts.state_store import an_asset
from tests.fakes.empty_store import empty_store
from tests.unit.collector.web.control_client import NOW, Nobody, Socket

FILES = {
    "depots.csv": "depot,country\nsh,CN\nbj,CN\n",
    "services.csv": "depot,customer,travel_minutes,rank\nsh,north,45,1\nbj,north,600,2\n",
    "spares.csv": "part_number,component,return_days\nP1,disk,10\n",
    "fits.csv": "spare,component,part_model\nP1,disk,ST4000*\n",
}


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    store = empty_store(tmp_path / "state.db")
    house = spare_house(Nobody(), components=COMPONENTS, plans=lambda: load_plans().plans)
    with store.write() as tx:
        for name in ("north", "south"):
            tx.registry.save_customer(Customer(name=name, title=name))
    yield Socket(store, services={"orders": house.orders, "spares": house})
    store.close()


def a_case(socket: Socket) -> str:
    with socket.store.write() as tx:
        asset = an_asset(tx)
        case = Case(
            id=0,
            number="",
            asset=asset.id,
            part=Part(component="disk", slot="3", model="ST4000", serial="ZC1"),
            repair_group="disk",
            state=CaseState.NEW,
            severity=Severity.MAJOR,
            fault_classes=("disk.failed",),
            since_ms=NOW,
            opened_ms=NOW,
            version=1,
        )
        return tx.cases.add(replace(case)).number


def ask(socket: Socket, path: str, **query: Any) -> Any:
    answer = socket.get(path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def do(socket: Socket, path: str, **body: Any) -> Any:
    answer = socket.post(path, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def filled(socket: Socket) -> Socket:
    done = do(socket, "/parts/import", files=FILES)
    assert (done["done"], len(done["changes"])) == (True, 6)
    return socket


def test_an_import_is_tried_done_and_told(socket: Socket) -> None:
    tried = do(socket, "/parts/import", files=FILES, dry_run=True)
    assert (tried["done"], len(tried["changes"]), tried["mistakes"]) == (False, 6, [])
    assert ask(socket, "/parts")["parts"] == []
    filled(socket)
    assert do(socket, "/parts/import", files=FILES)["changes"] == []
    wrong = do(socket, "/parts/import", files={"spares.csv": "part_number,component\nP2,dsik\n"})
    assert wrong["mistakes"][0].startswith("spares.csv:2: spare.component: ")
    (spare,) = ask(socket, "/parts", search="p1")["parts"]
    assert (spare["free"], spare["fits"][0]["part_model"]) == (0, "ST4000*")
    assert "[[spare]]" in ask(socket, "/parts/export")["files"]["spares.toml"]


def test_depots_are_added_changed_and_listed(socket: Socket) -> None:
    do(socket, "/depots", name="sz", title="Shenzhen", country="CN", serves=["north"], travel_minutes=30)
    do(socket, "/depots", name="sz", place="Nanshan", serves=["south"], rank=2)
    (depot,) = ask(socket, "/depots")["depots"]
    assert (depot["title"], depot["place"], len(depot["serves"])) == ("Shenzhen", "Nanshan", 2)
    assert ask(socket, "/depots", customer="west")["depots"] == []
    assert socket.post("/depots", name="x", serves=["nobody"]).status_code == 404
    assert socket.post("/depots", name="x", serves=["north/nowhere"]).status_code == 404
    assert socket.post("/depots", name="x", country="china").status_code == 400


def test_within_one_customers_scope_only_his_dedicated_store_is_made_or_changed(socket: Socket) -> None:
    filled(socket)
    for body in (
        {"name": "own"},
        {"name": "own", "customer": "north", "serves": ["south"]},
        {"name": "sh", "customer": "north", "serves": ["north"]},
    ):
        assert socket.post("/depots?customer=north", **body).status_code == 409, body
    assert do(socket, "/depots?customer=north", name="own", customer="north", serves=["north"])["customer"] == "north"
    do(socket, "/stock/receive", depot="sh", part_number="P1", count=2)
    assert ask(socket, "/parts")["parts"][0]["free"] == 2
    assert ask(socket, "/parts", customer="north")["parts"][0]["free"] == 0
    order = do(socket, "/part-orders", case=a_case(socket))
    assert socket.get(f"/part-orders/{order['id']}", customer="south").status_code == 404
    assert socket.post(f"/part-orders/{order['id']}/ship?customer=south").status_code == 404


def test_goods_come_in_go_out_and_run_low(socket: Socket) -> None:
    filled(socket)
    line = do(socket, "/stock/receive", depot="sh", part_number="P1", serials=["S1", "S2"])
    assert (line["free"], line["serials"]) == (2, ["S1", "S2"])
    do(socket, "/stock/marks", depot="sh", part_number="P1", minimum=2, reorder_point=0)
    assert ask(socket, "/stock", low=True)["stock"] == []
    do(socket, "/stock/withdraw", depot="sh", part_number="P1", reason="broken", serials=["S2"])
    (low,) = ask(socket, "/stock", low=True)["stock"]
    assert (low["level"], low["free"]) == ("low", 1)
    assert ask(socket, "/stock", customer="north")["stock"] == []
    assert socket.post("/stock/withdraw", depot="sh", part_number="P1", reason="", count=1).status_code == 409
    assert socket.post("/stock/receive", depot="sh", part_number="P9", count=1).status_code == 404


def test_a_part_goes_from_the_depot_into_the_machine_and_the_old_one_back(socket: Socket) -> None:
    filled(socket)
    do(socket, "/stock/receive", depot="sh", part_number="P1", serials=["S1"])
    number = a_case(socket)
    order = do(socket, "/part-orders", case=number)
    assert (order["state"], order["depot"], order["case_number"], order["customer"]) == (
        "reserved", "sh", number, "north",
    )  # fmt: skip
    path = f"/part-orders/{order['id']}"
    assert ask(socket, path)["steps"] == ["ship", "receive", "cancel"]
    do(socket, f"{path}/ship", tracking="SF1")
    do(socket, f"{path}/receive")
    done = do(socket, f"{path}/install", serial="S1", old_serial="ZC1")
    assert (done["state"], done["new_serial"], done["old_serial"]) == ("installed", "S1", "ZC1")
    assert do(socket, f"{path}/correct", serial="S1-B")["new_serial"] == "S1-B"
    socket.now_ms = NOW + 11 * 86_400_000
    (late,) = ask(socket, "/part-orders", overdue=True)["orders"]
    assert late["id"] == order["id"]
    do(socket, f"{path}/send_back")
    assert do(socket, f"{path}/receive_back")["state"] == "return_received"
    assert ask(socket, "/part-orders", overdue=True)["orders"] == []
    record = ask(socket, f"/assets/{done['asset']}/record")
    assert record["repairs"][0]["replaced"][0]["new_serial"] == "S1-B"


def test_what_is_refused_says_why(socket: Socket) -> None:
    filled(socket)
    number = a_case(socket)
    order = do(socket, "/part-orders", case=number)
    assert order["state"] == "requested"
    refused = socket.post(f"/part-orders/{order['id']}/ship")
    assert (refused.status_code, "cannot ship: it can reserve, cancel" in refused.text) == (409, True)
    assert socket.post(f"/part-orders/{order['id']}/reserve").status_code == 409
    assert "there is no step fly" in socket.post(f"/part-orders/{order['id']}/fly").text
    assert socket.post("/part-orders/99/ship").status_code == 404
    assert socket.post("/part-orders", case="HC-0").status_code == 404
    assert ask(socket, "/part-orders", customer="south")["orders"] == []
    assert socket.get("/part-orders", customer="south", case=number).status_code == 404
    assert [one["id"] for one in ask(socket, "/part-orders", state="requested")["orders"]] == [order["id"]]


def test_spare_risk_is_told(socket: Socket) -> None:
    filled(socket)
    a_case(socket)
    (line,) = ask(socket, "/spare-risk", within_hours=8)["risk"]
    assert (line["depot"], line["open_demand"], line["unmet"], line["left"], line["to_order"]) == ("sh", 1, 1, 0, 1)


def test_a_collector_without_spares_says_so(socket: Socket) -> None:
    socket.services.clear()
    assert socket.get("/spare-risk").status_code == 404
