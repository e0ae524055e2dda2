"""What time alone decides, for every feed in memory: silence, clocks that are off, missing data.

Run by `rpc/writer.py` on the writer's thread, every few seconds, between two groups. What time
decides of cases is the desk's own tick, which `app.py` adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hardcase_collector.domain.errors import TemporaryError
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.observation import SourceStatus, Stamp
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.ingest.books import AgentBook, CatalogueBook, FeedBook
from hardcase_collector.ingest.intake import LIVENESS, Intake
from hardcase_collector.ingest.liveness import Condition

SEEN_EVERY_MS = 60_000
"""How often "last seen" is written for people; judging does not use it."""
COMPLETED_AT_ONCE = 20
"""Agents whose other feeds are read in one tick after they were admitted: a few thousand rows at most."""
STALE_MS = 86_400_000
"""A feed that was silent for a day before this start is not newly missing: its source may be gone from the agent's
configuration."""


class Ticker:
    """Shares the books of one intake; nothing here is called while a group is processed."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._state = intake.state
        self._seen_ms = 0
        self._goodbyes: dict[int, int] = {}
        """Session of each agent whose goodbye is stored; admitting a stream takes the stored one back."""

    def start(self) -> None:
        """Waits for the agents that were known when this collector stopped. Raises StoreFailed."""
        intake = self._intake
        with self._state.read() as tx:
            agents = {agent.number: agent for agent in tx.agents.all(customer=None) if not agent.revoked}
            for feed in tx.feeds.feeds():
                if feed.source == LIVENESS and feed.agent in agents:
                    known = agents[feed.agent]
                    intake.liveness_feeds[feed.agent] = FeedBook(feed, rehearsal=False)
                    intake.liveness.watch(feed.agent, stopped=known.stopped_cleanly, by_file=known.by_file)

    def tick(self, *, now_ms: int, monotonic_ms: int) -> None:
        """One transaction. Raises TemporaryError; then what changed is told again at the next tick."""
        intake = self._intake
        changed = list(intake.liveness.look(monotonic_ms, serving=not intake.trouble))
        try:
            with self._state.write() as tx:
                self._complete(tx, now_ms)
                self._settle(tx, changed, now_ms)
                stopped = self._write_seen(tx, now_ms)
        except TemporaryError:
            intake.liveness.untell(agent for agent, _ in changed)
            for book in intake.books.values():
                book.forget()
            for feed in intake.liveness_feeds.values():
                feed.state = None
            raise
        self._goodbyes.update(stopped)

    def _settle(self, tx: Transaction, changed: Iterable[tuple[int, Condition]], now_ms: int) -> None:
        intake = self._intake
        judge, desk = intake.settler.judge, intake.settler.desk
        intake.settler.open_states(tx, intake.liveness_feeds.values())
        transitions: list[Transition] = []
        touched: list[FeedBook] = []
        for agent, condition in changed:
            feed = intake.liveness_feeds.get(agent)
            if feed is not None and feed.state is not None:
                moved = judge.status(feed.state, status_of(feed, condition, now_ms))
                transitions.extend(moved)
                # The first "ok" after a start mostly ends nothing: no row for each of thousands of agents.
                if moved or condition is not Condition.OK:
                    touched.append(feed)
        for book in intake.books.values():
            silent = intake.liveness.silent(book.agent)
            for feed in book.feeds.values():
                if feed.state is not None:
                    moved = judge.tick(feed.state, now_ms=now_ms, silent=silent)
                    if moved:
                        transitions.extend(moved)
                        touched.append(feed)
        if transitions:
            desk.apply(tx, transitions, now_ms=now_ms)
        rows = [judge.row(feed.state, received_ms=feed.received_ms) for feed in touched if feed.state is not None]
        if rows:
            tx.feeds.save_rows(rows)

    def _complete(self, tx: Transaction, now_ms: int) -> None:
        """Brings the feeds of admitted agents into memory that have sent nothing since: theirs may be missing."""
        waiting = [book for book in self._intake.books.values() if not book.complete][:COMPLETED_AT_ONCE]
        for book in waiting:
            found: dict[int, CatalogueBook] = {}
            for id in tx.feeds.catalogue_ids(book.agent):
                catalogue = book.catalogues.get(id)
                if catalogue is None:
                    stored = tx.feeds.catalogue(id, agent=book.agent)
                    if stored is None:
                        continue
                    catalogue = book.remember(stored)
                found[catalogue.feed.feed.number] = catalogue
            fresh = {feed: row for feed, row in tx.feeds.rows(found).items() if now_ms - row.received_ms <= STALE_MS}
            feeds = [found[number].feed for number in fresh]
            for feed in feeds:
                feed.received_ms = max(feed.received_ms, fresh[feed.feed.number].received_ms)
            self._intake.settler.open_states(tx, feeds)
            book.complete = True

    def _write_seen(self, tx: Transaction, now_ms: int) -> Mapping[int, int]:
        """Returns the sessions, by agent, whose goodbye it wrote."""
        liveness = self._intake.liveness
        stopped: dict[int, int] = {}
        due = now_ms - self._seen_ms >= SEEN_EVERY_MS
        for book in self._intake.books.values():
            if liveness.is_stopped(book.agent) and self._goodbyes.get(book.agent) != book.session:
                stopped[book.agent] = book.session
            if book.agent in stopped or (due and self._heard_since(book)):
                tx.agents.seen(book.agent, book.received_ms, stopped_cleanly=book.agent in stopped)
        if due:
            self._seen_ms = now_ms
        return stopped

    def _heard_since(self, book: AgentBook) -> bool:
        liveness = self._intake.liveness
        return book.received_ms > self._seen_ms and not (
            liveness.is_stopped(book.agent) or liveness.is_by_file(book.agent)
        )


def status_of(feed: FeedBook, condition: Condition, now_ms: int) -> SourceStatus:
    """The agent's condition as a status of its host."""
    stamp = Stamp(
        agent=feed.feed.agent,
        asset=feed.feed.asset,
        source=LIVENESS,
        epoch=b"",
        sequence=0,
        time_ms=now_ms,
        received_ms=now_ms,
        flag=0,
        backlog=False,
        rehearsal=feed.rehearsal,
    )
    return SourceStatus(stamp=stamp, state=condition.value, detail="", period_ms=0, failures=0)
