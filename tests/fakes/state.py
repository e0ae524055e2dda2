"""The part of the state store that intake uses, in memory: a failed transaction leaves no trace.

`fail_writes` makes that many write transactions fail as they end.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from hardcase_collector.domain.asset import Agent, Asset, AssetFacts, AssetMode, IdentityBasis, Part
from hardcase_collector.domain.errors import NotFound, SessionSuperseded, StoreFailed
from hardcase_collector.domain.finding import Transition, Why
from hardcase_collector.domain.imports import ImportedFile
from hardcase_collector.domain.observation import Catalogue, Coverage, Event, Loss, Sensor, SourceStatus
from hardcase_collector.domain.ports import Baseline, EpochKey, Feed, FeedRow, Mark, Window


@dataclass
class Data:
    """Everything stored; copied whole at the start of a write."""

    agents: dict[int, Agent] = field(default_factory=dict)
    assets: dict[int, Asset] = field(default_factory=dict)
    bound: set[tuple[int, int]] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    inventories: dict[tuple[int, str], tuple[Part, ...]] = field(default_factory=dict)
    coverages: list[Coverage] = field(default_factory=list)
    statuses: list[SourceStatus] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    feeds: list[Feed] = field(default_factory=list)
    catalogues: list[tuple[int, Catalogue]] = field(default_factory=list)
    sensors: dict[tuple[int, str], int] = field(default_factory=dict)
    rows: dict[int, FeedRow] = field(default_factory=dict)
    marks: dict[EpochKey, Mark] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    quarantined: list[tuple[int, bytes, int, str, str]] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    whys: list[Why] = field(default_factory=list)
    imports: list[ImportedFile] = field(default_factory=list)
    audits: list[dict[str, object]] = field(default_factory=list)


class FakeTransaction:
    """All stores in one; the names of the ports lead back to it."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.agents = Agents(data)
        self.assets = Assets(data)
        self.feeds = Feeds(data)
        self.transitions = data.transitions
        self.findings = SimpleNamespace(add_why=data.whys.append)
        self.cases = self.outbox = SimpleNamespace()
        self.access = SimpleNamespace(audit=lambda **entry: data.audits.append(entry))
        self.imports = Imports(data)
        # Windows that people opened: there are none here.
        self.noise = SimpleNamespace(windows_in=lambda scopes, *, at_ms: [])


class Agents:
    def __init__(self, data: Data) -> None:
        self.data = data

    def add(self, agent: Agent) -> Agent:
        added = replace(agent, number=len(self.data.agents) + 1)
        self.data.agents[added.number] = added
        return added

    def by_id(self, agent_id: str) -> Agent | None:
        return next((one for one in self.data.agents.values() if one.id == agent_id), None)

    def by_host(self, *, machine_id: str, dmi_uuid: str) -> Agent | None:
        return next((one for one in self.data.agents.values() if one.machine_id == machine_id), None)

    def all(self, *, customer: str | None) -> Sequence[Agent]:
        return [one for one in self.data.agents.values() if customer in (None, one.customer)]

    def replace(self, agent: Agent) -> None:
        self.data.agents[agent.number] = agent

    def next_session(self, agent: int) -> int:
        known = self.data.agents[agent]
        self.data.agents[agent] = replace(known, session=known.session + 1)
        return known.session + 1

    def session(self, agent: int) -> int:
        return self.data.agents[agent].session

    def seen(self, agent: int, at_ms: int, *, stopped_cleanly: bool, by_file: bool = False) -> None:
        known = self.data.agents[agent]
        self.data.agents[agent] = replace(known, last_seen_ms=at_ms, stopped_cleanly=stopped_cleanly, by_file=by_file)

    def told_trust(self, agent: int, *, roots: str, issuer: str) -> None:
        self.data.agents[agent] = replace(self.data.agents[agent], roots=roots, issuer=issuer)

    def found_copies(self, agent: int, copies: str) -> None:
        self.data.agents[agent] = replace(self.data.agents[agent], copies=copies)


