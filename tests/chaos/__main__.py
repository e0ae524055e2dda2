"""`make chaos`, or `make chaos CHAOS="--kills 500 --agents 100 --seed 7"`: prints kills, lost, doubled.

Then the power goes ten times from a guest with the package; `--only kills` or `--only power` for one of the two.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.power import PowerOutcome, PowerPlan, run_power
from tests.chaos.run import Outcome, Plan, run
from tests.peers.vm import image_missing


def show(outcome: Outcome, seed: int) -> None:
    show_rows(
        ("seed", seed),
        ("kills", ", ".join(f"{kind} {times}" for kind, times in sorted(outcome.kills.items()))),
        ("frames kept by agents", outcome.kept),
        ("still in a spool", outcome.waiting),
        ("lost", outcome.lost),
        ("doubled", outcome.doubled),
        ("faults", outcome.faults),
        ("parts with a case", outcome.cases),
        ("cases too many", outcome.surplus_cases),
        ("case events", outcome.events),
        ("never told", len(outcome.untold)),
        ("told under two ids", outcome.ids_shared),
        ("seconds", f"{outcome.seconds:.0f}"),
    )


def show_power(outcome: PowerOutcome, seed: int) -> None:
    verdict = outcome.verdict
    show_rows(
        ("seed", seed),
        ("power cuts", f"{outcome.cuts}, of these {outcome.away} while the collector was away"),
        ("frames kept by the agent", verdict.kept),
        ("still in its spool", verdict.waiting),
        ("lost", verdict.lost),
        ("doubled", verdict.doubled),
        ("sweeps missing", len(verdict.sweeps_missing)),
        ("seconds", f"{outcome.seconds:.0f}"),
    )


def show_rows(*rows: tuple[str, object]) -> None:
    for name, value in rows:
        print(f"{name:<24} {value}")


def kills(asked: argparse.Namespace, directory: Path) -> tuple[str, ...]:
    """What was wrong."""
    plan = Plan(agents=asked.agents, kills=asked.kills, seed=asked.seed, period_s=asked.period)
    outcome = run(directory, plan)
    show(outcome, asked.seed)
    return outcome.wrong


def power(asked: argparse.Namespace, directory: Path) -> tuple[str, ...]:
    """What was wrong."""
    if missing := image_missing():
        print(f"no power cuts: {missing}")
        return ("the guest is not there",) if asked.only == "power" else ()
    outcome = run_power(directory, PowerPlan(cuts=asked.cuts, seed=asked.seed))
    show_power(outcome, asked.seed)
    return outcome.verdict.wrong


SCENARIOS = {"kills": kills, "power": power}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--period", type=float, default=10.0, help="seconds between sweeps of a rehearsed agent")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--cuts", type=int, default=10, help="how often the power goes")
    parser.add_argument("--only", choices=SCENARIOS, help="one scenario instead of all")
    asked = parser.parse_args()
    wrong: list[str] = []
    for name, scenario in SCENARIOS.items():
        if asked.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="hardcase-chaos-", ignore_cleanup_errors=True) as directory:
                wrong += scenario(asked, Path(directory))
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
