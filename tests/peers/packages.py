"""The packages themselves, as `make deb` and `make rpm` make them: made anew only where the sources have changed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.packages import making
from deploy.packages.product import AGENT, COLLECTOR, ROOT
from deploy.packages.staging import CannotBuild

__all__ = ["AGENT", "COLLECTOR", "newer", "package"]

OUT = ROOT / "dist"


def package(name: str, form: str = "deb", *, revision: int = 1, out: Path = OUT) -> Path:
    """Path of hardcase-agent's or hardcase-collector's package; skips where this machine cannot make it."""
    (product,) = (one for one in (AGENT, COLLECTOR) if one.name == name)
    try:
        return making.make(product, form, out, revision=revision)
    except CannotBuild as error:
        pytest.skip(str(error))


def newer(package: Path, out: Path) -> Path:
    """The same .deb under the next revision, not compressed."""
    tree = out / f"{package.stem}-tree"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(tree)], check=True, timeout=300)
    control = tree / "DEBIAN" / "control"
    text = control.read_text(encoding="utf-8")
    (version,) = (line for line in text.splitlines() if line.startswith("Version: "))
    control.write_text(text.replace(version, f"{version}+1"), encoding="utf-8")
    made = out / f"{package.stem}-newer.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(made)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    shutil.rmtree(tree)
    return made
