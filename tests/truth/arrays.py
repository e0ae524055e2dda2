"""Outputs of RAID tools against an independent reading of the same text; what is documented of them is in
`arrays_verdicts.py`.

The independent reading knows no tool: it takes the lines (or JSON keys) that state one thing of one disk or array, as
somebody with a text editor would. For mdstat it is node_exporter's own expectation.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hardcase_agent.domain.capture import Listed, Seen
from hardcase_agent.domain.reading import Gap, Number, States

from tests.truth.arrays_captures import decoded, raid_files
from tests.truth.arrays_verdicts import verdicts
from tests.truth.comparison import Comparison

__all__ = ["compare", "verdicts"]

DIFFERENCES = Path(__file__).with_name("arrays_differences.toml")
STATE_WORDS = {
    "online": r"online\b.*|onln|ok\b.*|present",
    "jbod": r"jbod",
    "unconfigured": r"unconfigured\(good\).*|ugood|ready\b.*|available\b.*|standby\b.*",
    "hot_spare": r"hot.?spare.*|ghs|dhs|dedicated hot-spare|global hot-spare|avail|spare",
    "failed": r"failed\b.*|unconfigured\(bad\).*|ubad|faulted",
    "offline": r"offline|offln",
    "missing": r"missing\b.*|msng|unavail|removed",
    "rebuilding": r"rebuild(ing)?\b.*|rbld",
    "copyback": r"copyback\b.*|cpybck",
    "predicted": r"predictive failure.*",
}
VOLUME_WORDS = {
    "optimal": r"optimal.*|optl|ok|okay.*|online",
    "degraded": r"degraded.*|dgrd|interim recovery.*|recovering.*|rebuilding.*",
    "partially_degraded": r"partially degraded.*|pdgd",
    "failed": r"failed.*|faulted|suspended",
    "offline": r"offline|ofln",
}
DISK_LINES = (
    r"^\s*Firmware state: ?(.+)$",  # MegaCli
    r"^\s{6,12}State\s{10,}: (.+)$",  # arcconf
)
VOLUME_LINES = (
    r"^State\s*: (.+)$",  # MegaCli
    r"^\s*logicaldrive \d+ \(.*?, RAID [^,]+, (.+)\)$",  # ssacli
    r"^\s*Status of [Ll]ogical [Dd]evice\s*: (.+)$",  # arcconf
    r"^\s*Status of volume\s*: (.+)$",  # sas2ircu
)


def compare(folder: Path) -> Iterable[Comparison]:
    for path in raid_files(folder):
        name = str(path.relative_to(folder))
        text = path.read_bytes().decode("utf-8", "replace")
        for what, expected, got in _pairs(text, _seen(path), _serials(path)):
            yield _comparison(name, what, expected, got)
    yield from _mdstat(folder)


def _serials(path: Path) -> frozenset[str]:
    return frozenset(one.part.serial for one in decoded(path) if isinstance(one, Listed))


def _seen(path: Path) -> list[Seen]:
    return [one for one in decoded(path) if isinstance(one, Seen)]


# The independent reading


def _pairs(text: str, seen: list[Seen], known: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """(what, expected, got)."""
    document = _json(text)
    if document is not None:
        yield from _json_pairs(document, seen, known)
        return
    if re.search(r"^NAME\s+SIZE.*HEALTH", text, re.M):
        yield from _zpool_pairs(text, seen)
        return
    drives = dict(re.findall(r"^\s*physicaldrive (\S+) \(.*?, [\d.]+ [KMGT]B, ([^,)]+)[,)].*$", text, re.M))
    if drives:
        # One line a drive, in several lists; whether a well one is of use is told elsewhere.
        lost = sum(_word(STATE_WORDS, word) in ("failed", "missing") for word in drives.values())
        ours = _states(seen, "disk.member", STATE_WORDS)
        yield "drives, and lost ones", f"{len(drives)}, {lost}", f"{ours.total()}, {ours['failed'] + ours['missing']}"
    disks = _counted(DISK_LINES, STATE_WORDS, text)
    if disks:
        yield "disks by state", _said(disks), _said(_states(seen, "disk.member", STATE_WORDS))
    volumes = _counted(VOLUME_LINES, VOLUME_WORDS, text)
    if volumes:
        yield "arrays by state", _said(volumes), _said(_states(seen, "raid.volume", VOLUME_WORDS))
    yield from _number_pairs(text, seen)
    if not any("disk" in one.sensor.quantity for one in seen):
        return
    for serial in sorted(set(re.findall(r"^\s*(?:Serial [Nn]umber\s*: +|Serial No\s+: )(\S+)$", text, re.M))):
        if not re.fullmatch(r"REDACTED|X+", serial):
            yield f"serial {serial}", "told", "told" if serial in known else "not told"


def _number_pairs(text: str, seen: list[Seen]) -> Iterator[tuple[str, str, str]]:
    for what, pattern, quantity in (
        ("media errors", r"^Media Error Count: (\d+)", "disk.media_errors"),
        ("other errors", r"^Other Error Count: (\d+)", "disk.other_errors"),
        ("predicted", r"^Predictive Failure Count: (\d+)", "disk.predictive_failures"),
        ("predicted", r"^\s+S\.M\.A\.R\.T\. warnings\s*: (\d+)", "disk.predictive_failures"),
        ("temperatures", r"^Drive Temperature ?: ?(\d+)C", "disk.temperature"),
        ("temperatures", r"^\s+Current Temperature \(C\): (\d+)", "disk.temperature"),
        ("battery charge", r"^  Relative State of Charge: (\d+) %", "raid.battery_charge"),
    ):
        found = [float(value) for value in re.findall(pattern, text, re.M)]
        if found:
            values = _numbers(seen, quantity)
            if quantity == "raid.battery_charge":
                found = found[:1]  # The tool prints it twice.
            yield from _each(what, found, values)


def _json_pairs(document: object, seen: list[Seen], known: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    rows = {str(row["EID:Slt"]): row for row in _tables(document) if "EID:Slt" in row}
    if rows:
        expected = Counter(_word(STATE_WORDS, str(row["State"])) for row in rows.values())
        yield "disks by state", _said(expected), _said(_states(seen, "disk.member", STATE_WORDS))
    arrays = {str(row["DG/VD"]): row for row in _tables(document) if "DG/VD" in row}
    if arrays:
        expected = Counter(_word(VOLUME_WORDS, str(row["State"])) for row in arrays.values())
        yield "arrays by state", _said(expected), _said(_states(seen, "raid.volume", VOLUME_WORDS))
    facts = list(_facts(document))
    for key, quantity in (("Media Error Count", "disk.media_errors"), ("Other Error Count", "disk.other_errors")):
        told = [value for name, value in facts if name == key]
        if told:
            values: list[Any] = _numbers(seen, quantity)
            gaps = [one for one in seen if one.sensor.quantity == quantity and isinstance(one.reading, Gap)]
            numbers = sorted(float(value) for value in told if isinstance(value, int))
            yield (
                key,
                f"{numbers} and {len(told) - len(numbers)} not told",
                f"{sorted(values)} and {len(gaps)} not told",
            )
    serials = [str(value).strip() for name, value in facts if name == "SN"]
    for serial in serials:
        if serial and "REDACTED" not in serial:
            yield f"serial {serial}", "told", "told" if serial in known else "not told"
    for name, value in facts:
        if name == "ROC temperature(Degree Celsius)" and isinstance(value, int):
            yield "chip temperature", str(float(value)), str(_numbers(seen, "raid.temperature")[0])


def _zpool_pairs(text: str, seen: list[Seen]) -> Iterator[tuple[str, str, str]]:
    """Columns are right-aligned below HEALTH; the name is the first cell."""
    header, at = "", 0
    told = {
        one.sensor.id.split("/", 2)[2].rpartition("/")[0].rpartition("/")[2]: one
        for one in seen
        if one.sensor.quantity in ("raid.volume", "disk.member")
    }
    for line in text.splitlines():
        if "HEALTH" in line:
            header, at = line, line.index("HEALTH") + len("HEALTH")
        elif header and line.split():
            health = line[: at + 2].split()[-1]
            name = line.split()[0]
            if health.isupper():
                one = told.get(name)
                yield f"health of {name}", health, _health(one) if one else "not told"


def _health(one: Seen) -> str:
    """Back in ZFS's words."""
    assert isinstance(one.reading, States)
    names = {name for bit, name in enumerate(one.sensor.states) if one.reading.bits >> bit & 1}
    if one.sensor.quantity == "raid.volume":
        words = {"optimal": "ONLINE", "degraded": "DEGRADED", "failed": "FAULTED"}
    else:
        words = {"online": "ONLINE", "missing": "UNAVAIL", "failed": "FAULTED", "hot_spare": "AVAIL"}
    return "".join(word for name, word in words.items() if name in names)


