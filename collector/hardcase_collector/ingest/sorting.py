"""First half of a group: what is new, where it belongs, what time it has. Ends with a plan; stores no reading.

New assets and catalogues are registered here, in a transaction of their own: both are found again when the same
records come twice, and frames need their numbers before either store can take them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hardcase_collector.domain.errors import BadRecord, NotBound
from hardcase_collector.domain.observation import Frame, Loss, Observation, Stamp
from hardcase_collector.domain.ports import EpochKey, Mark, Transaction
from hardcase_collector.ingest.binding import Binding
from hardcase_collector.ingest.books import NO_MARK, AgentBook, Blocked, CatalogueBook, FeedBook
from hardcase_collector.ingest.frame_check import check_frame
from hardcase_collector.ingest.incoming import (
    Ack,
    Answer,
    Delivery,
    IncomingBatch,
    IncomingFrame,
    NeedCatalogue,
    Offered,
    OfferedCatalogue,
    Refused,
    Rejected,
    RejectionStatus,
)

BACKLOG_MS = 30_000
"""A frame older than this on arrival means that its agent is catching up: twice the shortest default period."""
INT64_MAX = 2**63 - 1
LOSSES_READ = 10_000


@dataclass(slots=True)
class Quarantined:
    agent: int
    epoch: bytes
    sequence: int
    status: RejectionStatus
    detail: str
    raw: bytes


@dataclass(slots=True)
class Judged:
    """One observation to be judged and stored, in the order of arrival."""

    feed: FeedBook | None
    observation: Observation
    book: AgentBook
    epoch: bytes
    sequence: int


@dataclass(slots=True)
class Counts:
    """What happened, for the metrics; whole numbers that only grow."""

    acknowledged: int = 0
    duplicates: int = 0
    rejected: int = 0
    lost: int = 0
    frames: int = 0
    samples: int = 0
    passed_over: int = 0

    def add(self, other: Counts) -> None:
        self.acknowledged += other.acknowledged
        self.duplicates += other.duplicates
        self.rejected += other.rejected
        self.lost += other.lost
        self.frames += other.frames
        self.samples += other.samples
        self.passed_over += other.passed_over


@dataclass(slots=True)
class Plan:
    """What a group will do once it is committed."""

    frames: list[Frame] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    marks: dict[EpochKey, Mark] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)
    """By agent."""
    books: dict[int, AgentBook] = field(default_factory=dict)
    caught_up: list[AgentBook] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)

    def answer(self, book: AgentBook) -> Answer:
        found = self.answers.get(book.agent)
        if found is None:
            found = self.answers[book.agent] = Answer(book.session, backlog=book.backlog)
            self.books[book.agent] = book
        return found


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
        answer = plan.answer(book)
        if not resumes(book, batch):
            plan.counts.passed_over += len(batch.records)
            return
        key = EpochKey(book.agent, batch.epoch)
        mark = plan.marks.get(key) or book.position(batch.epoch)
        ack = ack_of(answer, batch.epoch, mark.through)
        if batch.first_sequence > mark.through + 1:
            self._jump(book, delivery, batch.epoch, mark, batch.first_sequence - 1)
        last_ms = mark.last_time_ms
        through = max(mark.through, batch.first_sequence - 1)
        judged_from = book.state_marks.get(batch.epoch, NO_MARK).through
        for record in batch.records:
            if record.sequence <= mark.through:
                plan.counts.duplicates += 1
                continue
            if type(record) is IncomingFrame:
                catalogue = book.catalogues.get(record.catalogue_id) or self._known(book, record.catalogue_id)
                if catalogue is None and record.catalogue_id not in book.refused:
                    answer.need = NeedCatalogue(batch.epoch, record.sequence, record.catalogue_id)
                    book.blocked = Blocked(batch.epoch, record.sequence, self._now_ms, record.catalogue_id)
                    break
                last_ms = self._frame(book, delivery, batch.epoch, record, catalogue, last_ms, judged_from)
            elif record.sequence > judged_from:
                self._other(book, delivery, batch.epoch, record, last_ms)
            through = record.sequence
        plan.marks[key] = Mark(through=through, last_time_ms=last_ms)
        plan.counts.acknowledged += through - mark.through
        ack.through = through

    def _frame(
        self,
        book: AgentBook,
        delivery: Delivery,
        epoch: bytes,
        incoming: IncomingFrame,
        catalogue: CatalogueBook | None,
        last_ms: int,
        judged_from: int,
    ) -> int:
        """Adds one frame to the plan; its corrected time where it is the newest of its epoch, else `last_ms`."""
        sequence = incoming.sequence
        plan = self.plan
        try:
            if catalogue is None:
                status, detail = book.refused[incoming.catalogue_id]
                self._reject(book, epoch, sequence, status, f"its catalogue was refused: {detail}", b"")
                return last_ms
            check_frame(incoming, catalogue)
        except BadRecord as bad:
            self._reject(book, epoch, sequence, RejectionStatus.MALFORMED, str(bad), incoming.values)
            return last_ms
        if self._poisoned and (book.agent, epoch, sequence) in self._poisoned:
            detail = self._poisoned[book.agent, epoch, sequence]
            self._reject(book, epoch, sequence, RejectionStatus.MALFORMED, detail, incoming.values)
            return last_ms
        received_ms = delivery.received_ms
        time_ms, flag = book.clock.correct(
            wall_ms=incoming.wall_ms,
            boot_ms=incoming.boot_ms,
            boot_id=incoming.boot_id,
            received_ms=received_ms,
            last_ms=last_ms,
        )
        backlog = received_ms - time_ms > BACKLOG_MS
        frame = Frame(
            catalogue.catalogue,
            book.agent,
            epoch,
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
        if sequence > judged_from:
            plan.judged.append(Judged(catalogue.feed, frame, book, epoch, sequence))
            plan.counts.frames += 1
            plan.counts.samples += catalogue.sensors
        self._mind_backlog(book, backlog)
        return time_ms if time_ms > last_ms else last_ms

    def _mind_backlog(self, book: AgentBook, backlog: bool) -> None:
        if backlog != book.backlog:
            book.backlog = backlog
            self.plan.answers[book.agent].backlog = backlog
            if not backlog:
                self.plan.caught_up.append(book)

    def _other(
        self,
        book: AgentBook,
        delivery: Delivery,
        epoch: bytes,
        record: OfferedCatalogue | Offered | Refused | IncomingFrame,
        last_ms: int,
    ) -> None:
        if isinstance(record, OfferedCatalogue):
            self.catalogue(book, record, epoch)
        elif isinstance(record, Refused):
            if record.catalogue_id:
                book.refused[record.catalogue_id] = (record.status, record.detail)
            self._reject(book, epoch, record.sequence, record.status, record.detail, record.raw)
        elif isinstance(record, Offered):
            try:
                self._offered(book, delivery, epoch, record, last_ms)
            except NotBound as refusal:
                self._reject(book, epoch, record.sequence, RejectionStatus.NOT_BOUND, str(refusal), record.raw)

    def _offered(self, book: AgentBook, delivery: Delivery, epoch: bytes, record: Offered, last_ms: int) -> None:
        poison = self._poisoned.get((book.agent, epoch, record.sequence))
        if poison is not None:
            self._reject(book, epoch, record.sequence, RejectionStatus.MALFORMED, poison, record.raw)
            return
        time_ms, flag = book.clock.correct(
            wall_ms=record.wall_ms,
            boot_ms=record.boot_ms,
            boot_id=record.boot_id,
            received_ms=delivery.received_ms,
            last_ms=last_ms,
        )
        asset = self._asset(book, record) if record.facts is not None else 0
        stamp = Stamp(
            agent=book.agent,
            asset=asset,
            source=record.source,
            epoch=epoch,
            sequence=record.sequence,
            time_ms=time_ms,
            received_ms=delivery.received_ms,
            flag=int(flag),
            backlog=delivery.received_ms - time_ms > BACKLOG_MS,
            rehearsal=bool(record.facts and record.facts.rehearsal),
        )
        observation = record.build(stamp)
        if isinstance(observation, Loss):
            self.lose(book, observation)
            return
        feed = self.feed(book, asset, record.source, stamp.rehearsal) if record.source else None
        self.plan.judged.append(Judged(feed, observation, book, epoch, record.sequence))

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

    def catalogue(self, book: AgentBook, offered: OfferedCatalogue, epoch: bytes = b"") -> None:
        """Registers a catalogue, numbered or not, and lets a stream that waited for it go on."""
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
            if offered.sequence:
                self._reject(book, epoch, offered.sequence, RejectionStatus.NOT_BOUND, str(refusal), offered.body)
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

    def _jump(self, book: AgentBook, delivery: Delivery, epoch: bytes, mark: Mark, through: int) -> None:
        """Sequences that never came and that no loss record explained."""
        stamp = Stamp(
            agent=book.agent,
            asset=0,
            source="",
            epoch=epoch,
            sequence=through + 1,
            time_ms=delivery.received_ms,
            received_ms=delivery.received_ms,
            flag=0,
            backlog=False,
        )
        first = mark.through + 1
        records = through - mark.through
        self.lose(book, Loss(stamp=stamp, epoch=epoch, first=first, through=through, records=records, cause="jump"))

    def lose(self, book: AgentBook, loss: Loss) -> None:
        """Counts a loss once: as a jump or as the agent's own record of it, whichever came first."""
        if book.losses is None:
            stored = self._transaction().feeds.losses(agent=book.agent, limit=LOSSES_READ)
            book.losses = [(one.epoch, one.first, one.through) for one in stored]
        ranged = loss.through > 0
        if ranged and any(
            epoch == loss.epoch and first <= loss.first and loss.through <= through
            for epoch, first, through in book.losses
        ):
            return
        if ranged:
            book.losses.append((loss.epoch, loss.first, loss.through))
        self.plan.judged.append(Judged(None, loss, book, loss.stamp.epoch, loss.stamp.sequence))
        self.plan.counts.lost += loss.records

    def _reject(
        self, book: AgentBook, epoch: bytes, sequence: int, status: RejectionStatus, detail: str, raw: bytes
    ) -> None:
        plan = self.plan
        ack_of(plan.answer(book), epoch, sequence).rejected.append(Rejected(sequence, status, detail))
        plan.quarantined.append(Quarantined(book.agent, epoch, sequence, status, detail, raw))
        plan.counts.rejected += 1


def ack_of(answer: Answer, epoch: bytes, through: int) -> Ack:
    """The acknowledgement of this epoch in the answer; made where there is none yet."""
    for ack in answer.acks:
        if ack.epoch == epoch:
            return ack
    ack = Ack(epoch, through)
    answer.acks.append(ack)
    return ack


def resumes(book: AgentBook, batch: IncomingBatch) -> bool:
    """Whether the batch may be taken: always, unless the stream must first come back to a record it went past."""
    blocked = book.blocked
    if blocked is None:
        return True
    here = (batch.epoch, batch.first_sequence)
    back = blocked.passed is not None and blocked.passed[0] == here[0] and here[1] <= blocked.passed[1]
    if back or (batch.epoch == blocked.epoch and batch.first_sequence <= blocked.sequence):
        book.blocked = None
        return True
    blocked.passed = here
    return False
