"""Captures of disks to readings: smartctl's JSON and text, scans, nvme-cli and hddtemp. Called by `decoding.py`.

Splits a capture into documents; what each says is told by `report.py`, as on the live path. Several documents may be
in one file, with junk before, between and after them, and may be of one disk by several paths.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Seen, Undecoded, is_cut_json
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading
from hardcase_agent.sensors.smart import measure, nvme_cli, report, text
from hardcase_agent.sensors.smart.measure import Document, Measure
from hardcase_agent.sensors.smart.report import DiskReport

SOURCE = "smart"
MOST_DOCUMENTS = 20_000
"""In one capture; a support bundle of a full rack has hundreds."""
_MOST_REPORTS = 5000
"""Texts in one capture."""
_DEEPEST = 4
"""Where documents lie inside others: {"sda": {...}}, [{...}], {"results": {"data": [...]}}."""
_SAME_MS = 600_000
"""Reports of one disk by two paths come within minutes; later ones are another sweep."""

_DECODER = json.JSONDecoder()
_OPENING = re.compile(r"\{(?=\s{0,200}\")|\[(?=\s{0,200}[\[{])")
_WINDOW = 1 << 16
_MOST_FAILURES = 500
"""Broken pieces in one capture, after which it is no JSON."""
_SKIPPED, _DEEP_FAILURE = 1000, 25
"""Characters passed over where JSON is nested deeper than Python goes, and for how many failures that counts."""

_SCAN_LINE = re.compile(r"^(?:# )?(/\S{1,400}|IOService:.{1,600}?) -d (\S{1,60}) #", re.M)
_TEST_LINE = re.compile(r"^(/\S{1,400}): Device of type '([^']{1,60})' .{0,60}(?:detected|opened)$", re.M)
_HDDTEMP = re.compile(r"\|(/[^|\n]{1,400})\|([^|\n]{0,200})\|(-?\d{1,3}|SLP|UNK|NA|ERR|NOS)\|([CF*])\|")
_ASCTIME = re.compile(r"\w{3} (\w{3}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})(?: +(UTC|GMT))$")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_UNREAD = {
    GapReason.UNSUPPORTED: Flaw.NOTHING_KNOWN,
    GapReason.DISABLED: Flaw.REFUSED,
    GapReason.DENIED: Flaw.REFUSED,
    GapReason.ABSENT: Flaw.REFUSED,
    GapReason.ERROR: Flaw.REFUSED,
}


@dataclass(slots=True)
class _Answer:
    """One report of the capture, and what others of the same disk add to it."""

    told: DiskReport
    time_ms: int
    at: str
    paths: set[str] = field(default_factory=set)


def decode(capture: Capture) -> Iterable[Decoded]:
    found: list[_Answer | Decoded] = []
    for path, data in capture.files.items():
        found += _of_file(Capture(path or capture.name, {"": data}), at=path)
    answers = _one_per_disk([entry for entry in found if isinstance(entry, _Answer)])
    others = [entry for entry in found if not isinstance(entry, _Answer)]
    return [*others, *(line for answer in answers for line in _lines(answer))]


def _of_file(file: Capture, *, at: str) -> list[_Answer | Decoded]:
    """`at`: its place in a folder, "" for a single file."""
    data = file.text.removeprefix("\ufeff")
    spans: list[tuple[int, int]] = []
    found = list(_from_json(file, data, spans))
    if not found:
        found = list(_from_text(file, data))
    elif text.has_banner(rest := _without(data, spans)):
        found += _from_text(file, rest)
    if found:
        return found
    if text.has_banner(data):
        return [Undecoded(flaw=Flaw.NOTHING_KNOWN, message="smartctl, but neither health nor counters", at=at)]
    if not data.strip():
        return [Undecoded(flaw=Flaw.EMPTY, message="there is nothing in it", at=at)]
    if is_cut_json(data):
        message = f"a JSON document ends in its middle, after {len(data.strip())} characters: {_start(data)}"
        return [Undecoded(flaw=Flaw.TRUNCATED, message=message, at=at)]
    return [Undecoded(flaw=Flaw.FOREIGN, message=f"nothing of smartctl or nvme-cli: {_start(data)}", at=at)]


def _without(data: str, spans: list[tuple[int, int]]) -> str:
    edges = [0, *(edge for span in spans for edge in span), len(data)]
    return "\n".join(data[edges[index] : edges[index + 1]] for index in range(0, len(edges), 2))


def _from_json(capture: Capture, data: str, spans: list[tuple[int, int]]) -> Iterator[_Answer | Decoded]:
    """`spans` takes where documents began and ended."""
    for begin, end, document in _json_documents(data):
        spans.append((begin, end))
        if isinstance(document, Undecoded):
            yield document
            continue
        for inner in _unwrapped(document):
            yield from _of_document(capture, inner, f"character {begin}")


def _json_documents(data: str) -> Iterator[tuple[int, int, Any]]:
    """Each JSON object or list with its place. A broken one is told once; its remains are not searched for others.

    After a failure the search goes on where the decoder stopped, so that no byte is read twice.
    """
    position, number, failures = 0, 0, 0
    while number < MOST_DOCUMENTS and failures < _MOST_FAILURES:
        begin = _OPENING.search(data, position)
        if begin is None:
            return
        here = begin.start()
        try:
            value, position = _decode_at(data, here)
        except json.JSONDecodeError as error:
            failures += 1
            position = here + max(1, error.pos)
            if _looks_like_ours(data[here : here + 2000]):
                number += 1
                yield here, position, _broken(data, here, position)
            continue
        except (RecursionError, ValueError):  # Too deep, or a number of more than 4300 digits.
            failures += _DEEP_FAILURE
            position = here + _SKIPPED
            continue
        if value and isinstance(value, dict | list):
            number += 1
            yield here, position, value


def _decode_at(data: str, here: int) -> tuple[Any, int]:
    """The value and where it ends. In windows: the decoder's error counts the lines of all that it was given."""
    size = _WINDOW
    while True:
        try:
            value, length = _DECODER.raw_decode(data[here : here + size])
            return value, here + length
        except json.JSONDecodeError as error:
            # An unfinished string is told at its beginning: only a stop far inside the window is a broken document.
            if here + size >= len(data) or (error.pos < size // 2 and not error.msg.startswith("Unterminated")):
                raise
            size *= 8


def _looks_like_ours(start: str) -> bool:
    return start.startswith("{") and ('"smartctl"' in start or '"json_format_version"' in start)


def _broken(data: str, begin: int, stopped: int) -> Undecoded:
    ended = not data[stopped:].strip() or data[stopped : stopped + 1] == ""
    unfinished = ended or data.find("\n", stopped) == -1
    flaw = Flaw.TRUNCATED if unfinished else Flaw.MALFORMED
    message = "a JSON document ends in its middle" if unfinished else "a JSON document is broken"
    return Undecoded(flaw=flaw, message=f"{message}, after {stopped - begin} characters", at=f"character {stopped}")


def _unwrapped(value: Any) -> Iterator[Document]:
    """The documents of smartctl or nvme-cli in it, also those that something wrapped into its own."""
    stack = [(value, 0)]
    while stack:
        here, depth = stack.pop()
        if isinstance(here, Mapping):
            if _is_ours(here):
                yield here
            elif depth < _DEEPEST:
                stack += [(inner, depth + 1) for inner in reversed(list(here.values()))]
        elif isinstance(here, list) and depth < _DEEPEST:
            stack += [(inner, depth + 1) for inner in reversed(here)]


def _is_ours(value: Mapping[str, Any]) -> bool:
    keys = (
        "smartctl",
        "ata_smart_attributes",
        "nvme_smart_health_information_log",
        "scsi_error_counter_log",
        "Devices",
    )
    return any(key in value for key in keys) or nvme_cli.is_log(value)


def _of_document(capture: Capture, document: Document, place: str) -> Iterator[_Answer | Decoded]:
    if nvme_cli.is_log(document):
        document = nvme_cli.health_document(document)
    elif "Devices" in document:
        yield from (Listed(asset=Asset(), source=SOURCE, part=part) for part in nvme_cli.listed(document))
        return
    elif "devices" in document and "device" not in document:
        yield from _scanned(document)
        return
    yield _answer(capture, _with_protocol(document), place)


def _with_protocol(document: Document) -> Document:
    """A document that lost its `device` still says by its logs what it is of."""
    if measure.text(document, "device", "protocol"):
        return document
    logs = (("ata_smart_attributes", "ATA"), ("nvme_smart_health_information_log", "NVMe"), ("scsi_", "SCSI"))
    for start, protocol in logs:
        if any(key.startswith(start) for key in document):
            return {**document, "device": {**measure.table(document, "device"), "protocol": protocol}}
    return document


def _scanned(document: Document) -> Iterator[Decoded]:
    rows = list(measure.rows(document, "devices"))[:MOST_DOCUMENTS]
    for row in rows:
        trouble = measure.text(row, "open_error")
        path, kind = measure.text(row, "name"), measure.text(row, "type")
        if trouble:
            yield Undecoded(flaw=Flaw.REFUSED, message=f"smartctl could not open it: {trouble[:120]}", at=path)
        if path:
            yield Listed(asset=Asset(), source=SOURCE, part=_place(path, kind))
    if not rows:
        yield Undecoded(flaw=Flaw.NOTHING_KNOWN, message="smartctl's scan found no disk")


def _place(path: str, kind: str) -> Part:
    return Part(component=Component.DISK, slot=report.slot_of(kind), paths=(path,))


def _from_text(capture: Capture, data: str) -> Iterator[_Answer | Decoded]:
    for place, block in enumerate(text.split_reports(data)[:_MOST_REPORTS], start=1):
        document = nvme_cli.text_document(block)
        if document is None and text.is_report(block):
            document = text.parse_text(block)
            if not measure.text(document, "device", "protocol") and not document["smartctl"].get("messages"):
                document = None
        if document is not None:
            yield _answer(capture, document, f"report {place}")
        else:
            yield from _small_text(block)


def _small_text(block: str) -> Iterator[Decoded]:
    """Scans, `-d test` and hddtemp: what tells of disks without reading them."""
    places = [_place(path, kind) for path, kind in (*_SCAN_LINE.findall(block), *_TEST_LINE.findall(block))]
    for part in dict.fromkeys(places):
        yield Listed(asset=Asset(), source=SOURCE, part=part)
    for path, model, value, unit in _HDDTEMP.findall(block):
        part = Part(component=Component.DISK, model=" ".join(model.split()), paths=(path,))
        sensor = measure.sensor_of(Measure("disk.temperature", Gap(GapReason.ASLEEP)), f"place/{path}", part)
        yield Seen(asset=Asset(), source=SOURCE, sensor=sensor, reading=_hddtemp(value, unit))


def _hddtemp(value: str, unit: str) -> Reading:
    if value == "SLP":
        return Gap(GapReason.ASLEEP, "asleep")
    if unit not in "CF" or not value.lstrip("-").isdigit():
        return Gap(GapReason.ERROR, f"hddtemp says {value}")
    return Number(float(value) if unit == "C" else (float(value) - 32) / 1.8)


def _answer(capture: Capture, document: Document, place: str) -> _Answer:
    # Text does not say which device it is of: of several reports in one file only the first is known by the file.
    first = place in ("report 1", "character 0")
    path = measure.text(document, "device", "name") or (capture.name if first else f"{capture.name} {place}")
    kind = measure.text(document, "device", "type")
    told = report.report_of(document, path=path, slot=report.slot_of(kind))
    return _Answer(told, _time_ms(document), place, {path})


def _time_ms(document: Document) -> int:
    seconds = measure.number(document, "local_time", "time_t")
    if seconds is not None:
        return int(seconds * 1000) if 0 < seconds < 1 << 40 else 0
    # A zone's short name means several zones: only UTC is sure.
    found = _ASCTIME.match(measure.text(document, "local_time", "asctime"))
    if found is None or found[1] not in _MONTHS:
        return 0
    try:
        day, hour, minute, second, year = (int(found[index]) for index in (2, 3, 4, 5, 6))
        told = datetime(year, _MONTHS.index(found[1]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return 0
    return int(told.timestamp() * 1000)


def _one_per_disk(answers: list[_Answer]) -> list[_Answer]:
    """One disk behind several paths is counted once: the fullest report counts, with all the paths."""
    kept: list[_Answer] = []
    newest: dict[str, int] = {}
    for answer in answers:
        at = newest.get(answer.told.identity)
        other = kept[at] if at is not None else None
        if at is None or other is None or not _same_sweep(other, answer):
            newest[answer.told.identity] = len(kept)
            kept.append(answer)
            continue
        fuller = answer if len(answer.told.sensors) > len(other.told.sensors) else other
        fuller.paths = answer.paths | other.paths
        kept[at] = fuller
    return kept


def _same_sweep(one: _Answer, other: _Answer) -> bool:
    if one.told.identity.startswith("place/") and one.told.part != other.told.part:
        return False
    if not one.time_ms or not other.time_ms:
        return one.paths != other.paths or one.told == other.told
    return abs(one.time_ms - other.time_ms) <= _SAME_MS


def _lines(answer: _Answer) -> Iterator[Decoded]:
    told = answer.told
    part = replace(told.part, paths=tuple(sorted(answer.paths)))
    if told.trouble is not None:
        yield from _untold(answer, part, told.trouble)
        return
    yield Listed(asset=Asset(), source=SOURCE, part=part)
    for sensor, reading in zip(told.sensors, told.readings, strict=True):
        yield Seen(
            asset=Asset(),
            source=SOURCE,
            sensor=replace(sensor, part=part),
            reading=reading,
            time_ms=answer.time_ms,
        )


def _untold(answer: _Answer, part: Part, trouble: Gap) -> Iterator[Decoded]:
    """A disk that did not answer is no healthy disk: its health is a gap, and why is an error unless it sleeps."""
    if part.model or part.serial:
        yield Listed(asset=Asset(), source=SOURCE, part=part)
    flaw = _UNREAD.get(trouble.reason)
    if flaw is not None:
        yield Undecoded(flaw=flaw, message=trouble.detail[:180], at=answer.at)
    sensor = measure.sensor_of(Measure("disk.health", trouble), answer.told.identity, part)
    yield Seen(asset=Asset(), source=SOURCE, sensor=sensor, reading=trouble, time_ms=answer.time_ms)


def _start(data: str) -> str:
    return repr(" ".join(data[:80].split()))
