"""Capture kind `kernel-log`: dmesg, syslog, journal, pstore, mcelog, smartd's and mdadm's mail, to events and counts.

Rows of the event log and of sensor tables that stand among them go to the families that own those texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Recorded, Seen, Undecoded
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.reading import Kind, Number, Sensor, States, Unit
from hardcase_agent.sensors import decoders
from hardcase_agent.sensors.kernel import quoted_lines
from hardcase_agent.sensors.kernel.log_line import Line, read_line
from hardcase_agent.sensors.kernel.log_reader import Counted, Found, LogReader, Told, event_of
from hardcase_agent.sensors.kernel.log_writers import RULES, read_whole

SOURCE = "kernel.log"
_MOST_UNKNOWN = 5_000
"""Lines kept for the array tools' parser: a mail or ticket has less, and a long log does not quote a tool."""
_ARRAYS = re.compile(
    r"physicaldrive \S+:\S+|logicaldrive \d|Firmware state:|Media Error Count|Battery Replacement required"
    r"|\bBattery State|^EID:Slt|blocks .*\[\d+/\d+\]|^ *state: (?:DEGRADED|FAULTED|ONLINE|UNAVAIL)|Cache Status"
)

_FREEIPMI = "sel "
_HEADING = "ID | Date | Time | Name | Type | Event\n"
"""Of ipmi-sel's table: whoever quotes a row leaves it out, and its columns are not known without."""
_ROWS = (
    # ipmitool sel list/elist: record, date or Pre-Init, time, ...
    ("sel", re.compile(r"\s*[0-9a-fA-F]{1,4} *\| *(?:\d{1,2}/\d{1,2}/\d{2,4}|Pre-Init\b.*?) *\|.*\|")),
    # ipmi-sel: number, month-day-year or PostInit, time, ...
    (_FREEIPMI, re.compile(r"\d+ *\| *(?:[A-Z][a-z]{2}-\d\d-\d{4}|PostInit) *\| *[\d:]+ *\|.*\|")),
    # ipmi-sensors: number, name, type, ...; ipmitool sensor and sdr elist: name, value, ...
    ("ipmitool", re.compile(r"\d+ *\| [^|]+\| [^|]+\|.*\|")),
    ("ipmitool", re.compile(r"[^|]{1,32}\| *(?:-?[\d.]+|na|0x[0-9a-f]+|[0-9a-fA-F]{2}h) *\|.*\|")),
)


def decode(capture: Capture) -> Iterable[Decoded]:
    text = capture.text
    if _is_binary(capture.data):
        return (Undecoded(flaw=Flaw.FOREIGN, message="this is not text"),)
    return _decode(text, capture.name)


def _decode(text: str, name: str) -> Iterator[Decoded]:
    reader = LogReader(RULES, read_whole)
    rows: dict[str, list[str]] = {}
    unknown: list[tuple[int, str]] = []
    for number, raw in enumerate(text.split("\n"), 1):
        if not raw:
            continue
        kind = _row_kind(raw) if "|" in raw else ""
        if kind:
            rows.setdefault(kind, []).append(raw)
        elif not reader.take(read_line(raw, number)) and len(unknown) < _MOST_UNKNOWN:
            unknown.append((number, raw))
    told = reader.finish()
    asset = reader.identities.asset
    yield from decoded_of(told, asset)
    for kind, lines in rows.items():
        heading = _HEADING if kind == _FREEIPMI else ""
        yield from _by_owner(kind.strip(), heading + "\n".join(lines) + "\n", name)
    yield from _quoted(unknown, name, asset)


def _quoted(lines: list[tuple[int, str]], name: str, asset: Asset) -> Iterator[Decoded]:
    """A ticket or mail that quotes the controller's tool: as an output where it is one, else line by line."""
    told_by_tool: list[Decoded] = []
    text = "\n".join(line for _, line in lines) + "\n"
    if any(_ARRAYS.search(line) for _, line in lines):
        told_by_tool = [one for one in _by_owner("arrays", text, name) if not isinstance(one, Undecoded)]
    yield from told_by_tool
    known = {
        one.sensor.part.component
        for one in told_by_tool
        if isinstance(one, Seen) and one.sensor.states and isinstance(one.reading, States)
    }
    further = (
        Told(Line(said, number), outcome)
        for number, said, outcome in quoted_lines.read(lines)
        if outcome.part.component not in known
    )
    yield from decoded_of(further, asset)


def _row_kind(raw: str) -> str:
    return next((kind for kind, pattern in _ROWS if pattern.match(raw)), "")


def _by_owner(kind: str, text: str, name: str) -> Iterator[Decoded]:
    owner = next((one for one in decoders.DECODERS if one.kind == kind), None)
    if owner is not None:
        yield from owner.module().decode(Capture(name, {"": text.encode()}))


def _is_binary(data: bytes) -> bool:
    head = data[:4096]
    return head.count(0) > len(head) // 20


def decoded_of(told: Iterable[Told], asset: Asset) -> Iterator[Decoded]:
    """Events in their order; of each counter the last level that was told."""
    levels: dict[tuple[str, str], Told] = {}
    for one in told:
        if isinstance(one.outcome, Found):
            yield Recorded(asset=asset, source=SOURCE, event=event_of(one))
        else:
            levels[(one.outcome.quantity, one.outcome.part.slot)] = one
    for one in levels.values():
        assert isinstance(one.outcome, Counted)
        yield _seen(one.line, one.outcome, asset)


def _seen(line: Line, counted: Counted, asset: Asset) -> Seen:
    part = counted.part
    sensor = Sensor(
        id=f"{part.serial or part.slot}/{counted.quantity}",
        name=f"{part.slot} {counted.quantity.partition('.')[2].replace('_', ' ')}",
        kind=Kind.COUNT,
        unit=Unit.ONE,
        part=part,
        quantity=counted.quantity,
    )
    return Seen(asset=asset, source=SOURCE, sensor=sensor, reading=Number(counted.value), time_ms=line.when_ms)
