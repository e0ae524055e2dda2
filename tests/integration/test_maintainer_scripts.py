"""The packages' scripts, run over folders of a test's own with a systemctl that only nods."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "deploy/packages"


def remove(tmp_path: Path, side: str) -> Path:
    """Runs the prerm of a removal while the service is active. Returns the service's state folder."""
    state, nodding, systemd = tmp_path / "state", tmp_path / "bin", tmp_path / "systemd"
    for folder in (state, nodding, systemd):
        folder.mkdir(exist_ok=True)
    (nodding / "systemctl").write_text("#!/bin/sh\nexit 0\n")
    (nodding / "systemctl").chmod(0o755)
    text = (SCRIPTS / side / "prerm").read_text()
    text = text.replace(f"/var/lib/hardcase-{side}", str(state)).replace("/run/systemd/system", str(systemd))
    assert f"{state}/started" in text
    environment = {**os.environ, "PATH": f"{nodding}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", text, "prerm", "remove"], env=environment, check=True, timeout=120)
    return state


@pytest.mark.parametrize("side", ["agent", "collector"])
def test_a_removal_remembers_that_the_service_ran(tmp_path: Path, side: str) -> None:
    assert (remove(tmp_path, side) / "started").exists()
    assert (remove(tmp_path, side) / "started").exists()


@pytest.mark.parametrize("side", ["agent", "collector"])
def test_a_removal_follows_no_link_that_the_service_laid(tmp_path: Path, side: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/started").symlink_to(tmp_path / "nologin")
    remove(tmp_path, side)
    assert not (tmp_path / "nologin").exists()
