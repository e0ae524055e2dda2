"""Single lines of RAID tools' and smartctl's outputs, as tickets quote them: enough to see the fault, too little for
the parsers of whole outputs (`sensors/arrays`, `sensors/smart`). Used by `log_decoding.py` on what nothing else read.

A line that names no part belongs to the disk or volume that the heading before it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.daemon_lines import WARNED
from hardcase_agent.sensors.kernel.disk_lines import disk_part
from hardcase_agent.sensors.kernel.log_rule import Counted, Found, LineRule, Make, Outcome, rule

_CACHE = Part(component=Component.BATTERY, slot="array controller cache")
_DISK_HEADING = re.compile(
    r"Slot Number *: *(\d+)|Device (#\d+)|physicaldrive (\S+)|Drive (/c\S+)",
    re.IGNORECASE,
)
_VOLUME_HEADING = re.compile(
    r"(?:Virtual (?:Drive|Disk)|Logical device number|logicaldrive|IR volume) *:? *(\d+)",
    re.IGNORECASE,
)
_HEADINGS = ((Component.DISK, _DISK_HEADING), (Component.RAID, _VOLUME_HEADING))
_BROKEN = r"Failed|FLD|Offline|OfLn|Offln|Dead|Missing|MIS|FAULTED|UNAVAIL|SUSPENDED|REMOVED"
_POOL_ROWS = re.compile(r"(?:mirror|raidz\d?|draid\S*|spare|replacing|logs?|cache)(?:-\d+)?$")


def _disk(code: str, group: str = "") -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        yield Found(code, Part(component=Component.DISK, slot=match[group] if group else ""))

    return make


def _count(quantity: str) -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        yield Counted(quantity, Part(component=Component.DISK), float(match["count"].replace(",", "")))

    return make


def _volume(match: re.Match[str]) -> Iterable[Outcome]:
    word = match["word"].lower()
    whole = "degraded" in word or word in ("dgrd", "pdgd", "dgd")
    yield Found("raid.degraded" if whole else "raid.failed", Part(component=Component.RAID))


def _state(match: re.Match[str]) -> Iterable[Outcome]:
    """Of a disk or of a volume: only the heading tells. "Degraded" is a volume's word."""
    if "degraded" in match["word"].lower():
        yield Found("raid.degraded", Part(component=Component.RAID))
    else:
        yield Found("", Part(slot=match["word"].lower()))


def _cache(_: re.Match[str]) -> Iterable[Outcome]:
    yield Found("raid.cache_battery_failed", _CACHE)


def _pool_row(match: re.Match[str]) -> Iterable[Outcome]:
    name = match["name"]
    if not _POOL_ROWS.match(name) and ("/" in name or any(char.isdigit() for char in name)):
        part = disk_part(name) if "/" not in name.removeprefix("/dev/") else None
        yield Found("disk.fault", part or Part(component=Component.DISK, slot=name[:64]))


def _warning(match: re.Match[str]) -> Iterable[Outcome]:
    bits = int(match["bits"], 16)
    for bit, code in WARNED:
        if bits & bit:
            yield Found(code, Part(component=Component.DISK))


def _row(identity: int, name: str, quantity: str) -> LineRule:
    return rule(
        name, rf"^ *{identity} {name}\w* +0x[0-9a-f]{{4}} .* (?P<count>\d{{1,9}})(?: \(.*\))?$", _count(quantity)
    )


_RULES: tuple[LineRule, ...] = (
    # MegaCli, storcli, perccli
    rule("firmware state", rf"Firmware state *: *(?:{_BROKEN}|Unconfigured\(bad\))", _disk("disk.fault")),
    rule("predictive failure count", r"Predictive Failure Count *[:=] *[1-9]", _disk("disk.predictive_failure")),
    rule("media error count", r"Media Error Count *[:=] *(?P<count>\d{1,9})\b", _count("disk.media_errors")),
    rule("alert", r"S\.?M\.?A\.?R\.?T\.? alert(?: flagged by drive)? *[:=] *Yes", _disk("disk.predictive_failure")),
    rule("raid", r"^\d+/\d+ +RAID\d+ +(?P<word>Dgrd|Pdgd|OfLn)\b", _volume),
    rule(
        ":",
        r"^(?P<place>\d* ?:\d+) +\d+ +(?:Offln|UBad|Failed|Msng|Missing) +\S+ +[\d.]+ [KMGTP]B\b",
        _disk("disk.fault", "place"),
    ),
    # Adaptec, LSI integrated RAID
    rule("warnings", r"S\.M\.A\.R\.T\. warnings *: *[1-9]", _disk("disk.predictive_failure")),
    rule("status of", rf"Status of (?:logical device|volume) *: *(?P<word>Degraded|{_BROKEN})", _volume),
    # mdadm --detail and everybody's "State"
    rule("state", r"^State *[:=] *(?:clean|active), (?P<word>degraded|FAILED)", _volume),
    rule("state", rf"^State *[:=] *(?P<word>(?:Partially )?Degraded|{_BROKEN})", _state),
    # zpool status
    rule("state", rf"^state: (?P<word>DEGRADED|{_BROKEN})", _volume),
    rule(" ", r"^(?P<name>\S+) +(?:FAULTED|UNAVAIL|REMOVED|DEGRADED) +[\d.]+K? +[\d.]+K? +[\d.]+K?\b", _pool_row),
    # Batteries of write caches
    rule("status", r"Battery(?:/Capacitor)? Status *: *(?:Failed|Replace|Degraded)", _cache),
    rule("state", r"Battery State *: *(?:Failed|Missing|Degraded|Non Operational)", _cache),
    rule("yes", r"(?:Battery Pack Missing|Replacement required|about to fail[^:]*) *[:=] *Yes", _cache),
    # smartctl and nvme-cli
    rule("critical", r"^critical[ _]warning *: *(?:0x)?(?P<bits>[0-9a-f]{1,2})$", _warning),
    rule("media", r"^media(?: and data integrity |_)errors *: *(?P<count>[\d,]{1,15})$", _count("disk.media_errors")),
    _row(187, "Reported_Uncorrect", "disk.reported_uncorrectable"),
    _row(184, "End-to-End", "disk.end_to_end"),
    _row(10, "Spin_Retry_Count", "disk.spin_retry"),
)


def read(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, Outcome]]:
    """Takes and gives numbers of lines with their text, and gives what they say."""
    heading = Part()
    for number, line in lines:
        text = " ".join(line[:400].split())
        heading = _heading(text) or heading
        lowered = text.lower()
        for one in _RULES:
            match = one.pattern.search(text) if one.needle in lowered else None
            if match is not None:
                placed = (_placed(outcome, heading) for outcome in one.make(match))
                yield from ((number, text, outcome) for outcome in placed if outcome is not None)
                break


def _heading(text: str) -> Part | None:
    for component, pattern in _HEADINGS:
        match = pattern.match(text)
        if match is not None:
            return Part(component=component, slot=next(group for group in match.groups() if group))
    return None


def _placed(outcome: Outcome, heading: Part) -> Outcome | None:
    """On the part of the heading. None for a state that without one may be anybody's."""
    if isinstance(outcome, Found) and not outcome.code:
        if heading.slot:
            return Found("raid.failed" if heading.component is Component.RAID else "disk.fault", heading)
        return Found("disk.fault", Part(component=Component.DISK)) if outcome.part.slot == "failed" else None
    if outcome.part.slot or outcome.part.component is not heading.component:
        return outcome
    return replace(outcome, part=heading)
