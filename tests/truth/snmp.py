"""SNMP walks against what LibreNMS expects of the same recordings: value, limits, and whether a state is good or bad.

Sensors meet by OID. Levels of our states come from the shipped rules, so that the words mean what they open.
Run as a module, it prints coverage by folder and every difference.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from math import inf, isclose
from pathlib import Path
from typing import Any

from hardcase_agent.domain.reading import Gap, Kind, Number, Reading, States
from hardcase_agent.sensors.snmp.decoding import lay_out_all
from hardcase_agent.sensors.snmp.layout import Item
from hardcase_agent.sensors.snmp.measure import decode
from hardcase_agent.sensors.snmp.objects import Objects
from hardcase_agent.sensors.snmp.values import Oid, parse_oid
from hardcase_agent.sensors.snmp.walk_text import read_walk
from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.sheet import Condition, Rule, RuleBook
from hardcase_collector.rules.sheet_reader import SHIPPED, read_sheets
from hardcase_collector.rules.sheet_values import Mistakes

from tests.truth import centreon
from tests.truth.centreon import capture_of
from tests.truth.comparison import Comparison, Truth, Verdict

DIFFERENCES = Path(__file__).with_name("snmp_differences.toml")
LIMITS = {
    "sensor_limit": ("upper_critical", "upper_non_recoverable"),
    "sensor_limit_warn": ("upper_non_critical", "upper_critical"),
    "sensor_limit_low_warn": ("lower_non_critical", "lower_critical"),
    "sensor_limit_low": ("lower_critical", "lower_non_recoverable"),
}
"""There two steps, on devices three: which two of the three they are differs from device to device."""
_FACTORS = {("runtime", Kind.DURATION): 60.0, ("power_consumed", Kind.ENERGY): 3_600_000.0}
"""There minutes and kilowatt hours, here seconds and joules."""
_MANY = 10
_MOST = {"temperature": 500.0, "humidity": 100.0}
UNCOMPARED = frozenset({"dbm", "count", "delay", "quality_factor"})
"""Classes that are no measurement of hardware, or are shown there in a unit that is not read."""


@dataclass(frozen=True, slots=True)
class Expected:
    oid: Oid
    sensor: dict[str, Any]
    level: int | None
    """Of a state's present value: 0 good, 1 warning, 2 bad, 3 unknown."""


def recordings(folder: Path) -> Iterator[tuple[Path, Path]]:
    """(recording, expectation)."""
    for path in sorted((folder / "snmp" / "librenms").rglob("*.snmprec")):
        expected = path.with_name(f"{path.stem}.expected.json")
        if expected.exists():
            yield path, expected


def expected_of(path: Path) -> Iterator[Expected]:
    sensors = (json.loads(path.read_text(encoding="utf-8")).get("sensors") or {}).get("discovery") or {}
    meanings = {
        (state["state_name"], state["state_value"]): state["state_generic_value"]
        for state in sensors.get("state_indexes") or ()
    }
    for sensor in sensors.get("sensors") or ():
        text = sensor["sensor_oid"].strip(".")
        if not text or not all(arc.isdigit() for arc in text.split(".")) or sensor["sensor_class"] in UNCOMPARED:
            continue
        shown = sensor["sensor_current"]
        if shown is not None and float(shown) > _MOST.get(sensor["sensor_class"], inf):
            # A device that counts in hundredths, read as if it did not: no expectation of anything.
            continue
        level = None
        if sensor["sensor_class"] == "state":
            level = meanings.get((sensor["state_name"], sensor["sensor_current"]))
        yield Expected(parse_oid(text), sensor, level)


def decoded(path: Path) -> tuple[Objects, dict[Oid, list[Item]]]:
    shown = Objects(read_walk(path.read_bytes().decode("utf-8", "replace")).objects)
    ours: dict[Oid, list[Item]] = {}
    for _, items in lay_out_all(shown):
        for item in items:
            if not item.spec.collect:
                ours.setdefault(item.oid, []).append(item)
    return shown, ours


def compare(folder: Path) -> Iterable[Comparison]:
    explained = _explanations()
    for path, expected in recordings(folder):
        name = str(path.relative_to(folder))
        shown, ours = decoded(path)
        everything = list(expected_of(expected))
        constants = _constants(everything)
        for wanted in everything:
            items = ours.get(wanted.oid)
            if items:
                yield from _compared(name, wanted, items, shown, constants, explained)


def _constants(everything: list[Expected]) -> set[tuple[str, str, str, float]]:
    """(class, column, limit, value) that most of many sensors share: it stands in LibreNMS's own definition of the
    device and is not read from it."""
    values: dict[tuple[str, str, str], list[float]] = {}
    for one in everything:
        for theirs in LIMITS:
            if one.sensor[theirs] is not None:
                key = (one.sensor["sensor_class"], _column(one.sensor), theirs)
                values.setdefault(key, []).append(float(one.sensor[theirs]))
    return {
        (*key, value)
        for key, found in values.items()
        for value, count in Counter(found).most_common(1)
        if count >= _MANY and count * 2 > len(found)
    }


