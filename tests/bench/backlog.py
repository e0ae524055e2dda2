"""Agents that catch up on days of backlog while others stay live: time to drain, and what the live ones notice."""

from __future__ import annotations

from tests.bench.load import Orders
from tests.bench.processes import Row, check_recount, collector, load

DAY_MS = 86_400_000
PERIOD_MS = 60_000
PACE_MS = 2_000
MOST_BEATS = 1_000
"""Half an hour of a live agent: longer than any drain that is waited for."""


def run(behind: int = 100, days: float = 1.0, live: int = 100, whole: tuple[int, float] = (1000, 7.0)) -> list[Row]:
    """`whole` is the size of the bar; what is run is scaled down by default, and said so."""
    frames = int(days * DAY_MS / PERIOD_MS)
    with collector(behind + live) as (process, address, folder):
        old = Orders(
            address=address, folder=str(folder), agents=behind, frames=frames, per_message=10, period_ms=PERIOD_MS
        )
        with load(old) as catching_up:
            # Live agents send until the drain is over, and not beyond: a calm end would flatter them.
            now = Orders(
                address=address, folder=str(folder), agents=live, first_agent=behind, frames=MOST_BEATS,
                pace_ms=PACE_MS, period_ms=PACE_MS, until_told=True,
            )  # fmt: skip
            with load(now) as fleet:
                fleet.tell("")
                drained = catching_up.ask("")
                noticed = fleet.ask("")
                facts = process.ask("recount")
    check_recount(
        facts, frames=behind * frames + noticed["frames"], records=behind * (frames + 1) + noticed["frames"] + live
    )
    share = behind * days / (whole[0] * whole[1])
    return [
        Row(
            f"backlog: {behind} agents x {days:g} days while {live} stay live",
            f"drained in {drained['took_s']:.0f} s ({drained['samples'] / drained['took_s']:,.0f} samples/s);"
            f" {whole[0]} agents x {whole[1]:g} days at that rate: {drained['took_s'] / share / 60:.0f} min",
            "printed",
        ),
        Row(
            "live agents meanwhile: reading taken -> committed",
            f"p50 {noticed['latency_p50_s']:.3f} s, p99 {noticed['latency_p99_s']:.3f} s",
            "p99 < 1 s",
            noticed["latency_p99_s"] < 1.0,
        ),
        Row("the collector's memory at the end of it", f"RSS {facts['rss_mb']:.0f} MB", "printed"),
    ]


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
