"""`make truth`: prints what is decoded and judged of the captures below HARDCASE_FIXTURES, and fails below a bar."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardcase_collector.rules.offline import OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.truth.comparison import Comparison, Truth
from tests.truth.judging import Outcome, outcome
from tests.truth.speed import server_ms, thousand_drives_s

ROOT = Path(__file__).resolve().parent.parent.parent
FAMILIES = ("ipmi", "sel", "smart", "snmp", "arrays", "kernel")
EQUAL_BAR, FAULTS_BAR = 0.99, 0.95


@dataclass(slots=True)
class Tally:
    """What one family made of its captures."""

    family: str
    comparisons: list[Comparison] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    fleet: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, truth: Truth) -> list[Outcome]:
        return [one for one in self.outcomes if one.verdict.truth is truth]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `met` None: there was nothing to count."""

    what: str
    said: str
    bar: str
    met: bool | None


def tally(family: str, folder: Path, judge: OfflineJudge) -> Tally:
    module: Any = importlib.import_module(f"tests.truth.{family}")
    began = time.perf_counter()
    made = Tally(family, comparisons=list(module.compare(folder)))
    made.outcomes = [outcome(judge, verdict) for verdict in module.verdicts(folder)]
    fleet = getattr(module, "fleet", None)
    made.fleet = [outcome(judge, verdict) for verdict in fleet(folder)] if fleet else []
    made.seconds = time.perf_counter() - began
    return made


def rows(tallies: Iterable[Tally]) -> list[Row]:
    tallies = list(tallies)
    return [
        _decoded([one for tally in tallies for one in (*tally.outcomes, *tally.fleet)]),
        _equal([one for tally in tallies for one in tally.comparisons]),
        _share("documented faults raised", [one for tally in tallies for one in tally.of(Truth.FAULT)], FAULTS_BAR),
        _share("false alarms quiet", [one for tally in tallies for one in tally.of(Truth.FALSE_ALARM)], 1.0),
        _share("healthy captures quiet", [one for tally in tallies for one in tally.of(Truth.HEALTHY)], 1.0),
        _untold([one for tally in tallies for one in tally.of(Truth.UNKNOWN)]),
        _share(
            "fleet: failed drives found",
            [one for tally in tallies for one in tally.fleet if one.verdict.truth is Truth.FAULT],
            1.0,
        ),
        _share(
            "fleet: signless drives quiet",
            [one for tally in tallies for one in tally.fleet if one.verdict.truth is Truth.HEALTHY],
            1.0,
        ),
    ]


def _decoded(outcomes: list[Outcome]) -> Row:
    broken = [one for one in outcomes if one.unnamed]
    said = f"{len(outcomes) - len(broken)} of {len(outcomes)}, {sum(one.named_errors for one in outcomes)} named errors"
    return Row("decoded without an unnamed error", said, "100 %", not broken if outcomes else None)


def _equal(comparisons: list[Comparison]) -> Row:
    if not comparisons:
        return Row("values and states as expected", "nothing to compare", "99 %", None)
    equal = sum(one.equal for one in comparisons)
    explained = sum(bool(one.explained) for one in comparisons if not one.equal)
    share = equal / len(comparisons)
    rest = len(comparisons) - equal - explained
    said = f"{equal} of {len(comparisons)} ({share:.2%}), {explained} differences explained, {rest} not"
    return Row("values and states as expected", said, f"{EQUAL_BAR:.0%}", share >= EQUAL_BAR and not rest)


def _untold(outcomes: list[Outcome]) -> Row:
    """Counted nowhere else: how much of the table rests on what nobody documents is told with it."""
    opened = sum(bool(one.opened) for one in outcomes)
    return Row("captures without a verdict", f"{len(outcomes)}, {opened} with findings that open a case", "-", None)


