"""Enrolment: the CA is proved before the token goes, certificates come back whole, TLS 1.2 is not spoken."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hardcase_agent.domain.errors import CollectorUnreachable, EnrolmentRefused, WaitingForApproval
from hardcase_agent.domain.part import Asset
from hardcase_agent.uplink import enrol, keys, tunnel
from hardcase_agent.uplink.endpoint import Proxy
from hardcase_agent.uplink.identity import Identity
from hardcase_agent.uplink.wire import grpc
from hardcase_protos.v1 import enrolment_pb2 as enrolment

from tests.fakes.authority import PEM, Signed, make, sign
from tests.fakes.collector_stream import FakeCollector
from tests.peers.connect_proxy import ConnectProxy
from tests.unit.agent.uplink.conftest import Join, window

NOW = 1_790_000_000_000
HOST = Asset(hostname="host", machine_id="m" * 32)


class Desk:
    """The enrolment port."""

    def __init__(self) -> None:
        self.ca = make("ca")
        self.server_certificate = make("server", self.ca)
        self.tokens: list[str] = []
        self.refuse: grpc.StatusCode | None = None
        self.other_key = False
        self.other_ca = False
        self.name = ""
        """Of the cause of a refusal."""
        self.wall_ms = 0
        self.also = b""
        """A further CA that is told of."""
        self.garbled = b""
        """Said instead of an answer."""
        self.renewals: list[int] = []

    async def start(self) -> None:
        self._server = grpc.aio.server()
        method: Any = grpc.unary_unary_rpc_method_handler(
            self._enroll,
            request_deserializer=enrolment.EnrollRequest.FromString,
            response_serializer=lambda reply: self.garbled or reply.SerializeToString(),
        )
        renew: Any = grpc.unary_unary_rpc_method_handler(
            self._renew,
            request_deserializer=enrolment.RenewRequest.FromString,
            response_serializer=enrolment.EnrollReply.SerializeToString,
        )
        handlers = {"Enroll": method, "Renew": renew}
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("hardcase_protos.v1.Enrolment", handlers),)
        )
        own = self.server_certificate
        credentials = grpc.ssl_server_credentials([(own.key_pem, own.pem + self.ca.pem)])
        self.server = enrol.Server(target=f"127.0.0.1:{self._server.add_secure_port('127.0.0.1:0', credentials)}")
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    async def _enroll(self, request: enrolment.EnrollRequest, context: Any) -> enrolment.EnrollReply:
        if not request.ByteSize() and self.wall_ms:
            told = (("hardcase-refusal", "bad-request"), ("hardcase-time", str(self.wall_ms)))
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the time alone", told)
        self.tokens.append(request.token)
        if self.refuse is not None:
            named = (("hardcase-refusal", self.name),) if self.name else ()
            await context.abort(self.refuse, "because I say so" if self.name else "no", named)
        return self._reply(request.csr_pem)

    async def _renew(self, request: enrolment.RenewRequest, context: Any) -> enrolment.EnrollReply:
        present = x509.load_pem_x509_certificate(request.certificate_pem)
        key = present.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        signed = request.csr_pem + request.wall_ms.to_bytes(8, "big")
        key.verify(request.signature, signed, ec.ECDSA(hashes.SHA256()))
        self.renewals.append(request.wall_ms)
        if self.wall_ms and abs(request.wall_ms - self.wall_ms) > 600_000:
            told = (("hardcase-refusal", "clock-off"), ("hardcase-time", str(self.wall_ms)))
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the clock", told)
        return self._reply(request.csr_pem)

    def _reply(self, csr_pem: bytes) -> enrolment.EnrollReply:
        csr = x509.load_pem_x509_csr(csr_pem)
        public = make("other").key.public_key() if self.other_key else csr.public_key()
        certificate = sign("agent-1", public, self.ca, self.ca.key).public_bytes(PEM)
        ca = make("other ca") if self.other_ca else self.ca
        return enrolment.EnrollReply(
            agent_id="agent-1",
            certificate_pem=certificate,
            ca_pem=ca.pem + self.also,
            wall_ms=self.wall_ms,
            telemetry_port=4740,
        )


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    await made.start()
    yield made
    await made.stop()


async def enrolled(desk: Desk) -> Identity:
    ca_pem = await enrol.fetch_ca(desk.server, desk.ca.fingerprint)
    return (await ask(desk.server, ca_pem)).identity


async def ask(server: enrol.Server, ca_pem: bytes) -> enrol.Joined:
    return await enrol.enroll(server, ca_pem, "token", HOST, key_pem=keys.new_key_pem(), wall_ms=NOW)


async def test_a_token_becomes_a_certificate_for_a_fresh_key(desk: Desk) -> None:
    identity = await enrolled(desk)
    assert (identity.agent_id, identity.enrolment, desk.tokens) == ("agent-1", desk.server.target, ["token"])
    assert x509.load_pem_x509_certificate(identity.certificate_pem.encode()).issuer == desk.ca.certificate.subject
    assert identity.not_after_ms - identity.not_before_ms == 90 * 86_400_000 + 3_600_000


async def test_a_server_without_the_pinned_ca_never_sees_the_token(desk: Desk) -> None:
    with pytest.raises(EnrolmentRefused, match="nothing was sent"):
        await enrol.fetch_ca(desk.server, make("evil").fingerprint)
    other = make("evil ca")
    with pytest.raises(CollectorUnreachable):
        await ask(desk.server, other.pem)
    assert desk.tokens == []


async def test_a_copied_ca_does_not_help_a_server_without_its_key(desk: Desk) -> None:
    honest = desk.ca
    await desk.stop()
    desk.server_certificate = make("server", make("evil ca"))
    await desk.start()
    ca_pem = await enrol.fetch_ca(desk.server, honest.fingerprint)
    with pytest.raises(CollectorUnreachable):
        await ask(desk.server, ca_pem)
    assert desk.tokens == []


@pytest.mark.parametrize(
    ("code", "words"), [("UNAUTHENTICATED", "token"), ("ALREADY_EXISTS", "--replace"), ("PERMISSION_DENIED", "refused")]
)
async def test_a_refusal_says_what_to_do(desk: Desk, code: str, words: str) -> None:
    desk.refuse = grpc.StatusCode[code]
    with pytest.raises(EnrolmentRefused, match=words) as caught:
        await enrolled(desk)
    assert "token\n" not in str(caught.value)


async def test_a_certificate_for_another_key_or_another_ca_is_refused(desk: Desk) -> None:
    desk.other_key = True
    with pytest.raises(EnrolmentRefused, match="another key"):
        await enrolled(desk)
    desk.other_key, desk.other_ca = False, True
    with pytest.raises(EnrolmentRefused, match="another CA"):
        await enrolled(desk)


async def test_an_answer_that_is_none_is_named(desk: Desk) -> None:
    desk.garbled = b"\xff\xff\xff"
    with pytest.raises(EnrolmentRefused, match=r"127\.0\.0\.1:\d+ answered with something that is no answer"):
        await enrolled(desk)


async def test_renewal_proves_the_present_key_and_brings_a_new_one(desk: Desk) -> None:
    before = await enrolled(desk)
    after = (await enrol.renew(before, desk.server.target, HOST, NOW)).identity
    assert after.agent_id == before.agent_id
    assert after.key_pem != before.key_pem


async def test_nobody_there_is_temporary_and_says_what_to_look_at() -> None:
    words = "nobody listens there; is the collector running .*systemctl status hardcase-collector.*listen.enrolment"
    with pytest.raises(CollectorUnreachable, match=words):
        await enrol.fetch_ca(enrol.Server(target="127.0.0.1:1"), make("ca").fingerprint)


@pytest.mark.parametrize("text", ["", "sha256:12", "md5:" + "0" * 64, "zz" * 32])
def test_a_fingerprint_must_be_whole(text: str) -> None:
    with pytest.raises(EnrolmentRefused, match="64 hex"):
        enrol.parse_fingerprint(text)


def test_a_ca_file_is_checked_against_its_fingerprint(tmp_path: Path) -> None:
    ca = make("ca")
    path = tmp_path / "ca.pem"
    path.write_bytes(b"subject=ca\n" + ca.pem)
    assert enrol.read_ca(path, ca.fingerprint).strip() == ca.pem.strip()
    with pytest.raises(EnrolmentRefused):
        enrol.read_ca(path, make("other").fingerprint)
    with pytest.raises(EnrolmentRefused):
        enrol.read_ca(tmp_path / "missing", "")


async def test_the_agent_streams_over_tls_1_3_with_its_certificate_and_refuses_1_2(
    desk: Desk, join: Join, tmp_path: Path
) -> None:
    identity = await enrolled(desk)
    own = desk.server_certificate
    credentials = grpc.ssl_server_credentials([(own.key_pem, own.pem)], desk.ca.pem, require_client_auth=True)
    async with FakeCollector(credentials=credentials) as collector:
        host = await join(collector, identity)
        await host.keep(window("a"))
        host.connect()
        await collector.until(lambda: len(collector.payloads("maintenance")) == 1)
        assert collector.tls_versions == {"TLSv1.3"}
    await only_tls_1_2(own, tmp_path, identity)


async def test_the_port_of_the_pages_is_told_apart_from_that_of_joining(desk: Desk, tmp_path: Path) -> None:
    own = desk.server_certificate
    (tmp_path / "chain.pem").write_bytes(own.pem + own.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(EnrolmentRefused, match=r"is it the enrolment port \(4741"):
        await ask(enrol.Server(target=f"127.0.0.1:{port}"), desk.ca.pem)
    server.close()


async def only_tls_1_2(own: Signed, folder: Path, identity: Identity) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "chain.pem").write_bytes(own.pem + own.key_pem)
    context.load_cert_chain(folder / "chain.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    spoken: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spoken.append(writer.get_extra_info("ssl_object").version())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(CollectorUnreachable):
        await ask(enrol.Server(target=f"127.0.0.1:{port}"), identity.ca_pem.encode())
    server.close()
    assert spoken == []


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("token-used-up", EnrolmentRefused, r"token-used-up.*hardcase-collector token make"),
        ("cloned", EnrolmentRefused, "machine-id of its own"),
        ("serial-not-listed", EnrolmentRefused, "other machines"),
        ("something-new", EnrolmentRefused, "ask who runs the collector"),
        ("waiting-for-approval", WaitingForApproval, "because I say so"),
        ("too-many-attempts", CollectorUnreachable, "because I say so"),
    ],
)
async def test_a_refusal_is_known_by_its_name_whatever_its_sentence(
    desk: Desk, name: str, kind: type[Exception], words: str
) -> None:
    desk.refuse, desk.name = grpc.StatusCode.PERMISSION_DENIED, name
    with pytest.raises(kind, match=words) as caught:
        await enrolled(desk)
    if isinstance(caught.value, EnrolmentRefused):
        assert caught.value.refusal == name


async def test_a_host_asks_with_the_key_it_has_and_tells_its_clock(desk: Desk) -> None:
    key_pem = keys.new_key_pem()
    desk.wall_ms = NOW + 2 * 86_400_000
    joined = await enrol.enroll(desk.server, desk.ca.pem, "token", HOST, key_pem=key_pem, wall_ms=NOW)
    assert joined.identity.key_pem.encode() == key_pem
    assert joined.clock_off_ms == -2 * 86_400_000
    assert joined.identity.telemetry == "127.0.0.1:4740"
    assert joined.identity.roots() == (bytes.fromhex(desk.ca.fingerprint.removeprefix("sha256:")),)


async def test_a_renewal_that_the_clock_refuses_is_asked_for_with_the_collectors_time(desk: Desk) -> None:
    before = await enrolled(desk)
    desk.wall_ms = NOW + 3 * 86_400_000
    joined = await enrol.renew(before, desk.server.target, HOST, NOW)
    assert joined.clock_off_ms == -3 * 86_400_000
    assert desk.renewals == [NOW, desk.wall_ms]


async def test_a_ca_may_be_joined_by_its_successor_and_then_left_out(desk: Desk) -> None:
    identity = await enrolled(desk)
    successor = make("ca 2")
    desk.also = successor.pem
    both = (await enrol.renew(identity, desk.server.target, HOST, NOW)).identity
    assert len(both.roots()) == 2
    desk.also = b""
    assert len((await enrol.renew(both, desk.server.target, HOST, NOW)).identity.roots()) == 1


@pytest.mark.parametrize(
    ("wall_ms", "words"),
    [
        (NOW - 400 * 86_400_000 * 20, "behind the collector's, at least: the collector's certificate begins later"),
        (NOW + 400 * 86_400_000 * 20, "has ended, or this host's clock is .* days ahead"),
    ],
)
async def test_a_certificate_that_is_not_of_this_time_tells_of_the_clock(desk: Desk, wall_ms: int, words: str) -> None:
    assert re.search(words, await enrol.clock_trouble(desk.server, wall_ms))


async def test_a_clock_that_is_right_is_not_blamed(desk: Desk) -> None:
    now_ms = int(datetime.datetime.now(datetime.UTC).timestamp() * 1000)
    assert await enrol.clock_trouble(desk.server, now_ms) == ""
    assert await enrol.clock_trouble(enrol.Server(target="127.0.0.1:1"), 0) == ""


async def test_a_proxy_is_gone_through_and_one_that_refuses_is_named(desk: Desk) -> None:
    with ConnectProxy(user="u", password="p") as proxy:
        through = replace(desk.server, proxy=Proxy(address=proxy.address, user="u", password="p"))
        ca_pem = await enrol.fetch_ca(through, desk.ca.fingerprint)
        assert (await ask(through, ca_pem)).identity.agent_id == "agent-1"
        assert proxy.passed == [desk.server.target] * 2
        wrong = replace(desk.server, proxy=Proxy(address=proxy.address, user="u", password="other"))
        with pytest.raises(CollectorUnreachable, match="wants a user and a password") as caught:
            await enrol.fetch_ca(wrong, desk.ca.fingerprint)
        assert "other" not in str(caught.value)
    with pytest.raises(CollectorUnreachable, match=r"proxy .* cannot be reached: nobody listens there"):
        await enrol.fetch_ca(through, desk.ca.fingerprint)


async def test_a_proxy_that_says_nothing_is_let_go_of_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "CALL_S", 0.2)
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        gone.set()
        writer.close()

    silent = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        proxy = Proxy(address=f"127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        with pytest.raises(CollectorUnreachable, match="no answer within") as held:
            await tunnel.presented_chain("10.0.0.7:4741", proxy)
        # Nothing is left to whoever collects garbage: the error holds all of its frames.
        assert held.tb is not None
        async with asyncio.timeout(60):
            await gone.wait()
    finally:
        silent.close()
