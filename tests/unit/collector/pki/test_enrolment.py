"""Who becomes an agent: tokens, hosts that are bound already, renewal, throttling. Over a real gRPC port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hardcase_collector import pki, servers
from hardcase_collector.domain.ports import EnrolmentToken
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.founding import found
from hardcase_collector.roots import Roots
from hardcase_collector.rpc.enrolment import EnrolmentService
from hardcase_collector.rpc.joining import Enrolment
from hardcase_collector.rpc.throttle import REFUSALS_PER_MINUTE
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_protos.v1 import enrolment_pb2, enrolment_pb2_grpc, reading_pb2

from tests.fakes.empty_store import empty_store

NOW = 1_800_000_000_000
DAY_MS = 86_400_000


def key_and_request() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return key, request.public_bytes(serialization.Encoding.PEM)


@dataclass
class Port:
    store: SqlStateStore
    stub: enrolment_pb2_grpc.EnrolmentAsyncStub
    now_ms: int = NOW

    def token(
        self, *, uses: int = 1, replace: bool = False, customer: str = "acme", expires_ms: int = NOW + DAY_MS
    ) -> str:
        secret = f"hct_{uses}{replace}{customer}{expires_ms}"
        made = EnrolmentToken(
            hash=secret_hash(secret),
            customer=customer,
            uses_left=uses,
            expires_ms=expires_ms,
            replace=replace,
            made_by="root",
            made_ms=NOW,
        )
        with self.store.write() as tx:
            tx.access.add_token(made)
        return secret

    async def enroll(self, token: str, csr: bytes, machine_id: str = "a" * 32) -> enrolment_pb2.EnrollReply:
        host = reading_pb2.Asset(hostname="db1", machine_id=machine_id)
        return await self.stub.Enroll(enrolment_pb2.EnrollRequest(token=token, csr_pem=csr, host=host), timeout=60)

    async def renew(
        self, key: ec.EllipticCurvePrivateKey, certificate: bytes, *, wall_ms: int | None = None
    ) -> enrolment_pb2.EnrollReply:
        _, csr = key_and_request()
        wall_ms = self.now_ms if wall_ms is None else wall_ms
        signature = key.sign(csr + wall_ms.to_bytes(8, "big"), ec.ECDSA(hashes.SHA256()))
        request = enrolment_pb2.RenewRequest(
            certificate_pem=certificate, csr_pem=csr, wall_ms=wall_ms, signature=signature
        )
        return await self.stub.Renew(request, timeout=60)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    # The server's certificate must be valid now; the clock of the service is the test's.
    found(tmp_path / "data", ("localhost",), now=datetime.now(UTC))
    files = pki.ServerFiles.below(tmp_path / "data")
    roots = Roots(files)
    store = empty_store(tmp_path / "state.sqlite")
    made = Port(store, None)  # type: ignore[arg-type]  # set below, once the port is known
    service = EnrolmentService(Enrolment(store, roots), clock_ms=lambda: made.now_ms)
    server, number = servers.enrolment_server(service, "127.0.0.1:0", roots.shown_to_joining)
    await server.start()
    credentials = grpc.ssl_channel_credentials(roots.trust())
    async with grpc.aio.secure_channel(f"localhost:{number}", credentials) as channel:
        made.stub = enrolment_pb2_grpc.EnrolmentStub(channel)
        yield made
    await server.stop(0)
    store.close()


async def refused(answer: object) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer  # type: ignore[misc]  # a call or a coroutine
    return caught.value.code()


async def refused_as(answer: object) -> str:
    """The name that travels beside the sentence."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer  # type: ignore[misc]  # a call or a coroutine
    told = dict(caught.value.trailing_metadata() or ())
    assert int(told["hardcase-time"]) >= NOW
    return str(told["hardcase-refusal"])


async def test_a_token_becomes_a_certificate_for_a_named_agent_of_the_tokens_customer(port: Port) -> None:
    key, csr = key_and_request()
    reply = await port.enroll(port.token(), csr)
    certificate = x509.load_pem_x509_certificate(reply.certificate_pem)

    assert pki.common_name(certificate) == reply.agent_id
    assert certificate.public_key() == key.public_key()
    with port.store.read() as tx:
        agent = tx.agents.by_id(reply.agent_id)
        assert agent is not None
        assert (agent.customer, agent.hostname, agent.fingerprint) == (
            "acme",
            "db1",
            pki.fingerprint(reply.certificate_pem),
        )
        assert tx.access.audits(customer=None, limit=1)[0].action == "agent.enrolled"


