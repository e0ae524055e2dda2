"""A real ipmi_sim as a peer: the demo's simulated BMC (`deploy/demo/bmc.py`), skipped by name where it is missing.

with IpmiSim(tmp_path, sensors=126) as sim:
    sim.lan_port, sim.user, sim.password_file
    sim.set_reading(1, 97); sim.set_bit(0x30, 3, True); sim.set_power(False)
    sim.pause(); sim.resume(); sim.kill(); sim.start()
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.demo import bmc_files as demo
from deploy.demo.bmc import SimulatedBmc

__all__ = ["IpmiSim", "demo"]


class IpmiSim(SimulatedBmc):
    """`sensors`: how many of the standard server's (up to 126), or a list of the generator's sensors."""

    def __init__(
        self, directory: Path, sensors: int | Sequence[demo.SimSensor] = 26, *, serial: str = "RS900042"
    ) -> None:
        if shutil.which("ipmi_sim") is None:
            assert os.geteuid() != 0, "openipmi must be installed: tests/install_packages.sh does it"
            pytest.skip("needs the Debian package openipmi")
        super().__init__(directory, sensors, serial=serial)
