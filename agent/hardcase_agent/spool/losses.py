"""Losses that are known but not yet on the disk, merged where they touch. `spool.py` writes and clears them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hardcase_agent.domain.event import Loss, LossCause
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.stream import Sealed
from hardcase_agent.spool.recovery import CAUSES
from hardcase_agent.spool.segment import LossRange


class Ledger:
    """`seal` is the codec's: it makes wire bytes of a loss."""

    def __init__(self, seal: Callable[[Loss, Moment], Sealed], epoch: bytes) -> None:
        self._seal = seal
        self._epoch = epoch
        self._owed: list[LossRange] = []
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
        """A loss counted before, whose record is about to go."""
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
        """Everything owed is on the disk."""
        self._owed.clear()


def _stated(loss: LossRange) -> Loss:
    return Loss(
        epoch=loss.epoch, first=loss.first, through=loss.through, records=loss.records, cause=CAUSES[loss.cause]
    )
