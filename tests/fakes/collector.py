"""An intake over fakes, and agents that talk to it without a wire: for tests of ingest."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

from hardcase_collector.domain.asset import Agent, AssetFacts, Part
from hardcase_collector.domain.identity import identify
from hardcase_collector.domain.observation import (
    Event,
    GapReason,
    Inventory,
    Loss,
    Maintenance,
    Observation,
    Sensor,
    SourceStatus,
    Stamp,
)
from hardcase_collector.ingest.binding import Binding, JoiningPolicy
from hardcase_collector.ingest.incoming import (
    Admission,
    Answer,
    Delivery,
    EpochClaim,
    Greeting,
    Heard,
    IncomingBatch,
    IncomingFrame,
    IncomingRecord,
    Offered,
    OfferedCatalogue,
)
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.ingest.liveness import Liveness
from hardcase_collector.ingest.ticking import Ticker

from tests.fakes.judge import FakeDesk, FakeJudge
from tests.fakes.state import FakeStateStore
from tests.fakes.telemetry import FakeTelemetryStore

NOW = 1_800_000_000_000
BOOT = b"b" * 16
UPTIME_MS = 10_000_000_000
HOST = AssetFacts(vendor="Dell Inc.", model="R750", serial="7ABC123", machine_id="1" * 32, hostname="web1")


class FakeCollector:
    """Stores that outlive `restart`, which throws everything in memory away."""

    def __init__(self) -> None:
        self.state = FakeStateStore()
        self.telemetry = FakeTelemetryStore()
        self.trouble = ""
        self.policy = JoiningPolicy()
        self.restart()

    def restart(self) -> None:
        self.judge, self.desk, self.liveness = FakeJudge(), FakeDesk(), Liveness()
        self.intake = Intake(
            state=self.state,
            telemetry=self.telemetry,
            judge=self.judge,
            desk=self.desk,
            binding=Binding(identify, self.policy),
            liveness=self.liveness,
            disk_trouble=lambda: self.trouble,
        )
        self.ticker = Ticker(self.intake)
        self.ticker.start()

    def enroll(self, name: str = "a1", *, customer: str = "acme", facts: AssetFacts = HOST) -> FakeAgent:
        with self.state.write() as tx:
            agent = tx.agents.add(
                Agent(
                    id=name,
                    number=0,
                    customer=customer,
                    hostname=facts.hostname,
                    machine_id=facts.machine_id,
                    dmi_uuid="",
                    fingerprint="",
                    enrolled_ms=NOW,
                )
            )
        return FakeAgent(self, agent, facts)

    def process(self, *deliveries: Delivery, now_ms: int = NOW) -> dict[int, Answer]:
        return dict(self.intake.process(deliveries, now_ms=now_ms))


class FakeAgent:
    """Numbers its records like a real one; `send` puts records straight into a group."""

    def __init__(self, collector: FakeCollector, agent: Agent, facts: AssetFacts) -> None:
        self.collector, self.agent, self.facts = collector, agent, facts
        self.epoch = f"{agent.number:016d}".encode()
        self.session = 0
        self.records: list[Callable[[int], IncomingRecord]] = []

    def hello(self, *, skew_ms: int = 0, machine_id: str | None = None) -> Admission:
        admission = self.collector.intake.admit(
            self.agent,
            Greeting(
                machine_id=self.facts.machine_id if machine_id is None else machine_id,
                dmi_uuid="",
                boot_id=BOOT,
                epochs=(EpochClaim(epoch=self.epoch, oldest=1, newest=len(self.records)),),
                clocks=Heard(NOW + skew_ms, UPTIME_MS),
                host=self.facts,
            ),
            received_ms=NOW,
        )
        self.session = admission.session
        return admission

    # ------------------------------------------------------------------ records

    def add(self, make: Callable[[int], IncomingRecord]) -> int:
        """Appends a record; gives its sequence."""
        self.records.append(make)
        return len(self.records)

    def offer(self, numbers: int = 2, *, source: str = "ipmi.analogue@local", id: bytes = b"c" * 16) -> int:
        return self.add(lambda sequence: self.catalogue(sequence, numbers, source=source, id=id))

    def catalogue(
        self, sequence: int, numbers: int = 2, *, source: str = "ipmi.analogue@local", id: bytes = b"c" * 16
    ) -> OfferedCatalogue:
        sensors = tuple(Sensor(id=f"n{at}", name=f"n{at}", kind="temperature") for at in range(numbers))
        return OfferedCatalogue(
            sequence=sequence,
            id=id,
            facts=self.facts,
            source=source,
            period_ms=60_000,
            value_width=4,
            sensors=sensors,
            body=b"",
        )

    def frame(
        self,
        *values: float,
        age_ms: int = 0,
        id: bytes = b"c" * 16,
        gaps: Mapping[int, GapReason] | None = None,
        boot_id: bytes = b"",
    ) -> int:
        gaps = gaps or {}
        return self.add(
            lambda sequence: IncomingFrame(
                sequence,
                NOW - age_ms,
                UPTIME_MS - age_ms,
                boot_id,
                id,
                struct.pack(f"<{len(values)}f", *values),
                b"",
                struct.pack(f"<{len(gaps)}H", *gaps),
                bytes(gaps.values()),
                bytes(4 * len(gaps)),
                b"",
            )
        )

    def offered(
        self, build: Callable[[Stamp], Observation], *, source: str = "ipmi.sel@local", facts: AssetFacts | None = None
    ) -> int:
        return self.add(
            lambda sequence: Offered(
                sequence=sequence,
                wall_ms=NOW,
                boot_ms=UPTIME_MS,
                boot_id=b"",
                facts=self.facts if facts is None else facts,
                source=source,
                build=build,
                raw=b"raw",
            )
        )

    def event(self, record_id: int, *, device_ms: int = NOW, code: str = "psu.input_lost") -> int:
        return self.offered(
            lambda stamp: Event(
                stamp=stamp,
                log="sel",
                erase_stamp=0,
                record_id=record_id,
                raw=b"r",
                device_ms=device_ms,
                part=Part(),
                code=code,
                asserted=True,
                sensor="",
                text="",
            )
        )

    def inventory(self, *parts: Part) -> int:
        return self.offered(lambda stamp: Inventory(stamp=stamp, parts=parts), source="smart.ata")

    def status(self, state: str) -> int:
        return self.offered(
            lambda stamp: SourceStatus(stamp=stamp, state=state, detail="", period_ms=1, failures=1), source="bmc"
        )

    def maintenance(self, duration_s: int, *, window: bytes = b"w") -> int:
        return self.offered(
            lambda stamp: Maintenance(stamp=stamp, window_id=window, duration_s=duration_s, reason="why", by="me"),
            source="",
        )

    def loss(self, first: int, through: int, *, epoch: bytes | None = None) -> int:
        lost = self.epoch if epoch is None else epoch
        return self.add(
            lambda sequence: Offered(
                sequence=sequence,
                wall_ms=NOW,
                boot_ms=UPTIME_MS,
                boot_id=b"",
                facts=None,
                source="",
                build=lambda stamp: Loss(
                    stamp=stamp,
                    epoch=lost,
                    first=first,
                    through=through,
                    records=through - first + 1,
                    cause="spool_full",
                ),
                raw=b"",
            )
        )

    # ------------------------------------------------------------------ sending

    def batch(self, first: int = 1, through: int | None = None) -> Delivery:
        """Records first..through as one message of this stream."""
        last = len(self.records) if through is None else through
        records = [self.records[sequence - 1](sequence) for sequence in range(first, last + 1)]
        return self.deliver(IncomingBatch(self.epoch, first, records))

    def deliver(self, content: object, *, received_ms: int = NOW) -> Delivery:
        return Delivery(self.agent.number, self.session, received_ms, content)  # type: ignore[arg-type]  # any content

    def send(self, first: int = 1, through: int | None = None) -> Answer:
        answers = self.collector.process(self.batch(first, through))
        return answers[self.agent.number]

    def mark(self) -> tuple[int, int]:
        """Through where the state store and the telemetry store have this epoch."""
        with self.collector.state.read() as tx:
            ours = tx.feeds.marks(self.agent.number).get(self.epoch)
        theirs = self.collector.telemetry.marks(self.agent.number).get(self.epoch)
        return (ours.through if ours else 0, theirs.through if theirs else 0)


def sequences(answer: Answer) -> Sequence[tuple[int, list[int]]]:
    """(through, rejected sequences) of each acknowledgement."""
    return [(ack.through, [one.sequence for one in ack.rejected]) for ack in answer.acks]
