"""Reports, files on cases and the precision of rules on the control socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.precision import Confidence
from hardcase_collector.cases.reports import Reports
from hardcase_collector.domain.case import Outcome
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.storage.evidence import EvidenceFiles

from tests.contracts.report_store import ended, opened_case
from tests.contracts.state_store import a_transition, an_asset
from tests.fakes.empty_store import empty_store
from tests.unit.collector.web.control_client import NOW, Nobody, Socket

BOOK = load_sheets()
LOG = b"ata1: failed command\n" * 500
TOLD = {"category": "disk", "description": "Amber light.", "channel": "phone", "asset": "web1", "slot": "Bay 3"}


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    store = empty_store(tmp_path / "state.db")
    announcer = Nobody()
    limits = AttachmentLimits(file_bytes=20_000, case_bytes=100_000)
    files = EvidenceFiles(tmp_path / "evidence", trouble=lambda: "")
    with store.write() as tx:
        an_asset(tx)
    yield Socket(
        store,
        services={
            "reports": Reports(announcer, Opening(), BOOK.categories),
            "attachments": Attachments(store, files, announcer, limits),
            "confidence": Confidence(store, lambda: NOW).of,
        },
    )
    store.close()


def told(socket: Socket, **change: Any) -> dict[str, Any]:
    answer = socket.post("/reports", **{**TOLD, **change})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_report_is_answered_with_its_case_and_what_is_open_there(socket: Socket) -> None:
    with socket.store.write() as tx:
        tx.findings.save(a_transition(tx.assets.by_number(1)), case=None, held="warning", held_until_ms=0)
    made = told(socket, caller_name="Wang Fang", severity="critical", priority="P1", key="t-1")
    assert made["fresh"] is True
    assert (made["case"]["origin"], made["case"]["severity"], made["case"]["priority"]) == ("person", "critical", "P1")
    assert [one["fault_class"] for one in made["around"]["findings"]] == ["psu.input_lost"]
    assert told(socket, caller_name="Wang Fang", severity="critical", priority="P1", key="t-1")["fresh"] is False
    around = socket.get("/reports/around/web1").json()
    assert [one["number"] for one in around["cases"]] == [made["case"]["number"]]
    second = socket.post("/reports", **TOLD)
    assert (second.status_code, "join it" in second.json()["detail"]) == (409, True)
    number = made["case"]["number"]
    joined = socket.post(f"/reports/join/{number}", **{**TOLD, "asset": "", "caller_name": "Zhao"}).json()
    assert joined["case"]["version"] == 2
    reports = socket.get(f"/cases/{number}/reports").json()["reports"]
    assert [(one["caller"]["name"], one["joined"]) for one in reports] == [("Wang Fang", False), ("Zhao", True)]
    actions = [one["action"] for one in socket.get("/audit").json()["audit"]]
    assert actions == ["case.join", "case.report"]


def test_a_report_is_checked_before_it_is_taken(socket: Socket) -> None:
    for change in ({"channel": "pigeon"}, {"severity": "warning"}, {"priority": "P9"}, {"toaster": 1}):
        assert socket.post("/reports", **{**TOLD, **change}).status_code == 400
    assert socket.post("/reports", **{**TOLD, "asset": "nowhere"}).status_code == 404


def test_the_asset_of_a_report_is_named_later(socket: Socket) -> None:
    number = told(socket, asset="", customer="north", asset_told="the old one")["case"]["number"]
    moved = socket.post(f"/reports/identify/{number}", asset="web1", slot="Bay 3").json()
    assert (moved["asset"], moved["part"]["slot"]) == (1, "Bay 3")


def test_what_may_be_reported_is_listed_in_the_readers_language(socket: Socket) -> None:
    listed = socket.get("/reports/categories", language="zh").json()["categories"]
    assert {"disk.reported", "os.reported", "request.upgrade"} <= {one["category"] for one in listed}
    assert {one["title"].endswith(" zh") for one in listed} == {True}


def test_a_file_comes_in_in_pieces_and_leaves_as_a_download(socket: Socket) -> None:
    number = told(socket)["case"]["number"]
    made = socket.send(f"/attachments/{number}", LOG, name="../故障 messages.log", internal="true").json()
    assert (made["name"], made["size"], made["internal"]) == ("故障 messages.log", len(LOG), True)
    assert socket.get(f"/cases/{number}/attachments").json()["attachments"] == [made]
    answer = socket.get(f"/attachments/{made['id']}/content")
    assert answer.content == LOG
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"__ messages.log\"; filename*=UTF-8''%E6%95%85%E9%9A%9C%20messages.log"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert socket.post(f"/attachments/{made['id']}/remove", reason="not ours").status_code == 200
    assert socket.get(f"/attachments/{made['id']}/content").status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [("a.log", b"x" * 20_001, 413), ("a.exe", b"MZ", 409), ("a.log", b"", 409), ("a.png", LOG, 409)],
)
def test_what_may_not_be_attached_is_refused(socket: Socket, name: str, body: bytes, status: int) -> None:
    number = told(socket)["case"]["number"]
    assert socket.send(f"/attachments/{number}", body, name=name).status_code == status
    assert socket.get(f"/cases/{number}/attachments").json() == {"attachments": []}
    assert socket.send("/attachments/HC-20200101-0001", LOG, name="a.log").status_code == 404


def test_a_rule_is_as_good_as_its_cases_ended(socket: Socket) -> None:
    with socket.store.write() as tx:
        endings = [Outcome.REPAIRED] * 3 + [Outcome.ACCEPTED, Outcome.FALSE_ALARM, Outcome.NO_FAULT_FOUND]
        for number, outcome in enumerate([*endings, Outcome.DUPLICATE, Outcome.UNKNOWN]):
            ended(tx, opened_case(tx, f"dell|{number}"), outcome, "psu-input", at_ms=NOW - 1000)
        ended(tx, opened_case(tx, "dell|9", "south"), Outcome.UNKNOWN, "fan-slow", at_ms=NOW - 1000)
        old = opened_case(tx, "dell|10")
        ended(tx, replace(old), Outcome.FALSE_ALARM, "psu-input", at_ms=NOW - 10_000)
    found = {one["rule"]: one for one in socket.get("/precision", from_ms=NOW - 5000).json()["rules"]}
    assert found["psu-input"] == {
        "rule": "psu-input",
        "confirmed": 3,
        "accepted": 1,
        "false_alarm": 1,
        "no_fault_found": 1,
        "duplicate": 1,
        "unknown": 1,
        "cases": 8,
        "judged": 6,
        "share": 4 / 6,
    }
    assert (found["fan-slow"]["judged"], found["fan-slow"]["share"]) == (0, None)
    north = socket.get("/precision", customer="north").json()["rules"]
    assert [(one["rule"], one["false_alarm"]) for one in north] == [("psu-input", 2)]
    assert socket.get("/precision", until_ms=NOW - 20_000).json()["rules"] == []


def test_a_case_tells_how_often_the_rules_behind_it_were_right(socket: Socket) -> None:
    with socket.store.write() as tx:
        for number, outcome in enumerate((Outcome.REPAIRED, Outcome.FALSE_ALARM, Outcome.UNKNOWN)):
            ended(tx, opened_case(tx, f"dell|{number}"), outcome, "psu-input", at_ms=NOW - 1000)
        case = opened_case(tx, "dell|7")
        ended(tx, case, Outcome.UNKNOWN, "psu-input", "never-judged", at_ms=0)
        tx.cases.save(case)
    shown = socket.get(f"/cases/{case.number}").json()
    assert shown["confidence"] == [{"rule": "psu-input", "share": 0.5, "judged": 2}]