class Imports:
    def __init__(self, data: Data) -> None:
        self.data = data

    def add(self, file: ImportedFile) -> ImportedFile:
        assert self.find(file.agent, file.epoch, file.file) is None, "a file is taken once"
        added = replace(file, number=len(self.data.imports) + 1)
        self.data.imports.append(added)
        return added

    def last(self, agent: int, epoch: bytes) -> ImportedFile | None:
        mine = [one for one in self.data.imports if (one.agent, one.epoch) == (agent, epoch)]
        return mine[-1] if mine else None

    def find(self, agent: int, epoch: bytes, file: int) -> ImportedFile | None:
        wanted = (agent, epoch, file)
        return next((one for one in self.data.imports if (one.agent, one.epoch, one.file) == wanted), None)

    def of_agent(self, agent: int, *, limit: int) -> Sequence[ImportedFile]:
        return [one for one in reversed(self.data.imports) if one.agent == agent][:limit]

    def rejected(self, agent: int, epoch: bytes) -> int:
        return sum(one.rejected for one in self.data.imports if (one.agent, one.epoch) == (agent, epoch))


class Assets:
    def __init__(self, data: Data) -> None:
        self.data = data

    def by_number(self, asset: int) -> Asset:
        return self.data.assets[asset]

    def by_key(self, key: str) -> Asset | None:
        return next((one for one in self.data.assets.values() if one.key == key), None)

    def add(
        self,
        *,
        key: str,
        basis: str,
        facts: AssetFacts,
        customer: str,
        mode: AssetMode,
        joined_ms: int,
        live_from_ms: int,
    ) -> Asset:
        asset = Asset(
            id=len(self.data.assets) + 1,
            key=key,
            basis=IdentityBasis(basis),
            facts=facts,
            customer=customer,
            mode=mode,
            joined_ms=joined_ms,
            live_from_ms=live_from_ms,
        )
        self.data.assets[asset.id] = asset
        return asset

    def join(self, asset: int, mode: AssetMode, *, joined_ms: int, live_from_ms: int) -> None:
        known = self.data.assets[asset]
        self.data.assets[asset] = replace(known, mode=mode, joined_ms=joined_ms, live_from_ms=live_from_ms)

    def update_facts(self, asset: int, facts: AssetFacts) -> None:
        self.data.assets[asset] = replace(self.data.assets[asset], facts=facts)

    def bind(self, asset: int, agent: int) -> None:
        self.data.bound.add((asset, agent))

    def observers(self, asset: int) -> Sequence[int]:
        return sorted(agent for bound, agent in self.data.bound if bound == asset)

    def save_inventory(self, asset: int, source: str, agent: int, parts: Sequence[Part], at_ms: int) -> None:
        self.data.inventories[asset, source] = tuple(parts)

    def save_coverage(self, coverage: Coverage) -> None:
        self.data.coverages.append(coverage)

    def save_source_status(self, status: SourceStatus) -> None:
        self.data.statuses.append(status)

    def add_event(self, event: Event) -> bool:
        known = any(
            (one.stamp.asset, one.log, one.erase_stamp, one.record_id, one.raw)
            == (event.stamp.asset, event.log, event.erase_stamp, event.record_id, event.raw)
            for one in self.data.events
        )
        if not known:
            self.data.events.append(event)
        return not known

    def open_window(self, window: Window) -> None:
        self.data.windows = [one for one in self.data.windows if one.id != window.id] + [window]

    def windows(self, asset: int, at_ms: int) -> Sequence[Window]:
        return [one for one in self.data.windows if one.asset == asset and one.from_ms <= at_ms < one.until_ms]


