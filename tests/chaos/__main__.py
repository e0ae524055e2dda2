"""`make chaos`, or `make chaos CHAOS="--kills 500 --agents 100 --seed 7"`: prints kills, lost, doubled."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.run import Outcome, Plan, run


def show(outcome: Outcome, seed: int) -> None:
    rows = (
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
    for name, value in rows:
        print(f"{name:<24} {value}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--period", type=float, default=10.0, help="seconds between sweeps of a rehearsed agent")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    asked = parser.parse_args()
    plan = Plan(agents=asked.agents, kills=asked.kills, seed=asked.seed, period_s=asked.period)
    with tempfile.TemporaryDirectory(prefix="hardcase-chaos-", ignore_cleanup_errors=True) as directory:
        outcome = run(Path(directory), plan)
    show(outcome, asked.seed)
    if outcome.wrong:
        print("\n".join(outcome.wrong))
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
