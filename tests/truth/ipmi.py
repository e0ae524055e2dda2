"""IPMI sensors against python-ipmi's decoding of the same records and FreeIPMI's view of every state, and verdicts.

python-ipmi is asked for names, numbers, entities and values of each captured repository; FreeIPMI's severity table is
held against the shipped rules. Verdicts are of servers, of sensor texts, and of incidents that quote such text.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from math import isclose
from pathlib import Path
from typing import Any

from hardcase_agent.domain.capture import Capture, Seen
from hardcase_agent.domain.reading import Gap, GapReason, Number
from hardcase_agent.sensors.ipmi import sdr_decoding, text_decoding
from hardcase_agent.sensors.ipmi.conversion import UNITS
from hardcase_agent.sensors.ipmi.records import SensorRecord, parse_record, record_id
from hardcase_agent.sensors.ipmi.sel_words import sensor_type
from hardcase_agent.sensors.ipmi.states import SENSOR_SPECIFIC, meaning
from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.sheet import Condition, RuleBook
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.truth.comparison import Comparison, Truth, Verdict

DIFFERENCES = Path(__file__).with_name("ipmi_differences.toml")
VECTORS, SERVERS, SEVERITIES = (
    "**/python_ipmi_vectors*.json",
    "**/*.sdr_fru.json",
    "**/*interpret_sensor_defaults*.json",
)


def compare(folder: Path) -> Iterable[Comparison]:
    for path in sorted(folder.glob(VECTORS)):
        yield from _explained(_vectors(path, str(path.relative_to(folder))))
    for path in sorted(folder.glob(SERVERS)):
        yield from _explained(_server(path, str(path.relative_to(folder))))
    for path in sorted(folder.glob(SEVERITIES)):
        yield from _explained(_severities(path, str(path.relative_to(folder))))


@cache
def _explanations() -> tuple[tuple[re.Pattern[str], str], ...]:
    content = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))
    return tuple((re.compile(one["what"]), one["reason"]) for one in content["difference"])


def _explained(found: Iterable[Comparison]) -> Iterator[Comparison]:
    for one in found:
        why = "" if one.equal else next((why for what, why in _explanations() if what.fullmatch(one.what)), "")
        yield Comparison(
            capture=one.capture, what=one.what, expected=one.expected, got=one.got, equal=one.equal, explained=why
        )


def _same(capture: str, what: str, expected: object, got: object) -> Comparison:
    return Comparison(capture=capture, what=what, expected=str(expected), got=str(got), equal=str(expected) == str(got))


# ---- python-ipmi -------------------------------------------------------------------------------------------------


def _vectors(path: Path, capture: str) -> Iterator[Comparison]:
    """Records that python-ipmi's tests decode: name, id and type."""
    for vector in json.loads(path.read_text(encoding="utf-8")):
        if not vector["test"].startswith("tests/test_sdr.py"):
            continue
        raw = bytes.fromhex(vector["bytes_hex"][0])
        expected = {key: value.strip("'\"") for key, value in vector["expected"]}
        found = parse_record(raw) if len(raw) > 5 and len(raw) >= 5 + raw[4] else ()
        own = {"sdr.id": str(record_id(raw)), "sdr.type": str(raw[3]), "sdr.length": str(raw[4])}
        named = re.match(r'\["(.*?)"\]', expected.get("str(sdr)", ""))
        if named is not None and raw[3] != 0x11:
            yield _same(capture, "name of a record", named[1], _name(found))
        for key in own.keys() & expected.keys():
            yield _same(capture, key, expected[key], own[key])


def _name(found: tuple[Any, ...]) -> str:
    return found[0].name if found else ""


def _server(path: Path, capture: str) -> Iterator[Comparison]:
    content = path.read_bytes()
    seen = {
        one.sensor.id: one for one in sdr_decoding.decode(Capture(path.name, {"": content})) if isinstance(one, Seen)
    }
    laid_out = json.loads(content)
    answers = {(s["mc"], int(s["lun"], 0), int(s["num"], 0)): s for s in laid_out["sensors"]}
    for record in laid_out["sdr_records"]:
        yield from _record(capture, bytes.fromhex(record["hex"]), seen, answers)


