"""Lines of FreeIPMI's ipmi-sensors and ipmimonitoring, with and without header, old and new, as rows.

Pure. `text_decoding.py` reaches it through `text_lines.py`; verbose records are in `text_records.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hardcase_agent.domain.reading import Gap, GapReason
from hardcase_agent.sensors.ipmi import sel_words
from hardcase_agent.sensors.ipmi.text_rows import LIMIT_COLUMNS, NOTHING, Row, limits_of, measured, number

_DATE = re.compile(r"^(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|[A-Z][a-z]{2}-\d{1,2}-\d{4}|Pre-?Init.*)$")
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(slots=True)
class Columns:
    """Which FreeIPMI column is which, from its header or from how many there are."""

    places: dict[str, int] | None = None

    def header(self, cells: Sequence[str]) -> bool:
        """Takes a header line; False where it is none."""
        words = [cell.strip().lower() for cell in cells]
        if not {"name", "sensor name"} & set(words) or not {"reading", "type", "sensor reading"} & set(words):
            return False
        if "date" in words:
            # The event log, which has a door of its own.
            self.places = {"name": len(words)}
            return True
        known = {
            "id": "id", "record id": "id", "name": "name", "type": "type", "state": "state", "reading": "reading",
            "units": "units", "event": "event", "lower nr": "lower_non_recoverable", "lower c": "lower_critical",
            "lower nc": "lower_non_critical", "upper nc": "upper_non_critical", "upper c": "upper_critical",
            "upper nr": "upper_non_recoverable", "record_id": "id", "sensor name": "name", "sensor group": "type",
            "monitoring status": "state", "sensor units": "units", "sensor reading": "reading",
        }  # fmt: skip
        self.places = {known[word]: place for place, word in enumerate(words) if word in known}
        return True

    def of(self, count: int) -> dict[str, int] | None:
        if self.places is not None and self.places["name"] >= count:
            return None
        if self.places is not None and max(self.places.values()) == count - 1:
            return self.places
        layout: list[str] | None = {
            6: ["id", "name", "type", "reading", "units", "event"],
            7: ["id", "name", "type", "state", "reading", "units", "event"],
            12: ["id", "name", "type", "reading", "units", *LIMIT_COLUMNS, "event"],
            13: ["id", "name", "type", "state", "reading", "units", *LIMIT_COLUMNS, "event"],
        }.get(count)
        return {name: place for place, name in enumerate(layout)} if layout else None


def from_freeipmi(cells: Sequence[str], columns: Columns, at: str) -> Row | None:
    """A row of ipmi-sensors or ipmimonitoring; None where the cells are none."""
    cells = [cell.strip() for cell in cells]
    places = columns.of(len(cells))
    if places is None or "name" not in places or not cells[places.get("id", 0)].isdigit():
        return None
    if _DATE.match(cells[places["name"]]):
        # An entry of the event log, which has a door of its own.
        return None

    def cell(name: str) -> str:
        return cells[places[name]] if name in places else ""

    kind = sel_words.sensor_type(cell("type"))
    row = Row(name=cell("name"), at=at, number=None, type=kind[0] if kind else None, status=cell("state").lower())
    row.limits = limits_of([cell(name) for name in LIMIT_COLUMNS], LIMIT_COLUMNS)
    row.unit = "" if cell("units").lower() in NOTHING else cell("units")
    value = number(cell("reading"))
    row.value = value
    # Before 1.0 ipmimonitoring printed the states of a discrete sensor as its reading.
    event = cell("event") if "event" in places else cell("reading") if "'" in cell("reading") else ""
    phrases = tuple(_QUOTED.findall(event)) or ((event.strip("[]"),) if event.lower() not in NOTHING else ())
    return freeipmi_said(row, phrases)


def freeipmi_said(row: Row, phrases: tuple[str, ...], *, threshold: bool | None = None) -> Row:
    """The row with FreeIPMI's words of its states. `threshold`: whether it is judged by limits; None = not told."""
    told = [words for words in phrases if words.strip().lower() not in ("ok", "no event", "")]
    row.phrases = tuple(told)
    states = [found for words in told if (found := sel_words.state(row.type, words)) is not None]
    if threshold is None:
        measuring = row.type in (0x01, 0x02, 0x03, 0x0B) and not phrases
        threshold = bool(row.limits or row.unit or measuring) or row.value is not None
        threshold = threshold or any(one.code == 1 for one in states)
    row.compared = threshold and bool(phrases)
    if not threshold:
        row.discrete = True
        row.bits = 0 if phrases and not told else None
        row.gap = None if phrases else Gap(GapReason.BUSY, "no reading")
    elif row.value is None and not told:
        row.gap = Gap(GapReason.BUSY, "no reading")
    return row


_OLD = re.compile(r"^(\d+): (.+?) \(([^()]*)\): ([^\[]*?)(?:: )?((?:\[[^\]]*\])+)\s*$")
_OLD_RANGE = re.compile(r"\(([\d.NA/-]+)\)")


def from_old_freeipmi(line: str, at: str) -> Row | None:
    """ "12: Fan 1 (Fan): 5400.00 RPM (1200.00/NA): [OK]", FreeIPMI before 1.0."""
    found = _OLD.match(line)
    if found is None:
        return None
    kind = sel_words.sensor_type(found[3])
    row = Row(name=found[2].strip(), at=at, type=kind[0] if kind else None)
    said = measured(_OLD_RANGE.sub("", found[4]))
    if said is not None:
        row.value, row.unit = said
    words = [word.strip() for word in found[5].strip("[]").split("][")]
    return freeipmi_said(row, tuple(word for word in words if word.lower() not in NOTHING))
