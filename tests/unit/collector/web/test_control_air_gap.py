"""Import and receipts on the control socket, over a real state store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web.control.application import make_control

from tests.fakes.carried import Desk, Host
from tests.fakes.collector import FakeCollector
from tests.fakes.empty_store import empty_store
from tests.fakes.telemetry import FakeTelemetryStore
from tests.unit.collector.web.control_client import Socket


class StoredCollector(FakeCollector):
    def __init__(self, store: SqlStateStore) -> None:
        super().__init__()
        self.state = store  # type: ignore[assignment]  # a real one
        self.telemetry = FakeTelemetryStore()
        self.restart()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = empty_store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def desk(store: SqlStateStore) -> Desk:
    return Desk(collector=StoredCollector(store))


@pytest.fixture
def host(desk: Desk, tmp_path: Path) -> Host:
    return Host(desk, tmp_path / "host")


@pytest.fixture
def socket(store: SqlStateStore, desk: Desk) -> Socket:
    made = Socket(store)
    made._made = make_control(replace(made.control(), air_gap=desk.gap))
    return made


def exported(host: Host) -> bytes:
    (file,) = asyncio.run(host.files())
    return file


def test_a_file_is_taken_listed_and_answered(socket: Socket, host: Host) -> None:
    host.sweep(3)
    file = exported(host)
    answer = socket.send("/air-gap/imports", file)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["agent"], told["file"]["records"], told["file"]["by"]) == ("a1", 4, "root")
    (row,) = socket.get("/air-gap/imports").json()["imports"]
    assert (row["agent_id"], row["file"]["sha256"]) == ("a1", told["file"]["sha256"])
    receipt = socket.get("/air-gap/receipts/a1")
    assert receipt.headers["content-type"] == "application/octet-stream"
    assert receipt.content[:8] == b"HCAIRGAP"
    again = socket.send("/air-gap/imports", file)
    assert (again.status_code, again.json()["error"]) == (409, "FileTaken")
    (entry,) = (one for one in socket.get("/audit").json()["audit"] if one["action"] == "agent.file_imported")
    assert entry["subject"] == "a1"


def test_a_store_that_refuses_keeps_nothing_and_takes_it_the_next_time(
    socket: Socket, host: Host, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.sweep(3)
    file = exported(host)
    with monkeypatch.context() as patch:
        patch.setattr("hardcase_collector.storage.state.agent_store.SqlAgentStore.told_trust", _broken)
        assert socket.send("/air-gap/imports", file).status_code == 503
    assert socket.get("/air-gap/imports").json()["imports"] == []
    assert socket.send("/air-gap/imports", file).status_code == 200
    assert len(desk.frames()) == 3


def _broken(self: object, agent: int, *, roots: str, issuer: str) -> None:
    raise StoreFailed("the disk is on fire")


def test_one_customer_neither_sees_nor_takes_nor_receipts_anothers(socket: Socket, host: Host) -> None:
    host.sweep(2)
    file = exported(host)
    refused = socket.send("/air-gap/imports", file, customer="other")
    assert (refused.status_code, refused.json()["error"]) == (409, "FileForeign")
    assert socket.send("/air-gap/imports", file, customer="acme").status_code == 200
    assert socket.get("/air-gap/imports", customer="other").json()["imports"] == []
    assert len(socket.get("/air-gap/imports", customer="acme").json()["imports"]) == 1
    assert socket.get("/air-gap/receipts/a1", customer="other").status_code == 404
    assert socket.get("/air-gap/receipts/a1", customer="acme").status_code == 200
    assert socket.get("/air-gap/receipts/nobody").status_code == 404


def test_more_than_a_file_may_have_is_not_even_read(socket: Socket) -> None:
    answer = socket.send("/air-gap/imports", bytes(9 << 20))
    assert (answer.status_code, answer.json()["error"]) == (409, "FileDamaged")


@pytest.mark.parametrize("file", ["", "%%%", "SENBSVJHQVA="])
def test_a_request_that_is_none_is_named(socket: Socket, file: str) -> None:
    answer = socket.post("/air-gap/identities", file=file, token="t")
    assert (answer.status_code, answer.json()["error"]) == (409, "FileDamaged")
