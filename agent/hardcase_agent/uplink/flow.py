"""What may be sent next on one stream: resume points, credit, rewinding, and finding a record that ends streams.

Pure bookkeeping; `client.py` reads the spool and the stream. Sequences are always sent in order, older epochs first.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hardcase_agent.domain.stream import Held
from hardcase_agent.uplink.answers import Ack, NeedCatalogue, Welcome

SMALLEST_MESSAGE = 4096
"""A Welcome that allows less is taken as this: nothing could be sent."""
LARGEST_BATCH = 256 * 1024
"""Own bound beside Welcome's: a batch is held a few times over while it is joined and compressed, and beyond this
size the collector gains nothing. A single larger record still goes, alone."""
BATCH_OVERHEAD = 64
"""Bytes of a Batch around its records, rounded up; 8 more for each record."""
RECORD_OVERHEAD = 8
STRIKES = 3
"""A record whose sending ended the stream three times is quarantined (design 2.5)."""


@dataclass(slots=True)
class _Sent:
    epoch: bytes
    first: int
    through: int
    size: int


@dataclass(slots=True)
class Suspects:
    """Survives streams: which records may have ended one. While there are any, they are sent one at a time."""

    epoch: bytes = b""
    first: int = 0
    through: int = 0
    strikes: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def careful(self, epoch: bytes, sequence: int) -> bool:
        return epoch == self.epoch and self.first <= sequence <= self.through

    def passed(self, epoch: bytes, through: int) -> None:
        """These were stored: none of them did it."""
        self.strikes = {key: count for key, count in self.strikes.items() if key[0] != epoch or key[1] > through}
        if epoch == self.epoch:
            self.first = max(self.first, through + 1)

    def blame(self, epoch: bytes, first: int, through: int) -> tuple[bytes, int] | None:
        """The stream ended by an error of its own while these were in flight. Returns a record to quarantine."""
        self.epoch, self.first, self.through = epoch, first, max(through, self.through if self.epoch == epoch else 0)
        if first != through:
            return None
        key = (epoch, first)
        self.strikes[key] = self.strikes.get(key, 0) + 1
        if self.strikes[key] < STRIKES:
            return None
        del self.strikes[key]
        return key


class Flow:
    """One stream's sending side."""

    def __init__(self, held: tuple[Held, ...], welcome: Welcome, suspects: Suspects) -> None:
        self._welcome = welcome
        self._suspects = suspects
        self._epochs = deque(one.epoch for one in held)
        self._acked = {one.epoch: max(one.oldest - 1, welcome.resume.get(one.epoch, 0)) for one in held}
        self._next = {epoch: through + 1 for epoch, through in self._acked.items()}
        self._flight: deque[_Sent] = deque()
        self.generation = 0
        """Counts rewinds: what was read from the spool before one is not sent after it."""
        self._credit_records = max(1, welcome.credit_records)
        self._credit_bytes = max(1, welcome.credit_bytes)

    @property
    def message_bytes(self) -> int:
        """Largest message this agent fills, batch included."""
        return min(LARGEST_BATCH, self.allowed_bytes)

    @property
    def allowed_bytes(self) -> int:
        """Largest message the collector takes."""
        return max(SMALLEST_MESSAGE, self._welcome.max_message_bytes or LARGEST_BATCH)

    @property
    def epoch(self) -> bytes:
        """The epoch that is being served."""
        return self._epochs[0]

    @property
    def next_sequence(self) -> int:
        return self._next[self._epochs[0]]

    @property
    def last_epoch(self) -> bool:
        """The present one: nothing to read there means that everything was sent."""
        return len(self._epochs) == 1

    @property
    def in_flight(self) -> int:
        """Unacknowledged records."""
        return sum(sent.through - sent.first + 1 for sent in self._flight)

    def room(self) -> tuple[int, int]:
        """Records and payload bytes that may be sent now; (0, 0) = wait for an acknowledgement."""
        if not self._flight:
            # With nothing in flight one message always goes, however small the credit: else nothing ever would. It
            # holds one record at least, and no more than that where the credit says so.
            records, size = self._credit_records, min(self.message_bytes, max(self._credit_bytes, SMALLEST_MESSAGE))
        else:
            records = self._credit_records - self.in_flight
            size = min(self._credit_bytes - sum(sent.size for sent in self._flight), self.message_bytes)
        if self._suspects.careful(self.epoch, self.next_sequence):
            records = 1 if not self._flight else 0
        size -= BATCH_OVERHEAD + RECORD_OVERHEAD * max(1, min(records, 256))
        return (records, size) if records > 0 and size > 0 else (0, 0)

    def finished_epoch(self) -> None:
        """Nothing more is held of the served epoch; the next one is served."""
        self._epochs.popleft()

    def sent(self, epoch: bytes, first: int, through: int, size: int) -> None:
        self._next[epoch] = through + 1
        self._flight.append(_Sent(epoch, first, through, size))

    def acknowledged(self, ack: Ack) -> bool:
        """False = for an epoch this stream does not speak of."""
        if ack.epoch not in self._acked:
            return False
        self._acked[ack.epoch] = max(self._acked[ack.epoch], ack.through)
        if ack.credit_records:
            self._credit_records = ack.credit_records
        if ack.credit_bytes:
            self._credit_bytes = ack.credit_bytes
        while self._flight and self._flight[0].epoch == ack.epoch and self._flight[0].through <= ack.through:
            self._flight.popleft()
        if self._flight and self._flight[0].epoch == ack.epoch:
            self._flight[0].first = max(self._flight[0].first, ack.through + 1)
        self._next[ack.epoch] = max(self._next[ack.epoch], ack.through + 1)
        self._suspects.passed(ack.epoch, ack.through)
        return True

    def rewind(self) -> None:
        """Send again everything that was not acknowledged: the collector took none of it (Hold)."""
        self._back_to({sent.epoch: self._acked[sent.epoch] + 1 for sent in self._flight})
        self._flight.clear()

    def needs(self, need: NeedCatalogue) -> bool:
        """Send again from this sequence on; False = it was acknowledged or is not ours."""
        if need.epoch not in self._acked or need.sequence <= self._acked[need.epoch]:
            return False
        kept: deque[_Sent] = deque()
        dropped: dict[bytes, int] = {}
        for sent in self._flight:
            if sent.epoch == need.epoch and sent.through >= need.sequence:
                dropped.setdefault(sent.epoch, need.sequence)
                if sent.first < need.sequence:
                    kept.append(_Sent(sent.epoch, sent.first, need.sequence - 1, sent.size))
            elif dropped:
                dropped.setdefault(sent.epoch, sent.first)
            else:
                kept.append(sent)
        self._flight = kept
        self._back_to(dropped or {need.epoch: need.sequence})
        return True

    def blame(self) -> tuple[bytes, int] | None:
        """The stream ended by an error of its own. Returns a record that did so three times, for quarantine."""
        if not self._flight:
            return None
        oldest = self._flight[0]
        through = max(sent.through for sent in self._flight if sent.epoch == oldest.epoch)
        return self._suspects.blame(oldest.epoch, oldest.first, through)

    def skip(self, epoch: bytes, sequence: int) -> None:
        """This record is not sent at all: the spool gave it up."""
        self._next[epoch] = max(self._next[epoch], sequence + 1)

    def _back_to(self, starts: dict[bytes, int]) -> None:
        self.generation += 1
        for epoch, sequence in reversed(starts.items()):
            self._next[epoch] = min(self._next[epoch], sequence)
            if epoch not in self._epochs:
                self._epochs.appendleft(epoch)
