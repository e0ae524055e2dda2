"""Memory of the collector with thousands of open mTLS streams."""

from __future__ import annotations

import resource

from tests.bench.load import Orders
from tests.bench.processes import Row, collector, load


def run(streams: int = 5000) -> list[Row]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < streams + 500:
        return [Row(f"{streams} open streams", f"skipped: at most {hard} open files are allowed here", "<= 800 MB")]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with collector(streams) as (process, address, folder):
        empty = process.ask("facts")["rss_mb"]
        orders = Orders(address=address, folder=str(folder), agents=streams, frames=0, sensors=1, idle=True)
        with load(orders):
            facts = process.ask("facts")
    assert facts["streams"] == streams, facts
    return [
        Row(
            f"collector with {streams} open streams, mTLS",
            f"RSS {facts['rss_mb']:.0f} MB ({empty:.0f} MB without them)",
            "<= 800 MB",
            facts["rss_mb"] <= 800,
        )
    ]


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