async def test_a_wrong_used_up_or_expired_token_is_refused(port: Port) -> None:
    token = port.token()
    await port.enroll(token, key_and_request()[1])
    _, csr = key_and_request()

    assert await refused_as(port.enroll(token, csr, "b" * 32)) == "token-used-up"
    assert await refused_as(port.enroll("hct_wrong", csr, "b" * 32)) == "token-unknown"
    assert await refused_as(port.enroll(port.token(expires_ms=NOW - 1), csr, "b" * 32)) == "token-expired"
    taken_back = port.token(uses=3)
    with port.store.write() as tx:
        tx.access.revoke_token(secret_hash(taken_back), now_ms=NOW)
    assert await refused(port.enroll(taken_back, csr, "b" * 32)) is grpc.StatusCode.UNAUTHENTICATED
    assert await refused_as(port.enroll(taken_back, csr, "b" * 32)) == "token-revoked"
    with port.store.read() as tx:
        told = [one.facts.get("reason", "") for one in tx.access.audits(customer=None, limit=50)]
    assert {"token-used-up", "token-unknown", "token-expired", "token-revoked"} <= set(told)


async def test_a_bound_host_needs_a_replace_token_and_keeps_its_identity(port: Port) -> None:
    _, csr = key_and_request()
    first = await port.enroll(port.token(), csr)
    plain = port.token(uses=2)

    assert await refused(port.enroll(plain, csr)) is grpc.StatusCode.ALREADY_EXISTS
    port.now_ms += 1000
    again = await port.enroll(port.token(replace=True), csr)
    assert again.agent_id == first.agent_id
    with port.store.read() as tx:
        # What came to nothing took no use of the token.
        assert [token.uses_left for token in tx.access.tokens(customer=None) if token.hash == secret_hash(plain)] == [2]


async def test_a_host_of_another_customer_is_not_taken_over(port: Port) -> None:
    _, csr = key_and_request()
    await port.enroll(port.token(), csr)

    code = await refused(port.enroll(port.token(replace=True, customer="other"), csr))
    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_hosts_that_tell_no_identity_are_never_taken_for_each_other(port: Port) -> None:
    token = port.token(uses=2)
    replies = [await port.enroll(token, key_and_request()[1], "") for _ in range(2)]

    assert replies[0].agent_id != replies[1].agent_id


async def test_a_certificate_is_renewed_for_who_holds_its_key_also_after_a_lost_answer(port: Port) -> None:
    key, csr = key_and_request()
    reply = await port.enroll(port.token(), csr)
    renewed = await port.renew(key, reply.certificate_pem)
    again = await port.renew(key, reply.certificate_pem)

    assert renewed.agent_id == again.agent_id == reply.agent_id
    stranger, _ = key_and_request()
    assert await refused(port.renew(stranger, reply.certificate_pem)) is grpc.StatusCode.PERMISSION_DENIED
    late = port.renew(key, reply.certificate_pem, wall_ms=NOW - 700_000)
    assert await refused(late) is grpc.StatusCode.PERMISSION_DENIED


async def test_a_certificate_from_before_the_replacement_renews_nothing(port: Port) -> None:
    key, csr = key_and_request()
    old = await port.enroll(port.token(), csr)
    port.now_ms += 1000
    await port.enroll(port.token(replace=True), csr)

    assert await refused(port.renew(key, old.certificate_pem)) is grpc.StatusCode.PERMISSION_DENIED


async def test_guessing_is_slowed_down(port: Port) -> None:
    _, csr = key_and_request()
    for _ in range(REFUSALS_PER_MINUTE):
        assert await refused(port.enroll("hct_wrong", csr)) is grpc.StatusCode.UNAUTHENTICATED
    token = port.token()

    assert await refused(port.enroll(token, csr)) is grpc.StatusCode.RESOURCE_EXHAUSTED
    port.now_ms += 61_000
    assert (await port.enroll(token, csr)).agent_id


async def test_junk_for_a_request_is_refused_and_takes_no_token(port: Port) -> None:
    token = port.token()

    assert await refused(port.enroll(token, b"junk")) is grpc.StatusCode.PERMISSION_DENIED
    assert (await port.enroll(token, key_and_request()[1])).agent_id
