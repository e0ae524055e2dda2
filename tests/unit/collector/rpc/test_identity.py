"""Who is at the other end: the transport's word and the store's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hardcase_collector import pki
from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.rpc.identity import Peer, Revoked, agent_of, insecure_agent, peer_of
from hardcase_collector.rpc.server import is_loopback

from tests.fakes.state import FakeStateStore

AGENT = Agent(
    id="a-1",
    number=0,
    customer="acme",
    hostname="web1",
    machine_id="1" * 32,
    dmi_uuid="",
    fingerprint="ab" * 32,
    enrolled_ms=1000,
)


@pytest.fixture(scope="module")
def certificate() -> bytes:
    authority = pki.Authority.create(("localhost",), now=datetime.now(UTC))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = request.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    pem = signed.public_bytes(serialization.Encoding.PEM)
    return authority.issue_client(pem, "a-1", enrolment=1000, now=datetime.now(UTC)).certificate


def properties(certificate: bytes, **changed: list[bytes]) -> dict[str, list[bytes]]:
    found = {"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [certificate], "x509_common_name": [b"a-1"]}
    return {**found, **changed}


def test_a_proper_peer_is_known_by_name_and_fingerprint(certificate: bytes) -> None:
    peer = peer_of(properties(certificate), lambda _: 1000)
    assert peer == Peer("a-1", pki.fingerprint(certificate), 1000)


@pytest.mark.parametrize(
    "changed",
    [
        {"ssl_tls_version": [b"TLSv1.2"]},
        {"ssl_tls_version": []},
        {"x509_pem_cert": []},
        {"x509_common_name": []},
        {"x509_common_name": [b"a-1", b"a-2"]},
    ],
)
def test_anything_less_is_refused(certificate: bytes, changed: dict[str, list[bytes]]) -> None:
    with pytest.raises(NotAllowed):
        peer_of(properties(certificate, **changed), lambda _: None)


def agents(agent: Agent = AGENT) -> object:
    store = FakeStateStore()
    with store.write() as tx:
        tx.agents.add(agent)
    with store.read() as tx:
        return tx.agents


def test_fingerprint_or_enrolment_admits_an_agent() -> None:
    for peer in (Peer("a-1", "ab" * 32, None), Peer("a-1", "cd" * 32, 1000)):
        assert agent_of(agents(), peer).id == "a-1"  # type: ignore[arg-type]  # the fake has the port's methods


@pytest.mark.parametrize(
    ("agent", "peer", "error"),
    [
        (AGENT, Peer("a-2", "ab" * 32, 1000), NotAllowed),
        (AGENT, Peer("a-1", "cd" * 32, 999), Revoked),
        (AGENT, Peer("a-1", "cd" * 32, None), Revoked),
        (replace(AGENT, revoked=True), Peer("a-1", "ab" * 32, 1000), Revoked),
    ],
)
def test_others_are_refused(agent: Agent, peer: Peer, error: type[Exception]) -> None:
    with pytest.raises(error):
        agent_of(agents(agent), peer)  # type: ignore[arg-type]  # the fake has the port's methods


def test_plain_text_believes_the_host_that_hello_names() -> None:
    assert insecure_agent(agents(), machine_id="1" * 32, dmi_uuid="").id == "a-1"  # type: ignore[arg-type]  # fake
    with pytest.raises(NotAllowed):
        insecure_agent(agents(), machine_id="2" * 32, dmi_uuid="")  # type: ignore[arg-type]  # fake


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:4740", True),
        ("[::1]:4740", True),
        ("localhost:4740", True),
        ("0.0.0.0:4740", False),
        ("[::]:4740", False),
        ("collector.example:4740", False),
        ("10.0.0.1:4740", False),
    ],
)
def test_loopback_is_told_from_the_rest(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
