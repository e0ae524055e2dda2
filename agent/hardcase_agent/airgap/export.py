"""Making exports: everything the spool holds and no receipt has named, in signed files. Nothing leaves the spool.

Each export begins where the last receipt ended, so a lost stick costs nothing: the next export holds the same records
again under further numbers, and the collector takes each record once. The ledger is stored before a file appears: a
number is never given to two files, and one that was given and never appeared leaves a hole without a gap.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hardcase_agent.airgap.files import write_whole
from hardcase_agent.airgap.ledger import LedgerFile
from hardcase_agent.airgap.spools import SpoolDoor
from hardcase_agent.domain.errors import ExportFailed
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.stream import Held
from hardcase_agent.uplink.airgap import READ_BYTES, READ_RECORDS, ExportFile, Place, hash_of
from hardcase_agent.uplink.codec import Introduction
from hardcase_agent.uplink.identity import Identity

SUFFIX = ".hcx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    path: Path
    epoch: bytes
    number: int
    first: int
    through: int
    records: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    identity: Identity
    introduction: Introduction
    clock: Callable[[], Moment]

    async def export(self, spool: SpoolDoor, book: LedgerFile, target: Path) -> list[Written]:
        """Into the folder `target`, or into the one file it names. Raises ExportFailed; what was written stays."""
        held = await spool.held()
        book.ledger.keep({one.epoch for one in held})
        earlier: dict[bytes, int] = {}
        written: list[Written] = []
        filled = self._filled(spool, book, held)
        if _is_folder(target):
            async for file in filled:
                written.append(self._write(file, book, earlier, target))
            return written
        first, second = await anext(filled, None), await anext(filled, None)
        if second is not None:
            raise ExportFailed(f"the records do not fit in one file: name a folder instead of {target}")
        return [self._write(first, book, earlier, target)] if first is not None else []

    async def _filled(
        self, spool: SpoolDoor, book: LedgerFile, held: Sequence[Held]
    ) -> AsyncGenerator[ExportFile, None]:
        """What is held now, oldest epoch first; what is spooled meanwhile is for the next export."""
        for one in held:
            file = ExportFile(self.identity, self.introduction, one.epoch)
            first = max(one.oldest, book.ledger.of(one.epoch).taken + 1)
            while first <= one.newest:
                records = min(READ_RECORDS, one.newest - first + 1)
                stored = await spool.read(one.epoch, first, max_records=records, max_bytes=READ_BYTES)
                stored = [record for record in stored if record.sequence <= one.newest]
                if not stored:
                    break
                await file.add(stored, spool.catalogue)
                first = stored[-1].sequence + 1
                if file.full:
                    yield file
                    file = ExportFile(self.identity, self.introduction, one.epoch)
            if file.records:
                yield file

    def _write(self, file: ExportFile, book: LedgerFile, earlier: dict[bytes, int], target: Path) -> Written:
        ledger, line = book.ledger, book.ledger.of(file.epoch)
        place = Place(
            number=line.number + 1,
            previous=bytes.fromhex(line.hash),
            ordinal=ledger.ordinal + 1,
            earlier=tuple((epoch, through) for epoch, through in earlier.items() if epoch != file.epoch),
        )
        content = file.seal(place, self.clock())
        line.number, line.hash = place.number, hash_of(content).hex()
        line.exported = max(line.exported, file.through)
        ledger.ordinal = place.ordinal
        book.store()
        path = target / self._name(file, place) if _is_folder(target) else target
        write_whole(path, content)
        earlier[file.epoch] = file.through
        return Written(
            path=path,
            epoch=file.epoch,
            number=place.number,
            first=file.first,
            through=file.through,
            records=file.records,
            bytes=len(content),
        )

    def _name(self, file: ExportFile, place: Place) -> str:
        """Sorts in the order of taking; epoch and number are what the collector names when one is missing."""
        agent = self.identity.agent_id[:8]
        return f"{agent}-{place.ordinal:06d}-{file.epoch.hex()[:8]}-{place.number:06d}{SUFFIX}"


def _is_folder(target: Path) -> bool:
    return target.is_dir()
