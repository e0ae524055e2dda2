"""`judge`: captures through the rules, one JSON line a finding. Needs no running collector and no configuration.

Reads what `hardcase-agent decode` printed; judging itself is `rules/offline.py`.
"""

from __future__ import annotations

import json
import math
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardcase_collector.commands import talk

if TYPE_CHECKING:
    from hardcase_collector.domain.asset import Part
    from hardcase_collector.rules.offline import Found, Judgement, Unraised
    from hardcase_collector.rules.sheet import RuleBook

_SUFFIXES = (".jsonl", ".json", ".ndjson")
_COUNTED = re.compile(r"([^0-9]*)([0-9]*)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What steers a terminal and is no C0 control, which JSON escapes by itself: DEL, C1, the directions of writing."""


def judge(
    files: Annotated[
        list[Path],
        typer.Argument(help="JSON lines of `hardcase-agent decode`, - for standard input, or a folder of captures."),
    ],
    why: Annotated[bool, typer.Option("--why", help="Also say why everything else raised nothing.")] = False,
    advice: Annotated[
        bool, typer.Option("--advice", help="Add what to do about each finding, in English and Chinese.")
    ] = False,
    sheets: Annotated[
        list[Path] | None, typer.Option(help="Your own sheets beside the built-in ones; a file or a folder; repeat.")
    ] = None,
) -> None:
    """Judge decoded captures by the rules and print one JSON line a finding.

    Takes what `hardcase-agent decode` printed, of one machine or of many, and needs no collector and no configuration.
    Findings of one machine with the same "case" would be one case. A capture is taken as a condition that lasts; growth
    and rates need captures over time: several files in their order, or a folder, of which every *.jsonl, *.json and
    *.ndjson is read in the order people count; a part that a later one no longer lists is gone. The lines are described
    in protos/README.md.

    Example: hardcase-agent decode smart disk.json | hardcase-collector judge - --advice

    Exit status: 0 every line was read, whatever was found; 1 a line or a sheet could not be read, and it is told; 2
    wrong use.
    """
    from hardcase_collector.rules.captured import gather
    from hardcase_collector.rules.offline import OfflineJudge
    from hardcase_collector.rules.sheet_reader import load_sheets

    # As `head` does it: whoever read the output may have seen enough.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with talk.named_errors():
        book = load_sheets(sheets)
    judge_by = OfflineJudge(book)
    bad_json: list[dict[str, Any]] = []
    machines, bad = gather(_lines(files, bad_json))
    for machine in machines:
        judgement = judge_by.judge(machine, why=why)
        for found in judgement.found:
            if found.stands or why:
                _print(finding_line(found) | (_advice(found, judgement, book) if advice else {}))
        for unraised in judgement.unraised:
            _print(why_line(unraised))
    for line in bad_json:
        _print(line)
    for one in bad:
        _print({"type": "error", "kind": "malformed", "message": one.message, "at": one.at})
    if bad or bad_json:
        raise typer.Exit(talk.FAILED)


def _lines(files: list[Path], bad: list[dict[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in files:
        for file in _captures(path, bad):
            try:
                raw_text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
                text = raw_text.decode("utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                bad.append({"type": "error", "kind": "refused", "message": f"cannot be read: {error}", "at": str(file)})
                continue
            # Only at line feeds: a text of a log may hold what Unicode calls a line's end too.
            for number, raw in enumerate(text.split("\n"), 1):
                if not raw.strip():
                    continue
                try:
                    line = json.loads(raw)
                except (ValueError, RecursionError) as error:
                    message = f"not JSON: {error}"[:200]
                    bad.append({"type": "error", "kind": "malformed", "message": message, "at": f"{file}:{number}"})
                    # What it said is unknown: nothing may be taken for gone by a file that holds it.
                    yield f"{file}:{number}", bad[-1]
                    continue
                yield f"{file}:{number}", line


def _captures(path: Path, bad: list[dict[str, Any]]) -> list[Path]:
    """A folder's captures with those of the folders in it, in the order people count: capture-2 before capture-10."""
    if not path.is_dir():
        return [path]
    within = [one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file()]
    if not within:
        message = f"holds no file that ends with {', '.join(_SUFFIXES)}"
        bad.append({"type": "error", "kind": "empty", "message": message, "at": str(path)})
    return sorted(within, key=lambda one: [(int(word or 0), text) for text, word in _COUNTED.findall(str(one))])


def finding_line(found: Found) -> dict[str, Any]:
    """The form is described in protos/README.md."""
    return {
        "type": "finding",
        "asset": {"vendor": found.asset.vendor, "model": found.asset.model, "serial": found.asset.serial},
        "source": found.source,
        "part": _part(found.part),
        "fault_class": found.fault_class,
        "repair_group": found.repair_group,
        "severity": found.severity.word,
        "opens": found.opens,
        "rule": found.rule,
        "case": found.case,
        "state": "firing" if found.firing else "cleared",
        "since": _iso(found.since_ms),
        "cleared": _iso(found.cleared_ms),
        "evidence": _plain({name: value for name, value in found.evidence.items() if name not in ("rule", "since_ms")}),
    }


def _advice(found: Found, judgement: Judgement, book: RuleBook) -> dict[str, Any]:
    from hardcase_collector.domain.advice import Firing, LiveState

    same_case = [one for one in judgement.found if one is found or (found.case and one.case == found.case)]
    classes = [found.fault_class, *(one.fault_class for one in same_case)]
    firing = tuple(Firing(one.fault_class, one.part, one.severity) for one in judgement.found if one.firing)
    counsel = book.counsel(found.part, list(dict.fromkeys(classes)), LiveState(firing=firing))
    return {"advice": None if counsel is None else {language: counsel.said(language) for language in ("en", "zh")}}


def why_line(unraised: Unraised) -> dict[str, Any]:
    return {
        "type": "why",
        "asset": {"vendor": unraised.asset.vendor, "model": unraised.asset.model, "serial": unraised.asset.serial},
        "source": unraised.source,
        "part": _part(unraised.part),
        "sensor": {"id": unraised.sensor, "name": unraised.name},
        "reason": unraised.reason,
        "rule": unraised.rule,
        "facts": _plain(unraised.facts),
    }


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no word for NaN and infinity: null, never 0."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in facts.items()
    }


def _part(part: Part) -> dict[str, Any]:
    said: dict[str, Any] = {
        "class": part.component,
        "slot": part.slot,
        "model": part.model,
        "serial": part.serial,
        "part_number": part.part_number,
        "firmware": part.firmware,
    }
    return {**said, "paths": list(part.paths)} if part.paths else said


def _iso(time_ms: int | None) -> str | None:
    if time_ms is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        # Judged a second after the last moment of the calendar.
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _print(line: Mapping[str, Any]) -> None:
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    text = _STEERING.sub(lambda one: f"\\u{ord(one[0]):04x}", text)
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
