"""Enclosures: text of `sg_ses` (page 2, enclosure status, and --join). Pure. Source: SES-3 with sg_ses(8).

An element's first line says its status in one word; what it is stands in the heading above it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.model import Element, Health, MemberState, Report

HEADING = re.compile(
    r"Enclosure [Ss]tatus diagnostic page:?|Primary enclosure logical identifier.*|Element type: .*"
    r"|\S.*? \[\d{1,3},-?\d{1,4}\] Element type: .*"
)
_TYPE = re.compile(r"Element type: (.*?)(?:, subenclosure id: (\d{1,3}).*)?")
_ELEMENT = re.compile(r"(?:Element (\d{1,4})|Individual element (\d{1,4})) (?:descriptor|status):?.*", re.IGNORECASE)
_JOINED = re.compile(r"(\S.*?) \[(\d{1,3}),(-?\d{1,4})\]\s+Element type: (.*)")
_STATUS = re.compile(r".*status: ([A-Z][A-Za-z -]*?)(?:, .*)?")
_TEMPERATURE = re.compile(r"Temperature=(-?\d{1,3}) C")
_BAD_BIT = re.compile(r"\b(Fault sensed|Fault reqstd|Fail|Predicted failure)=1\b", re.IGNORECASE)

_STATES: dict[str, Health] = {
    "ok": Health.OK,
    "critical": Health.CRITICAL,
    "noncritical": Health.WARNING,
    "unrecoverable": Health.CRITICAL,
    "not installed": Health.ABSENT,
    "unknown": Health.UNKNOWN,
    "not available": Health.UNKNOWN,
    "unsupported": Health.UNKNOWN,
    "no access allowed": Health.UNKNOWN,
}
_COMPONENTS = (
    ("power supply", Component.PSU),
    ("cooling", Component.FAN),
    ("temperature", Component.THERMAL),
    ("array device", Component.DISK),
    ("device slot", Component.DISK),
    ("voltage", Component.VOLTAGE),
    ("enclosure services", Component.BACKPLANE),
    ("sas expander", Component.BACKPLANE),
    ("enclosure", Component.BACKPLANE),
)


class _Parser:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.title = ""
        self.place = ""
        self.name = ""
        self.element: Element | None = None
        self.disk = ""

    def read(self, line: str) -> None:
        said = words.squeeze(line)
        joined, kind, element = _JOINED.fullmatch(said), _TYPE.fullmatch(said), _ELEMENT.match(said)
        if joined is not None:
            self.title, self.name = joined[4], joined[1]
            self._begin(f"{joined[2]},{joined[3]}" if int(joined[3]) >= 0 else "")
        elif kind is not None:
            self.title, self.name, self.place = kind[1], "", ""
            self._begin("")
        elif said.startswith("Overall descriptor"):
            self._begin("")
        elif element is not None:
            self.name = ""
            self._begin(element[1] or element[2])
        elif self.place:
            self._fact(said)

    def _begin(self, place: str) -> None:
        """Element -1 and the overall descriptor sum up the others: nothing of their own."""
        self.place, self.element, self.disk = place, None, ""

    def _fact(self, said: str) -> None:
        status = _STATUS.fullmatch(said)
        component = next((one for word, one in _COMPONENTS if word in self.title.lower()), None)
        if component is None:
            return
        if status is not None and self.element is None and not self.disk:
            health = _STATES.get(status[1].strip().lower())
            self._make(component, health)
        temperature = _TEMPERATURE.search(said)
        if temperature is not None and self.element is not None:
            self.element.temperature = words.celsius(temperature[1])
        if self.disk and _BAD_BIT.search(said):
            self._mark_disk(said)

    def _make(self, component: Component, health: Health | None) -> None:
        name = self.name or f"{self.title} {self.place}"
        if component is Component.DISK:
            if health in (Health.ABSENT, Health.UNKNOWN, None):
                return
            self.disk = self.place
            disk = self.report.disk("ses", self.place)
            disk.slot = self.name or f"slot {self.place}"
            bad = health in (Health.CRITICAL,)
            disk.state = frozenset({MemberState.FAILED if bad else MemberState.ONLINE})
            return
        self.element = self.report.element("ses", component, f"{self.title} {self.place}")
        self.element.name, self.element.health = name, health

    def _mark_disk(self, said: str) -> None:
        disk = self.report.disk("ses", self.disk)
        if re.search(r"Predicted failure=1", said, re.IGNORECASE):
            disk.alert = True
        if re.search(r"Fault sensed=1", said, re.IGNORECASE):
            disk.state = frozenset({MemberState.FAILED})


def parse_text(lines: Sequence[str], report: Report, first: int) -> None:
    """`first`: number of the first line, for messages."""
    parser = _Parser(report)
    for line in lines:
        parser.read(line)
