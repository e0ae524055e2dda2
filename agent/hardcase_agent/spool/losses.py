"""Losses that are known but not yet a record of the stream: merged where they touch, kept in a small file of their own.

They become numbered records when somebody reads the spool to send it. Until then a collector that is away for weeks
costs one line per cause, not one record per dropped segment.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from hardcase_agent.domain.event import Loss, LossCause
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.stream import Sealed
from hardcase_agent.spool.files import Files
from hardcase_agent.spool.segment import CAUSES, LOSS_BYTES, LossRange

log = logging.getLogger(__name__)

FILE = "losses"
FRESH = "losses.new"


class Ledger:
    """`seal` is the codec's: it makes wire bytes of a loss."""

    def __init__(self, files: Files, seal: Callable[[Loss, Moment], Sealed], epoch: bytes) -> None:
        self._files = files
        self._seal = seal
        self._epoch = epoch
        self._owed: list[LossRange] = []
        self.dirty = False
        """The file does not hold what is owed."""
        self.records = 0
        """Lost since the start, of every cause."""

    def __bool__(self) -> bool:
        return bool(self._owed)

    def lost(self, epoch: bytes, first: int, through: int, cause: LossCause) -> None:
        """Inclusive range of one epoch."""
        self.owe(
            LossRange(epoch=epoch, first=first, through=through, records=through - first + 1, cause=CAUSES.index(cause))
        )

    def lost_unnumbered(self, records: int, cause: LossCause) -> None:
        """Records that never got a sequence."""
        self.owe(LossRange(epoch=self._epoch, first=0, through=0, records=records, cause=CAUSES.index(cause)))

    def owe(self, loss: LossRange) -> None:
        self.records += loss.records
        self.carry(loss)

    def carry(self, loss: LossRange) -> None:
        """A loss counted before: found in the file, or its record is about to go."""
        self.dirty = True
        for at, other in enumerate(self._owed):
            if (other.epoch, other.cause, other.first == 0) != (loss.epoch, loss.cause, loss.first == 0):
                continue
            if not loss.first or other.through + 1 == loss.first or loss.through + 1 == other.first:
                first, through = min(other.first, loss.first), max(other.through, loss.through)
                self._owed[at] = replace(other, first=first, through=through, records=other.records + loss.records)
                return
        self._owed.append(loss)

    def sealed(self, now: Moment) -> list[tuple[Sealed, bytes]]:
        """Each owed loss as a record and the tag that tells the spool what it stands for."""
        return [(self._seal(_stated(loss), now), loss.pack()) for loss in self._owed]

    def settle(self) -> None:
        """Everything owed is a record on the disk."""
        self.dirty = bool(self._owed)
        self._owed.clear()

    def store(self) -> bool:
        """Put what is owed on the disk; False = nothing changed. Raises OSError."""
        if not self.dirty:
            return False
        packed = b"".join(loss.pack() for loss in self._owed)
        if FRESH in self._files.names():
            self._files.remove(FRESH)
        handle = self._files.create(FRESH)
        try:
            self._files.write(handle, packed + zlib.crc32(packed).to_bytes(4, "little"))
            self._files.sync(handle)
        finally:
            self._files.close(handle)
        self._files.rename(FRESH, FILE)
        self._files.sync_folder()
        self.dirty = False
        return True


def read_ledger(files: Files) -> Iterable[LossRange]:
    """What an earlier run owed. A damaged file is said and taken as empty: the jumps in sequence show it."""
    if FILE not in files.names():
        return ()
    try:
        data = files.read(FILE)
    except OSError as error:
        log.error("spool losses cannot be read: %s", error)
        return ()
    packed, checksum = data[:-4], data[-4:]
    if len(packed) % LOSS_BYTES or zlib.crc32(packed).to_bytes(4, "little") != checksum:
        log.error("spool losses are damaged; they show as jumps only")
        return ()
    return [LossRange.unpack(packed[at : at + LOSS_BYTES]) for at in range(0, len(packed), LOSS_BYTES)]


def _stated(loss: LossRange) -> Loss:
    return Loss(
        epoch=loss.epoch, first=loss.first, through=loss.through, records=loss.records, cause=CAUSES[loss.cause]
    )
