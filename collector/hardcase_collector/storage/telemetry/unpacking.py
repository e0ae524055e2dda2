"""Frames as stored back into samples: whole tables of them for sealing, one sensor of them for pages. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardcase_collector.domain.observation import GapReason
from hardcase_collector.domain.ports import Sample
from hardcase_collector.storage.telemetry.tables import StoredCatalogue


@dataclass(slots=True)
class FrameColumns:
    """Frames of one catalogue in order of time, as columns."""

    time_ms: Sequence[int]
    numbers: Sequence[bytes]
    states: Sequence[bytes]
    gap_index: Sequence[bytes]
    gap_reason: Sequence[bytes]
    offsets_ms: Sequence[bytes]


@dataclass(slots=True)
class SampleColumns:
    """Samples sorted by sensor, then time. Where `gap` is not 0 there is neither value nor states."""

    sensor: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    has_value: NDArray[np.bool_]
    states: NDArray[np.uint32]
    has_states: NDArray[np.bool_]
    gap: NDArray[np.uint8]


def explode(catalogue: StoredCatalogue, frames: FrameColumns) -> SampleColumns:
    """Every sample of the frames. A NaN without a gap becomes a gap of reason ERROR: never a number."""
    count, width = len(frames.time_ms), len(catalogue.sensors)
    numbers = catalogue.numbers
    dtype = "<f4" if catalogue.value_width == 4 else "<f8"
    value = np.full((width, count), np.nan)
    value[:numbers] = np.frombuffer(b"".join(frames.numbers), dtype).reshape(count, numbers).T
    states = np.zeros((width, count), np.uint32)
    states[numbers:] = np.frombuffer(b"".join(frames.states), "<u4").reshape(count, width - numbers).T
    gap = np.zeros((width, count), np.uint8)
    gap[:numbers][np.isnan(value[:numbers])] = GapReason.ERROR
    lengths = np.fromiter((len(reasons) for reasons in frames.gap_reason), np.int64, count)
    if lengths.any():
        index = np.frombuffer(b"".join(frames.gap_index), "<u2")
        gap[index, np.repeat(np.arange(count), lengths)] = np.frombuffer(b"".join(frames.gap_reason), np.uint8)
    time_ms = np.broadcast_to(np.asarray(frames.time_ms, np.int64), (width, count))
    if any(frames.offsets_ms):
        time_ms = time_ms.copy()
        for at, offsets in enumerate(frames.offsets_ms):
            if offsets:
                time_ms[:, at] += np.frombuffer(offsets, "<u4")
    order = np.argsort(np.asarray(catalogue.sensors), kind="stable")
    is_number = np.zeros(width, bool)
    is_number[:numbers] = True
    present = gap[order] == 0
    return SampleColumns(
        sensor=np.repeat(np.asarray(catalogue.sensors, np.int32)[order], count),
        time_ms=np.ascontiguousarray(time_ms[order]).reshape(-1),
        value=value[order].reshape(-1),
        has_value=(present & is_number[order, None]).reshape(-1),
        states=states[order].reshape(-1),
        has_states=(present & ~is_number[order, None]).reshape(-1),
        gap=gap[order].reshape(-1),
    )


def sample_of(
    catalogue: StoredCatalogue,
    index: int,
    *,
    time_ms: int,
    numbers: bytes,
    states: bytes,
    gap_index: bytes,
    gap_reason: bytes,
    offsets_ms: bytes,
) -> Sample:
    """One sensor of one frame."""
    if offsets_ms:
        time_ms += struct.unpack_from("<I", offsets_ms, 4 * index)[0]
    indexes = struct.unpack(f"<{len(gap_reason)}H", gap_index)
    if index in indexes:
        return Sample(time_ms=time_ms, value=None, states=None, gap=gap_reason[indexes.index(index)])
    if index >= catalogue.numbers:
        bits = struct.unpack_from("<I", states, 4 * (index - catalogue.numbers))[0]
        return Sample(time_ms=time_ms, value=None, states=bits, gap=0)
    width = catalogue.value_width
    value = struct.unpack_from("<f" if width == 4 else "<d", numbers, width * index)[0]
    if value != value:  # NaN
        return Sample(time_ms=time_ms, value=None, states=None, gap=int(GapReason.ERROR))
    return Sample(time_ms=time_ms, value=value, states=None, gap=0)
