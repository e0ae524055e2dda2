"""Event logs in sentences: Dell's `racadm getsel` and lifecycle log, HPE's integrated management log, and their like.

Pure; used by `sel_decoding.py`. What the sentences say is in `sel_sentences.py`; one that is not there travels as text.
"""

from __future__ import annotations

import re

from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.ipmi import sel_dates, sel_place, sel_sentences

_LINE = re.compile(
    r"\s*(?:(?P<id>\d{1,6})[\s|,]+)?(?P<severity>ok|info(?:rmational)?|non-critical|caution|warning|critical|repaired)"
    r"[\s|,:]+(?P<rest>.*\d{1,4}[/\-]\d{1,2}[/\-]\d{2,4}.*)",
    re.IGNORECASE,
)
_DIRECTIONS = {"assertion": "", "asserted": "", "deassertion": "repaired", "deasserted": "repaired"}
"""How Supermicro's pages and ipmicfg end a sentence, and the severity that this amounts to."""
_NUMBERED = re.compile(r"\s*(?:Event\s*:\s*)?(\d{1,6})[\s|,]+", re.IGNORECASE)
_LOCATION = re.compile(r"location(?:\(s\)|s)?\s+(.*?)[.\s]*$", re.IGNORECASE)
_REPAIRED = ("repaired",)


def line(text: str, order: sel_dates.Order) -> Event | None:
    """A line with severity, date and sentence, or with sentence and direction. None where it is none.

    The first is how HPE's and Dell's tables print it, the second how Supermicro's pages do.
    """
    words, dash, direction = text.rpartition(" - ")
    severity = _DIRECTIONS.get(direction.strip(" \t\"',;").lower())
    if dash and severity is not None and "|" not in words and any(char.isalpha() for char in words):
        numbered = _NUMBERED.match(words)
        return _event(int(numbered[1]) if numbered is not None else 0, words, words, severity, order)
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    return _event(int(found["id"] or 0), found["rest"], found["rest"], found["severity"], order)


def fields(named: dict[str, str], order: sel_dates.Order) -> Event | None:
    """A block of `racadm getsel` ("Record:", "Date/Time:", "Severity:", "Description:") or of the lifecycle log."""
    sentence = named.get("description") or named.get("message", "")
    date = named.get("datetime") or named.get("timestamp") or named.get("date", "")
    if not sentence or not date:
        return None
    number = re.match(r"\d{1,9}", named.get("record") or named.get("seqnumber") or named.get("sequencenumber") or "")
    severity = named.get("severity", "")
    return _event(int(number[0]) if number is not None else 0, date.replace("T", " "), sentence, severity, order)


def _event(record_id: int, date: str, sentence: str, severity: str, order: sel_dates.Order) -> Event:
    when = sel_dates.moment(date, order)
    said = sel_sentences.said_in(sentence)
    asserted = said.asserted and severity.lower() not in _REPAIRED
    place = _LOCATION.search(sentence)
    # "Location System" of HPE's log names no place.
    detail = place[1] if place is not None and any(char.isdigit() for char in place[1]) else sentence
    part, note = sel_place.part_of(said.component, said.name, said.name, detail)
    if said.component is Component.NONE:
        part = Part()
    return Event(
        log="sel",
        record_id=record_id,
        raw=b"",
        device_ms=when.ms,
        part=part,
        code=said.code,
        asserted=asserted,
        text=f"{sentence.strip()}{f' ({note})' if note else ''}",
    )