def _mdstat(folder: Path) -> Iterator[Comparison]:
    """node_exporter counts members by state and tells each array's own state, of the same capture."""
    path = folder / "kernel" / "proc" / "mdstat"
    metrics = folder / "kernel" / "sysfs" / "node_exporter_expected_metrics.txt"
    if not path.exists() or not metrics.exists():
        return
    name, text = str(path.relative_to(folder)), metrics.read_text(encoding="utf-8")
    seen = _seen(path)
    counted: Counter[tuple[str, str]] = Counter()
    for one in seen:
        if one.sensor.quantity == "disk.member" and isinstance(one.reading, States):
            array = one.sensor.id.split("/")[2]
            states = {state for bit, state in enumerate(one.sensor.states) if one.reading.bits >> bit & 1}
            kind = "failed" if "failed" in states else "spare" if "hot_spare" in states else "active"
            counted[(array, kind)] += 1
    for array, kind, count in re.findall(r'node_md_disks\{device="(\w+)",state="(\w+)"\} (\d+)', text):
        yield _comparison(name, f"{array} {kind} members", count, str(counted[(array, kind)]))
    for array, kind, value in re.findall(r'node_md_state\{device="(\w+)",state="(\w+)"\} ([01])', text):
        if value == "1":
            plain = {"recovering": "rebuilding", "resync": "rebuilding", "check": "checking"}.get(kind, kind)
            yield _comparison(name, f"{array} state", plain, _md_state(seen, array))