def _record(
    capture: str, raw: bytes, seen: Mapping[str, Seen], answers: Mapping[tuple[str, int, int], Mapping[str, Any]]
) -> Iterator[Comparison]:
    from pyipmi.errors import DecodingError  # only where captures are
    from pyipmi.sdr import SdrCommon, SdrFullSensorRecord

    try:
        theirs = SdrCommon.from_data(raw)
    except (DecodingError, IndexError, UnicodeDecodeError):
        return
    ours = [one for one in parse_record(raw) if isinstance(one, SensorRecord)]
    if not ours or not hasattr(theirs, "number"):
        return
    place = f"record {theirs.id:#06x}"
    first = ours[0]
    name = first.name if len(ours) == 1 else first.name[:-1]
    yield _same(capture, f"{place} name", theirs.device_id_string.strip(), name.strip())
    yield _same(capture, f"{place} number", theirs.number, first.number)
    yield _same(capture, f"{place} entity", f"{theirs.entity_id}.{theirs.entity_instance}", str(first.entity))
    kind = getattr(theirs, "sensor_type_code", getattr(theirs, "sensor_type", None))
    yield _same(capture, f"{place} type", kind, first.type)
    told = answers.get((f"{first.owner:#x}", first.lun, first.number), {})
    analogue = first.code in (0, 1) and first.conversion is not None
    if not isinstance(theirs, SdrFullSensorRecord) or not analogue or "value" not in told:
        return
    unit = UNITS.get(theirs.units_2)
    value = theirs.convert_sensor_raw_to_value(int(told["value"][0], 0))
    one = seen.get(first.id)
    # python-ipmi converts whatever stands there; a sensor that is not scanned, or not available, has no value.
    if one is None or told.get("event_support", ["enable", "scanning"])[:2] != ["enable", "scanning"] or value is None:
        return
    if isinstance(one.reading, Gap) and one.reading.reason is GapReason.HOST_OFF:
        return
    factor, offset = (unit.factor, unit.offset) if unit is not None else (1.0, 0.0)
    expected = value * factor + offset
    got = one.reading.value if isinstance(one.reading, Number) else None
    equal = got is not None and isclose(expected, got, rel_tol=1e-6, abs_tol=1e-9)
    yield Comparison(
        capture=capture, what=f"{first.name} ({first.entity}) value", expected=f"{expected:g}",
        got=f"{got:g}" if got is not None else repr(one.reading), equal=equal,
    )  # fmt: skip


# ---- FreeIPMI ----------------------------------------------------------------------------------------------------

_GENERIC_GROUPS = {
    "State": 0x03, "Predictive_Failure": 0x04, "Limit": 0x05, "Performance": 0x06, "Transition_Severity": 0x07,
    "Device_Present": 0x08, "Device_Present_Device": 0x08, "Transition_State": 0x02, "Transition_Availability": 0x0A,
    "Redundancy": 0x0B,
}  # fmt: skip
_LEVELS = {"Nominal": (0, 0), "Warning": (0, 2), "Critical": (2, 4)}
"""What FreeIPMI calls it: the least and the worst severity of ours that says the same (minor opens a case)."""


def _severities(path: Path, capture: str) -> Iterator[Comparison]:
    book = load_sheets()
    place: tuple[int, int] | None = None
    group, offset = "", 0
    for key, level in json.loads(path.read_text(encoding="utf-8")):
        words = key.removeprefix("IPMI_")
        if words.endswith("_No_Event"):
            group, offset = words.removesuffix("_No_Event"), 0
            place = _group(group)
            continue
        if place is None:
            continue
        kind, code = place
        says = meaning(kind, code)
        state = says.states[offset] if offset < len(says.states) else ""
        own = _severity(book, says.quantity, says.component.value, state) if state else Severity.CLEARED
        low, high = _LEVELS[level]
        yield Comparison(
            capture=capture, what=f"{group}: {words.removeprefix(group + '_')}", expected=level,
            got=f"{state}: {own.word}", equal=low <= own <= high,
        )  # fmt: skip
        offset += 1


_NO_HARDWARE = (
    "Platform_Security", "Session_Audit", "OS_Boot", "OS_Critical_Stop", "Boot_Error", "Watchdog2",
    "System_ACPI_Power_State", "Platform_Alert",
)  # fmt: skip
"""Groups that speak of software, of modes and of log-ins: FreeIPMI grades them for an audit, no rule of ours does."""