def _share(what: str, outcomes: list[Outcome], bar: float) -> Row:
    if not outcomes:
        return Row(what, "none of this kind", f"{bar:.0%}", None)
    right = sum(one.right for one in outcomes)
    share = right / len(outcomes)
    mute = sum(one.heard == 0 for one in outcomes)
    said = f"{right} of {len(outcomes)} ({share:.2%})" + (f", {mute} tell nothing at all" if mute else "")
    faults = [one.verdict for one in outcomes if one.verdict.truth is Truth.FAULT]
    anywhere = sum(not verdict.part for verdict in faults)
    said += f", {anywhere} documented without a part" if anywhere else ""
    return Row(what, said, f"{bar:.0%}", share >= bar)


def speed(folder: Path) -> list[Row]:
    drives, servers = thousand_drives_s(folder), server_ms(folder)
    slowest = max(servers, key=servers.__getitem__, default="")
    return [
        Row(
            "decode a thousand SMART files",
            "none" if drives is None else f"{drives:.2f} s",
            "< 5 s",
            None if drives is None else drives < 5,
        ),
        Row(
            "decode one server's capture",
            f"{servers[slowest]:.0f} ms ({slowest}, the slowest of {len(servers)})" if servers else "none",
            "< 50 ms",
            servers[slowest] < 50 if servers else None,
        ),
    ]


def details(made: Tally, most: int) -> Iterable[str]:
    """Every miss, every false alarm, every difference, and every warning on what is healthy, one line each."""
    for one in [one for one in made.comparisons if not one.equal][:most]:
        note = one.explained or "NOT EXPLAINED"
        yield f"  differs  {one.capture}: {one.what}: expected {one.expected}, got {one.got} ({note})"
    for result in (*made.outcomes, *made.fleet):
        for error in result.unnamed:
            yield f"  UNNAMED  {result.verdict.name}: {error}"
        if not result.right:
            raised = "; ".join(_told(one) for one in result.wrongly_accused or result.opened) or "nothing"
            wanted = f"{'/'.join(result.verdict.classes)} on {'/'.join(result.verdict.part) or 'any part'}"
            wanted = wanted if result.verdict.truth is Truth.FAULT else "nothing"
            yield f"  {result.verdict.truth.value.upper()}  {result.verdict.name}: raised {raised}; wanted {wanted}"
        elif result.verdict.truth is Truth.HEALTHY:
            for found in result.warned:
                yield f"  warned   {result.verdict.name}: {_told(found)}"


def _told(one: Any) -> str:
    what = one.evidence.get("name") or one.evidence.get("code") or ""
    value = one.evidence.get("value", one.evidence.get("state", one.evidence.get("text", "")))
    return f"{one.severity.word} {one.fault_class} on {one.part.key()!r} [{what} = {value}]"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make truth", description=__doc__)
    parser.add_argument("families", nargs="*", default=[], help=f"of {', '.join(FAMILIES)}; default: all")
    parser.add_argument("--most", type=int, default=200, help="differences to list for each family")
    options = parser.parse_args()
    folder = Path(os.environ.get("HARDCASE_FIXTURES", ROOT.parent / "shared" / "fixtures"))
    if not folder.is_dir():
        print(f"no captures at {folder}: set HARDCASE_FIXTURES")
        # A clone has none; who names a folder means to be told.
        return 2 if "HARDCASE_FIXTURES" in os.environ else 0
    judge = OfflineJudge(load_sheets())
    tallies = []
    for family in options.families or FAMILIES:
        made = tally(family, folder, judge)
        tallies.append(made)
        print(f"{family}: {len(made.comparisons)} comparisons, {len(made.outcomes)} verdicts, {made.seconds:.1f} s")
        for line in details(made, options.most):
            print(line)
    print()
    table = rows(tallies) + (speed(folder) if not options.families else [])
    for row in table:
        met = {True: "met", False: "BELOW", None: "-"}[row.met]
        print(f"{row.what:<36} {row.said:<64} bar {row.bar:<6} {met}")
    if all(row.met is None for row in table if row.bar != "-"):
        print(f"nothing to count at {folder}")
        return 2
    return 1 if any(row.met is False for row in table) else 0


if __name__ == "__main__":
    sys.exit(main())
