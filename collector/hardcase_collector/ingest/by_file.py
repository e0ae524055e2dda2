"""Files instead of a stream: whether one follows what was taken, and taking it whole. On the writer's thread.

Called by `airgap.py`. A file becomes one group of the intake, so that it is stored, judged and remembered in one state
transaction: killed in the middle, it is taken again from the start, and no record of it twice. Reading and proving a
file is `rpc/airgap.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import FileOutOfOrder, FileTaken
from hardcase_collector.domain.imports import REJECTED_TOLD, ImportedFile, RejectedRecord
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.ingest.books import AgentBook
from hardcase_collector.ingest.clock_offset import FINDING_MS, OLDEST_MS, ClockOffset
from hardcase_collector.ingest.incoming import (
    Delivery,
    Greeting,
    IncomingBatch,
    IncomingFrame,
    OfferedCatalogue,
    Refused,
    RejectionStatus,
)
from hardcase_collector.ingest.intake import Intake, refuse_clone
from hardcase_collector.ingest.plan import Plan

RECEIPT = "`hardcase-collector import --receipt-for AGENT` writes its receipt again"
Content = IncomingBatch | OfferedCatalogue | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One export as its agent signed it."""

    epoch: bytes
    number: int
    hash: bytes
    previous: bytes
    first: int
    through: int
    records: int
    earlier: tuple[tuple[bytes, int], ...]
    """Epochs before this one of which the agent still held something, and through where it exported that."""
    greeting: Greeting
    contents: Sequence[Content]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a file is to be taken."""

    by: str
    accept_gap: bool = False
    more: bool = False
    """Another file of the same import follows: what people hear of waits for its end."""
    trusts: str = ""
    """SHA-256 of the CAs its agent trusts, hex, space between."""
    issuer: str = ""
    """SHA-256 of the CA that issued its agent's certificate, hex."""


