"""One sweep of 126 sensors over LAN (RMCP+, suite 3) against `ipmi-sensors` with a warm cache, in turns in one run.

Ours is both sources of a running agent, analogue and discrete with chassis power; theirs is what the exporters start at
every scrape: the whole process, with log-in.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from hardcase_agent.domain.reading import Gap

from tests.bench.processes import Row
from tests.integration.ipmi_rig import Sources, lan_sources, sweep
from tests.peers.ipmi_sim import IpmiSim

SENSORS = 126
TURNS = 25


async def ours(sources: Sources) -> float:
    """Milliseconds of one sweep of every sensor."""
    begun = time.perf_counter()
    sweeps = [await sweep(sources.analogue), await sweep(sources.discrete)]
    took = (time.perf_counter() - begun) * 1000
    readings = [reading for swept in sweeps for reading in swept.readings]
    assert len(readings) == SENSORS + 1
    assert not any(isinstance(reading, Gap) for reading in readings)
    return took


def theirs(sim: IpmiSim, folder: Path) -> float:
    """Milliseconds of one `ipmi-sensors`."""
    # The password goes through a configuration file, as the exporters do it.
    configuration = folder / "freeipmi.conf"
    if not configuration.exists():
        configuration.touch(mode=0o600)
        configuration.write_text(f"username {sim.user}\npassword {sim.password}\nprivilege-level USER\n")
    begun = time.perf_counter()
    done = subprocess.run(
        ["ipmi-sensors", "--config-file", str(configuration), "-D", "LAN_2_0", "-W", "opensesspriv",
         "-h", f"127.0.0.1:{sim.lan_port}", "--quiet-cache", "--sdr-cache-directory", str(folder)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    took = (time.perf_counter() - begun) * 1000
    assert len(done.stdout.splitlines()) > SENSORS, done.stdout + done.stderr
    return took


async def measure(sim: IpmiSim, folder: Path) -> tuple[list[float], list[float]]:
    sources = lan_sources(sim.lan_port, sim.password_file, folder / "state")
    await ours(sources)
    theirs(sim, folder)
    pairs = [(await ours(sources), theirs(sim, folder)) for _ in range(TURNS)]
    await sources.close()
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def run() -> list[Row]:
    if shutil.which("ipmi-sensors") is None or shutil.which("ipmi_sim") is None:
        return [Row("IPMI sweep", "needs the Debian packages openipmi and freeipmi-tools", "<= 1.0", False)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with IpmiSim(folder / "bmc", SENSORS) as sim:
            mine, other = asyncio.run(measure(sim, folder))
    ratio = statistics.median(mine) / statistics.median(other)
    measured = (
        f"{ratio:.2f} ({statistics.median(mine):.1f} ms, best {min(mine):.1f};"
        f" ipmi-sensors {statistics.median(other):.1f} ms, best {min(other):.1f})"
    )
    what = f"one sweep of {SENSORS} IPMI sensors over LAN / ipmi-sensors with a warm cache"
    return [Row(what, measured, "<= 1.0", ratio <= 1.0)]


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