class Feeds:
    def __init__(self, data: Data) -> None:
        self.data = data

    def marks(self, agent: int) -> Mapping[bytes, Mark]:
        return {key.epoch: mark for key, mark in self.data.marks.items() if key.agent == agent}

    def save_marks(self, marks: Mapping[EpochKey, Mark], *, sessions: Mapping[int, int]) -> None:
        for agent, session in sessions.items():
            if self.data.agents[agent].session > session:
                raise SessionSuperseded(f"a newer stream was accepted of agent {agent}")
        self.data.marks.update(marks)

    def feed(self, *, agent: int, asset: int, source: str) -> Feed:
        for known in self.data.feeds:
            if (known.agent, known.asset, known.source) == (agent, asset, source):
                return known
        made = Feed(number=len(self.data.feeds) + 1, agent=agent, asset=asset, source=source)
        self.data.feeds.append(made)
        return made

    def feeds(self, *, asset: int | None = None) -> Sequence[Feed]:
        return [feed for feed in self.data.feeds if asset in (None, feed.asset)]

    def add_catalogue(
        self,
        *,
        id: bytes,
        feed: Feed,
        period_ms: int,
        value_width: int,
        sensors: Sequence[Sensor],
        rehearsal: bool,
        body: bytes,
    ) -> Catalogue:
        known = self.catalogue(id, agent=feed.agent)
        if known is not None:
            return known
        for sensor in sensors:
            self.data.sensors.setdefault((feed.number, sensor.id), len(self.data.sensors) + 1)
        made = Catalogue(
            number=len(self.data.catalogues) + 1,
            id=id,
            feed=feed.number,
            asset=feed.asset,
            source=feed.source,
            period_ms=period_ms,
            value_width=value_width,
            sensors=tuple(sensors),
            sensor_numbers=tuple(self.data.sensors[feed.number, sensor.id] for sensor in sensors),
            rehearsal=rehearsal,
        )
        self.data.catalogues.append((feed.agent, made))
        return made

    def catalogue(self, id: bytes, *, agent: int) -> Catalogue | None:
        return next((one for of, one in self.data.catalogues if of == agent and one.id == id), None)

    def catalogue_numbered(self, number: int) -> Catalogue:
        for _, one in self.data.catalogues:
            if one.number == number:
                return one
        raise NotFound(f"there is no catalogue {number}")

    def catalogue_ids(self, agent: int) -> Sequence[bytes]:
        return [one.id for of, one in self.data.catalogues if of == agent]

    def rows(self, feeds: Iterable[int]) -> Mapping[int, FeedRow]:
        return {feed: self.data.rows[feed] for feed in feeds if feed in self.data.rows}

    def save_rows(self, rows: Sequence[FeedRow]) -> None:
        self.data.rows.update({row.feed: row for row in rows})

    def quarantine(
        self, *, agent: int, epoch: bytes, sequence: int, status: str, detail: str, raw: bytes, at_ms: int
    ) -> None:
        self.data.quarantined.append((agent, epoch, sequence, status, detail))

    def add_loss(self, loss: Loss) -> None:
        self.data.losses.append(loss)

    def losses(self, *, agent: int | None, limit: int) -> Sequence[Loss]:
        return [one for one in self.data.losses if agent in (None, one.stamp.agent)][-limit:]

    def baselines(self, feeds: Iterable[int]) -> Sequence[Baseline]:
        return []


class FakeStateStore:
    def __init__(self) -> None:
        self.data = Data()
        self.fail_writes = 0
        self.writing = False

    @contextmanager
    def write(self) -> Iterator[Any]:
        assert not self.writing, "two write transactions at once"
        self.writing = True
        working = copy.copy(self.data)
        for name, value in vars(self.data).items():
            setattr(working, name, copy.copy(value))
        try:
            yield FakeTransaction(working)
            if self.fail_writes:
                self.fail_writes -= 1
                raise StoreFailed("the disk is on fire")
            self.data = working
        finally:
            self.writing = False

    @contextmanager
    def read(self) -> Iterator[Any]:
        yield FakeTransaction(self.data)

    def healthy(self) -> str:
        return ""

    def close(self) -> None: ...
