"""The way in: takes groups of deliveries, puts them into both stores, and says what may be acknowledged.

Driven on one thread by `rpc/writer.py`; has no thread, clock or connection of its own. A group is sorted
(`sorting.py`), appended to the telemetry store, then judged and settled in one state transaction (`settling.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.errors import Cloned, DiskFull, StoreFailed, TemporaryError
from hardcase_collector.domain.ports import Desk, Judge, Mark, StateStore, TelemetryStore, Transaction
from hardcase_collector.ingest.binding import Binding
from hardcase_collector.ingest.books import AgentBook, Blocked, FeedBook
from hardcase_collector.ingest.clock_offset import ClockOffset
from hardcase_collector.ingest.incoming import (
    Admission,
    Answer,
    Delivery,
    Farewell,
    Greeting,
    Heard,
    Hold,
    HoldCause,
    IncomingBatch,
    OfferedCatalogue,
    Refused,
)
from hardcase_collector.ingest.liveness import Liveness
from hardcase_collector.ingest.plan import Counts, Plan
from hardcase_collector.ingest.settling import Poisoned, Settler
from hardcase_collector.ingest.sorting import Sorter

LIVENESS = "liveness"
"""Source under which an agent's own condition is judged, as a feed of its host."""
RETRY_MS = 5_000
"""What a held agent waits: long enough not to hammer a full disk, short enough to resume by itself unnoticed."""
STUCK_MS = 60_000
"""A dozen times the delay that a hold asks for."""
MOST_POISONED = 8
"""Records of one group that may break judging before the whole group is held."""
BEHIND_RECORDS = 200
"""Held records above which an agent starts in the backlog lane: a few minutes of a common server's sweeps."""


