"""A host without a network and the collector its files are carried to, both real but for the stores.

Every frame has a value of its own, so that what the collector stored can be compared with what the host ever spooled.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from hardcase_agent.airgap import receipts
from hardcase_agent.airgap.export import Exporter, Written
from hardcase_agent.airgap.ledger import held
from hardcase_agent.domain.event import Event
from hardcase_agent.domain.frame import Body, Catalogue, Frame, Moment, SourcedEvent
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.reading import Kind, Sensor
from hardcase_agent.domain.stream import Held, Stored
from hardcase_agent.spool.spool import Spool, SpoolLimits
from hardcase_agent.uplink import airgap, codec, keys
from hardcase_agent.uplink.identity import Identity
from hardcase_collector.airgap import AirGap, TakenFile
from hardcase_collector.domain.asset import Agent
from hardcase_collector.ingest.by_file import FileIntake
from hardcase_collector.pki import Authority
from hardcase_collector.rpc.joining import Enrolment
from hardcase_collector.rpc.writer import content_of

from tests.fakes.collector import NOW, UPTIME_MS, FakeCollector
from tests.unit.agent.spool.faulty_disk import FaultyDisk

BOOT = b"B" * 16
HOST = Asset(vendor="Dell Inc.", model="R750", serial="7ABC123", machine_id="1" * 32, hostname="web1")
ENROLLED_MS = NOW - 86_400_000
_CATALOGUE = Catalogue(
    asset=HOST,
    source="ipmi.analogue@local",
    period_ms=60_000,
    value_width=8,
    sensors=(Sensor(id="t", name="t", kind=Kind.TEMPERATURE),),
)
CATALOGUE_ID = codec.catalogue_id(_CATALOGUE)
SMALL = SpoolLimits(max_bytes=1 << 30, max_age_ms=1 << 60, segment_bytes=600)


@dataclass
class TestRoots:
    """The collector's CAs."""

    __test__ = False
    authorities: list[Authority]

    @property
    def own(self) -> Sequence[Authority]:
        return self.authorities

    def trusted(self) -> Sequence[str]:
        return [one.fingerprint for one in self.authorities]

    def enrolment_of(self, certificate: x509.Certificate) -> int | None:
        return self.authorities[-1].enrolment_of(certificate)


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def authority() -> Authority:
    return Authority.create(("collector.test",), now=moment(ENROLLED_MS))


@dataclass
class Desk:
    """A collector. `restart` throws away all that is in memory."""

    roots: TestRoots = field(default_factory=lambda: TestRoots([authority()]))
    collector: FakeCollector = field(default_factory=FakeCollector)
    now_ms: int = NOW

    def __post_init__(self) -> None:
        self._join()

    def _join(self) -> None:
        self.gap = AirGap(
            self.collector.state,  # type: ignore[arg-type]  # the part that intake uses
            FileIntake(self.collector.intake),
            self.roots,
            submit=_at_once,
            enrolment=Enrolment(self.collector.state, self.roots),  # type: ignore[arg-type]  # asked by no test here
            clock_ms=lambda: self.now_ms,
        )

    def restart(self) -> None:
        self.collector.restart()
        self._join()

    def take(
        self, content: bytes, *, accept_gap: bool = False, more: bool = False, customer: str | None = None
    ) -> TakenFile:
        return self.gap.take(content, by="root", accept_gap=accept_gap, more=more, customer=customer)

    def frames(self) -> list[tuple[bytes, int, float]]:
        """Epoch, sequence and value of every frame stored, in the order of storing."""
        return [
            (one.epoch, one.sequence, struct.unpack("<d", one.values)[0]) for one in self.collector.telemetry.frames
        ]

    def lost(self) -> int:
        return sum(one.records for one in self.collector.state.data.losses)


def _at_once(work: Callable[[], TakenFile]) -> Future[TakenFile]:
    future: Future[TakenFile] = Future()
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)
    return future


