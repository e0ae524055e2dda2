"""Deciding reading taken -> case committed -> webhook delivered, with many live agents.

The time to the commit is that of the acknowledgement of the frame, which comes after both commits and a way back.
"""

from __future__ import annotations

import time

from tests.bench.load import Orders, quantile
from tests.bench.processes import Row, check_recount, collector, load
from tests.bench.sink import sink

DELIVERY_S = 60.0


def run(agents: int = 1000, pace_ms: int = 10_000, frames: int = 5) -> list[Row]:
    with sink() as (url, arrivals), collector(agents, url) as (process, address, folder):
        orders = Orders(
            address=address, folder=str(folder), agents=agents, frames=frames, period_ms=pace_ms, pace_ms=pace_ms,
            trips=True,
        )  # fmt: skip
        with load(orders) as fleet:
            told = fleet.ask("")
            until = time.monotonic() + DELIVERY_S
            while len(arrivals.opened) < agents and time.monotonic() < until:
                time.sleep(0.1)
            facts = process.ask("recount")
    check_recount(facts, frames=agents * frames, records=agents * (frames + 1))
    assert len(arrivals.opened) == agents, f"{len(arrivals.opened)} cases of {agents} were told"
    delivered = list(arrivals.opened.values())
    doubled = sum(times - 1 for times in arrivals.ids.values())
    ack, hook = told["latency_p99_s"], quantile(delivered, 0.99)
    return [
        Row(
            f"reading taken -> case committed, {agents} live agents",
            f"p50 {told['latency_p50_s']:.3f} s, p99 {ack:.3f} s (to the acknowledgement)",
            "p99 < 1 s",
            ack < 1.0,
        ),
        Row(
            f"reading taken -> webhook delivered, {agents} live agents",
            f"p50 {quantile(delivered, 0.5):.3f} s, p99 {hook:.3f} s, {len(delivered)} cases, {doubled} sent twice",
            "p99 < 2 s",
            hook < 2.0,
        ),
    ]


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
