"""`python -m tests.bench [names]`: runs the benchmarks and prints one table. One that fails is said, the rest go on.

A module has `run()`, which gives rows with `what`, `measured` and `bar`. Ends with 1 where a bar was missed.
"""

from __future__ import annotations

import importlib
import sys
import traceback

NAMES = (
    "ingest",
    "remote_write",
    "live",
    "backlog",
    "streams",
    "bytes",
    "growth",
    "hostile",
    "judge",
    "desk",
    "ipmi_sweep",
    "agent_footprint",
)


def main(chosen: list[str]) -> int:
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    table = [("what", "measured", "bar")]
    missed = 0
    for name in chosen or NAMES:
        print(f"... {name}", file=sys.stderr, flush=True)
        try:
            rows = importlib.import_module(f"tests.bench.{name}").run()
        except Exception as error:
            traceback.print_exc()
            table.append((name, f"failed: {type(error).__name__}: {error}", ""))
            missed += 1
            continue
        for row in rows:
            reached = getattr(row, "reached", None)
            missed += reached is False
            mark = {None: "", True: " (reached)", False: " (MISSED)"}[reached]
            table.append((row.what, row.measured, row.bar + mark))
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    for line in table:
        print(" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
