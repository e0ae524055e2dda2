"""Certificates that a site's own CA issued: a host that brings one is one host, whatever the certificate calls it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from hardcase_collector import pki
from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import JoiningRefused
from hardcase_collector.domain.joining import RefusalName
from hardcase_collector.domain.ports import EnrolmentToken
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.founding import found
from hardcase_collector.roots import Roots
from hardcase_collector.rpc.joining import Ask, Enrolled, Enrolment
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_protos.v1 import reading_pb2

from tests.fakes import site_ca
from tests.fakes.empty_store import empty_store
from tests.unit.collector.pki.test_enrolment import DAY_MS, NOW, key_and_request

SITE = site_ca.make("Site CA")


class Desk:
    def __init__(self, folder: Path) -> None:
        found(folder / "data", ("localhost",), now=datetime.now(UTC))
        self.folder = folder
        self.store: SqlStateStore = empty_store(folder / "state.sqlite")
        self.enrolment = Enrolment(self.store, Roots(pki.ServerFiles.below(folder / "data")))
        self.now_ms = NOW

    def certificate(self, name: str) -> x509.Certificate:
        site_ca.write_client(self.folder, SITE, name)
        return x509.load_pem_x509_certificate((self.folder / "client.crt").read_bytes())

    def join(self, name: str = "", *, host: str = "a", replace: bool = False) -> Enrolled:
        """`name`: of the certificate it brings; "" = it asks for one of ours."""
        self.now_ms += 1000
        secret = f"hct_{self.now_ms}"
        token = EnrolmentToken(
            hash=secret_hash(secret),
            customer="acme",
            uses_left=1,
            expires_ms=self.now_ms + DAY_MS,
            replace=replace,
            made_by="root",
            made_ms=NOW,
        )
        with self.store.write() as tx:
            tx.access.add_token(token)
        ask = Ask(
            token=secret,
            csr_pem=b"" if name else key_and_request()[1],
            host=reading_pb2.Asset(hostname="db1", machine_id=host * 32, uuid=f"uuid-{host}"),
            address="10.0.0.7",
            certificate=self.certificate(name) if name else None,
        )
        return self.enrolment.enroll(ask, now_ms=self.now_ms)

    def refused(self, name: str = "", *, host: str = "a", replace: bool = False) -> RefusalName:
        with pytest.raises(JoiningRefused) as caught:
            self.join(name, host=host, replace=replace)
        return RefusalName(caught.value.name)

    def agents(self) -> list[Agent]:
        with self.store.read() as tx:
            return list(tx.agents.all(customer=None))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_the_same_host_with_another_name_is_told_that_it_is_bound_already(desk: Desk) -> None:
    desk.join("web9.example.com")
    assert desk.refused("web10.example.com") == RefusalName.ALREADY_BOUND
    assert desk.refused() == RefusalName.ALREADY_BOUND
    assert [one.id for one in desk.agents()] == ["x509:web9.example.com"]


def test_with_replace_it_is_taken_over_and_keeps_its_history(desk: Desk) -> None:
    first = desk.join("web9.example.com").agent
    second = desk.join("web10.example.com", replace=True).agent
    assert (second.id, second.number) == ("x509:web10.example.com", first.number)
    third = desk.join(replace=True).agent
    assert third.number == first.number
    assert not third.id.startswith("x509:")
    assert [one.id for one in desk.agents()] == [third.id]


def test_a_name_that_moves_to_a_host_that_is_bound_already_leaves_one_agent_of_that_host(desk: Desk) -> None:
    moved = desk.join("web9.example.com", host="a").agent
    other = desk.join("web10.example.com", host="b").agent
    assert desk.refused("web9.example.com", host="b") in (RefusalName.ALREADY_BOUND, RefusalName.CLONED)
    taken = desk.join("web9.example.com", host="b", replace=True).agent
    assert taken.id == "x509:web9.example.com"
    live = [one for one in desk.agents() if not one.revoked and one.machine_id == "b" * 32]
    assert [one.id for one in live] == ["x509:web9.example.com"]
    assert {one.number for one in desk.agents()} == {moved.number, other.number}
