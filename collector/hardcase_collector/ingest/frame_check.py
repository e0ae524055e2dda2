"""Whether the columns of a frame fit each other and their catalogue. Intake asks it before anything is stored."""

from __future__ import annotations

from array import array
from itertools import pairwise
from sys import byteorder

from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.ingest.books import CatalogueBook
from hardcase_collector.ingest.incoming import IncomingFrame


def check_frame(frame: IncomingFrame, book: CatalogueBook) -> None:
    """Raises BadRecord, naming the column. The common frame, all lengths right and no gap, costs four comparisons."""
    if len(frame.values) != book.values_length:
        raise BadRecord(f"values: {len(frame.values)} bytes, the catalogue needs {book.values_length}")
    if len(frame.states) != book.states_length:
        raise BadRecord(f"states: {len(frame.states)} bytes, the catalogue needs {book.states_length}")
    if frame.gap_index or frame.gap_reason or frame.gap_age_s:
        _check_gaps(frame, book.sensors)
    if frame.offsets_ms and len(frame.offsets_ms) != 4 * book.sensors:
        raise BadRecord(f"offsets_ms: {len(frame.offsets_ms)} bytes, the catalogue needs {4 * book.sensors}")


def _check_gaps(frame: IncomingFrame, sensors: int) -> None:
    count = len(frame.gap_reason)
    if len(frame.gap_index) != 2 * count or len(frame.gap_age_s) != 4 * count:
        raise BadRecord("gaps: index, reason and age are of different lengths")
    indexes = array("H", frame.gap_index)
    if byteorder == "big":
        indexes.byteswap()
    if indexes[-1] >= sensors:
        raise BadRecord(f"gap at sensor {indexes[-1]} of {sensors}")
    if any(here >= after for here, after in pairwise(indexes)):
        raise BadRecord("gap indexes do not ascend")
    if 0 in frame.gap_reason:
        raise BadRecord("a gap gives no reason")
