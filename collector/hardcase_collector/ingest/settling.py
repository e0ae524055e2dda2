"""Second half of a group: judging and storing a plan in one state transaction. Called by intake alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hardcase_collector.domain.errors import BadRecord, CollectorError
from hardcase_collector.domain.finding import Fact, Transition, Why
from hardcase_collector.domain.noise import Breadth, scope_key
from hardcase_collector.domain.observation import (
    Coverage,
    Event,
    Frame,
    Inventory,
    Loss,
    Maintenance,
    Observation,
    SourceStatus,
)
from hardcase_collector.domain.ports import Baseline, Desk, FeedState, Judge, Transaction, Window
from hardcase_collector.domain.window_times import moved, time_of
from hardcase_collector.ingest.books import FeedBook
from hardcase_collector.ingest.incoming import RejectionStatus
from hardcase_collector.ingest.plan import Judged, Plan, Quarantined


class Poisoned(CollectorError):
    """Judging one record broke; the group is done again with that record rejected."""

    def __init__(self, item: Judged, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.place = (item.run.book.agent, item.run.epoch, item.sequence)


class Settler:
    """Judges the observations of a plan in order of arrival and stores all that follows from them."""

    def __init__(self, judge: Judge, desk: Desk) -> None:
        self.judge = judge
        self.desk = desk

    def settle(self, tx: Transaction, plan: Plan, *, now_ms: int) -> None:
        """Everything of the plan but its frames, which the telemetry store has already. Raises Poisoned."""
        self.open_states(tx, {id(item.feed): item.feed for item in plan.judged if item.feed is not None}.values())
        transitions, touched = self._judge_all(tx, plan)
        if transitions:
            self.desk.apply(tx, transitions, now_ms=now_ms)
        for book in plan.caught_up:
            if not book.backlog:
                self.desk.caught_up(tx, assets=book.assets_seen(), now_ms=now_ms)
        self._store(tx, plan, touched, now_ms)

    def _judge_all(self, tx: Transaction, plan: Plan) -> tuple[list[Transition], dict[int, FeedBook]]:
        """What moved, and the feeds that were judged."""
        transitions: list[Transition] = []
        touched: dict[int, FeedBook] = {}
        for item in plan.judged:
            observation = item.observation
            try:
                if type(observation) is Frame:
                    moved = self._frame(item, observation)
                else:
                    moved = self._other(tx, item, observation)
            except BadRecord as bad:
                # The rules found the record to contradict itself.
                raw = observation.values if isinstance(observation, Frame) else b""
                plan.reject(item.run, item.sequence, RejectionStatus.MALFORMED, str(bad), raw)
                continue
            except CollectorError:
                raise
            except Exception as error:
                raise Poisoned(item, error) from error
            if moved:
                transitions.extend(moved)
            if item.feed is not None:
                item.feed.received_ms = received(observation)
                touched[item.feed.feed.number] = item.feed
        return transitions, touched

    def _frame(self, item: Judged, frame: Frame) -> Iterable[Transition]:
        feed = item.feed
        assert feed is not None  # a frame has a feed
        assert feed.state is not None  # made by open_states
        if feed.catalogue_number != frame.catalogue.number:
            self.judge.use_catalogue(feed.state, frame.catalogue)
            feed.catalogue_number = frame.catalogue.number
        return self.judge.frame(feed.state, frame)

    def _other(self, tx: Transaction, item: Judged, observation: Observation) -> Iterable[Transition]:
        state = item.feed.state if item.feed is not None else None
        if isinstance(observation, Event):
            return self._event(tx, state, observation)
        if isinstance(observation, Inventory):
            stamp = observation.stamp
            tx.assets.save_inventory(stamp.asset, stamp.source, stamp.agent, observation.parts, stamp.time_ms)
            return self.judge.inventory(state, observation) if state is not None else ()
        if isinstance(observation, Coverage):
            tx.assets.save_coverage(observation)
        elif isinstance(observation, SourceStatus):
            tx.assets.save_source_status(observation)
            return self.judge.status(state, observation) if state is not None else ()
        elif isinstance(observation, Loss):
            tx.feeds.add_loss(observation)
        elif isinstance(observation, Maintenance):
            for window in windows_of(tx, observation):
                tx.assets.open_window(window)
            if not observation.duration_s:
                end_planned(tx, observation)
        return ()

    def _event(self, tx: Transaction, state: FeedState | None, event: Event) -> Iterable[Transition]:
        if not tx.assets.add_event(event) or state is None:
            return ()
        joined_ms = tx.assets.by_number(event.stamp.asset).joined_ms
        history = (event.device_ms or event.stamp.time_ms) < joined_ms
        moved = self.judge.event(state, event, history=history)
        if not moved and event.asserted and event.code:
            tx.findings.add_why(unmoved(event, "history" if history else "nothing_new"))
        return moved

    def open_states(self, tx: Transaction, feeds: Iterable[FeedBook]) -> None:
        """Reads the rows of feeds that are not in memory and makes their states."""
        missing = [book for book in feeds if book.state is None]
        if not missing:
            return
        numbers = [book.feed.number for book in missing]
        rows = tx.feeds.rows(numbers)
        baselines: dict[int, list[Baseline]] = {}
        for baseline in tx.feeds.baselines(numbers):
            baselines.setdefault(baseline.feed, []).append(baseline)
        for book in missing:
            row = rows.get(book.feed.number)
            catalogue = tx.feeds.catalogue_numbered(row.catalogue) if row is not None and row.catalogue else None
            own = baselines.get(book.feed.number, [])
            book.state = self.judge.open_feed(book.feed, catalogue, row, own, rehearsal=book.rehearsal)
            book.catalogue_number = catalogue.number if catalogue is not None else 0

    def _store(self, tx: Transaction, plan: Plan, touched: dict[int, FeedBook], now_ms: int) -> None:
        rows = [
            self.judge.row(book.state, received_ms=book.received_ms)
            for book in touched.values()
            if book.state is not None
        ]
        if rows:
            tx.feeds.save_rows(rows)
        for bad in plan.quarantined:
            quarantine(tx, bad, now_ms)
        if plan.marks:
            tx.feeds.save_marks(plan.marks, sessions={book.agent: book.session for book in plan.books.values()})


def unmoved(event: Event, reason: str) -> Why:
    """Why an event that the hardware asserted opened nothing."""
    facts: dict[str, Fact] = {"code": event.code, "log": event.log, "record_id": event.record_id, "text": event.text}
    return Why(
        asset=event.stamp.asset,
        rule="",
        part=event.part.key(),
        sensor=event.sensor,
        time_ms=event.device_ms or event.stamp.time_ms,
        decided_ms=event.stamp.received_ms,
        opened=False,
        case=None,
        reason=reason,
        facts=facts,
    )


def quarantine(tx: Transaction, bad: Quarantined, now_ms: int) -> None:
    tx.feeds.quarantine(
        agent=bad.agent,
        epoch=bad.epoch,
        sequence=bad.sequence,
        status=bad.status.value,
        detail=bad.detail,
        raw=bad.raw,
        at_ms=now_ms,
    )


def received(observation: Observation) -> int:
    return observation.received_ms if isinstance(observation, Frame) else observation.stamp.received_ms


def end_planned(tx: Transaction, asked: Maintenance) -> None:
    """Those too that somebody opened for this very asset from afar; one for its site or rack is not its to end."""
    at_ms = asked.stamp.time_ms
    for planned in tx.noise.windows_in([scope_key(Breadth.ASSET, asked.stamp.asset)], at_ms=at_ms):
        running = time_of(planned, at_ms)
        if running is not None:
            tx.noise.save_window(moved(planned, at_ms=at_ms, until_ms=at_ms))
            tx.noise.release(held="window", until_ms=running[1], at_ms=at_ms)


def windows_of(tx: Transaction, asked: Maintenance) -> Sequence[Window]:
    """A window from the record's time on. A length of 0 ends every window that holds on the asset then: who ends the
    work need not be who began it, and an agent started since does not know the id."""
    stamp = asked.stamp
    if not asked.duration_s:
        return [replace(window, until_ms=stamp.time_ms) for window in tx.assets.windows(stamp.asset, stamp.time_ms)]
    return [
        Window(
            id=asked.window_id,
            asset=stamp.asset,
            from_ms=stamp.time_ms,
            until_ms=stamp.time_ms + asked.duration_s * 1000,
            reason=asked.reason,
            by=asked.by,
        )
    ]
