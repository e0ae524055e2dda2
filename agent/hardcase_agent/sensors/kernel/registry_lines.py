"""Sentences of makers' message registries (Dell's EEMI, HPE's IML) where they stand alone, without a log's columns:
heat, voltage, controllers, disks and batteries behind them. Tried before `maker_lines.py`.

The log's own forms, with date and severity, are read by the family of the event log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Make, Outcome, event, rule


def _side(kind: str, component: Component) -> Make:
    """A limit that was passed: "greater than the upper critical threshold"."""

    def make(match: re.Match[str]) -> Iterable[Outcome]:
        side = "lower" if match["side"].lower() in ("less than", "below") else "upper"
        depth = "critical" if match["depth"].lower() == "critical" else "non_critical"
        yield Found(f"{kind}.{side}_{depth}", Part(component=component, slot=match["name"].strip()))

    return make


def _volume(match: re.Match[str]) -> Iterable[Outcome]:
    failed = match["state"].lower() in ("failed", "offline")
    yield Found("raid.failed" if failed else "raid.degraded", Part(component=Component.RAID, slot=match["volume"]))


def _cpu(match: re.Match[str]) -> Iterable[Outcome]:
    yield Found("cpu.thermal_trip", Part(component=Component.CPU, slot=f"CPU{match['number']}"))


def _supply(match: re.Match[str]) -> Iterable[Outcome]:
    yield Found("psu.input_lost", Part(component=Component.PSU, slot=f"PSU{match['number']}"))


_LIMIT = r"(?P<side>greater than|above|less than|below) the (?:upper|lower) (?P<depth>critical|warning) threshold"

RULES: tuple[LineRule, ...] = (
    rule("thermal trip", r"(?:CPU|Processor) ?(?P<number>\d) has a thermal trip", _cpu),
    rule(
        "temperature is",
        rf"(?:The )?(?:system )?(?P<name>[\w. -]{{1,40}}?) temperature is {_LIMIT}",
        _side("temperature", Component.THERMAL),
    ),
    rule(
        "voltage is", rf"(?:The )?(?P<name>[\w. -]{{1,40}}?) voltage is {_LIMIT}", _side("voltage", Component.VOLTAGE)
    ),
    rule(
        "voltage is outside of",
        r"(?:The )?(?P<name>[\w. -]{1,40}?) voltage is outside of (?:the allowable )?range",
        event("voltage.lower_critical", Component.VOLTAGE, "name"),
    ),
    rule(
        "board battery",
        r"[Ss]ystem board battery (?:has failed|is low)",
        event("battery.failed", Component.BATTERY, slot="system board"),
    ),
    rule(
        "virtual disk",
        r"(?P<volume>Virtual Disk \d+)\b.*\b(?:has been|has become|is|has|went|changed to)"
        r" (?P<state>degraded|failed|offline)\b",
        _volume,
    ),
    rule(
        "backplane",
        r"(?<!Virtual )(?P<slot>(?:Disk|Drive|SSD) \d+ in (?:Backplane|Enclosure) \d+)\b.*\bhas failed",
        event("disk.fault", Component.DISK, "slot"),
    ),
    rule(
        "battery",
        r"[Bb]attery (?:on|of|for) .*(?:[Cc]ontroller|PERC|RAID)\b.*(?:has failed|needs to be replaced|is degraded)",
        event("raid.cache_battery_failed", Component.BATTERY, slot="array controller cache"),
    ),
    rule(
        "uncorrectable memory error",
        r"Uncorrectable Memory Error (?:has been |was )?detected (?:on|in|at) (?P<slot>DIMM[ _]?\w{1,4})",
        event("memory.uncorrectable_ecc", Component.MEMORY, "slot"),
    ),
    rule(
        "ac lost",
        r"\b(?:PSU?|Power Supply) ?#?(?P<number>\d)\b.*\bAC lost\b(?!.*[Dd]e-?assert)",
        _supply,
    ),
)
