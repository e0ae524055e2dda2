"""Who becomes an agent: tokens, hosts that are bound already, renewal, throttling. Over a real gRPC port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hardcase_collector import pki, servers
from hardcase_collector.domain.asset import AssetFacts, AssetMode, IdentityBasis
from hardcase_collector.domain.customer import Customer, Site
from hardcase_collector.domain.errors import JoiningRefused
from hardcase_collector.domain.joining import RefusalName
from hardcase_collector.domain.ports import EnrolmentToken
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.founding import found
from hardcase_collector.roots import Roots
from hardcase_collector.rpc.enrolment import EnrolmentService
from hardcase_collector.rpc.joining import Ask, Enrolled, Enrolment
from hardcase_collector.rpc.throttle import REFUSALS_PER_MINUTE, Throttle
from hardcase_collector.rpc.waiting import WAITING_POLL_MS
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
    roots: Roots
    service: EnrolmentService
    number: int = 0
    now_ms: int = NOW
    made: int = 0

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Port]:
        """Over a new connection, which trusts the CA that is told of now."""
        credentials = grpc.ssl_channel_credentials(self.roots.trust())
        async with grpc.aio.secure_channel(f"localhost:{self.number}", credentials) as channel:
            yield replace(self, stub=enrolment_pb2_grpc.EnrolmentStub(channel))

    def token(
        self,
        *,
        uses: int = 1,
        replace: bool = False,
        customer: str = "acme",
        expires_ms: int = NOW + DAY_MS,
        site: str = "",
        networks: tuple[str, ...] = (),
        serials: tuple[str, ...] = (),
        approve: bool = False,
    ) -> str:
        self.made += 1
        secret = f"hct_{self.made}"
        made = EnrolmentToken(
            hash=secret_hash(secret),
            customer=customer,
            uses_left=uses,
            expires_ms=expires_ms,
            replace=replace,
            made_by="root",
            made_ms=NOW,
            site=site,
            networks=networks,
            serials=serials,
            approve=approve,
        )
        with self.store.write() as tx:
            tx.access.add_token(made)
        return secret

    async def enroll(
        self, token: str, csr: bytes, machine_id: str = "a" * 32, *, serial: str = "", uuid: str = "", wall_ms: int = 0
    ) -> enrolment_pb2.EnrollReply:
        vendor = "Dell Inc." if serial else ""
        host = reading_pb2.Asset(hostname="db1", machine_id=machine_id, serial=serial, uuid=uuid, vendor=vendor)
        request = enrolment_pb2.EnrollRequest(token=token, csr_pem=csr, host=host, wall_ms=wall_ms)
        return await self.stub.Enroll(request, timeout=60)

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
    service = EnrolmentService(Enrolment(store, roots), clock_ms=lambda: made.now_ms)
    made = Port(store, None, roots, service)  # type: ignore[arg-type]  # set below, once the port is known
    server, number = servers.enrolment_server(service, "127.0.0.1:0", roots.shown_to_joining)
    await server.start()
    made.number = number
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


async def test_who_hangs_up_before_the_answer_is_slowed_down_as_who_is_refused(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, begun, goes_on, counted = 0, threading.Event(), threading.Event(), asyncio.Event()
    count = Throttle.refused

    def refuses(throttle: Throttle, address: str, *, now_ms: int) -> None:
        count(throttle, address, now_ms=now_ms)
        counted.set()

    def slow(_: Enrolment, ask: Ask, *, now_ms: int) -> Enrolled:
        nonlocal looks
        looks += 1
        begun.set()
        goes_on.wait(10)
        raise JoiningRefused(RefusalName.TOKEN_UNKNOWN, "unknown")

    monkeypatch.setattr(Enrolment, "enroll", slow)
    monkeypatch.setattr(Throttle, "refused", refuses)
    _, request = key_and_request()
    for _ in range(REFUSALS_PER_MINUTE):
        for event in (begun, goes_on, counted):
            event.clear()
        call = port.stub.Enroll(enrolment_pb2.EnrollRequest(token="hct_guess", csr_pem=request))
        assert await asyncio.to_thread(begun.wait, 10)
        call.cancel()
        await asyncio.wait_for(counted.wait(), 10)
        goes_on.set()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await port.stub.Enroll(enrolment_pb2.EnrollRequest(token="hct_guess", csr_pem=request))
    assert dict(refused.value.trailing_metadata() or ())["hardcase-refusal"] == "too-many-attempts"
    assert looks == REFUSALS_PER_MINUTE


async def test_what_is_refused_again_and_again_is_one_entry_and_a_count(port: Port) -> None:
    _, csr = key_and_request()
    for _ in range(30):
        await refused(port.enroll("hct_wrong", csr))
        port.now_ms += 10_000
    await port.service.stop()
    with port.store.read() as tx:
        told = [one for one in tx.access.audits(customer=None, limit=90) if one.action == "agent.enrolment_refused"]
    assert [one.facts.get("count", 1) for one in reversed(told)] == [1, 29]
    assert {(one.actor, one.facts["reason"], one.facts["hostname"]) for one in told} == {
        ("127.0.0.1", "token-unknown", "db1")
    }


async def test_an_empty_request_is_told_the_time_and_counts_as_no_attempt(port: Port) -> None:
    for _ in range(REFUSALS_PER_MINUTE + 3):
        assert await refused_as(port.stub.Enroll(enrolment_pb2.EnrollRequest(), timeout=60)) == "bad-request"
    with port.store.read() as tx:
        assert not tx.access.audits(customer=None, limit=1)
    assert (await port.enroll(port.token(), key_and_request()[1])).agent_id


async def test_who_waits_for_approval_may_ask_as_often_as_agents_do_and_not_more(port: Port) -> None:
    _, csr = key_and_request()
    token = port.token(approve=True)
    assert await refused_as(port.enroll(token, csr)) == "waiting-for-approval"
    port.now_ms += 1_000
    with pytest.raises(grpc.aio.AioRpcError, match="ask again in 14 s") as caught:
        await port.enroll(token, csr)
    assert dict(caught.value.trailing_metadata() or ())["hardcase-refusal"] == "too-many-attempts"
    with port.store.write() as tx:
        (waiting,) = tx.access.waiting(customer=None)
        assert waiting.seen_ms == NOW
        tx.access.save_waiting(replace(waiting, decision="approved", decided_by="li"))
    assert (await port.enroll(token, csr)).agent_id


async def test_junk_for_a_request_is_refused_and_takes_no_token(port: Port) -> None:
    token = port.token()

    assert await refused(port.enroll(token, b"junk")) is grpc.StatusCode.PERMISSION_DENIED
    assert (await port.enroll(token, key_and_request()[1])).agent_id


async def test_the_same_token_and_key_get_the_same_certificate_again_and_take_no_further_use(port: Port) -> None:
    _, csr = key_and_request()
    token = port.token(expires_ms=NOW + DAY_MS)
    first = await port.enroll(token, csr)
    # Also after the token has expired: no use is taken.
    port.now_ms += 3 * DAY_MS
    again = await port.enroll(token, csr)
    assert (again.agent_id, again.certificate_pem) == (first.agent_id, first.certificate_pem)
    # Another machine with that key is a copy, and a revoked agent or token has no answer any more.
    assert await refused_as(port.enroll(token, csr, "b" * 32)) == "cloned"
    with port.store.write() as tx:
        agent = tx.agents.by_id(first.agent_id)
        assert agent is not None
        tx.agents.replace(replace(agent, revoked=True))
    assert await refused_as(port.enroll(token, csr)) == "token-expired"


async def test_a_certificate_whose_ca_has_retired_is_issued_anew_for_the_same_key(port: Port) -> None:
    _, csr = key_and_request()
    token = port.token()
    first = await port.enroll(token, csr)
    port.roots.rotate(now=datetime.now(UTC))
    port.roots.retire(now=datetime.now(UTC))
    async with port.connected() as fresh:
        again = await fresh.enroll(token, csr)
    assert again.agent_id == first.agent_id
    assert again.certificate_pem != first.certificate_pem
    certificate = x509.load_pem_x509_certificate(again.certificate_pem)
    assert port.roots.issuer_of(certificate) == port.roots.fingerprint


async def test_a_host_waits_until_a_person_decides_and_keeps_its_place_after_the_token_expires(port: Port) -> None:
    (_, csr), (_, other) = key_and_request(), key_and_request()
    token = port.token(uses=1, approve=True)
    assert await refused_as(port.enroll(token, csr)) == "waiting-for-approval"
    port.now_ms += 30_000
    assert await refused_as(port.enroll(token, csr)) == "waiting-for-approval"
    port.now_ms += 1
    assert await refused_as(port.enroll(token, other, "b" * 32)) == "waiting-for-approval"
    with port.store.write() as tx:
        first, second = tx.access.waiting(customer="acme")
        assert [first.hostname, first.address, tx.access.tokens(customer=None)[0].uses_left] == ["db1", "127.0.0.1", 1]
        tx.access.save_waiting(replace(first, decision="approved", decided_by="li"))
        tx.access.save_waiting(replace(second, decision="refused", decided_by="li", reason="not ours"))
    port.now_ms += 2 * DAY_MS
    reply = await port.enroll(token, csr)
    assert reply.agent_id
    # The only use is gone: the token is of no use to the other, whatever was decided.
    assert await refused_as(port.enroll(token, other, "b" * 32)) == "token-expired"
    with port.store.read() as tx:
        waits = [one for one in tx.access.audits(customer=None, limit=50) if one.action == "agent.waits"]
        assert len(waits) == 2
        assert len(tx.access.waiting(customer=None)) == 1


async def test_an_approval_is_for_the_ids_that_the_person_saw_and_no_others(port: Port) -> None:
    victim = await port.enroll(port.token(), key_and_request()[1], "b" * 32, uuid="4c4c4544")
    _, csr = key_and_request()
    token = port.token(replace=True, approve=True)
    assert await refused_as(port.enroll(token, csr)) == "waiting-for-approval"
    with port.store.write() as tx:
        (waiting,) = tx.access.waiting(customer=None)
        tx.access.save_waiting(replace(waiting, decision="approved", decided_by="li"))

    assert await refused_as(port.enroll(token, csr, "b" * 32, uuid="4c4c4544")) == "waiting-for-approval"

    with port.store.read() as tx:
        (again,) = tx.access.waiting(customer=None)
        assert (again.decision, again.machine_id, again.dmi_uuid) == ("", "b" * 32, "4c4c4544")
        agent = tx.agents.by_id(victim.agent_id)
        assert agent is not None
        assert agent.enrolled_ms == NOW
        assert tx.access.token(secret_hash(token)).uses_left == 1  # type: ignore[union-attr]  # it was made above


async def test_a_person_who_refuses_is_named_with_his_reason(port: Port) -> None:
    _, csr = key_and_request()
    token = port.token(uses=2, approve=True)
    assert await refused_as(port.enroll(token, csr)) == "waiting-for-approval"
    with port.store.write() as tx:
        (waiting,) = tx.access.waiting(customer=None)
        tx.access.save_waiting(replace(waiting, decision="refused", decided_by="li", reason="not ours"))
    with pytest.raises(grpc.aio.AioRpcError, match="li refused this host: not ours"):
        await port.enroll(token, csr)
    assert await refused_as(port.enroll(token, csr)) == "refused-by-person"


async def test_waiting_is_no_guessing_and_ends_after_a_week(port: Port) -> None:
    _, csr = key_and_request()
    token = port.token(approve=True, expires_ms=NOW + 30 * DAY_MS)
    for _ in range(REFUSALS_PER_MINUTE + 3):
        assert await refused_as(port.enroll(token, csr)) == "waiting-for-approval"
        port.now_ms += WAITING_POLL_MS
    with port.store.write() as tx:
        (waiting,) = tx.access.waiting(customer=None)
        tx.access.save_waiting(replace(waiting, decision="approved", decided_by="li"))
    port.now_ms += 8 * DAY_MS
    assert await refused_as(port.enroll(token, csr)) == "waiting-for-approval"


async def test_a_token_for_networks_and_serials_is_for_no_other_host(port: Port) -> None:
    _, csr = key_and_request()
    assert await refused_as(port.enroll(port.token(networks=("192.0.2.0/24",)), csr)) == "network-not-allowed"
    assert await refused_as(port.enroll(port.token(serials=("7ABC123",)), csr)) == "serial-not-listed"
    inside = port.token(networks=("127.0.0.0/8", "::1/128"), serials=("7ABC123",))
    assert (await port.enroll(inside, csr, serial=" 7abc123")).agent_id


async def test_the_site_of_a_token_is_where_the_books_put_the_asset_unless_they_say_so_already(port: Port) -> None:
    with port.store.write() as tx:
        tx.registry.save_customer(Customer(name="acme", title="Acme"))
        for name in ("berlin", "munich"):
            tx.registry.save_site(Site(customer="acme", name=name, title=name, time_zone="Europe/Berlin", country="DE"))
    token = port.token(uses=3, site="berlin")
    await port.enroll(token, key_and_request()[1], serial="7ABC123")
    with port.store.write() as tx:
        asset = tx.assets.by_key("dell|7ABC123")
        assert asset is not None
        custody = tx.registry.custody(asset.id)
        assert custody is not None
        assert (custody.site, asset.joined_ms) == ("berlin", 0)
        tx.registry.save_custody(replace(custody, site="munich"))
    await port.enroll(port.token(replace=True, site="berlin"), key_and_request()[1], serial="7ABC123")
    with port.store.read() as tx:
        after = tx.registry.custody(asset.id)
        assert after is not None
        assert after.site == "munich"


async def test_a_machine_that_is_another_customers_in_the_books_is_not_taken(port: Port) -> None:
    await port.enroll(port.token(site="berlin"), key_and_request()[1], serial="7ABC123")
    with port.store.write() as tx:
        tx.assets.add(
            key="dell|OTHER1",
            basis=IdentityBasis.SERIAL,
            facts=AssetFacts(vendor="Dell", serial="OTHER1"),
            customer="other",
            mode=AssetMode.LIVE,
            joined_ms=0,
            live_from_ms=0,
        )
    code = refused_as(port.enroll(port.token(), key_and_request()[1], "c" * 32, serial="OTHER1"))
    assert await code == "other-customer"


async def test_a_cloned_image_is_told_from_a_host_that_is_enrolled_and_off(port: Port) -> None:
    first = await port.enroll(port.token(), key_and_request()[1], uuid="u1")
    _, csr = key_and_request()
    assert await refused_as(port.enroll(port.token(), csr, uuid="u2")) == "cloned"
    assert await refused_as(port.enroll(port.token(), csr, uuid="u1")) == "already-bound"
    with port.store.write() as tx:
        agent = tx.agents.by_id(first.agent_id)
        assert agent is not None
        tx.agents.seen(agent.number, NOW - 60_000, stopped_cleanly=False)
    assert await refused_as(port.enroll(port.token(), csr, uuid="u1")) == "cloned"
    with port.store.write() as tx:
        tx.agents.seen(agent.number, NOW - 60_000, stopped_cleanly=True)
    assert await refused_as(port.enroll(port.token(), csr, uuid="u1")) == "already-bound"
    again = await port.enroll(port.token(replace=True), csr, uuid="u2")
    assert again.agent_id == first.agent_id


async def test_a_wrong_clock_is_told_and_audited_and_refuses_only_a_renewal(port: Port) -> None:
    key, csr = key_and_request()
    reply = await port.enroll(port.token(), csr, wall_ms=NOW - 2 * DAY_MS)
    assert reply.wall_ms == NOW
    with port.store.read() as tx:
        told = [one for one in tx.access.audits(customer=None, limit=9) if one.action == "agent.clock_off"]
    assert [one.facts for one in told] == [{"seconds": -2 * 86_400}]
    with pytest.raises(grpc.aio.AioRpcError, match=r"clock is 2\.0 days behind the collector's"):
        await port.renew(key, reply.certificate_pem, wall_ms=NOW - 2 * DAY_MS)
    assert await refused_as(port.renew(key, reply.certificate_pem, wall_ms=NOW + 700_000)) == "clock-off"


async def test_every_refusal_of_a_renewal_has_its_name(port: Port) -> None:
    key, csr = key_and_request()
    reply = await port.enroll(port.token(), csr)
    stranger, _ = key_and_request()
    assert await refused_as(port.renew(stranger, reply.certificate_pem)) == "key-not-proved"
    assert await refused_as(port.renew(key, b"junk")) == "bad-request"
    foreign = pki.Authority.create(("localhost",), now=datetime.now(UTC))
    other = foreign.issue_client(csr, "a1", enrolment=1, now=datetime.now(UTC)).certificate
    assert await refused_as(port.renew(key, other)) == "certificate-foreign"
    port.now_ms = NOW + (397 + 91) * DAY_MS
    assert await refused_as(port.renew(key, reply.certificate_pem)) == "certificate-expired"
    port.now_ms = NOW + (397 + 89) * DAY_MS
    assert (await port.renew(key, reply.certificate_pem)).agent_id == reply.agent_id
    with port.store.write() as tx:
        agent = tx.agents.by_id(reply.agent_id)
        assert agent is not None
        tx.agents.replace(replace(agent, revoked=True))
    assert await refused_as(port.renew(key, reply.certificate_pem)) == "revoked"
