"""Records what FreeIPMI's ipmi-sel prints of a real ipmi_sim whose event log holds every event of `records.bin`.

python -m tests.golden.sel.record; `test_sel.py` holds the decoder of texts against the bytes that the simulator keeps.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

from hardcase_agent.sensors.devices import LanIpmi
from hardcase_agent.sensors.lan_session import LanTarget, Privilege

from tests.fakes.secrets import FileSecrets
from tests.peers.ipmi_sim import IpmiSim

HERE = Path(__file__).parent
RECORD = 16
FORMS = {
    "freeipmi.txt": (),
    "freeipmi_state.txt": ("--output-event-state",),
    "freeipmi_csv.txt": ("--comma-separated-output", "--output-event-state"),
    "freeipmi_verbose.txt": ("-vv",),
    "freeipmi_legacy.txt": ("--legacy-output",),
    "freeipmi_entities.txt": ("--entity-sensor-names", "--no-header-output"),
    "freeipmi_units.txt": ("--non-abbreviated-units", "--interpret-oem-data"),
}


CLOCK_S = 1_750_000_000
"""What the simulator's clock is set to in the middle: before that it was not set."""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "TZ": "UTC", "LC_ALL": "C"}


def fill(sim: IpmiSim) -> None:
    data = (HERE / "records.bin").read_bytes()
    for at in range(0, len(data), RECORD):
        if at // RECORD == len(data) // RECORD // 2:
            asyncio.run(set_clock(sim))
        record = data[at : at + RECORD]
        content = " ".join(f"{byte:#04x}" for byte in record[3:])
        sim.command(f"sel_add 0x20 {record[2]:#04x} {content}")


def device_of(sim: IpmiSim) -> LanIpmi:
    target = LanTarget(
        host="127.0.0.1",
        port=sim.lan_port,
        user=sim.user,
        password=f"file:{sim.password_file}",
        cipher_suite=3,
        privilege=Privilege.OPERATOR,
    )
    return LanIpmi(target, FileSecrets())


async def set_clock(sim: IpmiSim) -> None:
    device = device_of(sim)
    answer = await device.request(0x0A, 0x49, CLOCK_S.to_bytes(4, "little"), deadline_s=10)
    assert answer == b"\0"
    await device.close()


async def stored(sim: IpmiSim) -> bytes:
    """The log as the simulator keeps it: its own ids and times."""
    device = device_of(sim)
    found, following = b"", 0
    while following != 0xFFFF:
        asked = b"\0\0" + following.to_bytes(2, "little") + b"\0\xff"
        answer = await device.request(0x0A, 0x43, asked, deadline_s=10)
        following = int.from_bytes(answer[1:3], "little")
        found += answer[3:19]
    await device.close()
    return found


def record(folder: Path) -> None:
    with IpmiSim(folder / "bmc") as sim:
        fill(sim)
        (HERE / "freeipmi_stored.bin").write_bytes(asyncio.run(stored(sim)))
        config = folder / "freeipmi.conf"
        config.touch(mode=0o600)
        config.write_text(f"username {sim.user}\npassword {sim.password_file.read_text().strip()}\n")
        for name, arguments in FORMS.items():
            said = subprocess.run(
                (
                    "ipmi-sel", "--config-file", str(config), "-D", "LAN_2_0", "-W", "opensesspriv",
                    "-h", f"127.0.0.1:{sim.lan_port}", "--sdr-cache-directory", str(folder), "--quiet-cache",
                    *arguments,
                ),
                capture_output=True, check=True, timeout=120, env=ENVIRONMENT,
            )  # fmt: skip
            (HERE / name).write_bytes(said.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder))


if __name__ == "__main__":
    main()
