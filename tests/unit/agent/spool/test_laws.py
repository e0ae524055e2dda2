"""The spool's laws, against a reference, with kills, power cuts and refusals at any operation of the disk.

A collector that remembers what it stored stands at the other end. At the end everything is served out, and every
record ever told to be synced was stored once, in order, or is named by exactly one loss.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hardcase_agent.domain.event import LossCause
from hardcase_agent.domain.stream import RecordKind, Stored
from hardcase_agent.spool.spool import Spool, SpoolLimits
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.agent.spool.builders import NOW, catalogue, event, frame, loss_of, open_spool
from tests.unit.agent.spool.faulty_disk import FaultyDisk, Killed

LIMITS = SpoolLimits(max_bytes=3000, max_age_ms=1 << 60, segment_bytes=400)


@dataclass
class Collector:
    """Stores in order, acknowledges, remembers; a record at or below its mark is a duplicate."""

    marks: dict[bytes, int] = field(default_factory=dict)
    stored: dict[tuple[bytes, int], Stored] = field(default_factory=dict)
    order: list[tuple[bytes, int]] = field(default_factory=list)

    def take(self, record: Stored) -> None:
        key = (record.epoch, record.sequence)
        if record.sequence <= self.marks.get(record.epoch, 0):
            assert self.stored.get(key, record).payload == record.payload
            return
        self.marks[record.epoch] = record.sequence
        self.stored[key] = record
        self.order.append(key)


class World:
    """One host's disk over several lives of its agent."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.disk = FaultyDisk()
        self.collector = Collector()
        self.names = itertools.count()
        self.promised: set[str] = set()
        self.offered: set[str] = set()
        self.waiting: list[str] = []
        self.lives: list[bytes] = []
        self.spool: Spool
        self.start()

    def start(self) -> None:
        # Also of a start that is killed: what it wrote carries its epoch.
        self.lives.append((len(self.lives) + 1).to_bytes(16, "big"))
        self.waiting = []
        self.spool = open_spool(self.disk, LIMITS, epoch=self.lives[-1])

    def append(self, count: int) -> None:
        names = [f"record-{next(self.names)}-{'x' * self.dice.randint(0, 60)}" for _ in range(count)]
        self.offered.update(names)
        records = [frame(name) if self.dice.random() < 0.5 else event(name) for name in names]
        if self.dice.random() < 0.1:
            name = f"catalogue-{next(self.names)}"
            records.insert(0, catalogue(name))
            self.offered.add(name)
            names.append(name)
        self.waiting += names
        if self.spool.append(records, NOW):
            self.promised.update(self.waiting)
            self.waiting = []

    def serve(self, batches: int, *, ack: bool = True) -> None:
        """As the uplink: from the collector's mark on, older epochs first."""
        self.spool.state_losses(NOW)
        for held in self.spool.held():
            while batches:
                first = self.collector.marks.get(held.epoch, 0) + 1
                found = self.spool.read(held.epoch, first, max_records=3, max_bytes=200)
                if not found:
                    break
                batches -= 1
                for record in found:
                    self.collector.take(record)
            if ack:
                self.spool.acknowledge(held.epoch, self.collector.marks.get(held.epoch, 0))

    def die(self, *, power: bool) -> None:
        if power:
            self.disk.lose_power(self.dice)
        else:
            self.disk.kill()
        self.start()

    def die_at_start(self, ahead: int, *, power: bool) -> None:
        """Killed, and killed again while it finds its way."""
        self.disk.kill()
        at_operation(self.disk, ahead, -1)
        with contextlib.suppress(Killed):
            self.start()
        self.die(power=power)

    def check(self) -> None:
        self.serve(10**6)
        stored = [record for record in self.collector.stored.values()]
        payloads = [record.payload.decode() for record in stored if record.kind is not RecordKind.LOSS]
        assert len(payloads) == len(set(payloads)), "a record was stored twice"
        assert set(payloads) <= self.offered
        by_epoch = [self.lives.index(epoch) for epoch, _ in self.collector.order]
        assert by_epoch == sorted(by_epoch), "an older epoch was served late"
        losses = [loss_of(record) for record in stored if record.kind is RecordKind.LOSS]
        named = [
            (loss.epoch, sequence) for loss in losses if loss.first for sequence in range(loss.first, loss.through + 1)
        ]
        # A statement that was sent, not acknowledged and then dropped is stated as lost itself, and made again.
        binding = [
            (loss.epoch, sequence)
            for place, record in self.collector.stored.items()
            if record.kind is RecordKind.LOSS and place not in set(named) and (loss := loss_of(record)).first
            for sequence in range(loss.first, loss.through + 1)
        ]
        assert len(binding) == len(set(binding)), "a loss was stated twice"
        for epoch, mark in self.collector.marks.items():
            held = {sequence for own, sequence in self.collector.stored if own == epoch}
            lost = {sequence for own, sequence in named if own == epoch}
            assert set(range(1, mark + 1)) <= held | lost, "a hole that nothing states"
        missing = len(self.promised - set(payloads))
        stated = sum(loss.records for loss in losses if loss.cause is not LossCause.WRITE_FAILED)
        assert missing <= stated, "a promised record is gone and no loss counts it"


