"""The telemetry store in memory, held to the contract of `tests/contracts/telemetry_store.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.observation import Catalogue, Frame
from hardcase_collector.domain.ports import EpochKey, Mark, Recount, Sample
from hardcase_collector.storage.telemetry.tables import StoredCatalogue, class_of
from hardcase_collector.storage.telemetry.unpacking import sample_of


class FakeTelemetryStore:
    """`fail_next` makes that many appends fail."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._marks: dict[EpochKey, Mark] = {}
        self.fail_next = 0

    def append(self, frames: Sequence[Frame], marks: Mapping[EpochKey, Mark]) -> None:
        if self.fail_next:
            self.fail_next -= 1
            raise StoreFailed("the disk is on fire")
        for frame in frames:
            mark = self._marks.get(EpochKey(frame.agent, frame.epoch))
            if mark is None or mark.through < frame.sequence:
                self.frames.append(frame)
        for key, mark in marks.items():
            if key not in self._marks or self._marks[key].through < mark.through:
                self._marks[key] = mark

    def marks(self, agent: int) -> Mapping[bytes, Mark]:
        return {key.epoch: mark for key, mark in self._marks.items() if key.agent == agent}

    def series(self, sensor_number: int, *, from_ms: int, until_ms: int, limit: int) -> Sequence[Sample]:
        found = [
            sample_of(
                stored(frame.catalogue),
                frame.catalogue.sensor_numbers.index(sensor_number),
                time_ms=frame.time_ms,
                numbers=frame.values,
                states=frame.states,
                gap_index=frame.gap_index,
                gap_reason=frame.gap_reason,
                offsets_ms=frame.offsets_ms,
            )
            for frame in self.frames
            if sensor_number in frame.catalogue.sensor_numbers
        ]
        found = [sample for sample in found if from_ms <= sample.time_ms < until_ms]
        return sorted(found, key=lambda sample: sample.time_ms)[-limit:]

    def maintain(self, now_ms: int) -> None: ...

    def recount(self) -> Recount:
        times = Counter((frame.agent, frame.epoch, frame.sequence) for frame in self.frames)
        by_epoch = Counter(EpochKey(agent, epoch) for agent, epoch, _ in times.elements())
        return Recount(
            frames=len(self.frames),
            samples=sum(len(frame.catalogue.sensors) for frame in self.frames),
            doubled=len(self.frames) - len(times),
            by_epoch=dict(by_epoch),
        )

    def healthy(self) -> str:
        return "the disk is on fire" if self.fail_next else ""

    def close(self) -> None: ...


def stored(catalogue: Catalogue) -> StoredCatalogue:
    return StoredCatalogue(
        catalogue.number,
        catalogue.feed,
        catalogue.value_width,
        catalogue.numbers,
        class_of(catalogue),
        catalogue.sensor_numbers,
    )
