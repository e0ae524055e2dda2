"""One replay from its order to its report: reads day by day, judges feed by feed, plays what moved through a desk.

Called by `jobs.py` on a thread of its own. Never holds the writer: the present is read in short transactions, days of
telemetry by queries with their own deadline.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from hardcase_collector.cases.case_file import COLLECTOR
from hardcase_collector.cases.desk import DeskSettings
from hardcase_collector.domain.asset import Asset, IdentityBasis, Part
from hardcase_collector.domain.case import Case, Origin
from hardcase_collector.domain.correlation import Subject, case_of_part
from hardcase_collector.domain.errors import CollectorError, IllegalAction, NotFound, SheetError
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.observation import Catalogue, Event
from hardcase_collector.domain.ports import CaseFilter, StateStore, Transaction
from hardcase_collector.domain.replay import ReplayOrder, ReplayReport, ReplayState, Untold
from hardcase_collector.domain.stored_frame import StoredFrame
from hardcase_collector.replay.comparing import Known, compare
from hardcase_collector.replay.feeds import FeedReplay
from hardcase_collector.replay.scratch import Ended, Scratch, Setting, known_of, rules_of
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.sheet import Condition, RuleBook
from hardcase_collector.rules.sheet_reader import SHIPPED, read_sheets
from hardcase_collector.rules.sheet_values import Mistakes
from hardcase_collector.sheets.files import read_texts

DAY_MS = 86_400_000
WARM_MS = DAY_MS
"""Judged before the time asked for, so that debounce, baselines and what fired already are as they were."""
MOST_DAYS = 92
MOST_FEEDS = 4000
"""States of so many feeds are in memory at once: a few hundred megabytes."""
_MOST_EVENTS = 100_000
_MOST_CASES = 1000
_UNSTORED = (Condition.STATUS, Condition.GONE, Condition.MISSING)


class Frames(Protocol):
    """What a replay asks of the telemetry store."""

    def frames(self, feed: int, *, from_ms: int, until_ms: int) -> Sequence[StoredFrame]: ...


class Stopped(CollectorError):
    """Somebody cancelled the replay, or its time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What a replay compares with and judges by."""

    state: StateStore
    telemetry: Frames
    settings: DeskSettings
    book: Callable[[], RuleBook]
    """The sheets in force: which rules the present cases are of."""
    folder: Path
    """Where the throw-away store may lie."""


@dataclass(slots=True)
class _Sources:
    """Of one asset."""

    asset: Asset
    feeds: list[FeedReplay]
    events: dict[tuple[int, str], list[Event]]
    """By agent and source, in the order they arrived."""


def book_of(order: ReplayOrder) -> RuleBook:
    """The shipped sheets with those of the order. Raises SheetError with every mistake."""
    mistakes = Mistakes()
    book = read_sheets({**read_texts(SHIPPED, (), mistakes), **order.texts}, mistakes)
    if mistakes.found:
        raise SheetError(mistakes.lines())
    return book


def run(
    present: Present,
    order: ReplayOrder,
    started: ReplayReport,
    *,
    progress: Callable[[ReplayReport], None],
    stop: Callable[[], None],
) -> ReplayReport:
    """`stop` is asked before every step, and raises Stopped. Raises SheetError, StoreFailed, IllegalAction too."""
    check_span(order)
    book = book_of(order)
    days = _days(order.from_ms - WARM_MS, order.until_ms)
    with present.state.read() as tx:
        assets = _assets(tx, order)
        engine = Engine(book, asset_key=lambda number: keys.get(number, ""))
        keys = {asset.id: asset.key for asset in assets}
        sources = [_sources(tx, engine, asset, days[0][0], order.until_ms) for asset in assets]
        setting = _setting(tx, assets, days[0][0])
    if sum(len(one.feeds) for one in sources) > MOST_FEEDS:
        raise IllegalAction("over {most} sources at once: choose a customer or an asset", most=MOST_FEEDS)
    report = replace(started, days=len(days), assets=len(assets))
    with tempfile.TemporaryDirectory(prefix="replay-", dir=present.folder) as folder:
        scratch = Scratch(Path(folder), book, present.settings)
        try:
            with present.state.read() as tx:
                scratch.begin(tx, setting, days[0][0])
            for done, (from_ms, until_ms) in enumerate(days, 1):
                scratch.play(_day(present, sources, from_ms, until_ms, stop), until_ms=until_ms)
                report = _counted(replace(report, done_days=done), sources)
                progress(report)
            with present.state.read() as tx:
                old = _present(tx, assets, order, (book, present.book()))
                accepted = _accepted(tx, assets)
            new = [replace(one, untold=_taken(one.case, accepted)) for one in scratch.cases()]
        finally:
            scratch.close()
    cases = compare(old, new, from_ms=order.from_ms, until_ms=order.until_ms)
    return replace(report, state=ReplayState.DONE, cases=cases)


def check_span(order: ReplayOrder) -> None:
    """Raises IllegalAction."""
    if order.until_ms <= order.from_ms:
        raise IllegalAction("a replay begins before now and before its end")
    if order.until_ms - order.from_ms > MOST_DAYS * DAY_MS:
        raise IllegalAction("a replay is over {most} days at most: ask for a shorter time", most=MOST_DAYS)


def _days(from_ms: int, until_ms: int) -> list[tuple[int, int]]:
    """Chunks that end with the UTC day, as telemetry is kept."""
    bounds = [max(from_ms, 0), *range((max(from_ms, 0) // DAY_MS + 1) * DAY_MS, until_ms, DAY_MS), until_ms]
    return list(itertools.pairwise(bounds))


def _assets(tx: Transaction, order: ReplayOrder) -> Sequence[Asset]:
    """Raises NotFound, also for another customer's."""
    if order.asset is not None:
        asset = tx.assets.by_number(order.asset)
        if order.customer not in (None, asset.customer):
            raise NotFound("no asset {asset}", asset=order.asset)
        return [asset]
    return [one for one in tx.assets.all(customer=order.customer) if one.basis is not IdentityBasis.REHEARSAL]


