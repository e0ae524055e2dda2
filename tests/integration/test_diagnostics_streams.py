"""Diagnostics over real gRPC with mTLS, with an agent spoken by hand: requests down, reports up, files beside them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hardcase_collector import pki
from hardcase_collector.diagnostics.settings import DiagnosticLimits
from hardcase_collector.domain.diagnostic import DiagnosticKind, DiagnosticRequest, RequestState
from hardcase_collector.domain.identity import identify
from hardcase_collector.ingest.binding import Binding, JoiningPolicy
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.ingest.liveness import Liveness
from hardcase_collector.rpc.server import Credentials, build_server
from hardcase_collector.rpc.service import TelemetryService
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore
from hardcase_protos.v1 import diagnostics_pb2, telemetry_pb2

from tests.fakes.empty_store import empty_store
from tests.fakes.judge import FakeDesk, FakeJudge
from tests.integration.test_ingest_streams import Client, Collector, Identity
from tests.unit.collector.diagnostics.bench import LI, DiagnosticBench

WAIT_S = 60.0
Report = diagnostics_pb2.DiagnosticReport
LARGE = DiagnosticLimits(file_bytes=8 << 20, request_bytes=16 << 20, bytes_per_second=64 << 20)


@dataclass
class Desk:
    """A collector with a desk of diagnostics, as people use it."""

    collector: Collector
    bench: DiagnosticBench

    async def ask(self, asset: int, kind: DiagnosticKind = DiagnosticKind.READ_SEL) -> DiagnosticRequest:
        def work() -> DiagnosticRequest:
            self.bench.now_ms = now_ms()
            return self.bench.ask(asset, kind, by=LI)

        asked = await asyncio.to_thread(work)
        self.collector.service.ask(asked.agent)
        return asked

    @property
    def uploading(self) -> bool:
        uploads = self.collector.service._uploads
        return uploads is not None and bool(uploads._agents)

    async def reached(self, request: DiagnosticRequest, state: RequestState) -> DiagnosticRequest:
        await until(lambda: self.bench.now(request).state is state)
        return self.bench.now(request)


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


@asynccontextmanager
async def running(folder: Path, limits: DiagnosticLimits = LARGE, *, insecure: bool = False) -> AsyncIterator[Desk]:
    now = datetime.now(UTC)
    authority = pki.Authority.create(("localhost",), now=now)
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.sign_server(key.public_key(), ("localhost", "127.0.0.1"), now=now)
    state, telemetry = empty_store(folder / "state.db"), DuckTelemetryStore(folder / "telemetry")
    bench = DiagnosticBench(state, folder, limits=limits, now_ms=now_ms())
    intake = Intake(
        state=state,
        telemetry=telemetry,
        judge=FakeJudge(),
        desk=FakeDesk(),
        binding=Binding(identify, JoiningPolicy()),
        liveness=Liveness(),
        disk_trouble=lambda: "",
    )
    service = TelemetryService(
        state,
        intake,
        collector_id="test",
        insecure=insecure,
        enrolment_of=authority.enrolment_of,
        diagnostics=bench.desk.telling,
        receiving=bench.desk.receiving,
    )
    credentials = Credentials(certificate=chain, key=pki.private_pem(key), ca=authority.certificate_pem)
    server, port = build_server(service, "127.0.0.1:0", None if insecure else credentials)
    service.start()
    await server.start()
    try:
        yield Desk(Collector(authority, service, intake, state, telemetry, FakeJudge(), port), bench)
    finally:
        await service.stop()
        await server.stop(0)
        telemetry.close()
        state.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with running(tmp_path) as one:
        yield one


class Agent:
    """An enrolled agent on the wire."""

    def __init__(self, desk: Desk, identity: Identity | None, machine: str = "1" * 32) -> None:
        self.desk, self.identity, self.machine = desk, identity, machine
        self.client = Client(desk.collector, identity)

    async def hello(self, *kinds: str) -> int:
        """Streams; the number of its host."""
        numbers = [diagnostics_pb2.DiagnosticKind.Value(f"DIAGNOSTIC_KIND_{kind}") for kind in kinds]
        message = telemetry_pb2.AgentMessage()
        hello = message.hello
        hello.protocol, hello.machine_id, hello.hostname = 1, self.machine, "web1"
        hello.wall_ms, hello.boot_ms, hello.boot_id = now_ms(), 1000, b"b" * 16
        hello.epochs.add(epoch=b"0123456789abcdef", oldest=1, newest=0)
        hello.host.vendor, hello.host.serial, hello.host.machine_id = "Dell Inc.", "7ABC123", self.machine
        hello.diagnostics.extend([*numbers, 99])
        await self.client.send(message)
        welcome = await self.client.receive()
        assert welcome is not None
        assert welcome.HasField("welcome"), welcome
        with self.desk.bench.store.read() as tx:
            return tx.assets.all(customer=None)[0].id

    async def told(self) -> diagnostics_pb2.DiagnosticRequest:
        message = await self.client.receive()
        assert message is not None
        assert message.HasField("diagnostic"), message
        return message.diagnostic

    async def say(self, request: bytes, state: str, **fields: object) -> None:
        report = Report(id=request, state=Report.State.Value(f"STATE_{state}"), **fields)  # type: ignore[arg-type]
        await self.client.send(telemetry_pb2.AgentMessage(diagnostic=report))

    def upload(self) -> Upload:
        return Upload(self.client.channel)

    async def next_upload(self) -> Upload:
        """Once the one before is let go of, which is after its last word was heard here."""
        await until(lambda: not self.desk.uploading)
        return self.upload()

    async def close(self) -> None:
        self.client.call.cancel()
        await self.client.channel.close()


class Upload:
    """One call of `Diagnostics.Upload`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.call = channel.stream_stream("/hardcase_protos.v1.Diagnostics/Upload")()

    async def begin(self, request: bytes, content: bytes, name: str = "sel.bin", **other: object) -> int:
        """Where to go on. Raises AioRpcError."""
        begin = diagnostics_pb2.UploadBegin(
            id=request, name=name, bytes=len(content), sha256=hashlib.sha256(content).digest()
        )
        for field, value in other.items():
            setattr(begin, field, value)
        await self.send(diagnostics_pb2.UploadMessage(begin=begin))
        reply = await self.receive()
        assert reply.HasField("from"), reply
        return int(getattr(reply, "from").offset)

    async def send(self, message: diagnostics_pb2.UploadMessage | bytes) -> None:
        raw = message if isinstance(message, bytes) else message.SerializeToString()
        async with asyncio.timeout(WAIT_S):
            await self.call.write(raw)

    async def chunk(self, content: bytes) -> None:
        await self.send(diagnostics_pb2.UploadMessage(chunk=content))

    async def receive(self) -> diagnostics_pb2.UploadReply:
        async with asyncio.timeout(WAIT_S):
            raw = await self.call.read()
        if raw is grpc.aio.EOF:
            raise AssertionError("the call ended")
        return diagnostics_pb2.UploadReply.FromString(raw)

    async def whole(self, request: bytes, content: bytes, name: str = "sel.bin") -> bytes:
        """The hash that the collector found."""
        offset = await self.begin(request, content, name)
        for at in range(offset, len(content), 65_536):
            await self.chunk(content[at : at + 65_536])
        return (await self.receive()).done.sha256


