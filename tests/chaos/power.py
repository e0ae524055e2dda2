"""The power goes: a guest with the agent's package is killed at random instants and starts again from its disk.

Every other time the collector is away as well, so that sweeps wait in the spool. At the end what the spool held is
counted against what the collector stored, and what was in it before each cut. `__main__.py` runs it.
"""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.vm.account import Cut, Verdict, count, stored_sweeps
from tests.vm.server import AGENT, QUICK, ROOT, WITHIN_S, Server, package

CALM_S, STORMY_S = 3.0, 12.0
"""The power goes that long after the first readings came, or after the collector went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPlan:
    cuts: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOutcome:
    cuts: int
    away: int
    """Of these, while the collector was away."""
    verdict: Verdict
    seconds: float


def run_power(directory: Path, plan: PowerPlan) -> PowerOutcome:
    """Raises StageError when something does not come back within its bound."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    with ExitStack() as stack:
        server = Server(directory, stack)
        server.keeper.start()
        server.install(package(ROOT / "dist"))
        server.allow_for_emulation()
        server.enrol()
        server.set(QUICK)
        server.start()
        cuts = [_cut(server, chance, directory / f"cut-{number}", away=number % 2 == 1) for number in range(plan.cuts)]
        server.until_caught_up()
        server.guest.run(f"systemctl stop {AGENT}", deadline_s=WITHIN_S)
        kept, waiting = server.keeper.fetch(directory / "kept")
        server.scene.collector.program.stop()
        stored = stored_sweeps(server.scene.collector.directory / "data" / "telemetry")
    return PowerOutcome(
        cuts=len(cuts),
        away=plan.cuts // 2,
        verdict=count(kept, waiting, stored, cuts),
        seconds=time.monotonic() - began,
    )


def _cut(server: Server, chance: random.Random, folder: Path, *, away: bool) -> Cut:
    """Streams, loses its power, and starts again."""
    server.until_streaming("before the power goes")
    if away:
        server.scene.collector.program.kill()
    time.sleep(chance.uniform(CALM_S, STORMY_S))
    cut = server.keeper.cut(folder)
    if away:
        server.scene.start_collector()
    server.guest.start()
    return cut
