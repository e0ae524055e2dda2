"""A real ipmi_sim as a peer: the demo's simulated BMC (`deploy/demo/bmc.py`), skipped by name where it is missing.

with IpmiSim(tmp_path, sensors=126) as sim:
    sim.lan_port, sim.user, sim.password_file
    sim.set_reading(1, 97); sim.set_bit(0x30, 3, True); sim.set_power(False)
    sim.pause(); sim.resume(); sim.kill(); sim.start()
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

# The demo is a folder of scripts, not a package.
sys.path.append(str(Path(__file__).resolve().parents[2] / "deploy" / "demo"))

runner: Any = import_module("bmc")
demo: Any = import_module("bmc_files")
"""The generator's module: `Analogue`, `Discrete`, `server_sensors`, `full_sdr`, `compact_sdr`, `fru_image`."""


class IpmiSim(runner.SimulatedBmc):  # type: ignore[misc]  # the demo is no package: its types are not seen from here
    """`sensors`: how many of the standard server's (up to 126), or a list of the generator's sensors."""

    def __init__(self, directory: Path, sensors: int | Sequence[Any] = 26, *, serial: str = "RS900042") -> None:
        if shutil.which("ipmi_sim") is None:
            assert os.geteuid() != 0, "openipmi must be installed: tests/install_packages.sh does it"
            pytest.skip("needs the Debian package openipmi")
        super().__init__(directory, sensors, serial=serial)