async def refusal(work: Awaitable[object]) -> tuple[str, str]:
    """(status, name of the cause) of a call that was refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await work
    metadata = {key: str(value) for key, value in refused.value.trailing_metadata() or ()}
    assert refused.value.details()
    return refused.value.code().name, metadata.get("hardcase-refusal", "")


async def until(true: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while not true() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  # brought about by other threads
        await asyncio.sleep(0.02)
    assert true()


@pytest.fixture
async def agent(desk: Desk) -> AsyncIterator[Agent]:
    one = Agent(desk, desk.collector.enroll())
    yield one
    await one.close()


async def allowed(desk: Desk, kinds: int) -> None:
    """Until what the Hello listed is kept."""

    def known() -> bool:
        with desk.bench.store.read() as tx:
            found = tx.diagnostics.allowed(1)
        return found is not None and len(found.kinds) == kinds

    await until(known)


async def test_a_request_goes_down_at_once_and_its_answer_comes_up(desk: Desk, agent: Agent) -> None:
    asset = await agent.hello("READ_SEL", "BUNDLE")
    await allowed(desk, 2)
    asked = await desk.ask(asset)
    told = await agent.told()

    assert (told.id, told.kind) == (asked.id, diagnostics_pb2.DIAGNOSTIC_KIND_READ_SEL)
    assert (told.asked_by, told.expires_ms, told.asset) == ("li", asked.expires_ms, "")
    assert asked.asked_ms <= told.sent_ms <= now_ms()
    await agent.say(told.id, "ACCEPTED")
    await desk.reached(asked, RequestState.ACCEPTED)
    await agent.say(told.id, "DONE", detail="3 entries", answer=b'{"entries":3}')
    assert (await desk.reached(asked, RequestState.DONE)).detail == "3 entries"


async def test_an_agent_that_was_away_is_told_when_it_comes(desk: Desk, agent: Agent) -> None:
    asset = await agent.hello("READ_SEL")
    await allowed(desk, 1)
    agent.client.call.cancel()
    await until(lambda: desk.collector.service.open_streams == 0)
    asked = await desk.ask(asset)
    assert desk.bench.now(asked).state is RequestState.ASKED
    again = Agent(desk, agent.identity)
    await again.hello("READ_SEL")
    assert (await again.told()).id == asked.id
    third = Agent(desk, agent.identity)
    await third.hello("READ_SEL")
    assert (await third.told()).id == asked.id, "until a final report came"
    await third.say(asked.id, "REFUSED", detail="switched off")
    await desk.reached(asked, RequestState.REFUSED)
    fourth = Agent(desk, agent.identity)
    await fourth.hello("READ_SEL")
    other = await desk.ask(asset)
    assert (await fourth.told()).id == other.id
    for one in (again, third, fourth):
        await one.close()


async def test_a_tick_tells_what_nobody_was_nudged_about(desk: Desk, agent: Agent) -> None:
    asset = await agent.hello("READ_SEL")
    await allowed(desk, 1)
    asked = await asyncio.to_thread(desk.bench.ask, asset)
    await asyncio.wrap_future(desk.collector.service.writer.submit(desk.collector.service._tick))
    assert (await agent.told()).id == asked.id


async def test_what_is_no_report_ends_the_stream_and_nothing_else(desk: Desk, agent: Agent) -> None:
    await agent.hello("READ_SEL")
    await agent.say(b"short", "DONE")
    message = await agent.client.receive()
    assert message is not None
    assert message.close.cause == telemetry_pb2.Close.CAUSE_PROTOCOL
    other = Agent(desk, agent.identity)
    await other.hello("READ_SEL")
    await other.say(b"?" * 16, "DONE", answer=b"x" * 65_537)
    message = await other.client.receive()
    assert message is not None
    assert "65537" in message.close.detail
    await other.close()


async def test_reports_of_others_are_counted_and_the_stream_goes_on(desk: Desk, agent: Agent) -> None:
    asset = await agent.hello("READ_SEL")
    await allowed(desk, 1)
    asked = await desk.ask(asset)
    thief = Agent(desk, desk.collector.enroll(machine_id="2" * 32), "2" * 32)
    message = telemetry_pb2.AgentMessage()
    message.hello.protocol, message.hello.machine_id = 1, "2" * 32
    message.hello.host.vendor, message.hello.host.serial = "Dell Inc.", "THIEF01"
    await thief.client.send(message)
    assert (await thief.client.receive()) is not None
    await thief.say(asked.id, "DONE", detail="stolen")
    await until(lambda: desk.bench.desk.telling.counts.ignored == 1)
    assert await refusal(thief.upload().begin(asked.id, b"x")) == ("NOT_FOUND", "unknown-request")
    assert not desk.bench.now(asked).state.final
    await thief.close()


async def sent(desk: Desk, agent: Agent) -> bytes:
    """The id of a request that the agent has."""
    asset = await agent.hello("READ_SEL")
    await allowed(desk, 1)
    await desk.ask(asset)
    return (await agent.told()).id


async def test_a_file_comes_beside_the_stream_and_is_resumed_after_a_break(desk: Desk, agent: Agent) -> None:
    content = bytes(range(256)) * 8000
    request = await sent(desk, agent)
    first = agent.upload()
    assert await first.begin(request, content) == 0
    await first.chunk(content[:200_000])
    await first.chunk(content[200_000:300_000])
    partial = desk.bench.folder / "evidence" / "partial"
    await until(lambda: any(path.stat().st_size == 300_000 for path in partial.iterdir()))
    first.call.cancel()
    await until(lambda: not desk.uploading)

    second = agent.upload()
    assert await second.begin(request, content) == 300_000
    for at in range(300_000, len(content), 250_000):
        await second.chunk(content[at : at + 250_000])
    assert (await second.receive()).done.sha256 == hashlib.sha256(content).digest()
    once_more = await (await agent.next_upload()).whole(request, content)
    assert once_more == hashlib.sha256(content).digest(), "it is here already"
    assert b"".join(desk.bench.evidence.read(hashlib.sha256(content).hexdigest())) == content
    told = diagnostics_pb2.UploadBegin(
        id=request, name="sel.bin", bytes=len(content), sha256=hashlib.sha256(content).digest()
    )
    await agent.say(request, "DONE", files=[told])
    with desk.bench.store.read() as tx:
        asked = tx.diagnostics.request(request)
    assert asked is not None
    await desk.reached(asked, RequestState.DONE)
    late = await agent.next_upload()
    assert await refusal(late.begin(request, b"more", "b")) == ("FAILED_PRECONDITION", "not-open")


async def test_a_file_outlives_the_collector(tmp_path: Path) -> None:
    content = b"x" * 500_000
    async with running(tmp_path) as before:
        identity = before.collector.enroll()
        agent = Agent(before, identity)
        request = await sent(before, agent)
        upload = agent.upload()
        await upload.begin(request, content)
        await upload.chunk(content[:100_000])
        await until(lambda: any(p.stat().st_size for p in (tmp_path / "evidence" / "partial").iterdir()))
        await agent.close()
    async with running(tmp_path, insecure=True) as after:
        again = Agent(after, None)
        await again.hello("READ_SEL")
        again_upload = again.upload()
        assert await again_upload.begin(request, content) == 100_000
        await again_upload.chunk(content[100_000:300_000])
        await again_upload.chunk(content[300_000:])
        assert (await again_upload.receive()).done.sha256 == hashlib.sha256(content).digest()
        await again.close()


async def test_refusals_of_files_have_names(desk: Desk, agent: Agent) -> None:
    assert await refusal(agent.upload().begin(b"?" * 16, b"x")) == ("UNAVAILABLE", "no-stream")
    request = await sent(desk, agent)
    wrong = {
        ("INVALID_ARGUMENT", "name-invalid"): {"name": "../x"},
        ("INVALID_ARGUMENT", "hash-invalid"): {"sha256": b"x"},
        ("OUT_OF_RANGE", "too-large"): {"bytes": 1 << 40},
        ("NOT_FOUND", "unknown-request"): {"id": b"?" * 16},
    }
    for expected, fields in wrong.items():
        upload = await agent.next_upload()
        assert await refusal(upload.begin(request, b"content", **fields)) == expected
    desk.bench.trouble = "below the reserve"
    upload = await agent.next_upload()
    assert await refusal(upload.begin(request, b"content")) == ("UNAVAILABLE", "disk-full")
    desk.bench.trouble = ""
    assert desk.bench.desk.receiving.counts.refused == 6


async def test_a_damaged_file_is_data_loss_and_comes_again(desk: Desk, agent: Agent) -> None:
    request = await sent(desk, agent)
    upload = agent.upload()
    await upload.begin(request, b"content")
    await upload.chunk(b"c0ntent")
    assert await refusal(upload.receive()) == ("DATA_LOSS", "hash-mismatch")
    again = await agent.next_upload()
    assert await again.whole(request, b"content") == hashlib.sha256(b"content").digest()


async def test_what_breaks_the_order_of_an_upload_is_refused(desk: Desk, agent: Agent) -> None:
    request = await sent(desk, agent)
    for first in (b"\xff\xff", b"", diagnostics_pb2.UploadMessage(chunk=b"x").SerializeToString()):
        upload = await agent.next_upload()
        await upload.send(first)
        assert await refusal(upload.receive()) == ("INVALID_ARGUMENT", "malformed")
    for chunk in (b"", b"x" * 262_145):
        upload = await agent.next_upload()
        await upload.begin(request, b"c" * 300_000)
        await upload.chunk(chunk)
        assert await refusal(upload.receive()) == ("INVALID_ARGUMENT", "malformed")
    upload = await agent.next_upload()
    await upload.begin(request, b"content")
    await upload.chunk(b"content, and more")
    assert await refusal(upload.receive()) == ("OUT_OF_RANGE", "longer-than-said")
    upload = await agent.next_upload()
    await upload.begin(request, b"content")
    await upload.call.done_writing()
    assert await refusal(upload.receive()) == ("ABORTED", "cut-short")


async def test_an_agent_sends_one_file_at_a_time(desk: Desk, agent: Agent) -> None:
    request = await sent(desk, agent)
    first = agent.upload()
    await first.begin(request, b"content")
    assert await refusal(agent.upload().begin(request, b"other", "other")) == ("UNAVAILABLE", "one-at-a-time")
    await first.chunk(b"content")
    assert (await first.receive()).HasField("done")
    second = await agent.next_upload()
    assert await second.whole(request, b"other", "other") == hashlib.sha256(b"other").digest()


async def test_a_file_comes_no_faster_than_it_may(tmp_path: Path) -> None:
    slow = DiagnosticLimits(file_bytes=8 << 20, request_bytes=16 << 20, bytes_per_second=1 << 20)
    content = bytes(3 << 20)
    async with running(tmp_path, slow) as desk:
        agent = Agent(desk, desk.collector.enroll())
        request = await sent(desk, agent)
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await agent.upload().whole(request, content) == hashlib.sha256(content).digest()
        # A sender that does not keep to the rate is not read any faster; a burst of a second is allowed.
        assert loop.time() - began > 1.9
        await agent.close()


async def test_revoking_an_agent_ends_its_file(desk: Desk, agent: Agent) -> None:
    request = await sent(desk, agent)
    upload = agent.upload()
    await upload.begin(request, b"content")
    desk.collector.service.revoke(1)
    assert await refusal(upload.receive()) == ("PERMISSION_DENIED", "agent-revoked")
    await until(lambda: not desk.uploading)
