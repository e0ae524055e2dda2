"""Event logs and inventories: python-ipmi's vectors and its reading of FRU images, the specification's words, verdicts.

What a capture of a log should hold is counted in its lines; what an inventory should hold are its serial numbers, read
by one regular expression that knows no tool.
"""

from __future__ import annotations

import array
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hardcase_agent.domain.capture import Capture, Listed, Recorded
from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.sensors.ipmi import fru_decoding, sel_decoding, sel_text
from hardcase_agent.sensors.ipmi.fru import Fru, FruArea, parse_area, parse_fru
from hardcase_agent.sensors.ipmi.sel import parse_entry
from pyipmi.fru import FruInventory

from tests.truth.comparison import Comparison, Truth, Verdict

DIFFERENCES = Path(__file__).with_name("sel_differences.toml")
CASES = "ipmi/sel_cases"
SENSOR_FORMATS = ("sdr", "sensor list", "ipmi-sensors", "ipmitool sensor")
TRUTHS = {
    "fault": Truth.FAULT,
    "no-fault": Truth.FALSE_ALARM,
    "no fault": Truth.FALSE_ALARM,
    "recovered": Truth.FALSE_ALARM,
    "false-alarm": Truth.FALSE_ALARM,
    "false alarm": Truth.FALSE_ALARM,
    "decode-trap": Truth.FALSE_ALARM,
    "decode trap": Truth.FALSE_ALARM,
}
"""Histories, unclear cases and traps for collectors say nothing of what must be raised now."""
CLASSES = {"temperature": ("thermal", "cpu.hot"), "sel": ("bmc",), "log": ("bmc",), "none": ()}
FIELDS = {"manufacturer": "manufacturer", "product_name": "name", "name": "name", "serial_number": "serial",
          "part_number": "part_number", "version": "version"}  # fmt: skip
"""python-ipmi's names of fields, and ours."""


def compare(folder: Path) -> Iterable[Comparison]:
    for made in _compared(folder):
        yield made if made.equal else _explained(made)


def _compared(folder: Path) -> Iterator[Comparison]:
    yield from _vectors(folder)
    yield from _images(folder)
    yield from _inventories(folder)
    yield from _specified(folder)
    for line in _cases(folder):
        yield from _records(line)


def verdicts(folder: Path) -> Iterable[Verdict]:
    for line in _cases(folder):
        kind = "ipmitool" if any(word in line["format"].lower() for word in SENSOR_FORMATS) else "sel"
        yield _verdict(line["id"], line["verdict"], line["component"], line["truth"], kind, line["text"])
    for path in _files(folder, "cases", "*.jsonl"):
        for incident in _lines(path):
            source = str(incident.get("evidence_source", ""))
            if not re.search(r"\bsel\b", source, re.IGNORECASE) or "ipmievd" in source:
                continue
            text = "\n".join(incident["evidence"])
            word = _incident_verdict(str(incident["ground_truth"]))
            yield _verdict(incident["id"], word, incident["component"], incident["ground_truth"], "sel", text)
    for path in _texts(folder, "sel"):
        capture = Capture(path.name, {"": path.read_bytes()})
        yield Verdict(name=str(path.relative_to(folder)), truth=Truth.UNKNOWN, captures=(("sel", capture),))
    for path in (*_texts(folder, "fru"), *_files(folder, "ipmi/fru_bin", "*.bin")):
        capture = Capture(path.name, {"": path.read_bytes()})
        yield Verdict(name=str(path.relative_to(folder)), truth=Truth.HEALTHY, captures=(("fru", capture),))


def _verdict(name: str, word: str, component: str, why: str, kind: str, text: str) -> Verdict:
    truth = TRUTHS.get(word.lower(), Truth.UNKNOWN)
    classes = tuple(one for part in re.split(r"[+/]", component) for one in CLASSES.get(part, (part,)))
    return Verdict(
        name=name,
        truth=truth,
        captures=((kind, Capture(name, {"": text.encode()})),),
        classes=classes if truth is Truth.FAULT else (),
        part=_part(why, text) if truth is Truth.FAULT and not {"+", "/"} & set(component) else (),
        why=why,
    )