@dataclass
class Host:
    """An agent's spool, identity and ledger; `start` is another run of the agent."""

    desk: Desk
    folder: Path
    name: str = "a1"
    facts: Asset = HOST
    limits: SpoolLimits = SMALL

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "out").mkdir(exist_ok=True)
        self.disk = FaultyDisk()
        self.wall_ms, self.boot_ms = NOW, UPTIME_MS
        self.runs = 0
        self.values = 0
        self.spooled: dict[tuple[bytes, int], float] = {}
        self.enroll()
        self.start()

    def enroll(self, enrolled_ms: int = ENROLLED_MS) -> None:
        """A certificate of the collector's CA, which from now on is the only one that is good."""
        key_pem = keys.new_key_pem()
        issuer = self.desk.roots.own[-1]
        issued = issuer.issue_client(
            keys.request_pem(key_pem, "web1"), self.name, enrolment=enrolled_ms, now=moment(enrolled_ms)
        )
        not_before_ms, not_after_ms = keys.validity_ms(issued.certificate, key_pem)
        self.identity = Identity(
            agent_id=self.name,
            enrolment="",
            server_name="",
            ca_pem=issuer.certificate_pem.decode(),
            certificate_pem=issued.certificate.decode(),
            key_pem=key_pem.decode(),
            not_before_ms=not_before_ms,
            not_after_ms=not_after_ms,
        )
        with self.desk.collector.state.write() as tx:
            known = tx.agents.by_id(self.name)
            agent = Agent(
                id=self.name,
                number=0,
                customer="acme",
                hostname=self.facts.hostname,
                machine_id=self.facts.machine_id,
                dmi_uuid="",
                fingerprint=issued.fingerprint,
                enrolled_ms=enrolled_ms,
            )
            if known is None:
                self.agent = tx.agents.add(agent)
            else:
                tx.agents.replace(replace(agent, number=known.number, session=known.session))

    def start(self) -> None:
        self.disk.kill()
        self.runs += 1
        self.epoch = f"{self.name:.8}{self.runs:08d}".encode().rjust(16, b"_")
        self.spool = Spool(
            self.disk,
            self.limits,
            epoch=self.epoch,
            boot_id=BOOT,
            seal_loss=codec.seal_loss,
            now=self.now(),
        )
        self.spool.append([codec.seal(_CATALOGUE, self.now())], self.now())

    def now(self) -> Moment:
        return Moment(self.wall_ms, self.boot_ms)

    def sweep(self, count: int = 1, value: float | None = None) -> None:
        """Frames, each with a value that no other has."""
        for _ in range(count):
            self.values += 1
            told = float(self.values) if value is None else value
            frame = Frame(catalogue_id=CATALOGUE_ID, values=struct.pack("<d", told), states=b"")
            self.keep(frame)
            self.spooled[self.epoch, self.spool.held()[-1].newest] = told

    def event(self, record_id: int) -> None:
        event = Event(log="sel", record_id=record_id, raw=b"raw", code="psu.input_lost", device_ms=self.wall_ms)
        self.keep(SourcedEvent(asset=self.facts, source="ipmi.sel@local", event=event))

    def keep(self, body: Body) -> None:
        assert self.spool.append([codec.seal(body, self.now())], self.now())

    async def export(self, target: Path | None = None) -> list[Written]:
        with held(self.folder) as book:
            return await self.exporter().export(DirectDoor(self), book, target or self.folder / "out")

    def exporter(self) -> Exporter:
        introduction = codec.Introduction(version="1", host=self.facts, boot_id=BOOT)
        return Exporter(identity=self.identity, introduction=introduction, clock=self.now)

    async def files(self) -> list[bytes]:
        """A fresh export, as bytes."""
        return [one.path.read_bytes() for one in await self.export()]

    async def receipt(self, content: bytes) -> receipts.Applied:
        with held(self.folder) as book:
            return await receipts.apply(airgap.read_receipt(content, self.identity), DirectDoor(self), book)

    async def forget(self) -> int:
        with held(self.folder) as book:
            return await receipts.forget(DirectDoor(self), book)

    def waiting(self) -> dict[tuple[bytes, int], float]:
        """Frames that the spool still serves."""
        found = {}
        for one in self.spool.held():
            first = one.oldest
            while stored := self.spool.read(one.epoch, first, max_records=1000, max_bytes=1 << 20):
                found |= {
                    (record.epoch, record.sequence): self.spooled[record.epoch, record.sequence]
                    for record in stored
                    if (record.epoch, record.sequence) in self.spooled
                }
                first = stored[-1].sequence + 1
        return found

    def stream(self, most: int = 1000) -> None:
        """One stream: greeting, then everything above the marks the collector names, acknowledged as it says."""
        streaming(self, most)