def _column(sensor: dict[str, Any]) -> str:
    """The object's OID without the row's index."""
    oid: str = sensor["sensor_oid"]
    column = oid.removesuffix(f".{sensor['sensor_index']}")
    # Some of their indexes are names: then the last number is left out.
    return column if column != oid else oid.rpartition(".")[0]


def _compared(
    name: str,
    wanted: Expected,
    items: list[Item],
    shown: Objects,
    constants: set[tuple[str, str, str, float]],
    explained: list[dict[str, str]],
) -> Iterator[Comparison]:
    sensor = wanted.sensor
    state = sensor["sensor_class"] == "state"
    fitting = [item for item in items if bool(item.sensor.states) == state]
    if not fitting:
        return
    item = fitting[0]
    reading = decode(item, shown)
    if state:
        if wanted.level is not None:
            yield _explained(_state_comparison(name, wanted, item, reading), explained)
        return
    yield _explained(_value_comparison(name, wanted, item, reading), explained)
    for theirs, names in LIMITS.items():
        own = {name: value for name in names if (value := getattr(item.sensor.limits, name)) is not None}
        if own and sensor[theirs] is not None and not _is_made(sensor, theirs, constants):
            expected = float(sensor[theirs]) * (60.0 if sensor["sensor_class"] == "runtime" else 1.0)
            same = any(isclose(value, expected, rel_tol=1e-3, abs_tol=0.06) for value in own.values())
            got = " ".join(f"{value:g}" for value in own.values())
            what = f"{item.sensor.id} {names[0]}"
            yield _explained(
                Comparison(capture=name, what=what, expected=f"{expected:g}", got=got, equal=same), explained
            )


def _is_made(sensor: dict[str, Any], theirs: str, constants: set[tuple[str, str, str, float]]) -> bool:
    """LibreNMS makes limits from the first value, or takes a constant, where it reads none of the device."""
    if (sensor["sensor_class"], _column(sensor), theirs, float(sensor[theirs])) in constants:
        return True
    first, limit = sensor["sensor_current"], float(sensor[theirs])
    guess = _GUESSES.get((sensor["sensor_class"], theirs))
    if guess is None or first is None:
        return False
    factor, offset = guess
    # The first value is kept to two places, the limit was made of the exact one.
    return isclose(limit, float(first) * factor + offset, rel_tol=6e-3, abs_tol=0.06)


_GUESSES = {
    ("temperature", "sensor_limit"): (1.0, 20.0),
    ("temperature", "sensor_limit_low"): (1.0, -10.0),
    ("voltage", "sensor_limit"): (1.15, 0.0),
    ("voltage", "sensor_limit_low"): (0.85, 0.0),
    ("humidity", "sensor_limit"): (0.0, 70.0),
    ("humidity", "sensor_limit_low"): (0.0, 30.0),
    ("fanspeed", "sensor_limit"): (1.8, 0.0),
    ("fanspeed", "sensor_limit_low"): (0.8, 0.0),
    ("frequency", "sensor_limit"): (1.05, 0.0),
    ("frequency", "sensor_limit_low"): (0.95, 0.0),
}
"""(factor, offset) on the first value."""


def _value_comparison(name: str, wanted: Expected, item: Item, reading: Reading) -> Comparison:
    sensor = wanted.sensor
    shown = sensor["sensor_current"]
    if isinstance(reading, Gap):
        got, equal = f"gap {reading.reason.value}: {reading.detail}", shown is None
    elif isinstance(reading, Number) and shown is not None:
        factor = _FACTORS.get((sensor["sensor_class"], item.sensor.kind), 1.0)
        value = reading.value
        if item.spec.scale < 0:
            # What is left there is what is used here.
            value = item.spec.offset - value
        got = f"{reading.value:g}"
        # There numbers are rounded to what its data base keeps, so half of the last place may be lost.
        equal = isclose(value, float(shown) * factor, rel_tol=1e-3, abs_tol=0.051 * factor)
    else:
        got, equal = f"{reading}", False
    return Comparison(capture=name, what=item.sensor.id, expected=str(shown), got=got, equal=equal)


def _state_comparison(name: str, wanted: Expected, item: Item, reading: Reading) -> Comparison:
    words = ("good", "warning", "bad", "unknown")
    said = words[wanted.level] if wanted.level in (0, 1, 2, 3) else str(wanted.level)
    if isinstance(reading, States):
        level = level_of(item, reading)
        names = [state for bit, state in enumerate(item.sensor.states) if reading.bits >> bit & 1]
        got = f"{words[level]} ({' '.join(names) or 'none'})"
        unclear = wanted.level == 3 or set(names) & {"unknown", "absent"}
        equal = (wanted.level == 3 and level < 2) or (level > 0) == (wanted.level in (1, 2))
        equal = equal or bool(unclear and wanted.level == 0)
    else:
        got = f"{reading}"
        equal = wanted.level == 3
    return Comparison(
        capture=name,
        what=item.sensor.id,
        expected=f"{said} ({wanted.sensor['sensor_current']})",
        got=got,
        equal=equal,
    )