def _part(why: str, text: str) -> tuple[str, ...]:
    """The part that the documentation names; else the only sensor of the excerpt."""
    named = re.search(r"\bP\d-DIMM\w+|\bDIMM_?[A-Z]\d\b", why)
    if named is not None:
        return (named[0],)
    sensors = set(re.findall(r"#0x[0-9a-f]{2}", text))
    return tuple(sensors) if len(sensors) == 1 else ()


def _incident_verdict(ground_truth: str) -> str:
    lower = ground_truth.lower()
    if "false alarm" in lower or "not a fault" in lower or lower == "transient":
        return "false-alarm"
    return "fault" if lower.startswith("hardware fault") else "unclear"


# ---- what there is -----------------------------------------------------------------------------------------------


def _files(folder: Path, below: str, pattern: str) -> list[Path]:
    return sorted((folder / below).glob(pattern)) if (folder / below).is_dir() else []


def _texts(folder: Path, word: str) -> list[Path]:
    return [
        path for path in _files(folder, "ipmi/text", "**/*.txt") if re.search(rf"(^|[_-]){word}([_.-]|$)", path.name)
    ]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def _cases(folder: Path) -> Iterator[dict[str, Any]]:
    for path in _files(folder, CASES, "*.jsonl"):
        yield from _lines(path)


# ---- event logs --------------------------------------------------------------------------------------------------


def _records(case: Mapping[str, Any]) -> Iterator[Comparison]:
    """Every line that begins like an entry of a log is one event; the same line twice is one."""
    begins = re.compile(r"\s*[0-9a-f]{1,4}\s*[|,]\s*(?:\d|Pre-Init|OEM)|[0-9a-f]{4} \d\d/\d\d/\d\d ", re.IGNORECASE)
    expected = {line.strip() for line in case["text"].splitlines() if begins.match(line)}
    expected |= set(re.findall(r"SEL Record ID.*", case["text"]))
    if not expected or any(word in case["format"].lower() for word in SENSOR_FORMATS):
        return
    decoded = list(sel_decoding.decode(Capture(case["id"], {"": case["text"].encode()})))
    found = sum(isinstance(one, Recorded) for one in decoded)
    yield _same(f"{CASES}/{case['id']}", "entries", str(len(expected)), str(found))


def _specified(folder: Path) -> Iterator[Comparison]:
    """The specification's own words for each state must lead to its offset."""
    for path in _files(folder, "ipmi/tables", "sensor_event_tables.json"):
        tables = json.loads(path.read_text(encoding="utf-8"))
        numbers = {name.lower(): int(number, 16) for number, name in tables["sensor_types"].items()}
        for name, states in tables["sensor_specific_offsets"].items():
            kind = numbers.get(name)
            if kind is None:
                kind = next((n for word, n in numbers.items() if word.endswith(name)), None)
            for offset, words in enumerate(states):
                if words.lower() == "reserved":
                    continue
                stated, _ = sel_text.stated(kind, words.replace('\\"', '"').partition(".  ")[0])
                got = str(stated.offset) if stated is not None else "unknown"
                yield _same("ipmi/tables", f"{name}: {words[:60]}", str(offset), got)


# ---- python-ipmi's vectors ---------------------------------------------------------------------------------------


def _vectors(folder: Path) -> Iterator[Comparison]:
    for path in _files(folder, "ipmi/bytes", "*.json"):
        for vector in json.loads(path.read_text(encoding="utf-8")):
            file = vector["test"].partition("::")[0]
            if file.endswith(("msgs/test_sel.py", "msgs/test_fru.py")):
                continue
            raws = [bytes.fromhex(one) for one in vector["bytes_hex"]]
            if file.endswith("test_sel.py"):
                yield from _event_vector(vector, raws)
            elif file.endswith("test_fru.py"):
                yield from _fru_vector(vector, raws[0])


def _event_vector(vector: Mapping[str, Any], raws: list[bytes]) -> Iterator[Comparison]:
    for index, (what, expected) in enumerate(vector["expected"]):
        event = parse_entry(raws[index if len(raws) > 1 else 0], 0, {})
        said = {
            "entry.type": "2" if event.sensor or event.part.slot.startswith("#") else "OEM",
            "entry.sensor_type": str(int(oem[1], 16)) if (oem := re.search(r"oem_([0-9a-f]{2})", event.text)) else "",
            "entry.event_direction": "0" if event.asserted else "1",
        }.get(what)
        if said is not None:
            yield _same(vector["test"], f"{what} {index}", expected, said)


