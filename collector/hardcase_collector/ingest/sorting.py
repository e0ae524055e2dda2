"""First half of a group: what is new, where it belongs, what time it has. Ends with a plan; stores no reading.

New assets and catalogues are registered here, in a transaction of their own: both are found again when the same
records come twice, and frames need their numbers before either store can take them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hardcase_collector.domain.errors import BadRecord, NotBound
from hardcase_collector.domain.observation import Frame, Loss, Stamp
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.ingest.binding import Binding
from hardcase_collector.ingest.books import AgentBook, Blocked, CatalogueBook, FeedBook
from hardcase_collector.ingest.frame_check import check_frame
from hardcase_collector.ingest.incoming import (
    Delivery,
    IncomingBatch,
    IncomingFrame,
    NeedCatalogue,
    Offered,
    OfferedCatalogue,
    Refused,
    RejectionStatus,
)
from hardcase_collector.ingest.plan import Judged, Plan, Run

BACKLOG_MS = 30_000
"""A frame older than this on arrival means that its agent is catching up: twice the shortest default period."""
INT64_MAX = 2**63 - 1
LOSSES_READ = 10_000
JUMP = "jump"
"""Cause of a loss that no agent stated."""


class Sorter:
    """Sorts the deliveries of one group into a `Plan`. `transaction` opens the registering transaction when needed."""

    def __init__(
        self,
        binding: Binding,
        transaction: Callable[[], Transaction],
        poisoned: dict[tuple[int, bytes, int], str],
        now_ms: int,
    ) -> None:
        self._binding = binding
        self._transaction = transaction
        self._poisoned = poisoned
        self._now_ms = now_ms
        self.plan = Plan()

    # ------------------------------------------------------------------ batches

    def batch(self, book: AgentBook, delivery: Delivery, batch: IncomingBatch) -> None:
        """Takes what is new of one batch; stops at a frame whose catalogue nobody knows."""
        plan = self.plan
        if book.blocked is not None and not resumes(book, book.blocked, batch):
            plan.answer(book)
            plan.counts.passed_over += len(batch.records)
            return
        run = plan.runs.get((book.agent, batch.epoch)) or plan.run(book, batch.epoch)
        before = run.through
        if batch.first_sequence > before + 1:
            self._jump(run, delivery, batch.first_sequence - 1)
            run.through = batch.first_sequence - 1
        for record in batch.records:
            if record.sequence <= before:
                plan.counts.duplicates += 1
                continue
            if type(record) is IncomingFrame:
                catalogue = book.catalogues.get(record.catalogue_id) or self._known(book, record.catalogue_id)
                if catalogue is None and record.catalogue_id not in book.refused:
                    plan.answer(book).need = NeedCatalogue(batch.epoch, record.sequence, record.catalogue_id)
                    book.blocked = Blocked(batch.epoch, record.sequence, self._now_ms, record.catalogue_id)
                    break
                self._frame(run, delivery, record, catalogue)
            elif record.sequence > run.judged_from:
                self._other(run, delivery, record)
            run.through = record.sequence
        plan.counts.acknowledged += run.through - before
        run.ack.through = run.through

    def _frame(self, run: Run, delivery: Delivery, incoming: IncomingFrame, catalogue: CatalogueBook | None) -> None:
        """Adds one frame to the plan."""
        sequence, book, plan = incoming.sequence, run.book, self.plan
        try:
            if catalogue is None:
                status, detail = book.refused[incoming.catalogue_id]
                plan.reject(run, sequence, status, f"its catalogue was refused: {detail}", b"")
                return
            check_frame(incoming, catalogue)
        except BadRecord as bad:
            plan.reject(run, sequence, RejectionStatus.MALFORMED, str(bad), incoming.values)
            return
        if self._poisoned and (poison := self._poisoned.get((book.agent, run.epoch, sequence))) is not None:
            plan.reject(run, sequence, RejectionStatus.MALFORMED, poison, incoming.values)
            return
        received_ms = delivery.received_ms
        time_ms, flag = book.clock.correct(
            wall_ms=incoming.wall_ms,
            boot_ms=incoming.boot_ms,
            boot_id=incoming.boot_id,
            received_ms=received_ms,
            last_ms=run.last_ms,
        )
        backlog = received_ms - time_ms > BACKLOG_MS
        frame = Frame(
            catalogue.catalogue,
            book.agent,
            run.epoch,
            sequence,
            time_ms,
            incoming.wall_ms if incoming.wall_ms <= INT64_MAX else INT64_MAX,
            received_ms,
            flag,
            backlog,
            incoming.values,
            incoming.states,
            incoming.gap_index,
            incoming.gap_reason,
            incoming.gap_age_s,
            incoming.offsets_ms,
        )
        plan.frames.append(frame)
        if sequence > run.judged_from:
            plan.judged.append(Judged(catalogue.feed, frame, run, sequence))
            plan.counts.frames += 1
            plan.counts.samples += catalogue.sensors
        if backlog != book.backlog:
            self._mind_backlog(book, backlog)
        if time_ms > run.last_ms:
            run.last_ms = time_ms

    def _mind_backlog(self, book: AgentBook, backlog: bool) -> None:
        book.backlog = backlog
        self.plan.answers[book.agent].backlog = backlog
        if not backlog:
            self.plan.caught_up.append(book)

    def _other(
        self, run: Run, delivery: Delivery, record: OfferedCatalogue | Offered | Refused | IncomingFrame
    ) -> None:
        book, plan = run.book, self.plan
        if isinstance(record, OfferedCatalogue):
            self.catalogue(book, record, run)
        elif isinstance(record, Refused):
            if record.catalogue_id:
                book.refused[record.catalogue_id] = (record.status, record.detail)
            plan.reject(run, record.sequence, record.status, record.detail, record.raw)
        elif isinstance(record, Offered):
            try:
                self._offered(run, delivery, record)
            except NotBound as refusal:
                plan.reject(run, record.sequence, RejectionStatus.NOT_BOUND, str(refusal), record.raw)

    def _offered(self, run: Run, delivery: Delivery, record: Offered) -> None:
        book = run.book
        poison = self._poisoned.get((book.agent, run.epoch, record.sequence))
        if poison is not None:
            self.plan.reject(run, record.sequence, RejectionStatus.MALFORMED, poison, record.raw)
            return
        time_ms, flag = book.clock.correct(
            wall_ms=record.wall_ms,
            boot_ms=record.boot_ms,
            boot_id=record.boot_id,
            received_ms=delivery.received_ms,
            last_ms=run.last_ms,
        )
        asset = self._asset(book, record) if record.facts is not None else 0
        stamp = Stamp(
            agent=book.agent,
            asset=asset,
            source=record.source,
            epoch=run.epoch,
            sequence=record.sequence,
            time_ms=time_ms,
            received_ms=delivery.received_ms,
            flag=int(flag),
            backlog=delivery.received_ms - time_ms > BACKLOG_MS,
            rehearsal=bool(record.facts and record.facts.rehearsal),
        )
        observation = record.build(stamp)
        if isinstance(observation, Loss):
            self._lose(run, observation)
            return
        feed = self.feed(book, asset, record.source, stamp.rehearsal) if record.source else None
        self.plan.judged.append(Judged(feed, observation, run, record.sequence))

    # ------------------------------------------------------------------ assets, feeds, catalogues

    def _asset(self, book: AgentBook, record: Offered | OfferedCatalogue) -> int:
        facts = record.facts
        assert facts is not None  # asked for only where the record has some
        asset = book.assets.get(facts)
        if asset is None:
            asset = book.assets[facts] = self._binding.asset_of(
                self._transaction().assets, facts, agent=book.agent, customer=book.customer, now_ms=self._now_ms
            )
        return asset

    def feed(self, book: AgentBook, asset: int, source: str, rehearsal: bool) -> FeedBook:
        found = book.feeds.get((asset, source))
        if found is None:
            feed = self._transaction().feeds.feed(agent=book.agent, asset=asset, source=source)
            found = book.feeds[asset, source] = FeedBook(feed, rehearsal)
        return found

    def catalogue(self, book: AgentBook, offered: OfferedCatalogue, run: Run | None = None) -> None:
        """Registers a catalogue and lets a stream that waited for it go on. Without a run it is unnumbered."""
        try:
            asset = self._asset(book, offered)
            feed = self.feed(book, asset, offered.source, offered.facts.rehearsal)
            stored = self._transaction().feeds.add_catalogue(
                id=offered.id,
                feed=feed.feed,
                period_ms=offered.period_ms,
                value_width=offered.value_width,
                sensors=offered.sensors,
                rehearsal=offered.facts.rehearsal,
                body=offered.body,
            )
        except NotBound as refusal:
            book.refused[offered.id] = (RejectionStatus.NOT_BOUND, str(refusal))
            if run is not None:
                self.plan.reject(run, offered.sequence, RejectionStatus.NOT_BOUND, str(refusal), offered.body)
        else:
            book.catalogues[offered.id] = CatalogueBook.of(stored, feed)
            book.refused.pop(offered.id, None)
        if book.blocked is not None and book.blocked.catalogue_id == offered.id:
            book.blocked = None

    def refused_catalogue(self, book: AgentBook, refused: Refused) -> None:
        """An answer to NeedCatalogue that cannot be read: its frames will be rejected, and the stream goes on."""
        book.refused[refused.catalogue_id] = (refused.status, refused.detail)
        if book.blocked is not None and book.blocked.catalogue_id == refused.catalogue_id:
            book.blocked = None

    def _known(self, book: AgentBook, catalogue_id: bytes) -> CatalogueBook | None:
        if catalogue_id in book.refused:
            return None
        stored = self._transaction().feeds.catalogue(catalogue_id, agent=book.agent)
        if stored is None:
            return None
        return book.remember(stored)

    # ------------------------------------------------------------------ what is missing or bad

    def _jump(self, run: Run, delivery: Delivery, through: int) -> None:
        """Sequences that never came and that no loss record explained."""
        stamp = Stamp(
            agent=run.book.agent,
            asset=0,
            source="",
            epoch=run.epoch,
            sequence=through + 1,
            time_ms=delivery.received_ms,
            received_ms=delivery.received_ms,
            flag=0,
            backlog=False,
        )
        first, records = run.through + 1, through - run.through
        self._lose(run, Loss(stamp=stamp, epoch=run.epoch, first=first, through=through, records=records, cause=JUMP))

    def _lose(self, run: Run, loss: Loss) -> None:
        """Counts a loss once: as a jump or as the agent's own record of it, whichever came first."""
        book = run.book
        if book.losses is None:
            stored = self._transaction().feeds.losses(agent=book.agent, limit=LOSSES_READ)
            book.losses = [(one.epoch, one.first, one.through) for one in stored]
        ranged = loss.through > 0
        if loss.cause != JUMP:
            # The agent could not know that it was taken, by another way or in an answer that never came.
            loss = self._not_stored(run, loss)
            if ranged and loss.first > loss.through:
                return
        if ranged and any(
            epoch == loss.epoch and first <= loss.first and loss.through <= through
            for epoch, first, through in book.losses
        ):
            return
        if ranged:
            book.losses.append((loss.epoch, loss.first, loss.through))
        self.plan.judged.append(Judged(None, loss, run, loss.stamp.sequence))
        self.plan.counts.lost += loss.records

    def _not_stored(self, run: Run, loss: Loss) -> Loss:
        """What of a stated range is not in the stores; first above through where all of it is."""
        other = self.plan.runs.get((run.book.agent, loss.epoch))
        through = other.through if other is not None else run.book.position(loss.epoch).through
        if loss.through == 0 or loss.first > through:
            return loss
        first = through + 1
        return replace(loss, first=first, records=max(0, min(loss.records, loss.through - through)))


def resumes(book: AgentBook, blocked: Blocked, batch: IncomingBatch) -> bool:
    """Whether the batch may be taken: not before the stream has come back to a record it went past."""
    here = (batch.epoch, batch.first_sequence)
    back = blocked.passed is not None and blocked.passed[0] == here[0] and here[1] <= blocked.passed[1]
    if back or (batch.epoch == blocked.epoch and batch.first_sequence <= blocked.sequence):
        book.blocked = None
        return True
    blocked.passed = here
    return False