def _sources(tx: Transaction, engine: Engine, asset: Asset, from_ms: int, until_ms: int) -> _Sources:
    feeds = []
    for feed in tx.feeds.feeds(asset=asset.id):
        baselines = sorted(tx.feeds.baselines([feed.number]), key=lambda one: one.at_ms)
        feeds.append(FeedReplay(engine, feed, asset.joined_ms, asset.facts.rehearsal, baselines, {}))
    events: dict[tuple[int, str], list[Event]] = {}
    for event in tx.assets.events_between(asset.id, from_ms=from_ms, until_ms=until_ms, limit=_MOST_EVENTS):
        events.setdefault((event.stamp.agent, event.stamp.source), []).append(event)
    return _Sources(asset, feeds, events)


def _day(
    present: Present, sources: Iterable[_Sources], from_ms: int, until_ms: int, stop: Callable[[], None]
) -> Sequence[Transition]:
    moved: list[Transition] = []
    for source in sources:
        for feed in source.feeds:
            stop()
            frames = present.telemetry.frames(feed.feed.number, from_ms=from_ms, until_ms=until_ms)
            _know(present.state, feed, {frame.catalogue for frame in frames})
            events = source.events.get((feed.feed.agent, feed.feed.source), ())
            today = [event for event in events if from_ms <= event.stamp.time_ms < until_ms]
            if frames or today or feed.events:
                moved.extend(feed.day(frames, today, until_ms=until_ms))
    return sorted(moved, key=lambda one: one.time_ms)


