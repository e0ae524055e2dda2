"""Records what ipmitool and FreeIPMI print of an ipmi_sim in trouble, and how that decodes.

python -m tests.golden.ipmi_text.record; `test_ipmi_text.py` holds the decoders against it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture

from tests.golden.ipmi.record import failing
from tests.peers.ipmi_sim import IpmiSim

HERE = Path(__file__).parent
IPMITOOL = {
    "sdr.txt": ("sdr",),
    "elist.txt": ("sdr", "elist", "all"),
    "elist-csv.txt": ("-c", "sdr", "elist"),
    "sensor.txt": ("sensor",),
    "verbose.txt": ("-v", "sdr"),
    "mc-info.txt": ("mc", "info"),
}
FREEIPMI = {
    "freeipmi.txt": ("--output-sensor-state", "--output-sensor-thresholds"),
    "freeipmi-csv.txt": ("--comma-separated-output", "--output-sensor-state"),
    "freeipmi-entities.txt": ("--entity-sensor-names", "--no-header-output"),
    "freeipmi-legacy.txt": ("--legacy-output",),
    "freeipmi-verbose.txt": ("-v",),
}


def rendered(name: str, data: bytes) -> list[str]:
    """What a text decodes to, a line each: id, part, what it says."""
    kind = "ipmi-sdr" if name.endswith(".sdr") else "ipmitool"
    lines = []
    for line in (decoding.line_of(one) for one in decoding.decode(kind, Capture(name, {"": data}))):
        if line["type"] == "reading":
            sensor, part = line["sensor"], line["part"]
            said = line.get("value", line.get("states", line.get("gap")))
            limits = {key: value for key, value in line.get("limits", {}).items() if key != "source"}
            place = f"{part['class']} {part['slot']}"
            what = f"{sensor['kind']} {sensor['quantity']}".strip()
            lines.append(f"{sensor['id']} | {place} | {what} | {said} {sensor['unit']} | {limits}")
        elif line["type"] == "part":
            lines.append(f"part | {line['class']} {line['slot']} | {line['model']} {line['firmware']}")
        else:
            lines.append(f"{line['kind']} at {line['at']}: {line['message']}")
    return lines


def record(folder: Path) -> None:
    with IpmiSim(folder / "bmc") as sim:
        failing(sim)
        login = ("-H", "127.0.0.1", "-p", str(sim.lan_port), "-U", sim.user, "-f", str(sim.password_file))
        for name, arguments in IPMITOOL.items():
            said = subprocess.run(
                ("ipmitool", "-I", "lanplus", "-C", "3", *login, *arguments),
                capture_output=True,
                check=False,
                timeout=60,
            )
            (HERE / name).write_bytes(said.stdout)
        dump = folder / "dump.sdr"
        subprocess.run(
            ("ipmitool", "-I", "lanplus", "-C", "3", *login, "sdr", "dump", str(dump)), check=True, timeout=60,
            capture_output=True,
        )  # fmt: skip
        (HERE / "dump.sdr").write_bytes(dump.read_bytes())
        config = folder / "freeipmi.conf"
        config.write_text(f"username {sim.user}\npassword {sim.password_file.read_text().strip()}\n")
        config.chmod(0o600)
        for name, arguments in FREEIPMI.items():
            said = subprocess.run(
                (
                    "ipmi-sensors", "--config-file", str(config), "-D", "LAN_2_0", "-W", "opensesspriv",
                    "-h", f"127.0.0.1:{sim.lan_port}", "--sdr-cache-directory", str(folder), "--quiet-cache",
                    *arguments,
                ),
                capture_output=True, check=False, timeout=60,
            )  # fmt: skip
            (HERE / name).write_bytes(said.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder))
    captures = sorted(path for path in HERE.iterdir() if path.suffix in (".txt", ".sdr"))
    expected = {path.name: rendered(path.name, path.read_bytes()) for path in captures}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
