"""The real snmpsim playing a UPS (UPS-MIB) and a switch with sensors (ENTITY-SENSOR-MIB), from data written here.

The v2c community, and the v3 context, is the name of the device: `ups`, `rack`, `plain`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.snmp_peer import free_udp_port, stop, wait_for_answer

USER, AUTH_SECRET, PRIV_SECRET = "simuser", "authpass123", "privpass123"

INTEGER, OCTETS, OBJECT, COUNTER, GAUGE, TICKS = "2", "4", "6", "65", "66", "67"
Rows = dict[str, tuple[str, str]]
"""OID -> (snmprec tag, value)."""


def system_rows(description: str, object_id: str, name: str) -> Rows:
    group = "1.3.6.1.2.1.1"
    return {
        f"{group}.1.0": (OCTETS, description),
        f"{group}.2.0": (OBJECT, object_id),
        f"{group}.3.0": (TICKS, "123456"),
        f"{group}.5.0": (OCTETS, name),
    }


def ups_rows() -> Rows:
    """A UPS on battery: 21 minutes left, 74 %, output from battery, alarms on-battery and input-bad."""
    ups = "1.3.6.1.2.1.33.1"
    rows = system_rows("UPS network card", "1.3.6.1.4.1.534.1", "ups1")
    rows |= {
        f"{ups}.1.1.0": (OCTETS, "EATON"),
        f"{ups}.1.2.0": (OCTETS, "9PX 3000"),
        f"{ups}.1.3.0": (OCTETS, "02.14"),
        f"{ups}.2.1.0": (INTEGER, "2"),
        f"{ups}.2.2.0": (INTEGER, "35"),
        f"{ups}.2.3.0": (INTEGER, "21"),
        f"{ups}.2.4.0": (INTEGER, "74"),
        f"{ups}.2.5.0": (INTEGER, "825"),
        f"{ups}.2.6.0": (INTEGER, "-12"),
        f"{ups}.2.7.0": (INTEGER, "29"),
        f"{ups}.3.3.1.2.1": (INTEGER, "0"),
        f"{ups}.3.3.1.3.1": (INTEGER, "3"),
        f"{ups}.4.1.0": (INTEGER, "5"),
        f"{ups}.4.2.0": (INTEGER, "500"),
        f"{ups}.4.4.1.2.1": (INTEGER, "230"),
        f"{ups}.4.4.1.3.1": (INTEGER, "41"),
        f"{ups}.4.4.1.4.1": (INTEGER, "940"),
        f"{ups}.4.4.1.5.1": (INTEGER, "34"),
        f"{ups}.6.1.0": (GAUGE, "2"),
        f"{ups}.6.2.1.2.1": (OBJECT, f"{ups}.6.3.2"),
        f"{ups}.6.2.1.2.2": (OBJECT, f"{ups}.6.3.6"),
    }
    return rows


_ENTITY_SENSORS = (
    # index, name, type, scale, precision, value, status
    (1001, "Inlet temperature", 8, 9, 1, 234, 1),
    (1002, "Fan 1", 10, 9, 0, 8426, 1),
    (1003, "PSU 1 input", 3, 8, 0, 229_800, 1),
    (1004, "PSU 2 input", 3, 8, 0, 0, 2),
    (1005, "Fan 2", 10, 9, 0, 0, 3),
)


def entity_rows() -> Rows:
    """A chassis with five sensors: scaled, unavailable, nonoperational."""
    entity, sensor = "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.2.1.99.1.1.1"
    rows = system_rows("Lab switch 48p", "1.3.6.1.4.1.30065.1.1", "sw01")
    rows |= {
        f"{entity}.2.1": (OCTETS, "Lab chassis"),
        f"{entity}.5.1": (INTEGER, "3"),
        f"{entity}.7.1": (OCTETS, "Chassis"),
        f"{entity}.11.1": (OCTETS, "JPE12345678"),
        f"{entity}.12.1": (OCTETS, "Arista"),
        f"{entity}.13.1": (OCTETS, "DCS-7050"),
    }
    for index, name, kind, scale, precision, value, status in _ENTITY_SENSORS:
        rows[f"{entity}.7.{index}"] = (OCTETS, name)
        for column, number in enumerate((kind, scale, precision, value, status), start=1):
            rows[f"{sensor}.{column}.{index}"] = (INTEGER, str(number))
    return rows


def plain_rows() -> Rows:
    """Answers, and knows nothing of hardware."""
    return system_rows("Some appliance", "1.3.6.1.4.1.99999.1", "box")


@dataclass
class Snmpsim:
    port: int
    data: Path
    process: subprocess.Popen[bytes]


def write_device(data: Path, name: str, rows: Mapping[str, tuple[str, str]]) -> None:
    ordered = sorted(rows.items(), key=lambda row: tuple(map(int, row[0].split("."))))
    text = "".join(f"{oid}|{tag}|{value}\n" for oid, (tag, value) in ordered)
    (data / f"{name}.snmprec").write_text(text)


@contextmanager
def snmpsim(folder: Path, devices: Mapping[str, Rows] | None = None) -> Iterator[Snmpsim]:
    data = folder / "data"
    data.mkdir(parents=True)
    for name, rows in (devices or {"ups": ups_rows(), "rack": entity_rows(), "plain": plain_rows()}).items():
        write_device(data, name, rows)
    write_device(data, "public", plain_rows())
    port = free_udp_port()
    command = [
        str(Path(sys.executable).with_name("snmpsim-command-responder")),
        f"--data-dir={data}",
        f"--cache-dir={folder / 'cache'}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        "--quiet",
        "--log-level=error",
        f"--logging-method=file:{folder / 'sim.log'}",
        f"--v3-user={USER}",
        f"--v3-auth-key={AUTH_SECRET}",
        "--v3-auth-proto=SHA256",
        f"--v3-priv-key={PRIV_SECRET}",
        "--v3-priv-proto=AES",
    ]
    if os.geteuid() == 0:
        # As root it wants to be told a user; another one might not be able to read this interpreter.
        command += ["--process-user=root", "--process-group=root"]
    (folder / "cache").mkdir()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_answer(port, "public", process)
        yield Snmpsim(port=port, data=data, process=process)
    finally:
        stop(process)
