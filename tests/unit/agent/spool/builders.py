"""Spools and records for the tests of the spool."""

from __future__ import annotations

import itertools
import json

from hardcase_agent.domain.event import Loss, LossCause
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.stream import RecordKind, Sealed, Stored
from hardcase_agent.spool.files import Files
from hardcase_agent.spool.spool import Spool, SpoolLimits

NOW = Moment(1_790_000_000_000, 5_000_000)
BOOT = bytes(range(16))
SMALL = SpoolLimits(max_bytes=1 << 30, max_age_ms=1 << 60, segment_bytes=400)
_epochs = itertools.count(1)


def seal_loss(loss: Loss, moment: Moment) -> Sealed:
    """A loss as JSON, so that tests read it back."""
    told = {
        "epoch": loss.epoch.hex(),
        "first": loss.first,
        "through": loss.through,
        "records": loss.records,
        "cause": loss.cause.value,
    }
    return Sealed(kind=RecordKind.LOSS, payload=json.dumps(told).encode())


def loss_of(record: Stored) -> Loss:
    told = json.loads(record.payload)
    return Loss(
        epoch=bytes.fromhex(told["epoch"]),
        first=told["first"],
        through=told["through"],
        records=told["records"],
        cause=LossCause(told["cause"]),
    )


def fresh_epoch() -> bytes:
    return next(_epochs).to_bytes(16, "big")


def open_spool(
    files: Files, limits: SpoolLimits = SMALL, *, now: Moment = NOW, epoch: bytes = b"", boot_id: bytes = BOOT
) -> Spool:
    return Spool(files, limits, epoch=epoch or fresh_epoch(), boot_id=boot_id, seal_loss=seal_loss, now=now)


def event(text: str = "x") -> Sealed:
    return Sealed(kind=RecordKind.EVENT, payload=text.encode())


def frame(text: str, catalogue: bytes = b"c" * 16) -> Sealed:
    return Sealed(kind=RecordKind.FRAME, payload=text.encode(), catalogue_id=catalogue)


def catalogue(content: str = "catalogue", id_: bytes = b"c" * 16, slot: str = "s") -> Sealed:
    return Sealed(kind=RecordKind.CATALOGUE, payload=content.encode(), catalogue_id=id_, slot=slot)


def everything(spool: Spool, *, max_records: int = 1000, max_bytes: int = 1 << 20) -> list[Stored]:
    """All that is held, in the order it is served."""
    found: list[Stored] = []
    spool.state_losses(NOW)
    for held in spool.held():
        sequence = 1
        while batch := spool.read(held.epoch, sequence, max_records=max_records, max_bytes=max_bytes):
            assert [record.sequence for record in batch] == list(
                range(batch[0].sequence, batch[0].sequence + len(batch))
            )
            found += batch
            sequence = batch[-1].sequence + 1
    return found


def texts(spool: Spool) -> list[str]:
    return [record.payload.decode() for record in everything(spool) if record.kind is not RecordKind.LOSS]


def losses(spool: Spool) -> list[Loss]:
    return [loss_of(record) for record in everything(spool) if record.kind is RecordKind.LOSS]
