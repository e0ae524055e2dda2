"""The spool itself: append, serve in order, forget what is acknowledged, bound size and age, count losses.

Single-threaded and blocking: `worker.py` owns the thread. Laws, property-tested with a disk that fails and loses
power at every step: a record served was synced; nothing unacknowledged disappears without a loss record; an
(epoch, sequence) never names two different records; order holds.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.errors import RecordTooLarge
from hardcase_agent.domain.event import Loss, LossCause
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.stream import Held, RecordKind, Sealed, SpoolState, Stored
from hardcase_agent.spool.aside import Aside
from hardcase_agent.spool.files import Files
from hardcase_agent.spool.losses import Ledger
from hardcase_agent.spool.ranges import Ranges
from hardcase_agent.spool.reader import Reader
from hardcase_agent.spool.recovery import Segment, discard, recover
from hardcase_agent.spool.tail import Tail

log = logging.getLogger(__name__)

LARGEST_RECORD = 2 * 1024 * 1024 - 4096
"""Half of gRPC's 4 MiB message limit, less the batch around it (design 2.5)."""
PENDING_BYTES = 512 * 1024
"""What waits in memory while the disk refuses writes: about ten minutes of a large server."""
PLAUSIBLE_WALL_MS = 1_600_000_000_000
"""September 2020. An earlier wall clock was not set; the age of what it stamped is unknown."""
REMOVAL_TRIES = 8
"""After so many refusals a file is left where it is: those behind it must not fill the disk."""
ENTRY_OVERHEAD = 64
"""Head, body fields and tag of an entry, rounded up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolLimits:
    max_bytes: int = 256 * 1024 * 1024
    max_age_ms: int = 7 * 24 * 3600 * 1000
    segment_bytes: int = 1024 * 1024


class Spool:
    """`seal_loss` is the codec's: it makes wire bytes of a loss. `epoch` is 16 fresh random bytes."""

    def __init__(
        self,
        files: Files,
        limits: SpoolLimits,
        *,
        epoch: bytes,
        boot_id: bytes,
        seal_loss: Callable[[Loss, Moment], Sealed],
        now: Moment,
    ) -> None:
        self._files = files
        self.limits = limits
        self.epoch = epoch
        self._boot_id = boot_id
        recovered = recover(files)
        self._segments = recovered.segments
        self._gone = recovered.gone
        self._ledger = Ledger(files, seal_loss, epoch)
        self._ledger.dirty = recovered.owed_file
        for loss in recovered.owed:
            self._ledger.owe(loss)
        for loss in recovered.carried:
            self._ledger.carry(loss)
        self._acked: dict[bytes, int] = {}
        self._tail = Tail(files, epoch=epoch, boot_id=boot_id, ordinal=recovered.next_ordinal)
        self._pending: deque[Sealed] = deque()
        self._pending_bytes = 0
        self._condemned: deque[Segment] = deque()
        """Of no more use; their files are to go in this order."""
        self._removal_tries = 0
        self._failing = ""
        self._aside = Aside(files)
        self._reader = Reader(files)
        self.flush(now)

    # Writing

    def append(self, records: Sequence[Sealed], now: Moment) -> bool:
        """Number, write and sync them; False = the disk refuses, they wait (bounded) and are counted if they cannot.

        Raises RecordTooLarge for a record above the frame limit, after everything else of the batch was taken; the
        refusal itself is a counted loss.
        """
        refused = 0
        for record in records:
            if len(record.payload) > LARGEST_RECORD:
                refused += 1
                continue
            if record.kind is RecordKind.CATALOGUE:
                self._tail.remember(record)
            self._pending.append(record)
            self._pending_bytes += len(record.payload)
        if refused:
            self._ledger.lost_unnumbered(refused, LossCause.TOO_LARGE)
        done = self.flush(now)
        if refused:
            raise RecordTooLarge(f"{refused} records above {LARGEST_RECORD} bytes were refused")
        return done

    def flush(self, now: Moment) -> bool:
        """Write what waits; drop what is too old or too much. False = the disk refuses."""
        while self._segments and self._age_ms(self._segments[0], now) > self.limits.max_age_ms:
            self._drop_oldest(LossCause.TOO_OLD)
        if not self._try(lambda: self._write_pending(now)):
            return False
        self._try(self._let_go)
        return True

    def state_losses(self, now: Moment) -> bool:
        """Make owed losses numbered records: somebody is about to read them."""
        if not self._ledger:
            return True
        return self._try(lambda: self._write_losses(now)) and self._try(self._let_go)

    def _try(self, write: Callable[[], None]) -> bool:
        try:
            write()
        except OSError as error:
            return self._refused(error)
        if self._failing and not self._pending:
            log.warning("spool writes again: it had refused with reason=%s", self._failing)
            self._failing = ""
        return True

    def _write_pending(self, now: Moment) -> None:
        if not self._pending:
            return
        incoming = self._pending_bytes + ENTRY_OVERHEAD * len(self._pending)
        while self._segments and self._bytes() + incoming > self.limits.max_bytes:
            self._drop_oldest(LossCause.SPOOL_FULL)
        self._write([(record, record.catalogue_id) for record in self._pending], now)
        self._pending.clear()
        self._pending_bytes = 0

    def _write_losses(self, now: Moment) -> None:
        self._write(self._ledger.sealed(now), now)
        self._ledger.settle()

    def _let_go(self) -> None:
        """Owed losses first, then the files they speak of."""
        if self._ledger.store():
            for epoch in dict.fromkeys(segment.epoch for segment in self._segments):
                self._forget(epoch)
        self._remove_condemned()

    def _write(self, records: list[tuple[Sealed, bytes]], now: Moment) -> None:
        begun = self._tail.write(records, now, full_bytes=self.limits.segment_bytes)
        if begun is not None:
            self._segments.append(begun)

    def _refused(self, error: OSError) -> bool:
        if not self._failing:
            log.error("spool cannot write: reason=%s; records wait in memory, the oldest are lost", error)
        self._failing = error.strerror or str(error)
        dropped = 0
        while self._pending_bytes > PENDING_BYTES:
            self._pending_bytes -= len(self._pending.popleft().payload)
            dropped += 1
        if dropped:
            self._ledger.lost_unnumbered(dropped, LossCause.WRITE_FAILED)
        return False

    # Bounds

    def _age_ms(self, segment: Segment, now: Moment) -> int:
        if segment.boot_id == self._boot_id:
            return now.boot_ms - segment.boot_ms
        if min(segment.wall_ms, now.wall_ms) < PLAUSIBLE_WALL_MS:
            return now.boot_ms
        return max(now.wall_ms - segment.wall_ms, now.boot_ms)

    def _drop_oldest(self, cause: LossCause) -> None:
        """Whole segment. Its file goes only after the loss of what was not acknowledged is on the disk."""
        segment = self._segments.pop(0)
        if segment is self._tail.segment:
            self._tail.close()
        self._lose(segment, segment.first, segment.newest, cause)
        self._condemned.append(segment)

    def _lose(self, segment: Segment, first: int, through: int, cause: LossCause) -> None:
        """Of one segment. What is acknowledged is not lost; what a lost record stated is to be stated again."""
        gone = self._gone.setdefault(segment.epoch, Ranges())
        for low, high in gone.outside(max(first, self._acked.get(segment.epoch, 0) + 1), through):
            self._ledger.lost(segment.epoch, low, high, cause)
            for sequence, loss in segment.losses:
                if low <= sequence <= high:
                    self._ledger.carry(loss)
        gone.add(first, through)

    def _remove_condemned(self) -> None:
        """One by one, each removal synced before the next.

        Otherwise a power cut may bring back some of them: what is missing between those would be stated as lost
        though it was acknowledged, and what a loss states would be served without it.
        """
        while self._condemned:
            if not discard(self._files, self._condemned[0].name):
                self._removal_tries += 1
                if self._removal_tries < REMOVAL_TRIES:
                    return
            self._files.sync_folder()
            self._condemned.popleft()
            self._removal_tries = 0

    # Serving

    def held(self) -> tuple[Held, ...]:
        """Oldest epoch first, the present one last, even where it holds nothing yet."""
        found: list[Held] = []
        epochs = dict.fromkeys(segment.epoch for segment in self._segments if segment.epoch != self.epoch)
        for epoch in (*epochs, self.epoch):
            mine = [segment for segment in self._segments if segment.epoch == epoch]
            oldest = max(mine[0].first if mine else self._tail.next, self._acked.get(epoch, 0) + 1)
            newest = mine[-1].newest if mine and mine[-1].newest >= oldest else 0
            if newest or epoch == self.epoch:
                found.append(Held(epoch=epoch, oldest=oldest, newest=newest))
        return tuple(found)

    def read(self, epoch: bytes, first: int, *, max_records: int, max_bytes: int) -> list[Stored]:
        """Contiguous records from the first one held at or after `first`; at least one where there is one."""
        first = max(first, self._acked.get(epoch, 0) + 1)
        gone = self._gone.setdefault(epoch, Ranges())
        for segment in self._segments:
            if segment.epoch != epoch or segment.newest < first:
                continue
            start = max(first, segment.first)
            found = self._reader.read(segment, start, gone, max_records, max_bytes)
            # Readable at the start of this run and not any more.
            self._lose(segment, start, found[0].sequence - 1 if found else segment.newest, LossCause.UNREADABLE)
            if found:
                return found
        return []

    def acknowledge(self, epoch: bytes, through: int) -> None:
        """Forget segments that are acknowledged whole. Never goes back, never beyond what was written."""
        mine = [segment for segment in self._segments if segment.epoch == epoch]
        mark = max(self._acked.get(epoch, 0), min(through, mine[-1].newest if mine else 0))
        if mark:
            self._acked[epoch] = mark
        if not self._ledger.dirty:
            self._forget(epoch)
            self._try(self._remove_condemned)

    def _forget(self, epoch: bytes) -> None:
        """Remove segments of which nothing is left to serve: acknowledged, or stated as lost on the disk."""
        gone = self._gone.setdefault(epoch, Ranges())
        acked = self._acked.get(epoch, 0)
        for segment in [segment for segment in self._segments if segment.epoch == epoch]:
            left = segment.newest > acked and not gone.covers(max(segment.first, acked + 1), segment.newest)
            if left or (segment is self._tail.segment and segment.size < self.limits.segment_bytes // 4):
                continue
            if segment is self._tail.segment:
                self._tail.close()
            self._segments.remove(segment)
            self._condemned.append(segment)

    def catalogue(self, catalogue_id: bytes) -> bytes | None:
        """From memory, else from the segments, oldest first."""
        known = self._tail.catalogue(catalogue_id)
        for segment in self._segments if known is None else ():
            if catalogue_id in segment.catalogues:
                known = self._reader.find_catalogue(segment, catalogue_id)
                if known is not None:
                    break
        return known

    def give_up(self, epoch: bytes, sequence: int, cause: LossCause, now: Moment) -> None:
        """Keep one record aside and state it as lost."""
        for record in self.read(epoch, sequence, max_records=1, max_bytes=1):
            if record.sequence == sequence:
                self._aside.quarantine(record)
        for segment in self._segments:
            if segment.epoch == epoch and segment.first <= sequence <= segment.newest:
                self._lose(segment, sequence, sequence, cause)
        self.flush(now)

    def forget(self, epoch: bytes, through: int, now: Moment) -> int:
        """A person lets go of what was not acknowledged through this sequence. Stated as lost; returns how many."""
        before = self._ledger.records
        for segment in [segment for segment in self._segments if segment.epoch == epoch and segment.first <= through]:
            self._lose(segment, segment.first, min(through, segment.newest), LossCause.FORGOTTEN)
        self.flush(now)
        return self._ledger.records - before

    def withhold(self, record: Stored) -> None:
        """Keep a record for a collector that takes its kind; what no longer fits is a counted loss."""
        if not self._aside.withhold(record):
            self._ledger.lost_unnumbered(1, LossCause.SPOOL_FULL)

    def release(self, kinds: frozenset[RecordKind], now: Moment) -> int:
        """Append withheld records of these kinds as new ones; their files go only after that is on the disk."""
        found = self._aside.withheld(kinds)
        if not found or not self.append(list(found.values()), now):
            return 0
        for name in found:
            self._aside.forget(name)
        return len(found)

    def state(self) -> SpoolState:
        records = 0
        for segment in self._segments:
            first = max(segment.first, self._acked.get(segment.epoch, 0) + 1)
            gone = self._gone.get(segment.epoch)
            missing = gone.count(first, segment.newest) if gone is not None else 0
            records += max(0, segment.newest - first + 1 - missing)
        return SpoolState(
            records=records,
            bytes=self._bytes(),
            lost=self._ledger.records,
            pending=len(self._pending),
            failing=self._failing,
        )

    def close(self, now: Moment) -> None:
        """Write what still waits, if the disk takes it."""
        self.flush(now)
        self._tail.close()

    def _bytes(self) -> int:
        return sum(segment.size for segment in self._segments)
