"""Records the golden BMCs from ipmi_sim. What changes in an `expected.json` is read through by a person."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from hardcase_agent.sensors.devices import LanIpmi
from hardcase_agent.sensors.lan_session import LanTarget

from tests.fakes.secrets import FileSecrets
from tests.golden.ipmi.replay import Recorder, read, rendered
from tests.integration.ipmi_rig import local_sources
from tests.peers.ipmi_sim import IpmiSim

HERE = Path(__file__).parent


def healthy(sim: IpmiSim) -> None:
    return None


def failing(sim: IpmiSim) -> None:
    """A supply without input, a processor above its limits, a disk about to fail, a fan below its limit."""
    sim.set_bit(0x30, 3, True)
    sim.set_bit(0x32, 0, False)
    sim.set_bit(0x32, 1, True)
    sim.set_reading(1, 97)
    sim.set_bit(0x43, 2, True)
    sim.set_bit(0x41, 1, True)
    sim.set_reading(0x13, 8)
    sim.command("sensor_set_event_support 0x20 0 4 enable no-scanning per-state" + " 000000000000000" * 4)
    sim.set_bit(0x30, 3, False)


BMCS: dict[str, Callable[[IpmiSim], None]] = {"ipmi-sim-healthy": healthy, "ipmi-sim-failing": failing}


async def record(name: str, happens: Callable[[IpmiSim], None], folder: Path) -> None:
    with IpmiSim(folder / "bmc") as sim:
        happens(sim)
        target = LanTarget(host="127.0.0.1", port=sim.lan_port, user=sim.user, password=f"file:{sim.password_file}")
        recorder = Recorder(LanIpmi(target, FileSecrets()))
        sources = local_sources(recorder, folder / "state")
        sweeps = await read(sources, recorder.clock)
        await sources.close()
    golden = HERE / name
    golden.mkdir(exist_ok=True)
    (golden / "capture.json").write_text(json.dumps(recorder.said, indent=1) + "\n")
    (golden / "expected.json").write_text(json.dumps(rendered(sweeps), indent=1) + "\n")


def main() -> None:
    for name, happens in BMCS.items():
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(record(name, happens, Path(folder)))


if __name__ == "__main__":
    main()
