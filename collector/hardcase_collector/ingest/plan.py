"""What a group will do to the stores and tell the streams: made by `sorting.py`, settled by `settling.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

from hardcase_collector.domain.observation import Frame, Observation
from hardcase_collector.domain.ports import EpochKey, Mark
from hardcase_collector.ingest.books import NO_MARK, AgentBook, FeedBook
from hardcase_collector.ingest.incoming import Ack, Answer, Rejected, RejectionStatus


@dataclass(slots=True)
class Quarantined:
    agent: int
    epoch: bytes
    sequence: int
    status: RejectionStatus
    detail: str
    raw: bytes


@dataclass(slots=True)
class Run:
    """What a group takes of one epoch of one agent; moved on by every batch of it."""

    book: AgentBook
    epoch: bytes
    through: int
    last_ms: int
    """Newest corrected time."""
    judged_from: int
    """Up to here the state store has it, and it was judged."""
    ack: Ack


@dataclass(slots=True)
class Judged:
    """One observation to be judged and stored, in the order of arrival."""

    feed: FeedBook | None
    observation: Observation
    run: Run
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
    runs: dict[tuple[int, bytes], Run] = field(default_factory=dict)
    """By agent and epoch."""
    marks: dict[EpochKey, Mark] = field(default_factory=dict)
    """Made of the runs once all deliveries are sorted."""
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

    def run(self, book: AgentBook, epoch: bytes) -> Run:
        found = self.runs.get((book.agent, epoch))
        if found is None:
            mark = book.position(epoch)
            ack = Ack(epoch, mark.through)
            self.answer(book).acks.append(ack)
            judged_from = book.state_marks.get(epoch, NO_MARK).through
            found = Run(book, epoch, mark.through, mark.last_time_ms, judged_from, ack)
            self.runs[book.agent, epoch] = found
        return found

    def reject(self, run: Run, sequence: int, status: RejectionStatus, detail: str, raw: bytes) -> None:
        """Inside the acknowledgement, kept in quarantine, counted."""
        run.ack.rejected.append(Rejected(sequence, status, detail))
        self.quarantined.append(Quarantined(run.book.agent, run.epoch, sequence, status, detail, raw))
        self.counts.rejected += 1

    def close(self) -> None:
        """All deliveries are sorted: what the stores are told of their marks."""
        self.marks = {
            EpochKey(agent, epoch): Mark(through=run.through, last_time_ms=run.last_ms)
            for (agent, epoch), run in self.runs.items()
        }
