"""Streams over real gRPC with mTLS into real stores: who may come in, what is answered, what is kept."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hardcase_collector import pki
from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.domain.identity import identify
from hardcase_collector.ingest.binding import Binding, JoiningPolicy
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.ingest.liveness import Liveness
from hardcase_collector.rpc.gate import Gate
from hardcase_collector.rpc.server import Credentials, build_server
from hardcase_collector.rpc.service import TelemetryService
from hardcase_collector.rpc.welcome import MAX_MESSAGE_BYTES
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore
from hardcase_protos.v1 import reading_pb2, telemetry_pb2

from tests.bench.processes import collector as collector_process
from tests.fakes.empty_store import empty_store
from tests.fakes.judge import FakeDesk, FakeJudge

WAIT_S = 60.0
EPOCH = b"0123456789abcdef"
Close = telemetry_pb2.Close


@dataclass
class Collector:
    """A running collector with its certificate authority."""

    authority: pki.Authority
    service: TelemetryService
    intake: Intake
    state: SqlStateStore
    telemetry: DuckTelemetryStore
    judge: FakeJudge
    port: int = 0
    trouble: list[str] = field(default_factory=lambda: [""])

    def enroll(self, *, machine_id: str = "1" * 32, enrolled_ms: int = 1, customer: str = "acme") -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        agent_id = str(uuid.uuid4())
        certificate, fingerprint = self.certificate(agent_id, key, enrolled_ms)
        with self.state.write() as tx:
            agent = tx.agents.add(
                Agent(
                    id=agent_id,
                    number=0,
                    customer=customer,
                    hostname="web1",
                    machine_id=machine_id,
                    dmi_uuid="",
                    fingerprint=fingerprint,
                    enrolled_ms=enrolled_ms,
                )
            )
        return Identity(agent, certificate, pki.private_pem(key))

    def certificate(self, agent_id: str, key: ec.EllipticCurvePrivateKey, enrolled_ms: int) -> tuple[bytes, str]:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        pem = request.public_bytes(serialization.Encoding.PEM)
        issued = self.authority.issue_client(pem, agent_id, enrolment=enrolled_ms, now=datetime.now(UTC))
        return issued.certificate, issued.fingerprint


@dataclass
class Identity:
    agent: Agent
    certificate: bytes
    key: bytes


@asynccontextmanager
async def running(folder: Path, *, insecure: bool = False) -> AsyncIterator[Collector]:
    now = datetime.now(UTC)
    authority = pki.Authority.create(("localhost",), now=now)
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.sign_server(key.public_key(), ("localhost", "127.0.0.1"), now=now)
    state = empty_store(folder / "state.db")
    telemetry = DuckTelemetryStore(folder / "telemetry")
    judge = FakeJudge()
    trouble = [""]
    intake = Intake(
        state=state,
        telemetry=telemetry,
        judge=judge,
        desk=FakeDesk(),
        binding=Binding(identify, JoiningPolicy()),
        liveness=Liveness(),
        disk_trouble=lambda: trouble[0],
    )
    service = TelemetryService(
        state, intake, collector_id="test", insecure=insecure, enrolment_of=authority.enrolment_of
    )
    credentials = Credentials(certificate=chain, key=pki.private_pem(key), ca=authority.certificate_pem)
    server, port = build_server(service, "127.0.0.1:0", None if insecure else credentials)
    service.start()
    await server.start()
    try:
        yield Collector(authority, service, intake, state, telemetry, judge, port, trouble)
    finally:
        await service.stop()
        await server.stop(0)
        telemetry.close()
        state.close()


@pytest.fixture
async def collector(tmp_path: Path) -> AsyncIterator[Collector]:
    async with running(tmp_path) as one:
        yield one


class Client:
    """One stream, spoken by hand."""

    def __init__(self, collector: Collector, identity: Identity | None) -> None:
        self.collector, self.identity = collector, identity
        target = f"localhost:{collector.port}"
        if identity is None:
            self.channel = grpc.aio.insecure_channel(target)
        else:
            credentials = grpc.ssl_channel_credentials(
                collector.authority.certificate_pem, identity.key, identity.certificate
            )
            self.channel = grpc.aio.secure_channel(target, credentials, options=[("grpc.use_local_subchannel_pool", 1)])
        self.call = self.channel.stream_stream("/hardcase_protos.v1.Telemetry/Stream")()

    async def send(self, message: telemetry_pb2.AgentMessage | bytes) -> None:
        raw = message if isinstance(message, bytes) else message.SerializeToString()
        async with asyncio.timeout(WAIT_S):
            await self.call.write(raw)

    async def receive(self) -> telemetry_pb2.CollectorMessage | None:
        """None: the stream ended."""
        async with asyncio.timeout(WAIT_S):
            try:
                raw = await self.call.read()
            except grpc.RpcError:
                return None
        return None if raw is grpc.aio.EOF else telemetry_pb2.CollectorMessage.FromString(raw)

    async def hello(self, **fields: object) -> telemetry_pb2.Welcome:
        await self.send(hello(**fields))
        answer = await self.receive()
        assert answer is not None
        assert answer.HasField("welcome"), answer
        return answer.welcome

    async def acked(self, through: int) -> list[telemetry_pb2.Ack]:
        """Acknowledgements up to the one that reaches `through`."""
        found = []
        while not found or found[-1].through < through:
            answer = await self.receive()
            assert answer is not None
            assert answer.HasField("ack"), answer
            found.append(answer.ack)
        return found

    async def closed(self) -> telemetry_pb2.Close:
        """The Close, skipping what came before; then the stream ends."""
        while (answer := await self.receive()) is not None:
            if answer.HasField("close"):
                while await self.receive() is not None:
                    pass
                return answer.close
        raise AssertionError("the stream ended without a word")

    async def leave(self) -> None:
        self.call.cancel()
        await self.channel.close()


def host(serial: str = "7ABC123") -> reading_pb2.Asset:
    return reading_pb2.Asset(vendor="Dell Inc.", serial=serial, hostname="web1", kind="server")


def hello(
    *,
    protocol: int = 1,
    machine_id: str = "1" * 32,
    epoch: bytes = EPOCH,
    newest: int = 0,
    boot_id: bytes = b"b" * 16,
) -> telemetry_pb2.AgentMessage:
    message = telemetry_pb2.AgentMessage()
    said = message.hello
    said.protocol, said.machine_id, said.hostname, said.boot_id = protocol, machine_id, "web1", boot_id
    said.epochs.add(epoch=epoch, oldest=1, newest=newest)
    now = int(datetime.now(UTC).timestamp() * 1000)
    said.wall_ms, said.boot_ms = now, 10_000_000
    said.host.CopyFrom(host())
    return message


def catalogue(sensors: int = 2, *, id: bytes = b"c" * 16, serial: str = "7ABC123") -> reading_pb2.Catalogue:
    made = reading_pb2.Catalogue(id=id, asset=host(serial), source="ipmi@local", period_ms=60_000, value_width=4)
    for at in range(sensors):
        made.sensors.add(id=f"n{at}", name=f"Number {at}", kind="temperature", unit="Cel")
    return made


def batch(first: int, *bodies: reading_pb2.Catalogue | reading_pb2.Frame | None) -> telemetry_pb2.AgentMessage:
    """None: a record without a body, as a later release's kind looks to us."""
    message = telemetry_pb2.AgentMessage()
    message.batch.epoch, message.batch.first_sequence = EPOCH, first
    now = int(datetime.now(UTC).timestamp() * 1000)
    for body in bodies:
        record = message.batch.records.add(wall_ms=now, boot_ms=10_000_000)
        if isinstance(body, reading_pb2.Catalogue):
            record.catalogue.CopyFrom(body)
        elif body is not None:
            record.frame.CopyFrom(body)
    return message


