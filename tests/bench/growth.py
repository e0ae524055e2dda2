"""CPU of the collector with ten times the agents at the same rate each."""

from __future__ import annotations

from tests.bench.load import Orders
from tests.bench.processes import Row, collector, load


def cpu_s(agents: int, frames: int, pace_ms: int) -> float:
    """CPU seconds the collector used from the first to the last message."""
    with collector(agents) as (process, address, folder):
        orders = Orders(
            address=address, folder=str(folder), agents=agents, frames=frames, pace_ms=pace_ms, period_ms=pace_ms
        )
        with load(orders) as fleet:
            before = process.ask("facts")["cpu_s"]
            told = fleet.ask("")
            after = process.ask("facts")["cpu_s"]
    assert not told["refused"], told
    return float(after) - float(before)


def run(agents: int = 50, frames: int = 15, pace_ms: int = 2_000) -> list[Row]:
    few, many = cpu_s(agents, frames, pace_ms), cpu_s(10 * agents, frames, pace_ms)
    return [
        Row(
            f"growth: {10 * agents} agents against {agents}, a frame each {pace_ms / 1000:g} s",
            f"{many / few:.1f} x CPU ({few:.1f} s -> {many:.1f} s)",
            "<= 11 x",
            many <= 11 * few,
        )
    ]


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
