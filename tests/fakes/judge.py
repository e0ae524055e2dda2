"""A judge and a desk for tests of intake: a limit of 90 on every number, events by their code; remembers all it saw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.domain.finding import Change, FindingKey, Severity, Transition
from hardcase_collector.domain.observation import Catalogue, Event, Frame, Inventory, SourceStatus
from hardcase_collector.domain.ports import Baseline, Feed, FeedRow, Transaction

LIMIT = 90.0


@dataclass(slots=True)
class FakeFeedState:
    feed: Feed
    catalogue: Catalogue | None
    firing: dict[str, int] = field(default_factory=dict)
    """Sensor id -> since ms."""
    seen: int = 0
    time_ms: int = 0
    last: bytes = b""


class FakeJudge:
    """Fires when a number goes above 90, clears when it comes back. `explode_on` breaks on that many-eth frame."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, int]] = []
        self.statuses: list[tuple[int, str]] = []
        self.break_on: set[int] = set()
        self.bad: set[int] = set()
        self.remember = True

    def open_feed(
        self,
        feed: Feed,
        catalogue: Catalogue | None,
        row: FeedRow | None,
        baselines: Sequence[Baseline],
        *,
        rehearsal: bool,
    ) -> FakeFeedState:
        state = FakeFeedState(feed, catalogue)
        if row is not None:
            stored = json.loads(row.state)
            state.firing, state.seen = stored["firing"], stored["seen"]
            state.time_ms = row.time_ms
        return state

    def use_catalogue(self, state: FakeFeedState, catalogue: Catalogue) -> None:
        state.catalogue = catalogue
        state.last = b""

    def use_baselines(self, state: FakeFeedState, baselines: Sequence[Baseline]) -> None: ...

    def frame(self, state: FakeFeedState, frame: Frame) -> Sequence[Transition]:
        if frame.sequence in self.break_on:
            raise ZeroDivisionError("the judge broke")
        if frame.sequence in self.bad:
            raise BadRecord("the judge refuses it")
        if self.remember:
            self.frames.append((frame.agent, frame.sequence))
        state.seen += 1
        state.time_ms = frame.time_ms
        if frame.values == state.last:
            return ()
        state.last = frame.values
        values = np.frombuffer(frame.values, "<f4" if frame.catalogue.value_width == 4 else "<f8")
        above = values > LIMIT
        if not state.firing and not above.any():
            return ()
        moved = []
        for at, sensor in enumerate(frame.catalogue.sensors[: len(values)]):
            if bool(above[at]) != (sensor.id in state.firing):
                moved.append(self._move(state, frame, sensor.id, bool(above[at])))
        return moved

    def _move(self, state: FakeFeedState, frame: Frame, sensor: str, fires: bool) -> Transition:
        if fires:
            state.firing[sensor] = frame.time_ms
        else:
            del state.firing[sensor]
        return transition(
            asset=state.feed.asset,
            feed=state.feed.number,
            sensor=sensor,
            time_ms=frame.time_ms,
            fires=fires,
            backlog=frame.backlog,
        )

    def event(self, state: FakeFeedState, event: Event, *, history: bool) -> Sequence[Transition]:
        if history:
            return ()
        return [
            transition(
                asset=event.stamp.asset,
                feed=state.feed.number,
                sensor=event.code,
                time_ms=event.stamp.time_ms,
                fires=event.asserted,
                backlog=event.stamp.backlog,
            )
        ]

    def inventory(self, state: FakeFeedState, inventory: Inventory) -> Sequence[Transition]:
        return ()

    def status(self, state: FakeFeedState, status: SourceStatus) -> Sequence[Transition]:
        self.statuses.append((status.stamp.agent, status.state))
        return ()

    def tick(self, state: FakeFeedState, *, now_ms: int, silent: bool) -> Sequence[Transition]:
        return ()

    def row(self, state: FakeFeedState, *, received_ms: int) -> FeedRow:
        stored = json.dumps({"firing": state.firing, "seen": state.seen}).encode()
        number = state.catalogue.number if state.catalogue is not None else 0
        return FeedRow(
            feed=state.feed.number, catalogue=number, state=stored, time_ms=state.time_ms, received_ms=received_ms
        )


def transition(*, asset: int, feed: int, sensor: str, time_ms: int, fires: bool, backlog: bool) -> Transition:
    from hardcase_collector.domain.asset import Part

    return Transition(
        key=FindingKey(asset=asset, feed=feed, rule="above", part="", sensor=sensor),
        change=Change.RAISED if fires else Change.CLEARED,
        severity=Severity.MAJOR if fires else Severity.CLEARED,
        fault_class="thermal.overheated",
        repair_group="thermal",
        part=Part(),
        time_ms=time_ms,
        backlog=backlog,
        rehearsal=False,
        self_clearing=False,
        soak_s=0,
        opens=True,
    )


class FakeDesk:
    """Keeps what it was given, once the transaction it was given in has ended well."""

    def __init__(self) -> None:
        self.caught: list[tuple[int, ...]] = []
        self.ticks = 0

    def apply(self, tx: Transaction, transitions: Sequence[Transition], *, now_ms: int) -> None:
        keep = getattr(tx, "transitions", None)
        if keep is not None:
            keep.extend(transitions)

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        self.ticks += 1

    def caught_up(self, tx: Transaction, *, assets: Sequence[int], now_ms: int) -> None:
        self.caught.append(tuple(assets))