def frame(*values: float, id: bytes = b"c" * 16) -> reading_pb2.Frame:
    return reading_pb2.Frame(catalogue_id=id, values=struct.pack(f"<{len(values)}f", *values))


async def until(true: Callable[[], bool]) -> None:
    for _ in range(int(WAIT_S / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not become true")


# ---------------------------------------------------------------------- the plain way


async def test_an_acknowledged_frame_is_in_both_stores(collector: Collector) -> None:
    client = Client(collector, collector.enroll())
    welcome = await client.hello()
    assert (welcome.session, welcome.max_message_bytes) == (1, MAX_MESSAGE_BYTES)
    assert list(welcome.resume) == [telemetry_pb2.ResumePoint(epoch=EPOCH, through=0)]
    await client.send(batch(1, catalogue(), frame(1, 2), frame(3, 4)))
    acks = await client.acked(3)
    assert [(ack.epoch, ack.through, len(ack.rejected)) for ack in acks] == [(EPOCH, 3, 0)]
    assert collector.telemetry.recount().frames == 2
    with collector.state.read() as tx:
        assert tx.feeds.marks(1)[EPOCH].through == 3
    await client.leave()


async def test_a_reconnect_resumes_behind_what_is_stored(collector: Collector) -> None:
    identity = collector.enroll()
    client = Client(collector, identity)
    await client.hello()
    await client.send(batch(1, catalogue(), frame(1, 2)))
    await client.acked(2)
    await client.leave()
    again = Client(collector, identity)
    welcome = await again.hello(newest=2)
    assert welcome.session == 2
    assert welcome.resume[0].through == 2
    assert list(welcome.catalogues) == [b"c" * 16]
    await again.send(batch(2, frame(1, 2), frame(5, 6)))
    await again.acked(3)
    counted = collector.telemetry.recount()
    assert (counted.frames, counted.doubled) == (2, 0)
    await again.leave()


async def test_one_bad_record_does_not_end_the_stream(collector: Collector) -> None:
    client = Client(collector, collector.enroll())
    await client.hello()
    await client.send(batch(1, catalogue(), frame(1, 2, 3), None, frame(3, 4)))
    (ack,) = await client.acked(4)
    assert [(one.sequence, one.status) for one in ack.rejected] == [
        (2, telemetry_pb2.Rejection.STATUS_MALFORMED),
        (3, telemetry_pb2.Rejection.STATUS_UNKNOWN_KIND),
    ]
    await client.send(batch(5, frame(5, 6)))
    await client.acked(5)
    assert collector.telemetry.recount().frames == 2
    await client.leave()


async def test_an_unknown_catalogue_is_asked_for(collector: Collector) -> None:
    client = Client(collector, collector.enroll())
    await client.hello()
    await client.send(batch(1, frame(1, 2)))
    answers = [await client.receive(), await client.receive()]
    need = next(answer.need_catalogue for answer in answers if answer is not None and answer.HasField("need_catalogue"))
    assert (need.epoch, need.sequence, need.catalogue_id) == (EPOCH, 1, b"c" * 16)
    await client.send(telemetry_pb2.AgentMessage(catalogue=catalogue()))
    await client.send(batch(1, frame(1, 2)))
    await client.acked(1)
    await client.leave()


async def test_a_full_disk_holds_and_everything_resumes_by_itself(collector: Collector) -> None:
    client = Client(collector, collector.enroll())
    await client.hello()
    collector.trouble[0] = "3 MiB free"
    await client.send(batch(1, catalogue(), frame(1, 2)))
    answer = await client.receive()
    assert answer is not None
    assert answer.hold.cause == telemetry_pb2.Hold.CAUSE_DISK_FULL
    assert answer.hold.retry_after_ms > 0
    collector.trouble[0] = ""
    await client.send(batch(1, catalogue(), frame(1, 2)))
    await client.acked(2)
    await client.leave()


async def test_a_goodbye_is_remembered(collector: Collector) -> None:
    client = Client(collector, collector.enroll())
    await client.hello()
    await client.send(telemetry_pb2.AgentMessage(goodbye=telemetry_pb2.Goodbye(reason="stop")))
    await until(lambda: collector.intake.liveness.is_stopped(1))
    await client.leave()


# ---------------------------------------------------------------------- who may come in


async def test_the_newest_stream_of_an_identity_closes_the_older(collector: Collector) -> None:
    identity = collector.enroll()
    older, newer = Client(collector, identity), Client(collector, identity)
    await older.hello()
    assert (await newer.hello()).session == 2
    assert (await older.closed()).cause == Close.CAUSE_SUPERSEDED
    await newer.send(batch(1, catalogue(), frame(1, 2)))
    await newer.acked(2)
    await until(lambda: collector.service.open_streams == 1)
    await older.leave()
    await newer.leave()


async def test_a_clone_is_told_so_and_refused(collector: Collector) -> None:
    client = Client(collector, collector.enroll())
    await client.send(hello(machine_id="2" * 32))
    assert (await client.closed()).cause == Close.CAUSE_CLONED
    await client.leave()


async def test_who_goes_while_its_copy_is_written_down_leaves_no_stream_open(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, begun, written = collector.enroll(), threading.Event(), threading.Event()

    def busy_store(*_: object) -> None:
        begun.set()
        written.wait(WAIT_S)

    monkeypatch.setattr(Gate, "keep_copies", busy_store)
    first, copy, again = (Client(collector, identity) for _ in range(3))
    try:
        await first.hello(boot_id=b"a" * 16)
        await copy.hello(boot_id=b"c" * 16)
        await again.send(hello(boot_id=b"a" * 16))
        await until(begun.is_set)
        await again.leave()
        await until(lambda: collector.service.open_streams == 0)
        assert (await copy.closed()).cause == Close.CAUSE_CLONED
    finally:
        written.set()
    await first.leave()
    await copy.leave()


async def test_a_revoked_identity_is_refused_and_an_open_stream_ended(collector: Collector) -> None:
    identity = collector.enroll()
    client = Client(collector, identity)
    await client.hello()
    collector.service.revoke(identity.agent.number)
    assert (await client.closed()).cause == Close.CAUSE_REVOKED

    with collector.state.write() as tx:
        tx.agents.replace(replace(identity.agent, revoked=True))
    again = Client(collector, identity)
    await again.send(hello())
    assert (await again.closed()).cause == Close.CAUSE_REVOKED
    await client.leave()
    await again.leave()


async def test_an_identity_this_collector_did_not_enroll_is_refused(collector: Collector) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, _ = collector.certificate(str(uuid.uuid4()), key, 1)
    stranger = collector.enroll()
    stranger.certificate, stranger.key = certificate, pki.private_pem(key)
    client = Client(collector, stranger)
    await client.send(hello())
    assert (await client.closed()).cause == Close.CAUSE_REVOKED
    await client.leave()


async def test_a_certificate_is_good_after_its_renewal_but_not_after_another_enrolment(collector: Collector) -> None:
    identity = collector.enroll(enrolled_ms=1000)
    renewed = ec.generate_private_key(ec.SECP256R1())
    certificate, _ = collector.certificate(identity.agent.id, renewed, 1000)
    client = Client(collector, Identity(identity.agent, certificate, pki.private_pem(renewed)))
    await client.hello()
    await client.leave()
    anew = ec.generate_private_key(ec.SECP256R1())
    certificate, _ = collector.certificate(identity.agent.id, anew, 999)
    client = Client(collector, Identity(identity.agent, certificate, pki.private_pem(anew)))
    await client.send(hello())
    assert (await client.closed()).cause == Close.CAUSE_REVOKED
    await client.leave()


async def test_a_certificate_of_another_authority_does_not_get_in(collector: Collector) -> None:
    identity = collector.enroll()
    other = pki.Authority.create(("localhost",), now=datetime.now(UTC))
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = request.public_bytes(serialization.Encoding.PEM)
    issued = other.issue_client(pem, identity.agent.id, enrolment=1, now=datetime.now(UTC))
    client = Client(collector, Identity(identity.agent, issued.certificate, pki.private_pem(key)))
    # Where the handshake fails, while it is written or while an answer is awaited, is the machine's matter.
    with suppress(grpc.RpcError, asyncio.InvalidStateError):
        await client.send(hello())
    async with asyncio.timeout(WAIT_S):
        assert await client.call.code() is grpc.StatusCode.UNAVAILABLE
    with collector.state.read() as tx:
        assert tx.agents.session(identity.agent.number) == 0
    await client.leave()


def swollen(*, boot_id: bytes = b"b" * 16, roots: int = 0) -> telemetry_pb2.AgentMessage:
    """What is kept of a Hello, and larger than any agent's."""
    message = hello()
    message.hello.boot_id = boot_id
    message.hello.roots.extend([b"r" * 32] * roots)
    return message


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\xff\xff\xff",
        batch(1).SerializeToString(),
        hello(protocol=0),
        swollen(boot_id=bytes(65)),
        swollen(roots=257),
    ],
)
async def test_anything_but_a_proper_hello_ends_the_stream(
    collector: Collector, first: bytes | telemetry_pb2.AgentMessage
) -> None:
    client = Client(collector, collector.enroll())
    await client.send(first)
    assert (await client.closed()).cause == Close.CAUSE_PROTOCOL
    await client.leave()


async def test_garbage_after_hello_ends_that_stream_alone(collector: Collector) -> None:
    good = Client(collector, collector.enroll())
    bad = Client(collector, collector.enroll(machine_id="2" * 32))
    await good.hello()
    await bad.hello(machine_id="2" * 32)
    await bad.send(b"\xff\xff\xff")
    assert (await bad.closed()).cause == Close.CAUSE_PROTOCOL
    await good.send(batch(1, catalogue(), frame(1, 2)))
    await good.acked(2)
    await good.leave()
    await bad.leave()


async def test_draining_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as collector:
        client = Client(collector, collector.enroll())
        await client.hello()
        stopping = asyncio.create_task(collector.service.stop())
        assert (await client.closed()).cause == Close.CAUSE_DRAINING
        await stopping
        await client.leave()


# ---------------------------------------------------------------------- transport


def shake_hands(folder: Path, port: int, version: ssl.TLSVersion) -> str:
    """The negotiated version, or the error, of a bare TLS client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "ca.crt")
    context.load_cert_chain(folder / "agent-0.crt", folder / "agent-0.key")
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.version() or "none"
        except OSError as error:
            return f"refused: {error}"


def test_tls_1_2_is_refused_and_1_3_is_not() -> None:
    # In a process of its own: the cipher list is read as grpc is first imported, which other tests here may have done.
    with collector_process(1) as (_, address, folder):
        port = int(address.rpartition(":")[2])
        old = shake_hands(folder, port, ssl.TLSVersion.TLSv1_2)
        assert old.startswith("refused"), old
        assert shake_hands(folder, port, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


async def test_plain_text_works_on_loopback_only_and_only_when_asked_for(tmp_path: Path) -> None:
    async with running(tmp_path, insecure=True) as collector:
        collector.enroll()
        client = Client(collector, None)
        await client.hello()
        await client.send(batch(1, catalogue(), frame(1, 2)))
        await client.acked(2)
        await client.leave()
        with pytest.raises(ConfigError, match="loopback"):
            build_server(collector.service, "0.0.0.0:0", None)


async def test_a_message_above_the_transport_limit_ends_the_stream_and_nothing_else(collector: Collector) -> None:
    client = Client(collector, collector.enroll())
    await client.hello()
    # The collector hangs up at its first bytes, which may be before its last ones are on their way.
    with suppress(grpc.RpcError, asyncio.InvalidStateError):
        await client.send(b"x" * (2 * MAX_MESSAGE_BYTES + 1))
        while await client.receive() is not None:
            pass
    assert await client.call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    again = Client(collector, collector.enroll(machine_id="2" * 32))
    await again.hello(machine_id="2" * 32)
    await client.leave()
    await again.leave()