class FileIntake:
    """One for the intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._behind: dict[int, set[int]] = {}
        """Assets of files that were not the last of their import, by agent."""

    def take(self, agent: Agent, file: ExportedFile, wish: Wish, *, now_ms: int) -> ImportedFile:
        """Everything of the file, or nothing.

        Raises FileTaken, FileOutOfOrder, Cloned, SessionSuperseded and other TemporaryErrors.
        """
        refuse_clone(agent, file.greeting)
        book = self._book(agent, file, now_ms)
        through = book.position(file.epoch).through
        with self._intake.state.read() as tx:
            self._check_order(tx, agent, file, book, accept_gap=wish.accept_gap)
            book.never = _missing(tx, agent.number, file.contents, through)
        book.refused = dict(book.never)
        gap = max(0, file.first - 1 - through) if wish.accept_gap else 0
        by_itself = not self._intake.liveness.carried(agent.number, clock_off=self._clock_off(file, now_ms))
        taken: list[ImportedFile] = []

        def also(tx: Transaction, plan: Plan) -> None:
            taken[:] = [tx.imports.add(_row(agent, file, plan, wish, gap=gap, now_ms=now_ms))]
            tx.agents.seen(agent.number, now_ms, stopped_cleanly=False, by_file=not by_itself)
            tx.agents.told_trust(agent.number, roots=wish.trusts, issuer=wish.issuer)
            _audit(tx, agent, taken[0], now_ms)
            if not wish.more:
                assets = self._behind.get(agent.number, set()) | set(book.assets_seen())
                self._intake.settler.desk.caught_up(tx, assets=sorted(assets), now_ms=now_ms)

        deliveries = [Delivery(agent.number, book.session, now_ms, content) for content in file.contents]
        self._intake.replay(book, deliveries, now_ms=now_ms, also=also)
        if wish.more:
            self._behind.setdefault(agent.number, set()).update(book.assets_seen())
        else:
            self._behind.pop(agent.number, None)
        return taken[0]

    def stored(self, agent: int, epoch: bytes) -> int:
        """Through where both stores have this epoch."""
        with self._intake.state.read() as tx:
            ours = tx.feeds.marks(agent).get(epoch)
        theirs = self._intake.telemetry.marks(agent).get(epoch)
        return min(ours.through, theirs.through) if ours is not None and theirs is not None else 0

    def _book(self, agent: Agent, file: ExportedFile, now_ms: int) -> AgentBook:
        with self._intake.state.read() as tx:
            session = tx.agents.session(agent.number)
            state_marks = dict(tx.feeds.marks(agent.number))
        clock = ClockOffset()
        clocks = file.greeting.clocks
        clock.heard(
            boot_id=file.greeting.boot_id,
            wall_ms=clocks.wall_ms,
            boot_ms=clocks.boot_ms,
            received_ms=_said_at(clocks.wall_ms, now_ms),
        )
        return AgentBook(
            agent=agent.number,
            session=session,
            customer=agent.customer,
            state_marks=state_marks,
            telemetry_marks=dict(self._intake.telemetry.marks(agent.number)),
            clock=clock,
            received_ms=now_ms,
            backlog=True,
            by_file=True,
        )

    def _clock_off(self, file: ExportedFile, now_ms: int) -> bool:
        wall_ms = file.greeting.clocks.wall_ms
        return not now_ms - OLDEST_MS <= wall_ms <= now_ms + FINDING_MS

    def _check_order(
        self, tx: Transaction, agent: Agent, file: ExportedFile, book: AgentBook, *, accept_gap: bool
    ) -> None:
        last = tx.imports.last(agent.number, file.epoch)
        number = last.file if last is not None else 0
        if last is not None and file.number <= number:
            raise FileTaken(_taken(tx.imports.find(agent.number, file.epoch, file.number), last, file))
        if accept_gap:
            return
        for epoch, through in file.earlier:
            stored = book.position(epoch).through
            if stored < through:
                raise FileOutOfOrder(
                    f"of the agent's run before it ({_short(epoch)}) records {stored + 1} to {through} are missing: "
                    f"import its files first ({_wanted(tx, agent, epoch)})"
                )
        through = book.position(file.epoch).through
        follows = file.number == number + 1 and file.previous == (last.sha256 if last is not None else b"")
        if follows or file.first <= through + 1:
            # A hole among the files is none in the data where a later one holds the same records again.
            return
        if file.number == number + 1:
            raise FileOutOfOrder(f"it does not follow the file {number} of its run that was taken, but another one")
        raise FileOutOfOrder(
            f"file {number + 1} of its run ({_short(file.epoch)}) is wanted first: this is file {file.number}, and "
            f"records {through + 1} to {file.first - 1} are missing"
        )


def _missing(
    tx: Transaction, agent: int, contents: Iterable[Content], through: int
) -> dict[bytes, tuple[RejectionStatus, str]]:
    """Catalogues that frames name before the file or the store has them: nobody could be asked for these."""
    known: dict[bytes, bool] = {}
    missing: dict[bytes, tuple[RejectionStatus, str]] = {}
    for content in contents:
        if not isinstance(content, IncomingBatch):
            known[content.id if isinstance(content, OfferedCatalogue) else content.catalogue_id] = True
            continue
        for record in content.records:
            if isinstance(record, IncomingFrame):
                id = record.catalogue_id
                if id not in known:
                    known[id] = tx.feeds.catalogue(id, agent=agent) is not None
                if not known[id]:
                    missing[id] = (RejectionStatus.BAD_CATALOGUE, "it is neither in the file nor known here")
            elif isinstance(record, OfferedCatalogue) and record.sequence > through:
                known[record.id] = True
            elif isinstance(record, Refused) and record.catalogue_id and record.sequence > through:
                known[record.catalogue_id] = True
    return missing


def _said_at(wall_ms: int, now_ms: int) -> int:
    """When the clocks were read, by our time. Nobody but the agent knows: its own clock is believed, unless it was read
    in the future or longer ago than any spool keeps."""
    return wall_ms if now_ms - OLDEST_MS <= wall_ms <= now_ms else now_ms


def _row(agent: Agent, file: ExportedFile, plan: Plan, wish: Wish, *, gap: int, now_ms: int) -> ImportedFile:
    rejected = plan.runs[agent.number, file.epoch].ack.rejected
    return ImportedFile(
        agent=agent.number,
        epoch=file.epoch,
        file=file.number,
        sha256=file.hash,
        first=file.first,
        through=file.through,
        records=file.records,
        duplicates=plan.counts.duplicates,
        lost=gap,
        rejected=len(rejected),
        rejections=tuple(
            RejectedRecord(sequence=one.sequence, status=one.status.value, detail=one.detail)
            for one in rejected[:REJECTED_TOLD]
        ),
        made_ms=file.greeting.clocks.wall_ms,
        at_ms=now_ms,
        by=wish.by,
    )


def _audit(tx: Transaction, agent: Agent, taken: ImportedFile, now_ms: int) -> None:
    tx.access.audit(
        at_ms=now_ms,
        actor=taken.by,
        action="agent.file_imported",
        subject=agent.id,
        facts={
            "epoch": taken.epoch.hex(),
            "file": taken.file,
            "sha256": taken.sha256.hex(),
            "first": taken.first,
            "through": taken.through,
            "rejected": taken.rejected,
            "gap": taken.lost,
        },
    )


def _taken(same: ImportedFile | None, last: ImportedFile, file: ExportedFile) -> str:
    if same is not None and same.sha256 == file.hash:
        return f"file {same.file} of its run ({_short(file.epoch)}) was taken already, by {same.by}; {RECEIPT}"
    if same is not None:
        return f"another file {same.file} of its run ({_short(file.epoch)}) was taken already, by {same.by}"
    return f"file {last.file} of its run ({_short(file.epoch)}) was taken already, which comes after file {file.number}"


def _wanted(tx: Transaction, agent: Agent, epoch: bytes) -> str:
    last = tx.imports.last(agent.number, epoch)
    return f"from file {last.file + 1 if last is not None else 1} on"


def _short(epoch: bytes) -> str:
    """As it stands in the names of files."""
    return epoch.hex()[:8]