STEP = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 6)),
    st.tuples(st.just("append"), st.integers(1, 6)),
    st.tuples(st.just("serve"), st.integers(1, 8)),
    st.tuples(st.just("serve without ack"), st.integers(1, 8)),
    st.tuples(st.just("kill"), st.just(0)),
    st.tuples(st.just("power"), st.just(0)),
    st.tuples(st.just("die within"), st.integers(1, 12)),
    st.tuples(st.just("cut power within"), st.integers(1, 12)),
    st.tuples(st.just("die at start within"), st.integers(1, 20)),
    st.tuples(st.just("cut power at start within"), st.integers(1, 20)),
    st.tuples(st.just("refuse"), st.integers(1, 12)),
    st.tuples(st.just("full"), st.integers(1, 3)),
    st.tuples(st.just("quarantine"), st.integers(1, 30)),
)


def at_operation(disk: FaultyDisk, ahead: int, what: int) -> None:
    """Trouble at the operation that is `ahead` of now; a refusal lasts for that one."""
    wanted = disk.operations + ahead
    disk.trouble = lambda operation, number: what if number == wanted else 0


def live_until_killed(world: World, life: Callable[[World], None], ahead: int, *, power: bool) -> None:
    at_operation(world.disk, ahead, -1)
    with contextlib.suppress(Killed):
        life(world)
    world.die(power=power)


def short_life(world: World) -> None:
    for _ in range(4):
        world.append(2)
        world.serve(2)


def refuse_once(world: World, ahead: int) -> None:
    at_operation(world.disk, ahead, errno.EIO)
    world.append(3)
    world.append(3)
    world.disk.trouble = lambda operation, number: 0


def fill(world: World, count: int) -> None:
    world.disk.trouble = lambda operation, number: errno.ENOSPC if operation in ("write", "create") else 0
    world.append(count)
    world.disk.trouble = lambda operation, number: 0


def quarantine(world: World, sequence: int) -> None:
    epoch = world.spool.epoch
    if world.spool.held()[-1].newest >= sequence > world.collector.marks.get(epoch, 0):
        world.spool.give_up(epoch, sequence, LossCause.QUARANTINED, NOW)


PLAY: dict[str, Callable[[World, int], None]] = {
    "append": World.append,
    "serve": World.serve,
    "serve without ack": lambda world, count: world.serve(count, ack=False),
    "kill": lambda world, _: world.die(power=False),
    "power": lambda world, _: world.die(power=True),
    "die within": lambda world, ahead: live_until_killed(world, short_life, ahead, power=False),
    "cut power within": lambda world, ahead: live_until_killed(world, short_life, ahead, power=True),
    "die at start within": lambda world, ahead: world.die_at_start(ahead, power=False),
    "cut power at start within": lambda world, ahead: world.die_at_start(ahead, power=True),
    "refuse": refuse_once,
    "full": fill,
    "quarantine": quarantine,
}


BACK_AFTER_A_POWER_CUT = [
    *(("append", count) for count in (1, 1, 1, 3, 3)),
    *(("quarantine", 1), ("serve", 1)),
    *(("append", count) for count in (1, 3, 1, 4, 6)),
    *(("refuse", 1), ("append", 1), ("append", 3), ("power", 0)),
]
"""A dropped segment came back, and with it a loss record that was taken for a statement still standing."""

UNSYNCED_AFTER_A_KILL = [
    *(("append", count) for count in (1, 2, 2, 3, 6)),
    *(("quarantine", 1), ("die within", 6)),
    *(("append", count) for count in (1, 1, 1, 1, 1, 1, 1, 6)),
    ("power", 0),
]
"""A loss record that the killed process had written and not synced was built on, and went with the power."""

REMOVALS_HALF_UNDONE = [
    *(("append", count) for count in (6, 1)),
    ("quarantine", 7),
    *(("append", count) for count in (3, 2)),
    *(("serve", 5), ("power", 0)),
]
"""Of the removed segments the power cut brought some back: what lay between them was stated as lost (again)."""

REMOVED_BEFORE_ITS_LOSS = [
    *(("append", 3), ("refuse", 1), ("quarantine", 9)),
    *(("power", 0), ("serve", 4), ("power", 0)),
]
"""A segment of an older epoch was back after its loss had been served, and was served behind it."""

A_LOSS_GIVEN_UP = [
    *(("refuse", 1), ("refuse", 1), ("quarantine", 1)),
    *(("serve", 1), ("quarantine", 14)),
]
"""A loss record was quarantined, and what it stated was stated by nothing any more."""


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 1000), steps=st.lists(STEP, max_size=30))
@example(seed=0, steps=BACK_AFTER_A_POWER_CUT)
@example(seed=49, steps=UNSYNCED_AFTER_A_KILL)
@example(seed=0, steps=REMOVALS_HALF_UNDONE)
@example(seed=554, steps=REMOVED_BEFORE_ITS_LOSS)
@example(seed=11, steps=A_LOSS_GIVEN_UP)
def test_nothing_is_lost_unsaid_doubled_or_out_of_order(seed: int, steps: list[tuple[str, int]]) -> None:
    world = World(seed)
    for step, count in steps:
        PLAY[step](world, count)
    world.append(1)
    world.check()


def test_a_kill_at_every_single_operation_of_a_busy_minute_costs_nothing() -> None:
    def busy(world: World) -> None:
        for round_ in range(12):
            world.append(4)
            if round_ % 3 == 2:
                world.serve(3)

    probe = World(1)
    before = probe.disk.operations
    busy(probe)
    for ahead in range(1, probe.disk.operations - before + 1):
        for power in (False, True):
            world = World(1)
            live_until_killed(world, busy, ahead, power=power)
            world.append(1)
            world.check()