def _fru_vector(vector: Mapping[str, Any], raw: bytes) -> Iterator[Comparison]:
    for what, expected in vector["expected"]:
        steps = what.split(".")
        if len(steps) < 3 or steps[-2] not in FIELDS or not expected.startswith("'"):
            continue
        area = parse_area("board", raw) if steps[0] == "area" else _area(parse_fru(raw), steps[1])
        yield _same(vector["test"], what, expected.strip("'").strip(), getattr(area, FIELDS[steps[-2]]))


def _area(fru: Fru, name: str) -> FruArea:
    area: FruArea = getattr(fru, name.split("_")[0])
    return area


# ---- images ------------------------------------------------------------------------------------------------------


def _images(folder: Path) -> Iterator[Comparison]:
    for path in _files(folder, "ipmi/fru_bin", "*.bin"):
        yield from _against_peer(str(path.relative_to(folder)), path.read_bytes())
    for path in _files(folder, "ipmi/emu", "*.sdr_fru.json"):
        for number, image in json.loads(path.read_text(encoding="utf-8")).get("fru", {}).items():
            yield from _against_peer(f"{path.relative_to(folder)}#{number}", bytes.fromhex(image["hex"]))


def _against_peer(capture: str, image: bytes) -> Iterator[Comparison]:
    """Every text of every area, as python-ipmi reads it; where it gives up there is nothing to compare."""
    try:
        peer = FruInventory(array.array("B", image), ignore_checksum=True)
    except Exception:
        return
    told = list(_peer_texts(peer))
    try:
        ours = parse_fru(image)
    except MalformedAnswer as error:
        if any(text for _, _, text in told):
            yield _same(capture, "header", "a FRU", str(error))
        return
    for area, name, text in told:
        yield _same(capture, f"{area} {name}", text, getattr(getattr(ours, area), FIELDS[name]))


def _peer_texts(peer: FruInventory) -> Iterator[tuple[str, str, str]]:
    for area, fields in (
        ("chassis", ("part_number", "serial_number")),
        ("board", ("manufacturer", "product_name", "serial_number", "part_number")),
        ("product", ("manufacturer", "name", "part_number", "version", "serial_number")),
    ):
        told = getattr(peer, f"{area}_info_area", None)
        for name in fields if told is not None else ():
            text = getattr(getattr(told, name, None), "string", None)
            if text is None:
                continue
            yield area, name, "".join(char for char in str(text) if char.isprintable()).strip()


def _inventories(folder: Path) -> Iterator[Comparison]:
    """Every serial number that the text prints, zeros apart, is that of a part or of the machine."""
    for path in _texts(folder, "fru"):
        capture = Capture(path.name, {"": path.read_bytes()})
        found = [one for one in fru_decoding.decode(capture) if isinstance(one, Listed)]
        told = {one.part.serial for one in found} | {one.asset.serial for one in found}
        serials = re.findall(r"(?:Serial|Serial Number)\s*: *([^\s\0][^\0\n]*)", capture.text)
        for index, serial in enumerate(serials):
            if not serial.strip().strip("0"):
                # What tools print for a presence detect that cannot be read.
                continue
            got = serial.strip() if serial.strip() in told else ""
            yield _same(str(path.relative_to(folder)), f"serial {index}", serial.strip(), got)


# ---- differences -------------------------------------------------------------------------------------------------


def _same(capture: str, what: str, expected: str, got: str) -> Comparison:
    return Comparison(capture=capture, what=what, expected=expected, got=got, equal=expected == got)


@cache
def _differences() -> tuple[dict[str, str], ...]:
    return tuple(tomllib.loads(DIFFERENCES.read_text(encoding="utf-8")).get("difference", ()))


def _explained(made: Comparison) -> Comparison:
    for one in _differences():
        patterns = {name: pattern for name, pattern in one.items() if name != "reason"}
        if all(re.fullmatch(pattern, getattr(made, name)) for name, pattern in patterns.items()):
            return Comparison(
                capture=made.capture,
                what=made.what,
                expected=made.expected,
                got=made.got,
                equal=False,
                explained=one["reason"],
            )
    return made