class Intake:
    """All agents' books, and the one way into both stores."""

    def __init__(
        self,
        *,
        state: StateStore,
        telemetry: TelemetryStore,
        judge: Judge,
        desk: Desk,
        binding: Binding,
        liveness: Liveness,
        disk_trouble: Callable[[], str],
    ) -> None:
        """`disk_trouble` gives "" or why nothing may be written now."""
        self._state = state
        self._telemetry = telemetry
        self._desk = desk
        self._settler = Settler(judge, desk)
        self._binding = binding
        self._disk_trouble = disk_trouble
        self._poisoned: dict[tuple[int, bytes, int], str] = {}
        self.liveness = liveness
        self.books: dict[int, AgentBook] = {}
        self.liveness_feeds: dict[int, FeedBook] = {}
        """By agent; made when its host is first seen."""
        self.counts = Counts()
        self.trouble = ""
        """Why the last group was held; "" after one that was not."""

    @property
    def settler(self) -> Settler:
        return self._settler

    @property
    def state(self) -> StateStore:
        return self._state

    @property
    def telemetry(self) -> TelemetryStore:
        return self._telemetry

    def use_judge(self, judge: Judge) -> None:
        """Replaces the judge; every feed is opened anew from its stored row, which is what the last commit left."""
        self._settler = Settler(judge, self._desk)
        for book in self.books.values():
            book.forget()
        for feed in self.liveness_feeds.values():
            feed.state = None

    def stuck(self, now_ms: int) -> list[int]:
        """Agents that went past a record that was not taken, and did not come back to it for a minute."""
        return [
            book.agent
            for book in self.books.values()
            if book.blocked is not None and now_ms - book.blocked.since_ms > STUCK_MS
        ]

    def reread_feed(self, feed: int) -> None:
        """Its baselines changed: its state is opened anew from its row."""
        for book in self.books.values():
            for known in book.feeds.values():
                if known.feed.number == feed:
                    known.state = None

    # ------------------------------------------------------------------ admission

    def admit(self, agent: Agent, greeting: Greeting, *, received_ms: int) -> Admission:
        """Accepts a stream; a book of an older session is replaced.

        Raises Cloned; NotBound where the host is another customer's; StoreFailed.
        """
        refuse_clone(agent, greeting)
        with self._state.write() as tx:
            session = tx.agents.next_session(agent.number)
            tx.agents.seen(agent.number, received_ms, stopped_cleanly=False)
            state_marks = dict(tx.feeds.marks(agent.number))
            catalogues = tuple(tx.feeds.catalogue_ids(agent.number))
            asset = self._binding.asset_of(
                tx.assets, greeting.host, agent=agent.number, customer=agent.customer, now_ms=received_ms
            )
            feed = tx.feeds.feed(agent=agent.number, asset=asset, source=LIVENESS)
        if agent.number not in self.liveness_feeds or self.liveness_feeds[agent.number].feed != feed:
            self.liveness_feeds[agent.number] = FeedBook(feed, greeting.host.rehearsal)
        clock = ClockOffset()
        clocks = greeting.clocks
        clock.heard(boot_id=greeting.boot_id, wall_ms=clocks.wall_ms, boot_ms=clocks.boot_ms, received_ms=received_ms)
        book = AgentBook(
            agent=agent.number,
            session=session,
            customer=agent.customer,
            state_marks=state_marks,
            telemetry_marks=dict(self._telemetry.marks(agent.number)),
            clock=clock,
            received_ms=received_ms,
        )
        held = sum(max(0, claim.newest - book.position(claim.epoch).through) for claim in greeting.epochs)
        book.backlog = held > BEHIND_RECORDS
        self.books[agent.number] = book
        self.liveness.heard(agent.number, clock_off=clock.off)
        resume = tuple((claim.epoch, book.position(claim.epoch).through) for claim in greeting.epochs)
        return Admission(session=session, resume=resume, catalogues=catalogues, behind=book.backlog)

    # ------------------------------------------------------------------ groups

    def process(self, deliveries: Sequence[Delivery], *, now_ms: int) -> list[tuple[int, Answer]]:
        """Puts one group into both stores. Whatever cannot be stored now is held, and nothing of it is kept."""
        plan = Plan()
        try:
            trouble = self._disk_trouble()
            if trouble:
                raise DiskFull(trouble)
            plan = self._process(deliveries, now_ms)
        except TemporaryError as error:
            return self.hold(deliveries, error, now_ms=now_ms)
        self.trouble = ""
        self.counts.add(plan.counts)
        return list(plan.answers.items())

    def replay(
        self,
        book: AgentBook,
        deliveries: Sequence[Delivery],
        *,
        now_ms: int,
        also: Callable[[Transaction, Plan], None],
    ) -> None:
        """Takes all of a file as one group, whatever stream of its agent is open; `also` writes in its transaction.

        Raises TemporaryError, and what `also` raises; then nothing of it is acknowledged.
        """
        open_book = self.books.get(book.agent)
        self.books[book.agent] = book
        try:
            if trouble := self._disk_trouble():
                raise DiskFull(trouble)
            self.counts.add(self._process(deliveries, now_ms, also).counts)
        finally:
            del self.books[book.agent]
            if open_book is not None:
                # Rows and marks are ahead of what the stream's own book remembers of them.
                open_book.forget()
                for theirs, ours in (
                    (open_book.state_marks, book.state_marks),
                    (open_book.telemetry_marks, book.telemetry_marks),
                ):
                    for epoch, mark in ours.items():
                        advance(theirs, epoch, mark)
                self.books[book.agent] = open_book

    def _process(
        self,
        deliveries: Sequence[Delivery],
        now_ms: int,
        also: Callable[[Transaction, Plan], None] = lambda tx, plan: None,
    ) -> Plan:
        for _ in range(MOST_POISONED):
            plan = self._sort(deliveries, now_ms)
            if not plan.marks:
                return plan
            self._telemetry.append(plan.frames, plan.marks)
            for key, mark in plan.marks.items():
                advance(plan.books[key.agent].telemetry_marks, key.epoch, mark)
            try:
                with self._state.write() as tx:
                    self._settler.settle(tx, plan, now_ms=now_ms)
                    also(tx, plan)
            except Poisoned as poisoned:
                self._poisoned[poisoned.place] = f"the record could not be judged: {poisoned}"
                self._forget(deliveries)
                continue
            for key, mark in plan.marks.items():
                advance(plan.books[key.agent].state_marks, key.epoch, mark)
            self._poisoned.clear()
            return plan
        raise StoreFailed(f"over {MOST_POISONED} records of one group could not be judged")

    def _sort(self, deliveries: Sequence[Delivery], now_ms: int) -> Plan:
        with ExitStack() as stack:
            opened: list[Transaction] = []

            def transaction() -> Transaction:
                if not opened:
                    opened.append(stack.enter_context(self._state.write()))
                return opened[0]

            sorter = Sorter(self._binding, transaction, self._poisoned, now_ms)
            for delivery in deliveries:
                book = self.books.get(delivery.agent)
                if book is not None and book.session == delivery.session:
                    self._sort_one(sorter, book, delivery)
            sorter.plan.close()
            return sorter.plan

    def _sort_one(self, sorter: Sorter, book: AgentBook, delivery: Delivery) -> None:
        content = delivery.content
        book.received_ms = delivery.received_ms
        if isinstance(content, IncomingBatch):
            sorter.batch(book, delivery, content)
        elif isinstance(content, Heard):
            book.clock.heard(
                boot_id=book.clock.boot_id,
                wall_ms=content.wall_ms,
                boot_ms=content.boot_ms,
                received_ms=delivery.received_ms,
            )
        elif isinstance(content, OfferedCatalogue):
            sorter.catalogue(book, content)
        elif isinstance(content, Refused):
            sorter.refused_catalogue(book, content)
        if book.by_file:
            return
        if isinstance(content, Farewell):
            self.liveness.stopped(book.agent)
        else:
            self.liveness.heard(book.agent, clock_off=book.clock.off)

    # ------------------------------------------------------------------ failure

    def hold(self, deliveries: Sequence[Delivery], error: TemporaryError, *, now_ms: int) -> list[tuple[int, Answer]]:
        """By agent: nothing of the group is acknowledged; every stream in it comes back to where both stores are."""
        self.trouble = str(error)
        self._forget(deliveries)
        cause = HoldCause.DISK_FULL if isinstance(error, DiskFull) else HoldCause.STORE_FAILED
        answers: dict[int, Answer] = {}
        for delivery in deliveries:
            book = self.books.get(delivery.agent)
            if book is None or book.session != delivery.session or not isinstance(delivery.content, IncomingBatch):
                continue
            if delivery.agent not in answers:
                answers[delivery.agent] = Answer(
                    book.session, hold=Hold(cause, RETRY_MS, str(error)), backlog=book.backlog
                )
                if book.blocked is None:
                    epoch = delivery.content.epoch
                    book.blocked = Blocked(epoch, book.position(epoch).through + 1, now_ms)
            if book.blocked is not None:
                book.blocked.passed = (delivery.content.epoch, delivery.content.first_sequence)
        return list(answers.items())

    def _forget(self, deliveries: Sequence[Delivery]) -> None:
        """Judging states and registrations of the group may be ahead of the stores: they are read again."""
        for agent in {delivery.agent for delivery in deliveries}:
            book = self.books.get(agent)
            if book is not None:
                book.forget()


def advance(marks: dict[bytes, Mark], epoch: bytes, mark: Mark) -> None:
    """Moves a mark on; never back."""
    known = marks.get(epoch)
    if known is None or known.through < mark.through:
        marks[epoch] = mark


def refuse_clone(agent: Agent, greeting: Greeting) -> None:
    """Raises Cloned where the host is not the one that was enrolled. What was not told is not compared."""
    pairs: Mapping[str, tuple[str, str]] = {
        "machine-id": (agent.machine_id, greeting.machine_id),
        "DMI UUID": (agent.dmi_uuid, greeting.dmi_uuid),
    }
    for name, (enrolled, told) in pairs.items():
        if enrolled and told and enrolled.lower() != told.lower():
            raise Cloned(f"{name} differs from enrolment: enroll this host on its own, or with a --replace token")
