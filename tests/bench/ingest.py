"""Samples a second, from the first message to the last acknowledgement, with one and with ten frames a message."""

from __future__ import annotations

from tests.bench.load import Orders
from tests.bench.processes import Row, check_recount, collector, load

AGENTS = 50
SENSORS = 100


def flood(*, per_message: int, frames: int) -> tuple[float, dict[str, float]]:
    """Samples a second and the facts behind them; both stores are counted again afterwards."""
    with collector(AGENTS) as (process, address, folder):
        orders = Orders(
            address=address, folder=str(folder), agents=AGENTS, frames=frames, per_message=per_message, sensors=SENSORS
        )
        with load(orders) as agents:
            before = process.ask("facts")
            told = agents.ask("")
            after = process.ask("recount")
    check_recount(after, frames=AGENTS * frames, records=AGENTS * (frames + 1))
    assert not told["refused"], told
    assert not told["held"], told
    facts = {
        "collector_cpu_us": (after["cpu_s"] - before["cpu_s"]) / told["frames"] * 1e6,
        "load_cpu_us": told["cpu_s"] / told["frames"] * 1e6,
        "groups": after["groups"],
        "busy_s": after["busy_s"],
        "took_s": told["took_s"],
    }
    return told["samples"] / told["took_s"], facts


def run(one: int = 3000, ten: int = 6000) -> list[Row]:
    rows = []
    for per_message, frames, bar in ((1, one, 1_000_000), (10, ten, 2_000_000)):
        rate, facts = flood(per_message=per_message, frames=frames)
        measured = (
            f"{rate:,.0f} samples/s (per frame: collector {facts['collector_cpu_us']:.0f} us,"
            f" load {facts['load_cpu_us']:.0f} us of CPU; {facts['groups']:.0f} groups, writer busy"
            f" {facts['busy_s'] / facts['took_s']:.0%})"
        )
        what = f"ingest, {SENSORS} sensors a frame, {per_message} frame{'s' * (per_message > 1)} a message, mTLS"
        rows.append(Row(what, measured, f">= {bar:,} samples/s", rate >= bar))
    return rows


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
