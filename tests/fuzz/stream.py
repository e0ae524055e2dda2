"""Damaged messages of an agent's stream: parsed, taken by the real intake over stores in memory, judged by the rules.

A damaged message ends its own stream, or its records are rejected one by one; nothing is raised, and an undamaged one
of another agent in the same group is taken as ever. Run by `__main__.py`.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.ingest.incoming import Delivery, IncomingBatch
from hardcase_collector.rpc import codec
from hardcase_collector.rpc.writer import content_of
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_protos.v1 import telemetry_pb2

from tests.fakes.collector import NOW, FakeAgent, FakeCollector
from tests.fuzz.mutation import mutate
from tests.fuzz.running import Failure
from tests.fuzz.spoiling import spoil

RECORDED = Path(__file__).parents[1] / "golden" / "releases"
FRESH_EVERY = 500
"""Mutants that one collector takes: what piles up in it is part of what is tried."""


def messages() -> list[bytes]:
    """What agents of the recorded releases said after Hello."""
    found = []
    for path in sorted(RECORDED.glob("*/session.bin")):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:4], "big")
            found.append(data[4 : 4 + length])
            data = data[4 + length :]
    return [one for one in found if not telemetry_pb2.AgentMessage.FromString(one).HasField("hello")]


class Desk:
    """A collector with a good agent and a bad one."""

    def __init__(self, engine: Engine) -> None:
        self.collector = FakeCollector()
        self.collector.intake.use_judge(engine)
        self.good: FakeAgent = self.collector.enroll("good")
        self.bad: FakeAgent = self.collector.enroll("bad")
        for agent in (self.good, self.bad):
            agent.hello()
        self.taken = 0

    def deliveries(self, message: bytes) -> Iterator[Delivery]:
        """The damaged message, if it is one at all, between two of the good agent."""
        yield from self._good()
        try:
            content = content_of(message)
        except (BadRecord, DecodeError):
            return
        yield Delivery(self.bad.agent.number, self.bad.session, NOW, content)

    def _good(self) -> Iterator[Delivery]:
        self.taken += 1
        record = self.good.catalogue(self.taken)
        batch = IncomingBatch(self.good.epoch, self.taken, (record,), weight=1)
        yield Delivery(self.good.agent.number, self.good.session, NOW, batch)

    def take(self, message: bytes) -> str:
        """ "" or what is wrong."""
        answers = self.collector.process(*self.deliveries(message))
        for answer in answers.values():
            codec.answers_to_bytes(answer, credit_bytes=65_536)
        acks = [ack for ack in answers[self.good.agent.number].acks if ack.epoch == self.good.epoch]
        if not acks or acks[-1].through != self.taken or any(ack.rejected for ack in acks):
            return "the good agent's record was not taken"
        return ""


def damaged(original: bytes, chance: random.Random) -> bytes:
    """Half as bytes; half in fields of a few of its records, so that the damage reaches behind the parser."""
    if chance.random() < 0.5:
        return mutate(original, chance)
    message = telemetry_pb2.AgentMessage.FromString(original)
    if not message.HasField("batch"):
        spoil(message, chance)
        return message.SerializeToString()
    for record in chance.choices(list(message.batch.records), k=chance.randint(1, 6)):
        spoil(record, chance)
    if chance.random() < 0.2:
        spoil(message.batch, chance)
    return message.SerializeToString()


def run(mutants: range, *, seed: int) -> list[Failure]:
    engine, originals = Engine(load_sheets()), messages()
    failures: list[Failure] = []
    desk = Desk(engine)
    for at, number in enumerate(mutants):
        if at % FRESH_EVERY == 0:
            desk = Desk(engine)
        chance = random.Random(f"{seed}:{number}")
        try:
            wrong = desk.take(damaged(chance.choice(originals), chance))
        except Exception:
            wrong = traceback.format_exc(limit=-5)
        if wrong:
            failures.append(Failure("stream", "message", number, wrong))
            desk = Desk(engine)
    return failures