def _md_state(seen: list[Seen], array: str) -> str:
    """What the array does, or whether it runs. node_exporter also tells a resync from a recovery."""
    for one in seen:
        if one.sensor.quantity == "raid.md" and one.sensor.part.slot == array and isinstance(one.reading, States):
            states = {state for bit, state in enumerate(one.sensor.states) if one.reading.bits >> bit & 1}
            for doing in ("rebuilding", "checking"):
                if doing in states:
                    return doing
            return "inactive" if "failed" in states else "active"
    return "not told"


# Small readers


def _comparison(capture: str, what: str, expected: str, got: str) -> Comparison:
    equal = expected == got
    return Comparison(
        capture=capture,
        what=what,
        expected=expected,
        got=got,
        equal=equal,
        explained="" if equal else _explanation(capture, what, expected, got),
    )


@cache
def _differences() -> tuple[Mapping[str, str], ...]:
    return tuple(tomllib.loads(DIFFERENCES.read_text(encoding="utf-8")).get("difference", ()))


def _explanation(capture: str, what: str, expected: str, got: str) -> str:
    for one in _differences():
        fields = {"capture": capture, "what": what, "expected": expected, "got": got}
        if all(re.fullmatch(one.get(name, ".*"), value) for name, value in fields.items()):
            return one["reason"]
    return ""


def _counted(patterns: Iterable[str], table: Mapping[str, str], text: str) -> Counter[str]:
    found = [word for pattern in patterns for word in re.findall(pattern, text, re.M)]
    return Counter(_word(table, word) for word in found)


def _word(table: Mapping[str, str], said: str) -> str:
    return next((state for state, pattern in table.items() if re.fullmatch(pattern, said.strip(), re.I)), f"? {said}")


def _each(what: str, expected: Iterable[float], got: Iterable[float]) -> Iterator[tuple[str, str, str]]:
    """One by one in their order of size: which disk has which is the matter of the tests with own captures."""
    for index, (one, other) in enumerate(zip_longest(sorted(expected), sorted(got))):
        yield f"{what} {index}", str(one), str(other)


def _states(seen: list[Seen], quantity: str, table: Mapping[str, str]) -> Counter[str]:
    """Each sensor by the first of the table's states that it asserts, worst last."""
    counted: Counter[str] = Counter()
    for one in seen:
        if one.sensor.quantity == quantity and isinstance(one.reading, States):
            names = [name for bit, name in enumerate(one.sensor.states) if one.reading.bits >> bit & 1]
            told = [state for state in table if state in names]
            counted[told[-1] if told else f"? {names}"] += 1
    return counted


def _said(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counted.items()))


def _numbers(seen: list[Seen], quantity: str) -> list[float]:
    return [one.reading.value for one in seen if one.sensor.quantity == quantity and isinstance(one.reading, Number)]


def _json(text: str) -> object | None:
    try:
        return json.loads(text)  # type: ignore[no-any-return]  # whatever it holds
    except ValueError:
        return None


def _tables(node: object) -> Iterator[dict[str, Any]]:
    for child in _children(node):
        if isinstance(child, dict):
            yield child
        yield from _tables(child)


def _facts(node: object) -> Iterator[tuple[str, object]]:
    for table in [node, *_tables(node)]:
        if isinstance(table, dict):
            yield from ((key, value) for key, value in table.items() if not isinstance(value, dict | list))


def _children(node: object) -> Iterable[object]:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


if __name__ == "__main__":
    made = list(compare(Path(sys.argv[1])))
    for one in made:
        if not one.equal:
            print(f"{one.capture}: {one.what}: expected {one.expected!r}, got {one.got!r} {one.explained}")
    print(f"{sum(one.equal for one in made)} of {len(made)} equal")