def level_of(item: Item, reading: States) -> int:
    """0 nothing is raised, 1 warning or minor, 2 worse, by the shipped rules."""
    names = {state for bit, state in enumerate(item.sensor.states) if reading.bits >> bit & 1}
    worst = 0
    for rule in _state_rules(item.sensor.quantity):
        for severity, states in rule.asserted:
            if names & set(states):
                worst = max(worst, 1 if severity <= Severity.MINOR else 2)
    return worst


@cache
def _state_rules(quantity: str) -> tuple[Rule, ...]:
    return tuple(
        rule for rule in _book().rules if rule.condition is Condition.STATE and quantity in rule.match.quantity
    )


@cache
def _book() -> RuleBook:
    """Read leniently: an unfinished text of a sheet does not change what its rules open."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.toml"))}
    return read_sheets(texts, Mistakes())


def _explanations() -> list[dict[str, str]]:
    if not DIFFERENCES.exists():
        return []
    entries: list[dict[str, str]] = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8")).get("difference", [])
    return entries


def _explained(comparison: Comparison, explained: list[dict[str, str]]) -> Comparison:
    if comparison.equal:
        return comparison
    for entry in explained:
        if all(
            fnmatchcase(getattr(comparison, key), entry.get(key, "*")) for key in ("capture", "what", "expected", "got")
        ):
            return Comparison(
                capture=comparison.capture,
                what=comparison.what,
                expected=comparison.expected,
                got=comparison.got,
                equal=False,
                explained=entry["reason"],
            )
    return comparison


def verdicts(folder: Path) -> Iterable[Verdict]:
    """What LibreNMS and Centreon say of the same recordings as a whole."""
    for path, expected in recordings(folder):
        yield _libre_verdict(path, str(path.relative_to(folder)), list(expected_of(expected)))
    told = {path for path, _ in recordings(folder)}
    for verdict in centreon.verdicts(folder):
        told.add(folder / verdict.name)
        yield verdict
    for path in sorted((folder / "snmp").rglob("*.snmp*")):
        if path not in told and path.suffix in (".snmprec", ".snmpwalk"):
            name = str(path.relative_to(folder))
            yield Verdict(
                name=name, truth=Truth.UNKNOWN, captures=(capture_of(path),), why="nobody says anything of it"
            )


def _libre_verdict(path: Path, name: str, everything: list[Expected]) -> Verdict:
    """A recording without any state worse than good is healthy. A bad state of a part that a profile reads is a fault
    of that part, unless the reviewed list says that it is none; a mere warning says nothing of the whole."""
    captures = (capture_of(path),)
    levels = {one.level for one in everything if one.level is not None}
    if any(fnmatchcase(name, pattern) for pattern in _listed("no_verdict")):
        return Verdict(name=name, truth=Truth.UNKNOWN, captures=captures, why="nobody says that it is healthy")
    if not levels & {1, 2}:
        truth = Truth.HEALTHY if levels & {0} else Truth.UNKNOWN
        return Verdict(name=name, truth=truth, captures=captures, why="LibreNMS sees no bad state")
    shown, ours = decoded(path)
    explained = _explanations()
    bad = [
        item
        for one in everything
        if one.level == 2
        for item in ours.get(one.oid, ())
        if item.sensor.states
        and not _explained(_state_comparison(name, one, item, decode(item, shown)), explained).explained
    ]
    classes = {item.sensor.part.component.value for item in bad} | {
        rule.fault_class.name for item in bad for rule in _state_rules(item.sensor.quantity)
    }
    if not classes or any(fnmatchcase(name, pattern) for pattern in _listed("no_fault")):
        return Verdict(
            name=name, truth=Truth.UNKNOWN, captures=captures, why="LibreNMS sees warnings, or what is no fault"
        )
    return Verdict(
        name=name,
        truth=Truth.FAULT,
        captures=captures,
        classes=tuple(sorted(classes)),
        part=tuple(sorted({item.sensor.part.slot for item in bad if item.sensor.part.slot})),
        why="LibreNMS sees a bad state of this part",
    )


def _listed(kind: str) -> list[str]:
    """Patterns of recordings: "no_fault" where a bad state is documented to be none of hardware (an empty bay, a
    setting, a spare input), "no_verdict" where good states do not say that all is well."""
    if not DIFFERENCES.exists():
        return []
    entries = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8")).get(kind, [])
    return [entry["capture"] for entry in entries]
