"""`hardcase-agent probe` as a script calls it: what it prints, and the status it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.peers.ipmi_sim import IpmiSim

REST = "[smart]\ninclude = []\n[arrays]\ntools = []\n[host]\n"


def probe(folder: Path, table: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = folder / "agent.toml"
    config.write_text(f'state_dir = "{folder / "state"}"\n[helper]\nsocket = ""\n{table}{REST}')
    command = [sys.executable, "-m", "hardcase_agent", "--config", str(config), "probe", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def bmc(sim: IpmiSim) -> str:
    return (
        f'[ipmi]\nlocal = "false"\n[ipmi.profiles.lab]\nuser = "{sim.user}"\npassword = "file:{sim.password_file}"\n'
        f'cipher_suite = 3\n[[ipmi.bmc]]\nhost = "127.0.0.1"\nport = {sim.lan_port}\nprofile = "lab"\n'
    )


def test_a_bmc_that_answers_is_good(tmp_path: Path) -> None:
    with IpmiSim(tmp_path / "bmc", 4) as sim:
        ran = probe(tmp_path, bmc(sim))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "CPU 1 Temp" in ran.stdout


def test_a_bmc_that_hangs_is_named_and_the_status_says_so(tmp_path: Path) -> None:
    with IpmiSim(tmp_path / "bmc", 4) as sim:
        sim.pause()
        ran = probe(tmp_path, bmc(sim), "--json")
        sim.resume()
    assert ran.returncode == 1
    assert ran.stderr == f"hardcase-agent: nothing was read from ipmi@127.0.0.1:{sim.lan_port}\n"
    said = {one["source"]: one for one in json.loads(ran.stdout)}
    assert "no answer" in said[f"ipmi.analogue@127.0.0.1:{sim.lan_port}"]["error"]
    assert said["host.filesystems@local"]["sensors"]


def test_the_statuses_are_in_the_help(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hardcase_agent", "probe", "--help"]
    said = " ".join(subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout.split())
    assert "exit status: 0 every device that may be asked said something, 1 at least one said nothing" in said