class DirectDoor:
    """The spool as commands reach it, without a socket between."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def held(self) -> tuple[Held, ...]:
        self._host.spool.state_losses(self._host.now())
        return self._host.spool.held()

    async def read(self, epoch: bytes, first: int, *, max_records: int, max_bytes: int) -> Sequence[Stored]:
        return self._host.spool.read(epoch, first, max_records=max_records, max_bytes=max_bytes)

    async def catalogue(self, catalogue_id: bytes) -> bytes | None:
        return self._host.spool.catalogue(catalogue_id)

    async def acknowledge(self, marks: Mapping[bytes, int], receipt: int) -> None:
        for epoch, through in marks.items():
            self._host.spool.acknowledge(epoch, through)

    async def forget(self, marks: Mapping[bytes, int]) -> int:
        return sum(self._host.spool.forget(epoch, through, self._host.now()) for epoch, through in marks.items())


def streaming(host: Host, most: int) -> None:
    from hardcase_collector.ingest.incoming import Delivery, EpochClaim, Greeting, Heard
    from hardcase_collector.rpc.records import facts_of

    collector = host.desk.collector
    with collector.state.read() as tx:
        agent = tx.agents.by_number(host.agent.number) if hasattr(tx.agents, "by_number") else host.agent
    host.spool.state_losses(host.now())
    held = host.spool.held()
    admission = collector.intake.admit(
        agent,
        Greeting(
            machine_id=host.facts.machine_id,
            dmi_uuid="",
            boot_id=BOOT,
            epochs=tuple(EpochClaim(epoch=one.epoch, oldest=one.oldest, newest=one.newest) for one in held),
            clocks=Heard(host.wall_ms, host.boot_ms),
            host=facts_of(codec.host_message(host.facts)),
        ),
        received_ms=host.desk.now_ms,
    )
    resume = dict(admission.resume)
    for one in held:
        host.spool.acknowledge(one.epoch, resume[one.epoch])
        stored = host.spool.read(one.epoch, resume[one.epoch] + 1, max_records=most, max_bytes=1 << 20)
        if not stored:
            continue
        used = host.spool.catalogue(CATALOGUE_ID)
        assert used is not None
        messages = [
            codec.catalogue_answer(used),
            codec.batch([(each.sequence, each.payload) for each in stored], one.epoch),
        ]
        answers = collector.process(
            *(Delivery(agent.number, admission.session, host.desk.now_ms, content_of(message)) for message in messages),
            now_ms=host.desk.now_ms,
        )
        for ack in answers[agent.number].acks:
            host.spool.acknowledge(ack.epoch, ack.through)


def batch_of(epoch: bytes, records: bytes, first: int = 1) -> bytes:
    """An AgentMessage whose batch has these bytes as its records."""
    body = b"\x0a\x10" + epoch + b"\x10" + bytes((first,)) + records
    size, length = len(body), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"\x12" + bytes(length) + body


def signed_export(
    host: Host, pieces: Sequence[bytes], *, first: int, through: int, records: int, number: int = 1
) -> bytes:
    """A file with this content, whatever it is, signed by the agent: what a thief of its key could make."""
    file = airgap.ExportFile(host.identity, host.exporter().introduction, host.epoch)
    for piece in pieces:
        file._piece(piece)
    file.first, file.through, file.records = first, through, records
    previous = b"" if number == 1 else bytes(32)
    return file.seal(airgap.Place(number=number, previous=previous, ordinal=number, earlier=()), host.now())
