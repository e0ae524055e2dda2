"""Tells the tools' outputs apart by what stands in them, several in one file, and has each read by its parser.

Called by `decoding.py` for captures and by `source.py` for what a tool just printed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.capture import Flaw, is_cut_json
from hardcase_agent.sensors.arrays import (
    appliance,
    arcconf,
    cciss,
    hp,
    ircu,
    md,
    megacli,
    ses,
    storcli,
    storcli_text,
    zpool,
)
from hardcase_agent.sensors.arrays.model import Report

Parser = Callable[[Sequence[str], Report, int], None]

MOST_LINES = 400_000
"""Of one text. The longest output seen, `show all` of 60 drives, has 9,000."""
_LONGEST_LINE = 4_000
"""Characters; longer ones are no line of these tools, and patterns stay quick on what is left of them."""
_MOST_STARTS = 64
"""Places in a text at which a JSON document is tried."""


@dataclass(frozen=True, slots=True)
class _Tool:
    name: str
    opener: re.Pattern[str]
    """Of a stripped line: from here on it is this tool's output."""
    parse: Parser
    keeps: tuple[str, ...] = ()
    """Tools whose output this opener does not end, because they print such lines too."""


def _read_storcli(lines: Sequence[str], report: Report, first: int) -> None:
    storcli.read_document(storcli_text.parse_text(lines), report, f"line {first}")


_TOOLS = (
    _Tool("storcli", re.compile(r"CLI Version\s+=\s.*|Controller\s+=\s+\d{1,3}|System Overview\s*:"), _read_storcli),
    _Tool(
        "ircu",
        re.compile(
            r".{0,40}SAS[23] IR Configuration Utility.*|Read configuration has been initiated for controller \d+"
        ),
        ircu.parse_text,
    ),
    _Tool(
        "arcconf",
        re.compile(
            r"Controllers found: \d+|(Controller|Logical device|Physical Device) information"
            r"|Logical [Dd]evice number \d+|Device #\d+|Status of [Ll]ogical [Dd]evice\s*:.*"
        ),
        arcconf.parse_text,
        keeps=("ircu",),
    ),
    _Tool(
        "hp",
        re.compile(
            rf"{hp.CONTROLLER.pattern}|physicaldrive \S{{1,40}}( \(.*)?|logicaldrive \d{{1,4}}( \(.*)?|{hp.STRAY}"
        ),
        hp.parse_text,
    ),
    _Tool("cciss", re.compile(cciss.OPENER), cciss.parse_text),
    _Tool(
        "megacli",
        re.compile(
            r"Adapter\s*#\s*\d{1,3}|Adapter:? \d{1,3}\b.*|BBU status for Adapter\s*:.*|Enclosure Device ID\s*:.*"
            r"|Number of enclosures on adapter \d{1,3}.*|PCI information for Controller \d{1,3}|Virtual Drive:? \d+ .*"
            r"|Operating System\s*:.*|Slot Number\s*:.*|BatteryType\s*:.*"
        ),
        megacli.parse_text,
    ),
    _Tool("mdadm", md.DETAIL, md.parse_detail),
    _Tool("mdstat", re.compile(rf"Personalities\s*:.*|{md.ARRAY.pattern}"), md.parse_mdstat),
    _Tool("zpool status", re.compile(r"pool:\s+\S+"), zpool.parse_status),
    _Tool("zpool list", re.compile(r"NAME\s+SIZE\s.*\bHEALTH\b.*"), zpool.parse_list),
    _Tool("sg_ses", ses.HEADING, ses.parse_text),
)
_SILENT = (
    (re.compile(r"no pools available"), "zpool"),
    (re.compile(r"Controllers found: 0"), "arcconf"),
    (re.compile(r"Error: No controllers detected.*"), "ssacli"),
)
"""What tools print when there is nothing for them to tell."""


def read_text(text: str) -> Report:
    """Everything that a capture or a tool's output says. Raises nothing."""
    report = Report()
    spans = _read_json(text, report)
    for start, end in reversed(spans):
        # Their lines stay counted, so that messages about what follows name the right ones.
        text = text[:start] + "\n" * text.count("\n", start, end) + text[end:]
    lines = [line[:_LONGEST_LINE].rstrip() for line in text.split("\n", MOST_LINES)[:MOST_LINES]]
    known = bool(spans)
    for tool, first, segment in _segments(lines):
        known = True
        tool.parse(segment, report, first)
    if (
        not known
        and not report.flaws
        and not any(pattern.fullmatch(line.strip()) for line in lines[:50] for pattern, _ in _SILENT)
    ):
        if is_cut_json(text):
            report.flaw(Flaw.TRUNCATED, f"a JSON document ends in its middle, after {len(text.strip())} characters")
        else:
            report.flaw(Flaw.FOREIGN, "no output of a RAID tool, mdstat or zpool is recognised in it")
    return report


def _segments(lines: Sequence[str]) -> list[tuple[_Tool, int, Sequence[str]]]:
    """(tool, number of its first line, its lines); what stands before the first opener belongs to nobody."""
    marks: list[tuple[_Tool, int]] = []
    for index, line in enumerate(lines):
        stripped = " ".join(line.split())
        if not stripped:
            continue
        tool = _opened(stripped, marks[-1][0] if marks else None)
        if tool is not None:
            marks.append((tool, index))
    ends = [*(start for _, start in marks[1:]), len(lines)][: len(marks)]
    return [(tool, start + 1, lines[start:end]) for (tool, start), end in zip(marks, ends, strict=True)]


def _opened(line: str, current: _Tool | None) -> _Tool | None:
    """The tool whose output begins here; None where it goes on as before."""
    if current is not None and current.opener.fullmatch(line) is not None:
        return None
    for tool in _TOOLS:
        if tool.opener.fullmatch(line) is not None:
            return None if current is not None and current.name in tool.keeps else tool
    return None


def _read_json(text: str, report: Report) -> list[tuple[int, int]]:
    """Where the documents of a known form stand, also behind a prompt or one after the other."""
    decoder, at = json.JSONDecoder(), 0
    spans: list[tuple[int, int]] = []
    for _ in range(_MOST_STARTS):
        start = min((place for place in (text.find("{", at), text.find("[{", at)) if place >= 0), default=-1)
        if start < 0:
            break
        try:
            document, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            _broken(text, start, error, report)
            at = start + 1
            continue
        where = f"offset {start}" if start else ""
        if storcli.read_document(document, report, where) or appliance.read_document(document, report, where):
            spans.append((start, at))
    return spans


def _broken(text: str, start: int, error: Exception, report: Report) -> None:
    """A document of storcli that ends in its middle is said to be that, and nothing is guessed of it."""
    if '"Controllers"' in text[start : start + 200]:
        place = getattr(error, "pos", start)
        flaw = Flaw.TRUNCATED if is_cut_json(text[start:]) else Flaw.MALFORMED
        report.flaw(flaw, f"a JSON document that cannot be read: {error}", f"offset {place}")