def _group(group: str) -> tuple[int, int] | None:
    """(sensor type, event type) of one of FreeIPMI's groups."""
    if group == "Threshold_Sensor" or group.startswith(_NO_HARDWARE):
        return None
    for suffix, code in sorted(_GENERIC_GROUPS.items(), key=lambda one: -len(one[0])):
        if group.endswith("_" + suffix):
            found = sensor_type(group.removesuffix("_" + suffix).replace("_", " "))
            if found is not None and not found[1]:
                return found[0], code
    found = sensor_type(group.replace("_", " "))
    return (found[0], SENSOR_SPECIFIC) if found is not None and not found[1] else None


def _severity(book: RuleBook, quantity: str, component: str, state: str) -> Severity:
    """The worst that a shipped rule makes of this state while it is asserted."""
    worst = Severity.CLEARED
    for rule in book.rules:
        match = rule.match
        if rule.condition is not Condition.STATE or quantity not in match.quantity:
            continue
        if match.takes_component(component):
            worst = max([worst, *(severity for severity, states in rule.asserted if state in states)])
    return worst


# ---- verdicts ----------------------------------------------------------------------------------------------------


def verdicts(folder: Path) -> Iterable[Verdict]:
    for path in sorted(folder.glob("**/*.emu")):
        yield Verdict(
            name=path.name, truth=Truth.HEALTHY, captures=(("ipmi-emu", _file(path)),), why="captured healthy"
        )
    for path in sorted(folder.glob("ipmi/text/**/*")):
        if path.is_file() and _has_sensors(path.read_bytes()):
            truth = Truth.HEALTHY if _HEALTHY.search(str(path.relative_to(folder))) else Truth.UNKNOWN
            yield Verdict(name=path.name, truth=truth, captures=(("ipmitool", _file(path)),), why="index.tsv")
    for path in sorted(folder.glob("**/sel_cases*.jsonl")):
        yield from _sensor_cases(path)
    for path in sorted(folder.glob("**/real_incidents*.jsonl")):
        yield from _incidents(path)


_HEALTHY = re.compile(r"ceilometer/|telegraf/|canonical/|rubyipmi/freeipmi_sensors|rubyipmi/ipmitool_sensor")
"""Of folders whose captures the index calls healthy, or says nothing of."""


def _file(path: Path) -> Capture:
    return Capture(path.name, {"": path.read_bytes()})


def _has_sensors(data: bytes, *, telling: bool = False) -> bool:
    found = [one for one in text_decoding.decode(Capture("text", {"": data})) if isinstance(one, Seen)]
    return any(not telling or not isinstance(one.reading, Gap) for one in found)


def _sensor_cases(path: Path) -> Iterator[Verdict]:
    """Cases that quote sensors and no log."""
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if " sel" in case["format"] or not _has_sensors(case["text"].encode()):
            continue
        parts = [word for word in re.split(r"[+/]", case["component"]) if word not in ("none", "")]
        yield from _verdicts(case["id"], case["verdict"], parts, case["text"], case["truth"])


def _incidents(path: Path) -> Iterator[Verdict]:
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        lines = [part.strip() for words in case["evidence"] for part in re.split(r";\s|\n", words)]
        text = "\n".join(part for part in lines if part.count("|") >= 2)
        # What is quoted must say something: "0x00 | ok" is how a tool hides the states of a sensor.
        if text and _has_sensors(text.encode(), telling=True):
            yield from _verdicts(case["id"], case["ground_truth"], [case["component"]], text, case["ground_truth"])


_COMPONENTS = {"temperature": "thermal", "sensor": "thermal"}


def _verdicts(name: str, verdict: str, components: list[str], text: str, why: str) -> Iterator[Verdict]:
    captures = (("ipmitool", Capture(name, {"": text.encode()})),)
    words = verdict.lower()
    if "false" in words or "not a fault" in words or "no-fault" in words or "recovered" in words:
        yield Verdict(name=name, truth=Truth.FALSE_ALARM, captures=captures, why=why)
    elif "fault" in words:
        for component in components:
            yield Verdict(
                name=f"{name}: {component}", truth=Truth.FAULT, captures=captures,
                classes=(_COMPONENTS.get(component, component),), why=why,
            )  # fmt: skip
    else:
        yield Verdict(name=name, truth=Truth.UNKNOWN, captures=captures, why=why)
