"""The command `decode`: reads captures and prints what they say as JSON lines. Called by `cli.py`; decoding itself is
the families' matter (`sensors/decoders.py`). The form of the lines is in `protos/README.md`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Recorded, Seen, Undecoded
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.reading import LIMIT_NAMES, Gap, Limits, Number, Reading, Sensor
from hardcase_agent.sensors.decoders import DECODERS

LARGEST_CAPTURE = 256 << 20
"""Bytes of one file or tree. The largest support bundle member seen, an SNMP walk of a chassis, has 40 MB."""
MOST_FILES = 200_000
LONGEST_MESSAGE = 199
LONGEST_QUOTE = 80
"""Characters without a gap or a path's stroke: a longer run in an error is junk, and its beginning tells that."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RUN = re.compile(rf"[^\s/]{{{LONGEST_QUOTE + 1},}}")
_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What steers a terminal and is no C0 control, which JSON escapes by itself: DEL, C1, the directions of writing."""
_LIMITS = (*LIMIT_NAMES, "hysteresis_rising", "hysteresis_falling")


def decode_file(kind: str, path: Path) -> Iterator[dict[str, Any]]:
    """The lines of one capture, each as a JSON object. `path` may be a folder where the kind is a tree of files."""
    try:
        capture = read(path)
    except (OSError, ValueError) as error:
        yield line_of(Undecoded(flaw=Flaw.REFUSED, message=f"cannot be read: {error}"), str(path))
        return
    try:
        for decoded in decode(kind, capture):
            yield line_of(decoded, str(path))
    except Exception as error:
        # A fault of a decoder is a defect here, and still must not cost what the other captures say.
        told = f"this decoder failed, please report it with the capture: {type(error).__name__}: {error}"
        yield line_of(Undecoded(flaw=Flaw.MALFORMED, message=told), str(path))


def decode(kind: str, capture: Capture) -> Iterable[Decoded]:
    """Raises KeyError for an unknown kind."""
    decoder = {one.kind: one for one in DECODERS}[kind]
    if not any(capture.files.values()):
        return (Undecoded(flaw=Flaw.EMPTY, message="the capture is empty"),)
    return decoder.module().decode(capture)


def read(path: Path) -> Capture:
    """A file, "-" for standard input, or a folder with everything below it. Raises OSError, or ValueError above the
    bounds."""
    if str(path) == "-":
        content = sys.stdin.buffer.read(LARGEST_CAPTURE + 1)
        if len(content) > LARGEST_CAPTURE:
            raise ValueError(f"larger than {LARGEST_CAPTURE} bytes")
        return Capture("standard input", {"": content})
    if not path.is_dir():
        # The size a pipe or a device states is 0, whatever comes out of it.
        with path.open("rb") as opened:
            content = opened.read(LARGEST_CAPTURE + 1)
        if len(content) > LARGEST_CAPTURE:
            raise ValueError(f"larger than {LARGEST_CAPTURE} bytes")
        return Capture(path.name, {"": content})
    files: dict[str, bytes] = {}
    left = LARGEST_CAPTURE
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            file = Path(folder, name)
            if not file.is_file():
                continue
            # Never more than the bound in memory, however large the file is.
            with file.open("rb") as opened:
                content = opened.read(left + 1)
            files[str(file.relative_to(path))] = content
            left -= len(content)
            if left < 0 or len(files) > MOST_FILES:
                raise ValueError(f"more than {LARGEST_CAPTURE} bytes or {MOST_FILES} files")
    return Capture(path.name, files)


def line_of(decoded: Decoded, file: str = "") -> dict[str, Any]:
    """One line, by its type."""
    match decoded:
        case Seen():
            return _reading_line(decoded)
        case Recorded():
            return _event_line(decoded)
        case Listed():
            ratings = {"ratings": dict(decoded.ratings)} if decoded.ratings else {}
            part = {**_part(decoded.part), **ratings}
            return {"type": "part", "asset": _asset(decoded.asset), "source": decoded.source, **part}
        case Undecoded():
            return {
                "type": "error",
                "kind": decoded.flaw.value,
                "message": _shown(decoded.message),
                "at": _printable(decoded.at),
                "file": file,
            }


def _shown(told: str) -> str:
    """Words about a capture, which may quote it: printable, and bounded as `Undecoded` promises."""
    cut = _RUN.sub(lambda run: f"{run[0][:LONGEST_QUOTE]}...", told[: 10 * LONGEST_MESSAGE])
    return _printable(cut)[:LONGEST_MESSAGE]


def _printable(told: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in told)


def _reading_line(seen: Seen) -> dict[str, Any]:
    sensor = seen.sensor
    said: dict[str, Any] = {
        "type": "reading",
        "asset": _asset(seen.asset),
        "source": seen.source,
        "part": _part(sensor.part),
        "sensor": {
            "id": sensor.id,
            "name": sensor.name,
            "kind": sensor.kind.value,
            "unit": sensor.unit.value,
            "quantity": sensor.quantity,
        },
    }
    if sensor.states:
        said["sensor"]["states"] = list(sensor.states)
    if sensor.comparison is not None:
        said["sensor"]["comparison"] = sensor.comparison
    said.update(_value(sensor, seen.reading))
    limits = _limits(sensor.limits)
    if limits:
        said["limits"] = limits
    said["time"] = iso(seen.time_ms)
    return said


def _value(sensor: Sensor, reading: Reading) -> dict[str, Any]:
    if isinstance(reading, Gap):
        return {"gap": {"reason": reading.reason.value, "detail": reading.detail}}
    if isinstance(reading, Number):
        return {"value": reading.value}
    return {"states": [name for bit, name in enumerate(sensor.states) if name and reading.bits >> bit & 1]}


def _limits(limits: Limits) -> dict[str, Any]:
    stated: dict[str, Any] = {name: getattr(limits, name) for name in _LIMITS if getattr(limits, name) is not None}
    return {**stated, "source": limits.source} if stated else {}


def _event_line(recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    return {
        "type": "event",
        "asset": _asset(recorded.asset),
        "source": recorded.source,
        "part": _part(event.part),
        "log": event.log,
        "record_id": event.record_id,
        "code": event.code,
        "asserted": event.asserted,
        "sensor": event.sensor,
        "text": event.text,
        "raw": event.raw.hex(),
        "time": iso(event.device_ms),
    }


def _asset(asset: Asset) -> dict[str, str]:
    said = {"vendor": asset.vendor, "model": asset.model, "serial": asset.serial}
    for name in ("uuid", "node", "hostname"):
        if getattr(asset, name):
            said[name] = getattr(asset, name)
    return {**said, "kind": asset.kind}


def _part(part: Part) -> Mapping[str, Any]:
    said: dict[str, Any] = {
        "class": part.component.value,
        "slot": part.slot,
        "model": part.model,
        "serial": part.serial,
        "part_number": part.part_number,
        "firmware": part.firmware,
    }
    if part.paths:
        said["paths"] = list(part.paths)
    if part.wwn:
        said["wwn"] = part.wwn
    return said


def iso(time_ms: int) -> str | None:
    """RFC 3339 in UTC with milliseconds; None for 0 and for what no calendar holds."""
    if time_ms == 0:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(lines: Iterable[Mapping[str, Any]], out: BinaryIO) -> bool:
    """Prints each line as it comes, as UTF-8 whatever the locale; True when none was an error."""
    good = True
    for line in lines:
        good = good and line["type"] != "error"
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        text = _STEERING.sub(lambda one: f"\\u{ord(one[0]):04x}", text)
        # A capture may hold half of a surrogate pair, which no encoding has.
        out.write(text.encode("utf-8", "replace") + b"\n")
    return good
