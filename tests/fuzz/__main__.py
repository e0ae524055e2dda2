"""`make fuzz`: 100,000 cases of each target; prints each crash and hang and each broken promise, fails on any.

Targets: captures (damaged, decoded, every tenth judged), helper (damaged frames at the helper's socket), carried
(files of hosts without a network, damaged on the stick or before they were signed), stream (an agent's messages,
through the real intake and rules), enrolment (requests to join), web (odd requests at every page and form).
FUZZ="--target helper --mutants 1000" takes one of them, and fewer cases.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from hardcase_collector.rules.offline import OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.fuzz import carried, enrolment, helper_socket, stream, web_forms
from tests.fuzz.running import Failure, run
from tests.fuzz.seeds import seeds

ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES = Path(os.environ.get("HARDCASE_FIXTURES", ROOT.parent / "shared" / "fixtures"))
WORKERS = 2
SHARE = 1000


OF_PROCESS = 20
"""One case of so many goes to the helper as a process of its own, too."""


def captures_share(mutants: range, seed: int) -> list[Failure]:
    captures = seeds(FIXTURES, ROOT / "tests" / "golden")
    return run(captures, mutants, seed=seed, judge=OfflineJudge(load_sheets()), judged_of=10)


def helper_share(mutants: range, seed: int) -> list[Failure]:
    found = helper_socket.run(mutants, seed=seed)
    return found + helper_socket.run_process(mutants[::OF_PROCESS], seed=seed)


def carried_share(mutants: range, seed: int) -> list[Failure]:
    return carried.run(mutants, seed=seed)


def stream_share(mutants: range, seed: int) -> list[Failure]:
    return stream.run(mutants, seed=seed)


def enrolment_share(mutants: range, seed: int) -> list[Failure]:
    return enrolment.run(mutants, seed=seed)


def web_share(mutants: range, seed: int) -> list[Failure]:
    return web_forms.run(mutants, seed=seed)


TARGETS: dict[str, Callable[[range, int], list[Failure]]] = {
    "captures": captures_share,
    "helper": helper_share,
    "carried": carried_share,
    "stream": stream_share,
    "enrolment": enrolment_share,
    "web": web_share,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--target", choices=TARGETS, action="append", help="one of several; left out: all")
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, default=None, help="number of one mutant, to look at it")
    options = parser.parse_args()
    failures: list[Failure] = []
    for target in options.target or TARGETS:
        if options.only is not None:
            failures += TARGETS[target](range(options.only, options.only + 1), options.seed)
        else:
            failures += _all(target, options.mutants, options.seed)
    for one in failures:
        print(f"{one.kind} {one.capture} mutant {one.mutant}: {one.what}")
    return 1 if failures else 0


def _all(target: str, mutants: int, seed: int) -> list[Failure]:
    began = time.monotonic()
    shares = [range(first, min(first + SHARE, mutants)) for first in range(0, mutants, SHARE)]
    failures: list[Failure] = []
    with ProcessPoolExecutor(WORKERS) as pool:
        for done, found in enumerate(pool.map(TARGETS[target], shares, [seed] * len(shares)), 1):
            failures += found
            print(f"\r{target}: {done * SHARE} mutants, {len(failures)} failures", end="", file=sys.stderr, flush=True)
    print(f"\n{target}: {mutants} mutants in {time.monotonic() - began:.0f} s: {len(failures)} crashes or hangs")
    return failures


if __name__ == "__main__":
    sys.exit(main())