def _know(state: StateStore, feed: FeedReplay, numbers: set[int]) -> None:
    unknown = numbers - set(feed.catalogues)
    if not unknown:
        return
    found: dict[int, Catalogue] = dict(feed.catalogues)
    with state.read() as tx:
        for number in sorted(unknown):
            found[number] = tx.feeds.catalogue_numbered(number)
    feed.catalogues = found


def _counted(report: ReplayReport, sources: Iterable[_Sources]) -> ReplayReport:
    feeds = [feed for source in sources for feed in source.feeds]
    return replace(
        report,
        frames=sum(feed.frames for feed in feeds),
        events=sum(feed.events for feed in feeds),
        refused=sum(feed.refused for feed in feeds),
    )


def _setting(tx: Transaction, assets: Sequence[Asset], from_ms: int) -> Setting:
    known = {asset.id for asset in assets}
    ended = []
    for case in _cases(tx, assets):
        if case.closed_ms >= from_ms:
            last = next(
                (one for one in reversed(tx.cases.timeline(case.id)) if one.code in ("closed", "cancelled")), None
            )
            if last is not None and last.actor != COLLECTOR:
                ended.append(
                    Ended(at_ms=case.closed_ms, asset=case.asset, part=case.part, repair_group=case.repair_group)
                )
    hosts = tx.noise.host_windows(customer=None, over_since_ms=from_ms, limit=_MOST_EVENTS)
    return Setting(
        assets=assets,
        planned=tx.noise.windows(customer=None, over_since_ms=from_ms, limit=_MOST_EVENTS),
        windows=[window for window in hosts if window.asset in known],
        ended=ended,
    )


def _cases(tx: Transaction, assets: Iterable[Asset]) -> Sequence[Case]:
    found: list[Case] = []
    for asset in assets:
        found += tx.cases.list(CaseFilter(customer=None, open_only=False, asset=asset.id, limit=_MOST_CASES))
    return found


def _present(
    tx: Transaction, assets: Sequence[Asset], order: ReplayOrder, books: Sequence[RuleBook]
) -> Sequence[Known]:
    """Openings of cases that stood at some moment of the replay."""
    unstored = _unstored(books)
    found: list[Known] = []
    for case in _cases(tx, assets):
        if case.rehearsal:
            continue
        rules = rules_of(tx, case.id)
        untold = Untold.PERSON if case.origin is Origin.PERSON else None
        if untold is None and rules and all(rule in unstored for rule in rules):
            untold = Untold.NOT_STORED
        found += [
            one
            for one in known_of(tx, case, untold)
            if one.since_ms < order.until_ms and not 0 < one.ended_ms < order.from_ms
        ]
    return found


def _unstored(books: Sequence[RuleBook]) -> set[str]:
    """Names of rules, and of storms, that only what is not stored can raise."""
    rules = {rule.name: rule for book in books for rule in book.rules}
    classes = {rule.fault_class.name for rule in rules.values() if rule.condition not in _UNSTORED}
    found = {name for name, rule in rules.items() if rule.condition in _UNSTORED}
    for kind in (kind for book in books for kind in book.storms):
        if not any(fnmatchcase(name, pattern) for name in classes for pattern in kind.classes):
            found.add(f"storm.{kind.name}")
    return found


def _accepted(tx: Transaction, assets: Iterable[Asset]) -> Mapping[int, Sequence[tuple[Part, str]]]:
    """(part, repair group) of what a person took as baseline, by asset."""
    found: dict[int, list[tuple[Part, str]]] = {}
    for asset in assets:
        for row in tx.findings.of_asset(asset.id, firing=True):
            if row.held == "accepted":
                found.setdefault(asset.id, []).append((row.part, row.repair_group))
    return found


def _taken(case: Case, accepted: Mapping[int, Sequence[tuple[Part, str]]]) -> Untold | None:
    subjects = [Subject(part, group, "") for part, group in accepted.get(case.asset, ())]
    return Untold.ACCEPTED if any(case_of_part(subject, [case]) for subject in subjects) else None
